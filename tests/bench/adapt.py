#!/usr/bin/env python3
"""How well low-rank training adapts a model: a table of accuracies on Fashion-MNIST.

    adapt.py THIMBLE MODEL.onnx DATA [--flat] [--seeds N] [--methods NAME,...] > rows.csv

MODEL takes 1x28x28 pixels (784 numbers with --flat) and gives ten logits, at a batch of 32. DATA
is the folder of the four IDX files. The model is pretrained with Adam on 20,000 images as they
are, then adapted to images that lie on their side: on 4,000 of them, twice over, each method at
the best of four learning rates (by the mean over the seeds), and tested on 5,000 others. LoRA is
form=factors without renewal: the same numbers as a frozen weight and two factors beside it.

Rows: method, learning rate, mean accuracy, spread (largest less smallest), part of Adam's gain,
bytes of arena and state, bytes of optimizer state.
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

LOW = '--low-rank'
METHODS = {
    'adam': ('adam', [], [3e-4, 1e-3, 3e-3, 1e-2]),
    'momentum': ('momentum', [], [3e-3, 1e-2, 3e-2, 1e-1]),
    'sgd': ('sgd', [], [3e-2, 1e-1, 3e-1, 1]),
    'projection 4': ('adam', [LOW, '4'], [1e-3, 3e-3, 1e-2, 3e-2]),
    'projection 8': ('adam', [LOW, '8'], [1e-3, 3e-3, 1e-2, 3e-2]),
    'factors 4': ('adam', [LOW, '4,form=factors'], [1e-3, 3e-3, 1e-2, 3e-2]),
    'factors 8': ('adam', [LOW, '8,form=factors'], [1e-3, 3e-3, 1e-2, 3e-2]),
    'LoRA 8': ('adam', [LOW, '8,form=factors,refresh=1000000'], [1e-3, 3e-3, 1e-2, 3e-2]),
    'momentum projection 8': ('momentum', [LOW, '8'], [3e-3, 1e-2, 3e-2, 1e-1]),
}


def idx(path):
    with gzip.open(path) as f:
        raw = f.read()
    shape = [int.from_bytes(raw[4 + 4 * i:8 + 4 * i], 'big') for i in range(raw[3])]
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape)


def save(folder, name, images, labels, turned, flat):
    x = np.rot90(images, axes=(1, 2)) if turned else images
    x = ((x / 255 - 0.286) / 0.353).astype(np.float32)
    paths = [os.path.join(folder, f'{name}.{part}.npy') for part in 'xy']
    np.save(paths[0], x.reshape(len(x), -1) if flat else x[:, None])
    np.save(paths[1], labels.astype(np.int64))
    return ','.join(paths)


def prepare(data, folder, flat):
    x, y = (idx(os.path.join(data, f'train-{n}-ubyte.gz')) for n in ('images-idx3', 'labels-idx1'))
    return {
        'before': save(folder, 'before', x[:20000], y[:20000], False, flat),
        'adapt': save(folder, 'adapt', x[30000:34000], y[30000:34000], True, flat),
        'test': save(folder, 'test', x[40000:45000], y[40000:45000], True, flat),
    }


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


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('tool')
    parser.add_argument('model')
    parser.add_argument('data')
    parser.add_argument('--seeds', type=int, default=3)
    parser.add_argument('--flat', action='store_true', help='the model takes 784 numbers')
    parser.add_argument('--methods', default=','.join(METHODS))
    parser.add_argument('--extra', default='', help='further options of each low-rank method')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sets = prepare(args.data, folder, args.flat)
        starts, zero = [], []
        for seed in range(args.seeds):
            path = os.path.join(folder, f'start{seed}.onnx')
            zero.append(run(args.tool, args.model, sets['before'], sets['test'], '--optimizer',
                            'adam', '--export', path, '--seed', str(seed)))
            starts.append(path)
        base = float(np.mean(zero))
        out = csv.writer(sys.stdout)
        out.writerow(['method', 'lr', 'accuracy', 'spread', 'gain', 'bytes', 'state'])
        out.writerow(['none', '', f'{base:.4f}', f'{max(zero) - min(zero):.4f}', 0, '', ''])
        gain = None
        for name in args.methods.split(','):
            kind, low, rates = METHODS[name.strip()]
            if low:
                low = [low[0], low[1] + args.extra]
            best = None
            for lr in rates:
                got = [run(args.tool, start, sets['adapt'], sets['test'], '--epochs', '2',
                           '--optimizer', f'{kind}:lr={lr}', '--seed', str(seed), *low)
                       for seed, start in enumerate(starts)]
                if not best or np.mean(got) > np.mean(best[1]):
                    best = lr, got
            mean = float(np.mean(best[1]))
            gain = gain or mean - base
            total, state = memory(args.tool, starts[0], '--optimizer', kind, *low)
            out.writerow([name, best[0], f'{mean:.4f}', f'{max(best[1]) - min(best[1]):.4f}',
                          f'{(mean - base) / gain:.3f}', total, state])
            sys.stdout.flush()


main()
