#!/bin/sh
# Training on one long sequence: cut into windows, in a model with time first and in
# its transpose, which must learn the same; and in a recurrent one, where two windows
# are as good as one twice as long if the state is carried from one to the next.
#
#   stream.sh THIMBLE SOURCE_DIR
thimble=$1
run=
. "$2/tests/expect.sh"

/usr/bin/python3 - <<'EOF'
import sys
try:
    import numpy as np, onnx
except ImportError as missing:
    print(f'skipped: {missing}')
    sys.exit(77)
from onnx import TensorProto, helper, numpy_helper
rng = np.random.RandomState(1)
w = [numpy_helper.from_array(rng.randn(*s).astype('f4'), n)
     for n, s in (('e', (7, 8)), ('o', (8, 7)))]
vi = helper.make_tensor_value_info
for name, shape in ('tb', [5, 3]), ('bt', [3, 5]):
    g = helper.make_graph(
        [helper.make_node('Gather', ['e', 'tok'], ['h']),
         helper.make_node('MatMul', ['h', 'o'], ['y'])], 'g',
        [vi('tok', TensorProto.INT64, shape)],
        [vi('y', TensorProto.FLOAT, shape + [7])], w)
    m = helper.make_model(g, opset_imports=[helper.make_opsetid('', 13)])
    m.ir_version = 7
    onnx.save(m, name + '.onnx')
w += [numpy_helper.from_array(rng.randn(1, 8, 8).astype('f4') / 2, n) for n in 'wr']
w += [numpy_helper.from_array(np.array([1]), 'one')]
for t in 5, 10:
    g = helper.make_graph(
        [helper.make_node('Gather', ['e', 'tok'], ['h']),
         helper.make_node('RNN', ['h', 'w', 'r', '', '', 'h0'], ['s', 'hn'],
                          hidden_size=8),
         helper.make_node('Squeeze', ['s', 'one'], ['q']),
         helper.make_node('MatMul', ['q', 'o'], ['y'])], 'g',
        [vi('tok', TensorProto.INT64, [t, 3]), vi('h0', TensorProto.FLOAT, [1, 3, 8])],
        [vi('y', TensorProto.FLOAT, [t, 3, 7]), vi('hn', TensorProto.FLOAT, [1, 3, 8])], w)
    m = helper.make_model(g, opset_imports=[helper.make_opsetid('', 13)])
    m.ir_version = 7
    onnx.save(m, f'rnn{t}.onnx')
ids = np.arange(301) * 3 % 7     # what comes next is never in doubt
ids.astype('u2').tofile('ids.txt')
ids.astype('i4').tofile('ids.bin')
np.save('ids.npy', ids[:36])     # seven windows: the last batch is not full
np.save('odd.npy', ids[:36] % 2)
np.save('noise.npy', rng.randint(0, 7, 303))
np.save('quiet.npy', rng.randint(0, 7, 63))
np.save('two.npy', ids[:36].reshape(-1, 2))
EOF
prepared=$?
[ $prepared = 0 ] || exit $prepared
set -- --stream --loss cross-entropy:axis=-1 --optimizer adam:lr=0.05 \
	--executor interpreter
good="validation accuracy 100.00 % (35 of 35)"
status 0 train tb.onnx --data ids.txt:u16 "$@" --batch-axis 1 --epochs 6 \
	--val-data ids.npy --log tb.csv
says out "$good"
says out "120 steps of 3 samples"
status 0 train bt.onnx --data ids.bin:i32 "$@" --epochs 6 --val-data ids.npy \
	--log bt.csv
says out "$good"
/usr/bin/python3 - <<'EOF' || fail "time first learns something else"
import numpy as np
a, b = (np.loadtxt(f, delimiter=',', skiprows=1) for f in ('tb.csv', 'bt.csv'))
assert np.allclose(a, b, rtol=1e-4, atol=1e-6)
assert a[0, 1] > 1 and a[-1, 1] < 0.1
EOF
status 1 train tb.onnx --data two.npy "$@" --batch-axis 1
says err "two.npy: error: is no stream"
status 1 train tb.onnx --data ids.npy,odd.npy "$@" --batch-axis 1
says err "is no stream"
status 1 train tb.onnx --data ids.npy "$@" --batch-axis 2
says err "no input of the model has a dimension 2 to be the batch"
status 2 train tb.onnx --data ids.npy "$@" --batch-axis x

# ---- a state that is carried ----

set -- --stream --data noise.npy --val-data quiet.npy \
	--loss cross-entropy:axis=-1 --optimizer sgd:lr=0 --executor interpreter
for t in 5 10; do
	status 0 train rnn$t.onnx "$@" --carry h0=hn --steps $((90 / t)) \
		--log rnn$t.csv
	grep '^validation loss' out >rnn$t.val
done
/usr/bin/python3 - <<'EOF' || fail "the state is not what it was"
import numpy as np
a, b = (np.loadtxt(f'rnn{t}.csv', delimiter=',', skiprows=1)[:, 1] for t in (5, 10))
a, b = a.reshape(9, 2).mean(1), b
assert np.allclose(a, b, rtol=1e-5), (a, b)
a, b = (float(open(f'rnn{t}.val').read().split()[-1]) for t in (5, 10))
assert abs(a - b) < 1e-5 * b, (a, b)
EOF
status 1 train rnn5.onnx "$@"
says err "gives 2 arrays"
status 1 train rnn5.onnx "$@" --carry h1=hn
says err "the model has no input 'h1'"
status 1 plan rnn5.onnx --loss cross-entropy:axis=-1 --carry h0=hm
says err "the model has no output 'hm'"
status 1 plan rnn5.onnx --loss cross-entropy:axis=-1 --carry h0=y
says err "the input is f32[1,3,8], the output f32[5,3,7]"
status 2 plan rnn5.onnx --loss cross-entropy:axis=-1 --carry h0=
says err "is not INPUT=OUTPUT"

exit $bad
