#!/usr/bin/env python3
"""How far sketches are off, on data with a power law, beside what is proved of them.

    sketch_error.py [--rows 33278] [--picture FILE.svg] > rows.csv

Row i of a table of so many has the value i^-a (in a random order; with random signs where the
sketch has signs). All are added to a sketch of three tables, by the hashes of ir/sketch.c, and
asked for again. Rows: kind, exponent a, ratio (elements of the sketch over those of the table),
width, median error, the error that all but 5 % of the rows stay below, and the bound that each
row stays below with that probability. Errors are parts of the norm in the theorem (Cormode,
Muthukrishnan 2005; Charikar, Chen, Farach-Colton 2002): of the sum of all values for the least of
the tables, of the Euclidean norm for their median.

With depth v and width w, for each row: P(error > k / w) <= k^-v in the first case, by Markov's
inequality in each table; in the second P(error > sqrt(k / w)) <= P(more than half of v tables are
off), each with a probability of at most 1 / k (Chebyshev). k is what makes that 5 %.
It is an error if more than 5 % of the rows are above the bound.
"""
import argparse
import csv
import math
import sys

import numpy as np

A = np.array([0x243f6a89, 0x85a308d3, 0x13198a2f, 0x03707345, 0xa4093823, 0x299f31d1], np.uint64)
B = np.array([0x082efa98, 0xec4e6c89, 0x452821e6, 0x38d01377, 0xbe5466cf, 0x34e90c6c], np.uint64)
LOW = np.uint64(0xffffffff)
DEPTH, BEYOND = 3, 0.05


def hashes(rows, which):
    h = rows * A[which] + B[which] & LOW
    h = (h ^ h >> np.uint64(16)) * np.uint64(0x85ebca6b) & LOW
    h = (h ^ h >> np.uint64(13)) * np.uint64(0xc2b2ae35) & LOW
    return h ^ h >> np.uint64(16)


def buckets(rows, j, width):
    return (hashes(rows, j) * np.uint64(width) >> np.uint64(32)).astype(int)


def signs(rows, j):
    return 2.0 * (hashes(rows, DEPTH + j) & np.uint64(1)) - 1


def least(values, width):
    """Of each row, by the smallest of its buckets."""
    rows = np.arange(len(values), dtype=np.uint64)
    found = []
    for j in range(DEPTH):
        b = buckets(rows, j, width)
        found.append(np.bincount(b, values, width)[b])
    return np.min(found, 0)


def median(values, width):
    rows = np.arange(len(values), dtype=np.uint64)
    found = []
    for j in range(DEPTH):
        b, s = buckets(rows, j, width), signs(rows, j)
        found.append(s * np.bincount(b, s * values, width)[b])
    return np.median(found, 0)


def more_than_half(p):
    return sum(math.comb(DEPTH, i) * p ** i * (1 - p) ** (DEPTH - i) for i in range(DEPTH // 2 + 1, DEPTH + 1))


def tail_of_median():
    """1 / k where the median is off in 5 % of all cases."""
    low, high = 0.0, 0.5
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if more_than_half(middle) < BEYOND else (low, middle)
    return low


def bound(kind, width):
    return BEYOND ** (-1 / DEPTH) / width if kind == 'least' else math.sqrt(1 / tail_of_median() / width)


def measure(kind, exponent, ratio, rows, random):
    values = np.arange(1, rows + 1) ** -exponent
    random.shuffle(values)
    width = max(1, int(ratio * rows / DEPTH))
    if kind == 'median':
        values *= random.choice([-1.0, 1.0], rows)
        error = abs(median(values, width) - values) / np.linalg.norm(values)
    else:
        error = (least(values, width) - values) / values.sum()
    return width, float(np.median(error)), float(np.quantile(error, 1 - BEYOND)), bound(kind, width)


# ---- the picture ----

WIDTH, HEIGHT, MARGIN = 640, 400, 56
COLOURS = ['#1b6ca8', '#c1440e', '#2e7d32']


def place(points):
    """From (ratio, error) to the picture; both axes are logarithmic."""
    xs, ys = ([math.log10(p[i]) for p in points if p[1] > 0] for i in range(2))
    x0, x1, y0, y1 = min(xs), max(xs), math.floor(min(ys)), math.ceil(max(ys))
    return (lambda x: MARGIN + (math.log10(x) - x0) / (x1 - x0) * (WIDTH - 2 * MARGIN),
            lambda y: HEIGHT - MARGIN - (math.log10(y) - y0) / (y1 - y0) * (HEIGHT - 2 * MARGIN), y0, y1)


def line(points, x, y, colour, dashed):
    path = ' '.join(f'{x(r):.1f},{y(e):.1f}' for r, e in points if e > 0)
    return (f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"'
            + (' stroke-dasharray="5 4"' if dashed else '') + '/>')


def picture(rows, path):
    curves = {}
    for kind, exponent, ratio, _, _, most, limit in rows:
        curves.setdefault((kind, exponent), []).append((ratio, most))
        curves.setdefault((kind, 'bound'), []).append((ratio, limit))
    x, y, y0, y1 = place([p for c in curves.values() for p in c])
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
           'font-family="sans-serif" font-size="11">', '<rect width="100%" height="100%" fill="white"/>']
    for e in range(y0, y1 + 1):
        out.append(f'<text x="{MARGIN - 6}" y="{y(10.0 ** e) + 4:.1f}" text-anchor="end">1e{e}</text>'
                   f'<path d="M{MARGIN} {y(10.0 ** e):.1f}H{WIDTH - MARGIN}" stroke="#ddd"/>')
    for ratio in sorted({r[2] for r in rows}):
        out.append(f'<text x="{x(ratio):.1f}" y="{HEIGHT - MARGIN + 16}" text-anchor="middle">{ratio:g}</text>')
    for i, ((kind, exponent), points) in enumerate(curves.items()):
        exponents = sorted({r[1] for r in rows})
        colour = '#555' if exponent == 'bound' else COLOURS[exponents.index(exponent) % len(COLOURS)]
        out.append(line(sorted(set(points)), x, y, colour, kind == 'median'))
        name = kind + (' (dashed), ' if kind == 'median' else ', ') + \
            ('bound' if exponent == 'bound' else f'i^-{exponent:g}')
        out.append(f'<text x="{WIDTH - 206}" y="{20 + 13 * i}" fill="{colour}">{name}</text>')
    out.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 14}" text-anchor="middle">ratio; error that 95 % of the rows '
               'stay below, by the norm</text></svg>')
    with open(path, 'w') as f:
        f.write('\n'.join(out) + '\n')


def main():
    p = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    p.add_argument('--rows', type=int, default=33278, help='of the table: the words of wikitext-2')
    p.add_argument('--exponents', default='0.5,1,1.5')
    p.add_argument('--ratios', default='0.01,0.05,0.1,0.2,0.5')
    p.add_argument('--picture')
    args = p.parse_args()
    random = np.random.default_rng(1)
    rows = [(kind, exponent, ratio, *measure(kind, exponent, ratio, args.rows, random))
            for kind in ('least', 'median')
            for exponent in map(float, args.exponents.split(','))
            for ratio in map(float, args.ratios.split(','))]
    out = csv.writer(sys.stdout)
    out.writerow(['kind', 'exponent', 'ratio', 'width', 'median', '95 %', 'bound'])
    for row in rows:
        out.writerow([*row[:4], *(f'{x:.3g}' for x in row[4:])])
    if args.picture:
        picture(rows, args.picture)
    return any(row[5] > row[6] for row in rows)


sys.exit(main())
