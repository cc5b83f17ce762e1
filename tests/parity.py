#!/usr/bin/env python3
"""thimble against recorded PyTorch runs (tests/tools/make_parity.py and make_exports.py).

    parity.py THIMBLE DIR [ARGUMENT]...

Every loss, first gradient, and final parameter and buffer must agree within 4 times
PyTorch's own float32 error, or 1e-5 of the tensor's largest value where that is larger.
Further arguments are passed on to every `thimble run`; with --no-gradients, which leaves
the step as it would be compiled, gradients are not compared. C is compiled as thimble asks
for of one case of each model, and quickly of those that have another optimizer or loss.
"""
import glob
import json
import os
import subprocess
import sys
import tempfile
import numpy as np


def thimble_run(tool, model, ref, extra, work):
    np.save(f'{work}/x.npy', ref['input/x'])
    np.save(f'{work}/target.npy', ref['target'])
    args = json.loads(str(ref['args']))
    # A model that computes its own loss has no target.
    target = [] if args[1].startswith('graph') else ['--target', f'{work}/target.npy']
    command = [tool, 'run', model, '--input', f'x={work}/x.npy', *target,
               '--dump', f'{work}/out', *args, *extra]
    r = subprocess.run(command, capture_output=True, text=True)
    return None if r.returncode == 0 else f'exit {r.returncode}: {r.stderr.strip()}'


def worst_error(ref, out, grad=True):
    """The largest error over its tolerance, and where; a missing file is infinite."""
    worst, where, compared = 0.0, '-', 0
    kinds = ref['only'] if 'only' in ref else ['loss', 'param', 'buffer'] + ['grad'] * grad
    for key in ref.files:
        if key.split('/')[0] not in kinds:
            continue
        path = f'{out}/{key}.npy'
        want = ref[key].astype('f8')
        if not os.path.exists(path):
            # A frozen parameter has no gradient and is not written back.
            return float('inf'), f'no {key}', compared
        got = np.load(path).astype('f8').reshape(want.shape)
        tolerance = max(4 * float(ref['err/' + key]), 1e-5 * np.abs(want).max(), 1e-9)
        error = np.abs(got - want).max() / tolerance
        compared += 1
        if not error <= worst:
            worst, where = error, key
    return worst, where, compared


def first_of_each_model(paths):
    """Of the cases whose arrays have the same names and shapes, which then differ in their
    optimizer or in how they use labels, the first: what is planned differs little."""
    first = {}
    for path in sorted(paths):
        ref = np.load(path)
        arrays = tuple((k, ref[k].shape) for k in sorted(ref.files)
                       if k.split('/')[0] in ('input', 'target', 'param', 'buffer'))
        first.setdefault(arrays, path)
    return list(first.values())


def quick_compiler(folder):
    """A C compiler that leaves out what takes long: thimble asks for -O3, the runtime for inlining."""
    path = f'{folder}/cc'
    with open(path, 'w') as f:
        f.write('#!/bin/sh\nexec ${THIMBLE_CC:-cc} "$@" -O1 -Dalways_inline=unused\n')
    os.chmod(path, 0o755)
    os.environ['THIMBLE_CC'] = os.environ.get('CC', 'cc')
    os.environ['CC'] = path


def compare(tool, path, extra):
    """None, or what is wrong."""
    name, ref = os.path.basename(path)[:-4], np.load(path)
    with tempfile.TemporaryDirectory() as work:
        why = thimble_run(tool, path[:-4] + '.onnx', ref, extra, work)
        if why:
            return why
        error, where, compared = worst_error(ref, f'{work}/out', '--no-gradients' not in extra)
    print(f'{name}: worst {error:.3g} of the tolerance at {where}')
    enough = compared >= (1 if 'only' in ref else 3)
    return None if error <= 1 and enough else f'{error:.3g} times the tolerance at {where}'


def main():
    tool, models, extra = sys.argv[1], sys.argv[2], sys.argv[3:]
    paths = sorted(glob.glob(f'{models}/*.npz'))
    first = first_of_each_model(paths)
    failed = passed = 0
    with tempfile.TemporaryDirectory() as folder:
        for i, path in enumerate(first + [p for p in paths if p not in first]):
            if i == len(first):
                quick_compiler(folder)
            why = compare(tool, path, extra)
            if why:
                print(f'{os.path.basename(path)[:-4]}: FAILED: {why}')
            failed, passed = failed + bool(why), passed + (not why)
    print(f'{passed} passed, {failed} failed')
    return failed > 0 or not passed


if __name__ == '__main__':
    sys.exit(main())
