#!/usr/bin/python3
"""A training step by LLVM beside the same by the C compiler, and how soon the first one is done.

    jit.py THIMBLE JIT_STEP MODELS_DIR [--models a,b] [--batches 1,32] [--optimizer sgd]
           [--cache DIR] [--seconds 5] [--start] > jit.csv

MODELS_DIR holds NAME_bBATCH_op17_train.onnx; JIT_STEP is build/tests/jit_step (jit_step.c), which runs the step of
each executor by turns in one process; both get thimble's flags (-O3 -march=native, contraction for the host). The
ratio is the median of the turns' ratios, of all and of either half; milliseconds are the least, of the
processor's time. With --start, `start` is what `thimble train` on random data takes of it for one step, beyond
that step: reading, planning, compiling; for C the first time. What the C compiler makes is kept in DIR and taken from
there while the C is the same. One CSV row a model.
"""
import argparse
import csv
import glob
import os
import re
import resource
import subprocess
import sys
import tempfile

import numpy

from memory import loss_of

# $CC: the compiler, which leaves what it made in a folder.
COMPILER = '''#!/usr/bin/python3
import glob, hashlib, os, shutil, subprocess, sys
folder, out = (sys.argv[sys.argv.index(o) + 1] for o in ('-I', '-o'))
key = hashlib.sha256(' '.join(sys.argv[1:]).replace(folder, '').encode())
for name in sorted(glob.glob(folder + '/*.[ch]')):
    key.update(open(name, 'rb').read())
kept = {cache!r} + '/' + key.hexdigest() + '.so'
status = 0
if os.path.exists(kept):
    shutil.copy(kept, out)
else:
    status = subprocess.call(['cc'] + sys.argv[1:])
    if not status:
        shutil.copy(out, kept)
sys.exit(status)
'''


def by_example(shape, batch):
    """Files hold one example after the other, also where time comes first, or is flattened."""
    if shape[0] == batch:
        return shape
    return [batch, shape[0], *shape[2:]] if len(shape) > 1 else [batch, shape[0] // batch]


def write_data(tool, path, batch, work, loss):
    """Random inputs of the model, as files; labels are of the first two classes."""
    subprocess.run([tool, 'compile', path, '-o', f'{work}/m', '--name', 'm', '--weights', 'bin',
                    '--loss', loss, '--optimizer', 'sgd'], check=True, capture_output=True)
    help_text = open(f'{work}/m/m.h').read().split('m_status m_train_step')[0].split('One step of training')[1]
    r, files = numpy.random.RandomState(0), []
    for dtype, shape in re.findall(r"input\s[*\s]*'[^']*',\s[*\s]*(\w+)\[([\d,]*)\]", help_text):
        shape = by_example([int(d) for d in shape.split(',') if d], batch)
        shape[0] *= 4
        x = r.rand(*shape).astype('f4') if dtype == 'f32' else r.randint(0, 2, shape).astype('i4')
        files.append(f'{work}/{len(files)}.npy')
        numpy.save(files[-1], x)
    return ','.join(files)


def processor_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def start(tool, path, batch, loss, args, work, step):
    """Seconds before the first step: by LLVM, by C."""
    command = [tool, 'train', path, '--data', write_data(tool, path, batch, work, loss), '--loss', loss,
               '--optimizer', args.optimizer, '--no-shuffle', '--steps', '1']
    found = []
    for executor, ms in zip(('llvm', 'c'), step):
        before = processor_seconds()
        subprocess.run([*command, '--executor', executor], check=True, capture_output=True)
        found.append(f'{processor_seconds() - before - ms / 1e3:.3f}')
    return found


def measure(args, path, model, batch, work):
    loss = loss_of(model)
    with open(f'{work}/cc', 'w') as f:
        f.write(COMPILER.format(cache=args.cache or work))
    os.chmod(f'{work}/cc', 0o755)
    words = subprocess.run([args.jit_step, path, loss, args.optimizer, str(args.seconds)], check=True, text=True,
                           capture_output=True, env={**os.environ, 'CC': f'{work}/cc'}).stdout.split()
    step = [float(w) for w in words[3:]]
    return [*words[3:], *words[:3], *(start(args.tool, path, batch, loss, args, work, step) if args.start else [])]


def main():
    p = argparse.ArgumentParser()
    p.add_argument('tool')
    p.add_argument('jit_step')
    p.add_argument('onnx')
    p.add_argument('--models')
    p.add_argument('--batches', default='1,32')
    p.add_argument('--optimizer', default='sgd')
    p.add_argument('--cache', metavar='DIR', help='keep what the C compiler makes there')
    p.add_argument('--seconds', type=float, default=5)
    p.add_argument('--start', action='store_true')
    args = p.parse_args()
    if args.cache:
        os.makedirs(args.cache, exist_ok=True)
    wanted = args.models.split(',') if args.models else None
    out = csv.writer(sys.stdout)
    out.writerow(['model', 'batch', 'llvm_ms', 'c_ms', 'ratio', 'first', 'second'] +
                 ['llvm_start_s', 'c_start_s'] * args.start)
    for path in sorted(glob.glob(f'{args.onnx}/*_op17_train.onnx')):
        model, batch = re.match(r'(.*)_b(\d+)_op17_train', os.path.basename(path)).groups()
        if (wanted and model not in wanted) or batch not in args.batches.split(','):
            continue
        with tempfile.TemporaryDirectory() as work:
            try:
                out.writerow([model, batch, *measure(args, path, model, int(batch), work)])
            except subprocess.CalledProcessError as e:
                print(f'{model} batch {batch}: {e.stderr.decode()}', file=sys.stderr)
            sys.stdout.flush()


if __name__ == '__main__':
    main()
