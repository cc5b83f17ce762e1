#!/usr/bin/env python3
"""scikit-learn's models as skl2onnx writes them, with what ONNX Runtime computes beside each.

    make_sklearn.py DIR

Needs scikit-learn, skl2onnx and onnxruntime from PyPI; the files in the tree are of 1.9, 1.20 and
1.32. NAME.npz has the inputs, X, and the outputs by their names: a label that is a string as
its place among the classes, a map as its columns.
"""
import sys
import warnings

import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer, Normalizer, StandardScaler
from sklearn.svm import LinearSVC

rng = np.random.default_rng(1)
X = rng.normal(size=(240, 5)).astype('f4')
TWO = (X[:, 0] + X[:, 1] ** 2 > 1).astype('i8')
THREE = TWO + (X[:, 2] > .5)
NAMES = np.array(['ant', 'bee', 'cow'])
GAPS = X.copy()
GAPS[::7, 2] = np.nan


def perceptron(**settings):
    return MLPClassifier((6,), max_iter=30, random_state=1, **settings)


# A name, what is fitted to what, and whether the probabilities come as a map (None: there are none).
MODELS = [
    ('logistic', LogisticRegression(), X, TWO, False),
    ('multinomial', LogisticRegression(), X, NAMES[THREE], True),
    ('one-vs-rest', OneVsRestClassifier(LogisticRegression()), X, THREE, False),
    ('svc', LinearSVC(), X, THREE + 3, None),
    ('perceptron', perceptron(), X, TWO, False),
    ('scaled', make_pipeline(StandardScaler(), perceptron(activation='tanh')), X, NAMES[THREE], True),
    ('unit-l1', make_pipeline(Normalizer('l1'), LogisticRegression()), X, TWO, False),
    ('unit-l2', make_pipeline(Normalizer('l2'), LogisticRegression()), X, THREE, True),
    ('unit-max', make_pipeline(Normalizer('max'), LinearRegression()), X, X[:, :2], None),
    ('gaps', make_pipeline(SimpleImputer(), Ridge()), GAPS, X[:, 3], None),
    ('signs', make_pipeline(Binarizer(threshold=.2), LinearRegression()), X, X[:, :2], None),
    ('regression', MLPRegressor(hidden_layer_sizes=(6,), max_iter=30, random_state=1), X, X[:, 4], None),
]


def as_array(values):
    """A list of maps as their columns; strings as places."""
    if isinstance(values, list):
        values = np.array([list(v.values()) for v in values], 'f4')
    if values.dtype.kind in 'OU':
        values = np.searchsorted(NAMES, values.astype(str))
    return values


def main():
    folder = sys.argv[1]
    warnings.filterwarnings('ignore')
    for name, model, x, y, as_map in MODELS:
        model.fit(x, y)
        m = to_onnx(model, x[:1], target_opset=17, options=None if as_map is None else {'zipmap': as_map})
        with open(f'{folder}/{name}.onnx', 'wb') as f:
            f.write(m.SerializeToString())
        session = onnxruntime.InferenceSession(m.SerializeToString())
        outputs = {o.name: as_array(v) for o, v in zip(session.get_outputs(), session.run(None, {'X': x[:8]}))}
        np.savez(f'{folder}/{name}.npz', X=x[:8], **outputs)


if __name__ == '__main__':
    main()
