/* SPDX-License-Identifier: 0BSD */
/*
 * Gradient of a depthwise convolution's weights without workspace, for
 * machines without vector registers.  A weight's sum goes over images, rows
 * and columns in this order.  Of any kernel, four channels go together, a tap
 * at a time.  Of a 3x3 one at strides 1 and 2, nine sums of a channel stay in
 * registers, and so do the three columns around: at stride 1, a product takes
 * 4 loads for 9 weights.  5x5 ones: conv_depth_five_weight.c.  On RISC-V's vectors, lanes are channels
 * (nine_rvv.h).
 */
#include "runtime/rt.h"
#include "runtime/direct.h"
#include "runtime/nine_rvv.h"
#include "runtime/rvv.h"

/* ---- any kernel ---- */

/* The weights of some channels at a tap: the first of them. */
typedef struct ChannelTap {
	const float *x, *dy;
	int32_t images, rows, cols, lanes;
	ptrdiff_t xn, xc, xr, xq, dyn, dyc, dyr;
} ChannelTap;

static void channel_tap(ChannelTap *t, const rt_conv *d, int32_t j, int32_t l)
{
	const int32_t or = j * d->dh - d->ph, oc = l * d->dw - d->pw;
	int32_t r0, r1, q0, q1;

	rt_tap_range(d->oh, d->sh, or, d->h, &r0, &r1);
	rt_tap_range(d->ow, d->sw, oc, d->w, &q0, &q1);
	t->rows = r1 - r0, t->cols = q1 - q0;
	t->xr = (ptrdiff_t)d->sh * d->w, t->xq = d->sw, t->dyr = d->ow;
	t->x += (ptrdiff_t)or * d->w + oc + r0 * t->xr + q0 * t->xq;
	t->dy += r0 * t->dyr + q0;
}

#if RT_RVV
/* dw, step apart, from the products of all positions. */
RT_APART void channel_put(const ChannelTap *t, float alpha, float beta,
	float *dw, ptrdiff_t step)
{
	const size_t lanes = (size_t)t->lanes;
	rt_wide s = rt_wide_begin(dw, step, beta, lanes);

	for (int32_t n = 0; n < t->images; n++) {
		for (int32_t r = 0; r < t->rows; r++) {
			const float *x = t->x + n * t->xn + r * t->xr;
			const float *y = t->dy + n * t->dyn + r * t->dyr;
			for (int32_t q = t->cols; q > 0; q--, x += t->xq, y++)
				s = rt_wide_each(s,
					rt_wide_gather(y, t->dyc, lanes),
					rt_wide_gather(x, t->xc, lanes), lanes);
		}
	}
	rt_wide_put(dw, step, alpha, s, rt_beta_begun(beta), lanes);
}

static int32_t channel_lanes(int32_t count)
{
	return (int32_t)rt_wide_lanes(count, count);
}
#else
/* Adds n columns; the lanes move on. */
RT_INLINED rt_four channel_row(rt_four s, rt_lanes *y, rt_lanes *x,
	ptrdiff_t step, int32_t n)
{
#if RT_HELIUM
	for (int32_t i = n / 2; i > 0; i--) {
		s = rt_four_each(s, rt_lanes_load(y), rt_lanes_load(x));
		s = rt_four_each(s, rt_lanes_ahead(y, 1),
			rt_lanes_ahead(x, (uint32_t)step));
		rt_lanes_move(y, 2);
		rt_lanes_move(x, 2 * step);
	}
	n %= 2;
#endif
	for (; n > 0; n--) {
		s = rt_four_each(s, rt_lanes_load(y), rt_lanes_load(x));
		rt_lanes_move(y, 1);
		rt_lanes_move(x, step);
	}
	return s;
}

RT_APART void channel_sum(const ChannelTap *t, float sum[4])
{
	rt_four s = RT_CONV_GOES_ON ? rt_four_load(sum) : rt_four_of(0);

	for (int32_t n = 0; n < t->images; n++) {
		rt_lanes x = rt_lanes_at(t->x + n * t->xn, t->xc, t->lanes);
		rt_lanes y = rt_lanes_at(t->dy + n * t->dyn, t->dyc, t->lanes);
		for (int32_t r = t->rows; r > 0; r--) {
			s = channel_row(s, &y, &x, t->xq, t->cols);
			rt_lanes_move(&y, t->dyr - t->cols);
			rt_lanes_move(&x, t->xr - t->cols * t->xq);
		}
	}
	rt_four_store(sum, s);
}

static int32_t channel_lanes(int32_t count)
{
	return rt_min(4, count);
}

/* What the sums begin with: the weights, or 0. */
RT_INLINED void channel_begin(float sum[4], int32_t lanes, float beta,
	const float *dw, ptrdiff_t step)
{
	const int32_t count = rt_goes_on(beta) ? lanes : 0;

	for (int32_t k = 0; k < 4; k++)
		sum[k] = k < count ? dw[k * step] : 0;
}
#endif

/* The channels from c on, of every mult output channels that m. */
static void channel_weights(const rt_conv *d, float alpha, const float *x,
	const float *dy, float beta, float *dw, int32_t c, int32_t m)
{
	const int32_t mult = d->o / d->c, taps = d->kh * d->kw;
	const ptrdiff_t xs = (ptrdiff_t)d->h * d->w;
	const ptrdiff_t ys = (ptrdiff_t)d->oh * d->ow;
	ChannelTap t;
#if !RT_RVV
	float sum[4];
#endif

	t.images = d->n, t.lanes = channel_lanes(d->c - c);
	t.xc = xs, t.xn = d->c * xs, t.dyc = mult * ys, t.dyn = d->o * ys;
	for (int32_t i = 0; i < taps; i++) {
		float *to = dw + (c * mult + m) * taps + i;
		t.x = x + c * xs, t.dy = dy + (c * mult + m) * ys;
		channel_tap(&t, d, i / d->kw, i % d->kw);
#if RT_RVV
		channel_put(&t, alpha, beta, to, mult * taps);
#else
		if (RT_CONV_GOES_ON)
			channel_begin(sum, t.lanes, beta, to, mult * taps);
		channel_sum(&t, sum);
		for (int32_t k = 0; k < t.lanes; k++, to += mult * taps)
			*to = rt_blend(alpha, sum[k], rt_beta_begun(beta), to);
#endif
	}
}

/* ---- 3x3 ---- */
#if !RT_HELIUM

/* One axis at each of whose ends at most one tap is missing. */
static int nine_axis(int32_t size, int32_t out, int32_t taps, int32_t stride,
	int32_t pad, int32_t dil)
{
	return taps == 3 && stride <= 2 && dil == 1 && out >= 2
		&& (pad == 0 || pad == 1)
		&& (out - 1) * stride - pad + 2 <= size;
}

/* Is it such a kernel? */
static int nine_is(const rt_conv *d)
{
	return d->sh == d->sw
		&& nine_axis(d->h, d->oh, d->kh, d->sh, d->ph, d->dh)
		&& nine_axis(d->w, d->ow, d->kw, d->sw, d->pw, d->dw);
}

#if !RT_RVV

/* Of a column of taps, the sums; or what they meet. */
typedef struct NineColumn {
	float a, b, c;
} NineColumn;

typedef struct NineSums {
	NineColumn left, mid, right;
} NineSums;

/*
 * Rows of outputs that have three rows of taps.  Of their columns, those
 * between have all three; one before has none on the left, if first is set,
 * and one behind none on the right.
 */
typedef struct NineRows {
	NineSums t;
	const float *dy, *a, *b, *c;	/* where a row and its rows begin */
	int32_t rows, first, between, last;
	ptrdiff_t xr;			/* from their ends to the next */
} NineRows;

RT_INLINED NineColumn nine_at(const NineRows *w, ptrdiff_t i)
{
	const NineColumn x = { w->a[i], w->b[i], w->c[i] };

	return x;
}

RT_INLINED void nine_move(NineRows *w, ptrdiff_t step)
{
	w->a += step, w->b += step, w->c += step;
}

RT_INLINED NineColumn nine_next(NineRows *w)
{
	const NineColumn x = nine_at(w, 0);

	nine_move(w, 1);
	return x;
}

RT_INLINED void nine_add(NineColumn *t, float dy, const NineColumn *x)
{
	t->a = RT_FMA(dy, x->a, t->a);
	t->b = RT_FMA(dy, x->b, t->b);
	t->c = RT_FMA(dy, x->c, t->c);
}

/* An output, by its columns; left and right may be NULL. */
RT_INLINED void nine_output(NineRows *w, const NineColumn *left,
	const NineColumn *mid, const NineColumn *right)
{
	const float dy = *w->dy++;

	if (left)
		nine_add(&w->t.left, dy, left);
	nine_add(&w->t.mid, dy, mid);
	if (right)
		nine_add(&w->t.right, dy, right);
}

/* The columns between at stride 1: one is new each time. */
RT_INLINED void nine_between(NineRows *w)
{
	const float *const end = w->dy + w->between;
	NineColumn x = nine_next(w), y = nine_next(w), z;

	while (w->dy < end) {
		z = nine_next(w);
		nine_output(w, &x, &y, &z);
		if (w->dy == end)
			return;
		x = nine_next(w);
		nine_output(w, &y, &z, &x);
		if (w->dy == end)
			return;
		y = nine_next(w);
		nine_output(w, &z, &x, &y);
	}
}

RT_INLINED void nine_row(NineRows *w)
{
	if (w->first) {
		const NineColumn mid = nine_at(w, 0);
		const NineColumn right = nine_at(w, 1);
		nine_output(w, NULL, &mid, &right);
	}
	nine_between(w);
	if (w->last) {
		const NineColumn left = nine_at(w, -2);
		const NineColumn mid = nine_at(w, -1);
		nine_output(w, &left, &mid, NULL);
	}
	nine_move(w, w->xr);
}

/* Two columns side by side. */
typedef struct NineCouple {
	rt_couple a, b, c;
} NineCouple;

RT_INLINED NineCouple nine_couple(NineRows *w)
{
	NineCouple x;

	x.a = rt_couple_next(&w->a);
	x.b = rt_couple_next(&w->b);
	x.c = rt_couple_next(&w->c);
	return x;
}

RT_INLINED void nine_add_first(NineColumn *t, float dy, const NineCouple *x)
{
	t->a = rt_couple_add_first(t->a, dy, x->a);
	t->b = rt_couple_add_first(t->b, dy, x->b);
	t->c = rt_couple_add_first(t->c, dy, x->c);
}

RT_INLINED void nine_add_second(NineColumn *t, float dy, const NineCouple *x)
{
	t->a = rt_couple_add_second(t->a, dy, x->a);
	t->b = rt_couple_add_second(t->b, dy, x->b);
	t->c = rt_couple_add_second(t->c, dy, x->c);
}

/* An output at stride 2, on the right of z, whose place the next two columns
 * take. */
RT_INLINED void nine_output_two(NineRows *w, float dy, NineCouple *z)
{
	nine_add_second(&w->t.left, dy, z);
	RT_THEN(w->a, w->t.left.a);
	RT_THEN(w->b, w->t.left.b);
	RT_THEN(w->c, w->t.left.c);
	*z = nine_couple(w);
	nine_add_first(&w->t.mid, dy, z);
	nine_add_second(&w->t.right, dy, z);
}

RT_INLINED void nine_row_two(NineRows *w)
{
	NineCouple z;

	if (w->first) {
		const float dy = *w->dy++;
		z = nine_couple(w);
		nine_add_first(&w->t.mid, dy, &z);
		nine_add_second(&w->t.right, dy, &z);
	} else {
		z.a = rt_couple_second(&w->a);
		z.b = rt_couple_second(&w->b);
		z.c = rt_couple_second(&w->c);
	}
	for (int32_t n = w->between / 2; n > 0; n--) {
		const rt_pair dy = rt_pair_next(&w->dy);
		nine_output_two(w, dy.a, &z);
		nine_output_two(w, dy.b, &z);
	}
	if (w->between % 2)
		nine_output_two(w, *w->dy++, &z);
	if (w->last) {
		const NineColumn mid = nine_at(w, 0);
		const float dy = *w->dy++;
		nine_add_second(&w->t.left, dy, &z);
		nine_add(&w->t.mid, dy, &mid);
	}
	nine_move(w, w->xr);
}

RT_APART void nine_rows(NineRows *w)
{
	NineRows t = *w;

	for (; t.rows > 0; t.rows--)
		nine_row(&t);
	w->t = t.t;
}

RT_APART void nine_rows_two(NineRows *w)
{
	NineRows t = *w;

	for (; t.rows > 0; t.rows--)
		nine_row_two(&t);
	w->t = t.t;
}

/* Rows r .. of a plane.  Without the row of taps above, or below, its sums
 * take what the one next to it does, and are put back. */
static void nine_band(NineRows *w, const rt_conv *d, const float *x,
	const float *dy, int32_t r, int32_t rows, int above, int below)
{
	const NineSums keep = w->t;

	w->b = x + (ptrdiff_t)(r * d->sh - d->ph + 1) * d->w;
	w->a = above ? w->b - d->w : w->b, w->c = below ? w->b + d->w : w->b;
	w->dy = dy + (ptrdiff_t)r * d->ow, w->rows = rows;
	if (RT_DEPTH_STRIDE == 1 || d->sw == 1)
		nine_rows(w);
	else
		nine_rows_two(w);
	if (!above)
		w->t.left.a = keep.left.a, w->t.mid.a = keep.mid.a,
		w->t.right.a = keep.right.a;
	if (!below)
		w->t.left.c = keep.left.c, w->t.mid.c = keep.mid.c,
		w->t.right.c = keep.right.c;
}

static void nine_plane(NineRows *w, const rt_conv *d, const float *x,
	const float *dy)
{
	const int32_t end = d->oh
		- ((d->oh - 1) * d->sh - d->ph + 2 == d->h);

	if (d->ph)
		nine_band(w, d, x, dy, 0, 1, 0, 1);
	nine_band(w, d, x, dy, d->ph, end - d->ph, 1, 1);
	if (end < d->oh)
		nine_band(w, d, x, dy, end, 1, 1, 0);
}

/* What the sums begin with: the weights, or 0. */
RT_INLINED NineSums nine_begin(float beta, const float *dw)
{
	const NineColumn none = { 0, 0, 0 };
	NineSums t = { none, none, none };

	if (rt_goes_on(beta)) {
		t.left.a = dw[0], t.mid.a = dw[1], t.right.a = dw[2];
		t.left.b = dw[3], t.mid.b = dw[4], t.right.b = dw[5];
		t.left.c = dw[6], t.mid.c = dw[7], t.right.c = dw[8];
	}
	return t;
}

static void nine_put(const NineSums *t, float alpha, float beta, float *dw)
{
	const float sum[9] = { t->left.a, t->mid.a, t->right.a, t->left.b,
		t->mid.b, t->right.b, t->left.c, t->mid.c, t->right.c };

	for (int32_t i = 0; i < 9; i++)
		dw[i] = rt_blend(alpha, sum[i], beta, dw + i);
}

static void nine_weights(const rt_conv *d, float alpha, const float *x,
	const float *dy, float beta, float *dw)
{
	const ptrdiff_t xs = (ptrdiff_t)d->h * d->w;
	const ptrdiff_t ys = (ptrdiff_t)d->oh * d->ow;
	const int32_t mult = d->o / d->c;
	NineRows w;

	w.first = d->pw, w.last = (d->ow - 1) * d->sw - d->pw + 2 == d->w;
	w.between = d->ow - w.first - w.last;
	w.xr = (ptrdiff_t)d->sh * d->w - w.first * (d->sw - 1)
		- (w.between * d->sw + (d->sw == 1 ? 2 : 1));
	for (int32_t o = 0; o < d->o; o++, dw += 9) {
		w.t = nine_begin(beta, dw);
		for (int32_t n = 0; n < d->n; n++)
			nine_plane(&w, d, x + (n * d->c + o / mult) * xs,
				dy + (n * d->o + o) * ys);
		nine_put(&w.t, alpha, rt_beta_begun(beta), dw);
	}
}

#endif
#endif

RT_API void rt_depth_grad_weight_plain(const rt_conv *d, float alpha,
	const float *x, const float *dy, float beta, float *dw)
{
	const int32_t mult = d->o / d->c;

	/* The sums of the form for five columns begin with 0 alone. */
#if !RT_RVV
	if (RT_DEPTH_FIVE && !rt_goes_on(beta)
		&& rt_depth_five_grad_weight(d, alpha, x, dy, beta, dw))
		return;
#endif
#if RT_HELIUM
	if (rt_depth_grad_weight_row(d, alpha, x, dy, beta, dw))
		return;
#else
	if (nine_is(d)) {
		nine_weights(d, alpha, x, dy, beta, dw);
		return;
	}
#endif
	for (int32_t c = 0; c < d->c; c += channel_lanes(d->c - c))
		for (int32_t m = 0; m < mult; m++)
			channel_weights(d, alpha, x, dy, beta, dw, c, m);
}
