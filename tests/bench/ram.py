#!/usr/bin/env python3
"""Memory against recomputed operations, beside PyTorch's measured peak.

    ram.py [--feed] [--whole] THIMBLE MODELS_DIR BASELINE_CSV [OPTIMIZER,...] [NAME...] > ram.csv

With --feed the batch stays with the caller, who is asked for its examples; PyTorch has it. With
--whole the batch is not divided.
MODELS_DIR holds NAME_bBATCH_op17_train.onnx (all of them if no NAME is given). BASELINE_CSV
has columns model, batch, opt, peak_tensor, param_bytes, buffer_bytes, opt_bytes. For each
model, batch and optimizer: arena + state, and working memory (the arena; PyTorch's: its peak
less parameters, buffers and optimizer state), from `thimble plan --sweep`, where at most 1 %,
10 % and 33 % more operations are done than if nothing is computed twice, and the smallest. Geometric means of
PyTorch's working memory over thimble's, by batch, are on stderr.
"""
import collections
import csv
import glob
import json
import math
import os
import re
import subprocess
import sys
import time

from memory import loss_of

LIMITS = [('1', 1.0), ('10', 10.0), ('33', 33.0), ('smallest', math.inf)]


def sweep(tool, path, model, optimizer, options):
    start = time.time()
    r = subprocess.run([tool, 'plan', path, '--loss', loss_of(model), '--optimizer', optimizer,
                        '--sweep', '--json', *options], capture_output=True, text=True)
    return (json.loads(r.stdout) if r.returncode == 0 else None), time.time() - start, r.stderr


def best(points, limit):
    return min((p for p in points if p['extra_percent'] <= limit),
               key=lambda p: (p['ram_bytes'], p['flops']), default=None)


def main():
    options = [a for a in sys.argv[1:] if a.startswith('--')]
    args = [a for a in sys.argv[1:] if not a.startswith('--')]
    if len(args) < 3 or set(options) - {'--feed', '--whole'}:
        sys.exit(__doc__)
    feed = ['--feed'] if '--feed' in options else []
    tool, models, baseline = args[:3]
    optimizers = args[3].split(',') if len(args) > 3 else ['sgd', 'momentum', 'adam']
    torch = {(r['model'], r['batch'], r['opt']): r
             for r in csv.DictReader(open(baseline)) if r['peak_tensor']}
    out = csv.writer(sys.stdout)
    out.writerow(['model', 'batch', 'optimizer', 'state_bytes', 'at_most_percent', 'total_bytes',
                  'working_bytes', 'extra_percent', 'pytorch_total', 'pytorch_working',
                  'total_ratio', 'working_ratio', 'seconds'])
    ratios = collections.defaultdict(list)
    for path in sorted(glob.glob(f'{models}/*_op17_train.onnx')):
        model, batch = re.match(r'(.*)_b(\d+)_op17_train', os.path.basename(path)).groups()
        if len(args) > 4 and model not in args[4:]:
            continue
        whole = ['--micro-batch', batch] if '--whole' in options else []
        for optimizer in optimizers:
            plan, seconds, why = sweep(tool, path, model, optimizer, feed + whole)
            if not plan:
                print(f'{model} batch {batch}: {why.strip().splitlines()[-1]}', file=sys.stderr)
                continue
            row = torch.get((model, batch, optimizer))
            total = int(row['peak_tensor']) if row else None
            working = total - sum(int(row[k]) for k in ('param_bytes', 'buffer_bytes', 'opt_bytes')) \
                if row else None
            for name, limit in LIMITS:
                p = best(plan['sweep'], limit)
                if not p:
                    continue
                out.writerow([model, batch, optimizer, plan['state_bytes'], name, p['ram_bytes'],
                              p['arena_bytes'], f"{p['extra_percent']:.2f}", total or '', working or '',
                              f"{total / p['ram_bytes']:.3f}" if row else '',
                              f"{working / p['arena_bytes']:.3f}" if row else '', f'{seconds:.2f}'])
                if row:
                    ratios[batch, name].append(working / p['arena_bytes'])
            sys.stdout.flush()
    for (batch, name), r in sorted(ratios.items()):
        mean = math.exp(sum(map(math.log, r)) / len(r))
        print(f'batch {batch}, at most {name}: working memory {mean:.2f}x less than PyTorch '
              f'({len(r)} rows)', file=sys.stderr)


if __name__ == '__main__':
    main()
