#!/bin/sh
# Fuzzes everything that reads a file.
#
#   fuzz.sh BUILD [TARGET [LIBFUZZER OPTION]...]
#
# BUILD is where it is built by clang with AddressSanitizer and UBSan. Without a
# TARGET: a few thousand runs of each, always the same ones: the tests' way. With
# one (onnx, text, data, pack), as long as the options say; for an hour, keeping
# what is found in BUILD/corpus and BUILD/onnx-crash-*:
#
#   tests/fuzz.sh build/fuzz onnx -max_total_time=3600
set -eu
case ${1:---help} in
-h | --help)
	sed -n '2,/^set/s/^# \{0,1\}//p' "$0" | sed '$d'
	exit 0 ;;
esac
tests=$(cd "$(dirname "$0")" && pwd)
build=$1
shift

probe=$(mktemp -d)
echo 'int LLVMFuzzerTestOneInput(const char *p, long n) { return 0; }' \
	>"$probe/probe.c"
if ! clang -fsanitize=fuzzer,address "$probe/probe.c" -o "$probe/probe" \
		2>/dev/null; then
	rm -r "$probe"
	echo 'skipped: there is no clang with libFuzzer'
	exit 77
fi
rm -r "$probe"

cmake -S "$tests/.." -B "$build" -G Ninja -DCMAKE_C_COMPILER=clang \
	-DTHIMBLE_FUZZ=ON -DTHIMBLE_TESTS=OFF -DTHIMBLE_LLVM=OFF >/dev/null
ninja -C "$build" fuzz_onnx fuzz_text fuzz_data fuzz_pack >/dev/null
cd "$build"

# The seeds, made anew, and what was found before.
rm -rf seeds
/usr/bin/python3 "$tests/fuzz/seeds.py" seeds
mkdir -p seeds/onnx seeds/text
find "$tests/models" "$tests/fuzz/found" -name '*.onnx' -size -4k \
	-exec cp {} seeds/onnx ';'
cp "$tests"/golden/*.ir seeds/text
for t in text data pack; do
	find "$tests/fuzz/found" -name "*.$t" -exec cp {} "seeds/$t" ';'
done

fuzz() {
	target=$1
	shift
	mkdir -p "corpus/$target"
	UBSAN_OPTIONS=print_stacktrace=1 tests/fuzz/fuzz_"$target" \
		-rss_limit_mb=2048 -malloc_limit_mb=1024 -max_len=32768 \
		-timeout=60 -artifact_prefix="$target-" "$@"
}

if [ $# -gt 0 ]; then
	target=$1
	shift
	fuzz "$target" "$@" "corpus/$target" "seeds/$target"
	exit 0
fi

short() {
	if ! fuzz "$1" -seed=1 -runs="$2" "seeds/$1" >"$1.log" 2>&1; then
		tail -60 "$1.log"
		exit 1
	fi
	echo "$1: $(tail -1 "$1.log")"
}

short onnx 3000
short text 20000
short data 30000
short pack 10000
