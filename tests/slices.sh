#!/bin/sh
# Training in slices, from outside: with data as arguments and fed, the batch at
# once and in parts.
#
#   slices.sh THIMBLE SOURCE_DIR
set -eu
thimble=$1
source=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# check DEFINE OPTION...: the program's number of slices. FORM: what the sliced
# one is.
check() {
	define=$1
	shift
	rm -rf "${work:?}"/*
	for name in whole sliced; do
		slices=
		[ $name = whole ] || slices="--slices --emit ${FORM:-c}"
		"$thimble" compile "$source/examples/gestures/gestures.onnx" \
			--name=$name $slices -o "$work" --loss cross-entropy \
			--optimizer momentum --batch 16 "$@" >/dev/null
	done
	cc -std=c99 -Wall -Wextra -Werror -O1 "-D$define" -I"$work" \
		-o "$work/main" "$source/tests/slices/main.c" \
		$(ls "$work"/*.[co]) -lm
	"$work/main"
}

whole=$(check GIVEN)
parts=$(check GIVEN --micro-batch 4 --target cortex-m4)
fed=$(check FED --feed --micro-batch 2)
if "$thimble" compile "$source/examples/gestures/gestures.onnx" \
		-o "$work/o" --emit obj >/dev/null 2>&1; then
	FORM=obj check GIVEN --target generic
	FORM=obj check FED --feed --micro-batch 2 --target generic
fi
echo "slices: $whole, in 4 parts $parts, fed in 8 parts $fed"
[ "$whole" -gt 40 ]
[ "$parts" -gt "$whole" ]
[ "$fed" -gt "$parts" ]
