/* The kernels on 8-bit integers, as bench.c does it; with scales of channels, and
 * x of either kind by turns. */
#include "measure.h"
#include "runtime/s8.h"

enum { MAX_X = 8192, MAX_W = 9216, MAX_Y = 8192, MAX_O = 64 };

static uint8_t x[MAX_X];
static int32_t y[MAX_Y], want[MAX_Y];
static int8_t w[MAX_W], turned[MAX_W];   /* a product's b, transposed and not */
static int8_t wz[MAX_O];
static int32_t bias[MAX_O], columns[2048];
static float scale[MAX_O];

typedef struct Case {
	const char *name;
	rt_conv d;
	int is_unsigned;
	int is_product;   /* instead, of n rows, c by o */
	int is_any;       /* sums, of weights with zero points */
	int is_centred;   /* the zero point of x is 0 */
} Case;

#define CONV(name, c, o, size, out, taps, stride, pad, groups) \
	{ name, { 1, c, size, size, o, out, out, taps, taps, stride, stride, \
	          pad, pad, 1, 1, groups, 0 }, size % 2, 0, 0, 0 }
#define PRODUCT(name, m, k, n) \
	{ name, { m, k, 1, 1, n, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0 }, m % 2, 1, 0, 0 }
/* Of any kernel, stride, dilation and pads. */
#define ANY(name, c, o, size, out, kh, kw, stride, step, pad, groups) \
	{ name, { 2, c, size, size, o, out, out, kh, kw, stride, stride, \
	          pad, pad, step, step, groups, 0 }, c % 2, 0, 1, 0 }
#define CENTRED(name, c, o) \
	{ name, { 1, c, 1, 1, o, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0 }, 0, 0, 0, 1 }

static const Case cases[] = {
	CONV("conv3x3_s8", 16, 16, 16, 16, 3, 1, 1, 1),
	CONV("pointwise_s8", 32, 32, 16, 16, 1, 1, 0, 1),
	CONV("conv3x3_stride2_s8", 16, 32, 16, 8, 3, 2, 1, 1),
	CONV("conv5x5_s8", 6, 16, 14, 10, 5, 1, 0, 1),
	CONV("conv3x3_odd_s8", 5, 7, 13, 13, 3, 1, 1, 1),
	CONV("depthwise3x3_s8", 32, 32, 16, 16, 3, 1, 1, 32),
	CONV("depthwise3x3_stride2_s8", 32, 32, 16, 8, 3, 2, 1, 32),
	CONV("depthwise3x3_odd_s8", 6, 6, 11, 11, 3, 1, 1, 6),
	CONV("pointwise_odd_s8", 31, 13, 5, 5, 1, 1, 0, 1),
	CONV("conv2x2_odd_s8", 5, 3, 7, 6, 2, 1, 0, 1),
	CONV("conv9x9_s8", 3, 5, 11, 5, 9, 1, 1, 1),
	CONV("conv_whole_s8", 5, 7, 3, 1, 3, 1, 0, 1),
	CONV("conv_one_s8", 5, 6, 3, 1, 3, 2, 0, 1),
	CONV("conv_one_padded_s8", 3, 5, 2, 1, 3, 2, 1, 1),
	ANY("conv_any_s8", 5, 6, 9, 9, 3, 3, 1, 2, 2, 1),
	ANY("conv_any_groups_s8", 6, 4, 7, 4, 3, 2, 2, 1, 1, 2),
	ANY("conv_any_dense_s8", 29, 11, 1, 1, 1, 1, 1, 1, 0, 1),
	ANY("depthwise_any_s8", 5, 5, 9, 9, 3, 3, 1, 2, 2, 5),
	ANY("depthwise_any_close_s8", 4, 8, 6, 8, 3, 3, 1, 1, 2, 4),
	CONV("dense_rows_s8", 128, 64, 1, 1, 1, 1, 0, 1),
	CENTRED("dense_rows_centred_s8", 128, 64),
	PRODUCT("dense_s8", 1, 128, 64),
	PRODUCT("gemm_s8", 16, 64, 64),
	PRODUCT("gemm_odd_s8", 3, 29, 11),
};

static uint8_t xz;
static const int8_t yz = -7;
static const float xs = 0.02f, ys = 0.5f;

static void run_s8(const void *any)
{
	const Case *c = any;
	const rt_s8 q = { c->is_unsigned, 0, c->d.o, c->d.o };
	const int8_t *z = c->is_any ? wz : NULL;
	const float *to = c->is_any ? NULL : &ys;
	if (c->is_product)
		rt_gemm_s8(&q, c->d.n, c->d.o, c->d.c, x, &xz, &xs, turned, NULL,
			scale, &ys, &yz, y, columns);
	else if (rt_conv_kind(&c->d) == RT_CONV_DEPTHWISE)
		rt_depth_s8(&c->d, &q, x, &xz, &xs, w, z, scale, bias, to,
			&yz, y);
	else
		rt_conv_s8(&c->d, &q, x, &xz, &xs, w, z, scale, bias, to,
			&yz, y, columns);
}

/* ---- the definition ---- */

static int32_t input(const Case *k, int32_t c, int32_t u, int32_t v)
{
	const rt_conv *d = &k->d;
	if (u < 0 || u >= d->h || v < 0 || v >= d->w)
		return 0;
	uint8_t byte = x[(c * d->h + u) * d->w + v];
	return (k->is_unsigned ? byte : (int8_t)byte) - xz;
}

/* Output i of channel o of all images. */
static int32_t sum_of(const Case *k, int32_t o, int32_t i)
{
	const rt_conv *d = &k->d;
	int32_t r = i / d->ow % d->oh, q = i % d->ow;
	int32_t cg = d->c / d->groups, first = o / (d->o / d->groups) * cg +
					       i / (d->oh * d->ow) * d->c;
	const int8_t *tap = w + o * cg * d->kh * d->kw;
	int32_t sum = k->is_product ? 0 : bias[o], zero = k->is_any ? wz[o] : 0;
	for (int32_t c = 0; c < cg; c++)
		for (int32_t j = 0; j < d->kh; j++)
			for (int32_t l = 0; l < d->kw; l++)
				sum += (*tap++ - zero) *
				       input(k, first + c,
					     r * d->sh - d->ph + j * d->dh,
					     q * d->sw - d->pw + l * d->dw);
	return sum;
}

/* The nearest integer, even if two are, and what i8 holds. */
static int32_t nearest(float z)
{
	z = z < -1000 ? -1000 : z > 1000 ? 1000 : z;
	int32_t n = (int32_t)(z + 1000) - 1000;
	float rest = z - (float)n;
	return n + (rest > 0.5f || (rest == 0.5f && n % 2 != 0));
}

static int32_t clamped(int32_t n)
{
	return n < -128 ? -128 : n > 127 ? 127 : n;
}

static void run_naive(const Case *k)
{
	const rt_conv *d = &k->d;
	int32_t size = d->oh * d->ow;
	for (int32_t i = 0; i < d->n * d->o * size; i++) {
		int32_t o = i / size % d->o;
		int32_t sum = sum_of(k, o, i / size / d->o * size + i % size);
		float z = (float)sum * (xs * scale[o] / ys);
		want[i] = k->is_any ? sum : clamped(nearest(z) + yz);
	}
}

static void fill(void *to, int32_t n, uint32_t seed)
{
	uint8_t *p = to;
	for (int32_t i = 0; i < n; i++) {
		seed = seed * 1664525u + 1013904223u;
		p[i] = (uint8_t)(seed >> 24);
	}
}

static int32_t got(const Case *c, int32_t i)
{
	return c->is_any ? y[i] : ((const int8_t *)y)[i];
}

static void put_case(const Case *c, uint32_t stack_before)
{
	const rt_conv *d = &c->d;
	int32_t taps = d->c / d->groups * d->kh * d->kw;
	int32_t outputs = d->n * d->o * d->oh * d->ow, wrong = 0;
	fill(x, d->n * d->c * d->h * d->w, 1), fill(w, d->o * taps, 2);
	for (int32_t i = 0; i < d->o * taps; i++)
		turned[i % taps * d->o + i / taps] = w[i];
	for (int32_t o = 0; o < d->o; o++) {
		bias[o] = 1000 * (o % 5 - 2), wz[o] = (int8_t)(7 * o - 20);
		scale[o] = 0.0625f / (float)(1 + o % 3);
	}
	xz = c->is_centred ? 0 : 5;
	run_naive(c);
	uint32_t stack = measure(run_s8, c) - stack_before;
	for (int32_t i = 0; i < outputs; i++)
		wrong += got(c, i) != want[i];
	put_line(c->name, outputs * taps, stack,
		 checksum(y, (size_t)outputs * (c->is_any ? sizeof *y : 1)),
		 wrong);
}

void put_s8_cases(uint32_t stack_before)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		put_case(&cases[i], stack_before);
}
