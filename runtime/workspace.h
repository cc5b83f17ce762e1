/* SPDX-License-Identifier: 0BSD */
/*
 * How each kernel cuts its work, and so the workspace it needs in bytes.
 * These are functions of the shapes alone, the same for every target, so
 * that the compiler can place the workspace and the kernel can rely on what
 * was placed.  0 means that no workspace would help.
 */
#ifndef RT_WORKSPACE_H
#define RT_WORKSPACE_H

#include "runtime/rt.h"

#define RT_WS_FLOATS 10240	/* no kernel asks for more */
#define RT_KC 192		/* steps of a block of k */
#define RT_WS_SLACK 16		/* the last vector may read past planes */

static inline int32_t rt_min(int32_t a, int32_t b)
{
	return a < b ? a : b;
}

/* Columns of a packed panel: whole vectors of 16, at most 3. */
static inline int32_t rt_panel_columns(int32_t n)
{
	return n > 32 ? 48 : n > 16 ? 32 : 16;
}

/*
 * Is y = op(a) op(b) computed as y' = b' a', on vectors of vl floats?  Where fewer
 * columns then need transposing.
 */
static inline int rt_gemm_turns(int ta, int tb, int32_t m, int32_t n, int32_t vl)
{
	const int64_t pack = 10;	/* transposing, in rows of sums */
	const int64_t columns = ((int64_t)n + vl - 1) / vl * vl;
	const int64_t rows = ((int64_t)m + vl - 1) / vl * vl;

	return rows * (n + (ta ? 0 : pack)) * 9 < columns * (m + (tb ? pack : 0)) * 8;
}

/* Must a panel of b be packed that m rows pass, n columns, which lie side by side if
 * `beside`?  mr: rows of a register tile. */
static inline int rt_gemm_packs(int beside, int32_t m, int32_t n, int32_t vl,
	int32_t mr)
{
	return !beside || n < vl || m > 4 * mr;
}

/* The most columns of a packed panel: vectors come by three, or by two
 * (rt_tile_vecs()). */
static inline int32_t rt_gemm_panel(int32_t n, int32_t vl)
{
	const int32_t vecs = (n - 1) / vl + 1;

	return vl * (vecs == 2 || vecs == 4 ? 2 : vecs < 3 ? 1 : 3);
}

/*
 * One packed panel of a block of k, the largest on any target's vectors; none where
 * all read both factors in place, or one is a vector, which is streamed.
 */
static inline int64_t rt_gemm_workspace(int ta, int tb, int32_t m, int32_t n,
	int32_t k)
{
	int32_t most = 0;

	if (m == 1 || n == 1 || k == 1)
		return 0;
	for (int32_t vl = 4; vl <= 16; vl *= 2) {
		const int turns = rt_gemm_turns(ta, tb, m, n, vl);
		const int32_t columns = turns ? m : n;
		const int32_t panel = rt_gemm_panel(columns, vl);
		if (panel > most && rt_gemm_packs(turns ? ta : !tb, turns ? n : m,
				columns, vl, vl == 16 ? 8 : 4))
			most = panel;
	}
	return (int64_t)rt_min(k, RT_KC) * most * (int64_t)sizeof(float);
}

/* ---- convolution ---- */

enum rt_conv_kind {
	RT_CONV_GENERAL,
	RT_CONV_POINTWISE,	/* a product per image */
	RT_CONV_DEPTHWISE
};

static inline enum rt_conv_kind rt_conv_kind(const rt_conv *d)
{
	if (d->kh == 1 && d->kw == 1 && d->sh == 1 && d->sw == 1 && d->ph == 0
		&& d->pw == 0 && d->oh == d->h && d->ow == d->w)
		return RT_CONV_POINTWISE;
	if (d->groups == d->c && d->c > 1 && d->o / d->c < 8)
		return RT_CONV_DEPTHWISE;
	return RT_CONV_GENERAL;
}

/*
 * Equal parts of x and y that rt_conv_forward() goes through in order, and of
 * dy and dx rt_conv_grad_input(): see rt.h.
 */
static inline int64_t rt_conv_forward_parts(const rt_conv *d)
{
	return (int64_t)d->n * (rt_conv_kind(d) == RT_CONV_DEPTHWISE ? d->c
		: d->groups);
}

static inline int64_t rt_conv_grad_input_parts(const rt_conv *d)
{
	if (rt_conv_kind(d) == RT_CONV_DEPTHWISE && (d->sh > 1 || d->sw > 1))
		return d->n;
	return rt_conv_forward_parts(d);
}

/* Columns that the last output lacks on the right. */
static inline int32_t rt_conv_right(const rt_conv *d)
{
	return (d->ow - 1) * d->sw - d->pw + (d->kw - 1) * d->dw + 1 - d->w;
}

/* Has the kernel three or five columns, side by side, of which no output lacks
 * more than half, nor on both sides? */
static inline int rt_conv_row(const rt_conv *d)
{
	return (d->kw == 3 || d->kw == 5) && d->dw == 1 && d->w >= d->kw - 1
		&& d->pw <= d->ow * d->sw && d->pw <= d->kw / 2 && rt_conv_right(d) <= d->kw / 2;
}

/* 3x3 at stride 2, whose gradient for the input conv_spread.c computes? */
static inline int rt_conv_spreads(const rt_conv *d)
{
	if (d->kh != 3 || d->kw != 3 || d->sh != 2 || d->sw != 2
		|| d->ph != d->pw || d->dh != 1 || d->dw != 1 || d->w < 7)
		return 0;
	if (d->pw == 0)
		return d->h == 2 * d->oh && d->w == 2 * d->ow;
	return d->pw == 1 && (d->h + 1) / 2 <= d->oh && (d->w + 1) / 2 <= d->ow;
}

/* Do all three functions without vectors get by with the forms for three or for
 * five columns? */
static inline int rt_conv_fits_row(const rt_conv *d)
{
	if (!rt_conv_row(d))
		return 0;
	if (d->kw == 5)
		return d->sw == 1;
	if (d->sw == 1)
		return d->pw == 1 && rt_conv_right(d) == 1 && d->w >= 4;
	return rt_conv_spreads(d);
}

/* Channels from one image of dy to the next. */
static inline int32_t rt_conv_dyc(const rt_conv *d)
{
	return d->dyc ? d->dyc : d->o;
}

/*
 * One axis of a convolution over planes: copies of the source in which the
 * outputs of a tap lie side by side.  Position i of phase f is the source at
 * origin + f * pstep + i * stride; output i takes tap t from position
 * i + t / phases * shift of phase t % phases, with the weight at
 * w0 + t * wstep.
 */
typedef struct rt_axis {
	int32_t out, taps, phases, shift, origin, pstep, stride, size;
	int32_t w0, wstep;
} rt_axis;

static inline int32_t rt_gcd(int32_t a, int32_t b)
{
	while (b) {
		const int32_t r = a % b;
		a = b, b = r;
	}
	return a;
}

/* Positions beyond the number of outputs. */
static inline int32_t rt_axis_extra(const rt_axis *x)
{
	return (x->taps - 1) / x->phases * x->shift;
}

/* y from x: taps a multiple of stride apart share a phase. */
static inline rt_axis rt_axis_forward(int32_t size, int32_t out, int32_t taps,
	int32_t stride, int32_t pad, int32_t dil)
{
	const int32_t period = stride / rt_gcd(stride, dil);
	rt_axis x;

	x.out = out, x.taps = taps, x.phases = rt_min(taps, period);
	x.shift = period * dil / stride;
	x.origin = -pad, x.pstep = dil, x.stride = stride, x.size = size;
	x.w0 = 0, x.wstep = 1;
	return x;
}

/*
 * dx from dy at the positions first, first + stride, ...: the taps that hit
 * them, last first.  There may be none.
 */
static inline rt_axis rt_axis_backward(int32_t size, int32_t out,
	int32_t taps, int32_t stride, int32_t pad, int32_t dil, int32_t first)
{
	const int32_t period = stride / rt_gcd(stride, dil);
	int32_t t = 0;
	rt_axis x;

	while (t < period && t < taps && (first + pad - t * dil) % stride != 0)
		t++;
	x.out = (size - first + stride - 1) / stride;
	x.taps = t < period && t < taps ? (taps - 1 - t) / period + 1 : 0;
	x.phases = 1, x.shift = period * dil / stride;
	x.origin = (first + pad - t * dil) / stride - (x.taps - 1) * x.shift;
	x.pstep = 0, x.stride = 1, x.size = out;
	x.w0 = t + (x.taps - 1) * period, x.wstep = -period;
	return x;
}

/* Outputs computed at once and source channels copied for them. */
typedef struct rt_plan {
	int32_t rows, cols, channels;
	int32_t plane;		/* floats per channel: all its phases */
	int32_t panel;		/* floats of the packed panel before them */
} rt_plan;

static inline int64_t rt_plane_floats(const rt_axis *v, const rt_axis *h,
	int32_t rows, int32_t cols)
{
	return (int64_t)v->phases * h->phases * (rows + rt_axis_extra(v))
		* (cols + rt_axis_extra(h));
}

/* As many channels as fit beside the panel; 0 rows if not even one does. */
static inline rt_plan rt_plan_channels(const rt_axis *v, const rt_axis *h,
	rt_plan p, int32_t channels)
{
	const int32_t room = RT_WS_FLOATS - RT_WS_SLACK - p.panel;
	const int64_t plane = rt_plane_floats(v, h, p.rows, p.cols);

	p.plane = plane <= room ? (int32_t)plane : 0;
	p.channels = p.plane ? rt_min(channels, room / p.plane) : 0;
	if (p.channels == 0)
		p.rows = 0;
	return p;
}

/*
 * Forward and grad_input: few enough channels at a time to fill one block of
 * k, and as many rows as then fit.
 */
static inline rt_plan rt_plan_forward(const rt_axis *v, const rt_axis *h,
	int32_t channels)
{
	const int32_t taps = v->taps * h->taps;
	const int32_t room = RT_WS_FLOATS - RT_WS_SLACK;
	int32_t want = taps < RT_KC ? RT_KC / taps : 1;
	rt_plan p = { 0, 0, 0, 0, 0 };

	p.rows = 1, p.cols = h->out;
	while (p.cols > 16 && rt_plane_floats(v, h, 1, p.cols) > room)
		p.cols = (p.cols + 1) / 2;
	want = rt_min(want, channels);
	while (want > 1 && p.rows < v->out
		&& rt_plane_floats(v, h, rt_min(v->out, 96 / p.cols + 1),
			p.cols) * want > room)
		want = (want + 1) / 2;
	while (p.rows < v->out
		&& rt_plane_floats(v, h, p.rows + 1, p.cols) * want <= room)
		p.rows++;
	p.rows = (v->out + (v->out - 1) / p.rows) / ((v->out - 1) / p.rows + 1);
	return rt_plan_channels(v, h, p, channels);
}

/* grad_weight: the outputs are a block of k, packed as a panel. */
static inline rt_plan rt_plan_weight(const rt_axis *v, const rt_axis *h,
	int32_t channels, int32_t columns)
{
	const int32_t panel = rt_panel_columns(columns);
	const int32_t steps = rt_min(RT_KC, RT_WS_FLOATS * 3 / 5 / panel);
	const int32_t room = RT_WS_FLOATS / 5;	/* at least two channels */
	rt_plan p = { 0, 0, 0, 0, 0 };

	p.cols = rt_min(h->out, steps);
	p.rows = rt_min(v->out, steps / p.cols);
	while (p.rows > 1 && rt_plane_floats(v, h, p.rows, p.cols) > room)
		p.rows--;
	while (p.cols > 16 && rt_plane_floats(v, h, p.rows, p.cols) > room)
		p.cols = (p.cols + 1) / 2;
	p.panel = p.rows * p.cols * panel;
	return rt_plan_channels(v, h, p, channels);
}

static inline int64_t rt_plan_workspace(const rt_plan *p)
{
	if (p->rows == 0)
		return 0;
	return ((int64_t)p->panel + p->channels * p->plane + RT_WS_SLACK)
		* (int64_t)sizeof(float);
}

static inline int64_t rt_conv_forward_workspace(const rt_conv *d)
{
	const int32_t cg = d->c / d->groups, og = d->o / d->groups;
	const rt_axis v = rt_axis_forward(d->h, d->oh, d->kh, d->sh, d->ph,
		d->dh);
	const rt_axis h = rt_axis_forward(d->w, d->ow, d->kw, d->sw, d->pw,
		d->dw);
	rt_plan p;

	if (rt_conv_kind(d) == RT_CONV_DEPTHWISE)
		return 0;
	if (rt_conv_kind(d) == RT_CONV_POINTWISE)
		return rt_gemm_workspace(0, 0, og, d->h * d->w, cg);
	p = rt_plan_forward(&v, &h, cg);
	return rt_plan_workspace(&p);
}

/* The most that any of the interleaved parts of dx needs, 0 if one cannot. */
static inline int64_t rt_conv_grad_input_workspace(const rt_conv *d)
{
	const int32_t cg = d->c / d->groups, og = d->o / d->groups;
	/* Those that have a place: a stride may be longer than the map. */
	const int32_t rows = d->sh < d->h ? d->sh : d->h;
	const int32_t cols = d->sw < d->w ? d->sw : d->w;
	int64_t most = 0;

	if (rt_conv_kind(d) == RT_CONV_DEPTHWISE)
		return 0;
	if (rt_conv_kind(d) == RT_CONV_POINTWISE)
		return rt_gemm_workspace(1, 0, cg, d->h * d->w, og);
	for (int32_t i = 0; i < rows * cols; i++) {
		const rt_axis v = rt_axis_backward(d->h, d->oh, d->kh, d->sh,
			d->ph, d->dh, i / cols);
		const rt_axis h = rt_axis_backward(d->w, d->ow, d->kw, d->sw,
			d->pw, d->dw, i % cols);
		rt_plan p;
		int64_t bytes;
		if (v.taps * h.taps == 0 || v.out <= 0 || h.out <= 0)
			continue;
		p = rt_plan_forward(&v, &h, og);
		bytes = rt_plan_workspace(&p);
		if (bytes == 0)
			return 0;
		most = bytes > most ? bytes : most;
	}
	return most;
}

static inline int64_t rt_conv_grad_weight_workspace(const rt_conv *d)
{
	const int32_t cg = d->c / d->groups, og = d->o / d->groups;
	const rt_axis v = rt_axis_forward(d->h, d->oh, d->kh, d->sh, d->ph,
		d->dh);
	const rt_axis h = rt_axis_forward(d->w, d->ow, d->kw, d->sw, d->pw,
		d->dw);
	rt_plan p;

	if (rt_conv_kind(d) == RT_CONV_DEPTHWISE)
		return 0;
	if (rt_conv_kind(d) == RT_CONV_POINTWISE)
		return rt_gemm_workspace(0, 1, og, cg, d->h * d->w);
	p = rt_plan_weight(&v, &h, cg, og);
	return rt_plan_workspace(&p);
}

/* Four columns of 16-bit numbers, of whole vectors of steps; or of bytes, and two
 * tables of 16-bit numbers. */
static inline int64_t rt_conv_s8_workspace(const rt_conv *d)
{
	const int64_t steps = (int64_t)(d->c / d->groups) * d->kh * d->kw;

	if (rt_conv_kind(d) == RT_CONV_DEPTHWISE)
		return 0;
	return (steps + 15) / 16 * 16 * 4 * (int64_t)sizeof(int16_t);
}

/* A row of 16-bit numbers and a zero. */
static inline int64_t rt_gemm_s8_workspace(int32_t k)
{
	return ((int64_t)k + 2) / 2 * 2 * (int64_t)sizeof(int16_t);
}

#endif
