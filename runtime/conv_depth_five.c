/* SPDX-License-Identifier: 0BSD */
/*
 * Depthwise 5x5 kernels at strides 1 and 2 and their gradient for the input,
 * without workspace, for machines without vector registers.  A strip of eight
 * columns, or of four where these are too many, goes down the plane, and holds
 * the sums of a row over all taps: a row of taps takes 12 columns of the source,
 * 19 at stride 2, and 5 weights for 40 products.  Of the gradient at stride
 * 2 a tile is two rows of eight columns, which four columns of three rows of
 * dy, and one on each side, reach: 18 loads and 25 of weights for 100 products.
 */
#include "runtime/rt.h"
#include "runtime/fives.h"
#include "runtime/workspace.h"

#if !RT_RVV

/* ---- forward, and the gradient at stride 1 ---- */

/* A plane: output 0 takes its first tap from row -above, column -front of the
 * source; the gradient's is the last of its weights. */
typedef struct DepthFive {
	const float *w, *x;
	float *y, bias;
	int32_t h, width, oh, ow, above, front;
} DepthFive;

/* The first four columns of a strip, and the others of eight. */
typedef struct DepthFiveSums {
	rt_four a, b;
} DepthFiveSums;

/* What a strip is of; back: the gradient, whose taps go back in the source. */
typedef struct DepthFiveForm {
	int32_t stride, n;
	int back;
} DepthFiveForm;

/* Tap l, the weight w. */
RT_INLINED void depth_five_tap(DepthFiveForm f, const rt_fives *x,
	const rt_fives_row *row, float w, int l, DepthFiveSums *t)
{
	const int at = f.back ? 4 - l : l;

	t->a = rt_four_add(t->a, w, rt_fives_first(x, row, f.stride, f.n, at));
	if (f.n == 8)
		t->b = rt_four_add(t->b, w, rt_fives_last(x, row, f.stride, at));
}

/* Rows of taps; xr is from one to the next. */
RT_INLINED DepthFiveSums depth_five_sum(DepthFiveForm f, const DepthFive *d,
	rt_fives x, const float *p, const float *w, int32_t rows)
{
	const ptrdiff_t xr = f.back ? -d->width : d->width;
	DepthFiveSums t = { rt_four_of(d->bias), rt_four_of(d->bias) };

	for (; rows > 0; rows--) {
		const rt_pair u = rt_pair_load(w), v = rt_pair_load(w + 2);
		rt_fives_row row;
		rt_fives_load(&x, p, f.stride, f.n, &row);
		depth_five_tap(f, &x, &row, u.a, 0, &t);
		depth_five_tap(f, &x, &row, u.b, 1, &t);
		RT_KEEP_FOUR(t.a);
		RT_KEEP_FOUR(t.b);
		depth_five_tap(f, &x, &row, v.a, 2, &t);
		depth_five_tap(f, &x, &row, v.b, 3, &t);
		depth_five_tap(f, &x, &row, w[4], 4, &t);
		RT_KEEP_FOUR(t.a);
		RT_KEEP_FOUR(t.b);
		p += xr, w += 5;
		rt_fives_move(&x, xr);
		RT_KEEP(p);
		RT_KEEP(w);
	}
	return t;
}

/* The columns from q on. */
RT_INLINED void depth_five_columns(const DepthFive *d, int32_t q,
	DepthFiveForm f)
{
	const int32_t at = q * f.stride - d->front;
	const float *p = d->x + at;
	const rt_fives x = rt_fives_at(p, f.stride, f.n, -at, d->width - at);
	float *y = d->y + q;

	for (int32_t r = 0, u = -d->above; r < d->oh; r++, u += f.stride) {
		const int32_t first = u < 0 ? -u : 0;
		const int32_t end = rt_min(5, d->h - u);
		const int32_t row = f.back ? end - 1 : first;
		const ptrdiff_t off = (ptrdiff_t)(u + row) * d->width;
		rt_fives z = x;
		DepthFiveSums t;
		rt_fives_move(&z, off);
		t = depth_five_sum(f, d, z, p + off,
			d->w + (f.back ? 5 - end : first) * 5, end - first);
		rt_four_put(y, t.a, rt_min(f.n, 4));
		if (f.n == 8)
			rt_four_put(y + 4, t.b, 4);
		y += d->ow;
	}
}

typedef void depth_five_strip(const DepthFive *d, int32_t q);

#define DEPTH_FIVE_STRIP(name, stride, n, back) \
	RT_APART void name(const DepthFive *d, int32_t q) \
	{ \
		const DepthFiveForm form = { stride, n, back }; \
		depth_five_columns(d, q, form); \
	}

DEPTH_FIVE_STRIP(depth_five_eight, 1, 8, 0)
DEPTH_FIVE_STRIP(depth_five_four, 1, 4, 0)
DEPTH_FIVE_STRIP(depth_five_one, 1, 1, 0)
DEPTH_FIVE_STRIP(depth_five_two_eight, 2, 8, 0)
DEPTH_FIVE_STRIP(depth_five_two_four, 2, 4, 0)
DEPTH_FIVE_STRIP(depth_five_two_one, 2, 1, 0)
DEPTH_FIVE_STRIP(depth_five_back_eight, 1, 8, 1)
DEPTH_FIVE_STRIP(depth_five_back_four, 1, 4, 1)
DEPTH_FIVE_STRIP(depth_five_back_one, 1, 1, 1)

/* A plane by strips of eight, four and one; one that there are too few columns
 * for ends with the last of them. */
RT_INLINED void depth_five_strips(const DepthFive *d, depth_five_strip *eight,
	depth_five_strip *four, depth_five_strip *one)
{
	const int32_t out = d->ow;
	int32_t q = 0;

	for (; out >= 8 && out - q > 4; q += 8)
		eight(d, rt_min(q, out - 8));
	for (; out >= 4 && q < out; q += 4)
		four(d, rt_min(q, out - 4));
	for (; q < out; q++)
		one(d, q);
}

static void depth_five_plane(const DepthFive *d, int32_t stride)
{
	if (RT_DEPTH_STRIDE == 1 || stride == 1)
		depth_five_strips(d, depth_five_eight, depth_five_four,
			depth_five_one);
	else
		depth_five_strips(d, depth_five_two_eight,
			depth_five_two_four, depth_five_two_one);
}

/* Are at most two columns missing on either side? */
static int depth_five_fits(int32_t width, int32_t out, int32_t stride,
	int32_t front)
{
	return front >= 0 && front <= 2
		&& (out - 1) * stride - front + 3 <= width;
}

/* ---- the gradient at stride 2 ---- */

typedef struct FiveSpread {
	const float *w, *dy;
	float *dx;
	int32_t oh, ow, h, width;
} FiveSpread;

/*
 * With two columns of padding in front, three columns of dy reach the first
 * one of a pair of dx, by every second tap from 0 on, and two the second one;
 * with one, as TensorFlow pads even sizes, it is the other way round.  Rows
 * likewise.
 */
enum five_spread { FIVE_PADDED, FIVE_BARE };

typedef struct FiveSpreadRow {
	rt_four three, two;
} FiveSpreadRow;

/* Loads two at once, which leaves the sums of the other form no registers. */
#define FIVE_SPREAD_PAIRS(form) (RT_PAIRS && (form) == FIVE_BARE)

/* A row of taps. */
RT_INLINED void five_spread_add(enum five_spread form, FiveSpreadRow *t,
	const float *w, const rt_three *x)
{
	float taps[5];

	if (FIVE_SPREAD_PAIRS(form)) {
		const rt_pair u = rt_pair_load(w), v = rt_pair_load(w + 2);
		taps[0] = u.a, taps[1] = u.b, taps[2] = v.a, taps[3] = v.b;
		taps[4] = w[4], w = taps;
	}
	t->three = rt_four_add(t->three, RT_AGAIN(w[0]), x->right);
	t->three = rt_four_add(t->three, RT_AGAIN(w[2]), x->mid);
	t->three = rt_four_add(t->three, RT_AGAIN(w[4]), x->left);
	t->two = rt_four_add(t->two, RT_AGAIN(w[1]),
		form == FIVE_BARE ? x->mid : x->right);
	t->two = rt_four_add(t->two, RT_AGAIN(w[3]),
		form == FIVE_BARE ? x->left : x->mid);
}

RT_INLINED void five_spread_put(enum five_spread form, float *to,
	const FiveSpreadRow *t, int32_t n, int32_t wide)
{
	if (form == FIVE_BARE)
		rt_four_put_two(to, t->two, t->three, n, wide);
	else
		rt_four_put_two(to, t->three, t->two, n, wide);
}

/* Where a strip is in dy. */
typedef struct FiveSpreadAt {
	const float *p;
	rt_edges e;
	int32_t row;
} FiveSpreadAt;

RT_INLINED void five_spread_move(FiveSpreadAt *at, const FiveSpread *d,
	int32_t rows)
{
	at->row += rows;
	at->p += rows * d->ow;
	rt_edges_move(&at->e, rows * (ptrdiff_t)d->ow);
}

/* The row that it is at, if there is one, by rows of taps of three and two; the
 * first or the last has one of these alone. */
RT_INLINED void five_spread_row(enum five_spread form, const FiveSpread *d,
	const FiveSpreadAt *at, int32_t n, FiveSpreadRow *three, const float *w,
	FiveSpreadRow *two, const float *v)
{
	rt_three x;

	if ((uint32_t)at->row >= (uint32_t)d->oh)
		return;
	x = FIVE_SPREAD_PAIRS(form) ? rt_edges_pairs(&at->e, at->p, 1, n)
		: rt_edges_load(&at->e, at->p, 1, n);
	five_spread_add(form, three, w, &x);
	if (v)
		five_spread_add(form, two, v, &x);
}

/* The columns from q on, n of dy. */
RT_INLINED void five_spread_columns(enum five_spread form,
	const FiveSpread *plane, int32_t q, int32_t n, int32_t wide)
{
	const FiveSpread d = *plane;
	const rt_four zero = rt_four_of(0);
	const FiveSpreadRow none = { zero, zero };
	const int bare = form == FIVE_BARE;
	const float *const w = d.w;
	float *to = d.dx + 2 * q;
	FiveSpreadAt at;

	at.p = d.dy + q, at.row = 0;
	at.e = rt_edges_at(at.p, 1, n, q > 0, q + n < d.ow);
	five_spread_move(&at, &d, 1);
	for (int32_t left = d.h; left > 0; left -= 2, to += 2 * d.width) {
		FiveSpreadRow three = none, two = none;
		five_spread_row(form, &d, &at, n, &three, w, &two,
			bare ? NULL : w + 5);
		five_spread_move(&at, &d, -1);
		five_spread_row(form, &d, &at, n, &three, w + 10, &two,
			bare ? w + 5 : w + 15);
		five_spread_move(&at, &d, -1);
		five_spread_row(form, &d, &at, n, &three, w + 20, &two,
			bare ? w + 15 : NULL);
		five_spread_move(&at, &d, 3);
		five_spread_put(form, to, bare ? &two : &three, n, wide);
		if (left > 1)
			five_spread_put(form, to + d.width,
				bare ? &three : &two, n, wide);
	}
}

RT_APART void five_spread_four(const FiveSpread *d, int32_t q)
{
	five_spread_columns(FIVE_PADDED, d, q, 4, 8);
}

RT_APART void five_spread_one(const FiveSpread *d, int32_t q)
{
	five_spread_columns(FIVE_PADDED, d, q, 1, d->width - 2 * q);
}

RT_APART void five_spread_four_bare(const FiveSpread *d, int32_t q)
{
	five_spread_columns(FIVE_BARE, d, q, 4, 8);
}

RT_APART void five_spread_one_bare(const FiveSpread *d, int32_t q)
{
	five_spread_columns(FIVE_BARE, d, q, 1, 2);
}

static void five_spread_plane(const FiveSpread *d, int bare)
{
	const int32_t whole = d->width / 2;
	int32_t q = 0;

	for (; whole >= 4 && q < whole; q += 4)
		(bare ? five_spread_four_bare : five_spread_four)(d,
			rt_min(q, whole - 4));
	for (q = rt_min(q, whole); 2 * q < d->width; q++)
		(bare ? five_spread_one_bare : five_spread_one)(d, q);
}

/* ---- the two ---- */

static int depth_five_is(const rt_conv *d)
{
	return d->kh == 5 && d->kw == 5 && d->dh == 1 && d->dw == 1
		&& d->sh == d->sw && d->sh <= 2;
}

RT_API int rt_depth_five(const rt_conv *d, const float *x, const float *w,
	const float *bias, float *y)
{
	const int32_t mult = d->o / d->c;
	const ptrdiff_t xs = (ptrdiff_t)d->h * d->w;
	DepthFive p;

	if (!depth_five_is(d) || !depth_five_fits(d->w, d->ow, d->sw, d->pw))
		return 0;
	p.h = d->h, p.width = d->w, p.oh = d->oh, p.ow = d->ow;
	p.above = d->ph, p.front = d->pw, p.y = y;
	for (int32_t i = 0; i < d->n * d->o; i++) {
		const int32_t o = i % d->o;
		p.x = x + i / mult * xs, p.w = w + o * 25;
		p.bias = bias ? bias[o] : 0.0f;
		depth_five_plane(&p, d->sw);
		p.y += (ptrdiff_t)d->oh * d->ow;
	}
	return 1;
}

/* At stride 1. */
static int depth_five_back(const rt_conv *d, const float *dy, const float *w,
	float *dx)
{
	DepthFive p;

	if (!depth_five_fits(d->ow, d->w, 1, 4 - d->pw))
		return 0;
	p.h = d->oh, p.width = d->ow, p.oh = d->h, p.ow = d->w;
	p.above = 4 - d->ph, p.front = 4 - d->pw;
	p.x = dy, p.y = dx, p.bias = 0;
	for (int32_t i = 0; i < d->n * d->c; i++) {
		p.w = w + i % d->c * 25;
		depth_five_strips(&p, depth_five_back_eight,
			depth_five_back_four, depth_five_back_one);
		p.x += (ptrdiff_t)d->oh * d->ow, p.y += (ptrdiff_t)d->h * d->w;
	}
	return 1;
}

static int five_spreads(const rt_conv *d)
{
	if (d->ph != d->pw)
		return 0;
	if (d->pw == 1)
		return RT_PADS_BARE && d->h == 2 * d->oh && d->w == 2 * d->ow;
	return d->pw == 2 && (d->h + 1) / 2 <= d->oh && (d->w + 1) / 2 <= d->ow;
}

RT_API int rt_depth_five_grad_input(const rt_conv *d, const float *dy,
	const float *w, float *dx)
{
	FiveSpread p;

	if (!depth_five_is(d) || d->o != d->c)
		return 0;
	if (RT_DEPTH_STRIDE == 1 || d->sw == 1)
		return depth_five_back(d, dy, w, dx);
	if (!five_spreads(d))
		return 0;
	p.oh = d->oh, p.ow = d->ow, p.h = d->h, p.width = d->w;
	p.dy = dy, p.dx = dx;
	for (int32_t i = 0; i < d->n * d->c; i++) {
		p.w = w + i % d->c * 25;
		five_spread_plane(&p, RT_PADS_BARE && d->pw == 1);
		p.dy += (ptrdiff_t)d->oh * d->ow, p.dx += (ptrdiff_t)d->h * d->w;
	}
	return 1;
}

#endif
