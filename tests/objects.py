#!/usr/bin/env python3
"""What `compile --emit obj` writes, for every target that there is.

    objects.py THIMBLE SOURCE_DIR [--cores | TARGET...]

A small model as an object for each of `thimble targets`, of its cores, or for each TARGET: it links, and where the
emulator is here (or this machine is one of that kind) trains some steps. Losses, weights and what an inference gives
must be those of the target's C on this machine, bit for bit. Convolutions on the cores of LIMITS, besides: the
object's code is not more than what gcc makes of the C, nor are its instructions, by these factors. 77 if
no target's tools are here.
"""
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'qemu'))
import image

STEPS = 3
SMALL = ('models/parity/mlp-sgd.onnx', ['--loss', 'cross-entropy', '--optimizer', 'sgd'])
CONVOLUTIONS = ('models/exports/script-mobile.onnx', ['--loss', 'cross-entropy', '--optimizer', 'sgd'])
STACK = 2048
# What C by gcc may be exceeded by: in code, in instructions of a step. It has no Helium.
LIMITS = {'m4': (1.0, 1.35), 'm55': (0.93, 0.48), 'rv32': (1.0, 1.35)}
# What of /proc/cpuinfo makes the machine one of that kind.
NEEDS = {'x86-64-v2': 'sse4_2 popcnt', 'x86-64-v3': 'avx2 bmi2 fma movbe',
         'x86-64-v4': 'avx512f avx512bw avx512cd avx512dq avx512vl'}


def is_such(core):
    """Whether this machine runs what is made for the core, or an emulator does."""
    if core.machine:
        return True
    if os.uname().machine != 'x86_64':
        return core.target in ('host', 'generic')
    has = open('/proc/cpuinfo').read().split()
    return all(flag in has for flag in NEEDS.get(core.target, '').split())


def core_of(name):
    """Where an object for that core runs."""
    return next(core for core in image.CORES.values() if core.target == name)


def compiled(thimble, model, target, form, out):
    path, options = model
    image.compile_model(thimble, path, [*options, '--emit', form], replace(image.CORES['host'], target=target), out)
    return out


def expected(thimble, model, core, folder):
    """What the C gives here; compiled as for the core where it is one of this machine's."""
    flags = core.flags if core.board == 'host' else []
    out = compiled(thimble, model, core.target, 'c', f'{folder}/c')
    host = replace(image.CORES['host'], flags=flags)
    return image.run(host, image.build(host, out, STEPS, '-O1')).results()


def check(thimble, model, target, core, want):
    """Whether the target's object trains as its core's C does here, which `want` keeps."""
    with tempfile.TemporaryDirectory() as folder:
        out = compiled(thimble, model, target, 'obj', f'{folder}/object')
        built = image.build(core, out, STEPS, stack=STACK)
        if not is_such(core):
            return f'{target} links'
        found = image.run(core, built).results()
        if core.target not in want:
            want[core.target] = expected(thimble, model, core, folder)
        if len(found) != STEPS + 3 or found != want[core.target]:
            raise RuntimeError(f'{target}: {found}, not {want[core.target]}')
        return f'{target} trains'


def cost(thimble, model, core, form, folder):
    """Bytes of code, instructions of a step."""
    out = compiled(thimble, model, core.target, form, f'{folder}/{form}')
    built = image.build(core, out, STEPS)
    run = image.run(core, built, image.build_plugin(folder), writes=False)
    return image.flash_of(out)[0], max(run.instructions['train'])


def check_cost(thimble, model, name):
    core = image.CORES[name]
    with tempfile.TemporaryDirectory() as folder:
        c, own = (cost(thimble, model, core, form, folder) for form in ('c', 'obj'))
    line = f'{name}: code {own[0]}, C {c[0]}; instructions {own[1]}, C {c[1]}'
    if any(o > limit * x for o, x, limit in zip(own, c, LIMITS[name])):
        raise RuntimeError(f'{line}; the limits are {LIMITS[name]}')
    return line


def attempt(function, *args):
    """Prints what it says; whether it went well."""
    try:
        print(function(*args), flush=True)
    except RuntimeError as e:
        print(f'FAIL: {e}', flush=True)
        return False
    return True


def main():
    thimble, tests = os.path.abspath(sys.argv[1]), os.path.join(sys.argv[2], 'tests')
    small, convolutions = ((os.path.join(tests, path), options) for path, options in (SMALL, CONVOLUTIONS))
    targets = json.loads(subprocess.run([thimble, 'targets', '--json'], check=True, capture_output=True).stdout)
    given = sys.argv[3:]
    if given == ['--cores']:
        targets = [t for t in targets if t['name'] == t['core']]
    elif given:
        targets = [t for t in targets if t['name'] in given]
    with tempfile.TemporaryDirectory() as out:
        try:
            compiled(thimble, small, 'generic', 'obj', out)
        except RuntimeError as e:
            if 'llvm-19-dev' not in str(e):
                raise
            print('skipped: there is no LLVM in it')
            return 77
    good, tried, want = True, 0, {}
    for t in targets:
        core = core_of(t['core'])
        missing = image.is_here(core)
        if missing:
            print(f'{t["name"]}: {missing} is not here')
            continue
        tried += 1
        good &= attempt(check, thimble, small, t['name'], core, want)
    for name in LIMITS:
        if given in ([], ['--cores']) and not image.is_here(image.CORES[name]):
            good &= attempt(check_cost, thimble, convolutions, name)
    return 77 if not tried else not good


if __name__ == '__main__':
    sys.exit(main())
