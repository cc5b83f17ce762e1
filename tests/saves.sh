#!/bin/sh
# What a device saves and what thimble reads and makes are the same: training here
# goes on there (examples/gestures/keep.c) and back here, bit by bit.
#
#   saves.sh THIMBLE SOURCE_DIR
set -eu
thimble=$1
gestures=$2/examples/gestures
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
model=$gestures/gestures.onnx
cd "$gestures"

fail() {
	echo "saves.sh: $1" >&2
	exit 1
}

train() {
	"$thimble" train "$model" --data train-x.npy,train-y.npy --scale 1/32 \
		--loss cross-entropy --optimizer momentum:lr=0.02 --no-shuffle \
		--executor interpreter "$@" >/dev/null 2>"$work/err"
}

# refuse WORDS COMMAND...
refuse() {
	words=$1
	shift
	if "$@" >/dev/null 2>"$work/err"; then
		fail "'$words' is not refused"
	fi
	grep -q "$words" "$work/err" || fail "'$words' is not what it says"
}

# Here: three steps, or two and then one; a save is the weights, and more.
train --steps 3 -o "$work/3.st" --save "$work/3.bin"
"$thimble" export "$model" "$work/3.st" -o "$work/3.onnx"
"$thimble" export "$model" "$work/3.bin" -o "$work/3b.onnx"
cmp "$work/3.onnx" "$work/3b.onnx" || fail "a save has other weights"
train --steps 3 --resume "$work/3.bin" --save "$work/again.bin"
cmp -s "$work/3.bin" "$work/again.bin" && fail "resuming trains nothing"
train --steps 3 --save "$work/page.bin" --page 256
"$thimble" export "$model" "$work/page.bin" -o "$work/page.onnx"
cmp "$work/3.onnx" "$work/page.onnx" || fail "a page is another save"

# Whatever the optimizer keeps: two epochs, or one and then one.
epochs() {
	"$thimble" train "$model" --data train-x.npy,train-y.npy --scale 1/32 \
		--loss cross-entropy --no-shuffle --batch 16 --epochs "$@" \
		>/dev/null 2>"$work/err"
}
resumes() {
	epochs 2 "$@" --save "$work/both.bin"
	epochs 1 "$@" --save "$work/one.bin"
	cmp -s "$work/one.bin" "$work/both.bin" && fail "$* learns nothing"
	epochs 1 "$@" --resume "$work/one.bin" --save "$work/two.bin"
	cmp "$work/two.bin" "$work/both.bin" || fail "$* goes on otherwise"
}
resumes --optimizer adam --low-rank 2,form=factors,refresh=7
resumes --optimizer momentum --low-rank 2,form=mofasgd
resumes --optimizer sgd --low-rank 2,form=streaming,refresh=7
resumes --optimizer adam --sketch 0.3,clean=7 --sketch-first-moment
resumes --optimizer rmsprop --sketch 0.3
resumes --optimizer momentum --sketch 0.3,seed=7
epochs 1 --optimizer momentum --sketch 0.3 --resume "$work/both.bin"
grep -q "no state of the optimizer, which begins anew" "$work/err" ||
	fail "a sketch by other hashes is taken for one by these"
resumes --optimizer adam8bit
resumes --optimizer adafactor
resumes --optimizer sm3

# There: it begins with what was made here, and saves in slots in turn; the
# newest is found wherever in a dump it is.
"$thimble" compile "$model" -o "$work/out" --loss cross-entropy \
	--optimizer momentum:lr=0.02 --target generic >/dev/null
cc -std=c99 -pedantic -Wall -Wextra -Wconversion -Wshadow -Werror -O1 \
	-I"$work/out" -o "$work/keep" keep.c "$work/out/gestures.c" \
	"$work/out/gestures_weights.c" -lm
cp "$work/3.bin" "$work/flash.bin"
for begin in 3 23 43; do
	"$work/keep" "$work/flash.bin" >"$work/said"
	grep -q "begins at step $begin\$" "$work/said" || fail "step $begin"
done
grep -q "save 4, in slot 3 of 5" "$work/said" || fail "$(cat "$work/said")"
(printf 'before it'; cat "$work/flash.bin") >"$work/dump.bin"
"$thimble" export "$model" "$work/flash.bin" -o "$work/a.onnx"
"$thimble" export "$model" "$work/dump.bin" -o "$work/b.onnx"
cmp "$work/a.onnx" "$work/b.onnx" || fail "a dump has other weights"
cmp -s "$work/a.onnx" "$work/3.onnx" && fail "nothing was learned there"

# What is kept beside the weights outlives the power: two runs there, or as many
# steps in one, and 20 steps more.
sed 's/if (!train(k) ||/if (!train(k) || !train(k) ||/' keep.c >"$work/both.c"
outlives() {
	"$thimble" compile "$model" -o "$work/thin" --loss cross-entropy \
		--target generic "$@" >/dev/null
	for program in "$work/both" keep; do
		cc -std=c99 -O1 -I"$work/thin" -o "$work/thin/${program##*/}" \
			"$program.c" "$work/thin/gestures.c" \
			"$work/thin/gestures_weights.c" -lm
	done
	rm -f "$work/cut.bin" "$work/whole.bin"
	"$work/thin/both" "$work/whole.bin" >/dev/null
	for run in 1 2 3; do
		"$work/thin/keep" "$work/cut.bin" >"$work/said"
	done
	"$work/thin/keep" "$work/whole.bin" >"$work/whole"
	step=$(grep '^step 60: ' "$work/said") || fail "$* ends elsewhere"
	grep -q "^$step\$" "$work/whole" || fail "$* is not all saved"
	"$thimble" export "$model" "$work/cut.bin" -o "$work/cut.onnx"
	"$thimble" export "$model" "$work/whole.bin" -o "$work/whole.onnx"
	cmp "$work/cut.onnx" "$work/whole.onnx" || fail "$* is not all saved"
}
outlives --optimizer adam --low-rank 2:6.weight --sketch 0.3:12.weight \
	--sketch-first-moment
outlives --optimizer sgd --low-rank 2,form=streaming,refresh=7

# And back: the newest step, also with what an optimizer here does not need.
train --steps 1 --resume "$work/flash.bin" --save "$work/64.bin"
"$work/keep" "$work/64.bin" | grep -q "begins at step 64$" || fail "step 64"
train --steps 1 --optimizer sgd --resume "$work/flash.bin"
train --steps 1 --optimizer adam --resume "$work/flash.bin"
grep -q "no state of the optimizer" "$work/err" || fail "no warning"

# What is none is refused, and nothing is left of it.
size=$(wc -c <"$work/3.bin")
head -c $((size - 200)) "$work/3.bin" >"$work/short.bin"
refuse "no whole save" "$thimble" export "$model" "$work/short.bin" \
	-o "$work/none.onnx"
refuse "of another model" "$thimble" export \
	"$2/tests/models/parity/dense-one.onnx" "$work/3.bin" -o "$work/none.onnx"
refuse "not a safetensors" "$thimble" export "$model" keep.c \
	-o "$work/none.onnx"
refuse "no whole save" train --steps 1 --resume "$work/short.bin"
refuse "no whole save" train --steps 1 --resume keep.c
# Heads upon heads, none of them of parts that are whole: given up in time.
tail -c +65 "$work/short.bin" | head -c 64 >"$work/heads"
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do
	cat "$work/heads" "$work/heads" >"$work/more"
	mv "$work/more" "$work/heads"
done
cat "$work/heads" "$work/short.bin" "$work/short.bin" >"$work/many.bin"
refuse "no whole save" timeout 5 "$thimble" export "$model" \
	"$work/many.bin" -o "$work/none.onnx"
[ ! -e "$work/none.onnx" ] || fail "a failing export leaves a file"
