#!/usr/bin/python3
"""Lets the n-th allocation fail, for n from 1 on, while commands run.

   sweep.py THIMBLE [--preload FAIL.so] [--all] [--only COMMAND]

Each run ends with status 1 and says that memory ran out, or does all that it
does otherwise; each file is as it was or as it should be, and there is no other.
Some n are tried, with --all each. THIMBLE has fail.c linked to its own
allocations; with --preload those of the C library fail too."""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile

import numpy as np

MODELS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..',
                      'models', 'parity')
MODEL = os.path.join(MODELS, 'mlp-sgd.onnx')
TRAINING = ['--loss', 'cross-entropy', '--optimizer', 'adam']
SAYS = ('out of memory', 'Cannot allocate memory', 'insufficient memory')
SOME = 12   # allocations that fail, by command and by way to fail

COMMANDS = {
    'inspect': ['inspect', MODEL, '--json'],
    'plan': ['plan', MODEL, *TRAINING, '--html', 'page.html'],
    'ram': ['plan', MODEL, *TRAINING, '--ram', '6K', '--json'],
    'compile': ['compile', MODEL, '-o', 'out', *TRAINING],
    'train': ['train', MODEL, '--data', 'x.npy,y.npy', *TRAINING,
              '--executor', 'interpreter', '-o', 'new.safetensors',
              '--log', 'log.csv', '--export', 'new.onnx'],
    'run': ['run', MODEL, '--input', 'x=x6.npy', '--target', 'y6.npy',
            *TRAINING, '--executor', 'interpreter', '--steps', '1',
            '--dump', 'dump'],
    'graph': ['export', MODEL, '--training-graph', *TRAINING, '-o',
              'new.onnx'],
    'export': ['export', MODEL, 'old.safetensors', '-o', 'new.onnx'],
    'pack': ['pack', 'items.csv', '-o', 'placed.csv'],
}
OUTPUTS = ('page.html', 'out/note', 'new.safetensors', 'log.csv', 'new.onnx',
           'placed.csv')


def make_inputs(thimble, folder):
    rng = np.random.default_rng(1)
    os.mkdir(folder)
    os.mkdir(os.path.join(folder, 'out'))
    x = rng.normal(size=(12, 3, 4)).astype(np.float32)
    y = rng.integers(0, 4, 12).astype(np.int32)
    for name, a in ('x', x), ('y', y), ('x6', x[:6]), ('y6', y[:6]):
        np.save(os.path.join(folder, name + '.npy'), a)
    with open(os.path.join(folder, 'items.csv'), 'w') as f:
        f.write('id,lower,upper,size\n' + ''.join(
            f'b{i},{i},{i + 3},{64 * (i % 5 + 1)}\n' for i in range(40)))
    r = subprocess.run([thimble, *COMMANDS['train']], cwd=folder,
                       capture_output=True)
    os.rename(os.path.join(folder, 'new.safetensors'),
              os.path.join(folder, 'old.safetensors'))
    for o in OUTPUTS:
        with open(os.path.join(folder, o), 'w') as f:
            f.write('of the user')
    return r.returncode == 0


def contents(folder):
    """Every file's bytes by its path; None for a folder."""
    found = {}
    for at, _, files in os.walk(folder):
        found[os.path.relpath(at, folder)] = None
        for f in files:
            path = os.path.join(at, f)
            with open(path, 'rb') as data:
                found[os.path.relpath(path, folder)] = data.read()
    return found


class Sweep:
    def __init__(self, thimble, preload, top):
        self.thimble = thimble
        self.preload = {'LD_PRELOAD': preload} if preload else {}
        self.top = top
        self.inputs = os.path.join(top, 'inputs')
        self.runs = self.refused = self.failures = 0

    def run(self, args, **env):
        """In a fresh copy of the inputs; and what is there afterwards."""
        folder = os.path.join(self.top, 'run')
        shutil.copytree(self.inputs, folder)
        r = subprocess.run([self.thimble, *args], cwd=folder, timeout=300,
                           stdin=subprocess.DEVNULL, capture_output=True,
                           env={**os.environ, 'TMPDIR': folder,
                                **self.preload, **env})
        there = contents(folder)
        shutil.rmtree(folder)
        return r, there

    def fail(self, what, r):
        self.failures += 1
        print(f'FAIL: {what}: status {r.returncode}')
        print(r.stderr.decode(errors='replace')[-1500:])

    def one(self, what, args, wanted, **env):
        self.runs += 1
        r, there = self.run(args, **env)
        said = r.stderr.decode(errors='replace')
        if r.returncode == 0:
            if there != wanted:
                self.fail(f'{what}: not the results', r)
            return
        self.refused += 1
        before = contents(self.inputs)
        if r.returncode != 1 or not any(s in said for s in SAYS):
            self.fail(what, r)
        odd = {f for f in {*there, *before}
               if there.get(f, 0) not in (before.get(f, 0), wanted.get(f, 0))}
        if odd:
            self.fail(f'{what}: left {", ".join(sorted(odd))}', r)

    def sweep(self, name, every):
        args = COMMANDS[name]
        count = os.path.join(self.top, 'count')
        r, wanted = self.run(args, OOM_COUNT=count)
        if r.returncode:
            self.fail(f'{name}, with all the memory', r)
            return
        with open(count) as f:
            n = int(f.read())
        step = 1 if every else max(1, n // SOME)
        for at in {*range(1, n + 1, step), n}:
            self.one(f'{name}, allocation {at} of {n} and all behind it',
                     args, wanted, OOM_AT=str(at))
            self.one(f'{name}, allocation {at} of {n}', args, wanted,
                     OOM_AT=str(at), OOM_ONCE='1')


def main():
    p = argparse.ArgumentParser()
    p.add_argument('thimble')
    p.add_argument('--preload')
    p.add_argument('--all', action='store_true')
    p.add_argument('--only', choices=COMMANDS)
    a = p.parse_args()
    thimble = os.path.abspath(a.thimble)
    preload = a.preload and os.path.abspath(a.preload)
    with tempfile.TemporaryDirectory() as top:
        s = Sweep(thimble, preload, top)
        if not make_inputs(thimble, s.inputs):
            return 'the inputs cannot be made'
        for name in [a.only] if a.only else COMMANDS:
            s.sweep(name, a.all)
        print(f'{s.runs} runs, {s.refused} refused, {s.failures} failed')
        return s.failures > 0


if __name__ == '__main__':
    sys.exit(main())
