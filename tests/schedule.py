#!/usr/bin/env python3
"""Holds the schedule as text against the report.

    schedule.py TEXT REPORT.json
"""
import json
import re
import sys

from expect import expect, wrong


def wanted(report):
    """Number, mark of recomputation, live bytes of each row."""
    most = max(s['live_bytes'] for s in report['steps'])
    peak = [s['live_bytes'] for s in report['steps']].index(most)
    for i, s in enumerate(report['steps']):
        if s['view'] and i != peak:
            continue
        yield str(i), s, s['live_bytes'], i == peak, most
        around = s['live_bytes'] - report['buffers'][s['workspace']]['bytes'] if 'parts' in s else 0
        for k, t in enumerate(s.get('steps', [])):
            if not t['view']:
                yield f'{i}.{k}', t, around + t['live_bytes'], False, most


def main():
    text, report = open(sys.argv[1]).read(), json.load(open(sys.argv[2]))
    for line in text.splitlines():
        expect(len(line) <= 80 or 'loss' in line and 'batch' in line, f'{len(line)} columns: {line}')
    rows = text.split('\nschedule of ')[1].splitlines()[2:-1]
    want = list(wanted(report))
    expect(len(rows) == len(want) > 10, f'{len(rows)} rows, of {len(want)}')
    for row, (number, s, live, peak, most) in zip(rows, want):
        m = re.fullmatch(r'([> ])([* ]) *([\d.]+) (.*) +(\d+) (#*)', row)
        expect(m, row)
        if not m:
            continue
        expect(m[3] == number and m[5] == str(live), f'{row}: expected {number} with {live} bytes')
        expect((m[1] == '>') == peak and (m[2] == '*') == bool(s['recomputes']), f'marks of {row}')
        expect(abs(len(m[6]) - 8 * live / most) <= .5 + (live > 0) / 2, f'the bar of {row}')
        expect(s['node'][:4] in m[4] and s['node'][-4:] in m[4], f'{row}: {s["node"]}')
        expect('parts' not in s or f'for {s["parts"]} parts' in row, f'{row}: parts')
    return bool(wrong)


if __name__ == '__main__':
    sys.exit(main())
