#!/usr/bin/env python3
"""Holds pictures against the figures of the report.

    picture.py arena PICTURE.svg REPORT.json
    picture.py curve PICTURE.svg REPORT.json
"""
import json
import re
import sys
import xml.etree.ElementTree as ET

from expect import expect, wrong

SVG = '{http://www.w3.org/2000/svg}'


def columns(steps):
    """The first column of each step, and the end."""
    at = [0]
    for s in steps:
        inner = columns(s['steps'])[-1] or 1 if s.get('steps') else None
        at.append(at[-1] + (inner if inner else int(not s['view'])))
    return at


def windows(b):
    return b['windows'] or [{'first': b['first'], 'last': b['last'], 'low': 0, 'high': b['bytes']}]


def rectangles(report):
    """What is to be drawn: class, first and last column, first and last byte."""
    at = columns(report['steps'])
    for b in report['buffers']:
        for w in windows(b) if b['bytes'] else []:
            yield (b['class'], at[w['first']], at[w['last'] + 1], b['offset'] + w['low'], b['offset'] + w['high'])
    for i, s in enumerate(report['steps']):
        if 'parts' not in s:
            continue
        inner, base = columns(s['steps']), report['buffers'][s['workspace']]['offset']
        for b in s['buffers']:
            for w in windows(b) if b['bytes'] else []:
                yield (b['class'], at[i] + inner[w['first']], at[i] + inner[w['last'] + 1],
                       base + b['offset'] + w['low'], base + b['offset'] + w['high'])


def number(e, key):
    return float(e.get(key))


def inside(root):
    """All text and all rectangles are in the picture."""
    _, _, width, height = map(float, root.get('viewBox').split())
    for e in root.iter(SVG + 'rect'):
        x, y = float(e.get('x', 0)), float(e.get('y', 0))
        expect(x >= 0 and y >= 0 and x + number(e, 'width') <= width + .7 and
               y + number(e, 'height') <= height + .7, f'{e.attrib} is outside')
    for e in root.iter(SVG + 'text'):
        if e.get('transform'):
            continue
        size = (8 if e.get('font-weight') else 6) * len(e.text)
        left = number(e, 'x') - {'middle': size / 2, 'end': size}.get(e.get('text-anchor'), 0)
        expect(left >= 0 and left + size <= width and number(e, 'y') < height, f'{e.text!r} at {left} sticks out')


def arena(root, report):
    paper = next(e for e in root.iter(SVG + 'rect') if e.get('class') == 'free')
    x0, y0, w, h = (number(paper, k) for k in ('x', 'y', 'width', 'height'))
    total = columns(report['steps'])[-1]
    size = report['functions'][next(iter(report['functions']))]['arena_bytes']
    drawn = [e for e in root.iter(SVG + 'rect') if e.find(SVG + 'title') is not None]
    wanted = list(rectangles(report))
    expect(len(drawn) == len(wanted) > 0, f'{len(drawn)} rectangles, of {len(wanted)}')
    for e, (name, first, end, low, high) in zip(drawn, wanted):
        x, y = x0 + w * first / total, y0 + h * (1 - high / size)
        found = [number(e, k) for k in ('x', 'y', 'width', 'height')]
        right = [x, y, max(w * (end - first) / total, .6), max(h * (high - low) / size, .6)]
        expect(e.get('class') == name and all(abs(a - b) < .02 for a, b in zip(found, right)),
               f'{e.find(SVG + "title").text}: {found}, expected {right} of {name}')
    words = ' '.join(e.text for e in root.iter(SVG + 'text'))
    expect(f'peak: step {peak(report)}, ' in words, words)
    expect('step' in words and 'address' in words and report['model'] in words, words)
    for b in report['buffers']:
        expect(b['class'] in words or not b['bytes'], f'{b["class"]} is in the legend')
    again = sum(bool(s['recomputes']) for s in steps(report) if 'parts' not in s)
    marks = sum(e.get('class') == 'again' and number(e, 'height') == 6 for e in root.iter(SVG + 'rect'))
    expect(again == marks and ('computed again' in words) == bool(again), f'{marks} marks, of {again}')


def steps(report):
    for s in report['steps']:
        yield s
        yield from s.get('steps', [])


def peak(report):
    live = [s['live_bytes'] for s in report['steps']]
    return live.index(max(live))


def curve(root, report):
    points = [e for e in root.iter(SVG + 'path') if 'point' in e.get('class') and e.find(SVG + 'title') is not None]
    sweep = report['sweep']
    expect(len(points) == len(sweep) > 1, f'{len(points)} points, of {len(sweep)}')
    place = [[float(x) for x in re.match(r'M(\S+) ([\d.]+)', e.get('d')).groups()] for e in points]
    for e, s in zip(points, sweep):
        names = [t['name'] for t in s['techniques']]
        title = e.find(SVG + 'title').text
        expect(title.startswith(f'{s["ram_bytes"]} bytes, {max(s["extra_percent"], 0):.2f} %') and
               all(n in title for n in names), f'{title}: {s}')
        expect(('learns otherwise' in title) == s['changes'], f'{title}: {s}')
        expect(s['binds']['buffers'] and s['binds']['buffers'][0]['bytes'] > 0, f'what binds {s["ram_bytes"]}')
    # Both axes are linear: any two differences have one ratio. Fewer operations are drawn as none more.
    for key, k in (('ram_bytes', 0), ('extra_percent', 1)):
        value = [max(s[key], 0) for s in sweep]
        far = max(range(len(value)), key=lambda i: abs(value[i] - value[0]))
        span = value[far] - value[0], place[far][k] - place[0][k]
        for s, v, p in zip(sweep, value, place):
            expect(abs((v - value[0]) / span[0] * span[1] - (p[k] - place[0][k])) < .2, f'{key} of {s}')
    words = ' '.join(e.text for e in root.iter(SVG + 'text'))
    expect('RAM' in words and 'more operations' in words and 'this plan' in words, words)
    for s in sweep:
        for t in s['techniques']:
            expect(t['name'] in words, f'{t["name"]} is in the legend')


def main():
    kind, picture, report = sys.argv[1:]
    root, figures = ET.parse(picture).getroot(), json.load(open(report))
    inside(root)
    {'arena': arena, 'curve': curve}[kind](root, figures)
    return bool(wrong)


if __name__ == '__main__':
    sys.exit(main())
