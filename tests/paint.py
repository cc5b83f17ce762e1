#!/usr/bin/env python3
"""Emitted C writes where its plan says, and reads nothing else.

    paint.py THIMBLE SOURCE_DIR [RUNS]...

Compiles models under the least RAM that --ram can reach, half-way to it, and with what is
needed without a budget (for the host, some models, the least only; where only the optimizer
differs from another case's, without a budget only), and trains them with every kernel watched
(tests/paint/watch.c): all bytes of the arena in which the plan keeps nothing are painted with
NaNs before each kernel, and after it no byte may have changed but those that this step writes;
the same for the state and for zones around both. What comes out must equal, bit by bit, what
the plain build without a budget comes to, compiled without watching: losses and all variables.
Two techniques sum in another order: the batch in parts, and a product without the workspace
that it had; then the bits must equal those of that build without watching, and the losses agree
to 1e-4. All is compiled without optimisation, so that each kernel stays a call, and as calls also what
the runtime would rather have inlined: a third of the code, compiled in less than half of the time.

The models: the recorded cases of tests/models/parity, and each RUNS/*/manifest.json with
its model.onnx, if there are any. Last, plans and C that lie must be caught.

Status 77: this compiler cannot watch.
"""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import numpy as np

from parity import first_of_each_model

STEPS = 3
ALSO_HOST = ('algebra-huber', 'mlp-clip', 'residual-momentum', 'tokens-adam', 'lenet5_b4_adam')
REORDERING = ('batch in', 'no workspace')   # techniques that sum in another order
CFLAGS = ['-std=c11', '-O0', '-ffp-contract=off', '-Dalways_inline=unused', '-Wall', '-Werror']
WATCH = ['-finstrument-functions', '-finstrument-functions-exclude-file-list=m_rt.h']


def parity_case(path):
    """(name, model, arguments, inputs by name) of a recorded case: see parity.py."""
    ref = np.load(path)
    args = json.loads(str(ref['args']))
    at = args.index('--steps')
    inputs = {k.split('/')[1]: ref[k] for k in ref.files if k.startswith('input/')}
    return (os.path.basename(path)[:-4], path[:-4] + '.onnx', args[:at] + args[at + 2:],
            {**inputs, 'target': ref['target']})


def recorded_run(path):
    """The same of a manifest.json with tensors in ref.bin."""
    folder = os.path.dirname(path)
    m = json.load(open(path))
    data = open(folder + '/ref.bin', 'rb').read()
    inputs = {}
    for t in m['tensors']:
        if t['name'].startswith('input/') or t['name'] == 'target':
            flat = np.frombuffer(data, {'f': '<f', 'i': '<i'}[t['dtype'][0]] + str(int(t['dtype'][1:]) // 8),
                                 int(np.prod(t['shape'])), t['offset'])
            inputs[t['name'].split('/')[-1]] = flat.reshape(t['shape'])
    floats = inputs['target'].dtype.kind == 'f'
    optimizer = 'momentum' if m['opt'] == 'sgdwd' else m['opt']
    hyper = ','.join(f'{k}={v}' for k, v in m['hyper'].items() if isinstance(v, (int, float)))
    return (os.path.basename(folder), folder + '/model.onnx',
            ['--loss', 'mse' if floats else 'cross-entropy', '--optimizer', f'{optimizer}:{hyper}'], inputs)


# ---- what is watched ----

def prototype(header, function):
    """Names and types of the inputs of a function."""
    text = re.search(rf'm_status m_{function}\(m_t \*k,(.*?)\);', header, re.S).group(1)
    return [(name, kind) for kind, name in re.findall(r'const (\w+) \*(\w+)', text)]


def c_call(function, order, names):
    given = ', '.join(f'(in)[{order.index(n)}]' for n in names)
    return f'#define {function.upper()}(k, in, loss) m_{function}(k, {given}, loss)\n'


def window(b, at, base):
    """What the buffer takes at a step: (first byte, end), or None."""
    if not b['first'] <= at <= b['last']:
        return None
    for w in b['windows']:
        if w['first'] <= at <= w['last']:
            return base + b['offset'] + w['low'], base + b['offset'] + w['high']
    return base + b['offset'], base + b['offset'] + b['bytes']


def kept(b, at, base):
    """What it holds both before and at the step, which may be empty."""
    now, before = window(b, at, base), window(b, at - 1 if b['op'] else max(at - 1, b['first']), base)
    if not now or not before:
        return None
    return max(now[0], before[0]), min(now[1], before[1])


def kernels(steps, buffers, base=0, around=(), outer=()):
    """Each call of a kernel, in the order of the C: (step, name, ranges that hold something before
    it, ranges that it writes, variables that it updates). A Scan's are those for one part; what
    it has put together so far is kept."""
    for at, s in enumerate(steps):
        holds = [r for r in (kept(b, at, base) for b in buffers) if r] + list(around)
        now = [window(b, at, base) for b in buffers]
        if 'steps' in s:
            outputs = [now[i] for i in s['writes'] if i != s['workspace']]
            yield from kernels(s['steps'], s['buffers'], base + buffers[s['workspace']]['offset'],
                               holds + outputs, now)
        elif not s['view']:
            writes = [now[i] for i in s['writes']] + [outer[i] for i in s.get('outer_writes', [])]
            yield f'step {at}, {s["op"]} {s["node"]}', holds, writes, s['updates']


def tables(report, header):
    """plan.h: what the report says, as C."""
    order = [n for n, _ in prototype(header, 'train_step')]
    steps, ranges, updates = [], [], []
    for name, holds, writes, variables in kernels(report['steps'], report['buffers']):
        steps.append([len(ranges), len(holds), len(writes), len(updates), len(variables), json.dumps(name)])
        ranges += sorted(holds) + writes
        updates += [json.dumps(v) for v in variables]

    def array(kind, name, rows):
        return f'static const {kind} {name}[] = {{\n' + ''.join(f'\t{r},\n' for r in rows) + '};\n'

    def row(values):
        return '{' + ', '.join(map(str, values)) + '}'

    return ('#include <stddef.h>\n'
            'typedef struct Range {\n\tsize_t first, end;\n} Range;\n'
            'typedef struct Step {\n\tint ranges, nholds, nwrites, updates, nupdates;\n'
            '\tconst char *name;\n} Step;\n' +
            array('Range', 'range', map(row, ranges or [[0]])) + array('Step', 'step', map(row, steps)) +
            array('char *const', 'updates', updates or ['""']) +
            f'enum {{ NSTEPS = {len(steps)}, NINPUTS = {len(order)} }};\n' +
            c_call('train_step', order, order) +
            c_call('evaluate', order, [n for n, _ in prototype(header, 'evaluate')]))


# ---- building and running ----

def shell(command):
    return subprocess.run(command, capture_output=True, text=True)


def compile_model(tool, case, extra, out):
    """None and the report, or what is wrong."""
    r = shell([tool, 'compile', case[1], '-o', out, '--name', 'm', *case[2], *extra])
    return (r.stderr, None) if r.returncode else (None, json.load(open(f'{out}/m.report.json')))


def build(source, out, flags):
    cc = os.environ.get('CC', 'cc')
    r = shell([cc, *CFLAGS, *flags, '-c', f'{out}/m.c', '-o', f'{out}/m.o'])
    for name in (source + '/tests/paint/watch.c', f'{out}/m_weights.c'):
        if r.returncode == 0:
            r = shell([cc, *CFLAGS, f'-I{out}', '-c', name, '-o', f'{out}/{os.path.basename(name)}.o'])
    if r.returncode == 0:
        r = shell([cc, *glob.glob(f'{out}/*.o'), '-lm', '-o', f'{out}/watch'])
    return r.stderr if r.returncode else None


def write_inputs(case, header, out):
    """The files, in the order of the function's parameters."""
    paths = []
    for name, kind in prototype(header, 'train_step'):
        paths.append(f'{out}/{name}.raw')
        data = case[3].get(name, next(iter(case[3].values())))
        data.astype({'float': '<f4', 'int32_t': '<i4', 'int64_t': '<i8', 'uint8_t': 'u1'}[kind]).tofile(paths[-1])
    return paths


def train(source, case, out, report, flags):
    """What is wrong, how many kernels ran, and what came out."""
    header = open(f'{out}/m.h').read()
    open(f'{out}/plan.h', 'w').write(tables(report, header))
    wrong = build(source, out, flags)
    if wrong:
        return wrong, 0, b''
    r = shell([f'{out}/watch', str(STEPS), f'{out}/result', *write_inputs(case, header, out)])
    if r.returncode:
        return r.stderr or f'ended with {r.returncode}', 0, b''
    return None, int(r.stdout), open(f'{out}/result', 'rb').read()


def plain(tool, source, case, extra):
    """What is wrong, the report, and what came out."""
    with tempfile.TemporaryDirectory() as out:
        wrong, report = compile_model(tool, case, extra, out)
        if wrong:
            return wrong, None, None
        wrong, calls, result = train(source, case, out, report, [])
        return wrong or (f'{calls} calls seen' if calls else None), report, result


def losses(result):
    return np.frombuffer(result, '<f4', STEPS)


def difference(tool, source, case, extra, report, result, want):
    if result == want:
        return None
    if not any(t['name'].startswith(REORDERING) for t in report.get('techniques', [])):
        return 'other results'
    wrong, _, same = plain(tool, source, case, extra)
    if not wrong and not np.allclose(losses(result), losses(want), rtol=1e-4):
        wrong = f'losses {losses(result)}, not {losses(want)}'
    return wrong or (None if result == same else 'other results than without watching')


def watched(tool, source, case, extra, want, spoil=None):
    """What is wrong, or None."""
    with tempfile.TemporaryDirectory() as out:
        wrong, report = compile_model(tool, case, extra, out)
        if wrong:
            return wrong
        if spoil:
            spoil(report, out)
        wrong, calls, result = train(source, case, out, report, WATCH)
        count = len(list(kernels(report['steps'], report['buffers'])))
        if not wrong and calls < STEPS * count:
            wrong = f'{calls} calls of {count} kernels in {STEPS} steps'
        return wrong or difference(tool, source, case, extra, report, result, want)


def ram_of(report):
    return report['arena_bytes'] + report['state_bytes']


def least_ram(tool, case, target):
    r = shell([tool, 'plan', case[1], *case[2], '--target', target, '--ram', '1', '--json'])
    return json.loads(r.stdout)['smallest_ram_bytes']


def check(tool, source, case, budgets):
    """Yields the budget and what is wrong, or None."""
    for target in ('generic', 'host') if case[0] in ALSO_HOST else ('generic',):
        wrong, report, want = plain(tool, source, case, ['--target', target])
        if wrong:
            yield f'plain, {target}', wrong
            continue
        if target == 'generic':
            yield 'no budget', watched(tool, source, case, ['--target', target], want)
        if not budgets:
            continue
        most, least = ram_of(report), least_ram(tool, case, target)
        for ram in ((most + least) // 2, least) if target == 'generic' else (least,):
            extra = ['--target', target, '--ram', str(ram)]
            yield f'{ram} bytes, {target}', watched(tool, source, case, extra, want)


# ---- the watch must not sleep ----

def shorter_life(report, out):
    """Forgets a buffer just before its last reader comes."""
    busy = [i for i, s in enumerate(report['steps']) if not s['view']]
    for b in report['buffers']:
        readers = [i for i in busy if report['buffers'].index(b) in report['steps'][i]['reads']]
        if b['op'] and readers and b['first'] < readers[-1] == b['last']:
            b['last'] -= 1
            return
    raise SystemExit('no buffer to forget')


def missing_write(report, out):
    step = next(s for s in report['steps'] if s['writes'] and not s['view'])
    step['writes'] = step['writes'][1:]


def missing_update(report, out):
    step = next(s for s in report['steps'] if s['updates'])
    step['updates'] = step['updates'][1:]


def less_arena(report, out):
    """The C believes that the arena is smaller than what it uses."""
    text = open(f'{out}/m.h').read()
    size = re.search(r'M_ARENA_BYTES (\d+)u', text).group(1)
    open(f'{out}/m.h', 'w').write(text.replace(f'M_ARENA_BYTES {size}u', f'M_ARENA_BYTES {int(size) - 16}u'))


def wrong_address(report, out):
    """The first kernel writes one place too far."""
    text = open(f'{out}/m.c').read()
    head, body = text[:text.rindex('m_train_step(')], text[text.rindex('m_train_step('):]
    offset = next(report['buffers'][s['writes'][0]]['offset'] for s in report['steps']
                  if s['writes'] and not s['view'])
    at = body.index('step_seed')
    body = body[:at] + re.sub(rf'(k->arena,\s+){offset}u', rf'\g<1>{offset + 4}u', body[at:], count=1)
    open(f'{out}/m.c', 'w').write(head + body)


def check_the_watch(tool, source, case):
    target = ['--target', 'generic']
    _, _, want = plain(tool, source, case, target)
    for spoil in (shorter_life, missing_write, missing_update, less_arena, wrong_address):
        caught = watched(tool, source, case, target, want, spoil)
        yield spoil.__name__, None if caught else 'nobody noticed'


def can_watch():
    with tempfile.TemporaryDirectory() as out:
        open(f'{out}/m.c', 'w').write('int m(void);\nint m(void) { return 0; }\n')
        return shell([os.environ.get('CC', 'cc'), *CFLAGS, *WATCH, '-c', f'{out}/m.c',
                      '-o', f'{out}/m.o']).returncode == 0


def main():
    tool, source, folders = os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3:]
    if not can_watch():
        print('skipped: the compiler has no -finstrument-functions as GCC has')
        return 77
    paths = sorted(glob.glob(f'{source}/tests/models/parity/*.npz'))
    models = {parity_case(p)[0] for p in first_of_each_model(paths)} | set(ALSO_HOST)
    cases = [parity_case(p) for p in paths]
    recorded = [recorded_run(p) for f in folders for p in sorted(glob.glob(f'{f}/*/manifest.json'))]
    cases += recorded
    models |= {c[0] for c in recorded}
    passed = failed = 0
    for case in cases:
        for what, wrong in check(tool, source, case, case[0] in models):
            if wrong:
                print(f'{case[0]}, {what}: {wrong.strip()}')
            failed, passed = failed + bool(wrong), passed + (not wrong)
    for what, wrong in check_the_watch(tool, source, next(c for c in cases if c[0] == 'residual-momentum')):
        if wrong:
            print(f'{what}: {wrong}')
        failed, passed = failed + bool(wrong), passed + (not wrong)
    print(f'{passed} passed, {failed} failed')
    return failed > 0 or not passed


if __name__ == '__main__':
    sys.exit(main())
