#!/bin/sh
# Installs what the tests need, builds, and runs them all: as users build thimble,
# with AddressSanitizer and UndefinedBehaviorSanitizer, or both.
#
#   tests/run.sh [CTEST ARGUMENT]...
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
build=${BUILD_DIR:-$top/build}
. "$top/examples/setup.sh"

strict=-DCMAKE_COMPILE_WARNING_AS_ERROR=ON
# From nothing, with no more packages than it says; what it builds is not built
# again.
sh "$top/examples/quickstart.sh" "$strict"
need_packages tests
cmake -S "$top" -B "$build" -G Ninja "$strict" -DTHIMBLE_TESTS=ON >/dev/null
ninja -C "$build"
cmake -S "$top" -B "$build/asan" -G Ninja "$strict" -DTHIMBLE_SANITIZE=ON \
	-DTHIMBLE_RUNTIME_FROM="$build" >/dev/null
ninja -C "$build/asan"
jobs=$(nproc)
(cd "$build/asan" && ctest -j"$jobs" --output-on-failure -L sanitize "$@")
cd "$build" && exec ctest -j"$jobs" --output-on-failure -LE once "$@"
