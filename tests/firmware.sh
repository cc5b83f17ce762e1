#!/bin/sh
# examples/firmware on this machine and on every emulated core whose compiler
# and emulator are there: the same losses, the same weights; it says so if the
# RAM is too small; nothing of a hosted C library gets in.
#
#   firmware.sh BUILD_DIR SOURCE_DIR
set -eu
build=$1
here=$2/examples/firmware
. "$here/build.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
	echo "FAIL: $*"
	exit 1
}

# The global names that an image or object defines.
defined() {
	"${tools}nm" --defined-only --extern-only "$1" | sed 's/.* //'
}

check_core() {
	tools=$2 dir=$work/$1
	firmware_build "$1" "$dir" "$work/prefix"
	firmware_run "$dir" >"$dir.log" || fail "$1 does not learn"
	firmware_same "$work/host.log" "$dir.log" ||
		fail "$1 learns something else"
	defined "$dir/firmware.elf" >"$work/names"
	grep -qx main "$work/names" || fail "nm does not list main"
	! grep -x -e malloc -e printf -e _sbrk -e _write "$work/names" ||
		fail "$1: the image has that"
	for object in "$dir"/CMakeFiles/firmware.dir/gestures/*.o*; do
		defined "$object" >"$work/names"
		grep -q '^gestures_' "$work/names" || fail "$object is empty"
		! grep -v '^gestures_' "$work/names" ||
			fail "$1: $object defines that"
	done
	check_stack "$1"
	cores="$cores $1"
}

# The deepest chain that the compiler noted is the one that ran; main and what
# it calls take the rest.
check_stack() {
	noted=$(sed -n 's/ gestures_train_slice: .*//p' \
		"$dir/gestures/gestures.stack.txt")
	used=$(sed -n 's/^.*stack \([0-9]*\) bytes$/\1/p' "$dir.log")
	[ "$used" -gt $((noted * 3 / 4)) ] && [ "$used" -lt $((noted + 256)) ] ||
		fail "$1 used $used bytes of stack, gcc noted $noted"
}

# The model is told of more RAM than there is.
check_budget() {
	if firmware_build "$1" "$work/small" "$work/prefix" \
		-DOTHER_BYTES=-16384 >"$work/small.log"; then
		fail "an image larger than the RAM was linked"
	fi
	grep -q "more RAM than there is" "$work/small.log" ||
		fail "no word of the RAM: $(cat "$work/small.log")"
}

cmake --install "$build" --prefix "$work/prefix" >/dev/null
firmware_build host "$work/host" "$work/prefix"
firmware_run "$work/host" >"$work/host.log" || fail "it does not learn here"

# The model as an object, if thimble makes such: it does not show.
check_object() {
	dir=$work/$1-object
	firmware_build "$1" "$dir" "$work/prefix" -DFORM=obj
	firmware_run "$dir" >"$dir.log" || fail "$1's object does not learn"
	firmware_same "$work/host.log" "$dir.log" ||
		fail "$1's object learns something else"
	cores="$cores $1 (object)"
}

objects=:
if "$work/prefix/bin/thimble" compile "$here/../gestures/gestures.onnx" \
		-o "$work/object" --emit obj >/dev/null 2>&1; then
	objects=check_object
fi
cores=
if command -v arm-none-eabi-gcc qemu-system-arm >/dev/null; then
	check_core cortex-m4 arm-none-eabi-
	$objects cortex-m4
	check_core cortex-m55 arm-none-eabi-
	check_budget cortex-m4
fi
if command -v riscv64-unknown-elf-gcc qemu-system-riscv32 >/dev/null; then
	check_core rv32imafc riscv64-unknown-elf-
	$objects rv32imafc
fi
[ -n "$cores" ] || { echo "no cross compiler is here"; exit 77; }
echo "learned the same as this machine:$cores"
