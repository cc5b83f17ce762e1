# Sourced by the tests of the command line, with $thimble set: a folder of their own,
# and what they expect of a run. Such a test ends with `exit $bad`.

thimble=$(realpath "$thimble")
[ -x "$thimble" ] || { echo "no program $thimble"; exit 1; }
# Not to be taken for an error of the user's.
export ASAN_OPTIONS=exitcode=99:$ASAN_OPTIONS UBSAN_OPTIONS=exitcode=99
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
bad=0

fail() {
	echo "FAIL: $*"
	bad=1
}

# status WANTED ARGUMENT...: runs thimble, by $run where that is set; its output is
# in ./out and ./err.
status() {
	want=$1
	shift
	$run "$thimble" "$@" >out 2>err
	got=$?
	[ $got = "$want" ] || {
		fail "thimble $*: status $got, not $want"
		head -5 err
	}
}

# says FILE TEXT: the last run wrote TEXT there.
says() {
	grep -qF -- "$2" "$1" || {
		fail "no '$2' in $1 of the last run:"
		head -5 "$1"
	}
}
