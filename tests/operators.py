#!/usr/bin/env python3
"""Operators that ONNX's own cases (of Debian's release) do not have, against NumPy.

    operators.py THIMBLE

Each case is a model of one node, or two; the interpreter must give what the formula gives. What
cannot be meant must be refused: exit status 1, and a message that names the node and the trouble.
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

RANDOM = np.random.default_rng(1)
CASES = []


def draw(*shape):
    return RANDOM.standard_normal(shape).astype('f4')


def case(name, nodes, inputs, want, opset, constants=None):
    """nodes: (op, inputs, outputs, attributes). The last one's first output is `y`."""
    CASES.append((name, nodes, inputs, want, opset, constants or {}))


def einsum(equation, *shapes):
    x = [draw(*s) for s in shapes]
    names = [f'x{i}' for i in range(len(x))]
    case(f'Einsum {equation}', [('Einsum', names, ['y'], {'equation': equation})],
         dict(zip(names, x)), np.einsum(equation, *x), 13)


for equation, *shapes in (
        ('ij,jk->ik', (2, 3), (3, 4)), ('bij,bjk->bik', (2, 3, 4), (2, 4, 5)),
        ('bqhd,bkhd->bhqk', (2, 3, 4, 5), (2, 6, 4, 5)), ('i,j->ij', (3,), (4,)),
        ('ij->ji', (2, 3)), ('ij->', (2, 3)), ('ii->i', (3, 3)), ('...ii->...i', (2, 3, 4, 4)),
        ('ijk,jil->kl', (2, 3, 4), (3, 2, 5)), ('ab,bc,cd->ad', (2, 3), (3, 4), (4, 5)),
        ('bi,bi->b', (3, 4), (3, 4)), ('...ij,...jk->...ik', (2, 3, 4), (2, 4, 2)),
        ('ij,jk', (2, 3), (3, 4)), ('nchw,co->nohw', (2, 3, 2, 2), (3, 4)),
        ('a,b,c->abc', (2,), (3,), (4,)), ('ij,ij->ij', (2, 3), (2, 3)),
        ('iij,j->i', (3, 3, 2), (2,)), ('b...d,de->b...e', (2, 3, 4, 5), (5, 6))):
    einsum(equation, *shapes)


def normalized(x, axes, epsilon):
    mean = x.mean(axes, keepdims=True)
    return (x - mean) / np.sqrt(((x - mean) ** 2).mean(axes, keepdims=True) + epsilon)


def group_norm(opset):
    x, groups = draw(2, 6, 3, 4), 3
    scale, bias = draw(6 if opset >= 21 else 3), draw(6 if opset >= 21 else 3)
    y = normalized(x.reshape(2, groups, -1), 2, 1e-3).reshape(x.shape)
    each = [v if opset >= 21 else v.repeat(2) for v in (scale, bias)]
    case(f'GroupNormalization of opset {opset}',
         [('GroupNormalization', ['x', 's', 'b'], ['y'], {'num_groups': groups, 'epsilon': 1e-3})],
         {'x': x, 's': scale, 'b': bias},
         y * each[0].reshape(1, 6, 1, 1) + each[1].reshape(1, 6, 1, 1), opset)


def rms_norm():
    x, scale = draw(2, 3, 4), draw(3, 4)
    y = x / np.sqrt((x ** 2).mean((1, 2), keepdims=True) + 1e-5) * scale
    case('RMSNormalization', [('RMSNormalization', ['x', 's'], ['y'], {'axis': 1})],
         {'x': x, 's': scale}, y, 23)


def activations():
    x = draw(3, 5) * 3
    case('Swish', [('Swish', ['x'], ['y'], {'alpha': 1.5})], {'x': x},
         x / (1 + np.exp(-1.5 * x)), 24)
    case('Mish', [('Mish', ['x'], ['y'], {})], {'x': x}, x * np.tanh(np.log1p(np.exp(x))), 18)


def bitwise():
    a, b = (RANDOM.integers(-99, 99, (3, 5)).astype('i4') for _ in 'ab')
    for name, y in (('And', a & b), ('Or', a | b), ('Xor', a ^ b)):
        case(f'Bitwise{name}', [(f'Bitwise{name}', ['a', 'b'], ['y'], {})], {'a': a, 'b': b}, y, 18)
    case('BitwiseNot', [('BitwiseNot', ['a'], ['y'], {})], {'a': a}, ~a, 18)
    by = np.array([0, 3, 31, 32, -1], 'i4')
    wide = by.astype('i8')
    for way, y in (('LEFT', np.where((by < 0) | (by > 31), 0, a.astype('i8') << (wide & 31))),
                   ('RIGHT', a >> np.where((by < 0) | (by > 31), 31, by))):
        case(f'BitShift {way}', [('BitShift', ['a', 'b'], ['y'], {'direction': way})],
             {'a': a, 'b': by}, y.astype('i4'), 18)


def floored():
    a, b = draw(4, 5) * 9, draw(5)
    case('Mod of floats, floored', [('Mod', ['a', 'b'], ['y'], {})], {'a': a, 'b': b},
         np.mod(a, b), 13)
    signs = np.array([0, -0.0, 4, -4], 'f4'), np.array([[2], [-2]], 'f4')
    case('Mod of floats, the sign of 0',
         [('Mod', ['a', 'b'], ['r'], {}), ('Div', ['one', 'r'], ['y'], {})],
         dict(zip('ab', signs)), np.float32([[np.inf] * 4, [-np.inf] * 4]), 13,
         {'one': np.float32(1)})


def products():
    x = draw(3, 4)
    before = np.concatenate([np.ones((3, 1), 'f4'), np.cumprod(x, 1)[:, :-1]], 1)
    for exclusive, y in ((0, np.cumprod(x, 1)), (1, before)):
        case(f'CumProd, exclusive={exclusive}',
             [('CumProd', ['x', 'axis'], ['y'], {'exclusive': exclusive})], {'x': x}, y, 26,
             {'axis': np.array(1)})


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def attention(name, q, k, v, attributes, mask=None, past=None, opset=23):
    inputs = {'q': q, 'k': k, 'v': v}
    names = ['q', 'k', 'v', '', '', '']
    if mask is not None:
        inputs['mask'] = mask
        names[3] = 'mask'
    keys, values = k, v
    if past:
        inputs.update({'pk': past[0], 'pv': past[1]})
        names[4:6] = ['pk', 'pv']
        keys, values = (np.concatenate(p, 2) for p in ((past[0], k), (past[1], v)))
    group = q.shape[1] // k.shape[1]
    keys, values = keys.repeat(group, 1), values.repeat(group, 1)
    scores = q @ keys.swapaxes(2, 3) * attributes.get('scale', q.shape[3] ** -0.5)
    cap = attributes.get('softcap', 0)
    if cap:
        scores = cap * np.tanh(scores / cap)
    seen = np.ones(scores.shape[2:], bool)
    if attributes.get('is_causal'):
        seen = np.tril(seen, keys.shape[2] - q.shape[2] if past else 0)
    if mask is not None and mask.dtype == bool:
        seen = seen & mask
    elif mask is not None:
        scores = scores + mask
    scores = np.where(seen, scores, -1e30)
    case(f'Attention, {name}', [('Attention', names, ['y'], attributes)], inputs,
         softmax(scores) @ values, opset)


def attentions():
    q, k, v = draw(2, 4, 3, 5), draw(2, 4, 6, 5), draw(2, 4, 6, 7)
    attention('plain', q, k, v, {})
    attention('causal', q, draw(2, 4, 3, 5), draw(2, 4, 3, 5), {'is_causal': 1})
    attention('grouped, capped', q, k[:, :2], v[:, :2], {'softcap': 2.0, 'scale': 0.3})
    attention('added mask', q, k, v, {}, mask=draw(3, 6))
    visible = RANDOM.random((2, 1, 3, 6)) < 0.6
    visible[..., 0] = True
    attention('boolean mask', q, k, v, {}, mask=visible)
    attention('past', q, draw(2, 2, 3, 5), draw(2, 2, 3, 7), {'is_causal': 1},
              past=(draw(2, 2, 4, 5), draw(2, 2, 4, 7)))


def rotary(interleaved):
    x, angle = draw(2, 3, 4, 8), draw(9, 3)
    position = RANDOM.integers(0, 9, (2, 4))
    cos, sin = np.cos(angle)[position][:, None], np.sin(angle)[position][:, None]
    part = x[..., :6]
    a, b = (part[..., ::2], part[..., 1::2]) if interleaved else (part[..., :3], part[..., 3:])
    turned = [cos * a - sin * b, sin * a + cos * b]
    turned = np.stack(turned, -1).reshape(part.shape) if interleaved else np.concatenate(turned, -1)
    case(f'RotaryEmbedding, interleaved={interleaved}',
         [('RotaryEmbedding', ['x', 'c', 's', 'p'], ['y'],
           {'interleaved': interleaved, 'rotary_embedding_dim': 6})],
         {'x': x, 'c': np.cos(angle), 's': np.sin(angle), 'p': position},
         np.concatenate([turned, x[..., 6:]], -1), 23)


def antialiased():
    """A triangle filter, stretched by the factor that the image shrinks by."""
    x, out = draw(1, 1, 9), 4
    scale = np.float32(out / 9)
    at = (np.arange(out) + 0.5) / scale - 0.5
    weight = np.clip(1 - np.abs(np.arange(-9, 18) - at[:, None]) * scale, 0, None)
    weight /= weight.sum(1, keepdims=True)
    y = np.pad(x[0, 0], 9, 'edge') @ weight.T
    case('Resize, antialiased', [('Resize', ['x', '', '', 'sizes'], ['y'],
                                  {'mode': 'linear', 'antialias': 1})],
         {'x': x}, y.reshape(1, 1, out), 19, {'sizes': np.array([1, 1, out])})


def quantized():
    x, scale = draw(2, 3, 4), np.array([0.1, 0.02, 0.01], 'f4')
    zero = np.array([3, -4, 0], 'i1')
    shape = (1, 3, 1)
    q = np.clip(np.rint(x / scale.reshape(shape)) + zero.reshape(shape), -128, 127)
    case('QuantizeLinear and DequantizeLinear, by channel',
         [('QuantizeLinear', ['x', 's', 'z'], ['q'], {'axis': 1}),
          ('DequantizeLinear', ['q', 's', 'z'], ['y'], {'axis': 1})],
         {'x': x}, (q - zero.reshape(shape)) * scale.reshape(shape), 13, {'s': scale, 'z': zero})
    w = RANDOM.integers(-128, 128, (4, 5)).astype('i1')
    case('DequantizeLinear of weights',
         [('DequantizeLinear', ['w', 's'], ['f'], {}), ('MatMul', ['x', 'f'], ['y'], {})],
         {'x': x}, x @ (w * np.float32(0.05)), 13, {'w': w, 's': np.array(0.05, 'f4')})


def quantized_by_block():
    x, axis, block = draw(3, 7), 1, 3
    scale, zero = np.abs(draw(3, 3)) / 20 + np.float32(0.01), RANDOM.integers(-9, 9, (3, 3))
    zero = zero.astype('i1')
    each, at = (v.repeat(block, axis)[:, :7] for v in (scale, zero))
    q = np.clip(np.rint(x / each) + at, -128, 127)
    attributes = {'axis': axis, 'block_size': block}
    case('QuantizeLinear and DequantizeLinear, by block',
         [('QuantizeLinear', ['x', 's', 'z'], ['q'], attributes),
          ('DequantizeLinear', ['q', 's', 'z'], ['y'], attributes)],
         {'x': x}, (q - at) * each, 21, {'s': scale, 'z': zero})


def top_k():
    x = draw(3, 7)
    x[0, 2] = x[0, 5] = 9
    for name, output in (('values', np.take_along_axis), ('places', lambda x, i, axis: i)):
        for largest in (0, 1):
            order = np.argsort(-x if largest else x, 1, kind='stable')[:, :4]
            case(f'TopK, {name}, largest={largest}',
                 [('TopK', ['x', 'k'], ['y', 'p'] if name == 'values' else ['v', 'y'],
                   {'largest': largest})],
                 {'x': x}, output(x, order, 1), 11, {'k': np.array([4])})


def lp_pools():
    x = draw(2, 3, 6, 6)
    for p in (1, 2, 3):
        y = (np.abs(x).reshape(2, 3, 3, 2, 3, 2) ** p).sum((3, 5)) ** (1 / p)
        case(f'LpPool, p={p}', [('LpPool', ['x'], ['y'], {'p': p, 'kernel_shape': [2, 2],
                                                          'strides': [2, 2]})], {'x': x}, y, 18)
        case(f'GlobalLpPool, p={p}', [('GlobalLpPool', ['x'], ['y'], {'p': p})], {'x': x},
             (np.abs(x) ** p).sum((2, 3), keepdims=True) ** (1 / p), 18)


def space_to_depth():
    x = draw(1, 2, 4, 6)
    y = x.reshape(1, 2, 2, 2, 3, 2).transpose(0, 1, 3, 5, 2, 4).reshape(1, 8, 2, 3)
    case('SpaceToDepth, CRD', [('SpaceToDepth', ['x'], ['y'], {'blocksize': 2, 'mode': 'CRD'})],
         {'x': x}, y, 28)


def refused():
    """(op, inputs by name or shape, attributes, opset, what the message says)."""
    x = draw(2, 4, 3, 3)
    indices = np.zeros((2, 2), 'i8')
    return [
        ('Einsum', [draw(2, 3)], {'equation': 'ijk->i'}, 13, 'equation'),
        ('Einsum', [draw(2, 3), draw(4, 5)], {'equation': 'ij,jk->ik'}, 13, 'equation'),
        ('Einsum', [draw(2, 3)], {'equation': 'ij->ik'}, 13, 'equation'),
        ('Einsum', [draw(2, 3)], {'equation': 'ii->i'}, 13, 'equation'),
        ('Einsum', [draw(2, 3)], {'equation': 'i.j->i'}, 13, 'equation'),
        ('GroupNormalization', [x, draw(4), draw(4)], {'num_groups': 3}, 21, 'groups'),
        ('GroupNormalization', [x, draw(2), draw(4)], {'num_groups': 2}, 21, 'expected [4]'),
        ('InstanceNormalization', [x, draw(3), draw(4)], {}, 6, 'expected [4]'),
        ('LRN', [x], {'size': 0}, 13, 'size'),
        ('LpNormalization', [x], {'p': 3}, 22, 'expected 1 or 2'),
        ('RMSNormalization', [x, draw(5)], {}, 23, 'does not stretch'),
        ('PRelu', [x, draw(5)], {}, 16, 'does not stretch'),
        ('DepthToSpace', [x], {'blocksize': 3}, 13, 'do not divide'),
        ('DepthToSpace', [x], {'blocksize': 2, 'mode': 'ABC'}, 13, 'DCR or CRD'),
        ('SpaceToDepth', [x], {'blocksize': 2}, 13, 'do not divide'),
        ('GatherElements', [draw(2, 2), np.zeros((2, 2, 1), 'i8')], {}, 13, 'indices'),
        ('GatherND', [draw(2, 2), np.zeros((2, 3), 'i8')], {}, 13, 'indices'),
        ('ScatterElements', [draw(2, 2), indices, draw(2, 3)], {}, 18, 'expected [2,2]'),
        ('ScatterElements', [draw(2, 2), indices, draw(2, 2)], {'reduction': 'xor'}, 18, 'xor'),
        ('ReverseSequence', [draw(4, 3), np.ones(2, 'i8')], {}, 10, 'lengths'),
        ('CumSum', [draw(4, 3), np.array(5)], {}, 14, 'axis'),
        ('BitShift', [indices, indices], {'direction': 'UP'}, 11, 'LEFT or RIGHT'),
        ('BitwiseAnd', [x, x], {}, 18, 'expected an integer'),
        ('OneHot', [np.zeros(2, 'i8'), np.array(-3), draw(2)], {}, 11, 'depth'),
        ('EyeLike', [draw(2, 3, 4)], {}, 9, 'two dimensions'),
        ('Resize', [x, None, np.array([1, 1, 0, 2], 'f4')], {}, 13, 'scales'),
        ('Resize', [x, None, None, np.array([1, 1, 2])], {}, 13, 'sizes'),
        ('Resize', [x, None, np.ones(4, 'f4') * 2], {'mode': 'area'}, 13, 'area'),
        ('Upsample', [x, np.ones(3, 'f4')], {}, 9, 'expected 4 numbers'),
        ('TopK', [x, np.array([5])], {'axis': 2}, 11, 'expected 0 to the 3 elements'),
        ('TopK', [x, np.array([1, 2])], {}, 11, 'expected 1'),
        ('LpPool', [x], {'kernel_shape': [2, 2], 'p': 0}, 18, 'a positive number'),
        ('SpaceToDepth', [draw(1, 1, 2, 2)], {'blocksize': 2, 'mode': 'ABC'}, 28, 'DCR or CRD'),
        ('QuantizeLinear', [x, draw(2, 3, 3, 3)], {'axis': 1, 'block_size': 3}, 21,
         'expected [2,2,3,3] for blocks of 3'),
        ('QuantizeLinear', [x, draw(3)], {'axis': 1}, 13, 'expected one number or 4'),
        ('DequantizeLinear', [x, np.array(1, 'f4')], {}, 13, 'expected an integer'),
        ('Attention', [draw(2, 3, 8)] * 3, {'q_num_heads': 3, 'kv_num_heads': 2}, 23, '3 heads'),
        ('Attention', [draw(2, 3, 4, 5), draw(2, 2, 4, 5), draw(2, 2, 4, 5)], {}, 23, 'do not fit'),
        ('RotaryEmbedding', [draw(2, 3, 4, 8), draw(2, 4, 3), draw(2, 4, 3)], {}, 23,
         'expected [batch, length, 4]'),
        ('RotaryEmbedding', [draw(2, 3, 4, 8), draw(2, 4, 4), draw(2, 4, 4)],
         {'rotary_embedding_dim': 9}, 23, 'rotary_embedding_dim'),
    ]


def model_of(nodes, inputs, want, opset, constants):
    def port(name, x):
        return helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(x.dtype) if hasattr(
                helper, 'np_dtype_to_tensor_dtype') else
            onnx.mapping.NP_TYPE_TO_TENSOR_TYPE[x.dtype], x.shape)
    graph = helper.make_graph(
        [helper.make_node(op, i, o, **a) for op, i, o, a in nodes], 'case',
        [port(n, x) for n, x in inputs.items()],
        [port('y', want)],
        [numpy_helper.from_array(x, n) for n, x in constants.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', opset)])


def run(tool, name, nodes, inputs, want, opset, constants):
    with tempfile.TemporaryDirectory() as d:
        onnx.save(model_of(nodes, inputs, want, opset, constants), f'{d}/m.onnx')
        command = [tool, 'run', f'{d}/m.onnx', '--executor', 'interpreter', '--dump', f'{d}/out']
        for n, x in inputs.items():
            np.save(f'{d}/{n}.npy', x)
            command += ['--input', f'{n}={d}/{n}.npy']
        r = subprocess.run(command, capture_output=True, text=True, timeout=120)
        if r.returncode:
            return f'{name}: exit status {r.returncode}: {r.stderr.strip()}'
        got = np.load(f'{d}/out/output/y.npy')
        if got.shape != want.shape:
            return f'{name}: gives {got.shape}, expected {want.shape}'
        if not np.allclose(got, want, rtol=1e-4, atol=1e-5):
            return f'{name}: is off by {np.abs(got - want).max()}'
    return None


def refuse(tool, op, values, attributes, opset, says):
    """The first value comes in from outside, the others are of the file."""
    names = ['' if v is None else f'v{i}' for i, v in enumerate(values)]
    constants = {n: v for n, v in zip(names[1:], values[1:]) if v is not None}
    with tempfile.TemporaryDirectory() as d:
        onnx.save(model_of([(op, names, ['y'], attributes)], {'v0': values[0]}, draw(1), opset,
                           constants), f'{d}/m.onnx')
        r = subprocess.run([tool, 'inspect', f'{d}/m.onnx'], capture_output=True, text=True,
                           timeout=120)
    if r.returncode == 1 and f"{op} 'y'" in r.stderr and says in r.stderr:
        return None
    return f'{op} {attributes}: exit status {r.returncode}, not "{says}": {r.stderr.strip()}'


def main():
    for make in (rms_norm, activations, bitwise, floored, products, attentions, antialiased,
                 quantized, quantized_by_block, top_k, lp_pools, space_to_depth):
        make()
    for opset in (18, 21):
        group_norm(opset)
    for interleaved in (0, 1):
        rotary(interleaved)
    bad = refused()
    wrong = [w for w in (run(sys.argv[1], *c) for c in CASES) if w]
    wrong += [w for w in (refuse(sys.argv[1], *b) for b in bad) if w]
    for w in wrong:
        print(w)
    print(f'{len(CASES)} formulas, {len(bad)} refusals, {len(wrong)} wrong')
    return len(wrong) > 0


if __name__ == '__main__':
    sys.exit(main())
