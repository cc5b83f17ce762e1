#!/usr/bin/env python3
"""The executors train alike: LLVM and C beside the interpreter.

    executors.py THIMBLE

A small model with every kind of convolution: dense, strided, dilated, in groups, by channels,
transposed, in one, two and three dimensions, and dropout. What a run dumps (losses, gradients, parameters)
must agree but for rounding, also under options that change what is computed when, and in other
types; trained for a device, whose sums have one order, in every bit, also in f16, bf16 and f64.
"""
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

from parity import quick_compiler

BATCH, CLASSES = 4, 5
# Shape of the input, of the weight, transposed?, and the attributes.
CONVOLUTIONS = (
    ((4, 8, 8), (6, 4, 3, 3), False, {'pads': [1, 1, 1, 1]}),
    ((4, 8, 8), (6, 4, 3, 3), False, {'pads': [0, 1, 1, 0], 'strides': [2, 2]}),
    ((4, 8, 8), (6, 2, 3, 3), False, {'pads': [2, 2, 2, 2], 'dilations': [2, 2], 'group': 2}),
    ((4, 8, 8), (4, 1, 3, 3), False, {'pads': [1, 1, 1, 1], 'group': 4}),
    ((4, 8, 8), (4, 1, 3, 3), False, {'pads': [1, 1, 1, 1], 'strides': [2, 2], 'group': 4}),
    ((4, 8, 8), (8, 1, 5, 3), False, {'pads': [2, 1, 2, 1], 'dilations': [1, 2], 'group': 4}),
    ((4, 8, 8), (4, 3, 3, 3), True, {'strides': [2, 2], 'output_padding': [1, 1]}),
    ((4, 8, 8), (4, 2, 2, 2), True, {'group': 2}),
    ((8, 32), (6, 8, 3), False, {'dilations': [2]}),
    ((8, 32), (8, 1, 5), False, {'group': 8, 'strides': [2]}),
    ((2, 2, 8, 8), (3, 2, 2, 3, 3), False, {'strides': [1, 2, 1]}),
)


class Builder:
    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.weights = [], []

    def weight(self, name, *shape):
        x = self.random.standard_normal(shape) / np.sqrt(max(1, np.prod(shape[1:])))
        self.weights.append(numpy_helper.from_array(x.astype('f4'), name))
        return name

    def constant(self, name, values):
        self.weights.append(numpy_helper.from_array(np.array(values, 'i8'), name))
        return name

    def node(self, op, inputs, output, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [output], output, **attributes))
        return output

    def branch(self, i, x, shape, weight, transposed, attributes):
        """A convolution of x, and each channel's mean; how many there are."""
        channels = weight[1] * attributes.get('group', 1) if transposed else weight[0]
        x = self.node('Reshape', [x, self.constant(f's{i}', (BATCH, *shape))], f'r{i}')
        x = self.node('ConvTranspose' if transposed else 'Conv',
                      [x, self.weight(f'w{i}', *weight), self.weight(f'b{i}', channels)], f'c{i}', **attributes)
        x = self.node('GlobalAveragePool', [self.node('Tanh', [x], f't{i}')], f'p{i}')
        return self.node('Flatten', [x], f'f{i}'), channels

    def model(self):
        x = self.node('Conv', ['x', self.weight('w', 4, 4, 1, 1)], 'stem')
        parts = [self.branch(i, x, *c) for i, c in enumerate(CONVOLUTIONS)]
        features = sum(n for _, n in parts)
        x = self.node('Concat', [name for name, _ in parts], 'features', axis=1)
        self.weights += [numpy_helper.from_array(np.array(0.25, 'f4'), 'ratio'),
                         numpy_helper.from_array(np.array(True), 'training')]
        x = self.node('Dropout', [x, 'ratio', 'training'], 'dropped')
        self.node('Gemm', [x, self.weight('fc', features, CLASSES), self.weight('bias', CLASSES)], 'y')
        graph = helper.make_graph(
            self.nodes, 'convolutions',
            [helper.make_tensor_value_info('x', 1, [BATCH, 4, 8, 8])],
            [helper.make_tensor_value_info('y', 1, [BATCH, CLASSES])], self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)


def in_type(model, elements):
    """The model with other elements."""
    typed = onnx.ModelProto()
    typed.CopyFrom(model)
    for t in typed.graph.initializer:
        if t.data_type == TensorProto.FLOAT:
            x = numpy_helper.to_array(t)
            t.CopyFrom(helper.make_tensor(t.name, elements, x.shape, x.flatten().tolist()))
    for v in [*typed.graph.input, *typed.graph.output]:
        v.type.tensor_type.elem_type = elements
    return typed


class Runs:
    def __init__(self, thimble, folder):
        self.thimble, self.folder, self.bad = thimble, folder, 0
        random = np.random.default_rng(2)
        model = Builder(1).model()
        onnx.save(model, self.path('m.onnx'))
        for name, elements in TYPES:
            onnx.save(in_type(model, elements), self.path(f'{name}.onnx'))
        np.save(self.path('x.npy'), random.standard_normal((3 * BATCH, 4, 8, 8)).astype('f4'))
        np.save(self.path('x1.npy'), np.load(self.path('x.npy'))[:BATCH])
        np.save(self.path('t.npy'), random.integers(0, CLASSES, 3 * BATCH).astype('i4'))
        np.save(self.path('t1.npy'), np.load(self.path('t.npy'))[:BATCH])

    def path(self, name):
        return os.path.join(self.folder, name)

    def call(self, *words):
        r = subprocess.run([self.thimble, *words], capture_output=True, text=True)
        if r.returncode:
            raise RuntimeError(f'{" ".join(words)}: {r.stderr}')

    def dump(self, executor, options):
        """All that a run leaves, by name."""
        out = self.path(executor)
        subprocess.run(['rm', '-rf', out], check=True)
        self.call('run', self.path('m.onnx'), '--input', f'x={self.path("x1.npy")}', '--target',
                  self.path('t1.npy'), '--loss', 'cross-entropy', '--steps', '3', '--dump', out,
                  '--executor', executor, *options)
        found = {}
        for where, _, names in os.walk(out):
            for name in names:
                if name.endswith('.npy'):
                    path = os.path.join(where, name)
                    found[os.path.relpath(path, out)] = np.load(path).astype('f8')
        return found

    def agree(self, executor, options):
        want, got = self.dump('interpreter', options), self.dump(executor, options)
        wrong = [] if len(want) > 20 and want.keys() == got.keys() else ['what is there']
        for name in want.keys() & got.keys():
            scale = np.abs(want[name]).max(initial=1e-3)
            if not (np.abs(want[name] - got[name]) <= 3e-5 * scale).all():
                wrong.append(name)
        self.bad += bool(wrong)
        if wrong:
            print(f'{executor} with {" ".join(options)} differs from the interpreter: {sorted(wrong)}')

    def save(self, executor, options, model):
        self.call('train', self.path(f'{model}.onnx'), '--data', f'{self.path("x.npy")},{self.path("t.npy")}',
                  '--loss', 'cross-entropy', '--epochs', '2', '--seed', '1', '--executor', executor,
                  '--save', self.path(executor + '.bin'), *options)
        return open(self.path(executor + '.bin'), 'rb').read()

    def same_bits(self, executors, options, model='m'):
        saves = [self.save(e, options, model) for e in executors]
        if any(s != saves[0] for s in saves):
            self.bad += 1
            print(f'{model}: with {" ".join(options)}, {", ".join(executors)} leave other bits')


OPTIONS = (
    ['--optimizer', 'momentum:lr=0.1'],
    ['--optimizer', 'adam:lr=0.01', '--micro-batch', '2'],
    ['--optimizer', 'adamw8bit:lr=0.01', '--feed'],
    ['--optimizer', 'sgd:lr=0.1', '--low-rank', '2'],
    ['--optimizer', 'adam:lr=0.01', '--sketch', '0.5', '--sketch-first-moment'],
    ['--optimizer', 'sgd:lr=0.1', '--tile', '2:stem'],
)
TYPES = (('f16', TensorProto.FLOAT16), ('bf16', TensorProto.BFLOAT16), ('f64', TensorProto.DOUBLE))


def main():
    with tempfile.TemporaryDirectory() as folder:
        runs = Runs(os.path.abspath(sys.argv[1]), folder)
        try:
            runs.dump('llvm', OPTIONS[0])
        except RuntimeError as e:
            if 'llvm-19-dev' in str(e):
                print('skipped: there is no LLVM in it')
                return 77
            raise
        for options in OPTIONS:
            runs.agree('llvm', options)
        runs.agree('c', OPTIONS[0])
        runs.same_bits(['llvm', 'c'], ['--optimizer', 'momentum:lr=0.1', '--target', 'cortex-m4'])
        quick_compiler(folder)
        for name, _ in TYPES:
            runs.same_bits(['llvm', 'c'], ['--optimizer', 'adam', '--target', 'cortex-m4'], name)
    return bool(runs.bad)


if __name__ == '__main__':
    sys.exit(main())
