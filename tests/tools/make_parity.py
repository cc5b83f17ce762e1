#!/usr/bin/env python3
"""Records small PyTorch training runs that tests/parity.py compares thimble with.

    make_parity.py DIR [NAME]...

For each case DIR/NAME.onnx (the export) and DIR/NAME.npz: input/*, target, and of five
steps on that one batch: loss (before each update), grad/* (first step), param/* and
buffer/* (afterwards); err/* is PyTorch's own float32-against-float64 error of each, the
natural tolerance; args is thimble's command line. Needs python3-torch, python3-onnx.
"""
import copy
import json
import sys
import numpy as np
import onnx
import onnx.numpy_helper
import torch
from torch import nn
import torch.nn.functional as F

STEPS = 5


class Residual(nn.Module):
    """Convolutions of every kind, batch norm, a shortcut, pooling, dropout-free."""
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(2, 6, 3, padding=1)
        self.bn = nn.BatchNorm2d(6)
        self.depthwise = nn.Conv2d(6, 6, 3, stride=2, padding=1, groups=6, bias=False)
        self.bn2 = nn.BatchNorm2d(6, momentum=0.3)
        self.point = nn.Conv2d(6, 8, 1)
        self.short = nn.Conv2d(6, 8, 1, stride=2)
        self.dilated = nn.Conv2d(8, 4, 3, padding=2, dilation=2)
        self.head = nn.Linear(16, 5)

    def forward(self, x):
        x = F.relu6(self.bn(self.stem(x)))
        y = self.point(F.leaky_relu(self.bn2(self.depthwise(x)), 0.1))
        x = self.dilated(F.relu(y + self.short(x)))
        return self.head(torch.flatten(F.max_pool2d(x, 2), 1))


class Tokens(nn.Module):
    """A tied embedding, batched products, softmax, per-position classes."""
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(11, 6)
        self.query, self.key = nn.Linear(6, 6), nn.Linear(6, 6, bias=False)
        self.mix = nn.Linear(6, 6)
        with torch.no_grad():
            self.embed.weight.mul_(0.5)

    def forward(self, token):
        x = self.embed(token)
        a = torch.softmax(self.query(x) @ self.key(x).transpose(1, 2) / 6 ** 0.5, -1)
        x = torch.tanh(self.mix(a @ x)) + x
        return x @ self.embed.weight.t()


class Algebra(nn.Module):
    """Elementwise operators, reductions, slices and joins on a small regression."""
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(8, 8), nn.Linear(4, 8)
        self.scale = nn.Parameter(torch.rand(8) + 0.5)
        self.out = nn.Linear(16, 3)

    def forward(self, x):
        left, right = self.a(x).split(4, dim=1)
        y = torch.cat([torch.sigmoid(left), torch.exp(-right ** 2)], 1)
        z = self.b(x[:, 1:8:2]) * self.scale
        z = torch.where(z > 0, torch.log(1 + z.abs()), torch.sqrt(z * z + 0.1) - 0.3)
        z = z - z.mean(1, keepdim=True)
        y = y / (1 + y.sum(1, keepdim=True))
        return self.out(torch.cat([y, z], 1))


class OwnLoss(nn.Module):
    """An autoencoder whose one output is its loss."""
    def __init__(self):
        super().__init__()
        self.code, self.back = nn.Linear(8, 3), nn.Linear(3, 8)

    def forward(self, x):
        return ((self.back(torch.tanh(self.code(x))) - x) ** 2).mean()


class Recurrent(nn.Module):
    """A recurrent layer of torch, and classes for its last output or for all of them."""
    def __init__(self, kind, last, learned=False, **more):
        super().__init__()
        self.rnn = kind(5, 6, **more)
        sides = 2 if more.get('bidirectional') else 1
        self.last, self.head = last, nn.Linear(6 * sides, 4)
        self.start = nn.Parameter(torch.randn(sides * more.get('num_layers', 1), 1, 6)) if learned else None

    def forward(self, x):
        batch = x.shape[0 if self.rnn.batch_first else 1]
        h0 = None if self.start is None else self.start.expand(-1, batch, -1).contiguous()
        y, state = self.rnn(x) if h0 is None else self.rnn(x, h0)
        return self.head(y[:, -1] if self.last else y)


class Dense(nn.Module):
    """Every layer reads the concatenation of all before it; branches; a shortcut across a scale."""
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(2, 4, 3, padding=1)
        self.norm = nn.ModuleList(nn.BatchNorm2d(4 + 3 * i) for i in range(3))
        self.grow = nn.ModuleList(nn.Conv2d(4 + 3 * i, 3, 3, padding=1, bias=False) for i in range(3))
        self.one, self.three = nn.Conv2d(13, 4, 1), nn.Conv2d(13, 5, 3, padding=1)
        self.down, self.up = nn.Conv2d(9, 6, 3, padding=1), nn.ConvTranspose2d(6, 5, 2, 2)
        self.head = nn.Linear(14, 5)

    def forward(self, x):
        seen = [self.stem(x)]
        for norm, grow in zip(self.norm, self.grow):
            seen.append(grow(F.relu(norm(torch.cat(seen, 1)))))
        x = torch.cat(seen, 1)
        x = torch.cat([F.relu(self.one(x)), F.relu(self.three(x))], 1)
        y = self.up(F.relu(self.down(F.max_pool2d(x, 2))))
        return self.head(torch.cat([y, x], 1).mean((2, 3)))


class Attention(nn.Module):
    """Queries, keys and values cut from one product, in the three ways exports write it."""
    def __init__(self):
        super().__init__()
        self.first, self.second, self.third = (nn.Linear(8, 24) for _ in range(3))
        self.head = nn.Linear(8, 5)

    def heads(self, q, k, v):
        q, k, v = (a.reshape(*a.shape[:2], 2, 4).transpose(1, 2) for a in (q, k, v))
        a = torch.softmax(q @ k.transpose(2, 3) / 2, -1) @ v
        return a.transpose(1, 2).reshape(a.shape[0], a.shape[2], 8)

    def forward(self, x):
        x = x + self.heads(*self.first(x).chunk(3, -1))
        y = self.second(x)
        x = x + self.heads(y[:, :, :8], y[:, :, 8:16], y[:, :, 16:])
        y = self.third(x).reshape(*x.shape[:2], 3, 8).permute(2, 0, 1, 3)
        return self.head((x + self.heads(y[0], y[1], y[2])).mean(1))


class Gates(nn.Module):
    """A gated cell by hand, its gates cut from two products; all its states are read."""
    def __init__(self):
        super().__init__()
        self.new, self.old = nn.Linear(5, 18), nn.Linear(6, 18)
        self.head = nn.Linear(18, 4)

    def forward(self, x):
        h, all = torch.zeros(x.shape[0], 6), []
        for t in range(3):
            a, b = self.new(x[:, t]), self.old(h.to(x.dtype))
            r, z = torch.sigmoid(a[:, :6] + b[:, :6]), torch.sigmoid(a[:, 6:12] + b[:, 6:12])
            h = (1 - z) * torch.tanh(a[:, 12:] + r * b[:, 12:]) + z * h
            all.append(h)
        return self.head(torch.cat(all, 1))


def mlp():
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 9), nn.Tanh(), nn.Linear(9, 7),
                         nn.ReLU(), nn.Linear(7, 4))


IMAGE = lambda: torch.randn(4, 2, 8, 8)
FLAT = lambda: torch.randn(6, 3, 4)
ROWS = lambda: torch.randn(5, 8)
SERIES = lambda: torch.randn(3, 7, 5)
WORDS = lambda: torch.randn(2, 5, 8)
ONE_IMAGE = lambda: torch.randn(1, 2, 8, 8)
ONE_SERIES = lambda: torch.randn(1, 3, 5)
TOKEN = lambda: torch.randint(0, 11, (3, 7))
labels = lambda n, *shape: (lambda: torch.randint(0, n, shape))
values = lambda *shape: (lambda: torch.randn(shape))
binary = lambda *shape: (lambda: torch.randint(0, 2, shape).float())


def ignoring():
    t = torch.randint(0, 4, (6,))
    t[2] = -100
    return t


SGD, Adam = torch.optim.SGD, torch.optim.Adam
CE = F.cross_entropy
lm = lambda y, t: F.cross_entropy(y.transpose(1, 2), t)
WEIGHTS = torch.tensor([1.0, 0.5, 2.0, 0.25])

# name: model, input, target, loss, its spec, optimizer, its spec, other arguments
CASES = {
    'mlp-sgd': (mlp, FLAT, labels(4, 6), CE, 'cross-entropy',
                lambda p: SGD(p, 0.1), 'sgd:lr=0.1'),
    'mlp-sgd-decay': (mlp, FLAT, labels(4, 6), CE, 'cross-entropy',
                      lambda p: SGD(p, 0.1, weight_decay=0.01), 'sgd:lr=0.1,weight_decay=0.01'),
    'mlp-nesterov': (mlp, FLAT, ignoring, CE, 'cross-entropy:ignore_index=-100',
                     lambda p: SGD(p, 0.05, momentum=0.9, nesterov=True), 'nesterov:lr=0.05,momentum=0.9'),
    'mlp-smooth': (mlp, FLAT, labels(4, 6),
                   lambda y, t: F.cross_entropy(y, t, WEIGHTS.to(y.dtype), label_smoothing=0.1),
                   'cross-entropy:label_smoothing=0.1,weights=1;0.5;2;0.25',
                   lambda p: torch.optim.RMSprop(p, 0.01, momentum=0.5), 'rmsprop:lr=0.01,momentum=0.5'),
    'mlp-clip': (mlp, FLAT, values(6, 4), F.mse_loss, 'mse',
                 lambda p: SGD(p, 0.1, momentum=0.8, dampening=0.3),
                 'momentum:lr=0.1,momentum=0.8,dampening=0.3,clip_norm=0.5'),
    'mlp-freeze': (mlp, FLAT, binary(6, 4), F.binary_cross_entropy_with_logits, 'bce-with-logits',
                   lambda p: torch.optim.Adagrad(p, 0.05, lr_decay=0.1, initial_accumulator_value=0.1),
                   'adagrad:lr=0.05,lr_decay=0.1,initial_accumulator_value=0.1', '--freeze', '1.*'),
    'residual-momentum': (Residual, IMAGE, labels(5, 4), CE, 'cross-entropy',
                          lambda p: SGD(p, 0.02, momentum=0.9, weight_decay=1e-3),
                          'momentum:lr=0.02,momentum=0.9,weight_decay=0.001'),
    'residual-dampening': (Residual, IMAGE, labels(5, 4), CE, 'cross-entropy',
                           lambda p: SGD(p, 0.02, momentum=0.8, dampening=0.3, weight_decay=0.01),
                           'momentum:lr=0.02,momentum=0.8,dampening=0.3,weight_decay=0.01'),
    'residual-adamw': (Residual, IMAGE, labels(5, 4), CE, 'cross-entropy',
                       lambda p: torch.optim.AdamW(p, 2e-3, weight_decay=0.1), 'adamw:lr=0.002,weight_decay=0.1'),
    'tokens-adam': (Tokens, TOKEN, labels(11, 3, 7), lm, 'cross-entropy:axis=-1',
                    lambda p: Adam(p, 1e-2, betas=(0.8, 0.99), weight_decay=0.01),
                    'adam:lr=0.01,beta1=0.8,beta2=0.99,weight_decay=0.01'),
    'algebra-l1': (Algebra, ROWS, values(5, 3), F.l1_loss, 'l1',
                   lambda p: torch.optim.RMSprop(p, 1e-3, alpha=0.9), 'rmsprop:lr=0.001,alpha=0.9'),
    'algebra-huber': (Algebra, ROWS, values(5, 3), lambda y, t: F.huber_loss(y, t, delta=0.4),
                      'huber:delta=0.4', lambda p: Adam(p, 3e-3), 'adam:lr=0.003'),
    'algebra-sum': (Algebra, ROWS, values(5, 3), lambda y, t: F.mse_loss(y, t, reduction='sum'),
                    'mse:reduction=sum', lambda p: SGD(p, 0.01), 'sgd:lr=0.01'),
    'lstm-momentum': (lambda: Recurrent(nn.LSTM, True, num_layers=2, bidirectional=True, batch_first=True),
                      SERIES, labels(4, 3), CE, 'cross-entropy',
                      lambda p: SGD(p, 0.1, momentum=0.9), 'momentum:lr=0.1,momentum=0.9'),
    'gru-sgd': (lambda: Recurrent(nn.GRU, False, learned=True, num_layers=2), SERIES, labels(4, 3, 7), lm,
                'cross-entropy:axis=-1', lambda p: SGD(p, 0.3), 'sgd:lr=0.3'),
    'rnn-adam': (lambda: Recurrent(nn.RNN, True, learned=True, nonlinearity='relu', bidirectional=True,
                                   batch_first=True), SERIES, labels(4, 3), CE, 'cross-entropy',
                 lambda p: Adam(p, 1e-2), 'adam:lr=0.01'),
    'dense-one': (Dense, ONE_IMAGE, labels(5, 1), CE, 'cross-entropy',
                  lambda p: SGD(p, 0.02), 'sgd:lr=0.02'),
    'dense-momentum': (Dense, IMAGE, labels(5, 4), CE, 'cross-entropy',
                       lambda p: SGD(p, 0.02, momentum=0.9), 'momentum:lr=0.02,momentum=0.9'),
    'attention-adam': (Attention, WORDS, labels(5, 2), CE, 'cross-entropy',
                       lambda p: Adam(p, 3e-3), 'adam:lr=0.003'),
    'gates-one': (Gates, ONE_SERIES, labels(4, 1), CE, 'cross-entropy',
                  lambda p: SGD(p, 0.1), 'sgd:lr=0.1'),
    'gates-sgd': (Gates, SERIES, labels(4, 3), CE, 'cross-entropy',
                  lambda p: SGD(p, 0.1), 'sgd:lr=0.1'),
    'own-loss': (OwnLoss, ROWS, values(1), lambda y, t: y, 'graph:output=y',
                 lambda p: SGD(p, 0.2, momentum=0.9), 'momentum:lr=0.2,momentum=0.9'),
}


def run(model, x, t, loss, optimizer, args):
    frozen = args[args.index('--freeze') + 1] if '--freeze' in args else None
    for name, p in model.named_parameters():
        p.requires_grad_(not (frozen and name.startswith(frozen.rstrip('*'))))
    o = optimizer([p for p in model.parameters() if p.requires_grad])
    clip = [float(a.split('clip_norm=')[1]) for a in args if 'clip_norm=' in a]
    got = {'loss': []}
    for step in range(STEPS):
        o.zero_grad()
        value = loss(model(x), t)
        value.backward()
        got['loss'].append(value.item())
        for name, p in model.named_parameters():
            if step == 0 and p.grad is not None:
                got['grad/' + name] = p.grad.numpy().copy()
        if clip:
            torch.nn.utils.clip_grad_norm_(model.parameters(), clip[0])
        o.step()
    got['loss'] = np.array(got['loss'])
    for name, p in model.named_parameters():
        got['param/' + name] = p.detach().numpy()
    for name, b in model.named_buffers():
        if not name.endswith('num_batches_tracked'):
            got['buffer/' + name] = b.numpy()
    return got


def adopt_buffers(model, path):
    """Tracing a model for export runs it: its running statistics start where the file's do."""
    stored = {i.name: onnx.numpy_helper.to_array(i) for i in onnx.load(path).graph.initializer}
    with torch.no_grad():
        for name, b in model.named_buffers():
            if name in stored:
                b.copy_(torch.from_numpy(stored[name].copy()))


def record(where, name, case):
    make, data, target, loss, loss_spec, optimizer, spec, *rest = case
    torch.manual_seed(sum(map(ord, name)))
    model, x, t = make().train(), data(), target()
    args = ['--loss', loss_spec, '--optimizer', spec, *rest, '--steps', str(STEPS)]
    torch.onnx.export(copy.deepcopy(model), x, f'{where}/{name}.onnx', opset_version=15,
                      training=torch.onnx.TrainingMode.TRAINING, do_constant_folding=False,
                      input_names=['x'], output_names=['y'])
    adopt_buffers(model, f'{where}/{name}.onnx')
    wide = lambda v: v.double() if v.is_floating_point() else v
    exact = run(copy.deepcopy(model).double(), wide(x), wide(t), loss, optimizer, args)
    got = run(model, x, t, loss, optimizer, args)
    arrays = {f'err/{k}': np.abs(got[k] - exact[k]).max() for k in got}
    arrays.update(got)
    arrays.update({'input/x': x.numpy(), 'target': t.numpy(), 'args': json.dumps(args)})
    np.savez_compressed(f'{where}/{name}.npz', **arrays)


def main():
    for name in sys.argv[2:] or CASES:
        record(sys.argv[1], name, CASES[name])


if __name__ == '__main__':
    main()
