#!/bin/sh
# The elementary functions have the same bits everywhere: checksums over two
# million arguments by gcc and clang, unoptimized and as far as they go, and by
# emulated Cortex-M4F and RV32 (with few arguments also without an FPU), for
# which there are compilers and emulators.
#
#   math_cross.sh SOURCE_DIR
src=$1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
bad=0 ran=0

flags="-std=c11 -Wall -Wextra -Werror -ffp-contract=off -I$src"
sum=$src/tests/cross/math_sum.c
emulate="-display none -monitor none -serial none -chardev stdio,id=sh \
	-semihosting-config enable=on,target=native,chardev=sh"

have() {
	command -v "$1" >/dev/null && command -v "$2" >/dev/null
}

# agree STEP NAME: what is in $work/out is what gcc -O0 printed.
agree() {
	ran=$((ran + 1))
	if ! diff "$work/want$1" "$work/out"; then
		echo "FAIL: $2 has other bits than gcc -O0"
		bad=1
	fi
}

host() {
	"$@" $flags -DSTEP=40009u "$sum" -lm -o "$work/sum" &&
		"$work/sum" >"$work/out"
	agree 40009 "$*"
}

cortex_m4() {
	arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -mfloat-abi=hard \
		-mfpu=fpv4-sp-d16 "$1" $flags -DSTEP=40009u -ffreestanding \
		-nostartfiles -Wl,-e,reset,--section-start=.vectors=0 \
		-Wl,-Ttext=0x400,-Tdata=0x20000000 "$src/tests/cross/m4.S" \
		"$sum" -lm -lgcc -o "$work/m4" &&
		timeout 60 qemu-system-arm -M mps2-an386 $emulate \
			-kernel "$work/m4" >"$work/out"
	agree 40009 "Cortex-M4F $1"
}

# rv32 ARCH ABI STEP
rv32() {
	riscv64-unknown-elf-gcc -march="$1" -mabi="$2" -misa-spec=2.2 \
		--specs=picolibc.specs --oslib=semihost --crt0=semihost -O2 \
		$flags -DSTEP="$3"u -Wl,--defsym=__flash=0x80000000 \
		-Wl,--defsym=__flash_size=0x200000,--defsym=__ram=0x80200000 \
		-Wl,--defsym=__ram_size=0x80000,--defsym=__stack_size=0x2000 \
		"$sum" -lm -o "$work/rv32" &&
		timeout 60 qemu-system-riscv32 -M virt -bios none $emulate \
			-kernel "$work/rv32" >"$work/out"
	agree "$3" "$1"
}

for step in 40009 1000003; do
	gcc -O0 $flags -DSTEP=${step}u "$sum" -lm -o "$work/sum" &&
		"$work/sum" >"$work/want$step" || exit 1
done
have gcc cc && host gcc -O3 -march=native
have clang cc && host clang -O1 && host clang -O3 -march=native
have arm-none-eabi-gcc qemu-system-arm && cortex_m4 -Os && cortex_m4 -O3
have riscv64-unknown-elf-gcc qemu-system-riscv32 &&
	rv32 rv32imafc ilp32f 40009 && rv32 rv32imac ilp32 1000003
[ $ran -gt 3 ] || [ $bad = 1 ] || exit 77
exit $bad
