#!/usr/bin/env python3
"""Models as exporters of today write them, with PyTorch's training beside each.

    make_exports.py DIR

Needs a current PyTorch with onnxscript (from PyPI; the files in the tree are PyTorch
2.15's). The same arrays as make_parity.py's, for tests/parity.py. Where the exporter's own
optimizer has transposed or joined parameters, only the losses can be compared: `only`.

Of the metadata just what thimble reads is kept: the rest is stack traces.
"""
import copy
import io
import json
import sys
import warnings

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from torch import nn

import make_parity as mp

KEPT = ('pkg.torch.onnx.fx_node', 'pkg.onnxscript.optimizer.folded_from',
        'pkg.torch.export.ExportedProgram.graph_signature')


class Encoder(nn.Module):
    """torch's own transformer layers."""
    def __init__(self, layers, activation, norm_first):
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, 0.0, activation, batch_first=True,
                                           norm_first=norm_first)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        return self.head(self.encoder(x).mean(1))


class Causal(nn.Module):
    """Classes for every position: causal attention, positions, a tied head."""
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(8, 11, bias=False)
        self.embed, self.position = nn.Embedding(11, 8), nn.Embedding(7, 8)
        self.qkv, self.out, self.norm = nn.Linear(8, 24), nn.Linear(8, 8), nn.LayerNorm(8)
        self.embed.weight = self.head.weight

    def forward(self, token):
        x = self.embed(token) + self.position(torch.arange(token.shape[1]))
        q, k, v = (a.reshape(*a.shape[:2], 2, 4).transpose(1, 2)
                   for a in self.qkv(self.norm(x)).chunk(3, -1))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.head(x + self.out(y.transpose(1, 2).reshape(x.shape)))


class Copies(nn.Module):
    """A class token for every text, and a type for every word, which is always the first."""
    def __init__(self):
        super().__init__()
        self.embed, self.position, self.kind = nn.Embedding(11, 8), nn.Embedding(7, 8), nn.Embedding(2, 8)
        self.start = nn.Parameter(torch.randn(1, 1, 8))
        self.mix, self.head = nn.Linear(8, 8), nn.Linear(8, 5)

    def forward(self, token):
        places = torch.arange(token.shape[1]).expand(token.shape)
        x = self.embed(token) + self.position(places) + self.kind(torch.zeros_like(token))
        x = torch.cat([self.start.expand(token.shape[0], -1, -1), x], 1)
        return self.head(torch.tanh(self.mix(x)).mean(1))


class Gated(nn.Module):
    """RMS norm and a gated linear unit, as in the Llama family."""
    def __init__(self):
        super().__init__()
        self.norm = nn.RMSNorm(8)
        self.gate, self.up, self.down = nn.Linear(8, 16), nn.Linear(8, 16), nn.Linear(16, 8)
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        y = self.norm(x)
        return self.head((x + self.down(F.silu(self.gate(y)) * self.up(y)))[:, -1])


class Mobile(nn.Module):
    """Inverted bottleneck with squeeze and excitation."""
    def __init__(self):
        super().__init__()

        def block(i, o, k, groups=1):
            return nn.Sequential(nn.Conv2d(i, o, k, padding=k // 2, groups=groups, bias=False),
                                 nn.BatchNorm2d(o), nn.Hardswish())
        self.features = nn.Sequential(block(2, 6, 3), block(6, 6, 3, 6), block(6, 8, 1))
        self.squeeze, self.excite = nn.Conv2d(8, 4, 1), nn.Conv2d(4, 8, 1)
        self.pool, self.head = nn.AdaptiveAvgPool2d(1), nn.Linear(8, 5)

    def forward(self, x):
        x = self.features(x)
        x = x * F.hardsigmoid(self.excite(F.relu(self.squeeze(self.pool(x)))))
        return self.head(torch.flatten(self.pool(x), 1))


class Styles(nn.Module):
    """Norms without a batch, activations with parameters, resizing."""
    def __init__(self):
        super().__init__()
        self.conv, self.group = nn.Conv2d(2, 6, 3, padding='same', bias=False), nn.GroupNorm(3, 6)
        self.depth = nn.Conv2d(6, 6, 3, groups=6, padding=1, padding_mode='reflect', bias=False)
        self.instance, self.slope = nn.InstanceNorm2d(6, affine=True), nn.PReLU(6)
        self.head = nn.Linear(6, 5)

    def forward(self, x):
        x = F.silu(self.group(self.conv(x)))
        x = F.mish(x + self.slope(self.instance(self.depth(x))))
        x = F.interpolate(x, scale_factor=2, mode='bilinear', align_corners=False)
        return self.head(F.adaptive_avg_pool2d(F.hardswish(x), 1).flatten(1))


class Unet(nn.Module):
    """An hourglass with a class for every pixel."""
    def __init__(self):
        super().__init__()
        self.down, self.norm = nn.Conv2d(2, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.deep, self.up = nn.Conv2d(4, 8, 3, padding=1, stride=2), nn.ConvTranspose2d(8, 4, 2, 2)
        self.out = nn.Conv2d(8, 5, 1)

    def forward(self, x):
        x = F.relu(self.norm(self.down(x)))
        return self.out(torch.cat([x, F.elu(self.up(F.leaky_relu(self.deep(x))))], 1))


class ChannelsLast(nn.Module):
    """What the file that tf_style() writes computes."""
    def __init__(self):
        super().__init__()
        self.conv, self.depth = nn.Conv2d(2, 6, 3, padding=1), nn.Conv2d(6, 6, 3, stride=2, groups=6)
        self.dense = nn.Linear(54, 4)

    def forward(self, x):
        x = F.relu(self.conv(x.permute(0, 3, 1, 2)))
        x = torch.clamp(self.depth(F.pad(x, (0, 1, 0, 1))), 0, 6)
        x = F.max_pool2d(x, 2, ceil_mode=True) if x.shape[2] > 3 else x
        return self.dense(x.permute(0, 2, 3, 1).flatten(1))


def words():
    return torch.randn(2, 5, 8)


def last_channels():
    return torch.randn(4, 6, 6, 2)


def sgd(rate, momentum=0):
    spec = f'momentum:lr={rate},momentum={momentum}' if momentum else f'sgd:lr={rate}'
    return (lambda p: torch.optim.SGD(p, rate, momentum=momentum)), spec


CE = (mp.CE, 'cross-entropy')
LM = (mp.lm, 'cross-entropy:axis=-1')
ADAM = (lambda p: mp.Adam(p, 3e-3)), 'adam:lr=0.003'
PIXELS = mp.labels(5, 4, 8, 8)
MORE = {
    'encoder-post': (lambda: Encoder(1, 'gelu', False), words, mp.labels(5, 2), *CE, *ADAM),
    'encoder-pre': (lambda: Encoder(2, 'relu', True), words, mp.labels(5, 2), *CE, *sgd(0.03)),
    'causal': (Causal, mp.TOKEN, mp.labels(11, 3, 7), *LM, *sgd(0.1)),
    'copies': (Copies, mp.TOKEN, mp.labels(5, 3), *CE, *sgd(0.5)),
    'gated': (Gated, words, mp.labels(5, 2), *CE, *sgd(0.05)),
    'mobile': (Mobile, mp.IMAGE, mp.labels(5, 4), *CE, *sgd(0.02, 0.9)),
    'styles': (Styles, mp.IMAGE, mp.labels(5, 4), *CE, *sgd(0.02)),
    'unet': (Unet, mp.IMAGE, PIXELS, *CE, *sgd(0.02)),
    'channels-last': (ChannelsLast, last_channels, mp.labels(4, 4), *CE, *sgd(0.05)),
}
CASES = {**mp.CASES, **MORE}


def plain(model, x, opset):
    """What the README recommends: nothing folded, names kept."""
    return torch.onnx.export(model, (x,), dynamo=True, optimize=False, verbose=False,
                             opset_version=opset, input_names=['x'], output_names=['y']).model_proto


def optimized(model, x, opset):
    return torch.onnx.export(model, (x,), dynamo=True, optimize=True, verbose=False,
                             opset_version=opset, input_names=['x'], output_names=['y']).model_proto


def script(model, x, opset):
    to = io.BytesIO()
    torch.onnx.export(model, (x,), to, dynamo=False, opset_version=opset, do_constant_folding=False,
                      training=torch.onnx.TrainingMode.TRAINING, input_names=['x'], output_names=['y'])
    return onnx.load_from_string(to.getvalue())


def folded(model, x, opset):
    """As it comes without dynamo, and from Optimum: weights transposed ahead of time."""
    to = io.BytesIO()
    torch.onnx.export(model.eval(), (x,), to, dynamo=False, opset_version=opset,
                      input_names=['x'], output_names=['y'],
                      dynamic_axes={'x': {0: 'batch_size', 1: 'sequence_length'}})
    return onnx.load_from_string(to.getvalue())


def tf_style(model, x, opset):
    """As tf2onnx writes a Keras model: images NHWC, a Transpose on either side of what ONNX
    wants NCHW, biases added outside, kernels as constants of the graph, Relu6 as Min and Max."""
    weight = {k: v.numpy() for k, v in model.state_dict().items()}
    names = {'conv/kernel': weight['conv.weight'], 'conv/bias': weight['conv.bias'],
             'depth/kernel': weight['depth.weight'], 'depth/bias': weight['depth.bias'],
             'dense/kernel': weight['dense.weight'].T.copy(), 'dense/bias': weight['dense.bias'],
             'six': np.float32(6), 'zero': np.float32(0),
             'rows': np.array([-1, 54], np.int64)}
    node = helper.make_node
    last, first = [0, 2, 3, 1], [0, 3, 1, 2]
    nodes = [
        node('Transpose', ['x'], ['a'], 'in', perm=first),
        node('Conv', ['a', 'conv/kernel'], ['b'], 'conv', auto_pad='SAME_UPPER', strides=[1, 1]),
        node('Transpose', ['b'], ['c'], 'conv_out', perm=last),
        node('Add', ['c', 'conv/bias'], ['d'], 'bias'),
        node('Relu', ['d'], ['e'], 'relu'),
        node('Transpose', ['e'], ['f'], 'depth_in', perm=first),
        node('Conv', ['f', 'depth/kernel', 'depth/bias'], ['g'], 'depth', auto_pad='SAME_UPPER',
             strides=[2, 2], group=6),
        node('Transpose', ['g'], ['h'], 'depth_out', perm=last),
        node('Min', ['h', 'six'], ['i'], 'six_min'),
        node('Max', ['i', 'zero'], ['j'], 'zero_max'),
        node('Reshape', ['j', 'rows'], ['k'], 'flatten'),
        node('MatMul', ['k', 'dense/kernel'], ['l'], 'dense'),
        node('Add', ['l', 'dense/bias'], ['y'], 'logits')]
    port = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes, 'tf2onnx', [port('x', TensorProto.FLOAT, ['unk__1', *x.shape[1:]])],
        [port('y', TensorProto.FLOAT, ['unk__2', 4])],
        [numpy_helper.from_array(v, k) for k, v in names.items()])
    return helper.make_model(graph, producer_name='tf2onnx', ir_version=7,
                             opset_imports=[helper.make_opsetid('', opset)])


ALL, LOSSES, NOTHING = 'all', 'losses', 'nothing'
# file: case, exporter, opset, and what of PyTorch's run can be compared with it
FILES = {
    'dynamo-residual': ('residual-momentum', plain, 18, ALL),
    'dynamo-attention': ('attention-adam', plain, 18, ALL),
    'dynamo-lstm': ('lstm-momentum', plain, 18, ALL),
    'dynamo-gates': ('gates-sgd', plain, 20, ALL),
    'dynamo-dense': ('dense-momentum', plain, 22, ALL),
    'dynamo-causal': ('causal', plain, 18, ALL),
    'dynamo-causal-23': ('causal', plain, 23, ALL),
    'dynamo-encoder-23': ('encoder-post', plain, 23, ALL),
    'dynamo-gated-23': ('gated', plain, 23, ALL),
    'dynamo-mobile': ('mobile', plain, 18, ALL),
    'dynamo-styles-21': ('styles', plain, 21, ALL),
    'dynamo-unet': ('unet', plain, 18, ALL),
    'optimized-attention': ('attention-adam', optimized, 18, LOSSES),
    'optimized-tokens': ('tokens-adam', optimized, 23, LOSSES),
    'optimized-causal': ('causal', optimized, 18, LOSSES),
    'optimized-copies': ('copies', optimized, 20, LOSSES),
    'optimized-encoder': ('encoder-post', optimized, 18, LOSSES),
    # What the exporter loses is looked at by tests/unit/onnx_graph.c.
    'optimized-layers': ('encoder-pre', optimized, 18, NOTHING),
    'optimized-residual': ('residual-momentum', optimized, 18, NOTHING),
    'optimized-gates': ('gates-sgd', optimized, 18, NOTHING),
    'optimized-lstm': ('lstm-momentum', optimized, 18, LOSSES),
    'optimized-styles': ('styles', optimized, 18, LOSSES),
    'script-encoder': ('encoder-post', script, 17, ALL),
    'script-causal': ('causal', script, 20, ALL),
    'script-mobile': ('mobile', script, 13, ALL),
    'folded-causal': ('causal', folded, 18, LOSSES),
    'script-unet': ('unet', script, 9, ALL),
    'tf-channels-last': ('channels-last', tf_style, 13, LOSSES),
}


def keep_metadata(holder):
    kept = [p for p in holder.metadata_props if p.key in KEPT]
    del holder.metadata_props[:]
    holder.metadata_props.extend(kept)


def strip(model):
    keep_metadata(model)
    keep_metadata(model.graph)
    for n in model.graph.node:
        n.doc_string = ''
        keep_metadata(n)
    for v in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        keep_metadata(v)
    noted = [v for v in model.graph.value_info if v.metadata_props]
    del model.graph.value_info[:]
    model.graph.value_info.extend(noted)
    return model


def names_in(model, path):
    """What the file calls a parameter that the module ties under several names."""
    stored = {i.name for i in onnx.load(path).graph.initializer}
    every = list(model.named_parameters(remove_duplicate=False))
    return {name: next((n for n, q in every if q is p and n in stored), name)
            for name, p in model.named_parameters()}


def record(where, name):
    case, export, opset, compared = FILES[name]
    make, data, target, loss, loss_spec, optimizer, spec, *rest = CASES[case]
    torch.manual_seed(sum(map(ord, case)))
    model, x, t = make().train(), data(), target()
    path = f'{where}/{name}.onnx'
    onnx.save(strip(export(copy.deepcopy(model), x, opset)), path)
    if compared == NOTHING:
        return
    mp.adopt_buffers(model, path)
    args = ['--loss', loss_spec, '--optimizer', spec, *rest, '--steps', str(mp.STEPS)]
    exact = mp.run(copy.deepcopy(model).double(), x.double() if x.is_floating_point() else x,
                   t, loss, optimizer, args)
    got = mp.run(model, x, t, loss, optimizer, args)
    called = names_in(model, path)
    arrays = {}
    for key, value in got.items():
        kind, _, parameter = key.partition('/')
        stored = f'{kind}/{called.get(parameter, parameter)}' if parameter else key
        arrays.update({stored: value, f'err/{stored}': np.abs(value - exact[key]).max()})
    arrays.update({'input/x': x.numpy(), 'target': t.numpy(), 'args': json.dumps(args)})
    if compared == LOSSES:
        arrays['only'] = np.array(['loss'])
    np.savez_compressed(f'{where}/{name}.npz', **arrays)


def main():
    warnings.filterwarnings('ignore')
    for name in sys.argv[2:] or FILES:
        record(sys.argv[1], name)


if __name__ == '__main__':
    main()
