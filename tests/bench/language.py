#!/usr/bin/env python3
"""Optimizer state in sketches, on a language model that is an embedding and an output layer.

    language.py THIMBLE MODEL.onnx DATA [--steps N] [--rates LR,...] [--methods NAME,...]
                [--words N] [--seeds N] [--ratio R] > rows.csv

MODEL is the LSTM over words of curves.py's lstm_lm, with inputs h0, c0 and outputs hn, cn; DATA the
folder with wikitext-2/. Each of the methods (adam, rmsprop, adam+sketch, rmsprop+sketch) trains at
each of the rates on the validation text in its order (the training text is not there); the
held-out loss is that of the first 44,800 words of the test text. A sketch has a fifth of the
elements of one state of the two tables (or --ratio); +clean: cleaned every 125 steps; +first: with a
first moment.
A model of N words takes all that come after them for the last (--words). With --seeds N there are N
starts: the model's own (0), and others of the same weights in another order.

Rows: seed, method, learning rate, mean loss of the last 50 steps, held-out loss and perplexity, bytes of
optimizer state, of arena and state, milliseconds a step. On stderr each method at its best rate,
beside full Adam's and RMSprop's, by seed.
"""
import argparse
import array
import csv
import json
import math
import os
import re
import subprocess
import sys
import tempfile

from curves import RUNS, losses

SKETCH = ['--sketch', '0.2:*.weight']
CLEANED = ['--sketch', '0.2,clean=125:*.weight']
METHODS = {
    'adam': ('adam', []),
    'rmsprop': ('rmsprop', []),
    'adam+sketch': ('adam', SKETCH),
    'rmsprop+sketch': ('rmsprop', SKETCH),
    'adam+sketch+clean': ('adam', CLEANED),
    'rmsprop+sketch+clean': ('rmsprop', CLEANED),
    'adam+sketch+first': ('adam', [*SKETCH, '--sketch-first-moment']),
    'momentum': ('momentum', []),
    'momentum+sketch': ('momentum', SKETCH),
}
USUAL = list(METHODS)[:4]
COLUMNS = ['seed', 'method', 'lr', 'training', 'held_out', 'perplexity', 'optimizer', 'bytes', 'ms']
RATES = '1e-3,2e-3,4e-3,8e-3'
HELD_OUT = 2 * 32 * (35 * 40 + 1)   # bytes: windows of 35, 32 side by side, and what comes next

DATA, _, *COMMON = RUNS['lstm_lm']
COMMON = COMMON[:COMMON.index('--optimizer')]


def memory(args, spec, more):
    """Bytes of the optimizer's state, of arena and all state."""
    options = [o for o in COMMON if o != '--stream']
    r = subprocess.run([args.tool, 'plan', args.model, *options, '--optimizer', spec, *more,
                        '--json'], stdout=subprocess.PIPE, check=True)
    plan = json.loads(r.stdout)
    return plan['peak']['optimizer'], plan['arena_bytes'] + plan['state_bytes']


def with_rate(spec, lr):
    return f"{spec}{',' if ':' in spec else ':'}lr={lr}"


def said(pattern, text):
    return float(re.search(pattern, text)[1])


def shuffled(args, folder, seed):
    """The model with each weight's elements in another order."""
    import numpy as np
    import onnx
    from onnx import numpy_helper
    model, random = onnx.load(args.model), np.random.default_rng(seed)
    for w in model.graph.initializer:
        if w.data_type == onnx.TensorProto.FLOAT:
            x = numpy_helper.to_array(w)
            w.CopyFrom(numpy_helper.from_array(random.permutation(x.ravel()).reshape(x.shape), w.name))
    path = os.path.join(folder, f'start{seed}.onnx')
    onnx.save(model, path)
    return path


def train(args, folder, model, spec, lr, more):
    """Mean of the last 50 losses, held-out loss, milliseconds a step."""
    log = os.path.join(folder, 'log.csv')
    text, held_out = (os.path.join(folder, f'{name}.u16:u16') for name in ('text', 'held-out'))
    r = subprocess.run([args.tool, 'train', model, '--data', text, '--val-data', held_out,
                        *COMMON,
                        '--optimizer', with_rate(spec, lr), *more, '--no-shuffle',
                        '--steps', str(args.steps), '--log', log],
                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    last = losses(log)[-50:]
    return (sum(last) / len(last), said(r'validation loss ([0-9.e+-]+)', r.stdout),
            said(r'([0-9.e+]+) ms each', r.stdout))


def copy(args, source, target, size=-1):
    """Words that the model does not have are its last."""
    with open(source, 'rb') as f:
        words = array.array('H', f.read(size))
    if args.words:
        words = array.array('H', (min(w, args.words - 1) for w in words))
    with open(target, 'wb') as f:
        words.tofile(f)


def prepare(args, folder):
    copy(args, os.path.join(args.data, DATA.split(':')[0]), os.path.join(folder, 'text.u16'))
    copy(args, os.path.join(args.data, 'wikitext-2', 'test.ids.u16'),
         os.path.join(folder, 'held-out.u16'), HELD_OUT)


def measure(args, folder, seed):
    """A row for each method and rate."""
    model = shuffled(args, folder, seed) if seed else args.model
    for name in args.methods.split(','):
        spec, more = METHODS[name]
        more = [word.replace('0.2', args.ratio) for word in more]
        optimizer, total = memory(args, spec, more)
        for lr in args.rates.split(','):
            training, held_out, ms = train(args, folder, model, spec, lr, more)
            yield dict(zip(COLUMNS, (seed, name, lr, f'{training:.4f}', f'{held_out:.4f}',
                                     f'{math.exp(held_out):.1f}', optimizer, total, f'{ms:.0f}')))


def best_of(rows):
    best = {}
    for row in rows:
        old = best.get(row['method'])
        if not old or float(row['held_out']) < float(old['held_out']):
            best[row['method']] = row
    return best


def compare(best):
    """Each method at its best rate, beside those that keep all of their state."""
    for name, row in best.items():
        beside = [f"{float(row['perplexity']) / float(best[full]['perplexity']):.3f} of {full}'s, "
                  f"{row['bytes'] / best[full]['bytes'] - 1:+.1%} bytes"
                  for full in ('adam', 'rmsprop') if full in best and full != name]
        print(f"{name} at {row['lr']}: perplexity {row['perplexity']}", *beside, sep='; ',
              file=sys.stderr)


def main():
    p = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    p.add_argument('tool')
    p.add_argument('model')
    p.add_argument('data')
    p.add_argument('--steps', type=int, default=300)
    p.add_argument('--rates', default=RATES)
    p.add_argument('--methods', default=','.join(USUAL), help=', '.join(METHODS))
    p.add_argument('--seeds', type=int, default=1)
    p.add_argument('--words', type=int, help='how many the model has')
    p.add_argument('--ratio', default='0.2', help="of a sketch's elements to the tables'")
    args = p.parse_args()
    out = csv.DictWriter(sys.stdout, COLUMNS, lineterminator='\n')
    out.writeheader()
    with tempfile.TemporaryDirectory() as folder:
        prepare(args, folder)
        for seed in range(args.seeds):
            rows = []
            for row in measure(args, folder, seed):
                out.writerow(row)
                sys.stdout.flush()
                rows.append(row)
            compare(best_of(rows))


if __name__ == '__main__':
    main()
