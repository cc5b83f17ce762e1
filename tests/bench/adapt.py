#!/usr/bin/env python3
"""How well training with less memory adapts a model: a table of accuracies.

    adapt.py THIMBLE MODEL.onnx DATA [--flat] [--seeds N] [--methods NAME,...] > rows.csv

DATA is a folder. With the four IDX files of Fashion-MNIST: MODEL takes 1x28x28 pixels (784 numbers
with --flat) and gives ten logits, at a batch of 32. It is pretrained with Adam on 20,000 images as
they are, then adapted to images that lie on their side: on 4,000 of them, twice over, and tested on
5,000 others. With fsdd_train.f32 and its labels, spoken digits: MODEL takes 49x10 coefficients. It is
pretrained on what four people say (1,800 words, eight times over), then adapted to two others: on
450 of their words, eight times over, and tested on 450 others.

Each method is at the best of four learning rates, which is found with a pretrained model and a seed
that do not count. LoRA is another ONNX model: each weight becomes W + B A, and B and A alone train;
`merged LoRA` is form=factors without renewal, which trains the same factors, and all biases, with
the product in W. `--methods all`, the default, is all of them; `--methods list` names them.

Rows: method, learning rate, mean accuracy, spread (largest less smallest), part of Adam's gain
(of the first method's, if Adam is not among them), bytes of arena and state, bytes of state.
"""
import argparse
import csv
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import helper, numpy_helper

ADAM = [3e-4, 1e-3, 3e-3, 1e-2]
THIN = [1e-3, 3e-3, 1e-2, 3e-2]
MOMENTUM = [3e-3, 1e-2, 3e-2, 1e-1]
SGD = [3e-2, 1e-1, 3e-1, 1]
LION = [3e-5, 1e-4, 3e-4, 1e-3]


def low(rank, more=''):
    return ['--low-rank', f'{rank}{more}']


# Optimizer, options, learning rates; the rank of LoRA's model.
METHODS = {
    'adam': ('adam', [], ADAM),
    'momentum': ('momentum', [], MOMENTUM),
    'sgd': ('sgd', [], SGD),
    'LoRA 4': ('adam', ['--train', 'lora_*'], THIN, 4),
    'LoRA 8': ('adam', ['--train', 'lora_*'], THIN, 8),
    'projection 4': ('adam', low(4), THIN),
    'projection 8': ('adam', low(8), THIN),
    'factors 4': ('adam', low(4, ',form=factors'), THIN),
    'factors 8': ('adam', low(8, ',form=factors'), THIN),
    'merged LoRA 8': ('adam', low(8, ',form=factors,refresh=1000000'), THIN),
    'momentum projection 8': ('momentum', low(8), MOMENTUM),
    'sketch 0.2': ('adam', ['--sketch', '0.2,clean=125'], ADAM),
    'sketch 0.2 first moment': ('adam', ['--sketch', '0.2,clean=125', '--sketch-first-moment'],
                                ADAM),
    'momentum sketch 0.2': ('momentum', ['--sketch', '0.2'], MOMENTUM),
    'lion': ('lion', [], LION),
    'sm3': ('sm3', [], [3e-3, 1e-2, 3e-2, 1e-1]),
    'adafactor': ('adafactor', [], ADAM),
    'adam8bit': ('adam8bit', [], ADAM),
    'adam8bit projection 4': ('adam8bit', low(4), THIN),
    'adam8bit projection 8': ('adam8bit', low(8), THIN),
    'momentum8bit': ('momentum8bit', [], MOMENTUM),
    'lion8bit': ('lion8bit', [], LION),
    'mofasgd 4': ('momentum', low(4, ',form=mofasgd'), MOMENTUM),
    'mofasgd 8': ('momentum', low(8, ',form=mofasgd'), MOMENTUM),
    # It takes 16 samples at most.
    'streaming 4': ('sgd', low(4, ',form=streaming,refresh=2') + ['--batch', '16'], SGD),
    'streaming 8': ('sgd', low(8, ',form=streaming,refresh=2') + ['--batch', '16'], SGD),
}


def idx(path):
    with gzip.open(path) as f:
        raw = f.read()
    shape = [int.from_bytes(raw[4 + 4 * i:8 + 4 * i], 'big') for i in range(raw[3])]
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape)


def save(folder, name, x, labels):
    paths = [os.path.join(folder, f'{name}.{part}.npy') for part in 'xy']
    np.save(paths[0], np.ascontiguousarray(x, np.float32))
    np.save(paths[1], labels.astype(np.int64))
    return ','.join(paths)


def fashion(data, folder, flat):
    """Sets of images by name, and how often those before and after are gone through."""
    x, y = (idx(os.path.join(data, f'train-{n}-ubyte.gz')) for n in ('images-idx3', 'labels-idx1'))

    def part(name, begin, end, turned):
        images = np.rot90(x[begin:end], axes=(1, 2)) if turned else x[begin:end]
        images = (images / 255 - 0.286) / 0.353
        images = images.reshape(len(images), -1) if flat else images[:, None]
        return save(folder, name, images, y[begin:end])
    return {'before': part('before', 0, 20000, False), 'adapt': part('adapt', 30000, 34000, True),
            'test': part('test', 40000, 45000, True)}, 1, 2


def digits(data, folder):
    """The same of words. They were shuffled from an order by digit, then by who says it."""
    x = np.fromfile(os.path.join(data, 'fsdd_train.f32'), np.float32).reshape(-1, 49, 10)
    y = np.fromfile(os.path.join(data, 'fsdd_train.lab'), np.uint8)
    order = np.random.RandomState(0).permutation(len(x))
    if len(x) != 2700 or (order // 270 != y).any():
        sys.exit(f'{data}: these are not the words, or not in the order, of make_fsdd.py')
    new = order % 270 // 45 >= 4
    half = order % 2 == 0
    return {'before': save(folder, 'before', x[~new], y[~new]),
            'adapt': save(folder, 'adapt', x[new & half], y[new & half]),
            'test': save(folder, 'test', x[new & ~half], y[new & ~half])}, 8, 8


def prepare(data, folder, flat):
    if os.path.exists(os.path.join(data, 'fsdd_train.f32')):
        return digits(data, folder)
    return fashion(data, folder, flat)


def run(tool, model, data, test, *options):
    """Accuracy at the end; 0 where it diverges."""
    r = subprocess.run([tool, 'train', model, '--data', data, '--val-data', test,
                        '--loss', 'cross-entropy', '--batch', '32', *options],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if r.returncode and 'smaller learning rate' in r.stderr:
        return 0
    if r.returncode:
        sys.exit(r.stderr)
    found = re.findall(r'accuracy ([0-9.]+) ?(%?)', r.stdout)
    return float(found[-1][0]) / (100 if found[-1][1] else 1)


def memory(tool, model, *options):
    r = subprocess.run([tool, 'plan', model, '--loss', 'cross-entropy', '--batch', '32', '--json',
                        *options], stdout=subprocess.PIPE, check=True)
    j = json.loads(r.stdout)
    return j['arena_bytes'] + j['state_bytes'], j['state_bytes']


def add_lora(path, rank, seed):
    """The model with W + B A for each weight of at least two dimensions; B is 0 at first."""
    model = onnx.load(path)
    g, random, added = model.graph, np.random.default_rng(seed), []
    for w in list(g.initializer):
        if len(w.dims) < 2 or w.data_type != onnx.TensorProto.FLOAT:
            continue
        m = int(np.prod(w.dims[:2 if w.dims[0] == 1 else 1]))   # of a recurrence: [1, m, n]
        n = int(np.prod(w.dims)) // m
        for node in g.node:
            node.input[:] = [f'{w.name}_adapted' if i == w.name else i for i in node.input]
        factors = {f'lora_b_{w.name}': np.zeros((m, rank)),
                   f'lora_a_{w.name}': random.normal(0, n ** -0.5, (rank, n))}
        for name, x in factors.items():
            g.initializer.append(numpy_helper.from_array(x.astype(np.float32), name))
        shape = f'{w.name}_shape'
        g.initializer.append(numpy_helper.from_array(np.array(w.dims, np.int64), shape))
        added += [helper.make_node('MatMul', list(factors), [f'{w.name}_change']),
                  helper.make_node('Reshape', [f'{w.name}_change', shape], [f'{w.name}_shaped']),
                  helper.make_node('Add', [w.name, f'{w.name}_shaped'], [f'{w.name}_adapted'])]
    nodes = added + list(g.node)
    del g.node[:]
    g.node.extend(nodes)
    to = f'{path[:-5]}.lora{rank}.onnx'
    onnx.save(model, to)
    return to


def adapt(tool, starts, sets, epochs, kind, options, rates):
    """The first's best learning rate, and with that the accuracies of the others, by seed."""
    def trained(lr, seed):
        return run(tool, starts[seed], sets['adapt'], sets['test'], '--epochs', epochs, '--optimizer',
                   f'{kind}:lr={lr}', '--seed', str(seed), *options)
    lr = max(rates, key=lambda lr: trained(lr, 0))
    return lr, [trained(lr, seed) for seed in range(1, len(starts))]


def names(text):
    if text == 'list':
        sys.exit('\n'.join(METHODS))
    chosen = list(METHODS) if text == 'all' else [n.strip() for n in text.split(',')]
    unknown = [n for n in chosen if n not in METHODS]
    if unknown:
        sys.exit(f'there is no method {unknown[0]!r}; --methods list says which there are')
    return chosen


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('tool')
    parser.add_argument('model')
    parser.add_argument('data')
    parser.add_argument('--seeds', type=int, default=3)
    parser.add_argument('--flat', action='store_true', help='the model takes 784 numbers')
    parser.add_argument('--methods', default='all', type=names)
    parser.add_argument('--extra', default='', help='further settings of each --low-rank')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sets, before, epochs = prepare(args.data, folder, args.flat)
        starts, zero = [], []
        for seed in range(args.seeds + 1):
            path = os.path.join(folder, f'start{seed}.onnx')
            zero.append(run(args.tool, args.model, sets['before'], sets['test'], '--optimizer',
                            'adam', '--export', path, '--seed', str(seed), '--epochs',
                            str(before)))
            starts.append(path)
        zero = zero[1:]   # the first is where learning rates are found
        base = float(np.mean(zero))
        out = csv.writer(sys.stdout)
        out.writerow(['method', 'lr', 'accuracy', 'spread', 'gain', 'bytes', 'state'])
        out.writerow(['none', '', f'{base:.4f}', f'{max(zero) - min(zero):.4f}', 0, '', ''])
        gain = None
        for name in args.methods:
            kind, options, rates, *rank = METHODS[name]
            if '--low-rank' in options:
                options = [options[0], options[1] + args.extra, *options[2:]]
            models = [add_lora(s, rank[0], i) for i, s in enumerate(starts)] if rank else starts
            lr, got = adapt(args.tool, models, sets, str(epochs), kind, options, rates)
            mean = float(np.mean(got))
            gain = gain or mean - base
            total, state = memory(args.tool, models[0], '--optimizer', kind, *options)
            out.writerow([name, lr, f'{mean:.4f}', f'{max(got) - min(got):.4f}',
                          f'{(mean - base) / gain:.3f}', total, state])
            sys.stdout.flush()


main()
