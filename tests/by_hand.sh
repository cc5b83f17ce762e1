#!/bin/sh
# The emitted C, built by hand by two compilers under strict warnings, trains the
# bundled model to a useful accuracy without help from thimble.
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
