/*
 * The kernels of convolutions that have no vectors, bit for bit against the loops
 * that they stand for, which the interpreter runs too: a sum starts at the bias
 * or zero, and goes over channels, rows and columns, a weight's over images, rows
 * and columns.  Widths are such that tiles of every form meet both edges.  And
 * products whose sums go on, against those that are made at once.
 */
#define RT_PLAIN
#define RT_CONV_GOES_ON 1
#define RT_GEMM_GOES_ON 1
#define RT_API static __attribute__((unused))

#include "runtime/gemm_plain.c"
#include "runtime/gemv.c"
#include "runtime/gemm_tile.c"
#include "runtime/gemm.c"
#include "runtime/conv_spread.c"
#include "runtime/conv_spread_five.c"
#include "runtime/conv_five.c"
#include "runtime/conv_plain.c"
#include "runtime/conv_row_weight.c"
#include "runtime/conv_plain_weight.c"
#include "runtime/conv_depth_row.c"
#include "runtime/conv_depth_five_weight.c"
#include "runtime/conv_depth_weight.c"
#include "runtime/conv.c"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* x, w, dy and what is made of them. */
struct order {
	float *x, *w, *dy, *bias, *y, *dx, *dw;
	size_t nx, nw, ny;
};

typedef void order_visit(struct order *s, size_t x, size_t w, size_t y);

/* All products of an output, in the order of its weights. */
static void order_taps(const rt_conv *d, struct order *s, int32_t o,
	size_t y, order_visit *visit)
{
	const int32_t cg = d->c / d->groups, og = d->o / d->groups;
	const int32_t n = (int32_t)y / (d->o * d->oh * d->ow);
	const int32_t r = (int32_t)y / d->ow % d->oh;
	const int32_t q = (int32_t)y % d->ow;

	for (int32_t t = 0; t < cg * d->kh * d->kw; t++) {
		const int32_t c = o / og * cg + t / (d->kh * d->kw);
		const int32_t u = r * d->sh - d->ph
			+ t / d->kw % d->kh * d->dh;
		const int32_t v = q * d->sw - d->pw + t % d->kw * d->dw;
		if (u >= 0 && u < d->h && v >= 0 && v < d->w)
			visit(s, (size_t)(((n * d->c + c) * d->h + u) * d->w
				+ v), (size_t)(o * cg * d->kh * d->kw + t), y);
	}
}

static void order_y(struct order *s, size_t x, size_t w, size_t y)
{
	s->y[y] = RT_FMA(s->w[w], s->x[x], s->y[y]);
}

static void order_dw(struct order *s, size_t x, size_t w, size_t y)
{
	s->dw[w] = RT_FMA(s->x[x], s->dy[y], s->dw[w]);
}

/* dx: channels of dy first, the taps of each in the order of their weights. */
static void order_dx(const rt_conv *d, struct order *s)
{
	const int32_t cg = d->c / d->groups, og = d->o / d->groups;

	for (int32_t i = 0; i < d->n * d->o * d->kh * d->kw; i++) {
		const int32_t l = i % d->kw, j = i / d->kw % d->kh;
		const int32_t no = i / (d->kw * d->kh), o = no % d->o;
		for (int32_t k = 0; k < cg * d->oh * d->ow; k++) {
			const int32_t c = k / (d->oh * d->ow);
			const int32_t r = k / d->ow % d->oh, q = k % d->ow;
			const int32_t u = r * d->sh - d->ph + j * d->dh;
			const int32_t v = q * d->sw - d->pw + l * d->dw;
			const int32_t nc = no / d->o * d->c + o / og * cg + c;
			float *to = s->dx + (nc * d->h + u) * d->w + v;
			if (u < 0 || u >= d->h || v < 0 || v >= d->w)
				continue;
			*to = RT_FMA(s->w[((o * cg + c) * d->kh + j) * d->kw
				+ l], s->dy[(no * d->oh + r) * d->ow + q], *to);
		}
	}
}

static void order_want(const rt_conv *d, struct order *s)
{
	const size_t plane = (size_t)(d->oh * d->ow);

	for (size_t i = 0; i < s->ny; i++) {
		const int32_t o = (int32_t)(i / plane) % d->o;
		s->y[i] = s->bias[o];
		order_taps(d, s, o, i, order_y);
		order_taps(d, s, o, i, order_dw);
	}
	order_dx(d, s);
}

static void order_same(const rt_conv *d, const char *what, const float *got,
	const float *want, size_t n)
{
	for (size_t i = 0; i < n; i++)
		cr_assert(!memcmp(got + i, want + i, sizeof *got),
			"%s n=%d c=%d %dx%d o=%d %dx%d k=%dx%d s=%dx%d p=%dx%d "
			"d=%d g=%d: [%zu] is %.9g, the loops' is %.9g", what,
			d->n, d->c, d->h, d->w, d->o, d->oh, d->ow, d->kh,
			d->kw, d->sh, d->sw, d->ph, d->pw, d->dw, d->groups, i,
			(double)got[i], (double)want[i]);
}

static int order_done;

static int32_t order_below(int32_t n)
{
	static uint32_t state = 12345;

	state = state * 1664525u + 1013904223u;
	return (int32_t)((state >> 8) % (uint32_t)n);
}

static float *order_new(size_t n)
{
	float *p = calloc(n ? n : 1, sizeof *p);

	cr_assert_not_null(p);
	return p;
}

/* They end where their allocation ends. */
static float *order_input(size_t n)
{
	float *p = order_new(n);

	for (size_t i = 0; i < n; i++)
		p[i] = (float)order_below(1 << 20) / 524288.0f - 1.0f;
	return p;
}

/* Those that a program without RT_CONV_OTHER can have. */
static int order_has(const rt_conv *d)
{
	return RT_CONV_OTHER || rt_conv_fits_row(d);
}

/* Image by image, each going on from what those before left. */
static void order_weight_by_image(rt_conv d, const struct order *s, float *dw)
{
	const size_t nx = s->nx / (size_t)d.n, ny = s->ny / (size_t)d.n;
	const int32_t images = d.n;

	d.n = 1;
	for (int32_t i = 0; i < images; i++)
		rt_conv_grad_weight_plain(&d, 1, s->x + (size_t)i * nx,
			s->dy + (size_t)i * ny, i ? RT_GO_ON : 0.0f, dw);
}

static void order_check(const rt_conv *d)
{
	struct order s = { .nx = (size_t)(d->n * d->c * d->h * d->w),
		.nw = (size_t)(d->o * d->c / d->groups * d->kh * d->kw),
		.ny = (size_t)(d->n * d->o * d->oh * d->ow) };
	float *got;

	s.x = order_input(s.nx), s.w = order_input(s.nw), s.dy = order_input(s.ny);
	s.bias = order_input((size_t)d->o), s.y = order_new(s.ny);
	s.dx = order_new(s.nx), s.dw = order_new(s.nw);
	order_want(d, &s);
	got = order_new(s.nx + s.nw + s.ny);
	rt_conv_forward_plain(d, s.x, s.w, s.bias, got);
	order_same(d, "forward", got, s.y, s.ny);
	rt_conv_grad_input_plain(d, s.dy, s.w, got);
	order_same(d, "grad_input", got, s.dx, s.nx);
	rt_conv_grad_weight_plain(d, 1, s.x, s.dy, 0, got);
	order_same(d, "grad_weight", got, s.dw, s.nw);
	order_weight_by_image(*d, &s, got);
	order_same(d, "grad_weight by image", got, s.dw, s.nw);
	free(s.x), free(s.w), free(s.dy), free(s.bias);
	free(s.y), free(s.dx), free(s.dw), free(got);
}

/* The same of a depthwise one, against all images at once. */
static void order_depth_check(const rt_conv *d)
{
	const struct order s = { .nx = (size_t)(d->n * d->c * d->h * d->w),
		.nw = (size_t)(d->o * d->kh * d->kw),
		.ny = (size_t)(d->n * d->o * d->oh * d->ow) };
	float *x = order_input(s.nx), *dy = order_input(s.ny);
	float *want = order_new(s.nw), *got = order_new(s.nw);
	rt_conv one = *d;

	rt_depth_grad_weight_plain(d, 1, x, dy, 0, want);
	one.n = 1;
	for (int32_t i = 0; i < d->n; i++)
		rt_depth_grad_weight_plain(&one, 1, x + (size_t)i * s.nx
			/ (size_t)d->n, dy + (size_t)i * s.ny / (size_t)d->n,
			i ? RT_GO_ON : 0.0f, got);
	order_same(d, "depthwise grad_weight by image", got, want, s.nw);
	free(x), free(dy), free(want), free(got);
}

/* With so much padding on the right and at the bottom; nothing, if nothing
 * comes out. */
static void order_square(rt_conv d, int32_t right)
{
	const int32_t h = d.h + d.ph + right - (d.kh - 1) * d.dh - 1;
	const int32_t w = d.w + d.pw + right - (d.kw - 1) * d.dw - 1;

	if (h < 0 || w < 0)
		return;
	d.oh = h / d.sh + 1, d.ow = w / d.sw + 1;
	if (order_has(&d))
		order_check(&d), order_done++;
}

static void order_widths(int32_t k, int32_t stride, int32_t pad,
	int32_t right)
{
	for (int32_t w = 1; w <= 24; w++) {
		rt_conv d = { .n = 1 + w % 2, .c = 1 + w % 3, .h = 7, .w = w,
			.o = 1 + w % 7, .kh = k, .kw = k, .sh = stride,
			.sw = stride, .ph = pad, .pw = pad, .dh = 1, .dw = 1,
			.groups = 1 };
		order_square(d, right);
		d.c *= 2, d.o *= 2, d.groups = 2, d.h = 6, d.n = 1;
		order_square(d, right);
	}
}

Test(conv_order, three_and_five_columns, .timeout = 120)
{
	for (int32_t k = 3; k <= 5; k += 2)
		for (int32_t i = 0; i < 3 * k * k; i++)
			order_widths(k, 1 + i % 3, i / 3 % k, i / 3 / k);
	cr_assert_gt(order_done, 300);
}

Test(conv_order, any_shape, .timeout = 120)
{
	for (int i = 0; i < 300; i++) {
		const int32_t groups = 1 + order_below(2);
		const rt_conv d = { .n = 1 + order_below(2),
			.c = groups * (1 + order_below(5)),
			.h = 1 + order_below(9), .w = 1 + order_below(20),
			.o = groups * (1 + order_below(9)),
			.kh = 1 + order_below(6), .kw = 1 + order_below(6),
			.sh = 1 + order_below(3), .sw = 1 + order_below(3),
			.ph = order_below(4), .pw = order_below(5),
			.dh = 1 + order_below(2), .dw = 1 + order_below(2),
			.groups = groups };
		order_square(d, order_below(5));
	}
}

Test(conv_order, depthwise, .timeout = 120)
{
	for (int32_t i = 0; i < 200; i++) {
		const int32_t k = i % 2 ? 3 : 1 + order_below(5);
		const int32_t c = 1 + order_below(9), stride = 1 + i / 2 % 3;
		const int32_t size = k + order_below(9);
		const rt_conv d = { .n = 2 + order_below(3), .c = c,
			.h = size, .w = size, .o = c * (1 + order_below(2)),
			.oh = (size + 2 * (k / 2) - k) / stride + 1,
			.ow = (size + 2 * (k / 2) - k) / stride + 1,
			.kh = k, .kw = k, .sh = stride, .sw = stride,
			.ph = k / 2, .pw = k / 2, .dh = 1, .dw = 1,
			.groups = c };
		order_depth_check(&d);
	}
}

/* y = op(a) b of k steps, in up to so many parts that go on from one another. */
static void order_product(int ta, int32_t m, int32_t n, int32_t k,
	const float *a, const float *b, int32_t parts, float *y)
{
	const int32_t lda = ta ? m : k, some = (k + parts - 1) / parts;

	for (int32_t p = 0; p < k; p += some)
		rt_gemm(ta, 0, m, n, rt_min(some, k - p), 1,
			a + (ptrdiff_t)p * (ta ? m : 1), lda,
			b + (ptrdiff_t)p * n, n, p ? RT_GO_ON : 0.0f, y, n, 0);
}

Test(conv_order, products)
{
	for (int i = 0; i < 300; i++) {
		const int32_t m = 1 + order_below(13), n = 1 + order_below(30);
		const int32_t k = 2 + order_below(20), ta = i % 3 != 0;
		const size_t ny = (size_t)m * (size_t)n;
		float *a = order_input((size_t)m * (size_t)k);
		float *b = order_input((size_t)n * (size_t)k);
		float *want = order_new(ny), *got = order_input(ny);
		order_product(ta, m, n, k, a, b, 1, want);
		order_product(ta, m, n, k, a, b, 2 + order_below(4), got);
		cr_assert(!memcmp(got, want, ny * sizeof *got),
			"t%d m=%d n=%d k=%d", ta, m, n, k);
		free(a), free(b), free(want), free(got);
	}
}
