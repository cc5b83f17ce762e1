#!/usr/bin/env python3
"""Training memory of optimizers that keep less, beside full Adam's, momentum's and SGD's.

    thin.py THIMBLE MODELS_DIR [--models NAME,..] [--methods NAME,..] [--with OPTION]... > thin.csv

MODELS_DIR holds NAME_bBATCH_op17_train.onnx. `--with` is given to each plan (`--with
'--max-recompute 10%'`, `--with --feed`): what a low rank saves beside what the rest of the
compiler does, full Adam too. Arena + state, as in memory.py. One CSV row per model, batch and
method: bytes, the part of full Adam's, operations of a step beside full Adam's. On stderr, by
method: the geometric mean of what is left of Adam's, the largest, and whose that is.
"""
import argparse
import csv
import glob
import json
import math
import os
import re
import subprocess
import sys

from memory import loss_of

METHODS = {
    'adam': ['adam'],
    'momentum': ['momentum'],
    'sgd': ['sgd'],
    'projection 4': ['adam', '--low-rank', '4'],
    'projection 8': ['adam', '--low-rank', '8'],
    'factors 4': ['adam', '--low-rank', '4,form=factors'],
    'mofasgd 4': ['momentum', '--low-rank', '4,form=mofasgd'],
    'streaming 4': ['sgd', '--low-rank', '4,form=streaming'],
    'sketch 0.2': ['adam', '--sketch', '0.2'],
    'sketch 0.2 first moment': ['adam', '--sketch', '0.2', '--sketch-first-moment'],
    'adam8bit': ['adam8bit'],
    'adam8bit projection 4': ['adam8bit', '--low-rank', '4'],
    'momentum8bit': ['momentum8bit'],
    'adafactor': ['adafactor'],
    'sm3': ['sm3'],
    'lion': ['lion'],
    'lion8bit': ['lion8bit'],
}


def plan(tool, path, model, method, options):
    r = subprocess.run([tool, 'plan', path, '--loss', loss_of(model), '--json', '--optimizer',
                        *METHODS[method], *options], capture_output=True, text=True)
    if r.returncode:
        print(f'{model}, {method}: {r.stderr.strip().splitlines()[-1]}', file=sys.stderr)
        return None
    j = json.loads(r.stdout)
    return j['arena_bytes'], j['state_bytes'], j['flops']


def rows_of(tool, path, methods, options):
    """Of one model; what is beside Adam's is empty where Adam is not planned."""
    model, batch = re.match(r'(.*)_b(\d+)_op17_train', os.path.basename(path)).groups()
    adam = None
    for method in methods:
        p = plan(tool, path, model, method, options)
        if not p:
            continue
        arena, state, flops = p
        if method == 'adam':
            adam = arena + state, flops
        beside = [(arena + state) / adam[0], flops / adam[1]] if adam else [None, None]
        yield [model, int(batch), method, arena, state, arena + state, *beside]


def summary(rows):
    for method in METHODS:
        of = [r for r in rows if r[2] == method and r[6]]
        if not of or method == 'adam':
            continue
        mean = math.exp(sum(math.log(r[6]) for r in of) / len(of))
        worst = max(of, key=lambda r: r[6])
        print(f'{method:24} {len(of):3} rows  mean {mean:.3f}  largest {worst[6]:.3f} '
              f'({worst[0]}, batch {worst[1]})', file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('tool')
    parser.add_argument('models')
    parser.add_argument('--models', dest='only', default='', help='names, all others left out')
    parser.add_argument('--methods', default=','.join(METHODS))
    parser.add_argument('--with', dest='options', action='append', default=[])
    args = parser.parse_args()
    options = [word for o in args.options for word in o.split()]
    methods, only = args.methods.split(','), args.only.split(',') if args.only else None
    unknown = [m for m in methods if m not in METHODS]
    if unknown:
        sys.exit(f'there is no method {unknown[0]!r}; there are {", ".join(METHODS)}')
    out, rows = csv.writer(sys.stdout), []
    out.writerow(['model', 'batch', 'method', 'arena_bytes', 'state_bytes', 'total_bytes',
                  'of_adam', 'flops_of_adam'])
    for path in sorted(glob.glob(f'{args.models}/*_op17_train.onnx')):
        if only and re.sub(r'_b\d+_op17_train.onnx$', '', os.path.basename(path)) not in only:
            continue
        for row in rows_of(args.tool, path, methods, options):
            rows.append(row)
            out.writerow(row[:6] + [f'{x:.3f}' if x else '' for x in row[6:]])
            sys.stdout.flush()
    summary(rows)


if __name__ == '__main__':
    main()
