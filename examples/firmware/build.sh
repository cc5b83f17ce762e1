# Sourced by what builds this project ($here) for a core.
#
# firmware_build CORE DIR PREFIX [CMAKE ARGUMENT]...: CORE names a toolchain
# file, or is `host`; PREFIX is where thimble is installed.
firmware_build() {
	firmware_dir=$2
	if [ "$1" = host ]; then
		set -- "$@" -DBOARD=host
	else
		set -- "$@" --toolchain "$here/toolchain/$1.cmake"
	fi
	set -- "$@" -DCMAKE_PREFIX_PATH="$3"
	shift 3
	mkdir -p "$firmware_dir"
	cmake -S "$here" -B "$firmware_dir" -G Ninja \
		-DCMAKE_BUILD_TYPE=Release "$@" >"$firmware_dir/log" 2>&1 &&
		cmake --build "$firmware_dir" >>"$firmware_dir/log" 2>&1 ||
		{ cat "$firmware_dir/log"; return 1; }
}

# The program's lines, its status.
firmware_run() {
	ninja -C "$1" run >"$1/run.log" 2>&1 || { cat "$1/run.log"; return 1; }
	grep -v -e '^ninja' -e '^\[' "$1/run.log"
}

# Did two runs learn the same?
firmware_same() {
	for log; do
		grep -e '^epoch' -e '^learned' "$log" >"$log.learned"
	done
	cmp "$1.learned" "$2.learned"
}
