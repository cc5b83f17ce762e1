#!/usr/bin/env python3
"""Training memory of each model beside PyTorch's measured peak.

    memory.py THIMBLE MODELS_DIR BASELINE_CSV [OPTIMIZER,...] > memory.csv

MODELS_DIR holds NAME_bBATCH_op17_train.onnx; BASELINE_CSV has columns model, batch, opt,
peak_tensor (bytes of every tensor alive at PyTorch's peak: parameters, gradients,
optimizer state, activations, input and target). thimble's figure is arena + state, which
counts the same things; parameters that do not train are constants and count in neither.
One CSV row per model, batch and optimizer; the geometric means are on stderr.
"""
import csv
import glob
import json
import math
import os
import re
import subprocess
import sys
import time

LAST_AXIS = ('gpt', 'lstm_lm')
REGRESSION = ('fc_ae', 'conv_ae')


def loss_of(model):
    if model.startswith(REGRESSION):
        return 'mse'
    return 'cross-entropy:axis=-1' if model.startswith(LAST_AXIS) else 'cross-entropy'


def plan(tool, path, model, optimizer):
    start = time.time()
    r = subprocess.run([tool, 'plan', path, '--loss', loss_of(model), '--optimizer', optimizer, '--json'],
                       capture_output=True, text=True)
    return (json.loads(r.stdout) if r.returncode == 0 else None), time.time() - start, r.stderr


def main():
    tool, models, baseline = sys.argv[1:4]
    optimizers = sys.argv[4].split(',') if len(sys.argv) > 4 else ['sgd', 'momentum', 'adam']
    peak = {(r['model'], r['batch'], r['opt']): int(r['peak_tensor'])
            for r in csv.DictReader(open(baseline)) if r['peak_tensor']}
    out = csv.writer(sys.stdout)
    out.writerow(['model', 'batch', 'optimizer', 'arena_bytes', 'state_bytes', 'total_bytes',
                  'lower_bound_bytes', 'pytorch_bytes', 'ratio', 'seconds'])
    ratios, worst = [], (0, '')
    for path in sorted(glob.glob(f'{models}/*_op17_train.onnx')):
        model, batch = re.match(r'(.*)_b(\d+)_op17_train', os.path.basename(path)).groups()
        for optimizer in optimizers:
            p, seconds, why = plan(tool, path, model, optimizer)
            if not p:
                print(f'{model} batch {batch}: {why.strip().splitlines()[-1]}', file=sys.stderr)
                continue
            total = p['arena_bytes'] + p['state_bytes']
            torch = peak.get((model, batch, optimizer))
            ratio = total / torch if torch else None
            out.writerow([model, batch, optimizer, p['arena_bytes'], p['state_bytes'], total,
                          p['lower_bound_bytes'], torch or '', f'{ratio:.3f}' if ratio else '',
                          f'{seconds:.2f}'])
            if ratio:
                ratios.append(ratio)
                worst = max(worst, (ratio, f'{model} b{batch} {optimizer}'))
    if ratios:
        mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
        print(f'{len(ratios)} rows, geometric mean {mean:.3f} of PyTorch, worst {worst[0]:.3f} ({worst[1]})',
              file=sys.stderr)


if __name__ == '__main__':
    main()
