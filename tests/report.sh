#!/bin/sh
# The report's page: the same bytes each time, and shown by a real browser.
#
#   report.sh THIMBLE SOURCE_DIR
# Status 77: there is no Chromium to look at it with.
thimble=$1
tests=$2/tests
gestures=$2/examples/gestures/gestures.onnx
parity=$tests/models/parity/residual-momentum.onnx
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

fail() {
	echo "FAIL: $*"
	exit 1
}

"$thimble" compile "$gestures" -o a --loss cross-entropy \
	--optimizer momentum --batch 16 >text || fail "compile"
"$thimble" compile "$gestures" -o b --loss cross-entropy \
	--optimizer momentum --batch 16 >/dev/null || fail "compile again"
"$thimble" plan "$gestures" --loss cross-entropy --optimizer momentum \
	--batch 16 --html plan.html >text || fail "plan"
"$thimble" plan "$parity" --loss mse --optimizer adam \
	--html parity.report.html --picture parity.svg --json >parity.report.json || fail "plan parity"
"$thimble" plan "$gestures" --loss mse --optimizer sgd --batch 8 --sweep --explain \
	--html sweep.report.html --picture curve.svg --json >sweep.report.json || fail "plan --sweep"
"$thimble" plan "$gestures" --loss mse --optimizer adam --batch 8 --sweep \
	--allow low-rank --disable recompute --picture allow.svg --json \
	>allow.json || fail "plan --sweep --allow"
grep -q '"changes": true' allow.json || fail "--allow has no points"
"$thimble" plan "$gestures" --loss cross-entropy --optimizer sgd --batch 16 \
	--micro-batch 4 --html parts.report.html --picture parts.svg --json \
	>parts.report.json || fail "plan --micro-batch"
"$thimble" plan "$gestures" --loss cross-entropy --optimizer sgd --batch 16 \
	--micro-batch 4 --picture parts2.svg --schedule -o new/folder \
	>schedule 2>warned ||
	fail "plan -o"
[ "$(ls new/folder)" = "gestures.report.html
gestures.report.json" ] || fail "plan -o leaves other files"
cmp new/folder/gestures.report.json parts.report.json ||
	fail "plan -o and plan --json differ"
/usr/bin/python3 "$tests/schedule.py" schedule parts.report.json ||
	fail "the schedule is not what the report says"
grep -q -- '--micro-batch 4 does not pay' warned || fail "no warning"
"$thimble" plan "$gestures" --loss cross-entropy --batch 16 --ram 130K \
	--schedule -o tight >schedule || fail "plan --ram"
/usr/bin/python3 "$tests/schedule.py" schedule tight/gestures.report.json ||
	fail "the schedule under a budget is not what the report says"
cmp parts.svg parts2.svg || fail "two pictures differ"
/usr/bin/python3 "$tests/picture.py" arena parity.svg parity.report.json &&
	/usr/bin/python3 "$tests/picture.py" arena parts.svg parts.report.json &&
	/usr/bin/python3 "$tests/picture.py" curve curve.svg sweep.report.json &&
	/usr/bin/python3 "$tests/picture.py" curve allow.svg allow.json ||
	fail "a picture is not what the report says"
cmp a/gestures.report.html b/gestures.report.html || fail "two runs differ"
cmp a/gestures.report.html plan.html || fail "plan and compile differ"
grep -q 'arena of train over time' text || fail "no picture in the text"
grep -q '\^ peak: step' text || fail "no peak in the picture"
grep -nE '(src|href)="[^d]|@import|url\(|https?://' a/gestures.report.html |
	grep -v 'http://www.w3.org/2000/svg' && fail "the page wants the net"
"$thimble" plan "$gestures" --html no/such/folder.html >/dev/null 2>&1 &&
	fail "a page in no folder"
"$thimble" plan "$gestures" --picture no/such/folder.svg >/dev/null 2>&1 &&
	fail "a picture in no folder"

if ! command -v chromium >/dev/null || ! command -v chromedriver >/dev/null ||
		! /usr/bin/python3 -c 'import selenium' 2>/dev/null; then
	echo "skipped: needs chromium, chromium-driver and python3-selenium"
	exit 77
fi
exec /usr/bin/python3 "$tests/report.py" a/gestures.report parity.report \
	sweep.report parts.report
