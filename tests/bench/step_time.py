#!/usr/bin/env python3
"""Time of one training step beside PyTorch's, both on one thread, in one run.

    step_time.py THIMBLE MODELS_DIR [TORCH_MODELS_DIR] [--models a,b] [--batches 1,32]
                 [--optimizer sgd] [--blas none|openblas] [--rounds 5] > step_time.csv

MODELS_DIR holds NAME_bBATCH_op17_train.onnx. The emitted C is built with
`cc -O3 -march=native -ffp-contract=fast` and run as its own process. With
TORCH_MODELS_DIR, a folder whose make_models.py has build, inputs_of, target_of and
loss_of, the same models run in PyTorch (Debian's python3-torch). The two take turns, round
by round; each figure is the median over rounds of the median step. One CSV row a model.
"""
import argparse
import csv
import glob
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

from memory import loss_of

MAIN = r'''
#define _POSIX_C_SOURCE 199309L
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "m.h"

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void *read_file(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	fseek(f, 0, SEEK_END);
	*n = (size_t)ftell(f);
	rewind(f);
	void *p = malloc(*n + 1);
	if (fread(p, 1, *n, f) != *n)
		exit(1);
	fclose(f);
	return p;
}

int main(int argc, char **argv)
{
	static m_t k;
	static double t[100000];
	size_t nw;
	void *weights = read_file(argv[1], &nw);
	void *arena = aligned_alloc(64, (M_ARENA_BYTES + 127) / 64 * 64);
	void *state = aligned_alloc(64, (M_STATE_BYTES + 127) / 64 * 64);
	float loss = 0;
	if (m_init(&k, arena, M_ARENA_BYTES, state, M_STATE_BYTES, weights, nw))
		return 1;
	float *data = malloc(4 * 64000000u);
	int *labels = calloc(4, 1000000);
	for (size_t i = 0; i < 64000000u; i++)
		data[i] = (float)(rand() % 2001 - 1000) / 500.0f;
	double budget = atof(argv[2]), begin = now();
	int n = 0;
	do {
		double start = now();
		if (m_train_step(&k, ARGS))
			return 1;
		t[n++] = now() - start;
	} while (n < 100000 && (n < 3 || now() - begin < budget));
	qsort(t, (size_t)n, sizeof *t, by_value);
	printf("%.6f\n", t[n / 2]);
	return 0;
}
'''


def build(tool, path, model, args, work):
    command = [tool, 'compile', path, '-o', f'{work}/m', '--name', 'm', '--weights', 'bin',
               '--loss', loss_of(model), '--optimizer', args.optimizer + ':lr=1e-6', '--blas', args.blas]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    header = open(f'{work}/m/m.h').read()
    types = re.search(r'm_status m_train_step\(([^)]*)\)', header, re.S).group(1).split(',')[1:]
    values = ['&loss' if 'const' not in t else 'labels' if 'int' in t else 'data' for t in types]
    with open(f'{work}/main.c', 'w') as f:
        f.write(MAIN.replace('ARGS', ', '.join(values)))
    libs = ['-lopenblas'] if args.blas == 'openblas' else []
    subprocess.run(['cc', '-O3', '-march=native', '-ffp-contract=fast', '-std=c11', '-o', f'{work}/step',
                    f'{work}/main.c', f'{work}/m/m.c', f'-I{work}/m', *libs, '-lm'], check=True)


def thimble_step(work, budget):
    r = subprocess.run([f'{work}/step', f'{work}/m/m_weights.bin', str(budget * 1000)],
                       check=True, capture_output=True, text=True)
    return float(r.stdout)


class Torch:
    def __init__(self, folder, name, batch, optimizer):
        sys.path.insert(0, folder)
        import torch
        import make_models
        torch.set_num_threads(1)
        self.model = make_models.build(name).train()
        self.x = make_models.inputs_of(name, batch)
        self.t = make_models.target_of(name, batch, self.x)
        self.loss = lambda y: make_models.loss_of(name, y, self.t)
        p = self.model.parameters()
        self.o = {'sgd': lambda: torch.optim.SGD(p, 1e-6),
                  'momentum': lambda: torch.optim.SGD(p, 1e-6, momentum=0.9),
                  'adam': lambda: torch.optim.Adam(p, 1e-6)}[optimizer]()

    def once(self):
        start = time.perf_counter()
        self.o.zero_grad(set_to_none=True)
        self.loss(self.model(*self.x)).backward()
        self.o.step()
        return 1e3 * (time.perf_counter() - start)

    def step(self, budget):
        times, begin = [], time.time()
        while len(times) < 3 or time.time() - begin < budget:
            times.append(self.once())
        return statistics.median(times)


def measure(tool, path, model, batch, args, out):
    with tempfile.TemporaryDirectory() as work:
        build(tool, path, model, args, work)
        torch = Torch(args.torch, model, batch, args.optimizer) if args.torch else None
        ours, theirs = [], []
        for _ in range(args.rounds):
            ours.append(thimble_step(work, args.budget))
            if torch:
                theirs.append(torch.step(args.budget))
    a = statistics.median(ours)
    b = statistics.median(theirs) if theirs else None
    out.writerow([model, batch, args.optimizer, args.blas, f'{a:.4f}', f'{b:.4f}' if b else '',
                  f'{a / b:.3f}' if b else ''])
    sys.stdout.flush()


def main():
    p = argparse.ArgumentParser()
    p.add_argument('tool')
    p.add_argument('onnx')
    p.add_argument('torch', nargs='?')
    p.add_argument('--models')
    p.add_argument('--batches', default='1,32')
    p.add_argument('--optimizer', default='sgd')
    p.add_argument('--blas', default='none')
    p.add_argument('--rounds', type=int, default=5)
    p.add_argument('--budget', type=float, default=0.5, help='seconds a round')
    args = p.parse_args()
    wanted = args.models.split(',') if args.models else None
    out = csv.writer(sys.stdout)
    out.writerow(['model', 'batch', 'optimizer', 'blas', 'thimble_ms', 'pytorch_ms', 'ratio'])
    for path in sorted(glob.glob(f'{args.onnx}/*_op17_train.onnx')):
        model, batch = re.match(r'(.*)_b(\d+)_op17_train', os.path.basename(path)).groups()
        if (wanted and model not in wanted) or batch not in args.batches.split(','):
            continue
        try:
            measure(args.tool, path, model, int(batch), args, out)
        except subprocess.CalledProcessError:
            print(f'{model} batch {batch}: does not compile', file=sys.stderr)


if __name__ == '__main__':
    main()
