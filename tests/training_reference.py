"""ONNX training models evaluated by their definition, in NumPy, with doubles.

The step is the inference graph and the algorithm in one, as TrainingInfoProto says. A Gradient
is found by central differences of that same evaluation, and the optimizers are the pseudo code
of ai.onnx.preview.training: nothing here knows how to differentiate.
"""
import functools

import numpy as np
from onnx import helper, numpy_helper

TRAINING = 'ai.onnx.preview.training'
STEP = 1e-5


def cross_entropy(scores, labels, weights=None, reduction='mean', ignore_index=None):
    x = np.moveaxis(scores, 1, -1)
    logp = x - x.max(-1, keepdims=True)
    logp = logp - np.log(np.exp(logp).sum(-1, keepdims=True))
    labels = labels.astype(int)
    counts = np.ones(labels.shape) if ignore_index is None else (labels != ignore_index) * 1.0
    safe = np.where(counts > 0, labels, 0)
    if weights is not None:
        counts = counts * weights[safe]
    each = -np.take_along_axis(logp, safe[..., None], -1)[..., 0] * counts
    return {'mean': lambda: each.sum() / counts.sum(), 'sum': each.sum, 'none': lambda: each}[reduction]()


def constant(value=None, value_float=None, value_int=None):
    if value is not None:
        return numpy_helper.to_array(value)
    return np.array(value_int if value_float is None else value_float)


def gemm(a, b, c=0, alpha=1, beta=1, transA=0, transB=0):
    return alpha * (a.T if transA else a) @ (b.T if transB else b) + beta * c


def reduction(f):
    def reduce(x, axes=None, keepdims=1, **attrs):
        axes = attrs.get('axes', axes)
        axes = None if axes is None else tuple(int(a) for a in np.ravel(axes))
        return f(x, axis=axes, keepdims=bool(keepdims))
    return reduce


def log_softmax(x, axis=-1):
    x = x - x.max(axis, keepdims=True)
    return x - np.log(np.exp(x).sum(axis, keepdims=True))


OPS = {
    'Abs': np.abs, 'Add': np.add, 'Div': np.divide, 'Exp': np.exp, 'Identity': lambda x: x,
    'Greater': np.greater, 'Less': np.less, 'LessOrEqual': np.less_equal, 'Log': np.log, 'MatMul': np.matmul,
    'Equal': np.equal, 'Not': np.logical_not,
    'Max': lambda *x: functools.reduce(np.maximum, x), 'Min': lambda *x: functools.reduce(np.minimum, x),
    'Mul': np.multiply, 'Neg': np.negative, 'Pow': np.power, 'Relu': lambda x: np.maximum(x, 0),
    'Sigmoid': lambda x: 1 / (1 + np.exp(-x)), 'Softplus': lambda x: np.logaddexp(0, x), 'Sqrt': np.sqrt,
    'Sub': np.subtract, 'Sum': lambda *x: sum(x), 'Tanh': np.tanh, 'Where': np.where,
    'Constant': constant, 'Gemm': gemm,
    'CastLike': lambda x, like: x.astype(like.dtype),
    'Cast': lambda x, to: x.astype('f8') if to in (1, 11) else x.astype('i8'),
    'Flatten': lambda x, axis=1: x.reshape(int(np.prod(x.shape[:axis])), -1),
    'Reshape': lambda x, shape: x.reshape([int(i) for i in shape]),
    'Transpose': lambda x, perm=None: x.transpose(perm),
    'Expand': lambda x, shape: x * np.ones([int(i) for i in shape]),
    'LogSoftmax': log_softmax, 'Softmax': lambda x, axis=-1: np.exp(log_softmax(x, axis)),
    'ReduceMean': reduction(np.mean), 'ReduceSum': reduction(np.sum),
    'ReduceSumSquare': reduction(lambda x, **k: (x * x).sum(**k)),
    'SoftmaxCrossEntropyLoss': cross_entropy,
    'Gather': lambda x, i, axis=0: np.take(x, i.astype(int), axis),
}


def adam(r, t, x, g, v, h, alpha=0.9, beta=0.999, epsilon=1e-6, norm_coefficient=0, norm_coefficient_post=0):
    g = norm_coefficient * x + g
    v = alpha * v + (1 - alpha) * g
    h = beta * h + (1 - beta) * g * g
    r = r * np.sqrt(1 - beta ** t) / (1 - alpha ** t) if t > 0 else r
    return (1 - norm_coefficient_post) * (x - r * v / (np.sqrt(h) + epsilon)), v, h


def adagrad(r, t, x, g, h, norm_coefficient=0, decay_factor=0, epsilon=1e-6):
    g = norm_coefficient * x + g
    h = h + g * g
    return x - r / (1 + t * decay_factor) * g / (np.sqrt(h) + epsilon), h


def momentum(r, t, x, g, v, alpha, beta, mode, norm_coefficient):
    g = norm_coefficient * x + g
    v = alpha * v + (beta if t > 0 else 1) * g
    return x - r * (g + alpha * v if mode == b'nesterov' else v), v


OPTIMIZERS = {'Adam': (adam, 4), 'Adagrad': (adagrad, 3), 'Momentum': (momentum, 3)}


def attributes(node, outer):
    """Of a node; in a function's body some are the caller's."""
    for a in node.attribute:
        if not a.ref_attr_name:
            yield a.name, helper.get_attribute_value(a)
        elif a.ref_attr_name in outer:
            yield a.name, outer[a.ref_attr_name]


class Evaluation:
    def __init__(self, model, nodes):
        self.nodes = nodes
        self.functions = {(f.domain, f.name): f for f in model.functions}

    def gradient(self, node, known, xs, y, zs=()):
        point = {n: known[v] for n, v in zip([*xs, *zs], node.input)}
        before = self.nodes[:next(i for i, n in enumerate(self.nodes) if n is node)]
        given = {n: v for n, v in known.items() if not any(n in b.output for b in before)}

        def value(at):
            return np.sum(self.run({**given, **at}, before)[y])
        for name in (n.decode() if isinstance(n, bytes) else n for n in xs):
            x = np.array(point[name], 'f8')
            dx = np.zeros_like(x)
            for i in np.ndindex(x.shape):
                up, down = x.copy(), x.copy()
                up[i] += STEP
                down[i] -= STEP
                dx[i] = (value({**point, name: up}) - value({**point, name: down})) / (2 * STEP)
            yield dx

    def optimize(self, node, x, attrs):
        step, each = OPTIMIZERS[node.op_type]
        r, t, x = x[0].item(), x[1].item(), x[2:]
        count = len(x) // each
        updates = [step(r, t, *x[i::count], **attrs) for i in range(count)]
        return [u[k] for k in range(each - 1) for u in updates]

    def call(self, function, x, attrs):
        known = self.run(dict(zip(function.input, x)), function.node, attrs)
        return [known[o] for o in function.output]

    def results(self, node, known, outer):
        attrs = dict(attributes(node, outer))
        if node.op_type == 'Gradient':
            names = {k: [n.decode() for n in v] if k != 'y' else v.decode() for k, v in attrs.items()}
            return list(self.gradient(node, known, **names))
        x = [np.asarray(known[i]) if i else None for i in node.input]
        if node.domain == TRAINING:
            return self.optimize(node, x, attrs)
        if (node.domain, node.op_type) in self.functions:
            return self.call(self.functions[node.domain, node.op_type], x, attrs)
        attrs = {k: v.decode() if isinstance(v, bytes) else v for k, v in attrs.items()}
        return [OPS[node.op_type](*x, **attrs)]

    def run(self, given, nodes, outer={}):
        known = dict(given)
        for node in nodes:
            if all(o in given for o in node.output):
                continue
            for name, value in zip(node.output, self.results(node, known, outer)):
                if name and name not in given:
                    known[name] = value
        return known


def wide(t):
    a = numpy_helper.to_array(t)
    return a.astype('f8') if a.dtype.kind == 'f' else a


class Training:
    """The state of a training model; step() is one training step."""

    def __init__(self, model):
        self.info = model.training_info[0]
        graphs = model.graph, self.info.algorithm
        self.evaluation = Evaluation(model, [n for g in graphs for n in g.node])
        self.state = {t.name: wide(t) for g in graphs for t in g.initializer}

    def step(self, inputs, want):
        inputs = {k: v.astype('f8') if v.dtype.kind == 'f' else v for k, v in inputs.items()}
        known = self.evaluation.run({**self.state, **inputs}, self.evaluation.nodes)
        for b in self.info.update_binding:
            self.state[b.key] = known[b.value]
        return known[want]
