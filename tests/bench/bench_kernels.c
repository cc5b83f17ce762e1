/*
 * Speed of the compute kernels, one thread, as CSV: kernel, shape, ns per
 * call (best of several runs), GFLOP/s, and for products the GFLOP/s of
 * OpenBLAS on the same call.  Arguments select kernels by prefix.
 */
#define _POSIX_C_SOURCE 199309L

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/rt.h"
#include "runtime/workspace.h"
#include "tests/runtime/any_conv.h"

void openblas_set_num_threads(int n);

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

typedef void bench_fn(void *state);

/* The best time of one call; each run lasts about 4 ms. */
static double bench_time(bench_fn *fn, void *state)
{
	double start = now_ns(), best = 1e30;
	long calls = 1;

	fn(state);
	do {
		start = now_ns();
		for (long i = 0; i < calls; i++)
			fn(state);
		best = now_ns() - start;
		calls *= 2;
	} while (best < 2e6);
	best /= (double)(calls / 2);
	for (int run = 0; run < 7; run++) {
		start = now_ns();
		for (long i = 0; i < calls; i++)
			fn(state);
		const double t = (now_ns() - start) / (double)calls;
		if (t < best)
			best = t;
	}
	return best;
}

static float *data_new(int64_t count)
{
	float *p = malloc((size_t)count * sizeof(float) + 64);

	if (!p)
		exit(1);
	for (int64_t i = 0; i < count; i++)
		p[i] = (float)(i * 7 % 13 - 6) * 0.1f;
	return p;
}

static int wanted(int argc, char **argv, const char *name)
{
	for (int i = 1; i < argc; i++)
		if (!strncmp(argv[i], name, strlen(argv[i])))
			return 1;
	return argc < 2;
}

/* ---- products ---- */

struct gemm {
	int ta, tb;
	int32_t m, n, k;
	float *a, *b, *y, *ws;
};

static void gemm_ours(void *state)
{
	const struct gemm *g = state;

	rt_gemm(g->ta, g->tb, g->m, g->n, g->k, 1, g->a, g->ta ? g->m : g->k,
		g->b, g->tb ? g->k : g->n, 0, g->y, g->n, g->ws);
}

static void gemm_theirs(void *state)
{
	const struct gemm *g = state;

	rt_gemm_blas(g->ta, g->tb, g->m, g->n, g->k, 1, g->a,
		g->ta ? g->m : g->k, g->b, g->tb ? g->k : g->n, 0, g->y, g->n,
		NULL);
}

static void bench_gemm(int ta, int tb, int32_t m, int32_t n, int32_t k)
{
	const double flops = 2.0 * m * n * k;
	struct gemm g = { ta, tb, m, n, k, data_new((int64_t)m * k),
		data_new((int64_t)k * n), data_new((int64_t)m * n),
		data_new(rt_gemm_workspace(ta, tb, m, n, k) / 4) };
	const double ours = bench_time(gemm_ours, &g);
	const double theirs = bench_time(gemm_theirs, &g);
	float *const ws = g.ws;

	g.ws = NULL;
	printf("gemm_%c%c,%dx%dx%d,%.0f,%.2f,%.2f", ta ? 't' : 'n',
		tb ? 't' : 'n', m, n, k, ours, flops / ours, flops / theirs);
	printf(",%.2f\n", m < 512 ? flops / bench_time(gemm_ours, &g) : 0);
	fflush(stdout);
	free(g.a), free(g.b), free(g.y), free(ws);
}

static void bench_gemms(int argc, char **argv)
{
	static const int32_t square[] = { 8, 16, 32, 64, 128, 256, 512, 1024 };
	static const int32_t layer[][3] = {	/* batch, in, out */
		{ 1, 784, 256 }, { 1, 256, 128 }, { 1, 128, 10 },
		{ 1, 400, 120 }, { 1, 120, 84 }, { 4, 784, 256 },
		{ 32, 784, 256 }, { 32, 256, 128 }, { 32, 128, 10 },
		{ 32, 400, 120 }, { 32, 120, 84 }, { 32, 84, 10 },
	};

	if (!wanted(argc, argv, "gemm"))
		return;
	for (size_t i = 0; i < sizeof(square) / sizeof(square[0]); i++)
		for (int t = 0; t < 3; t++)
			bench_gemm(t == 2, t == 1, square[i], square[i],
				square[i]);
	for (size_t i = 0; i < sizeof(layer) / sizeof(layer[0]); i++) {
		const int32_t m = layer[i][0], n = layer[i][2];
		const int32_t k = layer[i][1];
		bench_gemm(0, 1, m, n, k);
		bench_gemm(0, 0, m, k, n);
		bench_gemm(1, 0, n, k, m);
	}
}

/* ---- convolutions ---- */

struct conv {
	rt_conv d;
	float *x, *w, *y, *ws;
};

static void conv_forward(void *state)
{
	const struct conv *c = state;

	any_conv_forward(&c->d, c->x, c->w, NULL, c->y, c->ws);
}

static void conv_grad_input(void *state)
{
	const struct conv *c = state;

	any_conv_grad_input(&c->d, c->y, c->w, c->x, c->ws);
}

static void conv_grad_weight(void *state)
{
	const struct conv *c = state;

	any_conv_grad_weight(&c->d, 1, c->x, c->y, 0, c->w, c->ws);
}

static void conv_row(const char *name, const char *label, bench_fn *fn,
	struct conv *c, int64_t ws_bytes)
{
	const rt_conv *d = &c->d;
	const double flops = 2.0 * d->n * d->o * d->oh * d->ow
		* (d->c / d->groups) * d->kh * d->kw;
	double ns;

	c->ws = data_new(ws_bytes / 4);
	ns = bench_time(fn, c);
	printf("%s,%s,%.0f,%.2f,", name, label, ns, flops / ns);
	free(c->ws), c->ws = NULL;
	printf(",%.2f\n", flops / bench_time(fn, c));
	fflush(stdout);
}

static void bench_conv(const rt_conv *d)
{
	struct conv c = { .d = *d };
	char label[128];

	snprintf(label, sizeof(label), "n%d_c%d_%dx%d_o%d_k%dx%d_s%d_g%d",
		d->n, d->c, d->h, d->w, d->o, d->kh, d->kw, d->sh, d->groups);
	c.x = data_new((int64_t)d->n * d->c * d->h * d->w);
	c.w = data_new((int64_t)d->o * (d->c / d->groups) * d->kh * d->kw);
	c.y = data_new((int64_t)d->n * d->o * d->oh * d->ow);
	conv_row("conv_forward", label, conv_forward, &c,
		rt_conv_forward_workspace(d));
	conv_row("conv_grad_input", label, conv_grad_input, &c,
		rt_conv_grad_input_workspace(d));
	conv_row("conv_grad_weight", label, conv_grad_weight, &c,
		rt_conv_grad_weight_workspace(d));
	free(c.x), free(c.w), free(c.y);
}

/* c, o, h, w, kh, kw, stride, groups; the pads keep h and w at stride 1 */
static const int32_t layers[][8] = {
	{ 3, 16, 32, 32, 3, 3, 1, 1 },		/* ResNet-8 */
	{ 16, 16, 32, 32, 3, 3, 1, 1 },
	{ 16, 32, 32, 32, 3, 3, 2, 1 },
	{ 16, 32, 32, 32, 1, 1, 2, 1 },
	{ 32, 32, 16, 16, 3, 3, 1, 1 },
	{ 64, 64, 8, 8, 3, 3, 1, 1 },
	{ 1, 6, 28, 28, 5, 5, 1, 1 },		/* LeNet-5 */
	{ 6, 16, 14, 14, 5, 5, 1, 1 },
	{ 1, 64, 49, 10, 10, 4, 2, 1 },		/* DS-CNN */
	{ 64, 64, 25, 5, 3, 3, 1, 64 },
	{ 64, 64, 25, 5, 1, 1, 1, 1 },
	{ 3, 8, 96, 96, 3, 3, 2, 1 },		/* MobileNetV1-0.25 */
	{ 8, 8, 48, 48, 3, 3, 1, 8 },
	{ 8, 16, 48, 48, 1, 1, 1, 1 },
	{ 16, 16, 48, 48, 3, 3, 2, 16 },
	{ 128, 128, 6, 6, 3, 3, 1, 128 },
	{ 128, 128, 6, 6, 1, 1, 1, 1 },
	{ 3, 64, 224, 224, 7, 7, 2, 1 },	/* ResNet-50 */
	{ 64, 64, 56, 56, 3, 3, 1, 1 },
	{ 256, 64, 56, 56, 1, 1, 1, 1 },
	{ 512, 512, 7, 7, 3, 3, 1, 1 },
};

static void bench_convs(int argc, char **argv)
{
	if (!wanted(argc, argv, "conv"))
		return;
	for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++) {
		const int32_t *l = layers[i];
		rt_conv d = { .n = 1, .c = l[0], .h = l[2], .w = l[3],
			.o = l[1], .kh = l[4], .kw = l[5], .sh = l[6],
			.sw = l[6], .ph = (l[4] - 1) / 2, .pw = (l[5] - 1) / 2,
			.dh = 1, .dw = 1, .groups = l[7] };
		d.oh = (d.h - 1) / d.sh + 1, d.ow = (d.w - 1) / d.sw + 1;
		bench_conv(&d);
		if (l[2] < 50 || l[0] == 8) {
			d.n = 32;
			bench_conv(&d);
		}
	}
}

int main(int argc, char **argv)
{
	openblas_set_num_threads(1);
	printf("kernel,shape,ns,gflops,openblas_gflops,no_workspace_gflops\n");
	bench_gemms(argc, argv);
	bench_convs(argc, argv);
	return 0;
}
