#!/usr/bin/env python3
"""How planning time grows with the graph.

    scale.py THIMBLE [NODES,...] [BUFFERS,...] > scale.csv

Generated models (a chain, residual blocks, blocks of three branches) of about 100 to 10,000
ONNX nodes: `thimble plan` without a budget, and with --ram at half of the arena that it then
takes. Then `thimble pack` on 1,000 to 100,000 random buffers. One CSV row each: what, size,
steps of the training function or buffers, seconds, and how it ended.
"""
import csv
import json
import random
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WIDTH, BATCH, LIMIT = 16, 32, 900


class Model:
    def __init__(self):
        self.nodes, self.weights = [], []

    def add(self, op, *inputs):
        out = f'v{len(self.nodes)}'
        self.nodes.append(helper.make_node(op, inputs, [out], name=f'n{len(self.nodes)}'))
        return out

    def layer(self, x):
        name = f'w{len(self.weights)}'
        w = np.full((WIDTH, WIDTH), 0.1, np.float32)
        self.weights.append(numpy_helper.from_array(w, name))
        return self.add('Tanh', self.add('MatMul', x, name))

    def save(self, path, y):
        def info(name):
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, [BATCH, WIDTH])
        graph = helper.make_graph(self.nodes, 'scale', [info('x')], [info(y)], self.weights)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)],
                                    ir_version=8), path)


def chain(m, x):
    return m.layer(x)


def residual(m, x):
    return m.add('Add', x, m.layer(m.layer(x)))


def branches(m, x):
    return m.add('Add', m.add('Add', m.layer(x), m.layer(x)), m.layer(m.layer(x)))


def make(path, block, nodes):
    m, x = Model(), 'x'
    while len(m.nodes) < nodes:
        x = block(m, x)
    m.save(path, x)


def timed(*command):
    start = time.time()
    try:
        r = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return time.time() - start, None, 'too long'
    return time.time() - start, r, r.returncode


def plan(tool, path, *extra):
    seconds, r, status = timed(tool, 'plan', path, '--loss', 'mse', '--optimizer', 'sgd',
                               '--json', *extra)
    return seconds, json.loads(r.stdout) if r and r.stdout else None, status


def write_buffers(path, n):
    rng = random.Random(n)
    with open(path, 'w') as f:
        f.write('id,lower,upper,size\n')
        for i in range(n):
            first = rng.randrange(n)
            last = first + 1 + int(rng.expovariate(1 / 20))
            f.write(f'{i},{first},{last},{64 * rng.randrange(1, 1000)}\n')


def main():
    tool = sys.argv[1]
    nodes = sys.argv[2] if len(sys.argv) > 2 else '100,300,1000,3000,10000'
    buffers = sys.argv[3] if len(sys.argv) > 3 else '1000,10000,100000'
    out = csv.writer(sys.stdout)
    out.writerow(['what', 'size', 'steps', 'seconds', 'status', 'recomputed_percent'])
    with tempfile.TemporaryDirectory() as work:
        for block in (chain, residual, branches):
            for n in map(int, nodes.split(',')):
                make(f'{work}/m.onnx', block, n)
                seconds, p, status = plan(tool, f'{work}/m.onnx')
                if not p:
                    out.writerow([block.__name__, n, '', f'{seconds:.2f}', status, ''])
                    continue
                steps = p['functions']['train']['steps']
                out.writerow([block.__name__, n, steps, f'{seconds:.2f}', status, 0])
                ram = p['state_bytes'] + p['arena_bytes'] // 2
                seconds, p, status = plan(tool, f'{work}/m.onnx', '--ram', str(ram))
                percent = 100 * p['recomputed_flops'] / p['flops'] if p and p.get('flops') else ''
                out.writerow([f'{block.__name__} at half', n, steps, f'{seconds:.2f}', status, percent])
                sys.stdout.flush()
        for n in map(int, buffers.split(',')):
            write_buffers(f'{work}/b.csv', n)
            seconds, _, status = timed(tool, 'pack', f'{work}/b.csv')
            out.writerow(['pack', n, n, f'{seconds:.2f}', status, ''])
            sys.stdout.flush()


if __name__ == '__main__':
    main()
