#!/usr/bin/env python3
"""Makes the bundled model: a small 1-D convolutional network, untrained.

    make_model.py [FILE]

Needs PyTorch (Debian: python3-torch, python3-onnx). The export is the one that README
recommends: training mode, nothing folded, a static batch.
"""
import sys
import torch
from torch import nn


def build():
    torch.manual_seed(7)
    return nn.Sequential(
        nn.Conv1d(3, 16, 5, stride=2, padding=2), nn.BatchNorm1d(16), nn.ReLU(),
        nn.Conv1d(16, 32, 5, stride=2, padding=2), nn.BatchNorm1d(32), nn.ReLU(),
        nn.Conv1d(32, 32, 3, stride=2, padding=1), nn.BatchNorm1d(32), nn.ReLU(),
        nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Dropout(0.1), nn.Linear(32, 5))


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else 'gestures.onnx'
    torch.onnx.export(build().train(), torch.zeros(16, 3, 64), path,
                      training=torch.onnx.TrainingMode.TRAINING,
                      do_constant_folding=False, opset_version=17,
                      input_names=['acceleration'], output_names=['gesture'])


if __name__ == '__main__':
    main()
