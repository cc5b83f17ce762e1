#!/bin/sh
# Values inside of others, from outside: no model needs more memory for it, those that
# join and cut what is contiguous need less, and the C says where a part begins.
#
#   views.sh THIMBLE SOURCE_DIR
thimble=$(realpath "$1")
models=$2/tests/models/parity
[ -x "$thimble" ] || { echo "no program $thimble"; exit 1; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
bad=0

fail() {
	echo "FAIL: $*"
	bad=1
}

# arena MODEL OPTION...: the bytes of its training step's arena.
arena() {
	model=$1
	shift
	"$thimble" plan "$models/$model.onnx" --loss cross-entropy --optimizer sgd --json "$@" |
		sed -n 's/^  "arena_bytes": \([0-9]*\),*$/\1/p'
}

# no_more MODEL OPTION...
no_more() {
	with=$(arena "$@")
	without=$(arena "$@" --disable views)
	[ -n "$with" ] && [ "$with" -le "$without" ] || fail "$*: $with with views, $without without"
}

for model in dense-one dense-momentum attention-adam gates-one gates-sgd; do
	no_more $model
	no_more $model --micro-batch 1
done
no_more dense-one
[ "$with" -lt "$without" ] || fail "dense-one: nothing lies inside of anything"

# copies MODEL: concatenations that move what they join.
copies() {
	"$thimble" compile "$models/$1.onnx" --loss cross-entropy --optimizer sgd -o "$work/$1" >/dev/null ||
		fail "$1 does not compile"
	awk '/"op":/ { joins = /"Concat"/ } /"view": false/ { n += joins } END { print n + 0 }' \
		"$work/$1"/*.report.json
}

# Of one image, the channels of all are behind one another; of four, they are not.
[ "$(copies dense-one)" = 0 ] || fail "a concatenation of dense-one is copied"
[ "$(copies dense-momentum)" -gt 0 ] || fail "none of dense-momentum is"

# Whose parts a buffer has is said.
grep -A3 '"parts": \[$' "$work"/dense-one/*.report.json | grep -q '"name": "/stem/Conv_output_0"' ||
	fail "the report names no part"
[ $bad = 0 ] && echo "views: as they should be"
exit $bad
