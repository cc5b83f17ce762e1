/* SPDX-License-Identifier: 0BSD */
/*
 * Convolution and its input gradient on register tiles.  Both are the same
 * job: output channels by positions, summed over source channels and taps,
 * the source lying in padded planes (plane.c) where a tap is an offset.  The
 * input gradient at stride s is s * s such jobs over dy, one for each set of
 * positions that the same taps reach.
 */
#include "runtime/rt.h"
#include "runtime/plane.h"

#if RT_VL

typedef struct ConvJob {
	rt_axis v, h;
	rt_plan plan;
	int32_t channels, rows;		/* source and output channels */
	const float *src, *w;
	ptrdiff_t src_cs, w_rs, w_cs;	/* per source, per output, per source */
	int32_t kw;			/* weights per row of taps */
	float *y;
	ptrdiff_t y_cs, y_rs, y_qs;	/* per channel, row, column */
	int add;
} ConvJob;

/* Up to three vectors of outputs: where each starts in the planes. */
typedef struct ConvPanel {
	int32_t vecs, at[RT_NV];
} ConvPanel;

/* Steps k0 .. k0 + kc - 1 of the block's channels and taps. */
static void conv_steps(const ConvJob *job, const rt_block *b, int32_t k0,
	int32_t kc, rt_step *off)
{
	int32_t u = k0 % job->h.taps, t = k0 / job->h.taps % job->v.taps;
	int32_t c = k0 / (job->h.taps * job->v.taps);

	for (int32_t p = 0; p < kc; ) {
		const int32_t wt = (job->v.w0 + t * job->v.wstep) * job->kw;
		for (; u < job->h.taps && p < kc; u++, p++) {
			off[p].a = (b->channel + c) * job->w_cs + wt
				+ job->h.w0 + u * job->h.wstep;
			off[p].b = rt_plane_tap(&job->v, &job->h, b, c, t, u);
		}
		if (u < job->h.taps)
			break;
		u = 0;
		if (++t == job->v.taps)
			t = 0, c++;
	}
}

/* The outputs among one vector of a tile buffer, row by row of the image. */
static void conv_scatter(const ConvJob *job, const rt_block *b, int32_t at,
	const float *buf, float *y, int32_t rows, int add)
{
	int32_t r = at / b->width, q = at % b->width;

	for (int32_t lane = 0; lane < RT_VL && r < b->rows; r++, q = 0) {
		const int32_t n = rt_min(RT_VL - lane, b->cols - q);
		float *row = y + (b->row + r) * job->y_rs
			+ (b->col + q) * job->y_qs;
		for (int32_t i = 0; i < rows; i++, row += job->y_cs) {
			const float *s = buf + i * RT_NV * RT_VL + lane;
			if (add)
				for (int32_t j = 0; j < n; j++)
					row[j * job->y_qs] += s[j];
			else
				for (int32_t j = 0; j < n; j++)
					row[j * job->y_qs] = s[j];
		}
		lane += b->width - q;
	}
}

static void conv_buffered(const ConvJob *job, const rt_block *b,
	const ConvPanel *q, rt_tile *t, float *y, int32_t rows)
{
	float buf[RT_MR * RT_NV * RT_VL];
	const float beta = t->beta;

	for (int32_t v = 0; v < q->vecs; v++)
		t->y[v] = buf + v * RT_VL;
	t->ldy = RT_NV * RT_VL;
	t->beta = 0;
	rt_tile_run(t, rows, q->vecs);
	t->beta = beta;
	for (int32_t v = 0; v < q->vecs; v++)
		conv_scatter(job, b, q->at[v], buf + v * RT_VL, y, rows,
			beta != 0);
}

static void conv_direct(const ConvJob *job, const rt_block *b,
	const ConvPanel *q, rt_tile *t, float *y, int32_t rows)
{
	for (int32_t v = 0; v < q->vecs; v++)
		t->y[v] = y + (b->row + q->at[v] / b->width) * job->y_rs
			+ b->col + q->at[v] % b->width;
	t->ldy = job->y_cs;
	rt_tile_run(t, rows, q->vecs);
}

/*
 * Vectors may lie within rows, the last moved back to end with its row, and
 * go to y directly; or across rows, to a buffer.  The first unless it wastes
 * more.
 */
static int conv_by_rows(const ConvJob *job, const rt_block *b)
{
	const int32_t full = (b->cols + RT_VL - 1) / RT_VL * RT_VL;

	return job->y_qs == 1 && b->cols >= RT_VL && full * 5 < b->width * 6;
}

/* The panel that starts at *row, *vec; steps both on. */
static ConvPanel conv_panel_in_rows(const rt_block *b, int32_t *row,
	int32_t *vec)
{
	const int32_t vecs = (b->cols + RT_VL - 1) / RT_VL;
	ConvPanel q;

	if (vecs == 1) {
		q.vecs = rt_tile_vecs(b->rows - *row);
		for (int32_t v = 0; v < q.vecs; v++)
			q.at[v] = (*row)++ * b->width;
		return q;
	}
	q.vecs = rt_tile_vecs(vecs - *vec);
	for (int32_t v = 0; v < q.vecs; v++)
		q.at[v] = *row * b->width
			+ rt_min((*vec)++ * RT_VL, b->cols - RT_VL);
	if (*vec == vecs)
		*vec = 0, (*row)++;
	return q;
}

static ConvPanel conv_panel_across(const rt_block *b, int32_t *row,
	int32_t *vec)
{
	const int32_t count = (b->rows - 1) * b->width + b->cols;
	const int32_t vecs = (count + RT_VL - 1) / RT_VL;
	ConvPanel q;

	q.vecs = rt_tile_vecs(vecs - *vec);
	for (int32_t v = 0; v < q.vecs; v++)
		q.at[v] = (*vec)++ * RT_VL;
	if (*vec == vecs)
		*row = b->rows;
	return q;
}

/* All panels for some output channels, weights in t->a. */
static void conv_panels(const ConvJob *job, const rt_block *b, rt_tile *t,
	const float *planes, float *y, int32_t rows)
{
	const int by_rows = conv_by_rows(job, b);
	int32_t row = 0, vec = 0;

	while (row < b->rows) {
		const ConvPanel q = by_rows ? conv_panel_in_rows(b, &row, &vec)
			: conv_panel_across(b, &row, &vec);
		for (int32_t v = 0; v < q.vecs; v++)
			t->b[v] = planes + q.at[v];
		if (by_rows)
			conv_direct(job, b, &q, t, y, rows);
		else
			conv_buffered(job, b, &q, t, y, rows);
	}
}

static void conv_block(const ConvJob *job, const rt_block *b,
	const float *planes)
{
	const int32_t k = b->channels * job->v.taps * job->h.taps;
	rt_step off[RT_KC];
	rt_tile t;

	t.off = off, t.alpha = 1;
	for (int32_t k0 = 0; k0 < k; k0 += RT_KC) {
		t.k = rt_min(k - k0, RT_KC);
		t.beta = job->add || b->channel > 0 || k0 > 0 ? 1 : 0;
		conv_steps(job, b, k0, t.k, off);
		for (int32_t i = 0; i < job->rows; ) {
			const int32_t rows = rt_tile_rows(job->rows - i);
			for (int32_t r = 0; r < rows; r++)
				t.a[r] = job->w + (i + r) * job->w_rs;
			conv_panels(job, b, &t, planes,
				job->y + i * job->y_cs, rows);
			i += rows;
		}
	}
}

static void conv_job(const ConvJob *job, float *ws)
{
	const rt_plan *p = &job->plan;

	for (int32_t r = 0; r < job->v.out; r += p->rows)
		for (int32_t q = 0; q < job->h.out; q += p->cols)
			for (int32_t c = 0; c < job->channels;
				c += p->channels) {
				const rt_block b = rt_block_at(&job->v, &job->h,
					p, r, q, c, job->channels);
				rt_plane_load(&job->v, &job->h, &b, job->src,
					job->src_cs, 0, ws);
				conv_block(job, &b, ws);
			}
}

RT_API int rt_conv_forward_tile(const rt_conv *d, const float *x,
	const float *w, const float *bias, float *y, float *ws)
{
	const int32_t taps = d->kh * d->kw, og = d->o / d->groups;
	ConvJob j;

	j.v = rt_axis_forward(d->h, d->oh, d->kh, d->sh, d->ph, d->dh);
	j.h = rt_axis_forward(d->w, d->ow, d->kw, d->sw, d->pw, d->dw);
	j.channels = d->c / d->groups, j.rows = og;
	j.plan = rt_plan_forward(&j.v, &j.h, j.channels);
	if (j.plan.rows == 0)
		return 0;
	j.src_cs = (ptrdiff_t)d->h * d->w;
	j.w_rs = (ptrdiff_t)j.channels * taps, j.w_cs = taps, j.kw = d->kw;
	j.y_cs = (ptrdiff_t)d->oh * d->ow, j.y_rs = d->ow, j.y_qs = 1;
	j.add = bias != NULL;
	for (int32_t i = 0; i < d->n * d->groups; i++) {
		const int32_t o = i % d->groups * og;
		j.src = x + i * j.channels * j.src_cs;
		j.w = w + o * j.w_rs;
		j.y = y + i * og * j.y_cs;
		if (bias)
			rt_conv_bias(bias + o, og, d->oh * d->ow, j.y);
		conv_job(&j, ws);
	}
	return 1;
}

static void conv_zero(const ConvJob *j)
{
	for (int32_t i = 0; i < j->rows; i++)
		for (int32_t r = 0; r < j->v.out; r++)
			for (int32_t q = 0; q < j->h.out; q++)
				j->y[i * j->y_cs + r * j->y_rs + q * j->y_qs]
					= 0;
}

/* The job for the positions that are row r, column q modulo the strides. */
static void conv_input_axes(const rt_conv *d, int32_t r, int32_t q, ConvJob *j)
{
	j->v = rt_axis_backward(d->h, d->oh, d->kh, d->sh, d->ph, d->dh, r);
	j->h = rt_axis_backward(d->w, d->ow, d->kw, d->sw, d->pw, d->dw, q);
	if (j->v.taps * j->h.taps > 0)
		j->plan = rt_plan_forward(&j->v, &j->h, j->channels);
}

/* One image and group: j is for position 0, 0 already if that is the only
 * one. */
static void conv_input(const rt_conv *d, float *dx, ConvJob *j, float *ws)
{
	for (int32_t r = 0; r < d->sh && r < d->h; r++)
		for (int32_t q = 0; q < d->sw && q < d->w; q++) {
			if (d->sh > 1 || d->sw > 1)
				conv_input_axes(d, r, q, j);
			j->y = dx + (ptrdiff_t)r * d->w + q;
			if (j->v.taps * j->h.taps > 0)
				conv_job(j, ws);
			else
				conv_zero(j);
		}
}

RT_API int rt_conv_grad_input_tile(const rt_conv *d, const float *dy,
	const float *w, float *dx, float *ws)
{
	const int32_t taps = d->kh * d->kw, cg = d->c / d->groups;
	const int32_t og = d->o / d->groups;
	ConvJob j;

	if (rt_conv_grad_input_workspace(d) == 0)
		return 0;
	j.channels = d->o / d->groups, j.rows = cg;
	j.src_cs = (ptrdiff_t)d->oh * d->ow;
	j.w_rs = taps, j.w_cs = (ptrdiff_t)cg * taps, j.kw = d->kw;
	j.y_cs = (ptrdiff_t)d->h * d->w;
	j.y_rs = (ptrdiff_t)d->sh * d->w, j.y_qs = d->sw, j.add = 0;
	conv_input_axes(d, 0, 0, &j);
	for (int32_t i = 0; i < d->n * d->groups; i++) {
		j.src = dy + i * og * j.src_cs;
		j.w = w + i % d->groups * og * j.w_cs;
		conv_input(d, dx + i * cg * j.y_cs, &j, ws);
	}
	return 1;
}

#endif
