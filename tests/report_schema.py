#!/usr/bin/env python3
"""Holds reports against the table of their fields, report_schema.md.

    report_schema.py THIMBLE SOURCE_DIR

Every field of every report must be in the table, of its type, in its order; what the table says is there
must be there; and every row of the table must have been met in some report.
"""
import json
import os
import re
import subprocess
import sys

from expect import expect, wrong

CONDITIONS = {'always', 'loss', 'ram', 'limit', 'budget', 'misfit', 'explain', 'sweep', 'loop', 'asked',
              'refused', 'granted', 'code', 'weighed'}
met = set()


def is_type(kind, v):
    if kind.startswith('list of '):
        return isinstance(v, list) and all(is_type(kind[8:], x) for x in v)
    return {'text': lambda: isinstance(v, str), 'truth': lambda: isinstance(v, bool),
            'whole': lambda: isinstance(v, int) and not isinstance(v, bool),
            'real': lambda: isinstance(v, (int, float)) and not isinstance(v, bool),
            'list': lambda: isinstance(v, list), 'object': lambda: isinstance(v, dict)}[kind]()


class Schema:
    def __init__(self, path):
        self.row = {}
        for line in open(path):
            cells = [c.strip() for c in line.strip().strip('|').split('|')]
            if not line.startswith('| `'):
                continue
            expect(len(cells) == 5 and cells[3] in CONDITIONS, f'a row of the table: {line}')
            self.row[cells[0].strip('`')] = (cells[1], cells[3])

    def children(self, path):
        """The names below a path, with the path whose row tells of each."""
        found = {}
        for row in self.row:
            head, _, name = row.rpartition('.')
            if head == path:
                found[name] = row
        return found

    def at(self, row):
        """The row's type, and where its own fields are listed."""
        kind, _ = self.row[row]
        if kind.startswith('as `'):
            return self.at(kind[4:-1])
        return kind, row


def walk_list(schema, where, row, values, facts):
    for i, v in enumerate(values):
        if isinstance(v, dict):
            walk(schema, f'{where}[{i}]', row + '[]', v, facts)


def walk(schema, where, row, o, facts):
    known = schema.children(row)
    if row == 'steps[].steps[]':
        # Steps of a loop are steps, with a field more.
        known = {**schema.children('steps[]'), **known}
    facts = {**facts, 'loop': o.get('op') == 'Scan', 'refused': 'why' in o,
             'granted': 'why' not in o}
    expect(not set(o) - set(known), f'{where}: not in the table: {set(o) - set(known)}')
    wanted = [n for n, r in known.items() if facts[schema.row[r][1]]]
    expect([n for n in o if n in known] == wanted, f'{where}: {list(o)}, expected {wanted}')
    for name, v in o.items():
        if name not in known:
            continue
        met.add(known[name])
        kind, of = schema.at(known[name])
        at = f'{where}.{name}' if where else name
        expect(is_type(kind, v), f'{at} is no {kind}: {v!r}')
        if isinstance(v, dict):
            walk(schema, at, of, v, facts)
        elif kind == 'list':
            walk_list(schema, at, of, v, facts)


def check_names(words, buffers):
    """What the compiler made has a name of its own that says what it is."""
    names = [b['name'] for b in buffers]
    expect(len(names) == len(set(names)), f'{words}: two buffers of one name')
    expect(not any(re.fullmatch(r'_\d+', n) for n in names), f'{words}: {names}')


def report(thimble, words):
    r = subprocess.run([thimble, 'plan', *words, '--json'], capture_output=True, text=True)
    expect(r.stdout and (r.returncode == 0) == ('--ram 8K' not in ' '.join(words)), f'{words}: {r.stderr}')
    return json.loads(r.stdout)


def has_llvm(thimble, model):
    return subprocess.run([thimble, 'plan', model, '--code'], capture_output=True).returncode == 0


def main():
    thimble, source = sys.argv[1:]
    schema = Schema(os.path.join(source, 'tests/report_schema.md'))
    gestures = os.path.join(source, 'examples/gestures/gestures.onnx')
    dense = os.path.join(source, 'tests/models/parity/dense-one.onnx')
    ce = ['--loss', 'cross-entropy']
    coded = [[dense, '--target', 'cortex-m4', '--code']] if has_llvm(thimble, dense) else []
    if not coded:
        schema.row = {r: c for r, c in schema.row.items() if not r.startswith('flash')}
    for words in ([gestures], [gestures, *ce, '--batch', '8', '--sweep', '--explain'],
                  [gestures, *ce, '--batch', '8', '--ram', '90K'], [gestures, *ce, '--ram', '8K'],
                  [gestures, *ce, '--batch', '8', '--max-recompute', '3'], [gestures, '--ram', '1M'],
                  [gestures, *ce, '--batch', '16', '--micro-batch', '4'], [dense, *ce],
                  [dense, *ce, '--optimizer', 'adam', '--low-rank', '3'],
                  [dense, *ce, '--optimizer', 'adam', '--low-rank', '3', '--explain'],
                  [dense, *ce, '--optimizer', 'adam', '--low-rank', '3', '--sketch', '0.3'], *coded):
        loss = '--loss' in words
        o = report(thimble, words)
        facts = {'always': True, 'loss': loss, 'ram': '--ram' in words, 'limit': '--max-recompute' in words,
                 'explain': '--explain' in words, 'sweep': '--sweep' in words,
                 'misfit': '8K' in words, 'asked': '--low-rank' in words, 'code': '--code' in words}
        facts['budget'] = facts['ram'] or facts['limit']
        walk(schema, '', '', o, facts)
        for buffers in [o['buffers']] + [s['buffers'] for s in o['steps'] if 'parts' in s]:
            check_names(words, buffers)
        names = {b['name'] for b in o['buffers']}
        expect(not loss or any(n.startswith('grad_') for n in names), f'{words}: no gradient in {names}')
    expect(not set(schema.row) - met, f'never met: {set(schema.row) - met}')
    return bool(wrong)


if __name__ == '__main__':
    sys.exit(main())
