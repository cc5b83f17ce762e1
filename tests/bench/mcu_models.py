#!/usr/bin/env python3
"""Whole models on emulated microcontrollers: memory, stack, instructions of a step.

    mcu_models.py THIMBLE MODEL.onnx[:LOSS]... [--cores m4,m7,m55,m55-clang,rv32] [--steps 10] [--markdown]
                  [--optimize O2] [--emit obj] [--ram BYTES] [-- OPTIONS]...

Each model is compiled for each core (cross-entropy and SGD, unless LOSS or OPTIONS say otherwise), runs
so many steps, an inference and an evaluation under QEMU, twice, and on this machine; it is an error if
the two differ in anything, or a loss or a weight in one bit from this machine's. Bytes: arena and state;
stack, as gcc bounds it (as it was used, where clang compiled); code, with all that it calls, and
constants, of which a firmware that trains needs the first contents of weights. Instructions: the most
of a step, and of an inference; exact, but no cycles. CSV, or a table for README.

With --emit obj the cores run thimble's object, whose stack is then as it was used; this machine runs C.

--ram is all of the RAM of the board: the model's budget is what the stack (2 KiB) and the program's own
variables leave of it, and the linker refuses what is larger.
"""
import argparse
import os
import sys
import tempfile
from dataclasses import replace

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../qemu'))
import image

STACK, OTHER = 2048, 256
COLUMNS = ('model', 'core', 'arena', 'state', 'stack', 'code', 'constants', 'train', 'infer')


def defined(out, what):
    text = open(f'{out}/m.h').read()
    return int(text.split(f'#define M_{what} ')[1].split('u')[0])


def measure(args, model, loss, name, plugin, out):
    core, c = image.CORES[name], out
    options = ['--loss', loss, '--optimizer', 'sgd', *args.options]
    if args.ram:
        options += ['--ram', str(args.ram - STACK - OTHER)]
    if args.emit != 'c':
        c = f'{out}/c'
        image.compile_model(args.thimble, model, [*options, '--emit', args.emit], core, out)
    image.compile_model(args.thimble, model, options, core, c)
    host = replace(image.CORES['host'], target=core.target)
    want = image.run(host, image.build(host, c, args.steps)).results()
    built = image.build(core, out, args.steps, '-' + args.optimize, args.ram, stack=STACK)
    first, second = (image.run(core, built, plugin, writes=False) for _ in range(2))
    if first != second:
        raise RuntimeError('two runs differ')
    if first.results() != want:
        raise RuntimeError(f'other bits than here: {first.results()}, not {want}')
    train, infer = (max(first.instructions[f]) for f in ('train', 'infer'))
    noted = image.noted_stack(out).get(image.c_function(open(f'{out}/m.h').read())) if not core.clang and c == out else None
    return (os.path.basename(model).split('.')[0], name, defined(out, 'ARENA_BYTES'), defined(out, 'STATE_BYTES'),
            noted or first.stack('train'), *image.flash_of(out), train, infer)


def main():
    p = argparse.ArgumentParser()
    p.add_argument('thimble', type=os.path.abspath)
    p.add_argument('models', nargs='+')
    p.add_argument('--cores', default='m4,m7,m55,m55-clang,rv32')
    p.add_argument('--steps', type=int, default=10)
    p.add_argument('--ram', type=int, default=0)
    p.add_argument('--markdown', action='store_true')
    p.add_argument('--optimize', default='O2')
    p.add_argument('--emit', choices=('c', 'obj'), default='c')
    given, options = sys.argv[1:], []
    if '--' in given:
        given, options = given[:given.index('--')], given[given.index('--') + 1:]
    args = p.parse_args(given)
    args.options = options
    missing = [m for m in (image.is_here(image.CORES[c]) for c in args.cores.split(',')) if m]
    if missing:
        print(f'skipped: {missing[0]} is not here')
        return 77
    row, cell = ('| {} |', ' | ') if args.markdown else ('{}', ',')
    print(row.format(cell.join(COLUMNS)), flush=True)
    if args.markdown:
        print('|---|---' + '|--:' * (len(COLUMNS) - 2) + '|')
    bad = False
    for model in args.models:
        for name in args.cores.split(','):
            with tempfile.TemporaryDirectory() as out:
                try:
                    path, _, loss = model.partition(':')
                    columns = measure(args, path, loss or 'cross-entropy', name, image.build_plugin(out), out)
                    print(row.format(cell.join(map(str, columns))), flush=True)
                except RuntimeError as e:
                    print(f'{model} on {name}: {e}', file=sys.stderr)
                    bad = True
    return bad


if __name__ == '__main__':
    sys.exit(main())
