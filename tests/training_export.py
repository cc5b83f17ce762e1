#!/usr/bin/env python3
"""`thimble export --training-graph`: thimble's own steps as ONNX training models.

    training_export.py THIMBLE SOURCE_DIR

Every optimizer and loss on a small model: the file passes onnx.checker; thimble trains by it as
by the options, to the bit where the same operators come out; training_reference.py and, where
there is one (ONNX 1.13), onnx.reference evaluate it to the same losses and weights.
"""
import os
import shutil
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import onnx
    from onnx import helper
    from training import BATCH, HIDDEN, IN, OUT, compare, draw, node, port, run, tensor
    from training_reference import TRAINING, Training
except ImportError as missing:
    print(f'skipped: {missing} (Debian: python3-onnx)')
    sys.exit(77)
try:
    from onnx.reference import ReferenceEvaluator
except ImportError:
    ReferenceEvaluator = None

STEPS = 3
# Sums and powers of float32 on one side, doubles and differences on the other.
RTOL, ATOL = 1e-3, 5e-5

OPTIMIZERS = [
    'sgd:lr=0.1', 'sgd:lr=0.1,weight_decay=0.1', 'sgd:lr=0.1,clip_norm=0.05',
    'momentum:lr=0.05,dampening=0.2,weight_decay=0.01', 'nesterov:lr=0.05', 'adam:lr=0.01,eps=1e-3,weight_decay=0.01',
    'adamw:lr=0.01,eps=1e-3', 'rmsprop:lr=0.002,eps=1e-3', 'rmsprop:lr=0.002,momentum=0.9,eps=1e-3',
    'adagrad:lr=0.05,lr_decay=0.1,initial_accumulator_value=0.1',
]
LOSSES = ['cross-entropy', 'cross-entropy:weights=1;2;3;1;0.5,ignore_index=2', 'cross-entropy:reduction=sum', 'mse',
          'mse:reduction=sum', 'l1', 'huber:delta=0.3', 'bce-with-logits']


def small_model():
    nodes = [node('MatMul', 'x w1', 'xw'), node('Add', 'xw b1', 'h'), node('Tanh', 'h', 'a'),
             node('Gemm', 'a w2 b2', 'y', transB=1)]
    inits = {'w1': draw(IN, HIDDEN), 'b1': draw(HIDDEN), 'w2': draw(OUT, HIDDEN), 'b2': draw(OUT)}
    graph = helper.make_graph(nodes, 'small', [port('x', [BATCH, IN])], [port('y', [BATCH, OUT])],
                              [tensor(n, a) for n, a in inits.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', 15)], ir_version=8)


def probabilities(op):
    """The small model, and what makes probabilities of its logits."""
    m = small_model()
    m.graph.node[-1].output[0] = 'z'
    m.graph.node.append(node(op, 'z', 'y'))
    return m


def rows():
    """The classes last of three dimensions."""
    graph = helper.make_graph([node('MatMul', 'x w', 'y')], 'rows', [port('x', [BATCH, 2, IN])],
                              [port('y', [BATCH, 2, OUT])], [tensor('w', draw(IN, OUT))])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', 15)], ir_version=8)


def target(loss, shape):
    classes = len(shape) - 1 if 'axis=-1' in loss else 1
    labels = np.random.default_rng(3).integers(0, shape[classes], np.delete(shape, classes))
    return labels if loss.startswith('cross') else np.random.default_rng(3).random(shape).astype('f4')


def files(folder):
    for root, _, names in os.walk(folder):
        for name in names:
            yield os.path.relpath(os.path.join(root, name), folder)


class Case:
    """One model, loss and optimizer: by the options, and by the file that export writes."""

    def __init__(self, tool, folder, path, x, shape, loss, optimizer, loose=False):
        self.tool, self.folder, self.path, self.loss = tool, folder, path, loss
        # Softplus(x) - t x and the kernel of BinaryCrossEntropyWithLogits round apart.
        self.loose = loose or loss.startswith('bce')
        self.options = ['--loss', loss, '--optimizer', optimizer]
        self.exported = f'{folder}/exported.onnx'
        self.x, self.target = x, target(loss, shape)
        self.input = onnx.load(path).graph.input[0].name
        np.save(f'{folder}/x.npy', x)
        np.save(f'{folder}/t.npy', self.target)

    def train(self, model, *options):
        out = f'{self.folder}/out-{os.path.basename(model)}'
        shutil.rmtree(out, ignore_errors=True)
        run(self.tool, 'run', model, '--dump', out, '--steps', str(STEPS), '--input', f'{self.input}={self.folder}/x.npy',
            '--target', f'{self.folder}/t.npy', '--executor', 'interpreter', *options)
        return out

    def check(self):
        run(self.tool, 'export', self.path, '--training-graph', '-o', self.exported, *self.options)
        onnx.checker.check_model(self.exported)
        yield from self.same_as_options()

    def same_as_options(self):
        tolerance = (1e-5, 1e-6) if self.loose else (0, 0)
        ours, theirs = self.train(self.path, *self.options), self.train(self.exported)
        for f in files(ours):
            if not os.path.exists(f'{theirs}/{f}'):
                yield f'{f} is missing'
                continue
            yield from compare(f, np.load(f'{theirs}/{f}'), np.load(f'{ours}/{f}'), *tolerance)
        self.dump = ours

    def by_reference(self):
        """The exported file by its definition."""
        m = onnx.load(self.exported)
        step = Training(m)
        given = {self.input: self.x, m.training_info[0].algorithm.input[0].name: self.target}
        losses, last = [], None
        for _ in range(STEPS):
            last = dict(step.state)
            losses.append(float(step.step(given, 'loss')))
        yield from compare('the loss', np.load(f'{self.dump}/loss.npy'), losses, RTOL, ATOL)
        for t in m.graph.initializer:
            yield from compare(f'{t.name} by definition', np.load(f'{self.dump}/param/{t.name}.npy'), step.state[t.name],
                               RTOL, ATOL)
        if ReferenceEvaluator:
            yield from self.by_onnx(m, last, given, losses[-1], step.state)

    def by_onnx(self, m, state, given, loss, want):
        """The last step by onnx.reference, which has no Gradient: it is given what that would be."""
        algorithm = m.training_info[0].algorithm
        nodes = [*m.graph.node, *algorithm.node]
        gradient = next(n for n in nodes if n.op_type == 'Gradient')
        known = Training(m).evaluation.run({**state, **given}, nodes[:nodes.index(gradient) + 1])
        feeds = {**given, **state, **{n: known[n] for n in gradient.output}}
        feeds = {n: np.asarray(a).astype('f4') if np.asarray(a).dtype.kind == 'f' else np.asarray(a)
                 for n, a in feeds.items()}
        outputs = ['loss', *(b.value for b in m.training_info[0].update_binding)]
        graph = helper.make_graph(
            [n for n in nodes if n is not gradient], 'step',
            [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape) for n, a in feeds.items()],
            [onnx.ValueInfoProto(name=n) for n in outputs])
        whole = helper.make_model(graph, opset_imports=list(m.opset_import), ir_version=m.ir_version,
                                  functions=list(m.functions))
        got = dict(zip(outputs, ReferenceEvaluator(whole).run(outputs, feeds)))
        yield from compare('the loss by onnx.reference', np.asarray(got['loss']), loss, RTOL, ATOL)
        for b in m.training_info[0].update_binding:
            yield from compare(f'{b.key} by onnx.reference', np.asarray(got[b.value]), want[b.key], RTOL, ATOL)


def refused(tool, path, options, status, text):
    r = subprocess.run([tool, 'export', path, '-o', '/dev/null', *options], capture_output=True, text=True)
    if r.returncode != status or text not in r.stderr:
        yield f'{" ".join(options)}: expected {status} and "{text}", got {r.returncode}: {r.stderr}'


def refusals(tool, path, folder):
    yield from refused(tool, path, ['--training-graph'], 2, '--training-graph needs --loss')
    yield from refused(tool, path, ['w.safetensors', '--training-graph', '--loss', 'mse'], 2, 'takes no WEIGHTS')
    yield from refused(tool, path, ['w.safetensors', '--loss', 'mse'], 2, '--loss needs --training-graph')
    yield from refused(tool, path, ['--training-graph', '--loss', 'none'], 2, '--loss none is no step')
    yield from refused(tool, path, ['--training-graph', '--loss', 'mse', '--freeze-bn'], 2, '--freeze-bn')
    smooth = 'cross-entropy:label_smoothing=0.1'
    yield from refused(tool, path, ['--training-graph', '--loss', smooth], 2, 'label_smoothing')
    old = onnx.load(path)
    old.opset_import[0].version = 11
    onnx.save(old, f'{folder}/old.onnx')
    yield from refused(tool, f'{folder}/old.onnx', ['--training-graph', '--loss', 'mse'], 1, 'needs 12 or later')


def cases(tool, folder, source):
    path = f'{folder}/small.onnx'
    onnx.save(small_model(), path)
    x = draw(BATCH, IN)
    for optimizer in OPTIMIZERS:
        yield Case(tool, folder, path, x, (BATCH, OUT), 'cross-entropy', optimizer), True
    for loss in LOSSES:
        yield Case(tool, folder, path, x, (BATCH, OUT), loss, 'sgd:lr=0.05'), True
    # With the logits found the file says it otherwise.
    for op, loss in (('Softmax', 'cross-entropy'), ('LogSoftmax', 'cross-entropy'), ('Sigmoid', 'bce-with-logits')):
        path = f'{folder}/{op.lower()}.onnx'
        onnx.save(probabilities(op), path)
        for how in ('', ':from_logits=1', *([':from_logits=0'] if op != 'LogSoftmax' else [])):
            yield Case(tool, folder, path, x, (BATCH, OUT), loss + how, 'sgd:lr=0.05', not how), True
    onnx.save(rows(), f'{folder}/rows.onnx')
    yield Case(tool, folder, f'{folder}/rows.onnx', draw(BATCH, 2, IN), (BATCH, 2, OUT), 'cross-entropy:axis=-1',
               'sgd:lr=0.1'), True
    # Batch statistics are bound, too.
    gestures = f'{source}/examples/gestures/gestures.onnx'
    shape = [d.dim_value for d in onnx.load(gestures).graph.input[0].type.tensor_type.shape.dim]
    for optimizer in ('momentum:lr=0.02', 'adam'):
        yield Case(tool, folder, gestures, draw(*shape), (shape[0], 5), 'cross-entropy', optimizer), False


def main():
    tool, source, bad = os.path.abspath(sys.argv[1]), sys.argv[2], 0
    if not ReferenceEvaluator:
        print(f'onnx {onnx.__version__} has no reference evaluator: that part is skipped')
    with tempfile.TemporaryDirectory() as folder:
        for case, small in cases(tool, folder, source):
            try:
                wrong = [*case.check(), *(case.by_reference() if small else [])]
            except RuntimeError as e:
                wrong = [str(e)]
            bad += len(wrong)
            print(f'{os.path.basename(case.path)} {" ".join(case.options)}: {"; ".join(wrong) or "the same"}')
        wrong = list(refusals(tool, f'{folder}/small.onnx', folder))
        bad += len(wrong)
        print('\n'.join(wrong) or 'what cannot be written is refused')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
