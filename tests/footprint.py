#!/usr/bin/env python3
"""What a model takes on an emulated Cortex-M4F is what its header says.

    footprint.py THIMBLE SOURCE_DIR

Small models train in qemu/train.c, while a plugin notes all that is written during the calls:
only arena, state, the context and the loss that the caller passed, and the stack; the arena up to
its last byte, the state, too. The stack below the caller's, which was painted, is used as deep as gcc
noted of frames and calls. Losses and weights are bit for bit those of this machine, and two runs are
equal in everything. The objects define nothing without the model's name before it, have no data
that is written, and call no more of a C library than what moves bytes.

Last, C that lies must be caught. Status 77: no compiler or emulator for the core.
"""
import os
import re
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'qemu'))
import image

LOSS = ['--loss', 'cross-entropy']
CASES = [
    ('residual-momentum', [*LOSS, '--optimizer', 'momentum']),
    ('residual-momentum', [*LOSS, '--optimizer', 'sgd', '--feed', '--slices', '--micro-batch', '1']),
]
SMALL = ('mlp-sgd', [*LOSS, '--optimizer', 'adam', '--freeze', '*bias'])
LIBRARY = 'memcpy|memmove|memset|memcmp|strlen'
EABI = '__aeabi_mem(cpy|move|set|clr)[48]?'
DOUBLE = '__aeabi_(d2f|f2d|dadd|dsub|dmul|dcmplt)|__(extendsfdf|truncdfsf|adddf|subdf|muldf|ltdf)[23]'
STEPS = 3
OUTSIDE = 96     # bytes of stack for what gcc did not compile here: memcpy, the data's callbacks
RED_ZONE = 128   # below the stack pointer: on x86-64, leaves use it, and gcc does not count it


# ---- what was written ----

def without(runs, first, end):
    """The parts of runs that are not in [first, end)."""
    left = []
    for a, b in runs:
        left += [(x, y) for x, y in ((a, min(b, first)), (max(a, end), b)) if x < y]
    return left


def given_places(header, arena):
    """Where in the arena the caller puts data: it need not be written by the calls."""
    places = []
    for function, macro in ((image.c_function(header), image.c_function(header)), ('infer', 'infer'),
                            ('evaluate', 'evaluate')):
        for name, way, _, n, fed, _ in image.arguments(header, function):
            at = re.search(rf'M_{macro}_{name}_OFFSET (\d+)u', header, re.I)
            if at and not fed:
                places.append((arena + int(at.group(1)), arena + int(at.group(1)) + 4 * n))
    return places


def check_writes(core, out, run):
    header = open(f'{out}/m.h').read()
    own = image.symbols(core, f'{out}/image')
    stack = own['stack_low'][0], own['stack_high'][0] - own['stack_low'][0]
    stray = run.writes
    given = [own[name] for name in ('arena_of', 'state_of', 'caller', 'shown') if name in own]
    for first, size in [*given, stack]:
        stray = without(stray, first, first + size)
    if stray:
        yield f'written outside of all that is given: {[(hex(a), hex(b)) for a, b in stray]}'
    for name, runs in (('arena', run.writes + given_places(header, own['arena_of'][0])), ('state', run.writes)):
        first = own[f'{name}_of'][0]
        end = first + int(re.search(rf'M_{name}_BYTES (\d+)u', header, re.I).group(1))
        if not any(a < end <= b for a, b in runs):
            yield f'the last byte of the {name} is not used'
        if not any(a <= first < b for a, b in runs):
            yield f'the first byte of the {name} is not used'


# ---- the rest ----

def check_stack(out, run, more=0):
    noted = image.noted_stack(out)
    for call, function in (('train', image.c_function(open(f'{out}/m.h').read())), ('infer', 'infer'),
                           ('evaluate', 'evaluate')):
        most = noted[function] + OUTSIDE + more
        if not noted[function] * 2 / 3 <= run.stack(call) <= most:
            yield f'{call} uses {run.stack(call)} bytes of stack, gcc noted {noted[function]}'


def check_objects(core, out):
    """Of objects that image.build left."""
    library = f'{LIBRARY}|{EABI}' + (f'|{DOUBLE}' if 'double *' in open(f'{out}/m.c').read() else '')
    for source in ('m.c', 'm_weights.c'):
        symbols = image.shell([core.tools + 'nm', f'{out}/{source}.o'])
        for kind, name in re.findall(r'^\S* *(\w) (\S+)$', symbols, re.M):
            if kind in 'DBCSGdbcsg':
                yield f'{source} has data that is written: {name}'
            elif kind.isupper() and kind != 'U' and not name.startswith('m_'):
                yield f'{source} defines {name}'
            elif kind == 'U' and not re.fullmatch(f'm_.*|{library}', name):
                yield f'{source} calls {name}'


def check_kernels(core, out):
    """Each is a function, wherever it is called."""
    text = open(f'{out}/m.c').read()
    there = set(re.findall(r' t (m_\w+)', image.shell([core.tools + 'nm', f'{out}/m.c.o'])))
    kernels = set(re.findall(r'^KERNEL void (\w+)\(', text, re.M))
    for name in sorted(kernels - there) or ([] if kernels else ['no kernel']):
        yield f'{name} is no function'


def make(thimble, source, case, core, out):
    model, options = case
    image.compile_model(thimble, f'{source}/tests/models/parity/{model}.onnx', options, core, out)


def check(core, out, plugin):
    """Yields what is wrong with the C in `out`."""
    host = image.CORES['host']
    here = image.run(host, image.build(host, out, STEPS, '-O1'))
    yield from check_stack(out, here, RED_ZONE)
    want = here.results()
    built = image.build(core, out, STEPS)
    run = image.run(core, built, plugin)
    if run.results() != want:
        yield f'other results than here: {run.results()}, not {want}'
    if image.run(core, built, plugin) != run:
        yield 'a second run is another'
    yield from check_writes(core, out, run)
    yield from check_stack(out, run)
    yield from check_objects(core, out)


# ---- C that lies ----

def edit(path, pattern, by):
    text, n = re.subn(pattern, by, open(path).read(), count=1)
    if not n:
        raise SystemExit(f'nothing to spoil in {path}: {pattern}')
    open(path, 'w').write(text)


def less_arena(out):
    edit(f'{out}/m.h', r'M_ARENA_BYTES (\d+)u', lambda m: f'M_ARENA_BYTES {int(m.group(1)) - 8}u')


def more_state(out):
    edit(f'{out}/m.h', r'M_STATE_BYTES (\d+)u', lambda m: f'M_STATE_BYTES {int(m.group(1)) + 8}u')


def own_memory(out):
    edit(f'{out}/m.c', r'k->step\+\+;', 'static uint32_t steps; k->step = ++steps;')


def own_name(out):
    edit(f'{out}/m.c', r'm_status m_init\(', 'int other(void);\nint other(void) { return 1; }\n\\g<0>')


def notice_memory(core, out, plugin):
    return check_writes(core, out, image.run(core, image.build(core, out, 1, '-O1'), plugin))


def notice_objects(core, out, plugin):
    image.compile_own(core, out, '-O1')
    return check_objects(core, out)


LIES = {less_arena: notice_memory, more_state: notice_memory, own_memory: notice_objects, own_name: notice_objects}


def check_the_check(thimble, source, core, plugin):
    for spoil, notice in LIES.items():
        with tempfile.TemporaryDirectory() as out:
            make(thimble, source, SMALL, core, out)
            spoil(out)
            if not list(notice(core, out, plugin)):
                yield f'{spoil.__name__}: nobody noticed'


def check_other_cores(thimble, source):
    """What the compilers for other cores make of the C, which is not run."""
    for name in ('rv32', 'm55-clang'):
        core = image.CORES[name]
        if image.is_here(core):
            continue
        with tempfile.TemporaryDirectory() as out:
            make(thimble, source, CASES[1], core, out)
            image.compile_own(core, out, '-Os')
            yield from (f'{name}: {w}' for w in check_objects(core, out))
            if core.clang:    # gcc renames functions that it makes for one use
                yield from check_kernels(core, out)


def main():
    thimble, source = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    core = image.CORES['m4']
    missing = image.is_here(core)
    if missing:
        print(f'skipped: no {missing}')
        return 77
    wrong = []
    with tempfile.TemporaryDirectory() as tools:
        plugin = image.build_plugin(tools)
        for case in CASES:
            with tempfile.TemporaryDirectory() as out:
                make(thimble, source, case, core, out)
                wrong += [f'{case[0]} {" ".join(case[1])}: {w}' for w in check(core, out, plugin)]
        wrong += check_other_cores(thimble, source)
        wrong += check_the_check(thimble, source, core, plugin)
    print('\n'.join(wrong) or f'{len(CASES)} models take what their headers say')
    return bool(wrong)


if __name__ == '__main__':
    sys.exit(main())
