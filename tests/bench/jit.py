#!/usr/bin/python3
"""A training step by LLVM beside the same by the C compiler, and how soon the first one is done.

    jit.py THIMBLE MODELS_DIR [--models a,b] [--batches 1,32] [--rounds 3] [--seconds 2] > jit.csv

MODELS_DIR holds NAME_bBATCH_op17_train.onnx. `thimble train` runs on random data with each
executor; both get its flags (-O3 -march=native, contraction for the host). A step's time is the
processor's: that of N steps more, divided by N, without what the C compiler took; the two take
turns, round by round, and the ratio is the median of the rounds'. `start` is what a run of one
step takes beyond that step: reading, planning, compiling. One CSV row a model.
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

# $CC: the compiler, which leaves its time in a file.
COMPILER = '''#!/usr/bin/python3
import resource, subprocess, sys
status = subprocess.call(['cc'] + sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
open({log!r}, 'w').write(str(used.ru_utime + used.ru_stime))
sys.exit(status)
'''


def write_data(tool, path, work, loss):
    """Random inputs of the model, as files; labels are of the first two classes."""
    subprocess.run([tool, 'compile', path, '-o', f'{work}/m', '--name', 'm', '--weights', 'bin',
                    '--loss', loss, '--optimizer', 'sgd'], check=True, capture_output=True)
    help_text = open(f'{work}/m/m.h').read().split('m_status m_train_step')[0].split('One step of training')[1]
    r, files = numpy.random.RandomState(0), []
    for dtype, shape in re.findall(r"input\s[*\s]*'[^']*',\s[*\s]*(\w+)\[([\d,]*)\]", help_text):
        shape = [int(d) for d in shape.split(',') if d]
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


def measure(tool, path, model, args, work):
    loss = loss_of(model)
    with open(f'{work}/cc', 'w') as f:
        f.write(COMPILER.format(log=f'{work}/cc.log'))
    os.chmod(f'{work}/cc', 0o755)
    command = [tool, 'train', path, '--data', write_data(tool, path, work, loss), '--loss', loss,
               '--optimizer', 'sgd:lr=1e-6', '--no-shuffle']
    guess = max(1e-6, (run(command, 5, 'c', work)[1] - run(command, 1, 'c', work)[1]) / 4)
    more = max(3, min(20000, int(args.seconds / guess)))
    rounds = []
    for _ in range(args.rounds):
        one = {e: run(command, 1, e, work) for e in ('llvm', 'c')}
        many = {e: run(command, 1 + more, e, work) for e in ('llvm', 'c')}
        step = {e: (many[e][1] - one[e][1]) / more for e in one}
        rounds.append((step['llvm'], step['c'], one['llvm'][0] - step['llvm'], one['c'][0] - step['c']))
    a, b, start, start_c = (statistics.median(x) for x in zip(*rounds))
    ratio = statistics.median(r[0] / r[1] for r in rounds)
    return [f'{1e3 * a:.4f}', f'{1e3 * b:.4f}', f'{ratio:.3f}', f'{start:.3f}', f'{start_c:.3f}']


def main():
    p = argparse.ArgumentParser()
    p.add_argument('tool')
    p.add_argument('onnx')
    p.add_argument('--models')
    p.add_argument('--batches', default='1,32')
    p.add_argument('--rounds', type=int, default=3)
    p.add_argument('--seconds', type=float, default=2)
    args = p.parse_args()
    wanted = args.models.split(',') if args.models else None
    out = csv.writer(sys.stdout)
    out.writerow(['model', 'batch', 'llvm_ms', 'c_ms', 'ratio', 'llvm_start_s', 'c_start_s'])
    for path in sorted(glob.glob(f'{args.onnx}/*_op17_train.onnx')):
        model, batch = re.match(r'(.*)_b(\d+)_op17_train', os.path.basename(path)).groups()
        if (wanted and model not in wanted) or batch not in args.batches.split(','):
            continue
        with tempfile.TemporaryDirectory() as work:
            try:
                out.writerow([model, batch, *measure(args.tool, path, model, args, work)])
            except subprocess.CalledProcessError as e:
                print(f'{model} batch {batch}: {e.stderr.decode()}', file=sys.stderr)
            sys.stdout.flush()


if __name__ == '__main__':
    main()
