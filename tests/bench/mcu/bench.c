/*
 * Runs each kernel once between two marks, and holds it against its definition:
 * small integers, so that sums are exact in any order. A line for each one:
 *
 *   NAME,MACS,STACK,BITS,WRONG
 *
 * where MACS are nominal (taps in the padding count), STACK is in bytes, and
 * BITS is a checksum of what the kernel makes of numbers that are not integers,
 * which must be that of every other machine.
 */
#include "measure.h"
#include "naive.h"
#include "runtime/rt.h"
#include "tests/runtime/any_conv.h"

#define MAX_FLOATS 10000

static float a[MAX_FLOATS], b[MAX_FLOATS], y[MAX_FLOATS], want[MAX_FLOATS];

/* What is run, and what of. */
typedef struct Case {
	const char *name;
	rt_conv d; /* a convolution, unless it has no channels */
	ConvWhat what;
	int ta, tb;
	int32_t m, n, k; /* a product */
	int update;      /* y -= 2 * it, as a step of SGD does */
	int bias;        /* as many as there are output channels, of b's */
} Case;

#define PRODUCT(name, ta, tb, m, n, k) \
	{ name, {0}, CONV_FORWARD, ta, tb, m, n, k, 0, 0 }
#define CONV_OF(name, what, c, o, size, out, taps, stride, pad, groups) \
	{ name, { 1, c, size, size, o, out, out, taps, taps, stride, stride, \
	          pad, pad, 1, 1, groups, 0 }, what, 0, 0, 0, 0, 0, 0, 0 }
#define CONV(name, ...) \
	CONV_OF(name, CONV_FORWARD, __VA_ARGS__), \
	CONV_OF(name "_grad_input", CONV_GRAD_INPUT, __VA_ARGS__), \
	CONV_OF(name "_grad_weight", CONV_GRAD_WEIGHT, __VA_ARGS__)
#define BIASED(name, c, o, size, out, taps, stride, pad) \
	{ name, { 1, c, size, size, o, out, out, taps, taps, stride, stride, \
	          pad, pad, 1, 1, 1, 0 }, CONV_FORWARD, 0, 0, 0, 0, 0, 0, 1 }

static const Case cases[] = {
	PRODUCT("gemm_nn", 0, 0, 64, 64, 64),
	PRODUCT("gemm_nt", 0, 1, 64, 64, 64),
	PRODUCT("gemm_tn", 1, 0, 64, 64, 64),
	PRODUCT("gemm_nn_odd", 0, 0, 13, 10, 37),
	PRODUCT("gemm_nt_odd", 0, 1, 13, 10, 37),
	PRODUCT("gemm_tn_odd", 1, 0, 13, 10, 37),
	PRODUCT("dense", 0, 1, 1, 64, 128),
	PRODUCT("dense_grad_input", 0, 0, 1, 128, 64),
	PRODUCT("dense_grad_weight", 1, 0, 64, 128, 1),
	{ "gemm_tn_update", {0}, CONV_FORWARD, 1, 0, 64, 64, 64, 1, 0 },
	{ "dense_update", {0}, CONV_FORWARD, 1, 0, 64, 128, 1, 1, 0 },
	CONV("pointwise", 32, 32, 16, 16, 1, 1, 0, 1),
	CONV("conv3x3", 16, 16, 16, 16, 3, 1, 1, 1),
	CONV("conv3x3_small", 32, 32, 6, 6, 3, 1, 1, 1),
	CONV("conv3x3_stride2", 16, 32, 16, 8, 3, 2, 1, 1),
	CONV("conv5x5", 6, 16, 14, 10, 5, 1, 0, 1),
	CONV("depthwise3x3", 32, 32, 16, 16, 3, 1, 1, 32),
	CONV("depthwise3x3_stride2", 32, 32, 16, 8, 3, 2, 1, 32),
	CONV("depthwise3x3_stride2_large", 4, 4, 48, 24, 3, 2, 1, 4),
	CONV("depthwise5x5", 8, 8, 12, 12, 5, 1, 2, 8),
	/* As TensorFlow pads: less in front than behind, where it is not even. */
	CONV("conv3x3_stride2_same", 16, 32, 16, 8, 3, 2, 0, 1),
	CONV("conv5x5_stride2", 6, 16, 16, 8, 5, 2, 2, 1),
	CONV("conv5x5_stride2_same", 6, 16, 16, 8, 5, 2, 1, 1),
	CONV("depthwise3x3_stride2_same", 32, 32, 16, 8, 3, 2, 0, 32),
	CONV("depthwise5x5_stride2", 8, 8, 16, 8, 5, 2, 2, 8),
	CONV("depthwise5x5_stride2_same", 8, 8, 16, 8, 5, 2, 1, 8),
	/* Tiles of every form, at both edges, not to be fast at. */
	PRODUCT("gemm_nn_wide", 0, 0, 9, 30, 7),
	PRODUCT("gemm_tn_wide", 1, 0, 9, 30, 7),
	{ "gemm_nn_wide_update", {0}, CONV_FORWARD, 0, 0, 9, 30, 7, 1, 0 },
	PRODUCT("dense_odd", 0, 1, 1, 21, 15),
	PRODUCT("dense_grad_input_odd", 0, 0, 1, 39, 14),
	PRODUCT("dense_grad_weight_odd", 1, 0, 6, 12, 1),
	{ "dense_odd_update", {0}, CONV_FORWARD, 0, 1, 1, 21, 15, 1, 0 },
	{ "dense_grad_input_odd_update", {0}, CONV_FORWARD, 0, 0, 1, 39, 14, 1, 0 },
	CONV("conv3x3_odd", 3, 5, 7, 7, 3, 1, 1, 1),
	CONV("conv3x3_stride2_odd", 3, 5, 11, 6, 3, 2, 1, 1),
	CONV("conv3x3_stride2_even", 3, 6, 22, 11, 3, 2, 1, 1),
	CONV("conv5x5_padded", 1, 3, 28, 28, 5, 1, 2, 1),
	CONV("conv5x5_odd", 2, 3, 11, 13, 5, 1, 3, 1),
	CONV("conv5x5_narrow", 2, 3, 3, 3, 5, 1, 2, 1),
	CONV("conv5x5_valid", 2, 3, 27, 23, 5, 1, 0, 1),
	CONV("conv3x3_tiny", 2, 3, 3, 3, 3, 1, 1, 1),
	CONV("conv3x3_wide", 3, 5, 9, 11, 3, 1, 2, 1),
	CONV("conv3x3_stride2_valid", 2, 7, 19, 9, 3, 2, 0, 1),
	CONV("conv5x5_stride2_odd", 3, 5, 31, 16, 5, 2, 2, 1),
	CONV("conv5x5_stride2_narrow", 3, 2, 5, 3, 5, 2, 2, 1),
	BIASED("conv3x3_bias", 3, 7, 11, 11, 3, 1, 1),
	BIASED("conv3x3_stride2_bias", 3, 6, 9, 5, 3, 2, 1),
	BIASED("conv5x5_bias", 2, 5, 15, 11, 5, 1, 0),
	CONV("depthwise3x3_odd", 3, 3, 7, 7, 3, 1, 1, 3),
	CONV("depthwise3x3_stride2_odd", 3, 3, 27, 14, 3, 2, 1, 3),
	CONV("depthwise3x3_stride2_even", 3, 3, 26, 13, 3, 2, 1, 3),
	CONV("depthwise3x3_stride2_valid", 3, 3, 25, 12, 3, 2, 0, 3),
	CONV("depthwise3x3_stride2_small", 3, 3, 6, 3, 3, 2, 1, 3),
};

/* ---- sizes ---- */

typedef struct Sizes {
	int32_t a, b, y;
} Sizes;

static Sizes sizes(const Case *c)
{
	const rt_conv *d = &c->d;
	if (!d->c)
		return (Sizes){c->m * c->k, c->k * c->n, c->m * c->n};
	int32_t x = d->n * d->c * d->h * d->w;
	int32_t w = d->o * (d->c / d->groups) * d->kh * d->kw;
	int32_t out = d->n * d->o * d->oh * d->ow;
	if (c->what == CONV_FORWARD)
		return (Sizes){x, w, out};
	if (c->what == CONV_GRAD_INPUT)
		return (Sizes){out, w, x};
	return (Sizes){x, out, w};
}

static int32_t macs(const Case *c)
{
	const rt_conv *d = &c->d;
	if (!d->c)
		return c->m * c->n * c->k;
	return d->n * d->o * d->oh * d->ow * (d->c / d->groups) * d->kh * d->kw;
}

/* ---- running ---- */

static void run(const void *any)
{
	const Case *c = any;
	if (!c->d.c)
		rt_gemm(c->ta, c->tb, c->m, c->n, c->k, c->update ? -2 : 1, a,
			c->ta ? c->m : c->k, b, c->tb ? c->k : c->n,
			(float)c->update, y, c->n, NULL);
	else if (c->what == CONV_FORWARD)
		any_conv_forward(&c->d, a, b, c->bias ? b : NULL, y, NULL);
	else if (c->what == CONV_GRAD_INPUT)
		any_conv_grad_input(&c->d, a, b, y, NULL);
	else
		any_conv_grad_weight(&c->d, 1, a, b, 0, y, NULL);
}

static void run_naive(const Case *c)
{
	if (!c->d.c)
		naive_gemm(c->ta, c->tb, c->m, c->n, c->k, a, b, want);
	else if (c->what == CONV_FORWARD)
		naive_conv(c->what, &c->d, a, b, want);
	else if (c->what == CONV_GRAD_INPUT)
		naive_conv(c->what, &c->d, want, b, a);
	else
		naive_conv(c->what, &c->d, a, want, b);
}

/* What begins with b's first ones, one a channel. */
static void add_bias(const rt_conv *d)
{
	float *to = want;
	for (int32_t o = 0; o < d->o; o++)
		for (int32_t i = 0; i < d->oh * d->ow; i++)
			*to++ += b[o];
}

static void fill(float *p, int32_t n, uint32_t seed, int whole)
{
	for (int32_t i = 0; i < n; i++) {
		seed = seed * 1664525u + 1013904223u;
		p[i] = whole ? (float)(seed >> 24) - 128.0f
			     : (float)(seed >> 8) / 8388608.0f - 1.0f;
	}
}

/* ---- one line ---- */

/* What y was, and what was made of it. */
static void update_want(int32_t n)
{
	fill(y, n, 5, 1);
	for (int32_t i = 0; i < n; i++)
		want[i] = y[i] - 2 * want[i];
}

static int32_t count_wrong(int32_t n)
{
	int32_t wrong = 0;
	for (int32_t i = 0; i < n; i++)
		wrong += y[i] != want[i];
	return wrong;
}

static void put_case(const Case *c, uint32_t stack_before)
{
	Sizes s = sizes(c);
	fill(a, s.a, 1, 1), fill(b, s.b, 2, 1);
	run_naive(c);
	if (c->bias)
		add_bias(&c->d);
	if (c->update)
		update_want(s.y);
	uint32_t stack = measure(run, c) - stack_before;
	int32_t wrong = count_wrong(s.y);
	fill(a, s.a, 3, 0), fill(b, s.b, 4, 0);
	run(c);
	put_line(c->name, macs(c), stack, checksum(y, s.y * sizeof y[0]),
		 wrong);
}

int main(void)
{
	uint32_t stack = measure(NULL, NULL);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		put_case(&cases[i], stack);
	put_s8_cases(stack);
	return 0;
}
