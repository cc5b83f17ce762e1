#!/usr/bin/env python3
"""Models as jax2onnx exports them from Flax and Equinox, with JAX's own training beside each.

    make_jax.py DIR

Needs JAX, Flax, Equinox and jax2onnx (from PyPI; the files in the tree are of JAX 0.10.2, Flax
0.12.8, Equinox 0.13.8 and jax2onnx 0.17.1). Arrays as tests/parity.py compares them: the losses
alone, for jax2onnx gives parameters names of its own. They are those of double precision; the
error is what float32 is away from them.
"""
import json
import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import onnx
from flax import nnx
from jax2onnx import to_onnx

BATCH, STEPS, RATE, CLASSES = 4, 5, 0.1, 5
RNGS = nnx.Rngs(0)


class Attention(nnx.Module):
    """A block of a transformer, of words."""
    shape, words = (6,), 20

    def __init__(self):
        self.table = nnx.Embed(20, 8, rngs=RNGS)
        self.norm = nnx.LayerNorm(8, rngs=RNGS)
        self.attention = nnx.MultiHeadAttention(2, 8, decode=False, rngs=RNGS)
        self.wide = nnx.Linear(8, 16, rngs=RNGS)
        self.narrow = nnx.Linear(16, CLASSES, rngs=RNGS)

    def __call__(self, x):
        x = self.table(x)
        x = x + self.attention(self.norm(x))
        return self.narrow(nnx.gelu(self.wide(x))).mean(axis=1)


class Image(nnx.Module):
    shape, words = (9, 9, 2), None

    def __init__(self):
        self.first = nnx.Conv(2, 6, (3, 3), strides=2, rngs=RNGS)
        self.depthwise = nnx.Conv(6, 6, (3, 3), feature_group_count=6, rngs=RNGS)
        self.norm = nnx.GroupNorm(6, num_groups=2, rngs=RNGS)
        self.dense = nnx.Linear(6 * 2 * 2, CLASSES, rngs=RNGS)

    def __call__(self, x):
        x = nnx.hard_swish(self.norm(self.depthwise(nnx.silu(self.first(x)))))
        x = nnx.max_pool(x, window_shape=(2, 2), strides=(2, 2))
        return self.dense(x.reshape(x.shape[0], -1))


class Scan(eqx.Module):
    """A GRU by lax.scan, which becomes a Loop that carries the weights."""
    cell: eqx.nn.GRUCell
    dense: eqx.nn.Linear
    shape, words = (7, 3), None

    def __init__(self):
        one, two = jax.random.split(jax.random.PRNGKey(0))
        self.cell = eqx.nn.GRUCell(3, 6, key=one)
        self.dense = eqx.nn.Linear(6, CLASSES, key=two)

    def __call__(self, x):
        state = jnp.zeros(6, x.dtype)
        state, _ = jax.lax.scan(lambda h, v: (self.cell(v, h), None), state, x)
        return self.dense(state)


MODELS = {'attention': Attention, 'image': Image, 'scan': Scan}


def split(model):
    """A function of parameters and x, and the parameters."""
    if isinstance(model, nnx.Module):
        graph, state = nnx.split(model, nnx.Param)
        return (lambda p, x: nnx.merge(graph, p)(x)), state
    parameters, rest = eqx.partition(model, eqx.is_array)
    return (lambda p, x: jax.vmap(eqx.combine(p, rest))(x)), parameters


def train(call, parameters, dtype, x, y):
    """The losses of the steps."""
    def loss(p):
        scores = jax.nn.log_softmax(call(p, x))
        return -jnp.take_along_axis(scores, y[:, None], 1).mean()
    p = jax.tree.map(lambda w: w.astype(dtype), parameters)
    x = x.astype(dtype) if x.dtype.kind == 'f' else x
    losses = []
    for _ in range(STEPS):
        value, gradient = jax.value_and_grad(loss)(p)
        losses.append(float(value))
        p = jax.tree.map(lambda w, g: w - RATE * g, p, gradient)
    return np.array(losses)


def export(model, x, path):
    call = model if isinstance(model, nnx.Module) else jax.vmap(model)
    made = to_onnx(call, inputs=[jax.ShapeDtypeStruct(x.shape, x.dtype)])
    given = made.graph.input[0].name
    made.graph.input[0].name = 'x'
    for node in made.graph.node:
        node.ClearField('doc_string')
        del node.metadata_props[:]
        node.input[:] = ['x' if name == given else name for name in node.input]
    del made.graph.value_info[:]
    onnx.save(made, path)


def main():
    folder = sys.argv[1]
    for name, make in MODELS.items():
        random = np.random.default_rng(1)
        model = make()
        shape = (BATCH, *make.shape)
        x = (random.integers(0, make.words, shape).astype('int32') if make.words
             else random.standard_normal(shape).astype('f4'))
        y = random.integers(0, CLASSES, BATCH)
        export(model, x, f'{folder}/jax-{name}.onnx')
        call, parameters = split(model)
        single = train(call, parameters, 'float32', x, y)
        with jax.enable_x64(True):
            exact = train(call, parameters, 'float64', x, y)
        args = ['--loss', 'cross-entropy', '--optimizer', f'sgd:lr={RATE}', '--steps', str(STEPS),
                '--batch', str(BATCH)]
        np.savez_compressed(
            f'{folder}/jax-{name}.npz', **{
                'input/x': x, 'target': y, 'loss': exact, 'only': np.array(['loss']),
                'err/loss': np.abs(exact - single).max(), 'args': json.dumps(args)})


if __name__ == '__main__':
    main()
