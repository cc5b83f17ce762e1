#!/usr/bin/env python3
"""Real training beside PyTorch's, loss by loss: batches in the file's order, the same first weights.

    curves.py THIMBLE NAME MODEL.onnx DATA CURVE.csv [--steps N] [--log FILE] > rows.csv

NAME is one of

    gpt_tiny   bytes of Tiny Shakespeare, batch 32 of 64, Adam at 1e-3
    lstm_lm    words of wikitext-2 (validation text), batch 32 of 35 side by side, the state
               (inputs h0, c0, outputs hn, cn) carried from step to step, Adam at 2e-3
    gru_kws    spoken digits, 49 frames of 10 coefficients, batch 32, Adam at 2e-3

DATA is the folder with tinyshakespeare/, wikitext-2/ and fsdd/; CURVE.csv has the columns
step,loss of the recorded run. Trains as many steps as are recorded, or N. Without training,
--log compares what `thimble train --log` left behind. Rows: step, ours, recorded, relative
difference; on stderr the largest, from where on it is above 1 %, and what thimble says of
time and validation.
"""
import argparse
import csv
import os
import subprocess
import sys
import tempfile

RUNS = {
    'gpt_tiny': ['tinyshakespeare/input.txt:u8', None, '--stream',
                 '--loss', 'cross-entropy:axis=-1', '--optimizer', 'adam:lr=1e-3'],
    'lstm_lm': ['wikitext-2/valid.ids.u16:u16', None, '--stream', '--batch-axis', '1',
                '--carry', 'h0=hn', '--carry', 'c0=cn',
                '--loss', 'cross-entropy:axis=-1', '--optimizer', 'adam:lr=2e-3'],
    'gru_kws': ['fsdd/fsdd_train.f32:f32:49x10,fsdd/fsdd_train.lab:u8',
                'fsdd/fsdd_test.f32:f32:49x10,fsdd/fsdd_test.lab:u8',
                '--loss', 'cross-entropy', '--optimizer', 'adam:lr=2e-3'],
}
NEAR = 0.01


def inside(folder, files):
    return ','.join(os.path.join(folder, f) for f in files.split(','))


def losses(path):
    with open(path, newline='') as f:
        return [float(row['loss']) for row in csv.DictReader(f)]


def train(args, log, steps):
    """Trains; the last lines of what thimble says, without the memory."""
    data, val, *rest = RUNS[args.name]
    command = [args.tool, 'train', args.model, '--data', inside(args.data, data), *rest,
               *(['--val-data', inside(args.data, val)] if val else []),
               '--no-shuffle', '--steps', str(steps), '--log', log]
    r = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if r.returncode:
        sys.exit(r.returncode)
    return [line for line in r.stdout.splitlines()
            if 'ms each' in line or line.startswith('validation')]


def main():
    p = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    p.add_argument('tool')
    p.add_argument('name', choices=RUNS)
    p.add_argument('model')
    p.add_argument('data')
    p.add_argument('curve')
    p.add_argument('--steps', type=int)
    p.add_argument('--log')
    args = p.parse_args()
    recorded, said = losses(args.curve), []
    with tempfile.TemporaryDirectory() as work:
        log = args.log or f'{work}/log.csv'
        if not args.log:
            said = train(args, log, args.steps or len(recorded))
        ours = losses(log)
    out = csv.writer(sys.stdout, lineterminator='\n')
    out.writerow(['step', 'ours', 'recorded', 'difference'])
    away = []
    for step, (a, b) in enumerate(zip(ours, recorded), 1):
        away.append(abs(a - b) / abs(b))
        out.writerow([step, f'{a:.7g}', f'{b:.7g}', f'{away[-1]:.3g}'])
    far = [step for step, d in enumerate(away, 1) if not d <= NEAR]
    worst = max(range(len(away)), key=away.__getitem__)
    print(f'{args.name}: {len(away)} steps, largest difference {away[worst]:.3g} at step {worst + 1}, '
          + (f'above {NEAR:g} from step {far[0]} on' if far else f'never above {NEAR:g}'),
          *said, sep='\n', file=sys.stderr)


if __name__ == '__main__':
    main()
