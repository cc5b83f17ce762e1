#!/usr/bin/env python3
"""Quantized models: what integers compute, against NumPy, by every executor.

    quantized.py THIMBLE

Models as ONNX Runtime and PyTorch quantize them, of QuantizeLinear and DequantizeLinear around
operators on real numbers (QDQ) and of QLinear operators. NumPy adds up integers, scales the sum
and rounds it once, which is how the QLinear operators are defined: the interpreter, the C and
LLVM must give every one of its integers. Without the pass `integers`, QDQ computes with real
numbers: no result may be more than one integer away. The memory must be what integers take.
"""
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import onnx
    from onnx import helper, numpy_helper
except ImportError as missing:
    print(f'skipped: {missing} (Debian: python3-onnx)')
    sys.exit(77)

EXECUTORS = 'interpreter', 'c', 'llvm'
LIMITS = {np.dtype(t): (np.iinfo(t).min, np.iinfo(t).max) for t in ('u1', 'i1')}


def requantized(total, scale, to, zero):
    low, high = LIMITS[zero.dtype]
    y = np.rint(total.astype('f4') * (scale / to).astype('f4')) + zero.astype('f4')
    return np.clip(y, low, high).astype(zero.dtype)


def convolved(x, w, stride, pad, groups):
    """x without its zero point; sums of integers."""
    x = np.pad(x.astype('i8'), ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    n, rows, taps = len(x), len(w), w.shape[2]
    size = [(d - taps) // stride + 1 for d in x.shape[2:]]
    y = np.zeros((n, rows, *size), 'i8')
    for o in range(rows):
        first = o // (rows // groups) * w.shape[1]
        part = x[:, first:first + w.shape[1]]
        for i, j in np.ndindex(taps, taps):
            tap = part[:, :, i:i + stride * size[0]:stride, j:j + stride * size[1]:stride]
            y[:, o] += (tap[:, :, :size[0], :size[1]] * w[o, :, i, j].reshape(1, -1, 1, 1)).sum(1)
    return y


class Model:
    """Nodes, and the integers that they compute as they are added."""

    def __init__(self, seed, kind, weights, form):
        self.random = np.random.default_rng(seed)
        self.kind, self.weights, self.form = np.dtype(kind), np.dtype(weights), form
        self.nodes, self.constants, self.count = [], [], 0

    def name(self):
        self.count += 1
        return f't{self.count}'

    def constant(self, values):
        name = self.name()
        self.constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def node(self, op, inputs, **attributes):
        name = self.name()
        self.nodes.append(helper.make_node(op, inputs, [name], name, **attributes))
        return name

    def scaled(self, scale, zero):
        """A scale and a zero point, and their names."""
        scale, zero = np.float32(scale), np.array(zero, self.kind)
        return scale, zero, self.constant(scale), self.constant(zero)

    def draw_rows(self, shape, axis, each):
        """Integers, scales and zero points; shaped to stretch."""
        low, high = LIMITS[self.weights]
        along = [1] * len(shape)
        along[axis] = shape[axis] if each else 1
        w = self.random.integers(low, high + 1, shape).astype(self.weights)
        scale = self.random.uniform(0.5, 1, along).astype('f4') * np.float32(0.01)
        middle = 128 if self.weights == 'u1' else 0
        zero = middle + (0 if each else 3) + np.zeros(along, 'i4')
        return w, scale, zero.astype(self.weights)

    def operand(self, w, scale, zero, axis):
        """Names of the weights, as integers, or in QDQ as real numbers."""
        names = [self.constant(w), self.constant(scale.squeeze()), self.constant(zero.squeeze())]
        if self.form == 'qlinear':
            return names
        if self.form == 'float':
            real = ((w.astype('i4') - zero) * scale).astype('f4')
            names[0] = self.node('QuantizeLinear', [self.constant(real), *names[1:]], axis=axis)
        return self.node('DequantizeLinear', names, axis=axis)

    def draw_bias(self, scale, rows):
        """As integers of that scale, one for each row, which QDQ dequantizes."""
        b = self.random.integers(-3000, 3000, rows).astype('i4')
        if self.form == 'qlinear':
            return b, self.constant(b)
        scale = (scale.reshape(-1) * np.ones(rows)).astype('f4')
        zero = self.constant(np.zeros(rows, 'i4'))
        return b, self.node('DequantizeLinear', [self.constant(b), self.constant(scale), zero],
                            axis=0)

    def begin(self, x, scale, zero):
        """The input `x` quantized."""
        scale, zero, *names = self.scaled(scale, zero)
        self.at = scale, zero, *names
        self.q = self.node('QuantizeLinear', ['x', *names])
        low, high = LIMITS[self.kind]
        self.y = np.clip(np.rint(x / scale) + zero, low, high).astype(self.kind)

    def real(self):
        return self.node('DequantizeLinear', [self.q, *self.at[2:]])

    def finish(self, r, at):
        """Quantizes r, of QDQ."""
        self.q, self.at = self.node('QuantizeLinear', [r, *at[2:]]), at

    def centred(self):
        return self.y.astype('i8') - self.at[1].astype('i8')

    def conv(self, rows, taps, stride, pad, groups, to, each=True, then=None, **limits):
        shape = rows, self.y.shape[1] // groups, taps, taps
        w, scale, zero = self.draw_rows(shape, 0, each)
        at, both = self.scaled(*to), self.at[0] * scale
        b, bias = self.draw_bias(both, rows)
        total = convolved(self.centred(), w.astype('i8') - zero, stride, pad, groups)
        total += b.reshape(1, -1, 1, 1)
        attributes = {'pads': [pad] * 4, 'strides': [stride] * 2, 'group': groups}
        names = self.operand(w, scale, zero, 0)
        if self.form == 'qlinear':
            self.q = self.node('QLinearConv', [self.q, *self.at[2:], *names, *at[2:], bias],
                               **attributes)
        else:
            r = self.node('Conv', [self.real(), names, bias], **attributes)
            if then:
                limits = [self.constant(np.float32(v)) for v in limits.values()]
                r = self.node(then, [r, *limits])
            self.finish(r, at)
        self.y, self.at = requantized(total, both.reshape(1, -1, 1, 1), *at[:2]), at

    def pool(self):
        r = self.node('MaxPool', [self.real()], kernel_shape=[2, 2], strides=[2, 2])
        self.finish(r, self.at)
        n, c, h, w = self.y.shape
        self.y = self.y.reshape(n, c, h // 2, 2, w // 2, 2).max((3, 5))

    def flatten(self):
        op, self.y = 'Flatten', self.y.reshape(len(self.y), -1)
        if self.form == 'qlinear':
            self.q = self.node(op, [self.q])
        else:
            self.finish(self.node(op, [self.real()]), self.at)

    def dense(self, rows, to, op, each=True):
        """By Gemm, whose weights are turned, or by MatMul."""
        turned = op == 'Gemm'
        shape = (rows, self.y.shape[-1])[::1 if turned else -1]
        w, scale, zero = self.draw_rows(shape, 0 if turned else 1, each)
        at, both = self.scaled(*to), (self.at[0] * scale).reshape(-1)
        names = self.operand(w, scale, zero, 0 if turned else 1)
        b, x = np.int64(0), self.centred()
        if self.form == 'qlinear':
            self.q = self.node('QLinearMatMul', [self.q, *self.at[2:], *names, *at[2:]])
        elif turned:
            b, bias = self.draw_bias(both, rows)
            self.finish(self.node(op, [self.real(), names, bias], transB=1), at)
        else:
            self.finish(self.node(op, [self.real(), names]), at)
        w = w.astype('i8') - zero
        total = x @ (w.T if turned else w) + b
        self.y, self.at = requantized(total, both, *at[:2]), at

    def square(self, to):
        """The product of what there is with itself, transposed."""
        at, x, scale = self.scaled(*to), self.centred(), self.at[0] * self.at[0]
        real = self.real()
        self.finish(self.node('MatMul', [real, self.node(
            'DequantizeLinear', [self.node('Transpose', [self.q]), *self.at[2:]])]), at)
        self.y, self.at = requantized(x @ x.T, scale, *at[:2]), at

    def save(self, folder, x, real=False):
        """The integers are the output; or what they stand for."""
        if real:
            self.real()
        self.nodes[-1].output[0] = 'q'
        kind = {np.dtype('u1'): onnx.TensorProto.UINT8, np.dtype('i1'): onnx.TensorProto.INT8}
        kind = onnx.TensorProto.FLOAT if real else kind[self.kind]
        y = helper.make_tensor_value_info('q', kind, self.y.shape)
        x = helper.make_tensor_value_info('x', onnx.TensorProto.FLOAT, x.shape)
        graph = helper.make_graph(self.nodes, 'quantized', [x], [y], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)])
        model.ir_version = 8
        onnx.checker.check_model(model)
        onnx.save(model, f'{folder}/model.onnx')


def images(seed, kind, weights, form, each):
    x = np.random.default_rng(seed).standard_normal((4, 3, 9, 10)).astype('f4')
    m, low, middle = Model(seed, kind, weights, form), LIMITS[np.dtype(kind)][0], 7
    real = form != 'qlinear'
    m.begin(x, 0.02, middle)
    m.conv(8, 3, 1, 1, 1, (0.3, low if real else middle), each, 'Relu' if real else None)
    m.conv(8, 3, 2, 1, 8, (0.5, low if real else middle), each,
           *(['Clip'] if real else []), **({'low': 0, 'high': 300} if real else {}))
    m.conv(12, 1, 1, 0, 1, (0.9, middle), each)
    m.conv(8, 2, 1, 0, 2, (1.5, -middle if low else middle), each)
    if real:
        m.pool()
    m.flatten()
    m.dense(13, (0.7, middle), 'Gemm' if real else 'MatMul', each)
    return m, x


def matrices(seed, kind, weights, form, each):
    x = np.random.default_rng(seed).standard_normal((5, 21)).astype('f4')
    m, middle = Model(seed, kind, weights, form), 9
    m.begin(x, 0.02, middle)
    m.dense(18, (0.05, middle), 'MatMul', each)
    if form != 'qlinear':
        m.square((0.3, middle))
    return m, x


def run(thimble, folder, *options):
    out = subprocess.run([thimble, 'run', f'{folder}/model.onnx', f'--input=x={folder}/x.npy',
                          f'--dump={folder}/out', *options], capture_output=True, text=True)
    if out.returncode:
        return None, out.stderr.strip()
    return np.load(f'{folder}/out/output/q.npy'), ''


def graphs(thimble, folder, *options):
    """What there is after the pass, of the operators that may become others."""
    out = subprocess.run([thimble, 'compile', f'{folder}/model.onnx', '-o', f'{folder}/c',
                          '--dump-after=integers', *options], capture_output=True, text=True)
    operators = 'Conv', 'Gemm', 'MatMul', 'FakeQuantize', 'QLinearConv', 'QLinearMatMul'
    lines = (out.stdout + out.stderr).splitlines()
    return [op for line in lines for op in operators if f' = {op}(' in line]


def trains(thimble):
    """With a loss nothing becomes an integer: gradients go straight through FakeQuantize."""
    m, x = images(0, 'u1', 'i1', 'qdq', True)
    with tempfile.TemporaryDirectory() as folder:
        m.save(folder, x, real=True)
        found = graphs(thimble, folder, '--loss=mse', '--optimizer=sgd')
        without = graphs(thimble, folder)
    if 'FakeQuantize' not in found or 'Conv' not in found or 'QLinearConv' in found:
        return [f'with a loss: {found}']
    return [] if 'QLinearConv' in without else [f'without a loss: {without}']


def check(thimble, folder, name, m, x):
    m.save(folder, x)
    np.save(f'{folder}/x.npy', x)
    wrong, want = [], m.y.astype('i4')
    if len(np.unique(want)) < 8:
        wrong.append(f'{name}: the test says nothing: only {len(np.unique(want))} integers')
    for executor in EXECUTORS if x.ndim > 2 else EXECUTORS[::2]:
        got, message = run(thimble, folder, f'--executor={executor}')
        if got is None and executor == 'llvm' and 'LLVM' in message:
            continue
        if got is None or not np.array_equal(got, want):
            wrong.append(f'{name}, {executor}: ' + (message or f'{(got != want).sum()} wrong'))
    got, message = run(thimble, folder, '--disable=integers')
    if got is None or np.abs(got.astype('i4') - want).max() > (0 if m.form == 'qlinear' else 1):
        wrong.append(f'{name}, without integers: ' + (message or 'more than one away'))
    left = [op for op in graphs(thimble, folder) if not op.startswith('QLinear')]
    return wrong + [f'{name}: {op} computes with real numbers' for op in left]


def main():
    thimble, wrong, count = sys.argv[1], trains(sys.argv[1]), 0
    for make in images, matrices:
        for form in 'qdq', 'float', 'qlinear':
            for kind, weights, each in (('u1', 'i1', True), ('i1', 'i1', False),
                                        ('u1', 'u1', False), ('i1', 'i1', True)):
                m, x = make(count, kind, weights, form, each)
                name = f'{make.__name__}, {form}, {kind} by {weights}'
                with tempfile.TemporaryDirectory() as folder:
                    wrong += check(thimble, folder, name, m, x)
                count += 1
    print('\n'.join(wrong) or f'{count} models agree')
    sys.exit(bool(wrong))


if __name__ == '__main__':
    main()
