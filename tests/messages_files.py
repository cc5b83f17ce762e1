"""The models and the data that messages.py runs thimble on."""
import ast
import gzip
import json
import os
import re

import numpy as np
import onnx
import training
from onnx import helper, numpy_helper

TYPES = {'f': 'f4', 'd': 'f8', 'h': 'f2', 'i': 'i4', 'l': 'i8', 'b': '?', 'u': 'u1', 'w': 'f4'}


def numbers(text):
    return [float(n) if '.' in n or 'e' in n else int(n) for n in text.split(',') if n]


def constant(word, name):
    """w[2,3], l{1,2} or l(1)."""
    dtype, body = np.dtype(TYPES[word[0]]), word[2:-1]
    if word[1] == '[':
        return numpy_helper.from_array(np.ones(numbers(body), dtype), name)
    data = numbers(body) if word[1] == '{' else numbers(body)[0]
    return numpy_helper.from_array(np.array(data, dtype), name)


class Builder:
    """A model of nodes `Op@OPSET INPUT... KEY=VALUE... #OUTPUTS`, with ; between them.

    An input is f[2,3], one of the model (the letter says the type); w[2,3], a weight; l{1,2} or
    l(1), constant numbers or one; $0, the first output of node 0, $0.1 its second; =v1, the second of
    these once more; - is none.
    """
    def __init__(self, text):
        self.inputs, self.constants, self.nodes, self.opset = [], [], [], 17
        parts = text.split(' ; ')
        for part in parts:
            self.node(part.split(), len(self.nodes) == len(parts) - 1)

    def value(self, word):
        name = f'v{len(self.inputs) + len(self.constants)}'
        if word == '-':
            return ''
        if word[0] == '=':
            return word[1:]
        if word[0] == '$':
            return 't' + word[1:].replace('.', '_')
        dtype, body = np.dtype(TYPES[word[0]]), word[2:-1]
        if word[0] != 'w' and word[1] == '[':
            shape = [int(n) if n.lstrip('-').isdigit() else n or None for n in body.split(',')]
            kind = onnx.mapping.NP_TYPE_TO_TENSOR_TYPE[dtype]
            self.inputs.append(helper.make_tensor_value_info(name, kind, shape if body else []))
            return name
        self.constants.append(constant(word, name))
        return name

    def node(self, words, last):
        op, _, opset = words[0].partition('@')
        self.opset = int(opset or self.opset)
        domain, _, op = op.rpartition('.')
        inputs, attributes, count = [], {}, 1
        for word in words[1:]:
            key, equal, value = word.partition('=')
            if word[0] == '#':
                count = int(word[1:])
            elif re.match(r'\w+=[a-z][{(]', word):
                attributes[key] = constant(value, '')
            elif equal and key:
                try:
                    attributes[key] = ast.literal_eval(value)
                except (ValueError, SyntaxError):
                    attributes[key] = value
            else:
                inputs.append(self.value(word))
        first = 'y' if last else f't{len(self.nodes)}'
        outputs = [first, *(f'{first}_{i}' for i in range(1, count))]
        self.nodes.append(helper.make_node(op, inputs, outputs, domain=domain, **attributes))

    def save(self, path):
        empty = [onnx.ValueInfoProto(name='y')]
        graph = helper.make_graph(self.nodes, 'g', self.inputs, empty, self.constants)
        sets = [helper.make_opsetid('', self.opset)]
        onnx.save(helper.make_model(graph, opset_imports=sets), path)


def safetensors(tensors, size):
    text = json.dumps(tensors).encode()
    return len(text).to_bytes(8, 'little') + text + bytes(size)


def spoilt(path, change):
    """A Gemm, changed."""
    Builder('Gemm@13 f[4,3] w[3,2] w[2]').save(path)
    m = onnx.load(path)
    change(m, m.graph)
    onnx.save(m, path)


def rename(graph, old, new):
    """An initializer, and where it is read."""
    for t in graph.initializer:
        t.name = new if t.name == old else t.name
    for n in graph.node:
        n.input[:] = [new if i == old else i for i in n.input]


SPOILT = {
    'tensor': lambda m, g: g.node[0].attribute.append(onnx.AttributeProto(name='value', type=4)),
    'opset': lambda m, g: m.ClearField('opset_import'),
    'weight': lambda m, g: g.initializer[0].ClearField('name'),
    'weights': lambda m, g: g.initializer.append(g.initializer[0]),
    'input': lambda m, g: g.input[0].ClearField('name'),
    'inputs': lambda m, g: g.input.append(g.input[0]),
    'name': lambda m, g: setattr(g.input[0], 'name', '_7'),
    'none': lambda m, g: g.ClearField('output'),
    'outputs': lambda m, g: g.output.append(g.output[0]),
    'transposed': lambda m, g: (setattr(g.node[0], 'op_type', 'MatMul'), g.node[0].input.pop(),
                                rename(g, 'v1', 'onnx::MatMul_1')),
    'segments': lambda m, g: g.initializer[0].segment.SetInParent(),
    'output': lambda m, g: g.output[0].CopyFrom(helper.make_tensor_value_info('y', 1, [4, 9])),
}


def files(root):
    """What runs may name: cwd is a folder with these."""
    for name, change in SPOILT.items():
        spoilt(f'{name}.onnx', change)
    Builder('Conv@13 f[1,1,3] w[1,1,3] w[1]').save('folded.onnx')
    Builder('Add@13 f[4,3] f[1,3] ; MatMul@13 $0 w[3,2]').save('two.onnx')
    Builder('Mul@13 f(2.0) w[3]').save('no.batch.onnx')
    os.makedirs('taken/m.c')
    with open('cc', 'w') as f:
        f.write('#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\necho "int x;" | '
                'exec /usr/bin/cc -shared -o "$2" -x c -\n')
    os.chmod('cc', 0o755)
    onnx.save(training.sgd(), 'self.onnx')
    onnx.save(training.broken(lambda m, t, g: (
        training.gradient_of(g).input.insert(3, 'v_w1'), training.gradient_of(g).output.append('dv'),
        training.set_names(g, 'xs', 'w1', 'b1', 'w2', 'v_w1'))), 'idle.onnx')
    onnx.save(training.broken(lambda m, t, g: (
        g.input.append(training.port('more', [])),
        g.node.append(training.node('Mul', 'rate more', 'faster')),
        t.update_binding.add(key='rate', value='faster'))), 'more.onnx')
    m = onnx.load(f'{root}/tests/models/exports/optimized-tokens.onnx')
    old = next(t for t in m.graph.initializer if t.name == 'val_0')
    m.graph.initializer.append(numpy_helper.from_array(numpy_helper.to_array(old).T + 1,
                                                       'query.weight'))
    m.graph.node.append(helper.make_node('Neg', ['query.weight'], ['kept']))
    m.graph.output.append(helper.make_tensor_value_info('kept', 1, None))
    onnx.save(m, 'tied.onnx')
    m = onnx.load('folded.onnx')
    rename(m.graph, 'v1', 'onnx::Conv_1')
    onnx.save(m, 'folded.onnx')
    Builder('Gemm@13 f[4,3] w[3,2] w[2]').save('m.onnx')
    Builder('Gather@13 w[4,3] i[4]').save('label.onnx')
    with open('m.onnx', 'rb') as f:
        whole = f.read()
    with open('utf.onnx', 'wb') as f:
        f.write(whole.replace(b'v1', b'\xffv'))
    np.save('x.npy', np.ones((8, 3), 'f4'))
    np.save('y.npy', np.array([0, 1] * 4, 'i8'))
    np.save('wide.npy', np.ones((8, 5), 'f4'))
    np.save('few.npy', np.ones((2, 3), 'f4'))
    np.save('labels.npy', np.array([1, 0, 4, 2]))
    np.save('two.npy', np.ones(2, 'i8'))
    np.save('four.npy', np.ones((4, 3), 'f4'))
    np.save('half.npy', np.full(8, 0.5))
    np.save('huge.npy', np.full(4, 1e30))
    np.save('seven.npy', np.ones((7,), 'i8'))
    np.save('classes.npy', np.full(8, 9))
    np.save('complex.npy', np.ones(3, 'c8'))
    np.save('nan.npy', np.full((4, 3), np.nan))
    with open('x.npy', 'rb') as f:
        whole = f.read()
    v1 = {'dtype': 'F32', 'shape': [3, 2], 'data_offsets': [0, 24]}
    broken = {
        'short.npy': whole[:-4], 'head.npy': whole[:40],
        'shape.npy': whole.replace(b'(8, 3)', b'(8,-3)'),
        'order.npy': whole.replace(b'fortran_', b'fortress'),
        'descr.npy': whole.replace(b"'descr'", b"'dwscr'"),
        'a.csv': b'1,2,3\n4,5,6\n', 'not.idx': b'\1\2\3\4' * 5,
        'x-idx3-ubyte': b'\0\0\x08\x03' + b'\0' * 5, 'y-idx1-ubyte': b'\0\0\x08\x01\0\0\0\x09ab',
        'w3.safetensors': safetensors({'v1': {**v1, 'dtype': 'Q9'}}, 24),
        'w4.safetensors': safetensors({'v1': {**v1, 'shape': [2, 3]}}, 24),
        'what.bin': b'12345', 'w.safetensors': b'\x05\0\0\0\0\0\0\0{"a":', 'w0.safetensors': b'ab',
        'w1.safetensors': safetensors({'v1': {'dtype': 'F32', 'shape': [2], 'x': [0]}}, 8),
        'w2.safetensors': safetensors({'v1': v1}, 9),
        'crc.gz': gzip.compress(whole)[:-8] + bytes(8),
        'x.gz': b'\x1f\x8b\x08\0\0\0\0\0\0\3\x4b', 'pack.csv': b'id,lower,upper,size\n1,0,2,x\n',
        'two.csv': b'id,lower,upper,size\na,0,2,8\nb,1,3,8\n'}
    for name, data in broken.items():
        with open(name, 'wb') as f:
            f.write(data)
