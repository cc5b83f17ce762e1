#!/usr/bin/env python3
"""Makes the small models of tests/models/reader (needs python3-onnx).

values/NAME.onnx   one input x, one output y; two initializers that no node
    reads, "for x" and "of y", hold an input and what numpy computes from it
graphs/NAME.onnx   looked at by tests/unit/onnx_graph.c
bad/NAME.onnx      must be refused, with the message in bad/MESSAGES: lines of
    "NAME<tab>text that the message contains"
"""
import os
import sys

import numpy as np
from onnx import (AttributeProto, TensorProto as T, FunctionProto, helper as h,
                  numpy_helper as nh)

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'models',
                    'reader')
F, I64 = T.FLOAT, T.INT64
f32 = np.float32
rng = np.random.default_rng(7)


def init(name, array):
    return nh.from_array(np.asarray(array), name)


def ints(name, values):
    return init(name, np.array(values, np.int64))


def port(name, dims, type=F):
    return h.make_tensor_value_info(name, type, dims)


def model(nodes, inputs, outputs, inits=(), opset=17, producer='pytorch',
          functions=(), domains=()):
    graph = h.make_graph(nodes, 'g', inputs, outputs, list(inits))
    m = h.make_model(graph, producer_name=producer, functions=list(functions),
                     opset_imports=[h.make_opsetid('', opset)] +
                     [h.make_opsetid(d, 1) for d in domains])
    m.ir_version = 8
    return m


def save(folder, name, m):
    data = m if isinstance(m, bytes) else m.SerializeToString()
    assert len(data) < 20000, name
    with open(os.path.join(ROOT, folder, name), 'wb') as out:
        out.write(data)


# ---- values ----

def value(name, nodes, x, y, inits=(), opset=17, **more):
    """nodes: tuples (op, inputs, outputs, attributes) or ready NodeProtos."""
    x, y = np.asarray(x), np.asarray(y)
    made = [n if not isinstance(n, tuple) else
            h.make_node(n[0], n[1], n[2], name=f'{n[0]}_{i}',
                        **(n[3] if len(n) > 3 else {}))
            for i, n in enumerate(nodes)]
    kind = {np.dtype('float32'): F, np.dtype('int64'): I64}
    m = model(made, [port('x', x.shape, kind[x.dtype])],
              [port('y', y.shape, kind[y.dtype])],
              list(inits) + [init('for x', x), init('of y', y)], opset, **more)
    save('values', name + '.onnx', m)


def tensor(name, kind, dims, **fields):
    t = T()
    t.name, t.data_type = name, kind
    t.dims.extend(dims)
    for field, v in fields.items():
        if field == 'raw_data':
            t.raw_data = v
        else:
            getattr(t, field).extend(v)
    return t


def storage():
    """Every element type in every field that may hold it."""
    x = np.array([0.5, -1, 2], f32)
    bf16 = [0x3fc0, 0xc000, 0x4040]                      # 1.5 -2 3
    half = np.array([1.5, -2, 3], np.float16)
    small = np.array([3, -2, 7])
    count = np.array([3, 200, 7])
    cases = {
        'f32_raw': (T.FLOAT, dict(raw_data=half.astype('<f4').tobytes())),
        'f32_field': (T.FLOAT, dict(float_data=[1.5, -2, 3])),
        'f64_raw': (T.DOUBLE, dict(raw_data=half.astype('<f8').tobytes())),
        'f64_field': (T.DOUBLE, dict(double_data=[1.5, -2, 3])),
        'f16_raw': (T.FLOAT16, dict(raw_data=half.tobytes())),
        'f16_field': (T.FLOAT16,
                      dict(int32_data=half.view(np.uint16).tolist())),
        'bf16_raw': (T.BFLOAT16, dict(
            raw_data=np.array(bf16, '<u2').tobytes())),
        'bf16_field': (T.BFLOAT16, dict(int32_data=bf16)),
        'i8_raw': (T.INT8, dict(raw_data=small.astype('i1').tobytes())),
        'i8_field': (T.INT8, dict(int32_data=small)),
        'i16_raw': (T.INT16, dict(raw_data=small.astype('<i2').tobytes())),
        'i16_field': (T.INT16, dict(int32_data=small)),
        'i32_raw': (T.INT32, dict(raw_data=small.astype('<i4').tobytes())),
        'i32_field': (T.INT32, dict(int32_data=small)),
        'i64_raw': (T.INT64, dict(raw_data=small.astype('<i8').tobytes())),
        'i64_field': (T.INT64, dict(int64_data=small)),
        'u8_raw': (T.UINT8, dict(raw_data=count.astype('u1').tobytes())),
        'u8_field': (T.UINT8, dict(int32_data=count)),
        'u16_field': (T.UINT16, dict(int32_data=count)),
        'u32_field': (T.UINT32, dict(uint64_data=count)),
        'u64_field': (T.UINT64, dict(uint64_data=count)),
        'bool_raw': (T.BOOL, dict(raw_data=b'\1\0\2')),
        'bool_field': (T.BOOL, dict(int32_data=[1, 0, 1])),
    }
    for name, (kind, fields) in cases.items():
        w = (np.array([1, 0, 1]) if name[:4] == 'bool' else
             half if name[0] in 'fb' else small if name[0] == 'i' else count)
        value('storage_' + name,
              [('Cast', ['w'], ['c'], dict(to=F)), ('Add', ['x', 'c'], ['y'])],
              x, x + w.astype(f32), [tensor('w', kind, [3], **fields)])


def windows():
    from numpy.lib.stride_tricks import sliding_window_view
    x = rng.standard_normal((1, 1, 5, 6)).astype(f32)
    w = rng.standard_normal((1, 1, 3, 2)).astype(f32)

    def conv(x, pads, stride):
        (t, b), (le, r) = pads
        p = np.pad(x[0, 0], ((t, b), (le, r)))
        v = sliding_window_view(p, (3, 2))[::stride, ::stride]
        return (v * w[0, 0]).sum((2, 3))[None, None].astype(f32)

    # 5 by stride 2 -> 3 windows of 3: 2 cells of padding; 6 -> 3 of 2: none.
    for mode, pads, stride in (('SAME_UPPER', ((1, 1), (0, 0)), 2),
                               ('SAME_LOWER', ((1, 1), (0, 0)), 2),
                               ('SAME_UPPER', ((1, 1), (0, 1)), 1),
                               ('SAME_LOWER', ((1, 1), (1, 0)), 1),
                               ('VALID', ((0, 0), (0, 0)), 2)):
        value(f'conv_{mode.lower()}_{stride}',
              [('Conv', ['x', 'w'], ['y'], dict(
                  auto_pad=mode, strides=[stride, stride],
                  kernel_shape=[3, 2]))],
              x, conv(x, pads, stride), [init('w', w)])
    def spread(pads, n):
        y = np.zeros((n[0] + 9, n[1] + 9), f32)
        for i in range(5):
            for j in range(6):
                y[2 * i:2 * i + 3, 2 * j:2 * j + 2] += x[0, 0, i, j] * w[0, 0]
        return y[None, None, pads[0]:, pads[1]:][:, :, :n[0], :n[1]]

    # 5 -> 2 * 4 + 3 = 11 rows, 6 -> 2 * 5 + 2 = 12 columns, then cut.
    for name, at, n, attrs in (
            ('plain', (0, 0), (11, 12), {}),
            ('pads', (1, 0), (9, 11), dict(pads=[1, 0, 1, 1])),
            ('upper', (0, 0), (10, 12), dict(auto_pad='SAME_UPPER')),
            ('lower', (1, 0), (10, 12), dict(auto_pad='SAME_LOWER')),
            ('output_shape', (1, 2), (10, 9), dict(output_shape=[10, 9])),
            ('output_larger', (0, 0), (12, 12), dict(output_shape=[12, 12]))):
        value(f'conv_transpose_{name}',
              [('ConvTranspose', ['x', 'w'], ['y'],
                dict(attrs, strides=[2, 2]))], x, spread(at, n),
              [init('w', w)])
    p = np.pad(x, ((0, 0), (0, 0), (0, 1), (0, 0)), constant_values=-np.inf)
    v = sliding_window_view(p[0, 0], (2, 2))[::2, ::2].max((2, 3))
    value('maxpool_same_upper',
          [('MaxPool', ['x'], ['y'], dict(auto_pad='SAME_UPPER',
                                          strides=[2, 2], kernel_shape=[2, 2]))],
          x, v[None, None])
    value('maxpool_ceil',
          [('MaxPool', ['x'], ['y'], dict(ceil_mode=1, strides=[2, 2],
                                          kernel_shape=[2, 2]))],
          x, v[None, None])


def shapes():
    x = rng.standard_normal((2, 3, 4)).astype(f32)
    value('reshape_copy_and_rest', [('Reshape', ['x', 's'], ['y'])], x,
          x.reshape(2, 12), [ints('s', [0, -1])])
    value('flatten_2', [('Flatten', ['x'], ['y'], dict(axis=2))], x,
          x.reshape(6, 4))
    value('flatten_negative', [('Flatten', ['x'], ['y'], dict(axis=-2))], x,
          x.reshape(2, 12))
    value('flatten_0', [('Flatten', ['x'], ['y'], dict(axis=0))], x,
          x.reshape(1, 24))
    value('unsqueeze_11', [('Unsqueeze', ['x'], ['y'], dict(axes=[0, -1]))], x,
          x.reshape(1, 2, 3, 4, 1), opset=11)
    value('unsqueeze_13', [('Unsqueeze', ['x', 'a'], ['y'])], x,
          x.reshape(1, 2, 3, 4, 1), [ints('a', [-1, 0])], opset=13)
    one = x.reshape(2, 1, 3, 4, 1)
    value('squeeze_11', [('Squeeze', ['x'], ['y'], dict(axes=[1]))], one,
          one.reshape(2, 3, 4, 1), opset=11)
    value('squeeze_13', [('Squeeze', ['x', 'a'], ['y'])], one,
          one.reshape(2, 1, 3, 4), [ints('a', [-1])], opset=13)
    value('squeeze_all', [('Squeeze', ['x'], ['y'])], one, x)
    value('expand', [('Expand', ['x', 's'], ['y'])], x,
          np.broadcast_to(x, (5, 2, 3, 4)), [ints('s', [5, 1, 3, 1])])
    value('tile', [('Tile', ['x', 's'], ['y'])], x, np.tile(x, (2, 1, 3)),
          [ints('s', [2, 1, 3])])
    value('transpose_default', [('Transpose', ['x'], ['y'])], x,
          x.transpose(2, 1, 0))


def indexing():
    x = rng.standard_normal((4, 6)).astype(f32)
    value('slice_9', [('Slice', ['x'], ['y'], dict(
        starts=[1, -3], ends=[9, -1], axes=[0, 1]))], x, x[1:9, -3:-1], opset=9)
    value('slice_down', [('Slice', ['x', 's', 'e', 'a', 't'], ['y'])], x,
          x[::-1, 4:0:-2],
          [ints('s', [2**62, 4]), ints('e', [-2**62, 0]), ints('a', [0, -1]),
           ints('t', [-1, -2])])
    value('slice_far', [('Slice', ['x', 's', 'e', 'a', 't'], ['y'])], x,
          x[1::2**62, 4::-2**62],
          [ints('s', [1, 4]), ints('e', [2**62, -2**63]), ints('a', [0, 1]),
           ints('t', [2**62, -2**63])])
    value('slice_no_axes', [('Slice', ['x', 's', 'e'], ['y'])], x, x[1:3],
          [ints('s', [1]), ints('e', [3])])
    value('slice_whole', [('Slice', ['x', 's', 'e'], ['z']),
                          ('Relu', ['z'], ['y'])], x, np.maximum(x, 0),
          [ints('s', [0]), ints('e', [2**63 - 1])])
    cat = ('Concat', ['c', 'a', 'b'], ['y'], dict(axis=1))
    three = np.concatenate([x[:, 4:], x[:, :2], x[:, 2:4]], 1)
    value('split_11', [('Split', ['x'], list('abc'), dict(axis=1)), cat], x,
          three, opset=11)
    value('split_13', [('Split', ['x', 's'], list('abc'), dict(axis=-1)), cat],
          x, np.concatenate([x[:, 5:], x[:, :1], x[:, 1:5]], 1),
          [ints('s', [1, 4, 1])], opset=13)
    value('split_18', [('Split', ['x'], list('ab'),
                        dict(axis=0, num_outputs=2)),
                       ('Concat', ['b', 'a'], ['y'], dict(axis=0))],
          x[:3], np.concatenate([x[2:3], x[:2]]), opset=18)
    # What a squeeze of PyTorch's becomes where sizes are not written down; the
    # branch that is not taken does not fit, and names are each branch's own.
    def branch(*nodes, inits=()):
        return h.make_graph([h.make_node(op, i, o, **more)
                             for op, i, o, more in nodes], 'b', [],
                            [port('t', None)], list(inits))
    inner = branch(('Mul', ['u', 'w'], ['t'], {}),
                   inits=[init('w', np.full(6, 3, f32))])
    other = branch(('NoSuchOperator', ['x'], ['t'], {}))
    taken = branch(('Add', ['x', 'x'], ['u'], {}),
                   ('If', ['yes'], ['t'],
                    dict(then_branch=inner, else_branch=other)))
    value('if_shape', [
        ('Shape', ['x'], ['s']), ('Gather', ['s', 'at'], ['d'], dict(axis=0)),
        ('Equal', ['d', 'one'], ['c']), ('Not', ['c'], ['yes']),
        ('If', ['c'], ['y'], dict(then_branch=branch(
            ('Squeeze', ['x', 'axis'], ['t'], {})), else_branch=taken))],
        x, x * 6, [init('at', np.int64(1)), init('one', np.int64(1)),
                   ints('axis', [1])])
    # Elements of a sequence: of equal lengths with a rest, listed, of one each.
    for name, l, at, keep, y in [
            ('equal', init('l', np.int64(4)), [-1, 0], 1, [x[:, 4:], x[:, :4]]),
            ('listed', ints('l', [1, 3, 2]), [1, -1], 1, [x[:, 1:4], x[:, 4:]]),
            ('ones', None, [5, 0], 0, [x[:, 5], x[:, 0]]),
            ('ones_kept', None, [5, -6], 1, [x[:, 5:], x[:, :1]])]:
        value('sequence_' + name, [
            ('SplitToSequence', ['x', 'l'] if l else ['x'], ['q'],
             dict(axis=1, keepdims=keep)),
            ('SequenceAt', ['q', 'i'], ['a']), ('SequenceAt', ['q', 'j'], ['b']),
            ('Concat', ['a', 'b'], ['y'], dict(axis=-1))],
            x, np.concatenate(y, -1),
            [init('i', np.int64(at[0])), init('j', np.int64(at[1]))] +
            ([l] if l else []))
    value('gather_negative', [('Gather', ['x', 'i'], ['y'], dict(axis=1))], x,
          x[:, [[-1, 0]]], [ints('i', [[-1, 0]])])
    pads = [1, 0, 0, 2]
    padded = np.pad(x, ((1, 0), (0, 2)), constant_values=f32(1.5))
    value('pad_10', [('Pad', ['x'], ['y'], dict(pads=pads, value=1.5))], x,
          padded, opset=10)
    value('pad_11', [('Pad', ['x', 'p', 'v'], ['y'])], x, padded,
          [ints('p', pads), init('v', f32(1.5))], opset=11)
    value('pad_18', [('Pad', ['x', 'p', '', 'a'], ['y'])], x,
          np.pad(x, ((0, 0), (2, 1))), [ints('p', [2, 1]), ints('a', [-1])],
          opset=18)
    value('pad_reflect', [('Pad', ['x', 'p'], ['y'], dict(mode='reflect'))], x,
          np.pad(x, ((2, 1), (0, 3)), mode='reflect'),
          [ints('p', [2, 0, 1, 3])])
    value('trilu', [('Trilu', ['x', 'k'], ['y'], dict(upper=0))], x,
          np.tril(x, 2), [ints('k', 2)], opset=14)
    value('pad_nothing', [('Pad', ['x', 'p'], ['z']), ('Relu', ['z'], ['y'])],
          x, np.maximum(x, 0), [ints('p', [0] * 4)])


def maths():
    x = rng.standard_normal((2, 3, 4)).astype(f32)
    s = x.sum((0, 2)).astype(f32)
    value('reducesum_11', [('ReduceSum', ['x'], ['y'], dict(
        axes=[0, -1], keepdims=0))], x, s, opset=11)
    value('reducesum_13', [('ReduceSum', ['x', 'a'], ['y'],
                            dict(keepdims=0))], x, s, [ints('a', [0, -1])],
          opset=13)
    m = x.mean(1, keepdims=True)
    value('reducemean_17', [('ReduceMean', ['x'], ['y'], dict(axes=[1]))], x, m)
    value('reducemean_18', [('ReduceMean', ['x', 'a'], ['y'])], x, m,
          [ints('a', [1])], opset=18)
    value('reducemean_all', [('ReduceMean', ['x'], ['y'], dict(keepdims=0))], x,
          x.mean())
    value('reducesum_noop', [('ReduceSum', ['x'], ['z'],
                              dict(noop_with_empty_axes=1)),
                             ('Relu', ['z'], ['y'])], x, np.maximum(x, 0))
    value('clip_10', [('Clip', ['x'], ['y'], dict(min=-.5, max=.25))], x,
          x.clip(-.5, .25), opset=10)
    value('clip_11', [('Constant', [], ['m'], dict(value_float=.25)),
                      ('Clip', ['x', '', 'm'], ['y'])], x,
          np.minimum(x, f32(.25)), opset=12)
    e = np.exp(x.reshape(2, 12))
    value('softmax_12', [('Softmax', ['x'], ['y'])], x,
          (e / e.sum(1, keepdims=True)).reshape(x.shape), opset=12)
    e = np.exp(x)
    value('softmax_13', [('Softmax', ['x'], ['y'])], x,
          e / e.sum(2, keepdims=True), opset=13)
    value('logsoftmax_12', [('LogSoftmax', ['x'], ['y'], dict(axis=0))], x,
          x - np.log(np.exp(x).sum()), opset=12)
    value('sum_of_three', [('Sum', ['x', 'w', 'w'], ['y'])], x, x + 2 * x[0],
          [init('w', x[0])])
    value('max_of_one', [('Max', ['x'], ['y'])], x, x)
    value('mean_of_two', [('Mean', ['x', 'w'], ['y'])], x, (x + x[0]) / 2,
          [init('w', x[0])])
    value('dropout_zero', [('Dropout', ['x', 'r', 't'], ['z']),
                           ('Relu', ['z'], ['y'])], x, np.maximum(x, 0),
          [init('r', f32(0)), init('t', np.array(True))])
    value('dropout_frozen', [('Dropout', ['x', 'r', 't'], ['z']),
                             ('Relu', ['z'], ['y'])], x, np.maximum(x, 0),
          [init('r', f32(.5)), init('t', np.array(False))])
    w = rng.standard_normal((5, 4)).astype(f32)
    value('gemm_without_c', [('Gemm', ['x', 'w'], ['y'],
                              dict(transB=1, alpha=.5))],
          x[0], x[0] @ w.T * f32(.5), [init('w', w)])
    labels = np.array([3, 0, -1])
    z = x[0] - np.log(np.exp(x[0]).sum(1, keepdims=True))
    scale = f32([1, 2, 3, 4])
    value('loss_in_graph', [
        ('SoftmaxCrossEntropyLoss', ['x', 'labels', 'w'], ['l', 'z'],
         dict(ignore_index=-1)),
        ('Add', ['z', 'l'], ['y'])], x[0],
        z + (-4 * z[0, 3] - 1 * z[1, 0]) / 5,
        [init('labels', labels), init('w', scale)])
    value('cast_like', [('CastLike', ['x', 'w'], ['z']),
                        ('Add', ['z', 'w'], ['y'])], x[0],
          x[0].astype(np.int64) + 1, [ints('w', [1])])


def old_opsets():
    x = np.arange(12, dtype=f32).reshape(2, 3, 2)
    w = np.array([10, 20, 30], f32)
    value('opset_6_axis', [('Sub', ['x', 'w'], ['y'], dict(axis=1, broadcast=1))],
          x, x - w[:, None], [init('w', w)], opset=6)


def folding():
    """What exporters write to compute shapes; y says that it was right."""
    x = rng.standard_normal((2, 3, 8)).astype(f32)
    value('shape_arithmetic', [
        ('Shape', ['x'], ['s']), ('Gather', ['s', 'two'], ['d']),
        ('Cast', ['d'], ['df'], dict(to=F)), ('Sqrt', ['df'], ['r']),
        ('Floor', ['r'], ['rf']), ('Cast', ['rf'], ['h'], dict(to=I64)),
        ('Div', ['d', 'h'], ['q']), ('Mod', ['d', 'three'], ['m']),
        ('Unsqueeze', ['h', 'zero'], ['h1']),
        ('Unsqueeze', ['q', 'zero'], ['q1']),
        ('Unsqueeze', ['m', 'zero'], ['m1']),
        ('Mul', ['m1', 'three1'], ['m3']),
        ('Concat', ['m3', 'h1', 'q1'], ['t'], dict(axis=0)),
        ('Reshape', ['x', 't'], ['y'])], x, x.reshape(6, 2, 4),
        [ints('two', 2), ints('three', 3), ints('zero', [0]),
         ints('three1', [3])])
    value('shape_start_end', [
        ('Shape', ['x'], ['s'], dict(start=-2, end=9)),
        ('Concat', ['n', 's'], ['t'], dict(axis=0)),
        ('Reshape', ['x', 't'], ['y'])], x[:, :, :4], x[:, :, :4].reshape(
            2, 3, 4), [ints('n', [2])])
    value('constant_of_shape', [
        ('Shape', ['x'], ['s']),
        ('ConstantOfShape', ['s'], ['c'],
         dict(value=nh.from_array(np.array([2], f32)))),
        ('ConstantOfShape', ['s'], ['z']),
        ('Add', ['x', 'c'], ['a']), ('Add', ['a', 'z'], ['y'])], x, x + 2)
    value('constants', [
        ('Constant', [], ['a'], dict(value_float=2.)),
        ('Constant', [], ['b'], dict(value_floats=[1., 2, 3])),
        ('Constant', [], ['c'], dict(value_int=3)),
        ('Constant', [], ['d'], dict(value_ints=[1, -1])),
        ('Constant', [], ['e'], dict(value=init('', f32(.5)))),
        ('Unsqueeze', ['c', 'z'], ['c1']),
        ('Concat', ['c1', 'd'], ['s'], dict(axis=0)),
        ('Reshape', ['b', 's'], ['r'], dict()),
        ('Squeeze', ['r'], ['q']),
        ('Unsqueeze', ['q', 'one'], ['k']),
        ('Mul', ['x', 'k'], ['m']), ('Add', ['m', 'a'], ['n']),
        ('Sub', ['n', 'e'], ['y'])], x,
        x * np.array([1, 2, 3], f32)[:, None] + f32(1.5),
        [ints('z', [0]), ints('one', [1])])
    value('range', [
        ('Range', ['a', 'b', 'c'], ['r']), ('Cast', ['r'], ['f'], dict(to=F)),
        ('Add', ['x', 'f'], ['y'])], x, x + np.arange(9, -5, -1.75).astype(f32),
        [init('a', f32(9)), init('b', f32(-5)), init('c', f32(-1.75))])
    value('nonzero', [
        ('NonZero', ['m'], ['i']), ('Cast', ['i'], ['f'], dict(to=F)),
        ('ReduceSum', ['f', 'one'], ['s'], dict(keepdims=0)),
        ('Gather', ['s', 'one'], ['g']), ('Add', ['x', 'g'], ['y'])], x, x + 4,
        [ints('m', [[0, 5, 0], [0, 1, 7]]), ints('one', [1])])
    value('size', [('Size', ['x'], ['n']), ('Cast', ['n'], ['f'], dict(to=F)),
                   ('Div', ['x', 'f'], ['y'])], x, x / 48)
    # torch's mse_loss(x, 1): the target is expanded to the shape of x.
    value('torch_mse', [
        ('Shape', ['x'], ['s']),
        ('ConstantOfShape', ['rank'], ['ones'], dict(
            value=nh.from_array(np.array([1], np.int64)))),
        ('Mul', ['ones', 'minus'], ['neg']), ('Equal', ['s', 'neg'], ['e']),
        ('Where', ['e', 'ones', 's'], ['t']), ('Expand', ['one', 't'], ['g']),
        ('Sub', ['x', 'g'], ['d']), ('Mul', ['d', 'd'], ['q']),
        ('ReduceMean', ['q'], ['y'], dict(keepdims=0))], x,
        ((x - 1) ** 2).mean(),
        [ints('rank', [3]), ints('minus', -1), init('one', f32([1]))])
    # F.pad: the pads come as a flipped, transposed, cast constant.
    value('torch_pad', [
        ('ConstantOfShape', ['n'], ['z'], dict(
            value=nh.from_array(np.array([0], np.int64)))),
        ('Concat', ['p', 'z'], ['c'], dict(axis=0)),
        ('Reshape', ['c', 'rows'], ['r']),
        ('Slice', ['r', 'm1', 'min', 'ax', 'm1'], ['f']),
        ('Transpose', ['f'], ['t'], dict(perm=[1, 0])),
        ('Reshape', ['t', 'flat'], ['u']), ('Cast', ['u'], ['v'], dict(to=I64)),
        ('Pad', ['x', 'v', 'val'], ['y'], dict(mode='constant'))], x,
        np.pad(x, ((0, 0), (0, 0), (1, 2))),
        [ints('n', [4]), ints('p', [1, 2]), ints('rows', [-1, 2]),
         ints('m1', [-1]), ints('min', [-2**63]), ints('ax', [0]),
         ints('flat', [-1]), init('val', f32(0))])


def functions():
    """y = act(x * 3, slope .25), by a function that calls a function."""
    x = rng.standard_normal((2, 3)).astype(f32)

    def function(name, inputs, nodes, attrs=()):
        f = FunctionProto()
        f.domain, f.name = 'my.lib', name
        f.input.extend(inputs)
        f.output.extend(['out'])
        f.attribute.extend(attrs)
        f.node.extend(nodes)
        f.opset_import.extend([h.make_opsetid('', 17),
                               h.make_opsetid('my.lib', 1)])
        return f

    leaky = h.make_node('LeakyRelu', ['t'], ['out'])
    leaky.attribute.append(AttributeProto(name='alpha', ref_attr_name='slope',
                                          type=AttributeProto.FLOAT))
    inner = function('Act', ['in'],
                     [h.make_node('Relu', ['in'], ['dead']),
                      h.make_node('Abs', ['in'], ['a']),
                      h.make_node('Neg', ['a'], ['t']), leaky], ['slope'])
    call = h.make_node('Act', ['t'], ['out'], domain='my.lib')
    call.attribute.append(AttributeProto(name='slope', ref_attr_name='s',
                                         type=AttributeProto.FLOAT))
    outer = function('Twice', ['in', 'k'],
                     [h.make_node('Mul', ['in', 'k'], ['t']), call], ['s'])
    value('functions', [
        h.make_node('Twice', ['x', 'w'], ['m'], domain='my.lib', s=.25),
        h.make_node('Twice', ['m', 'w'], ['y'], domain='my.lib', s=.5)], x,
        np.abs(x) * f32(-3 * .25 * 3 * .5), [init('w', f32([3]))],
        functions=[inner, outer], domains=['my.lib'])


# ---- graphs ----

def graph(name, nodes, inputs, outputs, inits=(), **more):
    made = [n if not isinstance(n, tuple) else
            h.make_node(n[0], n[1], n[2], name=n[3] if len(n) > 3 else '',
                        **(n[4] if len(n) > 4 else {}))
            for n in nodes]
    save('graphs', name + '.onnx', model(made, inputs, outputs, inits, **more))


def stat(prefix, n=2):
    return [init(prefix + s, np.full(n, v, f32)) for s, v in
            (('.weight', 2), ('.bias', 3), ('.running_mean', .5),
             ('.running_var', 4))]


def bn_names(prefix):
    return [prefix + s for s in ('.weight', '.bias', '.running_mean',
                                 '.running_var')]


def batch_norms():
    x, y = [port('x', [4, 2])], [port('y', [4, 2])]
    for name, opset, outs, attrs, producer in (
            ('bn_train_13', 13, ['y', 'mo', 'vo', 'ms', 'vs'], {}, 'pytorch'),
            ('bn_train_14', 14, ['y', 'mo', 'vo'], {'training_mode': 1},
             'pytorch'),
            ('bn_train_onnx', 15, ['y', 'mo', 'vo'], {'training_mode': 1},
             'other'),
            ('bn_frozen_13', 13, ['y'], {}, 'pytorch'),
            ('bn_frozen_14', 14, ['y'], {'training_mode': 0}, 'pytorch')):
        graph(name, [('BatchNormalization', ['x'] + bn_names('bn'), outs, 'bn',
                      dict(attrs, epsilon=1e-3, momentum=.8))],
              x, y, stat('bn'), opset=opset, producer=producer)
    bn = dict(training_mode=1)
    graph('bn_called_twice', [
        ('BatchNormalization', ['x'] + bn_names('bn'), ['t', 'a', 'b'], '1',
         bn),
        ('BatchNormalization', ['t'] + bn_names('bn'), ['y', 'c', 'd'], '2',
         bn)], x, y, stat('bn'))
    graph('bn_batch_statistics', [
        ('ReduceMean', ['x'], ['mean'], 'm', dict(axes=[0], keepdims=0)),
        ('Sub', ['x', 'mean'], ['s'], 's'), ('Mul', ['s', 's'], ['q'], 'q'),
        ('ReduceMean', ['q'], ['var'], 'v', dict(axes=[0], keepdims=0)),
        ('BatchNormalization', ['x', 'bn.weight', 'bn.bias', 'mean', 'var'],
         ['y', 'a', 'b'], 'bn', bn)], x, y, stat('bn')[:2])
    # An export for inference keeps one of several equal initializers.
    graph('aliases', [
        ('Identity', ['1.weight'], ['1.running_var'], 'i1'),
        ('Identity', ['1.weight'], ['2.weight'], 'i2'),
        ('Identity', ['2.weight'], ['2.running_var'], 'i3'),
        ('BatchNormalization', ['x', '1.weight', '1.bias', '1.running_mean',
                                '1.running_var'], ['t', 'a', 'b'], '1', bn),
        ('BatchNormalization', ['t', '2.weight', '1.bias', '1.running_mean',
                                '2.running_var'], ['y', 'c', 'd'], '2', bn)],
        x, y, [init('1.weight', np.ones(2, f32)),
               init('1.bias', np.zeros(2, f32)),
               init('1.running_mean', np.zeros(2, f32))])


def names():
    x, y = [port('x', [4, 2])], [port('y', [4, 2])]
    w = rng.standard_normal((2, 2)).astype(f32)
    graph('tied', [('MatMul', ['x', 'w'], ['t'], 'first'),
                   ('MatMul', ['t', 'w'], ['y'], 'second')], x, y,
          [init('w', w)])
    graph('weight_path', [
        ('Transpose', ['w'], ['wt'], 'turn', dict(perm=[1, 0])),
        ('MatMul', ['x', 'wt'], ['y'], 'm')], x, y, [init('w', w)])
    graph('initializer_is_input', [('MatMul', ['x', 'w'], ['y'], 'm')],
          x + [port('w', [2, 2])], y, [init('w', w)])
    graph('roles', [
        ('Mul', ['x', 'scale'], ['_7'], 'm'), ('Add', ['_7', 'mask'], ['_8']),
        ('Add', ['_8', 'half'], ['h'], 'a'), ('Add', ['h', 'b'], ['y'], 'b')],
        x, y, [init('b', f32([1, 2])), init('unread', w),
               init('scale', f32(3)),
               init('mask', f32([0, -np.inf])), ints('steps', 1),
               tensor('half', T.FLOAT, [2], float_data=[.5, .5])])
    graph('dead', [('MatMul', ['x', 'w'], ['y'], 'm'),
                   ('NoSuchThing', ['x'], ['z'], 'dead')], x, y,
          [init('w', w)])
    graph('returns', [('Identity', ['x'], ['y'], 'i')], x,
          y + [port('w', [2, 2])], [init('w', w)])
    graph('folded', [('Conv', ['x', 'onnx::Conv_16', 'onnx::Conv_17'], ['c'],
                      'conv'), ('Flatten', ['c'], ['f'], 'flat'),
                     ('MatMul', ['f', 'onnx::MatMul_18'], ['y'], 'fc')],
          [port('x', [1, 1, 2, 2])], [port('y', [1, 2])],
          [init('onnx::Conv_16', rng.standard_normal((1, 1, 2, 2)).astype(f32)),
           init('onnx::Conv_17', f32([0])),
           init('onnx::MatMul_18', f32([[1, 2]]))])
    r = [init('r', f32(.25)), init('t', np.array(True))]
    graph('dropout_12', [('Dropout', ['x', 'r', 't'], ['d'], 'one'),
                         ('Dropout', ['d', 'r', 't'], ['y'], 'two')], x, y, r)
    graph('dropout_11', [('Dropout', ['x'], ['y'], 'one', dict(ratio=.25))], x,
          y, opset=11)
    graph('seed_taken', [('Add', ['x', 'seed'], ['s'], 'a'),
                         ('Dropout', ['s', 'r', 't'], ['y'], 'one')],
          x + [port('seed', [4, 2])], y, r)
    like = [80, 50]
    graph('random', [('RandomNormalLike', ['x'], ['normal'], 'normal',
                      dict(mean=1.0, scale=2.0)),
                     ('RandomUniform', [], ['uniform'], 'uniform',
                      dict(low=-1.0, high=3.0, shape=like)),
                     ('Bernoulli', ['x'], ['chance'], 'chance',
                      dict(dtype=T.INT32))],
          [port('x', like)],
          [port('normal', like), port('uniform', like),
           port('chance', like, T.INT32)])


def inputs():
    w = [init('w', rng.standard_normal((5, 3)).astype(f32))]
    graph('labels', [
        ('Gather', ['w', 'tok'], ['e'], 'emb'),
        ('SoftmaxCrossEntropyLoss', ['e', 'label'], ['loss'], 'loss',
         dict(ignore_index=-100)),
        ('Cast', ['wide'], ['f'], 'cast', dict(to=F))],
        [port('tok', [4], I64), port('label', [4], I64),
         port('wide', [4], I64)], [port('loss', []), port('f', [4])], w)
    graph('symbolic', [('MatMul', ['x', 'w'], ['y'], 'm'),
                       ('Add', ['z', 'z'], ['zz'], 'z')],
          [port('x', ['N', 'T', 5]), port('z', ['T', 'N'])],
          [port('y', ['N', 'T', 3]), port('zz', ['T', 'N'])], w)
    # As a convolution without bias comes out of PyTorch: zeros of the weight's first dimension,
    # which is as large as the batch.
    graph('baked_not', [('Shape', ['w'], ['s'], 'shape', dict(start=0, end=1)),
                        ('Expand', ['s', 'one'], ['e'], 'same'),
                        ('Expand', ['zero', 'e'], ['b'], 'bias'),
                        ('Conv', ['x', 'w', 'b'], ['y'], 'conv')],
          [port('x', [4, 2, 3, 3])], [port('y', [4, 4, 1, 1])],
          [init('w', np.ones((4, 2, 3, 3), f32)), init('zero', f32(0)),
           ints('one', [1])])
    # A mask that an exporter made for its batch of 2; the other says something of each example.
    for name, mask in (('baked_mask', [[True, False, True]] * 2),
                       ('baked_mask_not', [[True, False, True], [True, True, True]])):
        graph(name, [('Where', ['mask', 'x', 'zero'], ['y'], 'hide')],
              [port('x', [2, 3])], [port('y', [2, 3])],
              [init('mask', np.array(mask)), init('zero', f32(0))])
    # Attention as nn.MultiheadAttention writes it, time first, with the batch
    # of 2 in its constants: [T, B, E] -> [T, B*H, D] -> ... -> [T*B, E].
    for b in (1, 2):
        e, t, heads, d = 6, 5, 3, 2
        graph(f'baked_{b}', [
            ('Transpose', ['x'], ['t'], 'time', dict(perm=[1, 0, 2])),
            ('Reshape', ['t', 'split'], ['s'], 'split'),
            ('Transpose', ['s'], ['h'], 'heads', dict(perm=[1, 0, 2])),
            ('Transpose', ['h'], ['k'], 'keys', dict(perm=[0, 2, 1])),
            ('MatMul', ['h', 'k'], ['a'], 'scores'),
            ('Reshape', ['a', 'four'], ['a4'], 'four'),
            ('Relu', ['a4'], ['r4'], 'relu'),
            ('Reshape', ['r4', 'three'], ['r'], 'three'),
            ('MatMul', ['r', 'h'], ['v'], 'values'),
            ('Transpose', ['v'], ['b'], 'back', dict(perm=[1, 0, 2])),
            ('Reshape', ['b', 'merge'], ['m'], 'merge'),
            ('MatMul', ['m', 'w'], ['p'], 'project'),
            ('Reshape', ['p', 'whole'], ['o'], 'whole'),
            ('Transpose', ['o'], ['y'], 'batch', dict(perm=[1, 0, 2])),
            ('Reshape', ['x', 'flat'], ['z'], 'flat')],
            [port('x', [b, t, e])], [port('y', [b, t, e]),
                                     port('z', [b, t * e])],
            [ints('split', [t, b * heads, d]), ints('four', [b, heads, t, t]),
             ints('three', [-1, t, t]), ints('merge', [t * b, e]),
             ints('whole', [t, b, e]), ints('flat', [b, -1]),
             init('w', np.eye(e, dtype=f32))])
    graph('external', [('MatMul', ['x', 'w'], ['y'], 'm')],
          [port('x', [4, 5])], [port('y', [4, 3])],
          [external('w', [5, 3], 'sub/weights.bin', 4, 60)])
    os.makedirs(os.path.join(ROOT, 'graphs', 'sub'), exist_ok=True)
    save('graphs', 'sub/weights.bin',
         b'skip' + np.arange(15, dtype='<f4').tobytes())


def known_inputs():
    graph('known', [('Reshape', ['x', 's'], ['t']),
                    ('ReduceSum', ['t', 'axes'], ['y'], '', dict(keepdims=0))],
          [port('x', [2, 6]), port('s', [3], I64), port('axes', [1], I64)],
          [port('y', None)])
    graph('unnamed', [('ReduceMax', ['x'], ['t'], '', dict(keepdims=0, axes=[2])),
                      ('ReduceSum', ['z'], ['s'], '', dict(keepdims=0)),
                      ('Add', ['t', 's'], ['y'])],
          [port('x', ['', '', 2]), port('z', None)], [port('y', None)])
    more = h.make_graph([h.make_node('Add', ['x', 'bias'], ['more'])], 'more', [],
                        [port('more', None)])
    less = h.make_graph([h.make_node('Sub', ['x', 'bias'], ['less'])], 'less', [],
                        [port('less', None)])
    graph('told', [('Equal', ['rate', 'fast'], ['is_fast']),
                   ('If', ['is_fast'], ['t'], '', dict(then_branch=more, else_branch=less)),
                   ('Mul', ['t', 'mask'], ['y'])],
          [port('x', [2, 'T']), port('rate', [], I64), port('mask', [2, 'T'])],
          [port('y', None)], [init('fast', np.array(16000)), init('bias', np.ones(1, f32))])
    graph('known_empty', [('ReduceSum', ['x', 'axes'], ['y'])],
          [port('x', [2, 6]), port('axes', [0], I64)], [port('y', None)])


def external(name, dims, location, offset=None, length=None):
    t = tensor(name, F, dims)
    t.data_location = T.EXTERNAL
    for key, v in (('location', location), ('offset', offset),
                   ('length', length)):
        if v is not None:
            t.external_data.add(key=key, value=str(v))
    return t


# ---- bad ----

MESSAGES = []


def bad(name, message, nodes, inits=(), inputs=None, outputs=None, **more):
    made = [n if not isinstance(n, tuple) else
            h.make_node(n[0], n[1], n[2], name=n[3] if len(n) > 3 else '',
                        **(n[4] if len(n) > 4 else {}))
            for n in nodes]
    m = model(made, inputs or [port('x', [2, 3])],
              outputs or [port('y', None)], inits, **more)
    save('bad', name + '.onnx', m)
    MESSAGES.append(f'{name}\t{message}')


def bad_graphs():
    relu = [('Relu', ['x'], ['y'], 'r')]
    bad('cycle', "the graph has a cycle: 'a' -> 'b' -> 'a'",
        [('Add', ['x', 'u'], ['t'], 'a'), ('Relu', ['t'], ['u'], 'b'),
         ('Relu', ['u'], ['y'], 'c')])
    bad('cycle_of_one', "the graph has a cycle: 'a' -> 'a'",
        [('Add', ['x', 'y'], ['y'], 'a')])
    bad('order', "Relu 'a': reads 't', which is produced later, by 'b'",
        [('Relu', ['t'], ['y'], 'a'), ('Relu', ['x'], ['t'], 'b')])
    bad('missing_initializer', "Gemm 'fc': reads 'fc.weight', which is neither",
        [('Gemm', ['x', 'fc.weight'], ['y'], 'fc')])
    bad('two_producers', "Relu 'b': its output 'y' is also an output of 'a'",
        [('Relu', ['x'], ['y'], 'a'), ('Relu', ['x'], ['y'], 'b')])
    bad('output_is_input', "its output 'x' is also an input of the model",
        [('Relu', ['x'], ['x'], 'a'), ('Relu', ['x'], ['y'], 'b')])
    bad('no_output', "nothing produces the model's output 'z'", relu,
        outputs=[port('z', None)])
    bad('empty_op', "'a': the node has no op_type", [('', ['x'], ['y'], 'a')])
    bad('old_axis', "Add 'a': input 1 has the shape [3,2], which does not fit",
        [('Add', ['x', 'w'], ['y'], 'a', dict(axis=2, broadcast=1))],
        [init('w', np.ones((3, 2), f32))], [port('x', [2, 3, 2])], opset=6)
    bad('opset_99', 'opset 99; 1 to 28 are supported', relu, opset=99)
    bad('domain', "Fancy 'f': operators of the domain 'com.example'",
        [h.make_node('Fancy', ['x'], ['y'], name='f', domain='com.example')])
    bad('unsupported', "NoSuchThing 'n': this operator is not supported",
        [('NoSuchThing', ['x'], ['t'], 'n'), ('Relu', ['t'], ['y'], 'r')])
    bad('unsupported_twice', "NorThat 'b': this operator is not supported",
        [('NoSuchThing', ['x'], ['t'], 'a'), ('Relu', ['t'], ['u'], 'r'),
         ('NorThat', ['u'], ['y'], 'b')])
    body = h.make_graph([h.make_node('Identity', ['x'], ['z'])], 'b', [],
                        [port('z', [2, 3])])
    bad('control_flow', "Loop 'again': control flow is not supported",
        [('Loop', ['', 'c', 'x'], ['y'], 'again', dict(body=body))],
        [init('c', np.array(True))])
    bad('condition', "If 'branch': input 0 (cond), 'c', must be constant",
        [('ReduceSum', ['x'], ['t'], 's', dict(keepdims=0)),
         ('Cast', ['t'], ['c'], 'b', dict(to=T.BOOL)),
         ('If', ['c'], ['y'], 'branch',
          dict(then_branch=body, else_branch=body))])
    deep = body
    for i in range(17):
        deep = h.make_graph([h.make_node('If', ['c'], ['z'], name=f'i{i}',
                                         then_branch=deep, else_branch=body)],
                            'b', [], [port('z', [2, 3])])
    bad('branches', "branches are nested more than 16 deep",
        [('If', ['c'], ['y'], 'branch',
          dict(then_branch=deep, else_branch=body))],
        [init('c', np.array(True))])
    bad('attribute', "Relu 'r': attribute 'slope' is not supported",
        [('Relu', ['x'], ['y'], 'r', dict(slope=1.))])
    bad('attribute_kind', "Flatten 'f': attribute 'axis' is not supported",
        [('Flatten', ['x'], ['y'], 'f', dict(axis=1.))])
    bad('shape_mismatch', "Gemm 'fc':", [('Gemm', ['x', 'w'], ['y'], 'fc')],
        [init('w', np.ones((4, 5), f32))])
    bad('broadcast', "Add 'a':", [('Add', ['x', 'w'], ['y'], 'a')],
        [init('w', np.ones((2, 2), f32))])
    bad('reshape', "Reshape 'r': cannot reshape [2,3] to [4,-1]",
        [('Reshape', ['x', 's'], ['y'], 'r')], [ints('s', [4, -1])])
    bad('reshape_huge', "Reshape 'r': cannot reshape",
        [('Reshape', ['x', 's'], ['y'], 'r')], [ints('s', [2**40, 2**40])])
    bad('data_shape', "Reshape 'r': input 1 (shape), 's', must be constant",
        [('Reshape', ['x', 's'], ['y'], 'r')],
        inputs=[port('x', [2, 3]), port('s', [2], I64)])
    bad('expand_huge', "Expand 'e':",
        [('Expand', ['x', 's'], ['y'], 'e')],
        [ints('s', [2**40, 2**40, 2, 3])])
    bad('fold_huge', "ConstantOfShape 'c': its shape [1048576,1048576] is "
        "impossible",
        [('ConstantOfShape', ['s'], ['c'], 'c'), ('Add', ['c', 'x'], ['y'],
                                                  'a')],
        [ints('s', [2**20, 2**20])])
    bad('fold_work', "too much constant arithmetic",
        [('ConstantOfShape', ['s'], ['c'], 'c')] +
        [('Add', ['c', 'c'], [f'c{i}'], f'a{i}') for i in range(12)] +
        [('Sum', ['x'] + [f'c{i}' for i in range(12)], ['y'], 'sum')],
        [ints('s', [10000000])])
    bad('unbound', "'x': dimension 1 of this input ('T') has no size: give "
        "--dim T=N", relu, inputs=[port('x', [2, 'T'])])
    bad('unbound_batch', "dimension 0 of this input ('N') has no size: give "
        "--dim N=N or --batch N", relu, inputs=[port('x', ['N', 3])])
    bad('no_shape', "'x': this input has no shape", relu,
        inputs=[port('x', None)])
    bad('input_type', "'x': this input is not a tensor of a supported type",
        relu, inputs=[port('x', [2, 3], T.STRING)])
    bad('rank', "'x': has 9 dimensions, at most 8", relu,
        inputs=[port('x', [1] * 9)])
    bad('reserved', "initializer '_3' has a reserved name",
        [('Add', ['x', '_3'], ['y'], 'a')], [init('_3', np.ones(3, f32))])
    bad('pad_count', "Pad 'p': has 3 pads for 2 dimensions",
        [('Pad', ['x', 'p'], ['y'], 'p')], [ints('p', [1, 1, 1])])
    bad('split_sum', "Split 's': its parts add up to 2, expected 3",
        [('Split', ['x', 'p'], ['y', 'z'], 's', dict(axis=1))],
        [ints('p', [1, 1])])
    bad('slice_step', "Slice 's': a step is 0",
        [('Slice', ['x', 's', 'e', 's', 'z'], ['y'], 's')],
        [ints('s', [0]), ints('e', [1]), ints('z', [0])])
    split = ('SplitToSequence', ['x', 'l'], ['q'], 's', dict(axis=1))
    bad('sequence_read', "SplitToSequence 's': its sequence is read by 'j'",
        [split, ('ConcatFromSequence', ['q'], ['y'], 'j', dict(axis=1))],
        [ints('l', [1, 1])])
    bad('sequence_element', "SequenceAt 'a': asks for element 2, which 's' "
        "does not make", [split, ('SequenceAt', ['q', 'i'], ['y'], 'a')],
        [ints('l', [1, 1]), ints('i', 2)])
    bad('sequence_source', "SequenceAt 'a': input 0, 'x', is not the sequence of "
        "a SplitToSequence", [('SequenceAt', ['x', 'i'], ['y'], 'a')],
        [ints('i', 0)])
    bad('mask_read', "Dropout 'd': its mask is read by 'c'",
        [('Dropout', ['x'], ['t', 'm'], 'd'),
         ('Cast', ['m'], ['y'], 'c', dict(to=F))])
    image = [port('x', [1, 1, 2, 2])]
    bad('unpool_shape', "MaxUnpool 'u': output_shape is [1,1,3,4], less than the "
        "windows' [1,1,4,4]",
        [('MaxUnpool', ['x', 'i', 'o'], ['y'], 'u',
          dict(kernel_shape=[2, 2], strides=[2, 2]))],
        [ints('i', [[[[0, 2], [8, 10]]]]), ints('o', [1, 1, 3, 4])],
        inputs=image)
    bad('conditions', "If 'branch': its condition has 2 elements, expected one",
        [('If', ['c'], ['y'], 'branch',
          dict(then_branch=body, else_branch=body))],
        [init('c', np.array([True, True]))])
    bad('pad_overflow', "Pad 'p': pads by -9223372036854775808 elements",
        [('Pad', ['x', 'p'], ['y'], 'p')], [ints('p', [0, -2**63, 0, 0])])
    bad('output_shape', "ConvTranspose 'c': output_padding[0] is 4, expected",
        [('ConvTranspose', ['x', 'w'], ['y'], 'c', dict(output_shape=[9, 5]))],
        [init('w', np.ones((1, 1, 2, 2), f32))],
        inputs=[port('x', [1, 1, 4, 4])])
    bad('kernel_shape', "Conv 'c': kernel_shape says 3, the weight has 2",
        [('Conv', ['x', 'w'], ['y'], 'c', dict(kernel_shape=[3, 2]))],
        [init('w', np.ones((1, 1, 2, 2), f32))], inputs=[port('x', [1, 1, 4, 4])])
    bad('recursion', "functions call each other", [
        h.make_node('F', ['x'], ['y'], name='f', domain='my')],
        functions=[recursive()], domains=['my'])
    bad('bomb', "the file's functions make more than", [
        h.make_node('F0', ['x'], ['y'], name='f', domain='my')],
        functions=[doubling(i) for i in range(30)], domains=['my'])


def bad_types():
    """What shapes allow and types do not."""
    i64 = init('i', np.ones(3, np.int64))
    bad('types_norm', "LayerNormalization 'n': its types are not supported",
        [('LayerNormalization', ['x', 'i'], ['y'], 'n')], [i64])
    bad('types_root', "Sqrt 'r': its types are not supported: there is no sqrt",
        [('Sqrt', ['x'], ['y'], 'r')], inputs=[port('x', [2, 3], I64)])
    bad('types_stored', "its types are not supported",
        [('Elu', ['x'], ['y'], 'e')], inputs=[port('x', [2, 3], I64)])
    bad('absent', "Sum 's': input 1 is missing",
        [('Sum', ['x', '', 'x'], ['y'], 's')])
    statistics = [init(n, np.ones(3, f32)) for n in 'sbmv']
    norm = ['s', 'b', 'm', 'v']
    bad('statistic_kept', "BatchNormalization 'two': reads 'm', a statistic",
        [('BatchNormalization', ['x', *norm], ['t', 'c', 'd'], 'one',
          {'training_mode': 1}),
         ('BatchNormalization', ['t', *norm], ['y'], 'two')], statistics)
    bad('scan', "Scan 's': this operator is not supported",
        [('Scan', ['x'], ['y'], 's')])
    bad('shape_of_nothing', "Shape 's': has no input",
        [('Shape', [''], ['y'], 's')])
    bad('size_of_nothing', "Size 's': has no input",
        [('Size', [''], ['y'], 's')])


def bad_bounds():
    """Small files that ask for much."""
    def shape(name, message, *ns):
        bad(name, message,
            [('ConstantOfShape', [f's{i}'], [f'c{i}'], f'c{i}')
             for i in range(len(ns))] +
            [('Sum', [f'c{i}' for i in range(len(ns))], ['y'], 'sum')],
            [ints(f's{i}', n) for i, n in enumerate(ns)])
    shape('constant_huge', "ConstantOfShape 'c0': its shape [1099511627776] is "
          "impossible", [2**40])
    shape('constant_large', "too much constant arithmetic", [2**37])
    shape('constants_large', "ConstantOfShape 'c1': too much constant arithmetic",
          [2**26], [2**26])
    bad('range_huge', "Range 'r': too much constant arithmetic",
        [('Range', ['a', 'b', 'c'], ['r'], 'r'), ('Cast', ['r'], ['y'], 'c',
                                                 {'to': F})],
        [init('a', np.array(0)), init('b', np.array(2**31 - 1)),
         init('c', np.array(1))])
    bad('range_endless', "Range 'r': cannot count from 0 to 1 by 0",
        [('Range', ['a', 'b', 'a'], ['r'], 'r'), ('Cast', ['r'], ['y'], 'c',
                                                 {'to': F})],
        [init('a', np.array(0)), init('b', np.array(1))])
    bad('resize_huge', "Resize 'r': too much constant arithmetic",
        [('Resize', ['x', '', '', 's'], ['y'], 'r')],
        [ints('s', [2, 2**31 - 1])])
    bad('resize_tiny', "Resize 'r': scales dimension 1",
        [('Resize', ['x', '', 's'], ['y'], 'r', {'mode': 'cubic'})],
        [init('s', np.array([1, 1e-40], f32))])
    bad('tile_huge', "Tile 't': its result is too large",
        [('Tile', ['x', 's'], ['y'], 't')], [ints('s', [2**18, 2**18])])
    bad('pad_huge', "Pad 'p'", [('Pad', ['x', 's'], ['y'], 'p')],
        [ints('s', [0, 0, 2**30, 2**30])])
    bad('product_huge', "MatMul 'm': the output's shape",
        [('MatMul', ['x', 'z'], ['y'], 'm')],
        inputs=[port('x', [2**20, 1]), port('z', [1, 2**20])])
    bad('einsum_labels', "Einsum 'e'", [('Einsum', ['x', 'x', 'x', 'x', 'x'],
                                         ['y'], 'e', {
        'equation': 'ab,cd,ef,gh,ij->abcdefghij'})])
    bad('inputs_many', "has 4097 inputs; at most 4096 are supported",
        [('Sum', ['x'] * 4097, ['y'], 's')])
    bad('outputs_many', "has 4097 outputs; at most 4096 are supported",
        [('Split', ['x'], ['y'] + [''] * 4096, 's')])

    # A body whose nodes have many inputs, which are looked up among many.
    wide = h.make_function(
        'my', 'F', [f'i{i}' for i in range(400)] + ['a'], ['b'],
        [h.make_node('Sum', ['a'] * 500, [f't{i}']) for i in range(6)] +
        [h.make_node('Relu', ['t0'], ['b'])], [h.make_opsetid('', 17)])
    bad('inline_wide', "the file's functions make more than",
        [h.make_node('F', [f'y{i}' if i else 'x'], [f'y{i + 1}'], domain='my')
         for i in range(250)], functions=[wide], domains=['my'],
        outputs=[port('y250', None)])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_cell(z, r, state):
    i, o, f, g = np.split(z + r @ state[0], 4)
    c = sigmoid(f) * state[1] + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru_cell(z, r, state):
    h, n = state[0], len(state[0])
    own = r @ h
    u, reset = sigmoid(z[:n] + own[:n]), sigmoid(z[n:2 * n] + own[n:2 * n])
    new = np.tanh(z[2 * n:] + reset * own[2 * n:])
    return ((1 - u) * new + u * h,)


def rnn_cell(z, r, state):
    return (np.maximum(z + r @ state[0], 0),)


def run_layer(cell, x, w, r, lengths, state):
    """Each sample of each direction by itself: [T,D,N,H] and the last states."""
    t, n, d, h = len(x), x.shape[1], len(w), r.shape[2]
    y, last = np.zeros((t, d, n, h)), [np.zeros((d, n, h)) for _ in state]
    for k in range(d):
        for b in range(n):
            s = [v[k, b] for v in state]
            steps = range(lengths[b])
            for i in reversed(steps) if k == 1 else steps:
                s = cell(w[k] @ x[i, b], r[k], s)
                y[i, k, b] = s[0]
            for whole, v in zip(last, s):
                whole[k, b] = v
    return y, last


def recurrent():
    d, t, n, i, h = 2, 5, 3, 4, 2
    draw = lambda *dims: rng.standard_normal(dims).astype(f32)
    x, lengths = draw(t, n, i), np.array([5, 2, 3], np.int32)
    for op, gates, cell, more, states in (
            ('LSTM', 4, lstm_cell, {}, 2),
            ('GRU', 3, gru_cell, dict(linear_before_reset=1), 1),
            ('RNN', 1, rnn_cell, dict(activations=['Relu', 'Relu']), 1)):
        w, r = draw(d, gates * h, i), draw(d, gates * h, h)
        start = [draw(d, n, h) for _ in range(states)]
        y, last = run_layer(cell, x, w, r, lengths, start)
        ins = ['x', 'w', 'r', '', 'n'] + ['h', 'c'][:states]
        weights = [init('w', w), init('r', r), init('n', lengths)]
        of = weights + [init(a, v) for a, v in zip('hc', start)]
        more = dict(more, hidden_size=h, direction='bidirectional')
        value(op.lower() + '_y', [(op, ins, ['y'], more)], x, y.astype(f32), of)
        value(op.lower() + '_last', [(op, ins, [''] * states + ['y'], more)], x,
              last[-1].astype(f32), of)
        swapped = [init(a, v.swapaxes(0, 1).copy()) for a, v in zip('hc', start)]
        value(op.lower() + '_layout', [(op, ins, ['y'], dict(more, layout=1))],
              x.swapaxes(0, 1), y.transpose(2, 0, 1, 3).astype(f32),
              weights + swapped)


def gate_order(name, order):
    """A GRU whose weights are brought to ONNX's order of gates, as exporters do."""
    nodes = []
    for v in 'wr':
        nodes += [('Slice', [v, f'b{g}', f'e{g}', 'axis'], [f'{v}{g}'])
                  for g in order]
        nodes += [('Concat', [f'{v}{g}' for g in order], [v + '_all'], '',
                   dict(axis=0)), ('Unsqueeze', [v + '_all', 'axis'], [v + '_onnx'])]
    ends = [ints(f'{e}{g}', [2 * g + 2 * (e == 'e')]) for g in range(3)
            for e in 'be']
    graph(name, nodes + [('GRU', ['x', 'w_onnx', 'r_onnx'], ['y'], 'gru',
                          dict(hidden_size=2))],
          [port('x', [4, 1, 3])], [port('y', [4, 1, 1, 2])],
          ends + [ints('axis', [0]), init('w', np.ones((6, 3), f32)),
                  init('r', np.ones((6, 2), f32))])


def gate_orders():
    gate_order('gru_order', (1, 0, 2))
    gate_order('gru_other_order', (2, 0, 1))


def bad_recurrent():
    w = [init('w', np.ones((1, 8, 3), f32)), init('r', np.ones((1, 8, 2), f32))]
    def lstm(name, message, ins=('x', 'w', 'r'), inits=w, **more):
        bad(name, message, [('LSTM', list(ins), ['y'], 'l', more)], inits,
            inputs=[port('x', [4, 1, 3])])
    lstm('lstm_activation', "LSTM 'l': its activation 1 is 'Relu', expected Tanh",
         activations=['Sigmoid', 'Relu', 'Tanh'])
    lstm('lstm_clip', "LSTM 'l': 'clip' is not supported", clip=3.)
    lstm('lstm_direction', "LSTM 'l': its direction is 'sideways'",
         direction='sideways')
    lstm('lstm_hidden', "LSTM 'l': hidden_size is 3, its weights have 2",
         hidden_size=3)
    lstm('lstm_weight', "LSTM 'l': input 1 has the shape [1,8,3], expected",
         direction='bidirectional')
    lstm('lstm_lengths', "LSTM 'l': its sequence lengths are i64[1], expected "
         'i32[1]', ('x', 'w', 'r', '', 'n'), w + [ints('n', [3])])


def recursive():
    f = FunctionProto(domain='my', name='F')
    f.input.append('in')
    f.output.append('out')
    f.node.append(h.make_node('F', ['in'], ['out'], domain='my'))
    return f


def doubling(i):
    """30 levels that each call the next twice: a thousand million nodes."""
    f = FunctionProto(domain='my', name=f'F{i}')
    f.input.append('in')
    f.output.append('out')
    f.node.extend([h.make_node(f'F{i + 1}', ['in'], ['t'], domain='my'),
                   h.make_node(f'F{i + 1}', ['t'], ['out'], domain='my')]
                  if i < 29 else [])
    return f


def bad_tensors():
    add = [('Add', ['x', 'w'], ['y'], 'a')]
    w = np.ones(3, f32)

    def tensor_case(name, message, t):
        bad(name, message, add, [t])

    nan, inf = w.copy(), w.copy()
    nan[1], inf[2] = np.nan, np.inf
    tensor_case('nan', "initializer 'w' has 1 elements that are NaN",
                init('w', nan))
    tensor_case('infinite', "initializer 'w' has 1 elements that are infinite",
                init('w', inf))
    tensor_case('huge_dims', "tensor 'w' has the impossible shape",
                tensor('w', F, [2**40, 2**40]))
    tensor_case('negative_dim', "tensor 'w' has the impossible shape [-3]",
                tensor('w', F, [-3], raw_data=b'123456789abc'))
    tensor_case('big_but_empty', "tensor 'w' has the impossible shape",
                tensor('w', F, [2**40]))
    tensor_case('short_raw', "tensor 'w' has 11 bytes of data",
                tensor('w', F, [3], raw_data=b'12345678901'))
    tensor_case('short_field', "tensor 'w' has 2 elements of data",
                tensor('w', F, [3], float_data=[1, 2]))
    tensor_case('wrong_field', "tensor 'w' has 0 elements of data",
                tensor('w', F, [3], double_data=[1, 2, 3]))
    tensor_case('string', "tensor 'w' has 1 elements of data",
                tensor('w', T.STRING, [2], string_data=[b'a']))
    tensor_case('complex', "tensor 'w' has the element type COMPLEX64",
                tensor('w', T.COMPLEX64, [1], float_data=[1, 2]))
    tensor_case('unknown_type', "tensor 'w' has the element type unknown",
                tensor('w', 99, [1], raw_data=b'1234'))
    tensor_case('tensor_rank', "tensor 'w' has 9 dimensions",
                tensor('w', F, [1] * 9, float_data=[1]))
    for name, message, args in (
            ('external_parent', "leaves the model's folder by '..'",
             ('../../etc/passwd',)),
            ('external_hidden_parent', "leaves the model's folder by '..'",
             ('sub/../../../etc/passwd',)),
            ('external_absolute', 'has an absolute location', ('/etc/passwd',)),
            ('external_missing', "external data 'nowhere.bin': No such file",
             ('nowhere.bin',)),
            ('external_empty', 'has no location', ('',)),
            ('external_folder', 'is not a file', ('.',)),
            ('external_short', 'are wanted', ('MESSAGES', 2**40, 12)),
            ('external_negative', 'that is not a number', ('MESSAGES', -4)),
            ('external_overflow', 'that is not a number',
             ('MESSAGES', 2**70, 12)),
            ('external_length', 'gives 8 bytes', ('MESSAGES', 0, 8))):
        tensor_case(name, message, external('w', [3], *args))
    bad('external_shared', "of which tensors take more than 16 times as many",
        [('Sum', [f'w{i}' for i in range(40)], ['y'], 's')],
        [external(f'w{i}', [500], 'inputs_many.onnx', 4, 2000)
         for i in range(40)] + [external(f'v{i}', [3000], 'inputs_many.onnx', 4,
                                         12000) for i in range(17)])
    g = model([h.make_node('Add', ['x', 'w'], ['y'])], [port('x', [2, 3])],
              [port('y', [2, 3])])
    s = g.graph.sparse_initializer.add()
    s.values.CopyFrom(tensor('w', F, [1], float_data=[1]))
    s.indices.CopyFrom(ints('i', [0]))
    s.dims.extend([3])
    save('bad', 'sparse.onnx', g)
    MESSAGES.append("sparse\tinitializer 'w' is sparse")


def split_models():
    """What ONNX Runtime's training tool makes of a Gemm with a cross-entropy."""
    def ort(op, inputs, outputs, **attrs):
        return h.make_node(op, inputs, outputs, domain='com.microsoft', **attrs)

    def case(name, message, nodes, outputs, inputs=()):
        ports = [port('x', [4, 3]), port('labels', [4], I64), port('w', [3, 5]),
                 port('w.buffer', [3, 5]), *inputs]
        m = model(nodes, ports, [port(o, []) for o in outputs],
                  domains=['com.microsoft'])
        save('bad', name + '.onnx', m)
        MESSAGES.append(f'{name}\t{message}')

    forward = h.make_node('Gemm', ['x', 'w'], ['y'])
    loss = ort('SoftmaxCrossEntropyLossInternal', ['y', 'labels'],
               ['loss', 'log_prob'], reduction='mean')
    case('ort_training', 'this is training_model.onnx as ONNX Runtime\'s '
         'discontinued training tool splits a model (of the domain '
         'com.microsoft: operators of a backward pass (1), accumulators of '
         'gradients (1), SoftmaxCrossEntropyLossInternal (1)). thimble makes the '
         'backward pass and the updates itself: give it the forward model as '
         'it was exported, with --loss cross-entropy and --optimizer.',
         [forward, loss,
          ort('SoftmaxCrossEntropyLossInternalGrad',
              ['one', 'log_prob', 'labels'], ['dy'], reduction='mean'),
          h.make_node('Gemm', ['x', 'dy'], ['dw'], transA=1),
          ort('InPlaceAccumulatorV2', ['w.buffer', 'dw', 'reset'], ['done'])],
         ['loss', 'done'], [port('one', []), port('reset', [1], T.BOOL)])
    case('ort_eval', 'this is eval_model.onnx as ONNX Runtime\'s',
         [forward, loss], ['loss'])
    case('ort_optimizer', 'this is optimizer_model.onnx as ONNX Runtime\'s '
         'discontinued training tool splits a model (of the domain '
         'com.microsoft: optimizers (1))',
         [ort('SequenceConstruct', ['w'], ['params']),
          ort('SGDOptimizerV2', ['lr', 'params', 'w.buffer'], ['done'])],
         ['done'], [port('lr', [])])
    save('bad', 'ort_checkpoint.onnx', b'\x10\0\0\0ODTC' + bytes(16))
    MESSAGES.append('ort_checkpoint\tit is a checkpoint of ONNX Runtime\'s')


def body(nodes, inputs, outputs, inits=()):
    return h.make_graph([h.make_node(op, i, o, **(more[0] if more else {}))
                         for op, i, o, *more in nodes], 'b',
                        [port(i, None) for i in inputs],
                        [port(o, None) for o in outputs], list(inits))


def loops():
    x = np.arange(6, dtype=f32).reshape(2, 3) / 4
    w = np.array([1, -2, 3], f32)
    yes, no, one = init('yes', np.array(True)), init('no', np.array(False)), init('one', np.int64(1))
    # Its condition ends it before its count does. The body reads a value of the graph.
    again = body([('Add', ['u', 'w'], ['1']), ('Mul', ['1', 'two'], ['z']), ('Add', ['i', 'one'], ['k']),
                  ('Less', ['k', 'most'], ['c'])], ['i', 'before', 'u', 'same'], ['c', '1', 'same', 'z'],
                 [init('most', np.int64(3)), init('two', f32(2))])
    value('loop_while', [
        ('Loop', ['times', 'yes', 'x', 'w'], ['v', '', 'zs'], dict(body=again)),
        ('ReduceSum', ['zs', 'first'], ['s'], dict(keepdims=0)), ('Add', ['s', 'v'], ['y'])],
        x, 7 * x + 15 * w, [init('times', np.int64(7)), yes, one, init('w', w), ints('first', [0])])
    # One in another, without conditions; and what would never run.
    inner = body([('Add', ['a', 'row'], ['b'])], ['j', 'd', 'a'], ['d', 'b'])
    outer = body([('Gather', ['table', 'i'], ['row']),
                  ('Loop', ['two', '', 'u'], ['b'], dict(body=inner))],
                 ['i', 'd', 'u'], ['d', 'b'], [init('two', np.int64(2))])
    value('loop_for', [
        ('Constant', [], ['three'], dict(value=init('', np.int64(3)))),
        ('Loop', ['three', '', 'x'], ['v'], dict(body=outer)),
        ('Loop', ['three', 'no', 'v'], ['y'], dict(body=inner))],
        x, x + 2 * w * (1 + 10 + 100), [init('table', np.array([w, 10 * w, 100 * w])), no, init('row', w)])
    # In a branch, where the count is the branch's own.
    branches = [body([('Loop', ['n', 'yes', 'x'], ['t'], dict(body=inner))], [], ['t'],
                     [init('n', np.int64(n))]) for n in (2, 0)]
    value('loop_in_branch', [
        ('If', ['yes'], ['p'], dict(then_branch=branches[0], else_branch=branches[1])),
        ('If', ['no'], ['q'], dict(then_branch=branches[0], else_branch=branches[1])),
        ('Sub', ['p', 'q'], ['y'])], x, np.tile(2 * w, (2, 1)), [yes, no, init('row', w)])
    bad_loops(yes)


def identities():
    """Where one is a value, and no parameter of its own."""
    x, y, weight = [port('x', [4, 2])], [port('y', [4, 2])], init('w', rng.standard_normal((2, 2)).astype(f32))
    apply = [('MatMul', ['a', 'v'], ['b']), ('Identity', ['v'], ['u'])]
    graph('loop_carries', [('Loop', ['n', '', 'x', 'w'], ['y', ''], 'again',
                            dict(body=body(apply, ['i', 'd', 'a', 'v'], ['d', 'b', 'u'])))],
          x, y, [weight, init('n', np.int64(3))])
    used_twice = [('MatMul', ['x', 'w'], ['t'], 'first'), ('Identity', ['w'], ['v'], 'again'),
                  ('MatMul', ['t', 'v'], ['y'], 'second')]
    for producer in 'pytorch', 'another':
        graph('identity_' + producer, used_twice, x, y, [weight], producer=producer)


def constant_weights():
    """A Constant is a layer's weight, if there are no initializers."""
    x, y, three = [port('x', [4, 2])], [port('y', [4, 2])], init('', np.array([3, 3], f32))
    nodes = [('Constant', [], ['w'], '', dict(value=init('', np.eye(2, dtype=f32)))),
             ('Constant', [], ['b'], '', dict(value=three)), ('Constant', [], ['s'], '', dict(value_float=2.0)),
             ('MatMul', ['x', 'w'], ['t'], 'product'), ('Add', ['t', 'b'], ['u'], 'bias'),
             ('Mul', ['u', 's'], ['y'], 'scale')]
    graph('constant_weights', nodes, x, y, producer='PaddlePaddle')
    graph('constant_beside', nodes[1:], x, y, [init('w', np.eye(2, dtype=f32))])
    graph('constant_in_bodies', [
        ('If', ['slow'], ['t'], 'rate', dict(
            then_branch=body([('Constant', [], ['w1'], dict(value=init('', np.eye(2, dtype=f32)))),
                              ('Constant', [], ['same'], dict(value=three)),
                              ('MatMul', ['x', 'w1'], ['p']), ('Add', ['p', 'same'], ['r'])], [], ['r']),
            else_branch=body([('Constant', [], ['same'], dict(value=three)),
                              ('MatMul', ['x', 'w2'], ['p']), ('Add', ['p', 'same'], ['r'])], [], ['r'],
                             [init('w2', np.full((2, 2), 3, f32))]))),
        ('Loop', ['n', '', 't'], ['y'], 'again', dict(body=body(
            [('Constant', [], ['w3'], dict(value=init('', 2 * np.eye(2, dtype=f32)))),
             ('MatMul', ['a', 'w3'], ['b'])], ['i', 'd', 'a'], ['d', 'b'])))],
          [*x, port('slow', [], T.BOOL)], y, [init('n', np.int64(2))])
    graph('constant_offset', [nodes[1], ('Add', ['x', 'b'], ['y'], 'bias')], x, y)


def bad_loops(yes):
    def one(name, message, nodes, times, names=(['i', 'd', 'u'], ['d', 'u', 'u']), more=()):
        bad(name, message, [*more, ('Loop', ['n', 'c' if more else 'yes', 'x'], ['v', 'y'], 'again',
                                    dict(body=body(nodes, *names)))],
            [init('n', np.int64(times)), yes])
    one('loop_never', "Loop 'again': it never runs", [], 0)
    one('loop_shapes', "Loop 'again': what it yields has not the same shape each time",
        [('Concat', ['u', 'u'], ['v'], dict(axis=0))], 2, (['i', 'd', 'u'], ['d', 'v', 'v']))
    one('loop_condition', "Loop 'again': input 0 (cond), 'c', must be constant", [], 2,
        more=[('ReduceSum', ['x'], ['t'], 's', dict(keepdims=0)), ('Cast', ['t'], ['c'], 'b', dict(to=T.BOOL))])
    one('loop_long', "Loop 'again': control flow is not supported", [], 2049)
    deep = [('Identity', ['u'], ['t'])]
    for i in range(3):
        deep = [('Loop', ['n', 'yes', 'u'], ['t'], dict(body=body(deep, ['i', 'd', 'u'], ['d', 't'])))]
    one('loop_deep', 'branches and loops make more than 200000 nodes', deep, 2000,
        (['i', 'd', 'u'], ['d', 't', 't']))


def main():
    for folder in ('values', 'graphs', 'bad'):
        os.makedirs(os.path.join(ROOT, folder), exist_ok=True)
    for make in (storage, windows, shapes, indexing, maths, old_opsets, folding,
                 functions, batch_norms, names, inputs, known_inputs,
                 bad_graphs, bad_tensors, recurrent, gate_orders, bad_recurrent,
                 bad_types, bad_bounds, split_models, loops, identities,
                 constant_weights):
        make()
    save('bad', 'MESSAGES', '\n'.join(MESSAGES + ['']).encode())


if __name__ == '__main__':
    sys.exit(main())
