#!/bin/sh
# Installs the build into an empty place and uses it from a project of its own,
# as a user does.
#
#   package.sh BUILD_DIR
set -e
build=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --prefix "$work/prefix" >"$work/log"
"$work/prefix/bin/thimble" --version >>"$work/log"
cp "$here/models/parity/mlp-sgd.onnx" "$work/model.onnx"
cmake -S "$here/package" -B "$work/build" -DMODEL="$work/model.onnx" \
	-DCMAKE_PREFIX_PATH="$work/prefix" >>"$work/log"
cmake --build "$work/build" >>"$work/log" 2>&1 || {
	cat "$work/log"
	exit 1
}
"$work/build/firmware"
[ -s "$work/build/frozen/frozen_weights.bin" ]

# Nothing to do the second time; a new model is compiled again.
cmake --build "$work/build" >"$work/log"
! grep -q Compiling "$work/log"
touch "$work/model.onnx"
cmake --build "$work/build" >"$work/log"
grep -q Compiling "$work/log"
