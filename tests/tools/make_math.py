#!/usr/bin/python3
"""The coefficients of runtime/math*: prints them, and what error they leave.

A polynomial P of n terms is the one whose weighted error, weight * (P - f), is
the least over an interval (Remez's exchange). Coefficients are rounded to
float one at a time, the lowest power first, and the others fitted again to what
that left. Errors are printed as a power of 2, and are relative to the whole
function, not to P.

    make_math.py [NAME...]
"""
import sys

import mpmath as mp
import numpy as np

mp.mp.dps = 100
GRID = 1500


def remez(f, weight, basis, x):
    """Coefficients of least max |weight (basis c - f)| over the points x."""
    n = basis.shape[1]
    at = np.round((1 - np.cos(np.pi * np.arange(n + 1) / n)) / 2 * (len(x) - 1)).astype(int)
    sign = (-1.0) ** np.arange(n + 1)
    for _ in range(40):
        a = np.column_stack([basis[at], sign / weight[at]])
        c = np.linalg.solve(a, f[at])[:n]
        e = weight * (basis @ c - f)
        # The largest error of each run of one sign; n + 1 neighbours of these.
        cuts = np.flatnonzero(np.diff(np.sign(e)) != 0) + 1
        peaks = [r[np.argmax(abs(e[r]))] for r in np.split(np.arange(len(x)), cuts)]
        while len(peaks) > n + 1:
            peaks.pop(0 if abs(e[peaks[0]]) < abs(e[peaks[-1]]) else -1)
        if len(peaks) < n + 1 or list(peaks) == list(at):
            break
        at = np.array(peaks)
    return c, np.max(abs(e))


def fit(name, f, lo, hi, terms, weight, given=()):
    """f over [lo, hi] as a polynomial whose first coefficients are given."""
    x = (lo + hi) / 2 - (hi - lo) / 2 * np.cos(np.pi * (np.arange(GRID) + 0.5) / GRID)
    y = np.array([float(f(mp.mpf(t))) for t in x])
    w = np.array([float(weight(mp.mpf(t))) for t in x])
    basis = x[:, None] ** np.arange(terms)
    done = list(given)
    for i in range(len(done), terms):
        rest = y - basis[:, :i] @ np.array(done + [0.0])[:i]
        c, _ = remez(rest, w, basis[:, i:], x)
        done.append(float(np.float32(c[0])))
    error = np.max(abs(w * (basis @ np.array(done) - y)))
    print(f'{name}: [{lo:.6g}, {hi:.6g}], error 2^{np.log2(error):.1f}')
    for c in done:
        print(f'\t{np.float32(c):.9e}f,')


def split(name, x, bits):
    """A constant in parts: all but the last have so many bits."""
    print(f'{name}:')
    for b in bits:
        part = mp.mpf(float(np.float32(float(x)))) if b == 24 else \
            mp.floor(x * mp.mpf(2) ** (b - 1 - mp.floor(mp.log(abs(x), 2)))) / \
            mp.mpf(2) ** (b - 1 - mp.floor(mp.log(abs(x), 2)))
        print(f'\t{float(part):.9e}f,')
        x -= part


def digits(name, x, words):
    """The binary digits of x < 1, 32 in a word."""
    print(f'{name}:')
    for _ in range(words):
        x *= mp.mpf(2)**32
        print(f'\t{int(mp.floor(x)):#010x}u,')
        x -= mp.floor(x)


def odd(f):
    """P of f(x) = x + x z P(z), z = x^2."""
    return lambda z: (f(mp.sqrt(z)) / mp.sqrt(z) - 1) / z if z else mp.mpf(0)


def of_odd(f):
    return lambda z: z * mp.sqrt(z) / f(mp.sqrt(z))


def tail(t):
    """-ln erfc(t) = t (1 + tail(t))"""
    return -mp.log(mp.erfc(t)) / t - 1


HALF_LN2 = 0.3466 * 1.0005
QUARTER = 0.78540 ** 2
FITS = {
    'ln2': lambda n: split(n, mp.log(2), (16, 24)),
    'exp': lambda n: fit(n, lambda r: (mp.expm1(r) - r) / r**2, -HALF_LN2, HALF_LN2, 6, lambda r: abs(r**2 / mp.expm1(r))),
    'log': lambda n: fit(n, lambda w: (2 * mp.atanh(mp.sqrt(w)) / mp.sqrt(w) - 2) / w, 1e-9, 0.0401, 3, lambda w: w / 2),
    'tanh': lambda n: fit(n, odd(mp.tanh), 1e-9, 0.5493**2, 5, of_odd(mp.tanh)),
    'erf': lambda n: fit(n, lambda z: mp.erf(mp.sqrt(z)) / mp.sqrt(z) - 1, 1e-9, 0.75**2, 6,
                         lambda z: mp.sqrt(z) / mp.erf(mp.sqrt(z))),
    'erf_tail': lambda n: fit(n, tail, 0.75, 3.95, 7, lambda t: t * mp.erfc(t)),
    'sin': lambda n: fit(n, odd(mp.sin), 1e-9, QUARTER, 4, of_odd(mp.sin)),
    'cos': lambda n: fit(n, lambda z: (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2, 1e-9, QUARTER, 3,
                         lambda z: z**2 / mp.cos(mp.sqrt(z))),
    'asin': lambda n: fit(n, odd(mp.asin), 1e-9, 0.25, 5, of_odd(mp.asin)),
    'atan': lambda n: fit(n, odd(mp.atan), 1e-9, 0.41422**2, 5, of_odd(mp.atan)),
    'sinh': lambda n: fit(n, odd(mp.sinh), 1e-9, 1, 4, of_odd(mp.sinh)),
    'asinh': lambda n: fit(n, odd(mp.asinh), 1e-9, 0.25, 5, of_odd(mp.asinh)),
    'acosh': lambda n: fit(n, lambda t: (mp.acosh(1 + t) / mp.sqrt(2 * t) - 1) / t, 1e-9, 0.5, 5,
                           lambda t: t * mp.sqrt(2 * t) / mp.acosh(1 + t)),
    'pow': lambda n: fit(n, lambda w: (2 * mp.atanh(mp.sqrt(w)) / mp.sqrt(w) - 2) / w, 1e-9, 0.0401, 4,
                         lambda w: w / 2, given=[2 / 3]),
    'two_thirds': lambda n: split(n, mp.mpf(2) / 3, (24, 24)),
    'half_pi': lambda n: split(n, mp.pi / 2, (24, 24)),
    'two_over_pi': lambda n: digits(n, 2 / mp.pi, 7),
}

for which in sys.argv[1:] or FITS:
    FITS[which](which)
