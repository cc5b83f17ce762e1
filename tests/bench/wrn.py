#!/usr/bin/env python3
"""WideResNet-28-2: the exact techniques by the counting rule of the paper, and thimble.

    wrn.py THIMBLE MODEL.onnx [BATCH] > wrn.csv

The rule of Sohoni et al., "Low-Memory Neural Network Training" (2019): weights, gradients and
momentum, and every tensor that is kept for the backward pass (the inputs of convolutions, of
normalisations and of the classifier; an activation function works in place, and its output is
kept), with BATCH (100) examples. All of it is counted from the model as thimble reads it. The rows of `thimble` are
what it places, arena + state: besides that, input, target, statistics, gradients of
activations and workspace.
"""
import csv
import json
import math
import re
import subprocess
import sys

LIMITS = [('nothing twice', 0.0), ('at most 1 %', 1.0), ('at most 10 %', 10.0), ('at most 33 %', 33.0),
          ('smallest', math.inf)]
READS = ('Conv', 'BatchNormalizationTrain', 'GroupNormalization', 'Gemm', 'MatMul')
MICRO = 10


def call(tool, model, batch, *more):
    r = subprocess.run([tool, 'plan', model, '--loss', 'cross-entropy', '--optimizer', 'momentum',
                        '--batch', str(batch), *more], capture_output=True, text=True)
    if r.returncode:
        sys.exit(r.stderr)
    return r


def elements(shape):
    return math.prod(int(d) for d in shape.split(',')) if shape else 1


class Model:
    """The forward graph: parameters, and what its backward pass keeps."""

    def __init__(self, text):
        self.params = sum(elements(s) for s in re.findall(
            r'^variable "[^"]*" parameter f32\[([\d,]*)\]', text, re.M))
        self.size = {v: 4 * elements(s) for v, s in re.findall(
            r'^input %(\S+) \S+ f32\[([\d,]*)\]', text, re.M)}
        self.block, self.saved, self.inputs = {v: 0 for v in self.size}, [], {}
        for name, shape, op, args, node in re.findall(
                r'^%(\S+) \w+\[([\d,]*)\].* = (\w+)\(([^)]*)\).* @ "([^"]*)"', text, re.M):
            block = re.match(r'/body/body\.(\d+)/', node)
            block = int(block[1]) if block and int(block[1]) else 0
            self.size[name], self.block[name] = 4 * elements(shape), block
            first = args.split(',')[0].strip().lstrip('%')
            kept = first if op in READS and first in self.size else name if op == 'Relu' else None
            if kept and (kept, block) not in self.saved:
                self.saved.append((kept, block))
            if kept and block and self.block[kept] != block:
                self.inputs.setdefault(block, kept)

    def kept(self):
        return sum(self.size[v] for v in dict(self.saved))

    def boundaries(self):
        """What is kept: the blocks' inputs, and the last block's output."""
        last = max((v for v in self.block if self.block[v] == max(self.inputs)),
                   key=list(self.size).index)
        return sum(self.size[v] for v in self.inputs.values()) + self.size[last]

    def inside(self, block):
        return sum(self.size[v] for v, b in self.saved if b == block)

    def checkpointed(self):
        return self.boundaries() + max(map(self.inside, self.inputs))

    def freed(self):
        """The same where a block's input goes with it, and is no copy."""
        def at(block):
            return sum(self.size[v] for b, v in self.inputs.items() if b < block) + self.inside(block)
        return max(map(at, self.inputs))


def paper(model):
    weights = 4 * model.params
    kept, ckpt = model.kept(), model.checkpointed()
    ghost = 'a ghost batch norm of 10 examples: other numbers; thimble keeps the statistics of all'
    for name, act, note in (
            ('fp32', kept, 'every tensor that is kept'),
            ('micro-batch 10', kept // MICRO, ghost),
            ('checkpoint', ckpt, 'all block inputs and the last output, and the largest block'),
            ('checkpoint, freed', model.freed(), 'block inputs that are still wanted, and one block'),
            ('micro-batch 10 + checkpoint', ckpt // MICRO, ghost)):
        yield 'rule', name, weights, 2 * weights, act, weights * 3 + act, '', note


def thimble(tool, path, batch):
    plan = json.loads(call(tool, path, batch, '--sweep', '--json').stdout)
    for name, limit in LIMITS:
        p = min((p for p in plan['sweep'] if p['recomputed_percent'] <= limit),
                key=lambda p: (p['ram_bytes'], p['recomputed_flops']))
        yield ('thimble', name, '', '', '', p['ram_bytes'], f"{p['recomputed_percent']:.2f}",
               '; '.join(t['name'] for t in p.get('techniques', [])))


def main():
    tool, path = sys.argv[1:3]
    batch = int(sys.argv[3]) if len(sys.argv) > 3 else 100
    text = call(tool, path, batch, '--dump-after', 'dce').stderr
    model = Model(text[:text.index('# train')])
    out = csv.writer(sys.stdout)
    out.writerow(['count', 'config', 'weights', 'gradients_and_momentum', 'activations', 'bytes',
                  'recomputed_percent', 'note', 'times_less'])
    rows = list(paper(model))
    for row in rows + list(thimble(tool, path, batch)):
        out.writerow([*row, f'{rows[0][5] / row[5]:.2f}'])
        sys.stdout.flush()


if __name__ == '__main__':
    main()
