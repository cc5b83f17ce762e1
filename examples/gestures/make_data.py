#!/usr/bin/env python3
"""Makes the bundled data: gestures of a hand seen by a 3-axis accelerometer.

    make_data.py [DIR]

Writes {train,test}-{x,y}.npy: x is int8 [N,3,64] (64 samples at 50 Hz, 1/32 g per
unit), y is uint8 [N], one of rest, shake, circle, tap, swing. Each recording has its own
orientation, speed, strength and sensor noise. Needs numpy; the same bytes every time.
"""
import sys
import numpy as np

CLASSES = ('rest', 'shake', 'circle', 'tap', 'swing')
TIME = np.arange(64) / 50.0


def rotation(rng):
    """A random rotation within 35 degrees of upright."""
    axis = rng.normal(size=3)
    axis /= np.linalg.norm(axis)
    angle = rng.uniform(0, np.radians(35))
    k = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * k @ k


def motion(kind, rng):
    """Acceleration in g, [3,64], without gravity."""
    a = np.zeros((3, 64))
    phase = rng.uniform(0, 2 * np.pi)
    strength = rng.uniform(0.5, 1.4)
    if kind == 'shake':
        a[0] = strength * np.sin(2 * np.pi * rng.uniform(4, 6.5) * TIME + phase)
    elif kind == 'circle':
        w = 2 * np.pi * rng.uniform(1.2, 2.6)
        turn = rng.choice((-1, 1))
        a[0] = strength * np.cos(w * TIME + phase)
        a[1] = strength * np.sin(turn * w * TIME + phase)
    elif kind == 'tap':
        for start in rng.uniform(0.1, 1.1, size=rng.integers(1, 4)):
            late = np.maximum(TIME - start, 0)
            ring = np.exp(-late / 0.03) * np.cos(2 * np.pi * 14 * late)
            a[2] += 2 * strength * (TIME >= start) * ring
    elif kind == 'swing':
        a[1] = strength * np.sin(2 * np.pi * rng.uniform(0.7, 1.5) * TIME + phase)
    return a


def recording(kind, rng):
    gravity = np.array([[0.0], [0.0], [1.0]])
    a = rotation(rng) @ (motion(kind, rng) + gravity)
    a += rng.normal(scale=0.12, size=a.shape)
    return np.clip(np.rint(a * 32), -128, 127).astype(np.int8)


def make(n, seed):
    rng = np.random.Generator(np.random.PCG64(seed))
    y = rng.permutation(np.arange(n) % len(CLASSES)).astype(np.uint8)
    x = np.stack([recording(CLASSES[c], rng) for c in y])
    return x, y


def main():
    where = sys.argv[1] if len(sys.argv) > 1 else '.'
    for name, n, seed in (('train', 960, 1), ('test', 320, 2)):
        x, y = make(n, seed)
        np.save(f'{where}/{name}-x.npy', x)
        np.save(f'{where}/{name}-y.npy', y)


if __name__ == '__main__':
    main()
