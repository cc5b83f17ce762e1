#!/bin/sh
# The built command line from outside: statuses, messages, files.
#
#   cli.sh THIMBLE SOURCE_DIR
thimble=$1
run=
gestures=$2/examples/gestures
model=$gestures/gestures.onnx
exports=$2/tests/models/exports
copies=$exports/optimized-copies
graphs=$2/tests/models/reader/graphs
python=/usr/bin/python3
. "$2/tests/expect.sh"
mkdir tmp || exit 1
export TMPDIR="$work/tmp"

there() {
	for file; do
		[ -s "$file" ] || fail "$file is missing or empty"
	done
}

# ---- help and usage ----

for c in inspect compile plan train run export pack ops targets; do
	status 0 $c --help
	says out Examples:
	says out "Usage: thimble $c"
	cp out help
	status 0 help $c
	cmp -s out help || fail "help $c is not $c --help"
	status 0 $c -h
	cmp -s out help || fail "$c -h is not $c --help"
	! grep -nE '^.{80}|^ {30}' help ||
		fail "$c --help: a line is too long, or begins too late"
	status 0 $c --usage
	says out "Usage: thimble $c"
	status 2 $c --no-such-option
done
status 0 --help
status 0 --version
says out thimble
status 2
status 2 frobnicate
says err "'frobnicate' is not a command"
status 2 inspect
status 2 inspect "$model" extra
status 2 compile "$model"
says err "-o DIR"
status 2 plan "$model" --batch 0
status 2 plan "$model" --freeze-bn --train-bn
says err "exclude each other"
status 2 plan "$model" --json --schedule
for option in -o --html --picture; do
	status 2 plan "$model" $option ""
	says err "the name is empty"
done
status 2 compile "$model" -o ""
status 2 plan "$model" --batch 3x
status 2 plan "$model" --dim N
status 2 plan "$model" --loss nonsense
says err nonsense
status 2 plan "$model" --loss mse --optimizer adam:lr=-1
status 2 plan "$model" --optimizer adam
says err "--optimizer needs --loss"
status 2 plan "$model" --target abacus
says err abacus
status 2 plan "$model" --disable nonsense
says err nonsense
status 2 run "$model"
status 2 run "$model" --dump d --steps 2
status 2 run "$model" --dump d --input x
status 2 train "$model"
status 2 train "$model" --data x --normalize 1
status 2 train "$model" --data x --normalize 1,0
status 2 train "$model" --data x --lr-schedule step
status 2 export "$model" -o x

# ---- inspect, plan, ops ----

status 0 inspect "$model"
says out "opset 17"
says out "acceleration"
says out "running statistic"
status 0 inspect "$model" --freeze '*.bias'
says out "frozen: --freeze *.bias"
status 1 inspect "$model" --loss mse --freeze 'no.such.*'
says err "no.such."
status 0 ops
says out Conv
says out 'as others'
status 1 inspect no-such-file.onnx
says err no-such-file.onnx

json() {
	"$python" -c 'import json, sys; d = json.load(open("out")); '"$1" ||
		fail "JSON of the last run: $1"
}
status 0 inspect "$model" --json
json 'assert d["operators"]["Conv"] == 3 and d["errors"] == 0'
json 'p = {x["name"]: x for x in d["parameters"]}
assert p["0.weight"]["shape"] == [16, 3, 5] and p["0.weight"]["trains"]
assert not p["1.running_mean"]["trains"]'
status 0 ops --json
json 'assert [o for o in d if o["name"] == "Conv"][0]["gradient"] == "yes"'
status 0 plan "$model" --loss cross-entropy --optimizer adam --batch 4 --json
json 'assert d["model"] == "gestures" and d["batch"] == 4
assert d["optimizer"] == "adam" and d["target"] == "host"
assert d["arena_bytes"] >= d["lower_bound_bytes"] > 0 and d["flops"] > 0
assert d["recomputed_flops"] == sum(s["recomputed_flops"] for s in d["steps"])
assert d["const_bytes"] >= 0
p = d["peak"]
assert set(p) == {"node", "parameters", "gradients", "optimizer",
                  "activations", "workspace", "io"}
assert d["state_bytes"] >= p["parameters"] + p["optimizer"] > 0
assert p["optimizer"] > 1.9 * 6000 * 4
assert p["gradients"] + p["activations"] + p["workspace"] + p["io"] \
    == d["lower_bound_bytes"]
for b in d["buffers"]:
    assert b["offset"] >= 0 and b["offset"] + b["bytes"] <= d["arena_bytes"]
    assert 0 <= b["first"] <= b["last"]
takes = []
for i, b in enumerate(d["buffers"]):
    for w in b["windows"] or [dict(first=b["first"], last=b["last"], low=0,
                                   high=b["bytes"])]:
        takes.append((i, w["first"], w["last"], b["offset"] + w["low"],
                      b["offset"] + w["high"]))
for a in takes:
    for b in takes:
        assert a[0] == b[0] or a[2] < b[1] or b[2] < a[1] \
            or a[4] <= b[3] or b[4] <= a[3]'
cp out plan.json

# ---- targets ----

status 0 targets
says out "stm32f746      cortex-m7        327680  1048576"
status 0 targets --json
$python - out <<'END' || fail "a target lacks a fact"
import json, sys
for t in json.load(open(sys.argv[1])):
    assert t['name'] and t['core'] and t['align_bytes'] > 0, t
END
status 2 targets stm32f746
step="--loss cross-entropy --batch 16 --json"
status 0 plan "$model" --target stm32f446 $step
says out '"ram_bytes": 131072'
status 0 plan "$model" --target stm32f446 --ram 256K $step
says out '"ram_bytes": 262144'
# A search for what there is not: all that it may try.
status 1 plan "$gestures/../../tests/models/parity/residual-momentum.onnx" \
	--loss cross-entropy --optimizer momentum --ram 1
says err "smallest that was found to fit is"
status 0 plan "$model" --target stm32f446 --max-recompute 1 $step
status 0 plan "$model" --target cortex-m4 $step
grep -q '"ram_bytes"' out && fail "a core has a budget"
status 1 plan "$model" --target fe310 --loss cross-entropy --batch 16
says err "fe310: 16384 bytes are too few"
status 1 plan "$model" --flash 1K
says err "flash: 1024 bytes of flash are too few: constants and first"
status 2 plan "$model" --flash 0
says err "flash: '0' leaves no memory at all"
# Where there is LLVM, code counts. What C takes is not for sure.
set -- "$model" --target cortex-m4
if "$thimble" plan "$@" --code >/dev/null 2>&1; then
	status 0 plan "$@"
	says out "flash: all functions"
	status 0 plan "$@" --flash 32K --no-code
	grep -q "flash: all functions" out && fail "--no-code has code"
	status 1 plan "$@" --flash 32K
	says err "flash: 32768 bytes of flash are too few: code takes"
	status 1 compile "$@" --flash 32K --emit obj -o small
	says err "flash: 32768 bytes of flash are too few: code takes"
	[ -e small ] && fail "an object that does not fit"
	status 0 compile "$@" --flash 64K --emit obj -o fits
	says out "flash: all functions"
	status 0 compile "$@" --flash 32K -o doubt
	says err "flash: 32768 bytes of flash may be too few: code takes about"
	there fits/gestures.o doubt/gestures.c
fi

# ---- compile ----

train="--loss cross-entropy --optimizer adam --batch 4"
status 0 compile "$model" -o a/b $train
says out arena
there a/b/gestures.h a/b/gestures.c a/b/gestures_weights.c \
	a/b/CMakeLists.txt a/b/gestures.report.json a/b/gestures.report.html
grep -q -- '-ffp-contract=off' a/b/CMakeLists.txt ||
	fail "the library is built with fused products"
cmp -s a/b/gestures.report.json plan.json ||
	fail "the report is not what plan says"
cp "$model" .
status 0 compile gestures.onnx -o c/ $train
diff -r a/b c || fail "two runs of compile differ"
status 0 compile gestures.onnx -o c $train --weights=bin
there c/gestures_weights.bin
[ ! -e c/gestures_weights.c ] || fail "the old weights are still there"
status 0 compile gestures.onnx -o c --name other
there c/other.h c/gestures.h
ls -d ./*.?????? 2>/dev/null && fail "temporary files are left"
status 1 compile gestures.onnx -o c/other.h/d
says err c/other.h
head -c 5000 "$model" >short.onnx
status 1 compile short.onnx -o d
[ ! -e d ] || fail "a failing compile leaves files"

# ---- files cut short ----

size=$(wc -c <"$model")
n=0
while [ $n -lt "$size" ]; do
	head -c $n "$model" >short.onnx
	status 1 inspect short.onnx
	says err short.onnx
	n=$((n + 1024))
done
printf 'PK\003\004 not a model' >zip.onnx
status 1 plan zip.onnx
says err zip.onnx
status 1 inspect zip.onnx
[ ! -s out ] || fail "what a file that is no model is made of"

# ---- run ----

x=$gestures/train-x.npy
"$python" - "$gestures" <<'EOF' || fail "preparing arrays"
import sys, numpy as np
d = sys.argv[1]
x, y = np.load(d + '/train-x.npy'), np.load(d + '/train-y.npy')
np.save('x6.npy', np.asfortranarray(x[:6].astype('f8') / 32))
np.save('y6.npy', y[:6].astype('i8'))
np.save('y5.npy', y[:5])
np.save('bad.npy', np.array([0, 1, 2, 3, 4, 2**40]))
np.save('x6t.npy', x[:6].transpose(0, 2, 1))
EOF
for e in interpreter c; do
	status 0 run "$model" --input acceleration=x6.npy --dump run-$e \
		--executor $e
	there run-$e/output/gesture.npy
	status 0 run "$model" --input acceleration=x6.npy --target y6.npy \
		--steps 3 --loss cross-entropy --optimizer momentum:lr=0.01 \
		--dump run-$e --executor $e --seed 5
	there run-$e/loss.npy run-$e/grad/0.weight.npy \
		run-$e/param/0.weight.npy run-$e/buffer/1.running_mean.npy
done
"$python" - <<'EOF' || fail "the interpreter and the C disagree"
import glob, numpy as np
files = glob.glob('run-c/*.npy') + glob.glob('run-c/*/*.npy')
assert len(files) > 20
for f in files:
    a, b = np.load(f), np.load(f.replace('run-c', 'run-interpreter'))
    assert a.shape == b.shape and a.dtype == b.dtype, f
    assert np.allclose(a, b, rtol=1e-3, atol=1e-4), (f, abs(a - b).max())
assert np.load('run-c/loss.npy').shape == (3,)
assert np.load('run-c/output/gesture.npy').shape == (6, 5)
EOF
# Arrays have the sizes that the file has no names for; a constant is no input.
"$python" - <<'EOF' || fail "preparing arrays"
import numpy as np
np.save('x432.npy', np.arange(24, dtype='f4').reshape(4, 3, 2))
np.save('x23.npy', np.arange(6, dtype='f4').reshape(2, 3))
np.save('ones.npy', np.ones(5, 'f4'))
EOF
status 0 run "$graphs/unnamed.onnx" --input x=x432.npy --input z=ones.npy \
	--dump run-unnamed
status 0 run "$graphs/told.onnx" --input x=x23.npy --constant rate=16000 \
	--constant mask=0.5 --executor c --dump run-told
"$python" - <<'EOF' || fail "what is told of inputs"
import numpy as np
y = np.load('run-unnamed/output/y.npy')
assert (y == np.arange(24).reshape(4, 3, 2)[..., 1] + 5).all(), y
y = np.load('run-told/output/y.npy')
assert (y == (np.arange(6).reshape(2, 3) + 1) / 2).all(), y
EOF
status 1 run "$model" --dump d
says err "input 'acceleration' is missing"
status 1 run "$model" --dump d --input wrong=x6.npy
says err "no input 'wrong'"
status 1 run "$model" --dump d --input acceleration=x6t.npy
says err "x6t.npy"
says err "[16,3,64]"
set -- --input acceleration=x6.npy --steps 1 --loss cross-entropy --dump d
status 1 run "$model" "$@" --target y5.npy
says err "y5.npy"
status 1 run "$model" "$@" --target bad.npy
says err "bad.npy: error: element 5"
status 1 run "$model" "$@" --target no.npy
says err "no.npy"
CC=/bin/false status 1 run "$model" "$@" --target y6.npy --executor c
says err "/bin/false"
CC=no-such-cc status 0 run "$model" "$@" --target y6.npy
# ---- train, export ----

set -- "$model" --train-data "$x,$gestures/train-y.npy" \
	--val-data "$gestures/test-x.npy,$gestures/test-y.npy" \
	--scale 1/32 --optimizer momentum:lr=0.02 --loss cross-entropy
status 0 train "$@" --epochs 15 --seed 1 --log 1.csv -o 1.st \
	--export 1.onnx --report 1.html --json
json 'assert d["steps"] == len(d["loss"]) and d["validation_accuracy"] > 0.85
assert d["loss"][-1] < 0.5 * d["loss"][0]
assert d["report"]["state_bytes"] > 0'
there 1.csv 1.st 1.onnx 1.html
# A library that is not LLVM's is refused, and nothing else asks for it.
if config=$(command -v llvm-config-19); then
	real=$(readlink -f "$("$config" --libdir)/libLLVM-19.so")
	mkdir other
	echo 'int nothing;' | cc -shared -fPIC -x c - \
		-o "other/$(basename "$real")" || fail "no library is made"
	export LD_LIBRARY_PATH="$work/other"
	status 0 plan "$model"
	status 1 train "$@" --steps 1 --executor llvm
	says err "LLVM cannot be loaded: "
	unset LD_LIBRARY_PATH
fi

# With LLVM no compiler is asked for.
"$thimble" train "$@" --steps 1 --executor llvm >/dev/null 2>&1 &&
	run='env PATH=/nowhere'
status 0 train "$@" --epochs 1 --seed 1 --log 2.csv
run=
says out "validation accuracy"
lines=$(wc -l <2.csv)
head -n "$lines" 1.csv | cmp -s - 2.csv || fail "the same seed differs"
status 0 train "$@" --epochs 1 --seed 2 --log 3.csv
cmp -s 2.csv 3.csv && fail "another seed changes nothing"
status 0 train "$@" --steps 3 --no-shuffle --lr-schedule cosine --log 4.csv
[ "$(wc -l <4.csv)" = 4 ] || fail "--steps 3 is not three steps"
# The last part of a batch counts for what it is: 320 samples by 16 and by 7.
"$python" -c 'import sys, numpy as np
y = np.load(sys.argv[1] + "/test-y.npy").ravel()
np.save("onehot.npy", np.eye(5, dtype="f4")[y] * 3)' "$gestures"
for loss in cross-entropy mse huber cross-entropy:reduction=sum mse:reduction=sum
do
	y=onehot.npy
	case $loss in cross*) y=$gestures/test-y.npy ;; esac
	for b in 16 7; do
		status 0 train "$model" --data "$gestures/test-x.npy,$y" \
			--val-data "$gestures/test-x.npy,$y" --scale 1/32 \
			--loss $loss --optimizer sgd:lr=0 --freeze-bn --steps 1 \
			--batch $b
		grep validation out >val.$b
	done
	"$python" - <<'EOF' || fail "$loss: batches of 16 and 7 differ"
a, b = ([w for w in open(f).read().split()] for f in ('val.16', 'val.7'))
assert len(a) == len(b) > 2
for x, y in zip(a, b):
    try: x, y = float(x.strip('(')), float(y.strip('('))
    except ValueError: assert x == y
    else: assert abs(x - y) <= 1e-4 * abs(x), (x, y)
EOF
done
status 0 export "$model" 1.st -o 2.onnx
cmp -s 1.onnx 2.onnx || fail "export is not train --export"
"$python" - 1.onnx <<'EOF' || fail "the exported model"
import sys, json, struct, onnx, numpy as np
from onnx import numpy_helper
m = onnx.load(sys.argv[1])
onnx.checker.check_model(m)
raw = open('1.st', 'rb').read()
n = struct.unpack('<Q', raw[:8])[0]
head = json.loads(raw[8:8 + n])
init = {t.name: numpy_helper.to_array(t) for t in m.graph.initializer}
for name, e in head.items():
    if name != '__metadata__':
        a, b = e['data_offsets']
        w = np.frombuffer(raw[8 + n + a:8 + n + b], '<f4')
        assert np.array_equal(init[name].ravel(), w), name
EOF
# The tuned model knows what the untrained one does not.
"$python" -c 'import sys, numpy as np
np.save("xt.npy", np.load(sys.argv[1] + "/test-x.npy") / np.float32(32))' \
	"$gestures"
status 0 run 1.onnx --input acceleration=xt.npy --dump tuned
"$python" -c 'import sys, numpy as np
y = np.load("tuned/output/gesture.npy").argmax(1)
right = (y == np.load(sys.argv[1] + "/test-y.npy").ravel()).mean()
assert right > 0.85, right' "$gestures" || fail "the tuned model"
# What the exporter copied for every example is trained as one, and copied again.
"$python" -c 'import sys, numpy as np
r = np.load(sys.argv[1] + ".npz")
np.save("cx.npy", r["input/x"]), np.save("ct.npy", r["target"])' "$copies"
status 0 train "$copies.onnx" --data cx.npy,ct.npy --loss cross-entropy \
	--optimizer sgd:lr=0.5 --export copies.onnx
"$python" -c 'import sys, onnx, onnx.numpy_helper
read = lambda f: {i.name: onnx.numpy_helper.to_array(i) for i in onnx.load(f).graph.initializer}
old, new = read(sys.argv[1] + ".onnx"), read("copies.onnx")
for n in ("expand_1", "embedding_1", "embedding_2"):
    assert new[n].shape == old[n].shape and (new[n] != old[n]).all(), n
    assert (new[n] == new[n][:1]).all(), n' "$copies" || fail "the copies"
# So is a tied head that it transposed.
for e in optimized folded; do
	causal=$exports/$e-causal
	"$python" -c 'import sys, numpy as np
r = np.load(sys.argv[1] + ".npz")
np.save("ex.npy", r["input/x"]), np.save("et.npy", r["target"])' "$causal"
	size=
	[ $e = optimized ] || size='--batch 3 --dim sequence_length=7'
	# shellcheck disable=SC2086
	status 0 train "$causal.onnx" $size --data ex.npy,et.npy \
		--loss cross-entropy:axis=-1 --optimizer sgd:lr=0.5 \
		--export causal.onnx
	"$python" -c 'import sys, onnx, onnx.numpy_helper
read = lambda f: {i.name: onnx.numpy_helper.to_array(i) for i in onnx.load(f).graph.initializer}
old, new = read(sys.argv[1] + ".onnx"), read("causal.onnx")
one, other = (next(k for k, w in old.items() if w.shape == s) for s in ((11, 8), (8, 11)))
assert (old[one].T == old[other]).all() and (new[one].T == new[other]).all()
assert (new[one] != old[one]).any()' "$causal" || fail "a tied head"
done
# A second name through Identity, data in another file, an old IR version.
"$python" - <<'EOF' || fail "making alias.onnx"
import numpy as np, onnx
from onnx import TensorProto, helper, numpy_helper
rng = np.random.RandomState(1)
w = numpy_helper.from_array(rng.randn(3, 3).astype('f4'), 'w/1')
vi = lambda n, s: helper.make_tensor_value_info(n, TensorProto.FLOAT, s)
g = helper.make_graph(
    [helper.make_node('Identity', ['w/1'], ['w2']),
     helper.make_node('MatMul', ['x', 'w/1'], ['h']),
     helper.make_node('MatMul', ['h', 'w2'], ['y'])],
    'g', [vi('x', [4, 3]), vi('w/1', [3, 3])], [vi('y', [4, 3])], [w])
m = helper.make_model(g, producer_name='pytorch',
                      opset_imports=[helper.make_opsetid('', 13)])
m.ir_version = 3
onnx.save(m, 'alias.onnx', save_as_external_data=True, location='alias.bin',
          size_threshold=0)
np.save('ax.npy', rng.randn(8, 3).astype('f4'))
np.save('ay.npy', rng.randn(8, 3).astype('f4'))
EOF
status 0 train alias.onnx --data ax.npy,ay.npy --loss mse --steps 20 \
	--optimizer sgd:lr=0.1 -o alias.st
# What is resumed goes on as if it had not stopped.
set -- alias.onnx --data ax.npy,ay.npy --loss mse --optimizer adam --no-shuffle
status 0 train "$@" --epochs 4 -o whole.st
status 0 train "$@" --epochs 2 --save half.bin
status 0 train "$@" --epochs 2 --resume half.bin -o halves.st
cmp -s whole.st halves.st || fail "resumed training differs"
status 2 train "$@" --page 8
mkdir -p tuned
status 0 export alias.onnx alias.st -o tuned/alias.onnx
"$python" -c 'import numpy as np; np.save("a4.npy", np.load("ax.npy")[:4])'
status 0 run tuned/alias.onnx --input x=a4.npy --dump tuned
"$python" - <<'EOF' || fail "exporting alias.onnx"
import numpy as np, onnx
from onnx import numpy_helper
m = onnx.load('tuned/alias.onnx')
onnx.checker.check_model(m)
w = {t.name: numpy_helper.to_array(t) for t in m.graph.initializer}
assert set(w) == {'w/1', 'w2'} and not np.allclose(w['w/1'], w['w2'])
assert [n.op_type for n in m.graph.node] == ['MatMul', 'MatMul']
assert {i.name for i in m.graph.input} == {'x', 'w/1', 'w2'}
y = np.load('a4.npy') @ w['w/1'] @ w['w2']
assert np.allclose(np.load('tuned/output/y.npy'), y, atol=1e-5)
EOF
# Weights that are Constant nodes train, and are initializers from then on.
"$python" - <<'EOF'
import numpy as np, onnx
from onnx import helper, numpy_helper
m = onnx.load('alias.onnx')
w = numpy_helper.from_array(np.eye(3, dtype='f4'))
del m.graph.initializer[:], m.graph.input[1:]
m.graph.node.insert(0, helper.make_node('Constant', [], ['w/1'], value=w))
onnx.save(m, 'constant.onnx')
np.save('bx.npy', np.arange(8, dtype='f4').reshape(4, 2) / 8)
np.save('by.npy', np.ones((4, 2), 'f4'))
EOF
status 0 train constant.onnx --data ax.npy,ay.npy --loss mse --steps 20 \
	--optimizer sgd:lr=0.1 -o constant.st
status 0 export constant.onnx constant.st -o tuned/constant.onnx
"$python" - <<'EOF' || fail "exporting constant.onnx"
import numpy as np, onnx
from onnx import numpy_helper
m = onnx.load('tuned/constant.onnx')
w, = (numpy_helper.to_array(t) for t in m.graph.initializer if t.name == 'w/1')
assert 'Constant' not in [n.op_type for n in m.graph.node]
assert not np.allclose(w, np.eye(3))
EOF
# So do those of branches and loops, which stay there.
for slow in 0 1; do
	status 0 train "$graphs/constant_in_bodies.onnx" --constant slow=$slow \
		--data bx.npy,by.npy --loss mse --steps 20 \
		--optimizer sgd:lr=1e-4 -o bodies.st
	status 0 export "$graphs/constant_in_bodies.onnx" bodies.st \
		-o tuned/bodies.onnx
	status 0 train tuned/bodies.onnx --constant slow=$slow \
		--data bx.npy,by.npy --loss mse --steps 1 \
		--optimizer sgd:lr=0 -o bodies-again.st
	cmp bodies.st bodies-again.st || fail "weights of bodies, exported"
done
sed 's/"w2"/"w3"/' alias.st >renamed.st
status 1 export alias.onnx renamed.st -o 3.onnx
says err "no initializer for the weight 'w3'"
status 1 export "$model" "$model" -o 3.onnx
says err gestures.onnx
head -c 3000 1.st >short.st
status 1 export "$model" short.st -o 3.onnx
says err short.st
[ ! -e 3.onnx ] || fail "a failing export leaves a file"

status 1 train "$model" --data "$gestures/test-x.npy"
says err "gives 1 array"
status 1 train "$model" --data "$x,$gestures/test-y.npy"
says err "test-y.npy: error: has "
printf '1,2,0\n3,4,1\n' >t.csv
status 1 train "$model" --data t.csv
says err t.csv
printf '1,2,0\n3,4\n' >t.csv
status 1 train "$model" --data t.csv
says err "t.csv: error: line 2 has 2 columns, expected 3"
head -c 1000 "$x" >short.npy
status 1 train "$model" --data "short.npy,$gestures/train-y.npy"
says err short.npy
status 1 train "$@" --optimizer sgd:lr=1e9
says err "smaller learning rate"

# A signal ends the training after a whole step, with all results.
rm err   # of the run before: it, too, has steps
"$thimble" train "$@" --steps 100000000 -o int.st --log int.csv 2>err >out &
pid=$!
i=0
while [ $i -lt 120 ] && ! grep -qs '^step' err; do
	sleep 0.5
	i=$((i + 1))
done
kill -TERM $pid
wait $pid || fail "a signal ends the training with status $?"
says err interrupted
there int.st int.csv

# One that comes while the C compiler is at work ends both, and leaves nothing.
printf '#!/bin/sh\ntouch compiling\nexec sleep 60\n' >slow-cc
chmod +x slow-cc
CC=./slow-cc "$thimble" train "$@" --executor c 2>err >out &
pid=$!
i=0
while [ $i -lt 600 ] && [ ! -e compiling ]; do
	sleep 0.1
	i=$((i + 1))
done
began=$(date +%s)
kill -TERM $pid
wait $pid
[ $? = 143 ] || fail "a signal during the C compiler does not end thimble"
[ $(($(date +%s) - began)) -lt 30 ] || fail "thimble waits for the C compiler"
[ -s err ] && fail "it is an error" "$(cat err)"
ls -d ./*.?????? 2>/dev/null && fail "temporary files are left"
rmdir tmp || fail "files are left in TMPDIR"

exit $bad
