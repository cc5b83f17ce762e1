#!/usr/bin/env python3
"""The loss in parts of its rows against recorded PyTorch runs.

    loss_parts.py THIMBLE DIR [EXECUTOR]...

Every case of DIR (see parity.py), in each of a few numbers of parts that divides the rows of what
its loss is of, without gradients as outputs, by each executor; other numbers are refused with that
reason. Fails, too, where fewer than 12 cases were divided.
"""
import glob
import re
import sys
import tempfile
import numpy as np

from parity import thimble_run, worst_error

PARTS, LEAST = (2, 3), 12


def wrong(tool, path, parts, executor):
    """What is wrong; '' if nothing is; None if so many parts are no division of the rows."""
    ref = np.load(path)
    extra = ['--loss-parts', str(parts), '--no-gradients', '--executor', executor]
    with tempfile.TemporaryDirectory() as work:
        why = thimble_run(tool, path[:-4] + '.onnx', ref, extra, work)
        refused = re.search(r'does not divide the (\d+) rows', why or '')
        if refused:
            rows = int(refused[1])
            return 'refused, and divides' if rows and rows % parts == 0 else None
        if why:
            return why
        error, where, _ = worst_error(ref, f'{work}/out', False)
        return '' if error <= 1 else f'{error:.3g} times the tolerance at {where}'


def main():
    tool, models, executors = sys.argv[1], sys.argv[2], sys.argv[3:] or ['interpreter']
    passed = failed = 0
    for path in sorted(glob.glob(f'{models}/*.npz')):
        for parts in PARTS:
            for executor in executors:
                why = wrong(tool, path, parts, executor)
                if why:
                    print(f'{path}: {parts} parts, {executor}: {why}')
                passed, failed = passed + (why == ''), failed + bool(why)
    print(f'{passed} passed, {failed} failed')
    return failed > 0 or passed < LEAST * len(executors)


if __name__ == '__main__':
    sys.exit(main())
