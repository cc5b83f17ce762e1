#!/usr/bin/env python3
"""The report's thin_total, computed again from plans with and without what it is of.

    thin_total.py THIMBLE SOURCE_DIR
"""
import json
import subprocess
import sys

from expect import expect, wrong

RUNS = [
    ['adam', '--batch', '8', '--low-rank', '2'],
    ['momentum', '--batch', '8', '--low-rank', '2,form=mofasgd'],
    ['adam', '--batch', '4', '--low-rank', '2,form=factors', '--micro-batch', '2'],
    ['sgd', '--batch', '8', '--low-rank', '2,form=streaming'],
    ['rmsprop', '--batch', '8', '--sketch', '0.3'],
]


def plan(tool, model, optimizer, *options):
    r = subprocess.run([tool, 'plan', model, '--loss', 'cross-entropy', '--json', '--optimizer',
                        optimizer, *options], capture_output=True, text=True)
    if r.returncode:
        sys.exit(f'{optimizer} {options}: {r.stderr}')
    return json.loads(r.stdout)


def without_thin(options):
    left, skip = [], False
    for word in options:
        if not skip and word not in ('--low-rank', '--sketch'):
            left.append(word)
        skip = word in ('--low-rank', '--sketch')
    return left


def most_gradients(report):
    """Bytes of gradients at the step that has most of them, by when each begins and ends."""
    change = {}
    for b in report['buffers']:
        if b['class'] == 'gradients':
            change[b['first']] = change.get(b['first'], 0) + b['bytes']
            change[b['last'] + 1] = change.get(b['last'] + 1, 0) - b['bytes']
    most = now = 0
    for step in sorted(change):
        now += change[step]
        most = max(most, now)
    return most


def check(tool, model, options):
    total = plan(tool, model, *options, '--explain')['thin_total']
    thin, whole = plan(tool, model, *options), plan(tool, model, *without_thin(options))

    def less(key):
        return whole[key] - thin[key]
    again = {
        'gradient_bytes_saved': most_gradients(whole) - most_gradients(thin),
        'optimizer_bytes_saved': less('state_bytes'),
        'saved_bytes': less('arena_bytes') + less('state_bytes'),
        'flops': -less('flops'),
    }
    expect(total == again, f'{options}: thin_total is {total}, by two plans {again}')
    return total


def main():
    tool, source = sys.argv[1:3]
    model = f'{source}/examples/gestures/gestures.onnx'
    totals = [check(tool, model, options) for options in RUNS]
    expect(any(t['gradient_bytes_saved'] > 0 for t in totals), 'gradients are saved somewhere')
    expect(any(t['optimizer_bytes_saved'] > 0 for t in totals), 'and state')
    return bool(wrong)


if __name__ == '__main__':
    sys.exit(main())
