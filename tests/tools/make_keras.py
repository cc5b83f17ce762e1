#!/usr/bin/env python3
"""Models as Keras exports them, with Keras's own training beside each.

    make_keras.py DIR

Needs Keras 3 with TensorFlow and tf2onnx (from PyPI; the files in the tree are of TensorFlow
2.21, Keras 3.15 and tf2onnx 1.17). Arrays as tests/parity.py compares them: the losses alone,
for tf2onnx transposes and joins parameters. They are those of double precision; the error is
what float32 is away from them. Every bias is random: tf2onnx leaves out an addition of zeros.
An LSTM is without bias: ONNX's has two, which learn twice as fast as the one of Keras.
"""
import json
import sys

import keras
import numpy as np
import onnx
import tensorflow as tf
import tf2onnx
from keras import layers

BATCH, STEPS, RATE, CLASSES = 4, 5, 0.1, 5


def attention():
    """An encoder of a transformer; its Gelu becomes Erfc, which ONNX does not have."""
    given = keras.Input((6, 8))
    x = layers.LayerNormalization()(given + layers.MultiHeadAttention(2, 4)(given, given))
    y = layers.Dense(8)(layers.Dense(16, activation='gelu')(x))
    x = layers.LayerNormalization()(x + y)
    return keras.Model(given, layers.Dense(CLASSES)(layers.GlobalAveragePooling1D()(x)))


def sequence(shape, *parts, dtype='float32'):
    return keras.Sequential([keras.Input(shape, dtype=dtype), *parts])


MODELS = {
    'attention': attention,
    'image': lambda: sequence(
        (10, 10, 2), layers.Conv2D(4, 3, activation='relu'), layers.MaxPooling2D(),
        layers.SeparableConv2D(6, 3, padding='same', activation='leaky_relu'), layers.Flatten(),
        layers.Dropout(0.5), layers.Dense(CLASSES, activation='softmax')),
    'signal': lambda: sequence(
        (24, 3), layers.Conv1D(6, 5, padding='causal', dilation_rate=2, activation='tanh'),
        layers.MaxPooling1D(2), layers.GRU(7), layers.Dense(CLASSES)),
    'tokens': lambda: sequence(
        (9,), layers.Embedding(20, 6), layers.Bidirectional(layers.LSTM(5, use_bias=False)),
        layers.Dense(CLASSES, activation='softmax'), dtype='int32'),
}

FROZEN = {'tokens': ['--freeze', 'B__*']}      # the bias that the file has all the same


def weights_of(model, random):
    return [w + 0.1 * random.standard_normal(w.shape) for w in model.get_weights()]


def train(make, dtype, weights, x, y):
    """The losses of the steps, with the layers as they are for inference."""
    keras.config.set_floatx(dtype)
    model = make()
    model.set_weights(weights)
    optimizer = keras.optimizers.SGD(RATE)
    loss = keras.losses.SparseCategoricalCrossentropy(
        from_logits=model.layers[-1].activation != keras.activations.softmax)
    losses = []
    for _ in range(STEPS):
        with tf.GradientTape() as tape:
            value = loss(y, model(x, training=False))
        losses.append(float(value))
        optimizer.apply_gradients(zip(tape.gradient(value, model.trainable_variables),
                                      model.trainable_variables))
    return np.array(losses)


def export(model, path):
    shape, dtype = model.inputs[0].shape[1:], model.inputs[0].dtype
    signature = [tf.TensorSpec([None, *shape], dtype, name='x')]
    call = tf.function(lambda x: model(x, training=False), input_signature=signature)
    made, _ = tf2onnx.convert.from_function(call, input_signature=signature, opset=17)
    for node in made.graph.node:
        node.ClearField('doc_string')
    onnx.save(made, path)


def main():
    folder = sys.argv[1]
    for name, make in MODELS.items():
        random = np.random.default_rng(1)
        keras.utils.set_random_seed(1)
        keras.config.set_floatx('float32')
        model = make()
        shape = (BATCH, *model.inputs[0].shape[1:])
        x = (random.integers(0, 20, shape).astype('int32') if name == 'tokens'
             else random.standard_normal(shape).astype('f4'))
        y = random.integers(0, CLASSES, BATCH)
        weights = [w.astype('f4') for w in weights_of(model, random)]
        model.set_weights(weights)
        export(model, f'{folder}/keras-{name}.onnx')
        exact, single = (train(make, d, weights, x, y) for d in ('float64', 'float32'))
        args = ['--loss', 'cross-entropy', '--optimizer', f'sgd:lr={RATE}',
                '--steps', str(STEPS), '--batch', str(BATCH), *FROZEN.get(name, [])]
        np.savez_compressed(
            f'{folder}/keras-{name}.npz', **{
                'input/x': x, 'target': y, 'loss': exact, 'only': np.array(['loss']),
                'err/loss': np.abs(exact - single).max(), 'args': json.dumps(args)})


if __name__ == '__main__':
    main()
