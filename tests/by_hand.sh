#!/bin/sh
# The emitted C, built by hand by two compilers under strict warnings, trains the
# bundled model to a useful accuracy without help from thimble; also when it is
# fed its samples one by one, to the same loss as when it is fed them all at once.
#
#   by_hand.sh THIMBLE SOURCE_DIR
set -eu
thimble=$1
gestures=$2/examples/gestures
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
strict="-std=c99 -pedantic -Wall -Wextra -Wconversion -Wshadow -Werror"

for target in host generic; do
	"$thimble" compile "$gestures/gestures.onnx" -o "$work/$target" \
		--loss cross-entropy --optimizer momentum --target $target >/dev/null
	for cc in gcc clang; do
		echo "$target, $cc"
		$cc $strict -O2 -I"$work/$target" -o "$work/main" \
			"$gestures/main.c" "$work/$target/gestures.c" \
			"$work/$target/gestures_weights.c" -lm
		(cd "$gestures" && "$work/main" | tail -1)
		(cd "$gestures" && "$work/main" >/dev/null)
	done
done

# feed NAME OPTION...: compiles for feeding with the options, trains, and leaves
# what was printed in NAME.
feed() {
	name=$1
	shift
	"$thimble" compile "$gestures/gestures.onnx" -o "$work/$name.d" --feed \
		--loss cross-entropy --optimizer momentum "$@" >/dev/null
	for cc in gcc clang; do
		echo "$name, $cc"
		$cc $strict -O2 -I"$work/$name.d" -o "$work/main" \
			"$gestures/feed.c" "$work/$name.d/gestures.c" \
			"$work/$name.d/gestures_weights.c" -lm
		(cd "$gestures" && "$work/main") | tee "$work/$name"
		(cd "$gestures" && "$work/main" >/dev/null)
	done
}

feed fed-whole --target generic
feed fed-parts --target generic --micro-batch 1
# In parts, sums over the batch are added up in another order.
close='{ d = $2 - $4; if (NR == 1) l = d; else exit !(l - d < 0.01 && d - l < 0.01) }'
cat "$work/fed-whole" "$work/fed-parts" | awk "$close"
