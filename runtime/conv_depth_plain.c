/* SPDX-License-Identifier: 0BSD */
/*
 * Depthwise convolution and its gradient for the input without workspace, for
 * machines without vector registers (direct.h): 3x3 and 5x5 kernels in
 * conv_depth_three.c and conv_depth_five.c, all others here, four columns at a time, whose sums stay
 * in registers over all taps.  Columns that would read beyond the ends of a
 * row read a copy of their part of it with zeros around.  On RISC-V's vectors
 * there are as many columns as lanes.
 */
#include "runtime/rt.h"
#include "runtime/direct.h"
#include "runtime/direct_rvv.h"

/* Adds a row of taps, of columns from p on. */
RT_INLINED rt_four column_row(const rt_direct_axis *h, const float *w,
	const float *p, rt_four t)
{
	rt_lanes z = rt_lanes_at(p, h->stride, 4);

	for (int32_t l = h->taps; l > 0; l--, w += h->wstep) {
		t = rt_four_add(t, *w, rt_lanes_load(&z));
		rt_lanes_move(&z, h->step);
	}
	return t;
}

/* The same where the window is too wide to be copied. */
RT_INLINED rt_four column_far_row(const rt_direct_axis *h, const float *w,
	const float *row, int32_t at, rt_four t)
{
	float buf[4];

	for (int32_t l = h->taps; l > 0; l--, w += h->wstep, at += h->step) {
		rt_direct_pick(row, at, h->stride, h->size, buf);
		t = rt_four_add(t, *w, rt_four_load(buf));
	}
	return t;
}

/* Adds the rows of taps of a source channel. */
RT_INLINED rt_four column_channel(const rt_direct *d,
	const rt_direct_rows *rows, const rt_direct_window *win, int32_t at,
	rt_four t)
{
	const int inside = win->lo == 0 && win->hi == win->width;
	const float *p = rows->x + win->from, *w = rows->w;
	float buf[RT_DIRECT_WINDOW] = { 0 };

	for (int32_t i = rows->n; i > 0; i--, p += rows->xr, w += rows->wr) {
		if (inside) {
			t = column_row(&d->h, w, p + at - win->from, t);
			continue;
		}
		if (win->width > RT_DIRECT_WINDOW) {
			t = column_far_row(&d->h, w, p - win->from, at, t);
			continue;
		}
		rt_direct_copy(buf, p, win->lo, win->hi);
		t = column_row(&d->h, w, buf + at - win->from, t);
	}
	return t;
}

/* Columns q .. of a row, four or what there is. */
RT_APART void column_tile(const rt_direct *d, rt_direct_rows rows, int32_t q,
	float *y)
{
	const int32_t at = d->h.origin + q * d->h.stride;
	const rt_direct_window win = rt_direct_window_at(&d->h, at, 4);
	rt_four t = rt_four_of(d->bias ? *d->bias : 0.0f);
	float buf[4];

	for (int32_t i = d->channels; i > 0; i--) {
		t = column_channel(d, &rows, &win, at, t);
		rows.x += d->xc, rows.w += d->wc;
	}
	rt_four_store(buf, t);
	for (int32_t j = 0; j < 4 && q + j < d->h.out; j++)
		y[j * d->yq] = buf[j];
}

#if RT_RVV
RT_APART void column_wide_beside(const rt_wide_tile *t)
{
	rt_wide_sum(t, RT_WIDE_BESIDE, 1);
}

RT_APART void column_wide_apart(const rt_wide_tile *t)
{
	rt_wide_sum(t, RT_WIDE_ANY, 1);
}
#endif

static void column_plane(const rt_direct *d)
{
#if RT_RVV
	if (rt_wide_plane(d, d->h.stride == 1 ? column_wide_beside
			: column_wide_apart))
		return;
#endif
	for (int32_t r = 0; r < d->v.out; r++) {
		const rt_direct_rows rows = rt_direct_rows_of(d, r);
		for (int32_t q = 0; q < d->h.out; q += 4)
			column_tile(d, rows, q, d->y + r * d->yr + q * d->yq);
	}
}

RT_API void rt_depth_forward_plain(const rt_conv *d, const float *x,
	const float *w, const float *bias, float *y)
{
	const int32_t mult = d->o / d->c;
	rt_direct job;

	rt_direct_forward(&job, d);
	job.lanes = 1, job.x = x, job.w = w, job.y = y;
#if !RT_RVV
	if (RT_DEPTH_FIVE && rt_depth_five(d, x, w, bias, y))
		return;
#endif
	if (rt_depth_three(&job, d->n * d->o, mult, d->o, bias))
		return;
	for (int32_t i = 0; i < d->n * d->o; i++) {
		const int32_t o = i % d->o;
		job.x = x + i / mult * job.xc, job.w = w + o * job.wlane;
		job.bias = bias ? bias + o : NULL, job.y = y + i * job.yc;
		column_plane(&job);
	}
}

/* The rows and columns of an image that are r, q modulo the strides. */
static void column_input(const rt_conv *d, const float *dy, const float *w,
	float *dx, int32_t r, int32_t q)
{
	rt_direct job;

	rt_direct_grad_input(&job, d, r, q);
	job.lanes = 1, job.bias = NULL;
	job.x = dy, job.w = w, job.y = dx + (ptrdiff_t)r * d->w + q;
	if (rt_depth_three(&job, d->c, 1, d->c, NULL))
		return;
	for (int32_t i = 0; i < d->c; i++) {
		job.x = dy + i * job.channels * job.xc;
		job.w = w + i * job.channels * job.wlane;
		job.y = dx + i * job.yc + (ptrdiff_t)r * d->w + q;
		column_plane(&job);
	}
}

RT_API void rt_depth_grad_input_plain(const rt_conv *d, const float *dy,
	const float *w, float *dx)
{
	const ptrdiff_t xs = (ptrdiff_t)d->c * d->h * d->w;
	const ptrdiff_t ys = (ptrdiff_t)d->o * d->oh * d->ow;

	if (RT_DEPTH_STRIDE > 1 && rt_depth_spread(d, dy, w, dx))
		return;
#if !RT_RVV
	if (RT_DEPTH_FIVE && rt_depth_five_grad_input(d, dy, w, dx))
		return;
#endif
	for (int32_t i = 0; i < d->n; i++)
		for (int32_t r = 0; r < d->sh && r < d->h; r++)
			for (int32_t q = 0; q < d->sw && q < d->w; q++)
				column_input(d, dy + i * ys, w, dx + i * xs,
					r, q);
}
