#!/usr/bin/env python3
"""How planning grows with the graph.

    scale.py THIMBLE [NODES,...] [BUFFERS,...] [MODEL,...] > scale.csv

Generated models (chain, residual, branches, transformer, convs) of about 100 to 10,000 ONNX
nodes: `thimble plan` without a budget, and with --ram at half of the arena that it then takes.
Then `thimble pack` on 1,000 to 100,000 random buffers. One CSV row each: what, nodes, steps of
the training function, buffers, CPU seconds, peak resident kilobytes, exit status, bytes of the
arena (for pack: the height), and operations over those of the plan without a budget (for pack:
the height over the proved bound).
"""
import csv
import json
import random
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WIDTH, BATCH, LIMIT = 16, 32, 900


class Model:
    def __init__(self, *shape):
        self.shape, self.nodes, self.weights = list(shape), [], []

    def add(self, op, *inputs, **attributes):
        out = f'v{len(self.nodes)}'
        self.nodes.append(helper.make_node(op, inputs, [out], name=f'n{len(self.nodes)}',
                                           **attributes))
        return out

    def weight(self, *shape):
        name = f'w{len(self.weights)}'
        self.weights.append(numpy_helper.from_array(np.full(shape, 0.1, np.float32), name))
        return name

    def layer(self, x):
        return self.add('Tanh', self.add('MatMul', x, self.weight(WIDTH, WIDTH)))

    def affine(self, x, rows, columns):
        return self.add('Add', self.add('MatMul', x, self.weight(rows, columns)),
                        self.weight(columns))

    def save(self, path, y):
        def info(name):
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, self.shape)
        graph = helper.make_graph(self.nodes, 'scale', [info('x')], [info(y)], self.weights)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)],
                                    ir_version=8), path)


def chain(m, x):
    return m.layer(x)


def residual(m, x):
    return m.add('Add', x, m.layer(m.layer(x)))


def branches(m, x):
    return m.add('Add', m.add('Add', m.layer(x), m.layer(x)), m.layer(m.layer(x)))


def normed(m, x):
    return m.add('LayerNormalization', x, m.weight(WIDTH), m.weight(WIDTH), axis=-1)


def transformer(m, x):
    h = normed(m, x)
    q, k, v = (m.affine(h, WIDTH, WIDTH) for _ in range(3))
    scores = m.add('MatMul', q, m.add('Transpose', k, perm=[0, 2, 1]))
    read = m.add('MatMul', m.add('Softmax', scores, axis=-1), v)
    x = m.add('Add', x, m.add('MatMul', read, m.weight(WIDTH, WIDTH)))
    h = m.add('Relu', m.affine(normed(m, x), WIDTH, 4 * WIDTH))
    return m.add('Add', x, m.affine(h, 4 * WIDTH, WIDTH))


def conv(m, x):
    n = WIDTH // 4
    y = m.add('Conv', x, m.weight(n, n, 3, 3), m.weight(n), pads=[1, 1, 1, 1])
    return m.add('BatchNormalization', y, *(m.weight(n) for _ in range(4)))


def convs(m, x):
    return m.add('Relu', m.add('Add', x, conv(m, m.add('Relu', conv(m, x)))))


MODELS = {'chain': (chain, BATCH, WIDTH), 'residual': (residual, BATCH, WIDTH),
          'branches': (branches, BATCH, WIDTH), 'transformer': (transformer, 4, 8, WIDTH),
          'convs': (convs, 8, WIDTH // 4, 8, 8)}


def make(path, name, nodes):
    block, *shape = MODELS[name]
    m, x = Model(*shape), 'x'
    while len(m.nodes) < nodes:
        x = block(m, x)
    m.save(path, x)


def run(*command):
    """CPU seconds, kilobytes, exit status, and the JSON on stdout. GNU time asks: what this
    process holds would count for a child of its own."""
    r = subprocess.run(['/usr/bin/time', '-f', '%U %S %M', 'timeout', str(LIMIT), *command],
                       capture_output=True, text=True)
    user, system, rss = r.stderr.split()[-3:]
    return (f'{float(user) + float(system):.2f}', rss, r.returncode,
            json.loads(r.stdout) if r.stdout else None)


def plan(tool, path, *extra):
    return run(tool, 'plan', path, '--loss', 'mse', '--optimizer', 'sgd', '--json', *extra)


def row_of(what, nodes, cpu, rss, status, p, plain):
    if not p:
        return [what, nodes, '', '', cpu, rss, status, '', '']
    train = p['functions']['train']
    return [what, nodes, train['steps'], len(p['buffers']), cpu, rss, status,
            p['arena_bytes'], f"{p['flops'] / plain:.4f}"]


def write_buffers(path, n):
    rng = random.Random(n)
    with open(path, 'w') as f:
        f.write('id,lower,upper,size\n')
        for i in range(n):
            first = rng.randrange(n)
            last = first + 1 + int(rng.expovariate(1 / 20))
            f.write(f'{i},{first},{last},{64 * rng.randrange(1, 1000)}\n')


def main():
    tool, *rest = sys.argv[1:]
    defaults = ['100,300,1000,3000,10000', '1000,10000,100000', ','.join(MODELS)]
    sizes, buffers, names = rest + defaults[len(rest):]
    out = csv.writer(sys.stdout, lineterminator='\n')
    out.writerow(['what', 'nodes', 'steps', 'buffers', 'cpu_seconds', 'peak_kilobytes', 'status',
                  'bytes', 'ratio'])
    with tempfile.TemporaryDirectory() as work:
        path = f'{work}/m.onnx'
        for name in names.split(','):
            for n in map(int, sizes.split(',')):
                make(path, name, n)
                *used, p = plan(tool, path)
                plain = p['flops'] if p else 0
                out.writerow(row_of(name, n, *used, p, plain))
                if p:
                    ram = p['state_bytes'] + p['arena_bytes'] // 2
                    out.writerow(row_of(f'{name} at half', n,
                                        *plan(tool, path, '--ram', str(ram)), plain))
                sys.stdout.flush()
        for n in map(int, buffers.split(',')):
            write_buffers(f'{work}/b.csv', n)
            *used, p = run(tool, 'pack', f'{work}/b.csv', '--json')
            found = [p['height'], f"{p['height'] / p['lower_bound']:.6f}"] if p else ['', '']
            out.writerow(['pack', '', '', n, *used, *found])
            sys.stdout.flush()


if __name__ == '__main__':
    main()
