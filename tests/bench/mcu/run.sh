#!/bin/sh
# Instructions that the runtime's kernels take on emulated cores, as CSV:
#
#   kernel,core,compiler,macs,instructions,per_mac,code,stack,bits
#
# code and stack in bytes (code: of all functions that ran); bits is a checksum
# of the results for numbers that are no integers. Every kernel is also held
# against its definition, and all cores' bits against one another. Instructions
# are exact, the same on every run; they are not cycles.
#
#   run.sh [-O LEVEL] [-b BOUNDS] [CORE]...
#
# CORE is a line of cores below; all without one. BOUNDS is a file of lines
# core,kernel,most, with the most instructions per multiply-accumulate that are
# well. Status 1 if a result is wrong, bits differ, or a count is above its
# bound; 77 if no compiler or emulator for a core is here.
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
board=$top/examples/firmware/board
optimize=-O3 bounds=
while getopts O:b: option; do
	case $option in
	O) optimize=-O$OPTARG ;;
	b) bounds=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- host m4 m4-clang m7 m7-clang m55 m55-clang rv32 rv32-zve32f \
	rv64gcv rv64gcv-256 rv64gcv-512
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
bad=0 ran=0

include="-I$top -I$here -I$board"
flags="-std=c11 -Wall -Wextra -Werror -ffp-contract=off -fno-math-errno
	-ffunction-sections -fdata-sections $include"
ram=0x60000

# core NAME: sets cc, options, emulator, kind, nm, linker. The number after rv64gcv is of
# the bits of a vector.
core() {
	cc=arm-none-eabi-gcc kind=cortex-m nm=arm-none-eabi-nm linker=
	case $1 in
	*-clang) cc="clang-19 --target=thumbv7em-none-eabihf
		-isystem /usr/include/newlib" ;;
	esac
	case $1 in
	host) cc=cc kind=host nm=nm options="-march=native" emulator=env ;;
	m4*) options="-mthumb -mcpu=cortex-m4 -mfloat-abi=hard
		-mfpu=fpv4-sp-d16" emulator="qemu-system-arm -M mps2-an386" ;;
	m7*) options="-mthumb -mcpu=cortex-m7 -mfloat-abi=hard
		-mfpu=fpv5-d16" emulator="qemu-system-arm -M mps2-an500" ;;
	m55*) options="-mthumb -mcpu=cortex-m55 -mfloat-abi=hard"
		emulator="qemu-system-arm -M mps3-an547" ;;
	rv32) cc=riscv64-unknown-elf-gcc kind=rv32 nm=riscv64-unknown-elf-nm
		options="-march=rv32imafc -mabi=ilp32f -misa-spec=2.2
			--specs=picolibc.specs"
		emulator="qemu-system-riscv32 -M virt -bios none" ;;
	rv32-zve32f) cc="clang-19 --target=riscv32-unknown-elf -nostdlibinc
			-isystem $top/backend/libc" kind=linux
		options="-march=rv32imafc_zve32f -mabi=ilp32f"
		nm=nm linker=ld.lld-19 emulator="qemu-riscv32 -cpu
			rv32,Zve32f=true,vext_spec=v1.0,vlen=64,elen=32" ;;
	rv64gcv*) cc="clang-19 --target=riscv64-unknown-elf -nostdlibinc
			-isystem $top/backend/libc" kind=linux
		options="-march=rv64gcv -mabi=lp64d -mcmodel=medany"
		nm=nm linker=ld.lld-19 vlen=${1#rv64gcv}
		vlen=${vlen:--128}
		emulator="qemu-riscv64 -cpu
			rv64,v=true,vext_spec=v1.0,vlen=${vlen#-}" ;;
	*) echo "no core $1" >&2; exit 2 ;;
	esac
	link="$cc $options"
	case $1 in *-clang) link="arm-none-eabi-gcc $options" ;; esac
}

have() {
	for program; do
		command -v "$program" >/dev/null || return 1
	done
}

# build: $work/bench of the core.
build() {
	files="$board/$kind/*.[cS]" libraries="-lm -lc -lgcc"
	[ $kind = linux ] && files=$top/tests/cross/linux.c libraries=
	for file in "$here"/*.c $files; do
		object=$work/$(basename "$file").o
		level=-O1
		[ "$file" = "$here/kernels.c" ] && level="$optimize -DRT_PLAIN -DRT_FUSED=${RT_FUSED:-1}"
		$cc $options $flags $level -c "$file" -o "$object" || return 1
	done
	script="-nostartfiles -T$board/$kind/memory.ld
		-Wl,--defsym=RAM_BYTES=$ram,--defsym=FLASH_BYTES=0x60000
		-Wl,--defsym=STACK_BYTES=8192,-z,noexecstack,--gc-sections"
	case $kind in
	host) script= ;;
	linux) script="-nostdlib -static -fuse-ld=lld -Wl,--gc-sections" ;;
	cortex-m) script="$script -Wl,--no-enum-size-warning" ;;
	esac
	$link $script "$work"/*.o -o "$work/bench" $libraries
	status=$?
	rm "$work"/*.o
	return $status
}

# emulate: $work/out is what the program prints, $work/counts what it took.
emulate() {
	if [ $kind = host ]; then
		"$work/bench" >"$work/out"
		: >"$work/counts"
		return
	fi
	if [ $kind = linux ]; then
		timeout 300 $emulator -plugin \
			"file=$work/count.so,out=$work/counts" \
			"$work/bench" >"$work/out"
		return
	fi
	timeout 300 $emulator -display none -monitor none -serial none \
		-chardev stdio,id=log \
		-semihosting-config enable=on,target=native,chardev=log \
		-plugin "file=$work/count.so,out=$work/counts" \
		-kernel "$work/bench" >"$work/out"
}

# rows NAME: the two put together, with the sizes of functions that nm knows.
rows() {
	$nm -S "$work/bench" >"$work/symbols"
	version=$($cc -dumpversion)
	awk -v core="$1" -v compiler="${cc%% *} $version $optimize" '
	function hex(text,   i, n) {
		for (i = 1; i <= length(text); i++)
			n = n * 16 + index("0123456789abcdef",
				substr(text, i, 1)) - 1
		return n
	}
	FILENAME ~ /symbols$/ { if (NF == 4) size[$4] = hex($2); next }
	FILENAME ~ /counts$/ {
		if (!counts++) { empty = $1; next }
		count[counts - 1] = $1 - empty
		for (i = 2; i <= NF; i++)
			if ($i != "main" && $i != "measure" && $i !~ /^run(_s8)?$/)
				code[counts - 1] += size[$i]
		next
	}
	{
		split($0, f, ",")
		row++
		printf "%s,%s,%s,%d,%d,%.3f,%d,%d,%s\n", f[1], core, compiler,
			f[2], count[row], count[row] / f[2], code[row], f[3],
			f[4]
		if (f[5] != 0) {
			printf "%s: %d wrong on %s\n", f[1], f[5], core \
				>"/dev/stderr"
			bad = 1
		}
	}
	END { exit bad }' "$work/symbols" "$work/counts" "$work/out"
}

# Bits must be those of the first core that ran.
same() {
	cut -d, -f1,4 "$work/out" >"$work/bits"
	[ -f "$work/first" ] || { cp "$work/bits" "$work/first"; return; }
	diff "$work/first" "$work/bits" >&2
}

# bounded NAME: every bound for the core is of a kernel that ran, and holds.
bounded() {
	awk -F, -v core="$1" '
	FILENAME ~ /rows$/ { per_mac[$1] = $6; next }
	$1 == core && !($2 in per_mac && per_mac[$2] <= $3) {
		printf "%s on %s: %s instructions, the bound is %s\n", $2, $1,
			per_mac[$2], $3 >"/dev/stderr"
		bad = 1
	}
	END { exit bad }' "$work/rows" "$bounds"
}

have cc && cc -O2 -shared -fPIC -o "$work/count.so" "$top/tests/qemu/count.c" || exit 77
echo kernel,core,compiler,macs,instructions,per_mac,code,stack,bits
for name; do
	core "$name"
	have ${cc%% *} ${emulator%% *} ${link%% *} $linker || continue
	build && emulate || { echo "$name: failed" >&2; bad=1; continue; }
	rows "$name" >"$work/rows" || bad=1
	cat "$work/rows"
	same || { echo "$name: other bits" >&2; bad=1; }
	[ -z "$bounds" ] || bounded "$name" || bad=1
	ran=$((ran + 1))
done
[ $ran -gt 0 ] || [ $bad = 1 ] || exit 77
exit $bad
