#!/usr/bin/env python3
"""Random models, trained here and by PyTorch.

    random_graphs.py THIMBLE [--count N] [--seed S] [--nodes N] [--executor c|llvm] [--keep DIR]

Each model has 10 to 60 nodes: shared values and parameters, broadcasts, reshapes,
transposes, slices, joins, convolutions, pools, norms, products, embeddings, several outputs. It trains
for three steps with a random loss, optimizer and batch, and these must agree:

- the interpreter with PyTorch in float64, in losses, first gradients, updated parameters and
  statistics, within 16 times PyTorch's own float32 error (or 2e-4 of the largest value);
- of every second model the interpreter under a random --ram with itself without one, byte for
  byte, as long as the batch is not divided;
- the compiled step, of the others under such a budget, in parts of the batch, with PyTorch.

Model number i of seed S is made from S + i alone: --count 1 --seed S+i makes it again, and
--keep leaves its files in DIR. Needs python3-onnx and python3-torch.
"""
import argparse
import filecmp
import json
import os
import random
import re
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import onnx
    import torch
    import torch.nn.functional as F
    from onnx import TensorProto, helper, numpy_helper
except ImportError as missing:
    print(f'skipped: {missing} (Debian: python3-onnx, python3-torch)')
    sys.exit(77)

from parity import quick_compiler

STEPS, LIMIT = 3, 8.0


class Model:
    """A list of nodes, evaluated by PyTorch as it grows: a node whose values would leave
    +-LIMIT is not taken."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.numpy = np.random.default_rng(seed)
        self.nodes, self.params, self.stats, self.consts = [], {}, {}, {}
        self.value = {}           # name: float64 tensor of the example batch
        self.batch = self.rng.choice([1, 2, 3, 4, 6])

    # ---- parts of the file ----

    def param(self, *shape, low=None, high=None):
        same = [n for n, a in self.params.items() if a.shape == shape and n not in self.stats]
        if same and low is None and self.rng.random() < 0.15:
            return self.rng.choice(same)
        name = f'w{len(self.params)}'
        fan = int(np.prod(shape[1:])) if len(shape) > 1 else 4
        a = self.numpy.normal(0, 1 / max(fan, 1) ** 0.5, shape) if low is None else \
            self.numpy.uniform(low, high, shape)
        self.params[name] = a.astype(np.float32)
        return name

    def const(self, array):
        name = f'c{len(self.consts)}'
        self.consts[name] = np.asarray(array)
        return name

    def operand(self, name, values):
        if name in values:
            return values[name]
        if name in self.consts:
            a = torch.from_numpy(self.consts[name].copy())
            return a.to(values['dtype']) if a.is_floating_point() else a
        return values['params'][name]

    def add(self, op, inputs, compute, outputs=1, **attributes):
        """compute(operands...) in PyTorch; the node's name, or None if it was not taken."""
        out = [f'v{len(self.nodes)}' + '_' * i for i in range(outputs)]
        node = (op, list(inputs), out, compute, attributes)
        values = {**self.value, 'dtype': torch.float64, 'stats': {},
                  'params': {k: torch.from_numpy(v).double() for k, v in self.params.items()}}
        got = self.evaluate(node, values)
        if not all(bool(torch.isfinite(g).all()) and float(g.detach().abs().max()) < LIMIT
                   for g in got if g.is_floating_point() and g.numel()):
            return None
        self.nodes.append(node)
        self.value.update(zip(out, got))
        return out[0] if outputs == 1 else out

    def evaluate(self, node, values):
        op, inputs, out, compute, attributes = node
        got = compute(*(self.operand(i, values) for i in inputs))
        return got if isinstance(got, tuple) else (got,)

    def run(self, x, params, dtype):
        values = {'x': x, 'dtype': dtype, 'params': params}
        for node in self.nodes:
            values.update(zip(node[2], self.evaluate(node, values)))
        return values

    def shape(self, name):
        return tuple(self.value[name].shape)

    # ---- what may be added ----

    def pick(self, rank=None):
        """Late values more often, so that graphs are deep as well as wide."""
        names = [n for n in self.value if self.value[n].is_floating_point() and
                 (rank is None or self.value[n].dim() == rank)]
        if not names:
            return None
        return names[-1 - min(int(self.rng.expovariate(0.5)), len(names) - 1)]

    def elementwise(self):
        x = self.pick()
        return self.rng.choice([
            lambda: self.add('Relu', [x], F.relu),
            lambda: self.add('Tanh', [x], torch.tanh),
            lambda: self.add('Sigmoid', [x], torch.sigmoid),
            lambda: self.add('Erf', [x], torch.erf),
            lambda: self.add('Softplus', [x], F.softplus),
            lambda: self.add('Neg', [x], torch.neg),
            lambda: self.add('Abs', [x], torch.abs),
            lambda: self.add('Elu', [x], lambda a: F.elu(a, 0.7), alpha=0.7),
            lambda: self.add('LeakyRelu', [x], lambda a: F.leaky_relu(a, 0.2), alpha=0.2),
            lambda: self.add('HardSwish', [x], F.hardswish),
            lambda: self.add('Sin', [x], torch.sin),
            lambda: self.add('Exp', [x], torch.exp),
            lambda: self.add('Clip', [x, self.const(np.float32(-0.5)), self.const(np.float32(1))],
                             lambda a, lo, hi: torch.clamp(a, -0.5, 1)),
        ])()

    def guarded(self):
        """Operators that are not defined everywhere, on values where they are."""
        x = self.pick()
        square = self.add('Mul', [x, x], torch.mul)
        far = square and self.add('Add', [square, self.const(np.float32(0.3))], torch.add)
        if not far:
            return None
        return self.rng.choice([
            lambda: self.add('Sqrt', [far], torch.sqrt),
            lambda: self.add('Log', [far], torch.log),
            lambda: self.add('Reciprocal', [far], torch.reciprocal),
            lambda: self.add('Div', [x, far], torch.div),
            lambda: self.add('Pow', [far, self.const(np.float32(1.5))],
                             lambda a, e: a ** 1.5),
        ])()

    def binary(self):
        """With a value of its shape, a parameter of its last axes, or a mean of itself."""
        x = self.pick()
        shape = self.shape(x)
        same = [n for n in self.value if self.shape(n) == shape and
                self.value[n].is_floating_point()]
        kind = self.rng.random()
        if kind < 0.5 or len(shape) < 2:
            y = self.rng.choice(same)
        elif kind < 0.8:
            keep = self.rng.randrange(1, len(shape))
            y = self.param(*(d if self.rng.random() < 0.7 else 1 for d in shape[keep:]))
        else:
            axis = self.rng.randrange(1, len(shape))
            y = self.add('ReduceMean', [x], lambda a: a.mean(axis, keepdim=True),
                         axes=[axis], keepdims=1)
        op, f = self.rng.choice([('Add', torch.add), ('Sub', torch.sub), ('Mul', torch.mul),
                                 ('Max', torch.maximum), ('Min', torch.minimum)])
        return y and self.add(op, [x, y] if self.rng.random() < 0.7 else [y, x], f)

    def choice_of_two(self):
        x = self.pick()
        same = [n for n in self.value if self.shape(n) == self.shape(x) and
                self.value[n].is_floating_point()]
        y = self.rng.choice(same)
        mask = self.add('Greater', [x, self.const(np.float32(0.1))], lambda a, b: a > 0.1)
        return self.add('Where', [mask, x, y], torch.where)

    def product(self):
        x = self.pick()
        width, out = self.shape(x)[-1], self.rng.choice([1, 3, 4, 6, 8])
        if self.value[x].dim() == 2 and self.rng.random() < 0.7:
            return self.add('Gemm', [x, self.param(out, width), self.param(out)],
                            lambda a, w, b: a @ w.t() + b, transB=1)
        return self.add('MatMul', [x, self.param(width, out)], torch.matmul)

    def attention(self):
        x = self.pick(3)
        if not x:
            return None
        turned = self.add('Transpose', [x], lambda a: a.transpose(1, 2), perm=[0, 2, 1])
        scores = self.add('MatMul', [x, turned], torch.matmul)
        weights = scores and self.add('Softmax', [scores], lambda a: torch.softmax(a, -1), axis=-1)
        return weights and self.add('MatMul', [weights, x], torch.matmul)

    def reduction(self):
        x = self.pick()
        if self.value[x].dim() < 3:
            return None
        axis = self.rng.randrange(1, self.value[x].dim())
        keep = self.rng.randrange(2)
        return self.rng.choice([
            lambda: self.add('ReduceMean', [x], lambda a: a.mean(axis, keepdim=bool(keep)),
                             axes=[axis], keepdims=keep),
            lambda: self.add('ReduceSum', [x, self.const(np.array([axis]))],
                             lambda a, _: a.sum(axis, keepdim=bool(keep)), keepdims=keep),
            lambda: self.add('ReduceMax', [x], lambda a: a.amax(axis, keepdim=bool(keep)),
                             axes=[axis], keepdims=keep),
            lambda: self.add('ReduceL2', [x], lambda a: a.norm(dim=axis, keepdim=bool(keep)),
                             axes=[axis], keepdims=keep),
        ])()

    def arrange(self):
        x = self.pick()
        shape = self.shape(x)
        axis = self.rng.randrange(1, len(shape))
        perm = list(range(1, len(shape)))
        self.rng.shuffle(perm)
        perm = [0, *perm]
        pads = [0] * (2 * len(shape))
        pads[axis], pads[len(shape) + axis] = self.rng.randrange(2), self.rng.randrange(1, 3)
        torch_pads = []
        for d in reversed(range(len(shape))):
            torch_pads += [pads[d], pads[len(shape) + d]]
        return self.rng.choice([
            lambda: self.add('Transpose', [x], lambda a: a.permute(perm), perm=perm),
            lambda: self.add('Flatten', [x], lambda a: a.reshape(a.shape[0], -1), axis=1),
            lambda: self.add('Reshape', [x, self.const(np.array([0, -1, shape[-1]]))],
                             lambda a, _: a.reshape(a.shape[0], -1, shape[-1])),
            lambda: self.add('Unsqueeze', [x, self.const(np.array([1]))],
                             lambda a, _: a.unsqueeze(1)) if len(shape) < 4 else None,
            lambda: self.add('Pad', [x, self.const(np.array(pads))],
                             lambda a, _: F.pad(a, torch_pads)) if np.prod(shape) < 500 else None,
        ])()

    def cut(self):
        x = self.pick()
        axis = self.rng.randrange(1, self.value[x].dim())
        size = self.shape(x)[axis]
        if size < 2:
            return None
        at = self.rng.randrange(1, size)
        if self.rng.random() < 0.4:
            out = self.add('Split', [x, self.const(np.array([at, size - at]))],
                           lambda a, _: tuple(torch.split(a, [at, size - at], axis)), 2, axis=axis)
            return out and out[0]
        step = self.rng.choice([1, 1, 2])
        ends = [self.const(np.array([v])) for v in (at - 1, size, axis, step)]

        def take(a, *_):
            return a[(slice(None),) * axis + (slice(at - 1, size, step),)]
        return self.add('Slice', [x, *ends], take)

    def join(self):
        x = self.pick()
        shape = self.shape(x)
        axis = self.rng.randrange(1, len(shape))
        if shape[axis] > 12:
            return None
        fits = [n for n in self.value if self.value[n].is_floating_point() and
                self.value[n].dim() == len(shape) and
                all(a == b for d, (a, b) in enumerate(zip(self.shape(n), shape)) if d != axis)]
        parts = [x] + [self.rng.choice(fits) for _ in range(self.rng.randrange(1, 3))]
        return self.add('Concat', parts, lambda *a: torch.cat(a, axis), axis=axis)

    def convolution(self):
        x = self.pick(4)
        if not x:
            return None
        _, c, h, w = self.shape(x)
        kind = self.rng.random()
        k, stride = self.rng.choice([1, 3]), self.rng.choice([1, 1, 2])
        if min(h, w) < 3:
            k = stride = 1
        pad = k // 2
        if kind < 0.3:
            groups, out = c, c
        elif kind < 0.85:
            groups, out = 1, self.rng.choice([2, 3, 4, 6])
        else:
            out = self.rng.choice([2, 3])
            return self.add('ConvTranspose', [x, self.param(c, out, 2, 2)],
                            lambda a, b: F.conv_transpose2d(a, b, stride=2), strides=[2, 2]) \
                if h * w < 40 else None
        inputs = [x, self.param(out, c // groups, k, k)]
        if self.rng.random() < 0.5:
            inputs.append(self.param(out))
        return self.add('Conv', inputs,
                        lambda a, b, bias=None: F.conv2d(a, b, bias, stride, pad, 1, groups),
                        strides=[stride] * 2, pads=[pad] * 4, group=groups, kernel_shape=[k] * 2)

    def pool(self):
        x = self.pick(4)
        if not x or min(self.shape(x)[2:]) < 2:
            return None
        return self.rng.choice([
            lambda: self.add('MaxPool', [x], lambda a: F.max_pool2d(a, 2, 1), kernel_shape=[2, 2]),
            lambda: self.add('MaxPool', [x], lambda a: F.max_pool2d(a, 2), kernel_shape=[2, 2],
                             strides=[2, 2]),
            lambda: self.add('AveragePool', [x], lambda a: F.avg_pool2d(a, 2), kernel_shape=[2, 2],
                             strides=[2, 2]),
            lambda: self.add('GlobalAveragePool', [x], lambda a: a.mean((2, 3), keepdim=True)),
        ])()

    def norm(self):
        x = self.pick()
        shape = self.shape(x)
        if len(shape) > 2 or self.rng.random() < 0.5:
            if shape[-1] < 2:
                return None
            return self.add('LayerNormalization',
                            [x, self.param(shape[-1], low=0.5, high=1.5), self.param(shape[-1])],
                            lambda a, s, b: F.layer_norm(a, (shape[-1],), s, b), axis=-1)
        return None

    def batch_norm(self):
        x = self.pick(4)
        if not x or self.batch * np.prod(self.shape(x)[2:]) < 4:
            return None
        c = self.shape(x)[1]
        scale, bias = self.param(c, low=0.5, high=1.5), self.param(c)
        mean, var = self.param(c, low=-0.1, high=0.1), self.param(c, low=0.8, high=1.2)
        self.stats[mean] = self.stats[var] = None

        def compute(a, s, b, m, v):
            axes = [d for d in range(a.dim()) if d != 1]
            self.stats[mean] = m + 0.1 * (a.mean(axes) - m).detach()
            self.stats[var] = v + 0.1 * (a.var(axes, unbiased=True) - v).detach()
            # PyTorch 1.13 mistakes the order of the gradient's elements where a's strides could
            # be those of channels last.
            y = F.batch_norm(a.contiguous(), None, None, s, b, True)
            return y, self.stats[mean], self.stats[var]
        out = self.add('BatchNormalization', [x, scale, bias, mean, var], compute, 3,
                       training_mode=1, momentum=0.9)
        if not out:
            del self.stats[mean], self.stats[var]
        else:
            for name in out[1:]:
                del self.value[name]
        return out and out[0]


def begin(m):
    """The model's input, and the first values made of it."""
    kind = m.rng.choice(['image', 'series', 'row', 'tokens'])
    b = m.batch
    if kind == 'tokens':
        m.input = m.numpy.integers(0, 7, (b, m.rng.choice([3, 5])))
        m.value['x'] = torch.from_numpy(m.input)
        table = m.param(7, m.rng.choice([4, 6]))
        m.add('Gather', [table, 'x'], lambda t, i: t[i])
        return
    shape = {'image': (b, m.rng.choice([1, 2, 3]), m.rng.choice([4, 6, 7]), 6),
             'series': (b, m.rng.choice([3, 5]), m.rng.choice([4, 6])),
             'row': (b, m.rng.choice([5, 8]))}[kind]
    m.input = m.numpy.normal(0, 1, shape).astype(np.float32)
    m.value['x'] = torch.from_numpy(m.input).double()


STEPS_OF_GROWTH = [
    ('elementwise', 5), ('guarded', 1), ('binary', 4), ('choice_of_two', 1), ('product', 3),
    ('attention', 1), ('reduction', 1), ('arrange', 2), ('cut', 2), ('join', 2),
    ('convolution', 4), ('pool', 1), ('norm', 1), ('batch_norm', 1)]


def make(seed, most):
    """A model whose output y depends on every value that nothing else reads."""
    m = Model(seed)
    begin(m)
    names, weights = zip(*STEPS_OF_GROWTH)
    target = m.rng.randrange(8, most)
    for _ in range(400):
        if len(m.nodes) >= target:
            break
        if sum(v.numel() for v in m.value.values()) < 40000:
            getattr(m, m.rng.choices(names, weights)[0])()
    read = {i for node in m.nodes for i in node[1]}
    leaves = [n for n in m.value if n not in read and m.value[n].is_floating_point()]
    m.outputs = ['y']
    if len(leaves) > 2 and m.rng.random() < 0.3:
        m.outputs.append(leaves.pop())     # an output that the loss does not see
    classes, total = m.rng.choice([2, 4]), None
    for leaf in leaves or [list(m.value)[-1]]:
        flat = m.add('Flatten', [leaf], lambda a: a.reshape(a.shape[0], -1), axis=1)
        part = m.add('Gemm', [flat, m.param(m.shape(flat)[1], classes, low=-0.2, high=0.2),
                              m.param(classes)], lambda a, w, b: a @ w + b)
        if part and total:
            part = m.add('Add', [total, part], torch.add) or total
        total = part or total
    m.last = total
    m.classes = classes
    return m if total else None


def needed(m):
    """The names that the outputs depend on: what nothing reads, thimble does not keep."""
    names = {m.last, *m.outputs}
    for _, inputs, out, *_ in reversed(m.nodes):
        if names.intersection(out):
            names.update(inputs)
    return names


def save(m, path):
    nodes = []
    for op, inputs, out, _, attributes in m.nodes:
        named = ['y' if o == m.last else o for o in out]
        nodes.append(helper.make_node(op, ['y' if i == m.last else i for i in inputs], named,
                                      name=out[0], **attributes))
    kind = TensorProto.INT64 if m.input.dtype == np.int64 else TensorProto.FLOAT
    outputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in m.outputs]
    stored = [numpy_helper.from_array(a, n) for n, a in {**m.params, **m.consts}.items()]
    graph = helper.make_graph(nodes, 'random', [helper.make_tensor_value_info('x', kind, m.input.shape)],
                              outputs, stored)
    onnx.save(helper.make_model(graph, producer_name='pytorch', ir_version=8,
                                opset_imports=[helper.make_opsetid('', 17)]), path)


# ---- training ----

OPTIMIZERS = [
    ('sgd:lr=0.05', lambda p: torch.optim.SGD(p, 0.05)),
    ('momentum:lr=0.03,momentum=0.9', lambda p: torch.optim.SGD(p, 0.03, momentum=0.9)),
    ('nesterov:lr=0.02,momentum=0.8', lambda p: torch.optim.SGD(p, 0.02, 0.8, nesterov=True)),
    ('adam:lr=0.003,eps=0.001', lambda p: torch.optim.Adam(p, 0.003, eps=1e-3)),
    ('adamw:lr=0.003,eps=0.001,weight_decay=0.1',
     lambda p: torch.optim.AdamW(p, 0.003, eps=1e-3, weight_decay=0.1)),
]
LOSSES = {'cross-entropy': F.cross_entropy, 'mse': F.mse_loss, 'huber': F.huber_loss,
          'bce-with-logits': F.binary_cross_entropy_with_logits}


def target_of(m, loss):
    if loss == 'cross-entropy':
        return m.numpy.integers(0, m.classes, m.batch)
    if loss == 'bce-with-logits':
        return m.numpy.integers(0, 2, (m.batch, m.classes)).astype(np.float32)
    return m.numpy.normal(0, 1, (m.batch, m.classes)).astype(np.float32)


def train(m, dtype, loss, optimizer, frozen):
    params = {k: torch.tensor(v, dtype=dtype) for k, v in m.params.items()}
    learned = {k: p for k, p in params.items() if k not in m.stats and k not in frozen}
    for p in learned.values():
        p.requires_grad_(True)
    o = optimizer(list(learned.values()))
    x, t = torch.from_numpy(m.input), torch.from_numpy(m.target)
    x, t = (v.to(dtype) if v.is_floating_point() else v for v in (x, t))
    got = {'loss': []}
    for step in range(STEPS):
        o.zero_grad()
        value = LOSSES[loss](m.run(x, params, dtype)[m.last], t)
        value.backward()
        got['loss'].append(value.item())
        for k, p in learned.items():
            if step == 0 and p.grad is not None:
                got['grad/' + k] = p.grad.numpy().copy()
        o.step()
        for k in m.stats:
            params[k] = m.stats[k].detach()
    got['loss'] = np.array(got['loss'])
    read = needed(m)
    got.update({'param/' + k: p.detach().numpy() for k, p in learned.items() if p.grad is not None})
    got.update({'buffer/' + k: params[k].numpy() for k in m.stats if k in read})
    return got


class Case:
    def __init__(self, tool, seed, most, work, compiled):
        self.tool, self.work, self.seed, self.compiled = tool, work, seed, compiled
        self.m = m = make(seed, most)
        loss = m.rng.choice(list(LOSSES))
        spec, optimizer = m.rng.choice(OPTIMIZERS)
        m.target = target_of(m, loss)
        learned = [k for k in m.params if k not in m.stats]
        self.frozen = [k for k in learned if m.rng.random() < 0.1]
        save(m, f'{work}/model.onnx')
        np.save(f'{work}/x.npy', m.input)
        np.save(f'{work}/target.npy', m.target)
        self.args = ['--loss', loss, '--optimizer', spec, '--steps', str(STEPS)]
        for k in sorted(needed(m).intersection(self.frozen)):
            self.args += ['--freeze', k]
        self.exact = train(m, torch.float64, loss, optimizer, self.frozen)
        self.rough = train(m, torch.float32, loss, optimizer, self.frozen)
        # Steps that make it worse and worse amplify rounding without bound, until it overflows:
        # then the first gradients alone are compared.
        losses = np.abs(self.rough['loss'])
        self.diverges = not np.isfinite(losses).all() or losses.max() > 4 * losses[0]

    def run(self, out, *extra):
        """None, or what was said."""
        command = [self.tool, 'run', f'{self.work}/model.onnx', '--input', f'x={self.work}/x.npy',
                   '--target', f'{self.work}/target.npy', '--dump', f'{self.work}/{out}',
                   *self.args, *extra]
        self.last = command
        r = subprocess.run(command, capture_output=True, text=True)
        return None if r.returncode == 0 else f'exit {r.returncode}: {r.stderr.strip()}'

    def disagreement(self, out, gradients=True):
        """None, or the worst that is beyond its tolerance."""
        worst, where = 1.0, None
        # A gradient that is truly zero is a difference of others that are not.
        most = max(np.abs(e).max() for k, e in self.exact.items() if k.startswith('grad/'))
        for key, exact in self.exact.items():
            if key.startswith('grad/') and not gradients:
                continue
            if self.diverges and not key.startswith('grad/'):
                continue
            path = f'{self.work}/{out}/{key}.npy'
            if not os.path.exists(path):
                return f'no {key}'
            got = np.load(path).astype('f8').reshape(exact.shape)
            error = np.abs(got - exact).max()
            own = np.abs(self.rough[key] - exact).max()
            floor = 1e-5 * most if key.startswith('grad/') else 1e-6
            ratio = error / max(16 * own, 2e-4 * np.abs(exact).max(), floor)
            if not ratio <= worst:
                worst, where = ratio, key
        return where and f'{worst:.3g} times the tolerance at {where}'

    def budget(self, *extra):
        """Some part of what is taken without one; None if there is no plan."""
        plan = [a for a in self.args if a not in ('--steps', str(STEPS))]
        r = subprocess.run([self.tool, 'plan', f'{self.work}/model.onnx', '--json', *plan, *extra],
                           capture_output=True, text=True)
        if r.returncode:
            return None
        p = json.loads(r.stdout)
        return p['state_bytes'] + int(p['arena_bytes'] * self.m.rng.uniform(0.5, 1))

    def run_in(self, out, bytes, *extra):
        """What was said, and the budget: the smallest that fits where that one does not."""
        why = self.run(out, '--ram', str(bytes), *extra)
        least = re.search(r'found to fit is (\d+) bytes', why or '')
        if least:
            bytes = int(least.group(1))
            why = self.run(out, '--ram', str(bytes), *extra)
        return why, bytes

    def checks(self):
        """Yields (what, None or why not)."""
        # Neither of these adds up the rows of a batch in the same order.
        whole = ['--disable', 'scan', '--disable', 'loss-parts']
        interpreter = ['--executor', 'interpreter', *whole]
        why = self.run('whole', *interpreter)
        yield 'interpreter', why or self.disagreement('whole')
        if why:
            return
        tight = self.m.rng.random() < 0.5
        budget = self.budget(*whole) if tight else None
        if tight:
            why, budget = self.run_in('tight', budget, *interpreter) if budget else ('no plan', 0)
            yield f'--ram {budget}', why or difference(f'{self.work}/whole', f'{self.work}/tight')
        extra = ['--executor', self.compiled, '--no-gradients']
        if self.m.rng.random() < 0.5 and self.m.batch > 1:
            parts = [n for n in range(1, self.m.batch) if self.m.batch % n == 0]
            extra += ['--micro-batch', str(self.m.rng.choice(parts))]
        budget = None if tight else self.budget(*extra[3:])
        why = self.run_in('compiled', budget, *extra)[0] if budget else self.run('compiled', *extra)
        yield ' '.join(extra), why or self.disagreement('compiled', False)


def difference(a, b):
    names = sorted(os.path.relpath(os.path.join(d, f), a) for d, _, fs in os.walk(a) for f in fs)
    _, other, missing = filecmp.cmpfiles(a, b, names, shallow=False)
    return f'{", ".join(other + missing)} differ' if other or missing else None


def check(tool, seed, most, keep, executor):
    with tempfile.TemporaryDirectory() as work:
        if keep:
            work = os.path.join(keep, str(seed))
            os.makedirs(work)
        case = Case(tool, seed, most, work, executor if seed % 3 else 'c')
        failed = 0
        for what, why in case.checks():
            if why:
                failed += 1
                print(f'seed {seed}: {what}: {why}\n    {" ".join(case.last)}', flush=True)
        return failed, len(case.m.nodes)


# A loss in parts, once, around what it reads.
FOUND = (70085,)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('tool')
    parser.add_argument('--count', type=int, default=30)
    parser.add_argument('--seed', type=int, help='of the first (1, and then those that found something)')
    parser.add_argument('--nodes', type=int, default=50, help='not many more in a model')
    parser.add_argument('--executor', default='c', help='llvm: for two of three models; the third is C')
    parser.add_argument('--keep')
    args = parser.parse_args()
    torch.set_num_threads(1)
    failed = nodes = 0
    with tempfile.TemporaryDirectory() as folder:
        quick_compiler(folder)
        seeds = [(args.seed or 1) + i for i in range(args.count)] + list(() if args.seed else FOUND)
        for seed in seeds:
            wrong, n = check(args.tool, seed, args.nodes, args.keep, args.executor)
            failed, nodes = failed + (wrong > 0), nodes + n
    print(f'seeds {seeds[0]} to {seeds[-1]}: {len(seeds)} models of {nodes} nodes, {failed} failed')
    return failed > 0


if __name__ == '__main__':
    sys.exit(main())
