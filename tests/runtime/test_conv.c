/*
 * The kernels of convolutions against naive loops in double precision.  Every case
 * runs with the workspace it asks for and with none; outputs and workspace
 * lie between guard zones that must stay as they were, and inputs end where
 * their allocation ends, so that the sanitizers see a read past them.
 */
#include <criterion/criterion.h>

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/rt.h"
#include "runtime/workspace.h"
#include "tests/runtime/any_conv.h"
#include "tests/runtime/expect.h"

struct conv_sizes {
	size_t x, w, y;
};

static struct conv_sizes conv_sizes(const rt_conv *d)
{
	const struct conv_sizes s = {
		(size_t)(d->n * d->c * d->h * d->w),
		(size_t)(d->o * (d->c / d->groups) * d->kh * d->kw),
		(size_t)(d->n * d->o * d->oh * d->ow),
	};
	return s;
}

typedef void conv_visit(void *state, ptrdiff_t x, ptrdiff_t w, ptrdiff_t y);

/* The taps of one output position: y += x * w for each. */
static void conv_taps(const rt_conv *d, int32_t n, int32_t o, int32_t r,
	int32_t q, conv_visit *visit, void *state)
{
	const int32_t cg = d->c / d->groups, g = o / (d->o / d->groups);
	const ptrdiff_t y = ((n * d->o + o) * d->oh + r) * d->ow + q;

	for (int32_t t = 0; t < cg * d->kh * d->kw; t++) {
		const int32_t c = t / (d->kh * d->kw);
		const int32_t j = t / d->kw % d->kh, l = t % d->kw;
		const int32_t u = r * d->sh - d->ph + j * d->dh;
		const int32_t v = q * d->sw - d->pw + l * d->dw;
		if (u >= 0 && u < d->h && v >= 0 && v < d->w)
			visit(state, ((n * d->c + g * cg + c) * d->h + u)
				* d->w + v, o * cg * d->kh * d->kw + t, y);
	}
}

static void conv_each(const rt_conv *d, conv_visit *visit, void *state)
{
	for (int32_t n = 0; n < d->n; n++)
		for (int32_t o = 0; o < d->o; o++)
			for (int32_t r = 0; r < d->oh; r++)
				for (int32_t q = 0; q < d->ow; q++)
					conv_taps(d, n, o, r, q, visit, state);
}

struct conv_state {
	const float *x, *w, *dy;
	struct expect *y, *dx, *dw;
};

static void conv_visit_all(void *state, ptrdiff_t x, ptrdiff_t w, ptrdiff_t y)
{
	const struct conv_state *s = state;

	expect_add(&s->y[y], (double)s->x[x] * s->w[w]);
	expect_add(&s->dx[x], (double)s->dy[y] * s->w[w]);
	expect_add(&s->dw[w], (double)s->dy[y] * s->x[x]);
}

static void conv_verdict(const char *what, const rt_conv *d, int grant,
	const struct expect *e, float *got, size_t count, float *ws,
	size_t nws)
{
	const long bad = expect_check(e, got, count);

	cr_assert(bad < 0, "%s n=%d c=%d %dx%d o=%d %dx%d k=%dx%d s=%dx%d "
		"p=%dx%d d=%dx%d g=%d ws=%d: [%ld] is %g, expected %g", what,
		d->n, d->c, d->h, d->w, d->o, d->oh, d->ow, d->kh, d->kw, d->sh,
		d->sw, d->ph, d->pw, d->dh, d->dw, d->groups, grant, bad,
		(double)got[bad], e[bad].value);
	cr_assert(guards_intact(got, count), "%s wrote outside its output",
		what);
	cr_assert(guards_intact(ws, nws), "%s n=%d c=%d %dx%d o=%d %dx%d "
		"k=%dx%d wrote outside its %zu floats of workspace", what,
		d->n, d->c, d->h, d->w, d->o, d->oh, d->ow, d->kh, d->kw, nws);
	guarded_free(got), guarded_free(ws);
}

static void conv_run(const rt_conv *d, const struct conv_state *s,
	const float *bias, int grant)
{
	const struct conv_sizes size = conv_sizes(d);
	size_t nws = (size_t)rt_conv_forward_workspace(d) / sizeof(float);
	float *out = guarded_new(size.y, NAN), *ws = guarded_new(nws, NAN);

	any_conv_forward(d, s->x, s->w, bias, out, grant ? ws : NULL);
	for (size_t i = 0; bias && i < size.y; i++)
		out[i] -= bias[i / (size_t)(d->oh * d->ow) % (size_t)d->o];
	conv_verdict("forward", d, grant, s->y, out, size.y, ws, nws);

	nws = (size_t)rt_conv_grad_input_workspace(d) / sizeof(float);
	out = guarded_new(size.x, NAN), ws = guarded_new(nws, NAN);
	any_conv_grad_input(d, s->dy, s->w, out, grant ? ws : NULL);
	conv_verdict("grad_input", d, grant, s->dx, out, size.x, ws, nws);

	nws = (size_t)rt_conv_grad_weight_workspace(d) / sizeof(float);
	out = guarded_new(size.w, NAN), ws = guarded_new(nws, NAN);
	any_conv_grad_weight(d, 1, s->x, s->dy, 0, out, grant ? ws : NULL);
	conv_verdict("grad_weight", d, grant, s->dw, out, size.w, ws, nws);
}

/* dw = alpha * gradient + beta * dw. */
static void conv_epilogue(const rt_conv *d, const struct conv_state *s,
	float alpha, float beta, int grant)
{
	const size_t n = conv_sizes(d).w;
	const size_t nws = (size_t)rt_conv_grad_weight_workspace(d)
		/ sizeof(float);
	const float old = beta == 0 ? NAN : 0.75f;
	float *out = guarded_new(n, old), *ws = guarded_new(nws, NAN);
	struct expect *e = expect_new(n);

	for (size_t i = 0; i < n; i++) {
		e[i].value = alpha * s->dw[i].value;
		e[i].size = s->dw[i].size * fabsf(alpha);
		if (beta != 0)
			expect_add(&e[i], beta * old);
	}
	any_conv_grad_weight(d, alpha, s->x, s->dy, beta, out,
		grant ? ws : NULL);
	conv_verdict("grad_weight with an epilogue", d, grant, e, out, n, ws,
		nws);
	free(e);
}

/* Is each sum of grad_weight made in one piece? */
static int conv_in_one_piece(const rt_conv *d, int grant)
{
	const int vectors = RT_VL && grant
		&& rt_conv_grad_weight_workspace(d) > 0;
	const rt_axis v = rt_axis_forward(d->h, d->oh, d->kh, d->sh, d->ph,
		d->dh);
	const rt_axis h = rt_axis_forward(d->w, d->ow, d->kw, d->sw, d->pw,
		d->dw);
	rt_plan p;

	if (rt_conv_kind(d) == RT_CONV_DEPTHWISE)
		return 1;
	if (rt_conv_kind(d) == RT_CONV_POINTWISE)
		return d->n == 1 && (!vectors || d->h * d->w <= RT_KC);
	p = rt_plan_weight(&v, &h, d->c / d->groups, d->o / d->groups);
	return !vectors || (d->n == 1 && p.rows >= d->oh && p.cols >= d->ow);
}

/* There, adding has the bits of a step of its own. */
static void conv_adds_exactly(const rt_conv *d, const struct conv_state *s,
	int grant)
{
	const float alpha = -0.3f;
	const size_t n = conv_sizes(d).w;
	const size_t nws = (size_t)rt_conv_grad_weight_workspace(d)
		/ sizeof(float);
	float *ws = guarded_new(nws, NAN), *sum = guarded_new(n, 0.7f);
	float *dw = guarded_new(n, NAN);

	if (conv_in_one_piece(d, grant)) {
		any_conv_grad_weight(d, 1, s->x, s->dy, 0, dw, grant ? ws : NULL);
		any_conv_grad_weight(d, alpha, s->x, s->dy, 1, sum,
			grant ? ws : NULL);
		for (size_t i = 0; i < n; i++) {
			const volatile float step = alpha * dw[i];
			cr_assert_eq(sum[i], 0.7f + step, "n=%d c=%d %dx%d "
				"o=%d k=%dx%d g=%d ws=%d: [%zu] is %g, added "
				"apart %g", d->n, d->c, d->h, d->w, d->o,
				d->kh, d->kw, d->groups, grant, i,
				(double)sum[i], (double)(0.7f + step));
		}
	}
	guarded_free(ws), guarded_free(sum), guarded_free(dw);
}

/*
 * Floats that the destination must start before the source where each of the
 * parts is stored before anything behind it is loaded.
 */
static size_t conv_distance(int64_t parts, size_t to, size_t from)
{
	const size_t last = (size_t)parts - 1;
	const size_t p = to / (size_t)parts, q = from / (size_t)parts;

	return p > q ? p + last * (p - q) : p;
}

typedef void conv_over(const rt_conv *, const float *from, const float *w,
	const float *bias, float *to, float *ws);

static void conv_grad_over(const rt_conv *d, const float *dy, const float *w,
	const float *bias, float *dx, float *ws)
{
	(void)bias;
	any_conv_grad_input(d, dy, w, dx, ws);
}

/* In one buffer the same bits as in two. */
static void conv_overlapped(conv_over *fn, const rt_conv *d, int64_t parts,
	const float *from, size_t nfrom, const float *w, const float *bias,
	size_t nto, size_t nws)
{
	const size_t ahead = conv_distance(parts, nto, nfrom);
	const size_t end = ahead + nfrom, n = end > nto ? end : nto;
	float *both = guarded_new(n, NAN), *apart = guarded_new(nto, NAN);
	float *ws = guarded_new(nws, NAN);

	memcpy(both + ahead, from, nfrom * sizeof(float));
	fn(d, from, w, bias, apart, nws ? ws : NULL);
	fn(d, both + ahead, w, bias, both, nws ? ws : NULL);
	cr_assert(!memcmp(both, apart, nto * sizeof(float)), "%lld parts, n=%d "
		"c=%d %dx%d o=%d %dx%d k=%dx%d s=%dx%d g=%d: overlapping "
		"buffers change the result", (long long)parts, d->n, d->c, d->h,
		d->w, d->o, d->oh, d->ow, d->kh, d->kw, d->sh, d->sw,
		d->groups);
	cr_assert(guards_intact(both, n), "wrote outside the buffer");
	guarded_free(both), guarded_free(apart), guarded_free(ws);
}

static void conv_overlap(const rt_conv *d, const struct conv_state *s,
	const float *bias, int grant)
{
	const struct conv_sizes size = conv_sizes(d);

	conv_overlapped(any_conv_forward, d, rt_conv_forward_parts(d), s->x,
		size.x, s->w, bias, size.y, grant
		? (size_t)rt_conv_forward_workspace(d) / sizeof(float) : 0);
	conv_overlapped(conv_grad_over, d, rt_conv_grad_input_parts(d), s->dy,
		size.y, s->w, NULL, size.x, grant
		? (size_t)rt_conv_grad_input_workspace(d) / sizeof(float) : 0);
}

static void conv_check(const rt_conv *d)
{
	const struct conv_sizes size = conv_sizes(d);
	float *x = input_new(size.x), *w = input_new(size.w);
	float *dy = input_new(size.y), *bias = input_new((size_t)d->o);
	struct conv_state s = { x, w, dy, expect_new(size.y),
		expect_new(size.x), expect_new(size.w) };

	conv_each(d, conv_visit_all, &s);
	/* Undoing the bias costs one rounding of a value of about 1. */
	for (size_t i = 0; i < size.y; i++)
		s.y[i].size += 1;
	conv_run(d, &s, NULL, 0);
	conv_run(d, &s, bias, 0);
	conv_run(d, &s, NULL, 1);
	conv_run(d, &s, bias, 1);
	conv_overlap(d, &s, bias, 0);
	conv_overlap(d, &s, bias, 1);
	for (int grant = 0; grant < 2; grant++) {
		conv_epilogue(d, &s, -0.5f, 1, grant);
		conv_epilogue(d, &s, 0.75f, -0.5f, grant);
		conv_epilogue(d, &s, 3, 0, grant);
		conv_adds_exactly(d, &s, grant);
	}
	free(x), free(w), free(dy), free(bias);
	free(s.y), free(s.dx), free(s.dw);
}

/* Sets oh and ow for the given end pads; 0 if nothing would come out. */
static int conv_output(rt_conv *d, int32_t pbottom, int32_t pright)
{
	const int32_t h = d->h + d->ph + pbottom - (d->kh - 1) * d->dh - 1;
	const int32_t w = d->w + d->pw + pright - (d->kw - 1) * d->dw - 1;

	if (h < 0 || w < 0)
		return 0;
	d->oh = h / d->sh + 1, d->ow = w / d->sw + 1;
	return 1;
}

static void conv_square(int32_t n, int32_t c, int32_t o, int32_t size,
	int32_t k, int32_t stride, int32_t pad, int32_t groups)
{
	rt_conv d = { .n = n, .c = c, .h = size, .w = size, .o = o, .kh = k,
		.kw = k, .sh = stride, .sw = stride, .ph = pad, .pw = pad,
		.dh = 1, .dw = 1, .groups = groups };

	cr_assert(conv_output(&d, pad, pad));
	conv_check(&d);
}

Test(conv, shapes_of_known_networks)
{
	conv_square(2, 1, 6, 28, 5, 1, 2, 1);
	conv_square(2, 6, 16, 14, 5, 1, 0, 1);
	conv_square(1, 3, 16, 32, 3, 1, 1, 1);
	conv_square(1, 16, 16, 32, 3, 1, 1, 1);
	conv_square(2, 16, 32, 32, 3, 2, 1, 1);
	conv_square(1, 16, 32, 32, 1, 2, 0, 1);
	conv_square(3, 64, 64, 8, 3, 1, 1, 1);
	conv_square(1, 3, 20, 56, 7, 2, 3, 1);
	conv_square(2, 70, 65, 7, 1, 1, 0, 1);
	conv_square(1, 128, 24, 7, 3, 1, 1, 1);
}

Test(conv, groups_and_depthwise)
{
	conv_square(2, 16, 16, 12, 3, 1, 1, 16);
	conv_square(2, 16, 16, 13, 3, 2, 1, 16);
	conv_square(1, 8, 24, 20, 3, 1, 1, 8);
	conv_square(2, 4, 8, 40, 5, 1, 2, 4);
	conv_square(1, 3, 3, 70, 3, 2, 1, 3);
	conv_square(2, 12, 8, 9, 3, 1, 1, 4);
	conv_square(2, 12, 24, 9, 1, 1, 0, 3);
	conv_square(2, 5, 5, 6, 1, 1, 0, 5);
}

/* The forms for 3x3, and their borders: one row and column to several tiles. */
Test(conv, depthwise_by_three)
{
	for (int32_t i = 0; i < 8 * 10 * 2 * 3; i++) {
		const int32_t stride = 1 + i / 80 % 2, pad = i / 160;
		rt_conv d = { .n = 1 + i % 2, .c = 3, .h = 1 + i % 8,
			.w = 1 + i / 8 % 10, .o = i % 5 ? 3 : 6, .kh = 3,
			.kw = 3, .sh = stride, .sw = stride, .ph = pad,
			.pw = pad, .dh = 1, .dw = 1, .groups = 3 };
		if (conv_output(&d, pad, pad))
			conv_check(&d);
		d.c = 5, d.groups = 5, d.o = 5, d.ph = i % 3;
		if (conv_output(&d, i % 4, i % 3))
			conv_check(&d);
	}
}

/* The forms for 5x5, of strips of eight, four and single columns. */
Test(conv, depthwise_by_five)
{
	for (int32_t i = 0; i < 8 * 19 * 2 * 3; i++) {
		const int32_t stride = 1 + i / 152 % 2, pad = i / 304;
		rt_conv d = { .n = 1 + i % 2, .c = 3, .h = 1 + i % 8,
			.w = 1 + i / 8 % 19, .o = i % 5 ? 3 : 6, .kh = 5,
			.kw = 5, .sh = stride, .sw = stride, .ph = pad,
			.pw = pad, .dh = 1, .dw = 1, .groups = 3 };
		if (conv_output(&d, pad, pad))
			conv_check(&d);
		d.c = 5, d.groups = 5, d.o = 5, d.ph = i % 4;
		if (conv_output(&d, i % 5, i % 3))
			conv_check(&d);
	}
}

/* Strides as TensorFlow pads them: behind, or nowhere. */
Test(conv, padded_behind)
{
	for (int32_t i = 0; i < 2 * 2 * 12 * 8; i++) {
		const int32_t pad = i % 2, k = 3 + i / 2 % 2 * 2;
		rt_conv d = { .n = 2, .c = 3, .h = 1 + i / 4 % 12,
			.w = 8 + i / 48, .o = 3, .kh = k, .kw = k, .sh = 2,
			.sw = 2, .ph = k / 2 - 1, .pw = k / 2 - 1, .dh = 1,
			.dw = 1, .groups = 3 };
		if (conv_output(&d, d.ph + pad, d.pw + pad))
			conv_check(&d);
		d.groups = 1, d.o = 2;
		if (conv_output(&d, d.ph + pad, d.pw + pad))
			conv_check(&d);
	}
}

static void conv_one_dimension(int32_t c, int32_t o, int32_t w, int32_t k,
	int32_t stride, int32_t dilation, int32_t pad, int32_t groups)
{
	rt_conv d = { .n = 2, .c = c, .h = 1, .w = w, .o = o, .kh = 1, .kw = k,
		.sh = 1, .sw = stride, .pw = pad, .dh = 1, .dw = dilation,
		.groups = groups };

	cr_assert(conv_output(&d, 0, pad));
	conv_check(&d);
}

Test(conv, one_dimension)
{
	conv_one_dimension(3, 5, 100, 9, 1, 1, 4, 1);
	conv_one_dimension(3, 5, 100, 9, 3, 2, 4, 1);
	conv_one_dimension(1, 4, 12000, 80, 4, 1, 0, 1);
	conv_one_dimension(2, 3, 1500, 300, 1, 1, 20, 1);
	conv_one_dimension(1, 2, 14000, 2, 1, 13000, 0, 1);
	conv_one_dimension(2, 2, 14000, 3, 1, 1, 1, 2);
}

Test(conv, mobile_shapes)
{
	rt_conv d = { .n = 2, .c = 24, .h = 25, .w = 5, .o = 24, .oh = 25,
		.ow = 5, .kh = 3, .kw = 3, .sh = 1, .sw = 1, .ph = 1, .pw = 1,
		.dh = 1, .dw = 1, .groups = 24 };
	rt_conv first = { .n = 2, .c = 1, .h = 49, .w = 10, .o = 12, .kh = 10,
		.kw = 4, .sh = 2, .sw = 2, .ph = 4, .pw = 1, .dh = 1, .dw = 1,
		.groups = 1 };

	conv_check(&d);
	d.o = 40, d.groups = 1, d.kh = d.kw = 1, d.ph = d.pw = 0;
	conv_check(&d);
	cr_assert(conv_output(&first, 5, 1));
	conv_check(&first);
}

static rt_conv conv_random(int32_t *pbottom, int32_t *pright)
{
	rt_conv d = { .n = 1 + rng_below(3), .h = 1 + rng_below(20),
		.w = 1 + rng_below(40), .kh = 1 + rng_below(4),
		.kw = 1 + rng_below(5), .sh = 1 + rng_below(3),
		.sw = 1 + rng_below(3), .dh = 1 + rng_below(3),
		.dw = 1 + rng_below(3) };
	const int32_t cg = 1 + rng_below(6), og = 1 + rng_below(12);

	d.groups = rng_below(3) ? 1 : 1 + rng_below(4);
	d.c = d.groups * (rng_below(6) ? cg : 1), d.o = d.groups * og;
	d.ph = rng_below(4), d.pw = rng_below(5);
	*pbottom = rng_below(4), *pright = rng_below(5);
	return d;
}

/* Includes kernels larger than the input and pads larger than the kernel. */
Test(conv, random_shapes, .timeout = 300)
{
	int done = 0;

	while (done < 600) {
		int32_t pbottom, pright;
		rt_conv d = conv_random(&pbottom, &pright);
		if (conv_output(&d, pbottom, pright))
			conv_check(&d), done++;
	}
}

Test(conv, large_channel_counts_split_the_workspace)
{
	conv_square(1, 600, 9, 6, 3, 1, 1, 1);
	conv_square(1, 9, 600, 6, 3, 1, 1, 1);
	conv_square(1, 40, 70, 40, 3, 1, 1, 1);
	conv_square(1, 40, 70, 40, 3, 2, 1, 1);
}
