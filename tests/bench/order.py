#!/usr/bin/env python3
"""How near each model's order of steps is to what is proved about all orders.

    order.py THIMBLE MODELS_DIR [OPTIMIZER,...] > order.csv

MODELS_DIR holds NAME_bBATCH_op17_train.onnx. One CSV row per model, batch and optimizer: the
training step's largest sum of live bytes, the bound below it for every order, the gap between
them, whether the order is proved optimal, and the seconds of the whole compilation. The summary
is on stderr.
"""
import csv
import glob
import os
import re
import sys

from memory import plan


def main():
    tool, models = sys.argv[1:3]
    optimizers = sys.argv[3].split(',') if len(sys.argv) > 3 else ['sgd', 'adam']
    out = csv.writer(sys.stdout)
    out.writerow(['model', 'batch', 'optimizer', 'steps', 'arena_bytes', 'peak_bytes', 'bound_bytes',
                  'gap_percent', 'proved', 'seconds'])
    rows = proved = 0
    worst = (0.0, '')
    for path in sorted(glob.glob(f'{models}/*_op17_train.onnx')):
        model, batch = re.match(r'(.*)_b(\d+)_op17_train', os.path.basename(path)).groups()
        for optimizer in optimizers:
            p, seconds, why = plan(tool, path, model, optimizer)
            if not p:
                print(f'{model} batch {batch}: {why.strip().splitlines()[-1]}', file=sys.stderr)
                continue
            f = p['functions']['train']
            gap = 100 * (f['lower_bound_bytes'] / f['order_bound_bytes'] - 1)
            out.writerow([model, batch, optimizer, f['steps'], f['arena_bytes'], f['lower_bound_bytes'],
                          f['order_bound_bytes'], f'{gap:.3f}', int(f['order_optimal']), f'{seconds:.2f}'])
            sys.stdout.flush()
            rows += 1
            proved += f['order_optimal']
            worst = max(worst, (gap, f'{model} batch {batch} {optimizer}'))
    print(f'{proved} of {rows} proved optimal, largest gap {worst[0]:.3f} % ({worst[1]})', file=sys.stderr)


if __name__ == '__main__':
    main()
