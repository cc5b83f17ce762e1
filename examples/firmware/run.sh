#!/bin/sh
# From a bare Debian machine to firmware that learns on emulated cores: installs
# what is missing, builds thimble, and builds and runs this project for each
# core, and for this machine, which must learn the same.
#
#   run.sh [CORE]...      cortex-m4, cortex-m55, rv32imafc; all without one
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
build=${BUILD_DIR:-$top/build}
. "$top/examples/setup.sh"
[ $# -gt 0 ] || set -- cortex-m4 cortex-m55 rv32imafc

need_packages firmware
cmake -S "$top" -B "$build" -G Ninja -DTHIMBLE_TESTS=OFF >/dev/null
ninja -C "$build" thimble >"$build/log" 2>&1 || { cat "$build/log"; exit 1; }
cmake --install "$build" --prefix "$build/installed" >/dev/null
. "$here/build.sh"

for core in host "$@"; do
	echo "$core"
	firmware_build "$core" "$build/firmware/$core" "$build/installed"
	firmware_run "$build/firmware/$core" | tee "$build/firmware/$core.log"
done
for core; do
	firmware_same "$build/firmware/host.log" "$build/firmware/$core.log"
done
echo "the same losses and weights on all"
