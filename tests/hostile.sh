#!/bin/sh
# Files that are none, and places that cannot be written: each is refused in
# words and in bounded time and memory, and nothing of the user's is lost.
#
#   hostile.sh THIMBLE SOURCE_DIR
thimble=$1
run='timeout 60'
model=$2/tests/models/parity/mlp-sgd.onnx
. "$2/tests/expect.sh"

# ---- what is read ----

mkfifo pipe
for file in pipe /dev/zero /dev/null .; do
	status 1 inspect $file
	says err "$file is not a file"
done
status 1 inspect nowhere.onnx
says err 'No such file'

for args in "pack /dev/zero" "train $model --data /dev/zero,/dev/zero" \
		"export $model /dev/zero -o new.onnx"; do
	status 1 $args
	says err '/dev/zero: error: has more than 1073741824 bytes'
done
[ -e new.onnx ] && fail 'an export of nothing'

# As `<(...)` of a shell gives it.
printf 'id,lower,upper,size\na,0,1,8\n' >pipe &
status 0 pack pipe
grep -q '^a,0,1,8,0$' out || fail 'pack does not read pipes'

# A gzip file a thousand times smaller than what is in it.
head -c 1200000000 /dev/zero | gzip -1 >bomb.gz
status 1 pack bomb.gz
says err 'bomb.gz: error: has more than 1073741824 bytes'
rm bomb.gz

for closed in '<&-' '2>&-'; do
	sh -c "\"$thimble\" inspect \"$model\" $closed" >/dev/null ||
		fail "inspect $closed"
done

# ---- what is written ----

for command in inspect plan; do
	"$thimble" $command "$model" 2>err >/dev/full
	[ $? = 1 ] || fail "$command > /dev/full"
	says err 'cannot write to standard output'
	sh -c "\"$thimble\" $command \"$model\" >&-" 2>err
	[ $? = 1 ] || fail "$command >&-"
done

# Pipes and devices stay what they are.
cat pipe >page &
status 0 plan "$model" --html pipe
wait
[ -p pipe ] || fail 'a pipe was replaced'
grep -q '<html' page || fail 'no page came through the pipe'
[ -p pipe ] && status 1 plan "$model" --html /dev/full
says err '/dev/full: error: cannot write'

# Links stay links.
echo old >target.html
ln -s target.html link.html
status 0 plan "$model" --html link.html
[ -L link.html ] || fail 'a link was replaced'
grep -q '<html' target.html || fail 'what a link leads to was not written'

# What was there is there still.
mkdir taken && echo mine >taken/mine
for place in taken/mine/below /dev/null/below; do
	status 1 plan "$model" --html $place
	says err "$place: error: cannot write"
	status 1 compile "$model" -o $place
done
status 1 compile "$model" -o taken/mine
[ "$(cat taken/mine)" = mine ] || fail 'a file was lost'
[ "$(ls taken)" = mine ] || fail "left in the folder: $(ls taken)"

if [ "$(id -u)" != 0 ]; then
	mkdir locked && chmod a-w locked
	status 1 compile "$model" -o locked/out
	says err 'Permission denied'
	cp "$model" unreadable.onnx && chmod 000 unreadable.onnx
	status 1 inspect unreadable.onnx
	says err 'Permission denied'
fi

ls ./*.?????? 2>/dev/null | grep -v '\.onnx\|target' && fail 'temporary files'
exit $bad
