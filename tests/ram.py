#!/usr/bin/env python3
"""What --ram recomputes must not change a bit of any result.

    ram.py THIMBLE DIR

Runs a recorded case of each model of DIR (see parity.py) in the interpreter under the smallest budget:
losses, gradients, parameters and statistics must be those of the run without one, byte for
byte, as long as the batch is not divided (--disable scan, loss-parts). Where it may be, sums over it are
put together of parts: under the smallest budget the emitted C, which keeps no gradients, must
agree with PyTorch.
"""
import glob
import os
import re
import sys
import tempfile
import numpy as np

from exact import difference
from parity import first_of_each_model, quick_compiler, thimble_run, worst_error

INTERPRETER = ['--executor', 'interpreter']
WHOLE = ['--disable', 'scan', '--disable', 'loss-parts']


def run(tool, path, extra, work):
    return thimble_run(tool, path[:-4] + '.onnx', np.load(path), extra, work)


def smallest(tool, path, extra):
    """Bytes, from the message that one byte is too few."""
    with tempfile.TemporaryDirectory() as work:
        why = run(tool, path, ['--ram', '1', *extra], work) or ''
    found = re.search(r'found to fit is (\d+) bytes', why)
    return int(found.group(1)) if found else None


def check_bits(tool, path, base):
    """Yields what is wrong, None if nothing."""
    least = smallest(tool, path, WHOLE)
    if not least:
        yield 'no smallest size'
        return
    with tempfile.TemporaryDirectory() as work:
        why = run(tool, path, [*INTERPRETER, *WHOLE, '--ram', str(least)], work)
        why = why or difference(base, work)
        yield why and f'in {least} bytes: {why}'


def check_parts(tool, path):
    least = smallest(tool, path, ['--no-gradients'])
    with tempfile.TemporaryDirectory() as work:
        why = run(tool, path, ['--executor', 'c', '--ram', str(least), '--no-gradients'], work)
        if not why:
            error, where, _ = worst_error(np.load(path), f'{work}/out', False)
            why = None if error <= 1 else f'{error:.3g} times the tolerance at {where}'
        yield why and f'in {least} bytes, in parts: {why}'


def check(tool, path):
    with tempfile.TemporaryDirectory() as base:
        why = run(tool, path, INTERPRETER, base)
        return [why] if why else [*check_bits(tool, path, base), *check_parts(tool, path)]


def main():
    tool, passed, failed = sys.argv[1], 0, 0
    with tempfile.TemporaryDirectory() as folder:
        quick_compiler(folder)
        for path in first_of_each_model(glob.glob(f'{sys.argv[2]}/*.npz')):
            for wrong in check(tool, path):
                if wrong:
                    print(f'{os.path.basename(path)[:-4]}: {wrong}')
                failed, passed = failed + bool(wrong), passed + (not wrong)
    print(f'{passed} passed, {failed} failed')
    return failed > 0 or not passed


if __name__ == '__main__':
    sys.exit(main())
