#!/usr/bin/python3
"""A training step by LLVM beside the same by the C compiler, and how soon the first one is done.

    jit.py THIMBLE MODELS_DIR [--models a,b] [--batches 1,32] [--optimizer sgd]
           [--cache DIR] [--rounds 5] [--seconds 0.5] > jit.csv

MODELS_DIR holds NAME_bBATCH_op17_train.onnx. `thimble train` runs on random data with each
executor; both get its flags (-O3 -march=native, contraction for the host). A step's time is the
processor's: that of N steps more, divided by N, without what the C compiler took; the two take
turns, round by round, and the ratio is the median of the rounds'. `start` is what a run of one
step takes beyond that step: reading, planning, compiling; for C the first time. What the C
compiler makes is kept in DIR and taken from there while the C is the same. One CSV row a model.
"""
import argparse
import csv
import glob
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile

import numpy

from memory import loss_of

# $CC: the compiler, which leaves its time in a file and what it made in a folder.
COMPILER = '''#!/usr/bin/python3
import glob, hashlib, os, resource, shutil, subprocess, sys
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
used = [resource.getrusage(who) for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF)]
open({log!r}, 'w').write(str(sum(u.ru_utime + u.ru_stime for u in used)))
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


def run(command, steps, executor, work):
    """Seconds of the run: all, and without those of the compiler."""
    log = f'{work}/cc.log'
    open(log, 'w').write('0')
    before = processor_seconds()
    subprocess.run([*command, '--steps', str(steps), '--executor', executor], check=True,
                   capture_output=True, env={**os.environ, 'CC': f'{work}/cc'})
    seconds = processor_seconds() - before
    return seconds, seconds - float(open(log).read())


def measure(tool, path, model, batch, args, work):
    loss = loss_of(model)
    with open(f'{work}/cc', 'w') as f:
        f.write(COMPILER.format(log=f'{work}/cc.log', cache=args.cache or work))
    os.chmod(f'{work}/cc', 0o755)
    command = [tool, 'train', path, '--data', write_data(tool, path, batch, work, loss), '--loss', loss,
               '--optimizer', args.optimizer + ':lr=1e-6', '--no-shuffle']
    start_c = run(command, 1, 'c', work)[0]
    one = {e: min(run(command, 1, e, work)[1] for _ in range(2)) for e in ('llvm', 'c')}
    more = 1
    while run(command, 1 + more, 'c', work)[1] - one['c'] < 0.7 * args.seconds and more < 1 << 20:
        more *= 2
    rounds = []
    for _ in range(args.rounds):
        step = {e: (run(command, 1 + more, e, work)[1] - one[e]) / more for e in one}
        rounds.append((step['llvm'], step['c'], step['llvm'] / step['c']))
    a, b, ratio = (statistics.median(x) for x in zip(*rounds))
    spread = [min(r[2] for r in rounds), max(r[2] for r in rounds)]
    return [f'{1e3 * a:.4f}', f'{1e3 * b:.4f}', *(f'{r:.3f}' for r in (ratio, *spread)),
            f'{one["llvm"] - a:.3f}', f'{start_c - b:.3f}']


def main():
    p = argparse.ArgumentParser()
    p.add_argument('tool')
    p.add_argument('onnx')
    p.add_argument('--models')
    p.add_argument('--batches', default='1,32')
    p.add_argument('--optimizer', default='sgd')
    p.add_argument('--cache', metavar='DIR', help='keep what the C compiler makes there')
    p.add_argument('--rounds', type=int, default=5)
    p.add_argument('--seconds', type=float, default=0.5, help='of each executor, a round')
    args = p.parse_args()
    if args.cache:
        os.makedirs(args.cache, exist_ok=True)
    wanted = args.models.split(',') if args.models else None
    out = csv.writer(sys.stdout)
    out.writerow(['model', 'batch', 'llvm_ms', 'c_ms', 'ratio', 'least', 'most', 'llvm_start_s', 'c_start_s'])
    for path in sorted(glob.glob(f'{args.onnx}/*_op17_train.onnx')):
        model, batch = re.match(r'(.*)_b(\d+)_op17_train', os.path.basename(path)).groups()
        if (wanted and model not in wanted) or batch not in args.batches.split(','):
            continue
        with tempfile.TemporaryDirectory() as work:
            try:
                out.writerow([model, batch, *measure(args.tool, path, model, int(batch), args, work)])
            except subprocess.CalledProcessError as e:
                print(f'{model} batch {batch}: {e.stderr.decode()}', file=sys.stderr)
            sys.stdout.flush()


if __name__ == '__main__':
    main()
