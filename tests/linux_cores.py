#!/usr/bin/env python3
"""A model trained on cores that QEMU runs Linux programs of, as C and as an object: the bits of this machine.

    linux_cores.py THIMBLE MODEL [CORE]... [-- OPTIONS]

The model (cross-entropy; OPTIONS as `compile` has them) trains some steps on each CORE of qemu/image.py,
or on all that are Linux processes there: by what clang makes of the C, and by what thimble compiled itself. Losses,
weights and what an inference gives must be those of the same C here. 77 if an emulator or a compiler
is missing.
"""
import os
import sys
import tempfile
from dataclasses import replace

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'qemu'))
import image

STEPS = 4


def results(thimble, model, options, cores, form):
    """Of each core: all of one target, which differ in what runs the image."""
    with tempfile.TemporaryDirectory() as out:
        image.compile_model(thimble, model, ['--loss', 'cross-entropy', *options, '--emit', form], cores[0], out)
        built = image.build(cores[0], out, STEPS, '-O1' if cores[0].board == 'host' else '-O2')
        return [image.run(core, built).results() for core in cores]


def check(thimble, model, options, names):
    """Whether they agree."""
    cores = [image.CORES[name] for name in names]
    host = replace(image.CORES['host'], target=cores[0].target)
    want, = results(thimble, model, options, [host], 'c')
    same = True
    for form in ('c', 'obj'):
        try:
            all_found = results(thimble, model, options, cores, form)
        except RuntimeError as e:
            if 'llvm-19-dev' not in str(e):
                raise
            continue
        for name, found in zip(names, all_found):
            if found != want:
                print(f'{name}, {form}: {found}, not {want}')
                same = False
    return same


def main():
    given, options = sys.argv[1:], []
    if '--' in given:
        given, options = given[:given.index('--')], given[given.index('--') + 1:]
    thimble, model = os.path.abspath(given[0]), given[1]
    targets = {}
    for name in given[2:] or (name for name, core in image.CORES.items() if core.board == 'linux'):
        targets.setdefault(image.CORES[name].target, []).append(name)
    for names in targets.values():
        missing = image.is_here(image.CORES[names[0]])
        if missing:
            print(f'skipped: {missing} is not here')
            return 77
    bad = [names for names in targets.values() if not check(thimble, model, options, names)]
    if not bad:
        print('as here:', *(name for names in targets.values() for name in names))
    return bool(bad)


if __name__ == '__main__':
    sys.exit(main())
