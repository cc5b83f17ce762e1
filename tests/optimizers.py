#!/usr/bin/env python3
"""Optimizers against other people's implementations: by hand, as these are not in Debian.

    optimizers.py THIMBLE [STEPS]

Lion against lion-pytorch, SM3 and Lion against pytorch-optimizer, Adafactor against torch.optim,
8-bit state against torch's optimizers with bitsandbytes' codes, each number rounded to the nearest
(its own quantizer takes the other of two where they are nearly as near, one in 500; the steps of
Adam, which divides by a root of such, are then far apart), and squares to 0 for 0 alone (its own
takes 0 for what is small, too, by which Adam's steps then have no bound). The other trains a small
network in double precision, thimble the same one from the same weights on the same data. What is
not installed is skipped with a word. A row each: the largest difference of a weight after STEPS
(20) steps, over the largest change of a weight. Exit status 1 where that is over its bound.
"""
import glob
import importlib
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

BATCH, IN, HIDDEN, OUT = 8, 24, 40, 12


def network(path, seed=1):
    """y = tanh(x a^T + b) c^T + d; its weights."""
    random = np.random.default_rng(seed)
    weights = {'a': random.normal(0, 0.2, (HIDDEN, IN)), 'b': random.normal(0, 0.2, HIDDEN),
               'c': random.normal(0, 0.2, (OUT, HIDDEN)), 'd': random.normal(0, 0.2, OUT)}
    weights = {k: v.astype(np.float32) for k, v in weights.items()}
    nodes = [helper.make_node('Gemm', ['x', 'a', 'b'], ['h'], transB=1),
             helper.make_node('Tanh', ['h'], ['t']),
             helper.make_node('Gemm', ['t', 'c', 'd'], ['y'], transB=1)]
    graph = helper.make_graph(
        nodes, 'network', [helper.make_tensor_value_info('x', TensorProto.FLOAT, [BATCH, IN])],
        [helper.make_tensor_value_info('y', TensorProto.FLOAT, [BATCH, OUT])],
        [numpy_helper.from_array(v, k) for k, v in weights.items()])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8),
              path)
    return weights


def data(folder, seed=2):
    random = np.random.default_rng(seed)
    x, y = (random.normal(0, 1, (BATCH, n)).astype(np.float32) for n in (IN, OUT))
    np.save(f'{folder}/x.npy', x)
    np.save(f'{folder}/y.npy', y)
    return x, y


def here(tool, folder, spec, steps):
    """What thimble leaves of the weights."""
    r = subprocess.run([tool, 'run', f'{folder}/network.onnx', '--input', f'x={folder}/x.npy',
                        '--target', f'{folder}/y.npy', '--loss', 'mse', '--optimizer', spec,
                        '--steps', str(steps), '--dump', f'{folder}/out', '--executor',
                        'interpreter'], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if r.returncode:
        sys.exit(r.stderr)
    return {os.path.basename(p)[:-4]: np.load(p) for p in glob.glob(f'{folder}/out/param/*.npy')}


def there(weights, x, y, steps, optimizer):
    """What the other one does; `optimizer` is made of the parameters, in the weights' order."""
    w = {k: torch.tensor(v, dtype=torch.float64, requires_grad=True) for k, v in weights.items()}
    x, y = (torch.tensor(v, dtype=torch.float64) for v in (x, y))
    step = optimizer(list(w.values()))
    for _ in range(steps):
        step.zero_grad()
        t = torch.tanh(x @ w['a'].T + w['b']) @ w['c'].T + w['d']
        torch.nn.functional.mse_loss(t, y).backward()
        step.step()
    return {k: v.detach().numpy() for k, v in w.items()}


def adafactor(lr, decay=0.0):
    """torch's steps are relative to the weights' size, and no longer than 1 / sqrt(step): with a
    size of at least `large` and the rate so much less, they are as given."""
    large = 1e6
    return lambda w: torch.optim.Adafactor(w, lr=lr / large, eps=(1e-30, large),
                                           weight_decay=decay * large)


class Blockwise(torch.optim.Optimizer):
    """torch's own optimizer, whose state goes through bitsandbytes' codes after each step; small
    parameters keep theirs whole. Scales are in single precision."""

    def __init__(self, params, inner, names):
        super().__init__(params, {})
        self.inner, self.names = inner(params), names
        self.quantizer = importlib.import_module('bitsandbytes.functional')

    def zero_grad(self):
        self.inner.zero_grad()

    def step(self):
        self.inner.step()
        for w, state in self.inner.state.items():
            for name in self.names if w.numel() >= 256 else []:
                signed = name != 'exp_avg_sq'
                code = self.quantizer.create_dynamic_map(signed).to(w.dtype)
                self.round(state[name].view(-1), code)

    @staticmethod
    def round(x, code):
        for at in range(0, len(x), 256):
            block = x[at:at + 256]
            scale = block.abs().max().float().to(x.dtype)
            if scale > 0:
                nearest = (block[:, None] / scale - code).abs().argmin(1)
                if code[0] == 0:
                    nearest = nearest.clamp(min=(block > 0).long())
                block.copy_(code[nearest] * scale)


def lion_of(module, **more):
    return lambda w: getattr(importlib.import_module(module), 'Lion')(w, lr=1e-2, **more)


def sm3(w):
    return importlib.import_module('pytorch_optimizer').SM3(w, lr=0.05, momentum=0, beta=0,
                                                            eps=1e-30)


def adam8bit(w):
    return Blockwise(w, lambda w: torch.optim.Adam(w, lr=1e-2), ['exp_avg', 'exp_avg_sq'])


def momentum8bit(w):
    return Blockwise(w, lambda w: torch.optim.SGD(w, lr=0.05, momentum=0.9), ['momentum_buffer'])


# What is compared, thimble's optimizer, the other, what that needs, the largest difference.
ROWS = [
    ('lion-pytorch', 'lion:lr=0.01', lion_of('lion_pytorch'), 'lion_pytorch', 1e-4),
    ('lion-pytorch, decay', 'lion:lr=0.01,beta1=0.8,beta2=0.95,weight_decay=0.5',
     lion_of('lion_pytorch', betas=(0.8, 0.95), weight_decay=0.5), 'lion_pytorch', 1e-4),
    ('pytorch-optimizer Lion', 'lion:lr=0.01', lion_of('pytorch_optimizer'), 'pytorch_optimizer',
     1e-4),
    ('pytorch-optimizer SM3', 'sm3:lr=0.05', sm3, 'pytorch_optimizer', 1e-4),
    ('torch Adafactor', 'adafactor:lr=0.02', adafactor(0.02), 'torch', 1e-4),
    ('torch Adafactor, decay', 'adafactor:lr=0.02,weight_decay=0.3', adafactor(0.02, 0.3), 'torch',
     1e-4),
    ('bitsandbytes, Adam', 'adam8bit:lr=0.01', adam8bit, 'bitsandbytes', 1e-3),
    ('bitsandbytes, momentum', 'momentum8bit:lr=0.05', momentum8bit, 'bitsandbytes', 1e-3),
]


def difference(weights, got, want):
    """Of all weights, over the largest change."""
    change = max(np.abs(want[k] - v).max() for k, v in weights.items())
    return max(np.abs(got[k].reshape(v.shape) - v).max() for k, v in want.items()) / change


def main():
    tool, steps, failed = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 20, False
    with tempfile.TemporaryDirectory() as folder:
        weights = network(f'{folder}/network.onnx')
        x, y = data(folder)
        for name, spec, optimizer, module, bound in ROWS:
            try:
                importlib.import_module(module)
                if hasattr(torch.optim, 'Adafactor') < (module == 'torch'):
                    raise ImportError('torch.optim.Adafactor')
            except ImportError as why:
                print(f'{name:28} skipped: {why}')
                continue
            want = there(weights, x, y, steps, optimizer)
            far = difference(weights, here(tool, folder, spec, steps), want)
            bad = not far <= bound
            failed |= bad
            print(f'{name:28} {far:.2e} of {bound:.0e}{"  TOO FAR" * bad}')
    sys.exit(failed)


if __name__ == '__main__':
    main()
