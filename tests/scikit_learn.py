#!/usr/bin/env python3
"""scikit-learn's models, whose operators are of ai.onnx.ml, through thimble.

    scikit_learn.py THIMBLE SOURCE_DIR [c|llvm]

Inference is what ONNX Runtime computed (tests/tools/make_sklearn.py). A step of training is that of
the formula. The weights of a run come back in the file's own form, attributes among them, and
that file infers what the trained one did.
"""
import os
import shutil
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import onnx
    from onnx import TensorProto, helper
except ImportError as missing:
    print(f'skipped: {missing} (Debian: python3-onnx)')
    sys.exit(77)

BATCH, CLASSES = 8, 3
LR = 0.5
FLOAT = TensorProto.FLOAT


def tool(*args):
    r = subprocess.run([THIMBLE, *args], capture_output=True, text=True)
    if r.returncode:
        raise RuntimeError(f'{" ".join(args)}: {r.stderr}')
    return r.stderr


def infer(path, x, executor='interpreter'):
    np.save('x.npy', x)
    shutil.rmtree('out', ignore_errors=True)
    said = tool('run', path, '--batch', str(len(x)), '--input', 'X=x.npy', '--dump', 'out', '--executor', executor)
    return {f[:-4]: np.load(f'out/output/{f}') for f in os.listdir('out/output')}, said


def far(what, got, want, most=2e-6):
    off = np.abs(got.reshape(want.shape) - want).max()
    return [] if off <= most else [f'{what} is off by {off:.3g}']


# ---- inference ----

def check_inference(path, executors):
    known = np.load(path.replace('.onnx', '.npz'))
    for executor in executors:
        got, said = infer(path, known['X'], executor)
        for name in set(known.files) - {'X'}:
            yield from far(f'{name} ({executor})', got[name], known[name])
    m = onnx.load(path)
    strings = any(t.data_type == TensorProto.STRING for t in m.graph.initializer)
    if strings != ('has strings: each stands for its place among them, from 0 on' in said):
        yield f'says of strings: {said}'
    maps = any(n.op_type == 'ZipMap' for n in m.graph.node)
    if maps != ('a column for each label' in said):
        yield f'says of maps: {said}'


# ---- one step of training ----

def softmax(z):
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def classifier(path):
    node = next(n for n in onnx.load(path).graph.node if n.op_type == 'LinearClassifier')
    attrs = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    b = np.array(attrs['intercepts'], 'f8')
    return node.name, np.array(attrs['coefficients'], 'f8').reshape(len(b), -1), b


def check_step(path, to_probabilities):
    """Weights after one step, and the loss, of a classifier that gives these probabilities."""
    name, w, b = classifier(path)
    x, labels = np.load(path.replace('.onnx', '.npz'))['X'], np.arange(BATCH) % len(b)
    np.save('x.npy', x)
    np.save('y.npy', labels)
    shutil.rmtree('out', ignore_errors=True)
    tool('run', path, '--batch', str(BATCH), '--loss', 'cross-entropy', '--optimizer', f'sgd:lr={LR}', '--input',
         'X=x.npy', '--target', 'y.npy', '--steps', '1', '--dump', 'out', '--executor', 'interpreter')

    def loss(w, b):
        return -np.log(to_probabilities(x @ w.T + b))[np.arange(BATCH), labels].mean()

    yield from far('the loss', np.load('out/loss.npy')[0], np.array(loss(w, b)))
    for which, a in ('coefficients', w), ('intercepts', b):
        gradient, h = np.zeros_like(a), 1e-5
        for i in np.ndindex(a.shape):
            old = a[i]
            a[i] = old + h
            gradient[i] = loss(w, b)
            a[i] = old - h
            gradient[i] = (gradient[i] - loss(w, b)) / (2 * h)
            a[i] = old
        yield from far(which, np.load(f'out/param/{name}.{which}.npy'), a - LR * gradient, 1e-5)


# ---- training, and the weights back in the file ----

def check_training(path):
    known = np.load(path.replace('.onnx', '.npz'))
    x = np.repeat(known['X'], 4, axis=0)
    m = onnx.load(path)
    outputs = [o.name for o in m.graph.output]
    is_class = len(outputs) == 2
    y = np.arange(len(x)) % 2 if is_class else np.repeat(known[outputs[-1]], 4, axis=0) + 1
    np.save('tx.npy', x)
    np.save('ty.npy', y if is_class else y.astype('f4'))
    tool('train', path, '--batch', str(BATCH), '--data', 'tx.npy,ty.npy', '--loss',
         'cross-entropy' if is_class else 'mse', '--optimizer', 'adam:lr=0.05', '--epochs', '3', '-o', 'w.safetensors',
         '--export', 'new.onnx', '--executor', 'interpreter')
    onnx.checker.check_model('new.onnx')
    tool('export', path, 'w.safetensors', '-o', 'again.onnx')
    with open('new.onnx', 'rb') as a, open('again.onnx', 'rb') as b:
        if a.read() != b.read():
            yield 'export and --export differ'
    # All trained: what was is not what is.
    before, after = infer(path, known['X'])[0], infer('new.onnx', known['X'])[0]
    moved = np.abs(after[outputs[-1]] - before[outputs[-1]]).max()
    if not moved > 1e-3:
        yield f'the exported file moved by {moved}'
    if [n.op_type for n in onnx.load('new.onnx').graph.node] != [n.op_type for n in m.graph.node]:
        yield 'the exported file has other nodes'


# ---- forms that scikit-learn does not write ----

def save(path, node, outputs, opset=17):
    graph = helper.make_graph([node], 'g', [helper.make_tensor_value_info('X', FLOAT, [None, 2])], outputs)
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=[
        helper.make_opsetid('', opset), helper.make_opsetid('ai.onnx.ml', 3)]), path)


def ports(*types):
    return [helper.make_tensor_value_info(f'out{i}', t, None) for i, t in enumerate(types)]


def check_forms():
    x = np.array([[1, -2], [0.5, 3], [0, 0]], 'f4')
    one = {'coefficients': [1., 2.], 'intercepts': [0.5], 'classlabels_ints': [4, 7], 'domain': 'ai.onnx.ml'}
    z = x @ np.array([1, 2]) + 0.5
    for then, want in (('NONE', z), ('LOGISTIC', sigmoid(z))):
        save('form.onnx', helper.make_node('LinearClassifier', ['X'], ['out0', 'out1'], post_transform=then, **one),
             ports(TensorProto.INT64, FLOAT))
        got, _ = infer('form.onnx', x)
        yield from far(f'one row, {then}', got['out1'][:, 1], want)
        if got['out0'].tolist() != [4 + 3 * (v > 0) for v in z]:
            yield f'labels of one row: {got["out0"]}'
    for norm, size in ('L1', [3, 3.5, 1]), ('L2', [5 ** .5, 9.25 ** .5, 1]), ('MAX', [1, 3, 1]):
        save('form.onnx', helper.make_node('Normalizer', ['X'], ['out0'], norm=norm, domain='ai.onnx.ml'), ports(FLOAT))
        yield from far(norm, infer('form.onnx', x)[0]['out0'], x / np.array(size)[:, None])
    save('form.onnx', helper.make_node('Imputer', ['X'], ['out0'], imputed_value_floats=[9., 8.], replaced_value_float=0.,
                                       domain='ai.onnx.ml'), ports(FLOAT))
    yield from far('Imputer', infer('form.onnx', x)[0]['out0'], np.where(x == 0, [9, 8], x))


def refused(args, text):
    r = subprocess.run([THIMBLE, *args], capture_output=True, text=True)
    if r.returncode != 1 or text not in r.stderr:
        yield f'{" ".join(args)}: expected "{text}", got {r.returncode}: {r.stderr}'


def check_refusals(models):
    two, three = f'{models}/logistic.onnx', f'{models}/multinomial.onnx'
    tool('train', two, '--batch', '2', '--data', 'tx.npy,ty.npy', '--loss', 'cross-entropy', '--steps', '1', '-o',
         'two.safetensors', '--executor', 'interpreter')
    yield from refused(['export', three, 'two.safetensors', '-o', 'e.onnx'],
                       'coefficients has 15 numbers, the weight of that name is f32[2,5]')
    yield from refused(['export', two, '--batch', '2', '--training-graph', '--loss', 'cross-entropy', '-o', 'e.onnx'],
                       'is an attribute of its node; a training graph changes initializers only')


def main():
    global THIMBLE
    THIMBLE = os.path.abspath(sys.argv[1])
    models = os.path.join(os.path.abspath(sys.argv[2]), 'tests', 'models', 'sklearn')
    executors, bad = ['interpreter', *sys.argv[3:]], 0
    shares = {'logistic': lambda z: softmax(z / 2), 'multinomial': softmax}
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        np.save('tx.npy', np.zeros((2, 5), 'f4'))
        np.save('ty.npy', np.zeros(2, 'i8'))
        checks = {'refusals': check_refusals(models), 'forms': check_forms()}
        for f in sorted(os.listdir(models)):
            name, end = os.path.splitext(f)
            path = os.path.join(models, f)
            if end == '.onnx':
                checks[name] = (wrong for part in (
                    check_inference(path, executors), check_training(path),
                    check_step(path, shares[name]) if name in shares else []) for wrong in part)
        for name, check in checks.items():
            try:
                wrong = list(check)
            except RuntimeError as e:
                wrong = [str(e)]
            bad += len(wrong)
            print(f'{name}: {"; ".join(wrong) or "right"}')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
