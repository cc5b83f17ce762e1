#!/usr/bin/env python3
"""Passes that only move work must not change a bit of any result.

    exact.py THIMBLE DIR [--at-once]

Runs the recorded cases of DIR (see parity.py) in the interpreter, whose arithmetic does not
depend on a C compiler, as thimble compiles them and with each such pass disabled; losses,
parameters and statistics must be equal, byte for byte. So must they be where the data is fed.
(In parts, other sums may be better outside of the loops: then only their order differs.)
The passes are disabled all at once, and each; with --at-once, under a sanitizer, not each.
"""
import filecmp
import glob
import os
import sys
import tempfile
import numpy as np

from parity import thimble_run

EXACT = ('simplify', 'recompute', 'fuse', 'fuse-update', 'split-norm', 'mask', 'cse', 'dce', 'fold', 'workspace', 'views')


def files(folder):
    return sorted(os.path.relpath(os.path.join(d, f), folder)
                  for d, _, names in os.walk(folder) for f in names)


EACH = [['--disable', name] for name in EXACT]
AT_ONCE = [sum(EACH, []), ['--feed']]


def run(tool, path, options, work):
    """None, or why there are no results in work/out."""
    extra = ['--executor', 'interpreter', '--no-gradients', *options]
    return thimble_run(tool, path[:-4] + '.onnx', np.load(path), extra, work)


def difference(a, b):
    names = files(a + '/out')
    if names != files(b + '/out') or len(names) < 3:
        return 'different files'
    same, other, _ = filecmp.cmpfiles(a + '/out', b + '/out', names, shallow=False)
    return f'{", ".join(other)} differ' if other else None


def compare(tool, path, changes):
    """Yields a change and what is wrong with it, None if nothing."""
    with tempfile.TemporaryDirectory() as base:
        why = run(tool, path, [], base)
        for change in changes:
            with tempfile.TemporaryDirectory() as work:
                yield change, why or run(tool, path, change, work) or difference(base, work)


def main():
    tool, passed, failed = sys.argv[1], 0, 0
    changes = AT_ONCE if sys.argv[3:] == ['--at-once'] else AT_ONCE + EACH
    for path in sorted(glob.glob(f'{sys.argv[2]}/*.npz')):
        for options, wrong in compare(tool, path, changes):
            if wrong:
                print(f'{os.path.basename(path)} with {" ".join(options)}: {wrong}')
            failed, passed = failed + bool(wrong), passed + (not wrong)
    print(f'{passed} passed, {failed} failed')
    return failed > 0 or not passed


if __name__ == '__main__':
    sys.exit(main())
