/* SPDX-License-Identifier: 0BSD */
/*
 * Gradient for the input of a depthwise 3x3 convolution at stride 2 with one
 * row and column of padding, without workspace, for machines without vector
 * registers.  Row a of dy reaches the rows 2a - 1, 2a and 2a + 1 of dx by the
 * three rows of taps, and columns likewise.  A strip of four columns of dy
 * goes down with the nine weights in registers, and with the sums of the row
 * of dx that its next row ends: a row takes 5 loads and 16 stores for 36
 * products.
 */
#include "runtime/rt.h"
#include "runtime/four.h"
#include "runtime/workspace.h"

/* A plane; of each row, the columns from q on, n of dy and wide of dx. */
typedef struct Spread {
	float w[3][3];
	const float *dy;
	float *dx;
	int32_t oh, ow, h, width;
} Spread;

/* Sums of a row of dx: of columns that one of dy reaches, of those between. */
typedef struct SpreadRow {
	rt_four at, between;
} SpreadRow;

RT_INLINED SpreadRow spread_begin(const float w[3], const rt_three *x)
{
	SpreadRow t;

	t.at = rt_four_mul(RT_AGAIN(w[1]), x->mid);
	t.between = rt_four_mul(RT_AGAIN(w[2]), x->mid);
	t.between = rt_four_add(t.between, RT_AGAIN(w[0]), x->right);
	return t;
}

RT_INLINED void spread_add(SpreadRow *t, const float w[3], const rt_three *x)
{
	t->at = rt_four_add(t->at, RT_AGAIN(w[1]), x->mid);
	t->between = rt_four_add(t->between, RT_AGAIN(w[2]), x->mid);
	t->between = rt_four_add(t->between, RT_AGAIN(w[0]), x->right);
}

RT_INLINED void spread_columns(const Spread *plane, int32_t q, int32_t n)
{
	const int32_t wide = plane->width - 2 * q;
	const float *p = plane->dy + q;
	rt_edges e = rt_edges_at(p, 1, n, 0, q + n < plane->ow);
	float *to = plane->dx + 2 * q;
	rt_three x = rt_edges_load(&e, p, 1, n);
	Spread d;

	d = *plane;
	for (int32_t a = 1, left = d.h;; a++) {
		SpreadRow t = spread_begin(d.w[1], &x);
		rt_four_put_two(to, t.at, t.between, n, wide);
		to += d.width;
		if (--left == 0)
			return;
		t = spread_begin(d.w[2], &x);
		if (a < d.oh) {
			p += d.ow;
			rt_edges_move(&e, d.ow);
			x = rt_edges_load(&e, p, 1, n);
			spread_add(&t, d.w[0], &x);
		}
		rt_four_put_two(to, t.at, t.between, n, wide);
		to += d.width;
		if (--left == 0)
			return;
	}
}

RT_APART void spread_four(const Spread *d, int32_t q)
{
	spread_columns(d, q, 4);
}

RT_APART void spread_one(const Spread *d, int32_t q)
{
	spread_columns(d, q, 1);
}

RT_APART void spread_plane(Spread *d, const float *w, const float *dy,
	float *dx)
{
	const int32_t columns = (d->width + 1) / 2;
	int32_t q = 0;

	for (int32_t i = 0; i < 9; i++)
		d->w[i / 3][i % 3] = w[i];
	d->dy = dy, d->dx = dx;
	for (; q + 4 <= columns; q += 4)
		spread_four(d, q);
	for (; q < columns; q++)
		spread_one(d, q);
}

static int spread_axis(int32_t size, int32_t out, int32_t taps, int32_t stride,
	int32_t pad, int32_t dil)
{
	return taps == 3 && stride == 2 && pad == 1 && dil == 1
		&& (size + 1) / 2 <= out;
}

RT_API int rt_depth_spread(const rt_conv *d, const float *dy, const float *w,
	float *dx)
{
	const ptrdiff_t xs = (ptrdiff_t)d->h * d->w;
	const ptrdiff_t ys = (ptrdiff_t)d->oh * d->ow;
	Spread plane;

	if (d->o != d->c
		|| !spread_axis(d->h, d->oh, d->kh, d->sh, d->ph, d->dh)
		|| !spread_axis(d->w, d->ow, d->kw, d->sw, d->pw, d->dw))
		return 0;
	plane.oh = d->oh, plane.ow = d->ow, plane.h = d->h, plane.width = d->w;
	for (int32_t i = 0; i < d->n * d->c; i++)
		spread_plane(&plane, w + i % d->c * 9, dy + i * ys,
			dx + i * xs);
	return 1;
}
