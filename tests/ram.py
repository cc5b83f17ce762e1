#!/usr/bin/env python3
"""What --ram recomputes must not change a bit of any result.

    ram.py THIMBLE DIR

Runs the recorded cases of DIR (see parity.py) in the interpreter under several budgets, the
smallest included: losses, gradients, parameters and statistics must be those of the run
without one, byte for byte. The emitted C must agree with PyTorch under the smallest.
"""
import glob
import os
import re
import sys
import tempfile
import numpy as np

from exact import difference
from parity import thimble_run, worst_error

INTERPRETER = ['--executor', 'interpreter']


def run(tool, path, extra, work):
    return thimble_run(tool, path[:-4] + '.onnx', np.load(path), extra, work)


def smallest(tool, path):
    """Bytes, from the message that one byte is too few."""
    with tempfile.TemporaryDirectory() as work:
        why = run(tool, path, ['--ram', '1'], work) or ''
    found = re.search(r'found to fit is (\d+) bytes', why)
    return int(found.group(1)) if found else None


def check(tool, path, base, least):
    """Yields what is wrong under each budget, None if nothing."""
    for ram in (least, least * 11 // 10, least * 13 // 10):
        with tempfile.TemporaryDirectory() as work:
            why = run(tool, path, [*INTERPRETER, '--ram', str(ram)], work)
            yield ram, why or difference(base, work)
    with tempfile.TemporaryDirectory() as work:
        why = run(tool, path, ['--executor', 'c', '--ram', str(least)], work)
        if not why:
            error, where, _ = worst_error(np.load(path), f'{work}/out')
            why = None if error <= 1 else f'{error:.3g} times the tolerance at {where}'
        yield least, why


def main():
    tool, passed, failed = sys.argv[1], 0, 0
    for path in sorted(glob.glob(f'{sys.argv[2]}/*.npz')):
        name = os.path.basename(path)[:-4]
        with tempfile.TemporaryDirectory() as base:
            why = run(tool, path, INTERPRETER, base)
            least = smallest(tool, path)
            if why or not least:
                print(f'{name}: {why or "no smallest size"}')
                failed += 1
                continue
            for ram, wrong in check(tool, path, base, least):
                if wrong:
                    print(f'{name} in {ram} bytes: {wrong}')
                failed, passed = failed + bool(wrong), passed + (not wrong)
    print(f'{passed} passed, {failed} failed')
    return failed > 0 or not passed


if __name__ == '__main__':
    sys.exit(main())
