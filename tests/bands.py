#!/usr/bin/env python3
"""Bands of an image change no bit on an emulated microcontroller.

    bands.py THIMBLE SOURCE_DIR [CORE]...

What leads to the layer that trains is computed in bands and as a whole, in a few steps, an inference and an
evaluation; losses, outputs and weights must be the same, and the arena smaller. Status 77 where the compiler or
the emulator of a core is not here.
"""
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'qemu'))
import image

OPTIONS = ['--loss', 'cross-entropy', '--optimizer', 'momentum', '--freeze-bn', '--train', 'head*', '--feed']
BANDS = ['--tile', '4:/dilated/Conv_output_0']


def train(thimble, model, options, core):
    """What the steps give, and the bytes of the arena."""
    with tempfile.TemporaryDirectory() as out:
        image.compile_model(thimble, model, options, core, out)
        arena = open(f'{out}/m.h').read().split('#define M_ARENA_BYTES ')[1].split('u')[0]
        return image.run(core, image.build(core, out, steps=3)).results(), int(arena)


def main():
    thimble, source = map(os.path.abspath, sys.argv[1:3])
    model = f'{source}/tests/models/parity/residual-momentum.onnx'
    for name in sys.argv[3:] or ['m4']:
        core = image.CORES[name]
        missing = image.is_here(core)
        if missing:
            print(f'skipped: {missing} is not here')
            return 77
        whole, most = train(thimble, model, OPTIONS, core)
        bands, least = train(thimble, model, OPTIONS + BANDS, core)
        print(f'{name}: {len(whole)} results; arena {most} bytes as a whole, {least} in bands')
        if bands != whole:
            sys.exit(f'{name}: {bands} in bands, {whole} as a whole')
        if least >= most:
            sys.exit(f'{name}: bands save nothing')
    return 0


if __name__ == '__main__':
    sys.exit(main())
