#!/usr/bin/env python3
"""Placement on given and on generated instances, as CSV.

    pack.py THIMBLE [FILE[:CAPACITY]]... [--generate N]... [--nodes N]

FILE has the columns id, lower, upper, size. Without a capacity the lowest
height is looked for. --generate N cuts a rectangle into N items, so that the
lowest height is known. Every answer is checked by a sweep here. One row for
each instance: items, largest live sum, height, height over live sum, proved
lower bound, seconds, nodes. Exit status 1 if an answer is wrong or misses its
capacity.
"""
import argparse
import bisect
import csv
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time


def read(path):
    with open(path, newline='') as f:
        return list(csv.DictReader(f))


def generate(path, n, seed):
    """Cuts a square into n items by cuts from side to side."""
    rng = random.Random(seed)
    todo, items = [(n, 0, 1 << 30, 0, 1 << 30)], []
    while todo:
        k, lower, upper, low, high = todo.pop()
        if k == 1:
            items.append((lower, upper, high - low))
            continue
        first = rng.randint(max(1, k // 3), max(1, k // 2))
        across = rng.random() < 0.5 and upper - lower > k
        if across or high - low <= k:
            at = rng.randint(lower + (upper - lower) // 4,
                             upper - (upper - lower) // 4)
            todo += [(first, lower, at, low, high),
                     (k - first, at, upper, low, high)]
        else:
            at = rng.randint(low + (high - low) // 4, high - (high - low) // 4)
            todo += [(first, lower, upper, low, at),
                     (k - first, lower, upper, at, high)]
    rng.shuffle(items)
    with open(path, 'w', newline='') as f:
        writer = csv.writer(f, lineterminator='\n')
        writer.writerow(['id', 'lower', 'upper', 'size'])
        writer.writerows([i, *item] for i, item in enumerate(items))


def judge(rows):
    """The largest live sum, the height, and whether any two overlap."""
    events = []
    for r in rows:
        item = (int(r['offset']), int(r['size']), r['id'])
        if item[1]:
            events += [(int(r['lower']), 1, item), (int(r['upper']), 0, item)]
    live, total, most, clash = [], 0, 0, False
    for _, begins, item in sorted(events):
        at = bisect.bisect_left(live, item)
        if not begins:
            live.pop(at)
            total -= item[1]
            continue
        total += item[1]
        most = max(most, total)
        live.insert(at, item)
        for a, b in zip(live[max(at - 1, 0):at + 2], live[max(at, 1):at + 2]):
            clash |= a[0] + a[1] > b[0]
    height = max((int(r['offset']) + int(r['size']) for r in rows), default=0)
    return most, height, clash


def run(thimble, path, capacity, nodes):
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, 'out.csv')
        command = [thimble, 'pack', path, '--json', '-o', out]
        if capacity:
            command += ['--capacity', capacity]
        if nodes:
            command += ['--nodes', str(nodes)]
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        start = time.time()
        done = subprocess.run(command, capture_output=True, text=True,
                              check=False)
        wall = time.time() - start
        cpu = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
        if not done.stdout:
            sys.exit(f'{path}: {done.stderr}')
        return json.loads(done.stdout), read(out), wall, cpu


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('thimble')
    parser.add_argument('files', nargs='*')
    parser.add_argument('--generate', type=int, action='append', default=[])
    parser.add_argument('--nodes', type=int)
    args = parser.parse_args()
    writer = csv.writer(sys.stdout, lineterminator='\n')
    writer.writerow(['instance', 'items', 'live', 'capacity', 'height',
                     'height/live', 'bound', 'seconds', 'cpu', 'nodes'])
    bad, total = 0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        for n in args.generate:
            path = os.path.join(folder, f'cut{n}.csv')
            generate(path, n, n)
            args.files.append(path)
        for spec in args.files:
            path, _, capacity = spec.partition(':')
            said, rows, wall, cpu = run(args.thimble, path, capacity,
                                        args.nodes)
            live, height, clash = judge(rows)
            right = height == said['height'] and not clash and said['fits']
            bad += not right
            total += cpu
            writer.writerow([os.path.basename(path), len(rows), live, capacity,
                             height, f'{height / max(live, 1):.6f}',
                             said['lower_bound'], f'{wall:.3f}', f'{cpu:.3f}',
                             said['nodes']] + ([] if right else ['WRONG']))
            sys.stdout.flush()
    print(f'# {bad} wrong, {total:.3f} s of CPU', file=sys.stderr)
    return bad > 0


if __name__ == '__main__':
    sys.exit(main())
