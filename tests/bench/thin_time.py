#!/usr/bin/env python3
"""Time of a training step with optimizers that keep less, beside full Adam's.

    thin_time.py THIMBLE MODEL [--batch 16] [--methods NAME,..] [--rounds 5] > thin_time.csv

MODEL is called NAME_bBATCH_op17_train.onnx; methods are those of thin.py. The emitted C is built
with `cc -O3 -march=native -ffp-contract=fast`, no BLAS. The programs take turns, round by round,
and what counts is processor time, so that other work on the machine matters little. One CSV row
a method: the median over rounds of the median step in ms, and the median over rounds of what it
is beside Adam's of the same round.
"""
import argparse
import csv
import os
import re
import statistics
import subprocess
import sys
import tempfile

from memory import loss_of
from step_time import MAIN
from thin import METHODS

FEW = ['adam', 'sgd', 'projection 4', 'factors 4', 'mofasgd 4', 'streaming 4', 'sketch 0.2']


def build(args, model, method, work):
    """The program whose output is its median step in ms."""
    optimizer, *options = METHODS[method]
    batch = ['--batch', str(args.batch)] if args.batch else []
    subprocess.run([args.tool, 'compile', args.model, '-o', f'{work}/m', '--name', 'm', '--weights',
                    'bin', '--loss', loss_of(model), '--optimizer', f'{optimizer}:lr=1e-6',
                    '--blas', 'none', *options, *batch], check=True, stdout=subprocess.DEVNULL)
    header = open(f'{work}/m/m.h').read()
    types = re.search(r'm_status m_train_step\(([^)]*)\)', header, re.S).group(1).split(',')[1:]
    values = ['&loss' if 'const' not in t else 'labels' if 'int' in t else 'data' for t in types]
    source = MAIN.replace('ARGS', ', '.join(values)).replace('CLOCK_MONOTONIC',
                                                             'CLOCK_PROCESS_CPUTIME_ID')
    source = source.replace('64000000u', '4000000u')
    with open(f'{work}/main.c', 'w') as f:
        f.write(source)
    subprocess.run(['cc', '-O3', '-march=native', '-ffp-contract=fast', '-std=c11', '-o',
                    f'{work}/step', f'{work}/main.c', f'{work}/m/m.c', f'-I{work}/m', '-lm'],
                   check=True)


def step(work, seconds):
    r = subprocess.run([f'{work}/step', f'{work}/m/m_weights.bin', str(seconds * 1000)],
                       check=True, capture_output=True, text=True)
    return float(r.stdout)


def measure(args, work):
    model = re.match(r'(.*)_b\d+_op17_train', os.path.basename(args.model)).group(1)
    times = {m: [] for m in args.methods}
    for i, method in enumerate(args.methods):
        os.mkdir(f'{work}/{i}')
        build(args, model, method, f'{work}/{i}')
    for _ in range(args.rounds):
        for i, method in enumerate(args.methods):
            times[method].append(step(f'{work}/{i}', args.seconds))
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('tool')
    parser.add_argument('model')
    parser.add_argument('--batch', type=int, help="examples a step; else the model's")
    parser.add_argument('--methods', default=','.join(FEW), type=lambda s: s.split(','))
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--seconds', type=float, default=0.3, help='of a program in a round')
    args = parser.parse_args()
    unknown = [m for m in args.methods if m not in METHODS]
    if unknown or args.methods[0] != 'adam':
        sys.exit(f'methods begin with adam, then any of {", ".join(METHODS)}')
    with tempfile.TemporaryDirectory() as work:
        times = measure(args, work)
    out = csv.writer(sys.stdout)
    out.writerow(['method', 'ms', 'of_adam'])
    for method, t in times.items():
        beside = [x / adam for x, adam in zip(t, times['adam'])]
        out.writerow([method, f'{statistics.median(t):.4f}', f'{statistics.median(beside):.3f}'])


if __name__ == '__main__':
    main()
