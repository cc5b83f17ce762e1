/* SPDX-License-Identifier: 0BSD */
/*
 * A sum over source channels and taps, as convolution and its gradient for
 * the input both are without workspace; they differ in where an output finds
 * its taps.
 */
#ifndef RT_DIRECT_H
#define RT_DIRECT_H

#include "runtime/four.h"
#include "runtime/workspace.h"

#define RT_DIRECT_WINDOW 16	/* columns that a tile may copy */

/* Are there others than rt_conv_fits_row()? */
#define RT_DIRECT_ANY (RT_CONV_OTHER || RT_RVV)

/* Output i takes tap t, the weight at w0 + t * wstep, from the source at
 * origin + i * stride + t * step, if that is there. */
typedef struct rt_direct_axis {
	int32_t out, taps, w0, wstep;
	int32_t origin, stride, step, size;
} rt_direct_axis;

/* Up to four output channels of an image; rows and columns of outputs, for
 * the gradient those that share their taps. */
typedef struct rt_direct {
	rt_direct_axis v, h;
	int32_t channels, lanes;	/* of the source, of the output */
	const float *x, *w, *bias;
	ptrdiff_t xc, wc, wlane, wrow;
	float *y;
	ptrdiff_t yc, yr, yq;
} rt_direct;

/* The rows of taps that an output row has, and where they are. */
typedef struct rt_direct_rows {
	int32_t n;
	const float *x, *w;	/* of the first, column 0, tap 0 */
	ptrdiff_t xr, wr;	/* to the next one */
} rt_direct_rows;

static inline rt_direct_axis rt_direct_axis_forward(int32_t size,
	int32_t out, int32_t taps, int32_t stride, int32_t pad, int32_t dil)
{
	const rt_direct_axis x = { out, taps, 0, 1, -pad, stride, dil, size };

	return x;
}

/* dx at first, first + stride, ...; the taps that hit them, in the order of
 * their weights, go back in dy. */
static inline rt_direct_axis rt_direct_axis_backward(int32_t size,
	int32_t out, int32_t taps, int32_t stride, int32_t pad, int32_t dil,
	int32_t first)
{
	const rt_axis b = rt_axis_backward(size, out, taps, stride, pad, dil,
		first);
	const rt_direct_axis x = { b.out, b.taps, b.w0 + (b.taps - 1) * b.wstep,
		-b.wstep, b.origin + (b.taps - 1) * b.shift, 1, -b.shift,
		b.size };

	return x;
}

/* Outputs lo .. hi - 1 of count take a tap that is off from their place. */
static inline void rt_tap_range(int32_t count, int32_t s, int32_t off,
	int32_t size, int32_t *lo, int32_t *hi)
{
	*lo = off < 0 ? (s - 1 - off) / s : 0;
	*hi = off < size ? (size - 1 - off) / s + 1 : 0;
	if (*hi > count)
		*hi = count;
	if (*lo > *hi)
		*lo = *hi;
}

/* Taps lo .. hi - 1 of output i are there. */
static inline void rt_direct_range(const rt_direct_axis *x, int32_t i,
	int32_t *lo, int32_t *hi)
{
	const int32_t at = x->origin + i * x->stride;

	*lo = 0, *hi = x->taps;
	while (*lo < *hi && (at + *lo * x->step < 0
		|| at + *lo * x->step >= x->size))
		++*lo;
	while (*hi > *lo && (at + (*hi - 1) * x->step < 0
		|| at + (*hi - 1) * x->step >= x->size))
		--*hi;
}

/* What all images, groups and channels of a convolution share. */
static inline void rt_direct_forward(rt_direct *job, const rt_conv *d)
{
	job->v = rt_direct_axis_forward(d->h, d->oh, d->kh, d->sh, d->ph,
		d->dh);
	job->h = rt_direct_axis_forward(d->w, d->ow, d->kw, d->sw, d->pw,
		d->dw);
	job->channels = d->c / d->groups;
	job->xc = (ptrdiff_t)d->h * d->w, job->wrow = d->kw;
	job->wc = (ptrdiff_t)d->kh * d->kw;
	job->wlane = job->channels * job->wc;
	job->yc = (ptrdiff_t)d->oh * d->ow, job->yr = d->ow, job->yq = 1;
}

/* Of the gradient, the rows and columns that are r, q modulo the strides. */
static inline void rt_direct_grad_input(rt_direct *job, const rt_conv *d,
	int32_t r, int32_t q)
{
	job->v = rt_direct_axis_backward(d->h, d->oh, d->kh, d->sh, d->ph,
		d->dh, r);
	job->h = rt_direct_axis_backward(d->w, d->ow, d->kw, d->sw, d->pw,
		d->dw, q);
	job->channels = d->o / d->groups;
	job->xc = (ptrdiff_t)d->oh * d->ow, job->wrow = d->kw;
	job->wlane = (ptrdiff_t)d->kh * d->kw;
	job->wc = d->c / d->groups * job->wlane;
	job->yc = (ptrdiff_t)d->h * d->w;
	job->yr = (ptrdiff_t)d->sh * d->w, job->yq = d->sw;
}

/* Rows lo .. hi - 1 of taps. */
static inline rt_direct_rows rt_direct_rows_at(const rt_direct *d, int32_t r,
	int32_t lo, int32_t hi)
{
	rt_direct_rows rows;

	rows.n = hi - lo;
	rows.xr = (ptrdiff_t)d->v.step * d->h.size;
	rows.wr = d->v.wstep * d->wrow;
	rows.x = d->x + (ptrdiff_t)(d->v.origin + r * d->v.stride) * d->h.size
		+ lo * rows.xr;
	rows.w = d->w + d->v.w0 * d->wrow + lo * rows.wr + d->h.w0;
	return rows;
}

static inline rt_direct_rows rt_direct_rows_of(const rt_direct *d, int32_t r)
{
	int32_t lo, hi;

	rt_direct_range(&d->v, r, &lo, &hi);
	return rt_direct_rows_at(d, r, lo, hi);
}

/* The columns of a source row that a tile of n reads: from .. from + width - 1, of
 * which those at lo .. hi - 1 are there. */
typedef struct rt_direct_window {
	int32_t from, width, lo, hi;
} rt_direct_window;

static inline rt_direct_window rt_direct_window_at(const rt_direct_axis *h,
	int32_t at, int32_t n)
{
	const int32_t span = (h->taps - 1) * h->step;
	rt_direct_window w;

	w.from = span < 0 ? at + span : at;
	w.width = (n - 1) * h->stride + 1 + (span < 0 ? -span : span);
	w.lo = w.from < 0 ? -w.from : 0;
	w.hi = h->size - w.from < w.width ? h->size - w.from : w.width;
	return w;
}

/* Has conv_plain.c a form for its taps?  For five at stride 1, so has conv_five.c;
 * for all, on Helium, conv_lanes_helium.h. */
static inline int rt_direct_has_form(const rt_direct_axis *h)
{
	if (RT_HELIUM || h->wstep != 1 || (h->step != 1 && h->step != -1))
		return 0;
	if (RT_CONV_FIVE && h->taps == 5)
		return RT_CONV_STRIDE > 1 && h->stride == 2 && h->step == 1;
	return RT_CONV_THREE && h->taps == 3 && h->stride <= 2;
}

/* Columns from .. end - 1. */
typedef struct rt_direct_span {
	int32_t from, end;
} rt_direct_span;

/* Those of such a form, whose tiles read at most half of its taps beyond each
 * end of a row. */
static inline rt_direct_span rt_direct_span_of(const rt_direct *d)
{
	const rt_direct_axis *h = &d->h;
	const int32_t half = h->taps / 2;
	const int32_t left = h->step < 0 ? h->origin - 2 : h->origin;
	const rt_direct_span none = { h->out, h->out };
	rt_direct_span s;

	if (!rt_direct_has_form(h) || d->v.wstep * d->wrow != h->taps)
		return none;
	s.from = left < -half ? (h->stride - 1 - half - left) / h->stride : 0;
	s.end = rt_min(h->out, (h->size - 1 - half - left) / h->stride + 1);
	return s.end - s.from < 4 ? none : s;
}

/* Those of a window that are there, one by one: it is too few for a call of
 * memcpy, or to unroll. */
RT_INLINED void rt_direct_copy(float *to, const float *from, int32_t lo,
	int32_t hi)
{
	int32_t n = hi - lo;

	for (to += lo, from += lo; n > 0; n--) {
		*to++ = *from++;
		RT_KEEP(n);
	}
}

/* Columns at, at + stride, ... alone. */
static inline void rt_direct_pick(const float *row, int32_t at, int32_t stride,
	int32_t size, float buf[4])
{
	for (int j = 0; j < 4; j++, at += stride)
		buf[j] = at >= 0 && at < size ? row[at] : 0.0f;
}

/* The weights of 3x3 taps in registers: nothing that is stored changes them. */
typedef struct rt_nine {
	float w[9];
} rt_nine;

RT_INLINED void rt_nine_load(rt_nine *t, const float *w)
{
	t->w[0] = w[0], t->w[1] = w[1], t->w[2] = w[2];
	t->w[3] = w[3], t->w[4] = w[4], t->w[5] = w[5];
	t->w[6] = w[6], t->w[7] = w[7], t->w[8] = w[8];
}

#ifdef RT_PROTOTYPES

/* conv_depth_three.c: planes of a depthwise one, of which d has the first, mult
 * of one source and outs of an image; 0 if it is none of 3x3. */
RT_API int rt_depth_three(const rt_direct *d, int32_t planes, int32_t mult,
	int32_t outs, const float *bias);

/* conv_five.c: the channels of a group; 0 if the kernel has not five columns. */
RT_API int rt_conv_five(rt_direct *d, const float *w, const float *bias,
	float *y, int32_t channels);

#endif
#endif
