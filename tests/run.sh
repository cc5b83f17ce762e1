#!/bin/sh
# Installs what the tests need, builds, and runs them all: once as users build
# thimble, once with AddressSanitizer and UndefinedBehaviorSanitizer.
#
#   tests/run.sh [CTEST ARGUMENT]...
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
build=${BUILD_DIR:-$top/build}
. "$top/examples/setup.sh"

need_packages tests
strict=-DCMAKE_COMPILE_WARNING_AS_ERROR=ON
cmake -S "$top" -B "$build/asan" -G Ninja "$strict" -DTHIMBLE_SANITIZE=ON \
	>/dev/null
ninja -C "$build/asan"
cmake -S "$top" -B "$build" -G Ninja "$strict" -DTHIMBLE_TESTS=ON >/dev/null
ninja -C "$build"
jobs=$(nproc)
(cd "$build/asan" && ctest -j"$jobs" --output-on-failure -L sanitize "$@")
cd "$build" && exec ctest -j"$jobs" --output-on-failure "$@"
