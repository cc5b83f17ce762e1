#!/usr/bin/env python3
"""Looks at report pages in a headless Chromium.

    report.py BASE...

BASE.html is the page, BASE.json the report whose figures it must show.
"""
import json
import os
import re
import sys
import tempfile
from selenium import webdriver
from selenium.webdriver import ActionChains
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from expect import expect, wrong


def browser(profile):
    options = webdriver.ChromeOptions()
    for word in ('--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
                 '--window-size=1280,1000', f'--user-data-dir={profile}'):
        options.add_argument(word)
    options.set_capability('goog:loggingPrefs', {'browser': 'ALL'})
    return webdriver.Chrome(service=Service('/usr/bin/chromedriver'), options=options)


def text(d, name):
    return d.find_element(By.ID, name).text


def rectangle(d, index):
    """The drawn rectangle of a buffer, or None: [x, y, width, height] on the canvas."""
    return d.execute_script('const r = picture.rects.find(r => r.b.index === arguments[0]);'
                            'return r ? [r.x, r.y, r.w, r.h] : null', index)


def point_at(d, x, y):
    canvas = d.find_element(By.ID, 'arena')
    size = canvas.size
    ActionChains(d).move_to_element_with_offset(
        canvas, round(x - size['width'] / 2), round(y - size['height'] / 2)).perform()


def check_hover(d, report):
    """The largest buffers, found where their offsets and lifetimes say they are."""
    for index, b in sorted(enumerate(report['buffers']), key=lambda ib: -ib[1]['bytes'])[:3]:
        x, y, w, h = rectangle(d, index)
        d.execute_script('document.getElementById("arena").scrollIntoView({block: "center"})')
        point_at(d, x + w / 2, y + h / 2)
        tip = text(d, 'tip')
        expect(b['name'] in tip, f'the tip names {b["name"]}: {tip!r}')
        expect(f'{b["bytes"]:,}' in tip and f'{b["offset"]:,}' in tip and b['class'] in tip and
               f'steps {b["first"]} to {b["last"]}' in tip and b['node'] in tip,
               f'the tip describes {b["name"]}: {tip!r}')


def title(b):
    return f'{b["op"]} {b["node"]}' if re.fullmatch(r'_\d+', b['name']) and b['node'] else b['name']


def check_loops(d, report):
    """The buffers of a loop are in its workspace, and are found there."""
    loops = [(i, s) for i, s in enumerate(report['steps']) if 'parts' in s]
    drawn = int(d.find_element(By.ID, 'arena').get_attribute('data-inner'))
    wanted = sum(b['bytes'] > 0 for _, s in loops for b in s['buffers'])
    expect(drawn == wanted, f'{drawn} buffers in loops, of {wanted}')
    for i, s in loops[:2]:
        if not s['buffers']:
            continue
        k, b = max(enumerate(s['buffers']), key=lambda kb: kb[1]['bytes'])
        d.execute_script('document.getElementById("arena").scrollIntoView({block: "center"});'
                         'const s = plans[0].steps[arguments[0]];'
                         'setView(s.column, plans[0].at[s.index + 1])', i)
        x, y, w, h = rectangle(d, d.execute_script(
            'return plans[0].steps[arguments[0]].inner.buffers[arguments[1]].index', i, k))
        tip = ''
        for part in (.5, .1, .9):
            point_at(d, x + w * part, y + h / 2)
            tip = tip if title(b) in tip else text(d, 'tip')
        expect(title(b) in tip and f'{b["bytes"]:,}' in tip and
               f'steps {i}.{b["first"]} to {i}.{b["last"]}, in each of {s["parts"]} parts' in tip and
               f'{b["offset"] + report["buffers"][s["workspace"]]["offset"]:,}' in tip,
               f'the tip describes {title(b)} of the loop: {tip!r}')
        d.execute_script('whole()')


def all_steps(report):
    for s in report['steps']:
        yield s
        yield from s.get('steps', [])


def check_keys(d, report):
    canvas = d.find_element(By.ID, 'arena')
    ActionChains(d).move_to_element(d.find_element(By.TAG_NAME, 'h1')).perform()
    d.execute_script('arguments[0].focus()', canvas)
    canvas.send_keys(Keys.HOME)
    tip = text(d, 'tip')
    canvas.send_keys(Keys.ARROW_RIGHT)
    first, second = tip.split('\n')[0], text(d, 'tip').split('\n')[0]
    expect(text(d, 'tip') != tip, f'the right arrow stays at {tip!r}')
    names = [title(b) for b in report['buffers'] + [b for s in report['steps']
                                                     for b in s.get('buffers', [])]]
    expect(first in names and second in names, f'keys: {first!r}, {second!r}')
    expect(second in d.find_element(By.ID, 'said').get_attribute('textContent'), 'it is said')
    canvas.send_keys(Keys.ESCAPE)
    expect(not d.find_element(By.ID, 'tip').is_displayed(), 'Escape hides the tip')


def check_figures(d, report):
    facts = text(d, 'facts')
    for key in ('arena_bytes', 'state_bytes', 'lower_bound_bytes'):
        expect(f'{report[key]:,}' in facts or f'{report[key]} B' in facts, f'{key} in {facts!r}')
    about = text(d, 'about')
    expect(all(str(report[k]) in about for k in ('target', 'batch', 'loss', 'optimizer')), about)
    peak = text(d, 'peak')
    for name in ('activations', 'gradients', 'workspace', 'io'):
        n = report['peak'][name]
        expect(not n or f'{n:,}' in peak, f'{name} {n} in {peak!r}')
    expect(f'{report["arena_bytes"] + report["state_bytes"]:,}' in peak, 'the sum is RAM')


def windows(b):
    return b['windows'] or [{'first': b['first'], 'last': b['last'], 'low': 0, 'high': b['bytes']}]


def check_json(report):
    """The steps and the buffers tell the same story, twice."""
    steps, buffers = report['steps'], report['buffers']
    live = [sum(w['high'] - w['low'] for b in buffers for w in windows(b)
                if w['first'] <= i <= w['last']) for i in range(len(steps))]
    expect(live == [s['live_bytes'] for s in steps], 'live bytes')
    expect(max(live) == report['lower_bound_bytes'], 'the peak')
    for key in 'flops', 'recomputed_flops':
        expect(sum(s[key] for s in steps) == report[key], key)
    for s in steps:
        if 'parts' in s:
            # A step's share is what its whole gives for one part, rounded down.
            again = s['parts'] * sum(t['recomputed_flops'] for t in s['steps'])
            lost = s['recomputed_flops'] - again
            expect(0 <= lost < s['parts'] * max(1, sum(t['recomputed_flops'] > 0 for t in s['steps'])),
                   f'{again} of {s["recomputed_flops"]} in a loop')
    for i, s in enumerate(steps):
        for b in s['reads'] + s['writes']:
            expect(buffers[b]['first'] <= i <= buffers[b]['last'], f'step {i} uses buffer {b}')
    for i, b in enumerate(buffers):
        writers = [s for s in steps if i in s['writes']]
        expect(not b['op'] or writers[0]['op'] == b['op'] and writers[0]['node'] == b['node'],
               f'the writer of {b["name"]}')


def check_tables(d, report):
    largest = max(b['bytes'] for b in report['buffers'])
    steps = list(all_steps(report))
    cells = lambda: [e.text for e in d.find_elements(By.CSS_SELECTOR, '#buffers td:nth-child(3)')]
    expect(cells()[0] == f'{largest:,}', f'the largest buffer is first: {cells()[0]}')
    d.execute_script('document.querySelectorAll("#buffers th button")[2].click()')
    values = [int(c.replace(',', '')) for c in cells()]
    expect(values == sorted(values) and values[0] < largest, 'a click sorts')
    search = d.find_element(By.ID, 'search')
    for word, wanted in (('recomputed', sum(bool(s['recomputes']) for s in steps)),
                         ('in place', sum(s['in_place'] for s in steps))):
        search.clear()
        search.send_keys(word)
        expect(text(d, 'found').startswith(f'{wanted} of '), f'{word}: {text(d, "found")}')
    search.send_keys(' nothing like it')
    expect(text(d, 'found').startswith('0 of'), text(d, 'found'))


def check_functions(d, report):
    arena = d.find_element(By.ID, 'arena')
    for name, f in reversed(report['functions'].items()):
        d.execute_script('document.querySelector(`input[value=${arguments[0]}]`).click()', name)
        expect(f'{f["steps"]} steps' in text(d, 'function-about'), f'{name} is shown')
        drawn = int(arena.get_attribute('data-rectangles'))
        expect(drawn == d.execute_script('return picture.plan.buffers.length') > 0, f'{name} is drawn')
    expect(drawn == len(report['buffers']), 'the first function is the report\'s')


def check_page(d, base):
    report = json.load(open(base + '.json'))
    d.get('file://' + os.path.abspath(base + '.html'))
    expect(report['model'] in d.title, d.title)
    colours = d.execute_script(
        'const c = document.getElementById("arena"), p = c.getContext("2d").getImageData('
        '0, 0, c.width, c.height).data, s = new Set();'
        'for (let i = 0; i < p.length; i += 4) s.add(p[i] << 16 | p[i + 1] << 8 | p[i + 2]);'
        'return s.size')
    expect(colours > 5, f'{colours} colours in the picture')
    dots = len(d.find_elements(By.CSS_SELECTOR, '#curve .point title'))
    expect(dots == len(report['sweep']) > 1 if 'sweep' in report else dots == 0, f'{dots} dots')
    expect(d.find_element(By.ID, 'curve').is_displayed() == bool(dots), 'the curve is shown where there is one')
    d.execute_cdp_cmd('Emulation.setEmulatedMedia', {'media': 'print'})
    shown = [s.is_displayed() for s in d.find_elements(By.CSS_SELECTOR, '.still > *')]
    expect(shown == [f == next(iter(report['functions'])) for f in report['functions']], f'for paper: {shown}')
    expect(not d.find_element(By.ID, 'arena').is_displayed(), 'no canvas on paper')
    d.execute_cdp_cmd('Emulation.setEmulatedMedia', {'media': ''})
    for width in (390, 1280):
        d.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', {
            'width': width, 'height': 900, 'deviceScaleFactor': 1, 'mobile': width < 500})
        wide = d.execute_script('return document.documentElement.scrollWidth')
        expect(wide <= width, f'{wide} pixels on a screen of {width}')
    d.execute_cdp_cmd('Emulation.clearDeviceMetricsOverride', {})
    savings = report.get('savings', [])
    shown = text(d, 'savings')
    expect(all(f'{t["name"]} {t["saved_bytes"]:,} {t["does"]}' in shown for t in savings), shown)
    expect(('--explain' in text(d, 'hints')) != bool(savings), text(d, 'hints'))
    expect(('--sweep' in text(d, 'hints')) != ('sweep' in report), text(d, 'hints'))
    check_json(report)
    check_figures(d, report)
    check_functions(d, report)
    check_hover(d, report)
    check_loops(d, report)
    check_keys(d, report)
    check_tables(d, report)


def large_page(page, work):
    """The page with other figures: 5,000 buffers, names that want to break out."""
    head, rest = page.split('<script type="application/json" id="data">')
    figures, tail = rest.split('</script>', 1)
    data = json.loads(figures)
    n = 5000
    classes = ['activations', 'gradients', 'workspace', 'io']
    step = {**data['plans'][0]['steps'][0], 'reads': [], 'recomputes': [], 'view': False}
    data['plans'] = [{
        **data['plans'][0], 'name': 'train', 'arena_bytes': 100 * 64, 'lower_bound_bytes': 100 * 64,
        'peak_step': n // 2,
        'steps': [{**step, 'writes': [i], 'node': '</script><b id="out">'} for i in range(n)],
        'buffers': [{'name': f'</script><b id="out">{i}', 'class': classes[i % 4], 'bytes': 64,
                     'offset': i % 100 * 64, 'first': i, 'last': min(i + 99, n - 1), 'op': 'Relu',
                     'node': 'n'} for i in range(n)]}]
    data['techniques'] = [{'name': 'recomputation', 'saved_bytes': 4096, 'flops': 77}]
    data['thin'] = [{'parameter': 'w', 'rank': 4, 'sketch_width': 0, 'saved_bytes': 5120,
                     'gradient': 'thin'},
                    {'parameter': 'b', 'rank': 0, 'sketch_width': 0, 'why': 'its own rank is no higher'}]
    data['thin_total'] = [{'of': 'low-rank', 'gradient_bytes_saved': 2048, 'optimizer_bytes_saved': 5120,
                           'saved_bytes': 6144, 'flops': -1500}]
    path = f'{work}/large.html'
    with open(path, 'w') as f:
        f.write(head + '<script type="application/json" id="data">' +
                json.dumps(data).replace('<', '\\u003c') + '</script>' + tail)
    return path


def check_large(d, page, work):
    d.get('file://' + large_page(page, work))
    expect(d.find_element(By.ID, 'arena').get_attribute('data-rectangles') == '5000', 'all are drawn')
    expect(not d.find_elements(By.ID, 'out'), 'names are text')
    ms = d.execute_script('const t = performance.now(); for (let i = 0; i < 10; i++) draw();'
                          'return (performance.now() - t) / 10')
    print(f'5,000 buffers: {ms:.1f} ms to draw')
    d.execute_script('setView(2500, 2520)')
    drawn = int(d.find_element(By.ID, 'arena').get_attribute('data-rectangles'))
    expect(drawn == 119, f'{drawn} buffers live in steps 2500 to 2519')
    expect('4,096' in text(d, 'techniques'), 'the techniques')
    expect(all(t in text(d, 'thin') for t in ('w rank 4 5,120 thin', 'b whole its own rank is no higher')),
           text(d, 'thin'))
    expect('--low-rank 2,048 5,120 6,144 ' in text(d, 'thin-total'), text(d, 'thin-total'))


def main():
    with tempfile.TemporaryDirectory() as work:
        d = browser(work + '/profile')
        try:
            for base in sys.argv[1:]:
                check_page(d, base)
            check_large(d, open(sys.argv[1] + '.html').read(), work)
            for entry in d.get_log('browser'):
                expect(False, f'the console says {entry}')
        finally:
            d.quit()
    return bool(wrong)


if __name__ == '__main__':
    sys.exit(main())
