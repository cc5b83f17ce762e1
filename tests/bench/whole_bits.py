#!/usr/bin/env python3
"""Training in loops over the examples of a batch that is not divided, against no budget.

    whole_bits.py [--steps=N] THIMBLE MODELS_DIR [OPTIMIZER,...] [NAME...]

MODELS_DIR holds NAME_bBATCH_op17_train.onnx. Each model trains twice on the same arrays: as it
is compiled without a budget, and with --micro-batch BATCH in the least memory that --ram finds.
The interpreter runs both; tests/unit/scan_order.c holds C for a microcontroller to the same.
Printed are both memories and which of losses, parameters, statistics and optimizer state have
other bits; exit 1 if any has.
"""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnx

from memory import loss_of

DTYPES = {onnx.TensorProto.FLOAT: 'f4', onnx.TensorProto.INT32: 'i4', onnx.TensorProto.INT64: 'i8'}


def dims(value):
    return [d.dim_value for d in value.type.tensor_type.shape.dim]


def write_arrays(path, loss, work):
    """Inputs and a target of noise; indices are small enough for any table."""
    rng = np.random.default_rng(1)
    graph = onnx.load(path).graph
    known = {i.name for i in graph.initializer}
    args = []
    for value in (v for v in graph.input if v.name not in known):
        kind = DTYPES[value.type.tensor_type.elem_type]
        shape = dims(value)
        a = rng.standard_normal(shape) if kind == 'f4' else rng.integers(0, 2, shape)
        np.save(f'{work}/{value.name}.npy', a.astype(kind))
        args += ['--input', f'{value.name}={work}/{value.name}.npy']
    y = dims(graph.output[0])
    if loss == 'mse':
        target = rng.standard_normal(y).astype('f4')
    else:
        rows = y[:-1] if loss.endswith('axis=-1') else y[:1] + y[2:]
        target = rng.integers(0, 2, rows).astype('i8')
    np.save(f'{work}/target.npy', target)
    return [*args, '--target', f'{work}/target.npy']


def smallest(tool, path, options, batch):
    """RAM without a budget, and the least of the batch as a whole."""
    plan = [tool, 'plan', path, '--json', *options]
    free = json.loads(subprocess.run(plan, capture_output=True, check=True).stdout)
    least = subprocess.run([*plan, '--micro-batch', batch, '--ram', '1'], capture_output=True)
    return free['arena_bytes'] + free['state_bytes'], json.loads(least.stdout)['smallest_ram_bytes']


def train(tool, path, options, arrays, out):
    subprocess.run([tool, 'run', path, *options, *arrays, '--no-gradients', '--executor',
                    'interpreter', '--dump', out], check=True, stdout=subprocess.DEVNULL)


def differences(a, b):
    """Yields name and size of what differs."""
    names = sorted(os.path.relpath(p, a) for p in glob.glob(f'{a}/**/*.npy', recursive=True))
    if names != sorted(os.path.relpath(p, b) for p in glob.glob(f'{b}/**/*.npy', recursive=True)):
        raise SystemExit(f'{a} and {b} have different files')
    for name in names:
        x, y = np.load(f'{a}/{name}'), np.load(f'{b}/{name}')
        if x.tobytes() != y.tobytes():
            x, y = x.astype('f8'), y.astype('f8')
            yield name, float(np.abs(x - y).max() / max(np.abs(x).max(), 1e-30))
    if not names:
        raise SystemExit(f'nothing in {a}')


def main():
    given = dict(a[2:].split('=') for a in sys.argv[1:] if a.startswith('--'))
    args = [a for a in sys.argv[1:] if not a.startswith('--')]
    if len(args) < 2 or set(given) - {'steps'}:
        sys.exit(__doc__)
    tool, models = os.path.abspath(args[0]), args[1]
    bad = 0
    for path in sorted(glob.glob(f'{models}/*_op17_train.onnx')):
        name, batch = re.match(r'(.*)_b(\d+)_op17_train', os.path.basename(path)).groups()
        if args[3:] and name not in args[3:]:
            continue
        for optimizer in (args[2] if len(args) > 2 else 'sgd').split(','):
            options = ['--loss', loss_of(name), '--optimizer', optimizer]
            run = ['--steps', given.get('steps', '4')]
            with tempfile.TemporaryDirectory() as work:
                arrays = write_arrays(path, loss_of(name), work)
                free, least = smallest(tool, path, options, batch)
                train(tool, path, options + run, arrays, f'{work}/free')
                train(tool, path, [*options, *run, '--micro-batch', batch, '--ram', str(least)],
                      arrays, f'{work}/least')
                wrong = list(differences(f'{work}/free', f'{work}/least'))
            worst = max(wrong, key=lambda w: w[1], default=None)
            print(f'{name} {optimizer}: {free} -> {least} bytes, ' + (
                f'{len(wrong)} arrays differ, most {worst[0]} by {worst[1]:.2g}' if wrong
                else 'the same bits'), flush=True)
            bad += bool(wrong)
    return bad > 0


if __name__ == '__main__':
    sys.exit(main())
