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
if grep Compiling "$work/log"; then exit 1; fi
touch "$work/model.onnx"
cmake --build "$work/build" >"$work/log"
grep -q Compiling "$work/log"

# The stack of each function is written down, and held to a limit.
if "${CC:-cc}" --version | grep -q 'Free Software'; then
	for f in init train_step infer evaluate save load inspect; do
		grep -q "^[1-9][0-9]* net_$f: net_$f [0-9]" \
			"$work/build/net/net.stack.txt"
	done
	cmake -S "$here/package" -B "$work/build" -DSTACK=16 >"$work/log"
	if cmake --build "$work/build" >"$work/log" 2>&1; then exit 1; fi
	grep -q 'bytes of stack, more than' "$work/log"
fi

# What has no bound is refused.
refused() {
	echo "$2" >"$work/m.c"
	${CC:-cc} -O1 -fno-optimize-sibling-calls -fcallgraph-info=su \
		-c "$work/m.c" -o "$work/m.o"
	if cmake -DNAME=m -DOBJECTS="$work/m.o" -DOUT="$work/m.stack.txt" \
		-P "$here/../backend/cmake/thimble_stack.cmake" 2>"$work/log"
	then
		exit 1
	fi
	grep -q "$1" "$work/log"
}
if [ -s "$work/build/net/net.stack.txt" ]; then
	refused 'no fixed size' 'void g(char *);
		void m_f(int n) { char a[n]; g(a); }'
	refused 'calls itself' 'int m_g(int n);
		int m_f(int n) { return n ? m_g(n - 1) * 2 : 1; }
		int m_g(int n) { return m_f(n) * 3; }'
	refused 'no function m_' 'int f(void) { return 1; }'
fi
