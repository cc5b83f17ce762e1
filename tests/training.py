#!/usr/bin/env python3
"""Models that say themselves how they are trained (TrainingInfoProto), through `thimble run`.

    training.py THIMBLE [c|llvm]

Each model is made here, trained for some steps by the interpreter and compiled, and compared with
training_reference.py, which has no derivative but differences: losses, all that update_binding
names, and the inference afterwards.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    from training_reference import Training
except ImportError as missing:
    print(f'skipped: {missing} (Debian: python3-onnx)')
    sys.exit(77)

TRAINING = 'ai.onnx.preview.training'
RTOL, ATOL = 2e-4, 2e-5
STEPS = 4
BATCH, IN, HIDDEN, OUT = 4, 3, 6, 5


# ---- making models ----

def tensor(name, a):
    return numpy_helper.from_array(np.asarray(a), name)


def port(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def node(op, inputs, outputs, **attrs):
    names = [a.split() if isinstance(a, str) else a for a in (inputs, outputs)]
    names = [['' if n == '-' else n for n in a] for a in names]
    domain = TRAINING if op in ('Gradient', 'Adam', 'Adagrad', 'Momentum') else ''
    return helper.make_node(op, *names, domain=domain, **attrs)


def draw(*shape):
    return (DRAWS.standard_normal(shape) * 0.5).astype('f4')


DRAWS = np.random.default_rng(7)
PARAMETERS = {'w1': (IN, HIDDEN), 'b1': (HIDDEN,), 'w2': (HIDDEN, OUT)}
FIRST = {name: draw(*shape) for name, shape in PARAMETERS.items()}
X, LABELS = draw(BATCH, IN), np.array([1, 0, 4, 2])


def inference():
    nodes = [node('MatMul', 'x w1', 'xw'), node('Add', 'xw b1', 'h'), node('Tanh', 'h', 'a'),
             node('MatMul', 'a w2', 'y')]
    return helper.make_graph(nodes, 'inference', [port('x', [BATCH, IN])], [port('y', [BATCH, OUT])],
                             [tensor(n, a) for n, a in FIRST.items()])


def model(algorithm, update, initialization=None, first=(), graph=None, functions=()):
    training = onnx.TrainingInfoProto()
    training.algorithm.CopyFrom(algorithm)
    for pairs, to in ((update, training.update_binding), (first, training.initialization_binding)):
        for key, value in pairs:
            to.add(key=key, value=value)
    if initialization:
        training.initialization.CopyFrom(initialization)
    opsets = [helper.make_opsetid('', 13), helper.make_opsetid(TRAINING, 1)]
    m = helper.make_model(graph or inference(), opset_imports=opsets, ir_version=8, functions=list(functions))
    m.training_info.append(training)
    return m


def algorithm(nodes, inits, inputs=None, outputs=()):
    inputs = [port('labels', [BATCH], TensorProto.INT64)] if inputs is None else inputs
    made = dict.fromkeys(o for n in nodes for o in n.output if o)
    return helper.make_graph(nodes, 'algorithm', inputs, [onnx.ValueInfoProto(name=o) for o in made],
                             [tensor(n, a) for n, a in inits.items()])


LOSS = node('SoftmaxCrossEntropyLoss', 'y labels', 'loss')
GRADIENT = node('Gradient', 'w1 b1 w2 x', 'dw1 db1 dw2', xs=['w1', 'b1', 'w2'], zs=['x'], y='loss')
COUNT = {'T': np.array(0, 'i8'), 'one': np.array(1, 'i8')}


def optimizer(op, states, counter_first=True, **attrs):
    """One node for all parameters, with T counted by the algorithm."""
    names = [*PARAMETERS]
    inputs = ['rate', 'T', *names, *('d' + n for n in names)]
    outputs, update = [n + '_new' for n in names], [(n, n + '_new') for n in names]
    inits = {'rate': np.array(0.1, 'f4'), **COUNT}
    for s in states:
        inits.update({f'{s}_{n}': np.zeros(PARAMETERS[n], 'f4') for n in names})
        inputs += [f'{s}_{n}' for n in names]
        outputs += [f'{s}_{n}_new' for n in names]
        update += [(f'{s}_{n}', f'{s}_{n}_new') for n in names]
    count, step = node('Add', 'T one', 'T_new'), node(op, inputs, outputs, **attrs)
    nodes = [LOSS, GRADIENT, *((count, step) if counter_first else (step, count))]
    return model(algorithm(nodes, inits), [*update, ('T', 'T_new')])


def sgd():
    """Own arithmetic, another rate for each parameter, one of them falling."""
    nodes, update = [LOSS, GRADIENT], []
    for name in PARAMETERS:
        nodes += [node('Mul', f'rate_{name} d{name}', f'step_{name}'),
                  node('Sub', f'{name} step_{name}', f'{name}_new')]
        update.append((name, f'{name}_new'))
    nodes.append(node('Mul', 'rate_w1 decay', 'rate_w1_new'))
    inits = {f'rate_{n}': np.array(r, 'f4') for n, r in zip(PARAMETERS, (0.1, 0.5, 0.02))}
    inits['decay'] = np.array(0.9, 'f4')
    return model(algorithm(nodes, inits), [*update, ('rate_w1', 'rate_w1_new')])


def swapped():
    """Each parameter takes the other's contents: nothing can be replaced in place."""
    graph = inference()
    graph.initializer.append(tensor('b2', draw(HIDDEN)))
    graph.node.insert(2, node('Add', 'h b2', 'h2'))
    graph.node[3].input[0] = 'h2'
    nodes = [LOSS, node('Gradient', 'b1 b2', 'g1 g2', xs=['b1', 'b2'], y='loss'),
             node('Sub', 'b1 g1', 'b1_moved'), node('Sub', 'b2 g2', 'b2_moved'), node('Add', 'b2 b1_moved', 'sum'),
             node('ReduceSum', 'sum', 'total')]
    return model(algorithm(nodes, {}), [('b1', 'b2_moved'), ('b2', 'b1_moved')], graph=graph)


def intermediate():
    """By a hidden value."""
    nodes = [LOSS, node('Gradient', 'a w2', 'da dw2', xs=['a', 'w2'], y='loss'), node('Mul', 'da a', 'moment'),
             node('ReduceSum', 'moment zero', 'b', keepdims=0),
             node('Sub', 'b1 b', 'b1_new'), node('Sub', 'w2 dw2', 'w2_new')]
    return model(algorithm(nodes, {'zero': np.array([0], 'i8')}), [('b1', 'b1_new'), ('w2', 'w2_new')])


def elsewhere():
    """The gradient at other values than those of the graph: w2 looks ahead."""
    nodes = [LOSS, node('Mul', 'momentum v', 'ahead'), node('Add', 'w2 ahead', 'there'),
             node('Gradient', 'there x', 'g', xs=['w2'], zs=['x'], y='loss'), node('Mul', 'rate g', 'step'),
             node('Sub', 'ahead step', 'v_new'), node('Add', 'w2 v_new', 'w2_new')]
    inits = {'momentum': np.array(0.9, 'f4'), 'rate': np.array(0.2, 'f4'), 'v': np.zeros((HIDDEN, OUT), 'f4')}
    return model(algorithm(nodes, inits), [('v', 'v_new'), ('w2', 'w2_new')])


def penalty():
    """A loss with a gradient in it, differentiated once more."""
    graph = helper.make_graph([node('MatMul', 'x w', 'y')], 'linear', [port('x', [BATCH, IN])], [port('y', [BATCH, 1])],
                              [tensor('w', draw(IN, 1))])
    nodes = [node('Sub', 'y labels', 'd'), node('Mul', 'd d', 'dd'), node('ReduceMean', 'dd', 'fit', keepdims=0),
             node('Gradient', 'w x', 'g', xs=['w'], zs=['x'], y='fit'), node('Mul', 'g g', 'gg'),
             node('ReduceSum', 'gg', 'norm', keepdims=0), node('Add', 'fit norm', 'loss'),
             node('Gradient', 'w x', 'dw', xs=['w'], zs=['x'], y='loss'), node('Mul', 'rate dw', 'step'),
             node('Sub', 'w step', 'w_new')]
    inputs = [port('labels', [BATCH, 1])]
    return model(algorithm(nodes, {'rate': np.array(0.02, 'f4')}, inputs), [('w', 'w_new')], graph=graph)


def scalar():
    """A number that trains, a counter that the inference reads, and a loss in the inference graph."""
    graph = helper.make_graph(
        [node('Mul', 'x scale', 'y'), node('Cast', 'seen', 'n', to=TensorProto.FLOAT), node('Add', 'y n', 'z'),
         node('Sub', 'z labels', 'd'), node('Mul', 'd d', 'dd'), node('ReduceMean', 'dd', 'loss', keepdims=0)],
        'scalar', [port('x', [BATCH, IN]), port('labels', [BATCH, IN])], [port('loss', [])],
        [tensor('scale', np.array(0.5, 'f4')), tensor('seen', np.array(0, 'i4'))])
    nodes = [node('Add', 'seen one', 'seen_new'),
             node('Gradient', 'scale x', 'g', xs=['scale'], zs=['x'], y='loss'), node('Sub', 'scale g', 'scale_new')]
    return model(algorithm(nodes, {'one': np.array(1, 'i4')}, []), [('seen', 'seen_new'), ('scale', 'scale_new')],
                 graph=graph)


def without_gradient():
    """All in standard operators; the loss is the one number that is bound to nothing."""
    graph = helper.make_graph([node('MatMul', 'x w', 'y')], 'linear', [port('x', [BATCH, IN])], [port('y', [BATCH, 1])],
                              [tensor('w', draw(IN, 1))])
    nodes = [node('Sub', 'y labels', 'd'), node('Mul', 'd d', 'dd'), node('ReduceMean', 'dd', 'loss', keepdims=0),
             node('Transpose', 'x', 'xt', perm=[1, 0]), node('MatMul', 'xt d', 'g'), node('Mul', 'rate g', 'step'),
             node('Sub', 'w step', 'w_new'), node('Mul', 'rate decay', 'rate_new')]
    inits = {'rate': np.array(0.1, 'f4'), 'decay': np.array(0.5, 'f4')}
    return model(algorithm(nodes, inits, [port('labels', [BATCH, 1])]), [('w', 'w_new'), ('rate', 'rate_new')],
                 graph=graph)


ADAM = {'alpha': 0.8, 'beta': 0.95, 'epsilon': 1e-3, 'norm_coefficient': 0.01, 'norm_coefficient_post': 0.02}
MODELS = {
    'adam': lambda: optimizer('Adam', 'vh', **ADAM),
    'adam_defaults': lambda: optimizer('Adam', 'vh', counter_first=False),
    'adagrad': lambda: optimizer('Adagrad', 'h', decay_factor=0.1, norm_coefficient=0.01),
    'momentum': lambda: optimizer('Momentum', 'v', alpha=0.9, beta=0.5, mode='standard', norm_coefficient=0.01),
    'nesterov': lambda: optimizer('Momentum', 'v', False, alpha=0.8, beta=1.0, mode='nesterov', norm_coefficient=0.0),
    'sgd': sgd, 'swapped': swapped, 'intermediate': intermediate, 'elsewhere': elsewhere, 'penalty': penalty,
    'scalar': scalar, 'without_gradient': without_gradient,
}


# ---- running them ----

def run(tool, *args):
    r = subprocess.run([tool, *args], capture_output=True, text=True, timeout=300)
    if r.returncode:
        raise RuntimeError(f'{" ".join(args)}: status {r.returncode}\n{r.stderr}')
    return r


def variable(folder, name):
    """Whatever its role is."""
    return np.load(next(p for p in (f'{folder}/{role}/{name}.npy' for role in ('param', 'optimizer', 'buffer'))
                        if os.path.exists(p)))


def compare(what, got, want, rtol=RTOL, atol=ATOL):
    if got.shape != np.shape(want):
        return [f'{what} has the shape {got.shape}, expected {np.shape(want)}']
    if np.allclose(got, want, rtol=rtol, atol=atol):
        return []
    return [f'{what} is off by {np.abs(got - want).max():.3g}']


def inputs_of(m):
    for i in (*m.graph.input, *m.training_info[0].algorithm.input):
        kind = i.type.tensor_type
        shape = [d.dim_value for d in kind.shape.dim]
        yield i.name, X if i.name == 'x' else LABELS if kind.elem_type == TensorProto.INT64 else draw(*shape)


def check(tool, name, m, folder, executor):
    onnx.checker.check_model(m)
    path, out = f'{folder}/{name}.onnx', f'{folder}/{name}-{executor}'
    onnx.save(m, path)
    given = dict(inputs_of(m))
    for key, value in given.items():
        np.save(f'{folder}/{key}.npy', value)
    run(tool, 'run', path, '--dump', out, '--steps', str(STEPS), '--executor', executor,
        *(a for key in given for a in ('--input', f'{key}={folder}/{key}.npy')))
    reference = Training(m)
    losses = [float(np.squeeze(reference.step(given, 'loss'))) for _ in range(STEPS)]
    for binding in m.training_info[0].update_binding:
        yield from compare(binding.key, variable(out, binding.key), reference.state[binding.key])
    yield from compare('the loss', np.load(f'{out}/loss.npy'), losses)


# ---- more than one model ----

class Options:
    """What the command line says beside such a file."""

    def __init__(self, tool, folder):
        self.tool, self.folder = tool, folder
        self.path = f'{folder}/options.onnx'
        self.model = optimizer('Momentum', 'v', alpha=0.9, beta=0.5, mode='standard', norm_coefficient=0.0)
        onnx.save(self.model, self.path)
        np.save(f'{folder}/x.npy', X)
        np.save(f'{folder}/labels.npy', LABELS)

    def train(self, *options, steps=3):
        out = f'{self.folder}/options'
        shutil.rmtree(out, ignore_errors=True)
        r = run(self.tool, 'run', self.path, '--dump', out, '--steps', str(steps), '--input',
                f'x={self.folder}/x.npy', '--target', f'{self.folder}/labels.npy', *options)
        return out, r.stderr

    def frozen(self):
        out, _ = self.train('--freeze', 'b*')
        yield from compare('b1, frozen,', variable(out, 'b1'), FIRST['b1'], 0, 0)
        if np.allclose(variable(out, 'w1'), FIRST['w1']):
            yield 'w1 does not train beside a frozen b1'

    def other_optimizer(self):
        """The file's loss, and SGD for it."""
        out, _ = self.train('--optimizer', 'sgd:lr=0.3', steps=1)
        grads = {n: np.load(f'{out}/grad/{n}.npy') for n in PARAMETERS}
        for n in PARAMETERS:
            yield from compare(f'{n} by SGD', variable(out, n), FIRST[n] - 0.3 * grads[n], 1e-6, 1e-7)
        if os.path.exists(f'{out}/optimizer/T.npy'):
            yield 'the other optimizer has the counter of the file'

    def other_loss(self):
        """--loss replaces all of it: the same as in the file without its training_info."""
        out, said = self.train('--loss', 'cross-entropy', '--optimizer', 'sgd:lr=0.3')
        if 'the training step in the file is not used' not in said:
            yield 'nothing says that the step is not used'
        first = variable(out, 'w1')
        plain = onnx.load(self.path)
        del plain.training_info[:]
        onnx.save(plain, self.path)
        out, _ = self.train('--loss', 'cross-entropy', '--optimizer', 'sgd:lr=0.3')
        yield from compare('w1 without training_info', variable(out, 'w1'), first, 0, 0)
        onnx.save(self.model, self.path)

    def emitted(self):
        """The rate is a field, the labels an argument; and none of it without a step."""
        run(self.tool, 'compile', self.path, '-o', f'{self.folder}/c')
        with open(f'{self.folder}/c/options.h') as f:
            header = f.read()
        for text in ('float rate;', 'const int32_t *labels', 'options_evaluate(', 'float *loss'):
            if text not in header:
                yield f'no "{text}" in the header'
        run(self.tool, 'compile', self.path, '-o', f'{self.folder}/c', '--loss', 'none')
        with open(f'{self.folder}/c/options.h') as f:
            if 'train_step' in f.read():
                yield '--loss none still trains'

    def planned(self):
        """Micro-batches and a budget come to the same; the curve exists."""
        out, _ = self.train()
        whole = variable(out, 'w1')
        out, _ = self.train('--micro-batch', '1')
        yield from compare('w1 in micro-batches', variable(out, 'w1'), whole, 1e-4, 1e-5)
        run(self.tool, 'plan', self.path, '--sweep')

    def trained(self):
        """thimble train: the data's last array is the algorithm's input; lr-schedule finds the one rate."""
        x = np.concatenate([X] * 8)
        np.save(f'{self.folder}/xs.npy', x)
        np.save(f'{self.folder}/ys.npy', np.concatenate([LABELS] * 8))
        r = run(self.tool, 'train', self.path, '--data', f'{self.folder}/xs.npy,{self.folder}/ys.npy', '--epochs', '20',
                '--lr-schedule', 'cosine', '--executor', 'interpreter', '--json')
        losses = json.loads(r.stdout)['loss']
        if not losses[-1] < 0.5 * losses[0]:
            yield f'the loss goes from {losses[0]} to {losses[-1]}'

    def initialized(self):
        """The initialization graph gives the first contents, the same each time."""
        zero = np.zeros(HIDDEN, 'f4')
        count, mean = 4000, 2
        first = helper.make_graph(
            [node('RandomNormal', '', 'normal', shape=[count], mean=float(mean), scale=3.0, seed=1.0),
             node('RandomUniform', '', 'uniform', shape=[IN, HIDDEN], low=-1.0, high=0.5),
             node('Add', 'base one', 'bias')], 'initialization', [],
            [port('normal', [count]), port('uniform', [IN, HIDDEN]), port('bias', [HIDDEN])],
            [tensor('base', zero), tensor('one', np.ones(HIDDEN, 'f4'))])
        nodes = [LOSS, node('Gradient', 'w2 x', 'g', xs=['w2'], zs=['x'], y='loss'), node('Sub', 'w2 g', 'w2_new'),
                 node('Identity', 'big', 'big_new')]
        m = model(algorithm(nodes, {'big': np.zeros(count, 'f4')}), [('w2', 'w2_new'), ('big', 'big_new')], first,
                  [('big', 'normal'), ('w1', 'uniform'), ('b1', 'bias')])
        onnx.checker.check_model(m)
        onnx.save(m, self.path)
        out, _ = self.train(steps=1)
        big, w1 = variable(out, 'big'), variable(out, 'w1')
        if abs(big.mean() - mean) > 0.2 or abs(big.std() - 3) > 0.2:
            yield f'normal: mean {big.mean()}, deviation {big.std()}'
        if w1.min() < -1 or w1.max() > 0.5 or w1.std() < 0.2:
            yield f'uniform: from {w1.min()} to {w1.max()}'
        yield from compare('b1', variable(out, 'b1'), zero + 1, 0, 0)
        out, _ = self.train(steps=1)
        yield from compare('drawn again, big', variable(out, 'big'), big, 0, 0)
        onnx.save(self.model, self.path)

    def check(self):
        for what in (self.frozen, self.other_optimizer, self.other_loss, self.emitted, self.planned, self.trained,
                     self.initialized):
            yield what.__name__, list(what())


# ---- what is wrong with them ----

def broken(change):
    m = optimizer('Adam', 'vh')
    change(m, m.training_info[0], m.training_info[0].algorithm)
    return m


def gradient_of(graph):
    return next(n for n in graph.node if n.op_type == 'Gradient')


def initialize(training, name, first):
    training.initialization.node.append(first)
    training.initialization.output.append(onnx.ValueInfoProto(name=first.output[0]))
    training.initialization_binding.add(key=name, value=first.output[0])


def set_names(graph, attr, *names):
    a = next(a for a in gradient_of(graph).attribute if a.name == attr)
    a.CopyFrom(helper.make_attribute(attr, names[0] if attr == 'y' else list(names)))


def remove_attribute(graph, op, name):
    n = next(n for n in graph.node if n.op_type == op)
    n.attribute.remove(next(a for a in n.attribute if a.name == name))


MESSAGES = [
    (lambda m, t, g: m.training_info.append(t), 'the file trains in 2 steps one after the other'),
    (lambda m, t, g: t.update_binding.add(key='x', value='loss'), "'x': update_binding names it, but it is no"),
    (lambda m, t, g: t.update_binding.add(key='one', value='gone'), "takes it from 'gone', which nothing computes"),
    (lambda m, t, g: t.update_binding.add(key='one', value='loss'), "is i64[], its update, 'loss', is f32[]"),
    (lambda m, t, g: t.update_binding.add(key='w1', value='w1_new'), "'w1': update_binding names it twice"),
    (lambda m, t, g: t.ClearField('update_binding'), 'its update_binding is empty'),
    (lambda m, t, g: set_names(g, 'y', 'gone'), "'gone' is no value of the graph"),
    (lambda m, t, g: set_names(g, 'y', 'labels'), "y, 'labels', is i"),
    (lambda m, t, g: set_names(g, 'xs', 'w1', 'b1'), 'has 4 inputs for 2 names in xs and 1 in zs'),
    (lambda m, t, g: set_names(g, 'xs', 'w1', 'b1', 'xw'), "'xw' is computed from 'w1'"),
    (lambda m, t, g: set_names(g, 'xs', 'w1', 'b1', 'one'), "'one' is constant, so nothing can be differentiated"),
    (lambda m, t, g: set_names(g, 'xs', 'w1', 'b1', 'w1_new'), "'w1_new' is produced later"),
    (lambda m, t, g: g.node[-1].input.pop(), 'expected R, T and 4 for each tensor'),
    (lambda m, t, g: g.node[-1].input.__setitem__(0, 'w1'), 'input 0 (R) has the shape [3,6], expected one number'),
    (lambda m, t, g: g.node[-1].input.__setitem__(6, 'w1'), 'input 1 has shape [3,6], expected [6]'),
    (lambda m, t, g: m.graph.node[0].input.__setitem__(1, 'v_w1'), "reads 'v_w1', which only the training algorithm"),
    (lambda m, t, g: m.graph.node[0].input.__setitem__(0, 'labels'), "reads 'labels', which only the training"),
    (lambda m, t, g: t.initialization_binding.add(key='w1', value='gone'), 'which the initialization does not compute'),
    (lambda m, t, g: gradient_of(g).output.append('more'), 'has 4 outputs for 3 names in xs'),
    (lambda m, t, g: gradient_of(g).input.__setitem__(0, 'b1'), "input 0 is not of the shape of 'w1'"),
    (lambda m, t, g: (set_names(g, 'y', 'y'), g.ClearField('output')), 'the training algorithm has no loss: neither'),
    (lambda m, t, g: t.initialization_binding.add(key='x', value='loss'), 'initialization_binding names it, but it is'),
    (lambda m, t, g: (initialize(t, 'b1', node('Identity', 'q', 'c')), t.initialization.input.append(port('q', [6]))),
     "the training's initialization has inputs"),
    (lambda m, t, g: initialize(t, 'w1', node('RandomNormal', '', 'c', shape=[-1])), 'has no possible shape, or no'),
    (lambda m, t, g: initialize(t, 'w1', node('Constant', '', 'c', value_float=1.0)),
     "is f32[3,6], its first value, 'c', is f32[]"),
]


def says(tool, change, text, folder):
    path = f'{folder}/broken.onnx'
    onnx.save(broken(change), path)
    r = subprocess.run([tool, 'plan', path], capture_output=True, text=True, timeout=60)
    if r.returncode != 1 or text not in r.stderr:
        yield f'expected "{text}", got status {r.returncode}: {r.stderr}'


def main():
    tool, bad = os.path.abspath(sys.argv[1]), 0
    with tempfile.TemporaryDirectory() as folder:
        for name, make in MODELS.items():
            m = make()
            for executor in ('interpreter', *(sys.argv[2:] or ['c'])):
                try:
                    wrong = list(check(tool, name, m, folder, executor))
                except RuntimeError as e:
                    wrong = [str(e)]
                bad += len(wrong)
                print(f'{name} ({executor}): {"; ".join(wrong) or "as defined"}')
        for what, wrong in Options(tool, folder).check():
            bad += len(wrong)
            print(f'{what}: {"; ".join(wrong) or "as it should be"}')
        wrong = [w for change, text in MESSAGES for w in says(tool, change, text, folder)]
        bad += len(wrong)
        print('\n'.join(wrong) or f'{len(MESSAGES)} errors: as they should be')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
