#!/usr/bin/env python3
"""Every form of thin gradients and state, with every optimizer, on every kind of layer.

    thin_matrix.py THIMBLE [--all]

Seven small models (layers of one matrix, of a larger one, of matrices with batch dimensions, a
convolution, a table that is looked up, a recurrence, one of two directions with weights as ONNX has
them) learn for three steps with each form of --low-rank and with
--sketch, by each optimizer that takes it. What a run leaves, losses, parameters and state:

- by LLVM, and for a few by C, is the interpreter's but for rounding;
- with --micro-batch, too, as sums are taken in another order;
- is not what the optimizer leaves without, where the plan says that a parameter is thin; and is
  just that, in every bit, where it says that none is.

What is refused says why. Without --all, of each model every form once, by optimizers in turn.
A thin direction is an arbitrary one where the gradient has no more: compared is what two runs
may differ in after three steps, parts of the largest element of each array.
"""
import itertools
import json
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper
except ImportError as missing:
    print(f'skipped: {missing} (Debian: python3-onnx)')
    sys.exit(77)

from expect import expect, wrong
from parity import quick_compiler

BATCH, CLASSES, TIME, STEPS = 4, 6, 3, 3
# Of the largest element: rounding; and sums over parts of the batch.
BOUND = {'llvm': 1e-4, 'c': 1e-4, 'micro-batch': 1e-3}
RATES = {'sgd': 0.1, 'momentum': 0.05, 'nesterov': 0.05, 'adam': 0.01, 'adamw': 0.01, 'rmsprop': 0.01,
         'adagrad': 0.01, 'lion': 0.001, 'sm3': 0.05, 'adafactor': 0.01, 'adam8bit': 0.01}
# Of every form of --low-rank, which optimizers it goes with, and what it says to others.
FORMS = {
    'projection': (lambda o: True, None),
    'factors': (lambda o: True, None),
    'streaming': (lambda o: o == 'sgd', 'applies gradients as SGD does'),
    'mofasgd': (lambda o: o == 'momentum', 'is momentum'),
}
SKETCHED = ('momentum', 'nesterov', 'adam', 'adamw', 'rmsprop', 'adagrad')


class Builder:
    """A model, as nodes are appended to it."""

    def __init__(self, name):
        self.name, self.random = name, np.random.default_rng(1)
        self.nodes, self.weights = [], []

    def weight(self, name, *shape):
        x = self.random.standard_normal(shape) / np.sqrt(max(shape[-1], 4))
        self.weights.append(numpy_helper.from_array(x.astype('f4'), name))
        return name

    def node(self, op, inputs, output, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [output], output, **attributes))
        return output

    def head(self, x, features):
        self.node('Gemm', [x, self.weight('head', CLASSES, features), self.weight('bias', CLASSES)], 'y',
                  transB=1)

    def mean(self, x, features, axis):
        """Over time, then the head."""
        self.head(self.node('ReduceMean', [x], 'mean', axes=[axis], keepdims=0), features)

    def save(self, folder, shape, elements=TensorProto.FLOAT):
        graph = helper.make_graph(
            self.nodes, self.name, [helper.make_tensor_value_info('x', elements, shape)],
            [helper.make_tensor_value_info('y', TensorProto.FLOAT, [BATCH, CLASSES])], self.weights)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8),
                  f'{folder}/{self.name}.onnx')
        random = np.random.default_rng(2)
        x = random.standard_normal(shape).astype('f4')
        if elements == TensorProto.INT64:
            x = random.integers(0, 9, shape)
        np.save(f'{folder}/{self.name}.x.npy', x)


def gemm(folder):
    b = Builder('gemm')
    h = b.node('Tanh', [b.node('Gemm', ['x', b.weight('w', 20, 16), b.weight('c', 20)], 'h', transB=1)], 't')
    b.head(h, 20)
    b.save(folder, [BATCH, 16])


def wide(folder):
    """Thin state of it has elements enough for 8-bit codes."""
    b = Builder('wide')
    h = b.node('Tanh', [b.node('Gemm', ['x', b.weight('w', 140, 150), b.weight('c', 140)], 'h', transB=1)], 't')
    b.head(h, 140)
    b.save(folder, [BATCH, 150])


def matmul(folder):
    b = Builder('matmul')
    h = b.node('Tanh', [b.node('MatMul', ['x', b.weight('w', 12, 20)], 'h')], 't')
    b.mean(b.node('MatMul', [h, b.weight('v', 20, 14)], 'u'), 14, 1)
    b.save(folder, [BATCH, TIME, 12])


def conv(folder):
    b = Builder('conv')
    h = b.node('Conv', ['x', b.weight('w', 12, 3, 3, 3), b.weight('c', 12)], 'h', pads=[1, 1, 1, 1])
    h = b.node('Conv', [b.node('Tanh', [h], 't'), b.weight('v', 10, 12, 3, 3)], 'u', strides=[2, 2])
    b.head(b.node('Flatten', [b.node('GlobalAveragePool', [h], 'p')], 'f'), 10)
    b.save(folder, [BATCH, 3, 7, 7])


def table(folder):
    b = Builder('table')
    h = b.node('Gather', [b.weight('w', 40, 12), 'x'], 'h')
    b.mean(b.node('Tanh', [h], 't'), 12, 1)
    b.save(folder, [BATCH, TIME], TensorProto.INT64)


def recurrent(folder):
    b = Builder('lstm')
    n, size = 6, 10
    b.weights.append(numpy_helper.from_array(np.array([0], 'i8'), 'first'))
    for name, shape in (('w', (4 * size, n)), ('r', (4 * size, size)), ('c', (8 * size,))):
        b.node('Unsqueeze', [b.weight(name, *shape), 'first'], f'{name}1')
    b.nodes.append(helper.make_node('LSTM', ['x', 'w1', 'r1', 'c1'], ['h'], 'h', hidden_size=size))
    b.weights.append(numpy_helper.from_array(np.array([1], 'i8'), 'axes'))
    b.mean(b.node('Squeeze', ['h', 'axes'], 's'), size, 0)
    b.save(folder, [TIME, BATCH, n])


def both_ways(folder):
    b = Builder('bigru')
    n, size = 6, 10
    names = [b.weight('w', 2, 3 * size, n), b.weight('r', 2, 3 * size, size), b.weight('c', 2, 6 * size)]
    b.nodes.append(helper.make_node('GRU', ['x', *names], ['h'], 'h', hidden_size=size, direction='bidirectional'))
    b.node('Reshape', [b.node('Transpose', ['h'], 'u', perm=[0, 2, 1, 3]), 'shape'], 's')
    b.weights.append(numpy_helper.from_array(np.array([TIME, -1, 2 * size], 'i8'), 'shape'))
    b.mean('s', 2 * size, 0)
    b.save(folder, [TIME, BATCH, n])


MODELS = {'gemm': gemm, 'wide': wide, 'matmul': matmul, 'conv': conv, 'table': table, 'lstm': recurrent,
          'bigru': both_ways}


class Runs:
    def __init__(self, tool, folder):
        self.tool, self.folder = tool, folder
        self.largest, self.count, self.dense = {}, {}, {}
        for build in MODELS.values():
            build(folder)
        np.save(f'{folder}/t.npy', np.random.default_rng(3).integers(0, CLASSES, BATCH).astype('i4'))

    def call(self, command, model, optimizer, options):
        return subprocess.run(
            [self.tool, command, f'{self.folder}/{model}.onnx', '--loss', 'cross-entropy', '--optimizer',
             f'{optimizer}:lr={RATES[optimizer]}', *options], capture_output=True, text=True)

    def words(self, model, executor):
        return ['--input', f'x={self.folder}/{model}.x.npy', '--target', f'{self.folder}/t.npy', '--steps',
                str(STEPS), '--dump', f'{self.folder}/out', '--no-gradients', '--executor', executor]

    def dump(self, model, optimizer, executor, options):
        """All that the steps leave, by name; None, and said so, if they fail."""
        out = f'{self.folder}/out'
        subprocess.run(['rm', '-rf', out], check=True)
        r = self.call('run', model, optimizer, [*self.words(model, executor), *options])
        expect(not r.returncode, f'{model} {optimizer} {options} by {executor}: {r.returncode} {r.stderr}')
        if r.returncode:
            return None
        paths = [os.path.join(where, name) for where, _, names in os.walk(out) for name in names]
        return {os.path.relpath(p, out): np.load(p) for p in paths if p.endswith('.npy')}

    def near(self, kind, want, got, what):
        """Whether two runs leave the same."""
        if want is None or got is None:
            return
        self.count[kind] = self.count.get(kind, 0) + 1
        expect(want.keys() == got.keys() and 'loss.npy' in want, f'{what}: what there is')
        for name in sorted(want.keys() & got.keys()):
            a, b = (x[name].astype('f8') for x in (want, got))
            far = np.abs(a - b).max(initial=0) / max(np.abs(a).max(initial=0), 1e-3)
            self.largest[kind] = max(self.largest.get(kind, (0, '')), (far, f'{what}: {name}'))
            expect(far <= BOUND[kind], f'{what}: {name} differs by {far:.2g}')

    def whole(self, model, optimizer):
        """What the optimizer leaves by itself."""
        key = model, optimizer
        if key not in self.dense:
            self.dense[key] = self.dump(*key, 'interpreter', [])
        return self.dense[key]

    def changes(self, model, optimizer, options, found):
        """It changes what the plan says, and nothing if the plan says so."""
        r = self.call('plan', model, optimizer, ['--json', *options])
        what = f'{model} {optimizer} {options}'
        expect(not r.returncode, f'{what}: {r.stderr}')
        if r.returncode or found is None:
            return
        thin = [t['parameter'] for t in json.loads(r.stdout)['thin'] if 'why' not in t]
        dense = self.whole(model, optimizer)
        for name in thin:
            path = f'param/{name}.npy'
            expect(not np.array_equal(found[path], dense[path]), f'{what}: {name} is thin, and changes nothing')
        expect(thin or all(np.array_equal(found[k], dense[k]) for k in dense), f'{what}: none is thin, and it differs')
        self.count['thin'] = self.count.get('thin', 0) + len(thin)

    def refused(self, model, optimizer, options, reason):
        r = self.call('plan', model, optimizer, options)
        expect(r.returncode == 1 and reason in r.stderr, f'{model} {optimizer} {options}: {r.returncode} {r.stderr}')
        self.count['refused'] = self.count.get('refused', 0) + 1

    def agree(self, model, optimizer, options, executors, parts):
        what = f'{model} {optimizer} {" ".join(options)}'
        want = self.dump(model, optimizer, 'interpreter', options)
        self.changes(model, optimizer, options, want)
        for executor in executors:
            self.near(executor, want, self.dump(model, optimizer, executor, options), f'{what} {executor}')
        for n in parts:
            got = self.dump(model, optimizer, 'interpreter', [*options, '--micro-batch', str(n)])
            self.near('micro-batch', want, got, f'{what} --micro-batch {n}')


def cases():
    """By form: optimizer, options, and why it is refused or None."""
    for form, (takes, reason) in FORMS.items():
        yield [(o, ['--low-rank', f'2,form={form}'], None if takes(o) else reason) for o in RATES]
    yield [(o, ['--sketch', '0.5'], None if o in SKETCHED else 'no optimizer with state') for o in RATES]
    yield [(o, ['--sketch', '0.5', '--sketch-first-moment'],
            None if o in ('adam', 'adamw') else 'only adam and adamw' if o in SKETCHED else 'no optimizer with state')
           for o in RATES]


def some(runs):
    """Of each model every form once; of every form and of every model one by LLVM; one by C."""
    for i, model in enumerate(MODELS):
        for j, form in enumerate(cases()):
            taken = [(optimizer, options) for optimizer, options, reason in form if not reason]
            executors = ['c'] if (i, j) == (0, 0) else ['llvm'] if (i + j) % 4 == 1 else []
            runs.agree(model, *taken[(i + j) % len(taken)], executors, [1 + i % 2])
    runs.agree('wide', 'adam8bit', ['--low-rank', '2'], ['llvm'], [])
    for optimizer, options, reason in itertools.chain(*cases()):
        if reason:
            runs.refused('gemm', optimizer, options, reason)


def all_of_them(runs):
    for model in MODELS:
        for j, form in enumerate(cases()):
            for i, (optimizer, options, reason) in enumerate(form):
                if reason:
                    runs.refused(model, optimizer, options, reason)
                else:
                    runs.agree(model, optimizer, options, ['llvm', 'c'][:1 + (i == j)], (1, 2))
            print(f'{model}: {" ".join(options)} done', flush=True)


def main():
    with tempfile.TemporaryDirectory() as folder:
        runs = Runs(os.path.abspath(sys.argv[1]), folder)
        if 'llvm-19-dev' in runs.call('run', 'gemm', 'sgd', runs.words('gemm', 'llvm')).stderr:
            print('skipped: there is no LLVM in it')
            return 77
        quick_compiler(folder)
        (all_of_them if '--all' in sys.argv[2:] else some)(runs)
    print(', '.join(f'{n} {what}' for what, n in runs.count.items()))
    for kind, (far, where) in sorted(runs.largest.items()):
        print(f'{kind:12} {far:.2g} of {BOUND[kind]:.0e}: {where}')
    expect(runs.count.get('thin', 0) > len(MODELS), 'most of them are thin somewhere')
    return bool(wrong)


if __name__ == '__main__':
    sys.exit(main())
