#!/bin/sh
# From a bare Debian machine to a model trained on it: installs what is missing,
# builds thimble, compiles the bundled gesture model, trains it on the bundled
# data, and leaves the emitted C and the report in build/quickstart.
#
#   quickstart.sh [CMAKE ARGUMENT]...
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
build=${BUILD_DIR:-$top/build}
. "$top/examples/setup.sh"

need_packages build
cmake -S "$top" -B "$build" -G Ninja -DTHIMBLE_TESTS=OFF "$@" >/dev/null
ninja -C "$build" thimble >"$build/log" 2>&1 || { cat "$build/log"; exit 1; }

gestures=$top/examples/gestures
out=$build/quickstart
mkdir -p "$out"
set -- --loss cross-entropy --optimizer momentum:lr=0.05,weight_decay=1e-4
set -x
"$build/thimble" compile "$gestures/gestures.onnx" -o "$out/c" "$@"
"$build/thimble" train "$gestures/gestures.onnx" "$@" \
	--data "$gestures/train-x.npy,$gestures/train-y.npy" \
	--val-data "$gestures/test-x.npy,$gestures/test-y.npy" \
	--scale 0.03125 --epochs 15 --lr-schedule cosine --seed 1 --log "$out/loss.csv" \
	-o "$out/gestures.safetensors" --export "$out/gestures-trained.onnx"
