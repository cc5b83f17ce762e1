#!/usr/bin/env python3
"""The report's thin_total, computed again from plans with and without what it is of. And whose
gradient it says is whole in memory, beside the buffers.

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
    ['adam', '--batch', '8', '--low-rank', '2:3.*', '--sketch', '0.2'],
    ['adam', '--batch', '8', '--low-rank', '2', '--ram', '50K'],
    ['adam:clip_norm=1', '--batch', '8', '--low-rank', '2'],
]
# Of the model's matrices, and of nothing else's gradient.
BYTES = {'0.weight': 16 * 3 * 5 * 4, '3.weight': 32 * 16 * 5 * 4, '6.weight': 32 * 32 * 3 * 4,
         '12.weight': 5 * 32 * 4}
THIN = {'low-rank': '--low-rank', 'sketch': '--sketch'}
BUDGET = ('--ram',)


def plan(tool, model, optimizer, *options):
    r = subprocess.run([tool, 'plan', model, '--loss', 'cross-entropy', '--json', '--optimizer',
                        optimizer, *options], capture_output=True, text=True)
    if r.returncode:
        sys.exit(f'{optimizer} {options}: {r.stderr}')
    return json.loads(r.stdout)


def without(options, left_out):
    return [word for i, word in enumerate(options)
            if word not in left_out and (not i or options[i - 1] not in left_out)]


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


def less(whole, thin):
    state = whole['state_bytes'] - thin['state_bytes']
    return {
        'gradient_bytes_saved': most_gradients(whole) - most_gradients(thin),
        'optimizer_bytes_saved': state,
        'saved_bytes': whole['arena_bytes'] - thin['arena_bytes'] + state,
        'flops': thin['flops'] - whole['flops'],
    }


def gradient_sizes(report):
    """Of all buffers of gradients, those of loops too, and of what is a part of one."""
    sizes = set()
    for b in report['buffers']:
        if b['class'] == 'gradients':
            sizes.update([b['bytes']] + [p['high'] - p['low'] for p in b['parts']])
    for loop in report['steps']:
        if 'buffers' in loop:
            sizes |= gradient_sizes(loop)
    return sizes


def check_gradients(report, options):
    """The words of those that are granted, by the plan."""
    said = {t['parameter']: t['gradient'] for t in report['thin'] if 'why' not in t}
    sizes = gradient_sizes(report)
    again = {name: 'whole' if BYTES[name] in sizes else 'thin' for name in said}
    expect(said == again, f'{options}: gradients are {said}, by the buffers {again}')
    return set(said.values())


def check(tool, model, options):
    """Each option, and both, beside neither: before any budget."""
    total = plan(tool, model, *options)['thin_total']
    free = without(options, BUDGET)
    asked = [name for name, option in THIN.items() if option in options]
    whole = plan(tool, model, *without(free, THIN.values()))
    again = [{'of': name, **less(whole, plan(tool, model, *without(
        free, [option for other, option in THIN.items() if other != name])))} for name in asked]
    if len(asked) > 1:
        again.append({'of': 'all', **less(whole, plan(tool, model, *free))})
    expect(total == again, f'{options}: thin_total is {total}, by other plans {again}')
    return total[-1]


def main():
    tool, source = sys.argv[1:3]
    model = f'{source}/examples/gestures/gestures.onnx'
    totals = [check(tool, model, options) for options in RUNS]
    words = [check_gradients(plan(tool, model, *options), options) for options in RUNS]
    expect(set().union(*words) == {'whole', 'thin'}, f'both are met: {words}')
    expect(any(t['gradient_bytes_saved'] > 0 for t in totals), 'gradients are saved somewhere')
    expect(any(t['optimizer_bytes_saved'] > 0 for t in totals), 'and state')
    return bool(wrong)


if __name__ == '__main__':
    sys.exit(main())
