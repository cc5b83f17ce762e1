#!/usr/bin/env python3
"""A quantized model on microcontrollers: an inference under QEMU, with NumPy's integers.

    quantized_cores.py THIMBLE [--cores NAME,...]

The model is of QuantizeLinear and DequantizeLinear around real numbers, a convolution and three
separable ones. A line for each core and way, in CSV: with integers, and with real numbers
(--disable integers), whose results may be one integer away and so are not looked at. Memory in bytes;
instructions of the inference are exact, but no cycles.
"""
import itertools
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, f'{HERE}/qemu')
import image                    # noqa: E402
from quantized import Model, np  # noqa: E402

SIZE = 32


def separable(pooled):
    x = np.random.default_rng(1).standard_normal((1, 3, SIZE, SIZE)).astype('f4')
    m = Model(1, 'u1', 'i1', 'qdq')
    m.begin(x, 0.02, 128)
    m.conv(16, 3, 2, 1, 1, (0.05, 0), True, 'Relu')
    for rows, stride, scale in ((32, 1, 0.06), (64, 2, 0.1), (64, 2, 0.2))[:2 if pooled else 3]:
        m.conv(m.y.shape[1], 3, stride, 1, m.y.shape[1], (scale, 0), True, 'Relu')
        m.conv(rows, 1, 1, 0, 1, (2 * scale, 0), True, 'Relu')
    if pooled:   # in real numbers what clang 19 made of it did not end on an M55
        m.pool()
    m.flatten()
    m.dense(10, (8, 100), 'Gemm')
    return m, x


def checksum(data):
    h = 2166136261
    for byte in data:
        h = (h ^ byte) * 16777619 & 0xffffffff
    return f'{h:08x}'


def header(out, m, x):
    numbers = ',\n'.join(float(v).hex() + 'f' for v in x.ravel())
    with open(f'{out}/quantized.h', 'w') as f:
        f.write(f'#include "m.h"\nenum {{ OUTPUT_BYTES = {m.y.nbytes} }};\n'
                f'static const float input[] = {{\n{numbers}\n}};\n')


def defined(out, what):
    return int(open(f'{out}/m.h').read().split(f'#define M_{what} ')[1].split('u')[0])


def measure(thimble, name, m, x, options, out):
    """The checksum; arena, code, constants and instructions."""
    core = image.CORES[name]
    m.save(out, x)
    header(out, m, x)
    image.compile_model(thimble, f'{out}/model.onnx', options, core, out)
    built = image.build(core, out, program=f'{HERE}/qemu/infer.c')
    got = image.run(core, built, image.build_plugin(out), writes=False)
    return got.lines[0][1], (defined(out, 'ARENA_BYTES'), *image.flash_of(out),
                             max(got.instructions['infer']))


def main():
    thimble, cores = os.path.abspath(sys.argv[1]), 'm4,m55-clang,rv32'
    if sys.argv[2:3] == ['--cores']:
        cores = sys.argv[3]
    missing = [p for p in (image.is_here(image.CORES[c]) for c in cores.split(',')) if p]
    if missing:
        print(f'skipped: {missing[0]} is not here')
        sys.exit(77)
    bad = False
    print('pooled,core,way,arena,code,constants,instructions', flush=True)
    for pooled, name in itertools.product((False, True), cores.split(',')):
        m, x = separable(pooled)
        want = checksum(m.y.tobytes())
        for way, options in ('integers', ()), ('real numbers', ('--disable=integers',)):
            with tempfile.TemporaryDirectory() as out:
                sums, columns = measure(thimble, name, m, x, options, out)
            print(pooled, name, way, *columns, sep=',', flush=True)
            if not options and int(sums, 16) != int(want, 16):
                print(f'{name}: other integers than NumPy')
                bad = True
    sys.exit(bad)


if __name__ == '__main__':
    main()
