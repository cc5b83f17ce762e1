#!/bin/sh
# --ram and --sweep from outside: statuses, messages, JSON.
#
#   ram.sh THIMBLE SOURCE_DIR
thimble=$1
run=
model=$2/examples/gestures/gestures.onnx
. "$2/tests/expect.sh"

# number NAME: of the JSON of the last run.
number() {
	sed -n "s/^  \"$1\": \([0-9]*\),*\$/\1/p" out
}

train="--loss cross-entropy --optimizer momentum --batch 16"

for size in 0 -1 x 1.5M 1T 99999999999999999999 K 64KB 64Kib 12Q; do
	status 2 plan "$model" $train --ram=$size
done
says err "'12Q' is not a whole number of bytes"
status 2 plan "$model" $train --ram 0
says err "leaves no memory"
status 2 plan "$model" $train --ram 9000000000000000000
says err "too large"
status 2 plan "$model" --micro-batch 4
says err "--micro-batch needs --loss"

for percent in -1 x 1x 33%% nan ""; do
	status 2 plan "$model" $train --max-recompute="$percent"
done
status 2 plan "$model" $train --max-recompute 10 --ram 64K
says err "give one"
status 2 plan "$model" --max-recompute 10
status 2 plan "$model" --sweep

for size in 0 -1 x 1.5; do
	status 2 plan "$model" $train --micro-batch=$size
done
status 1 plan "$model" $train --micro-batch 3
says err "micro-batches of 3 do not divide the batch of 16"
status 0 plan "$model" $train --freeze-bn --micro-batch 16 --json
whole=$(number arena_bytes)
status 0 plan "$model" $train --freeze-bn --micro-batch 2 --json
[ "$(number arena_bytes)" -lt "$whole" ] ||
	fail "micro-batches of 2 need no less than the whole batch"
status 0 compile "$model" -o micro $train --micro-batch 2
grep -q "for (int32_t part = 0; part < 8; part++)" micro/*.c ||
	fail "no loop over the parts in the C"

for steps in 0 -1 x "" auto4; do
	status 2 plan "$model" $train --recompute-time="$steps"
done
status 0 plan "$model" $train --recompute-time auto
says err "--recompute-time changes nothing: the model has no recurrent layer"

status 0 plan "$model" $train --json
plain=$(($(number arena_bytes) + $(number state_bytes)))

status 1 plan "$model" $train --ram 1 --json
says out '"fits": false'
smallest=$(number smallest_ram_bytes)
says err "$smallest bytes"
bound=$(number ram_lower_bound_bytes)
says err "less than $bound cannot be"
[ "$bound" -gt 1 ] && [ "$bound" -le "$smallest" ] ||
	fail "bound $bound of $smallest"
[ "$smallest" -lt "$plain" ] || fail "nothing saved: $smallest of $plain"
status 0 plan "$model" $train --ram "$smallest" --json
says out '"fits": true'
[ $(($(number arena_bytes) + $(number state_bytes))) -le "$smallest" ] ||
	fail "does not fit into $smallest"
[ "$(number recomputed_flops)" -gt 0 ] || fail "nothing recomputed"
status 1 plan "$model" $train --ram 1 --json
says out '"binds": {'
peak=$(sed -n '/^  "binds"/,/^  }/s/^    "node": "\(.*\)",$/\1/p' out)
largest=$(sed -n '/^  "binds"/,/^  }/s/.*"bytes": \([0-9]*\),$/\1/p' out)
[ "$largest" = "$(echo "$largest" | sort -rn)" ] || fail "not the largest first"
says err "at '$peak' of train: '"
says err " $(echo "$largest" | head -1), "
status 1 plan "$model" $train --ram 1
[ -s out ] && fail "a report of what does not fit"

status 0 plan "$model" $train --ram 64M --json
[ "$(number recomputed_flops)" = 0 ] || fail "recomputed without need"
middle=$(((plain + smallest) / 2))
status 0 plan "$model" $train --ram $middle --json
[ $(($(number arena_bytes) + $(number state_bytes))) -le $middle ] ||
	fail "does not fit into $middle"
cp out first
status 0 plan "$model" $train --ram $middle --json
cmp -s first out || fail "another plan the second time"
status 0 plan "$model" $train --ram $((plain / 1024 + 1))K
says out "bytes of RAM used"

# What a technique saves is what it costs to disable it.
status 0 plan "$model" $train --explain --json
sed -n '/^  "savings"/,/^  \]/{
	s/^      "name": "\(.*\)",/\1/p
	s/^      "arena_bytes_without": \(.*\),/\1/p
}' out | paste - - >savings
[ "$(wc -l <savings)" -ge 8 ] || fail "$(wc -l <savings) techniques"
while read -r pass bytes; do
	status 0 plan "$model" $train --disable "$pass" --json
	train_arena=$(sed -n '/"train": {/,/}/s/.*"arena_bytes": \(.*\),/\1/p' out)
	[ "$bytes" = "$train_arena" ] ||
		fail "without $pass: $bytes, and $train_arena with --disable"
done <savings
status 0 plan "$model" $train --explain --micro-batch 4
says out "run one part of the batch after the other"
status 0 plan "$model" --explain
says out "the arena is larger without"
status 2 plan "$model" $train --dump-after order

# Inference alone has nothing to trade.
status 1 plan "$model" --ram 1K --json
inference=$(number smallest_ram_bytes)
status 0 plan "$model" --ram "$inference"
status 1 plan "$model" --ram $((inference - 1))

status 0 plan "$model" $train --sweep
says out "nothing computed twice"
status 0 plan "$model" $train --sweep --json
grep -c ram_bytes out >count
[ "$(cat count)" -ge 3 ] || fail "a curve of $(cat count) points"
# Ever less memory.
sed -n 's/^ .*"ram_bytes": \([0-9]*\),*$/\1/p' out >curve
sort -rn curve | cmp -s - curve || fail "the curve is not falling"
[ "$(tail -1 curve)" = "$smallest" ] || fail "the curve ends elsewhere"

# The dual of --ram: never more operations, and no more memory than the curve
# has for them, and all the memory there is for any price.
python3 - <<'END' >limits || fail "no limits"
import json
sweep = json.load(open('out'))['sweep']
for percent in 3, 1000:
    print(percent, min(p['arena_bytes'] for p in sweep
                       if p['extra_percent'] <= percent))
END
while read -r percent least; do
	status 0 plan "$model" $train --max-recompute $percent% --json
	[ "$(number arena_bytes)" -le $((least + least / 50)) ] ||
		fail "$(number arena_bytes) at $percent %, the curve has $least"
	extra=$(number extra_flops)
	echo "$extra $(number flops) $percent" |
		awk '{ exit 100 * $1 > $3 * ($2 - $1) }' ||
		fail "$extra of $(number flops) are more than $percent %"
done <limits
[ $(($(number arena_bytes) + $(number state_bytes))) = "$smallest" ] ||
	fail "not the smallest at any price"
says out '"max_recompute_percent": 1000.0'
status 0 plan "$model" $train --max-recompute 3
says out "more operations, of 3 % at most"
status 0 compile "$model" -o limited $train --max-recompute 3
cp limited/gestures.c limited.c
status 0 compile "$model" -o limited $train --max-recompute 3 --sweep
cmp limited.c limited/gestures.c || fail "--sweep changes the program"
says limited/gestures.report.json '"sweep": ['

status 1 compile "$model" -o c $train --ram 1
[ -e c ] && fail "C that does not fit"
status 0 compile "$model" -o c $train --ram "$smallest"
says c/gestures.report.json '"ram_bytes"'

exit $bad
