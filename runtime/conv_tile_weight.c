/* SPDX-License-Identifier: 0BSD */
/*
 * The weight gradient of a convolution on register tiles.  Its transpose is
 * computed: rows are input channels and taps, read from padded planes where
 * they lie; columns are output channels, dy being packed with those side by
 * side; output positions are summed over.
 */
#include "runtime/rt.h"
#include "runtime/plane.h"

#if RT_VL

#define WEIGHT_NR (RT_NV * RT_VL)

typedef struct WeightJob {
	rt_axis v, h;
	rt_plan plan;
	int32_t channels, taps;		/* input channels, taps of each */
	int32_t o, cols;		/* output channels of this panel */
	const float *x, *dy;
	ptrdiff_t x_cs, dy_cs, ow;
	float alpha, beta;		/* of what is stored next */
	float *dw;
	ptrdiff_t dw_rs;		/* per output channel */
} WeightJob;

/* The outputs of the block, position by position; returns their spacing. */
static ptrdiff_t weight_pack(const WeightJob *job, const rt_block *b,
	float *panel)
{
	const int32_t vecs = (job->cols + RT_VL - 1) / RT_VL;
	const ptrdiff_t ld = vecs * RT_VL;
	const int whole = b->cols == job->ow;
	const int32_t runs = whole ? 1 : b->rows;
	const int32_t run = whole ? b->rows * b->cols : b->cols;

	for (int32_t r = 0; r < runs; r++)
		for (int32_t v = 0; v < vecs; v++)
			rt_tile_transpose(panel + r * run * ld + v * RT_VL, ld,
				job->dy + v * RT_VL * job->dy_cs
				+ (b->row + r) * job->ow + b->col, job->dy_cs,
				run, job->cols - v * RT_VL);
	return ld;
}

static void weight_steps(const rt_block *b, ptrdiff_t ld, rt_step *off)
{
	for (int32_t r = 0; r < b->rows; r++)
		for (int32_t q = 0; q < b->cols; q++, off++) {
			off->a = (ptrdiff_t)r * b->width + q;
			off->b = (r * b->cols + q) * ld;
		}
}

/* Four rows of the tile to dw, where they are four columns. */
static void weight_put4(const WeightJob *job, const float *buf, float *dw)
{
	const float alpha = job->alpha, beta = job->beta;


	for (int32_t j = 0; j < job->cols; j += 4) {
		const int32_t n = rt_min(4, job->cols - j);
		const float *s[4];
		float t[16];
		for (int32_t i = 0; i < 4; i++)
			s[i] = buf + i * WEIGHT_NR + j;
		rt_tile_transpose4(t, 4, s);
		for (int32_t i = 0; i < n; i++) {
			float *out = dw + (j + i) * job->dw_rs;
			const rt_vec4 v = alpha * RT_LOAD4(t + i * 4);
			RT_STORE4(out, beta == 0 ? v
				: v + beta * RT_LOAD4(out));
		}
	}
}

static void weight_put(const WeightJob *job, const float *buf, int32_t rows,
	float *dw)
{
	int32_t i = 0;

	for (; i + 4 <= rows; i += 4)
		weight_put4(job, buf + i * WEIGHT_NR, dw + i);
	for (; i < rows; i++)
		for (int32_t j = 0; j < job->cols; j++) {
			float *out = dw + j * job->dw_rs + i;
			*out = rt_blend(job->alpha, buf[i * WEIGHT_NR + j],
				job->beta, out);
		}
}

/* All channels of the block against the packed panel. */
static void weight_block(const WeightJob *job, const rt_block *b,
	const float *planes, rt_tile *t)
{
	const int32_t count = b->channels * job->taps;
	const int32_t vecs = (job->cols + RT_VL - 1) / RT_VL;
	float *dw = job->dw + (ptrdiff_t)b->channel * job->taps;
	float buf[RT_MR * WEIGHT_NR];

	for (int32_t v = 0; v < vecs; v++)
		t->y[v] = buf + v * RT_VL;
	for (int32_t i = 0; i < count; ) {
		const int32_t rows = rt_tile_rows(count - i);
		for (int32_t r = 0; r < rows; r++) {
			const int32_t tap = (i + r) % job->taps;
			t->a[r] = planes + rt_plane_tap(&job->v, &job->h, b,
				(i + r) / job->taps, tap / job->h.taps,
				tap % job->h.taps);
		}
		rt_tile_run(t, rows, vecs);
		weight_put(job, buf, rows, dw + i);
		i += rows;
	}
}

static void weight_positions(const WeightJob *job, int32_t row, int32_t col,
	float *ws)
{
	float *const planes = ws + job->plan.panel;
	rt_step off[RT_KC];
	rt_block b = rt_block_at(&job->v, &job->h, &job->plan, row, col, 0,
		job->channels);
	const ptrdiff_t ld = weight_pack(job, &b, ws);
	rt_tile t;

	weight_steps(&b, ld, off);
	t.off = off, t.k = b.rows * b.cols, t.ldy = WEIGHT_NR;
	t.alpha = 1, t.beta = 0;
	for (int32_t v = 0; v < RT_NV; v++)
		t.b[v] = ws + v * RT_VL;
	for (int32_t c = 0; c < job->channels; c += job->plan.channels) {
		b = rt_block_at(&job->v, &job->h, &job->plan, row, col, c,
			job->channels);
		rt_plane_load(&job->v, &job->h, &b, job->x, job->x_cs, 0,
			planes);
		weight_block(job, &b, planes, &t);
	}
}

/* One group and panel of output channels, all images. */
static void weight_panel(const rt_conv *d, WeightJob *job, const float *x,
	const float *dy, float *ws)
{
	for (int32_t n = 0; n < d->n; n++) {
		job->x = x + n * d->c * job->x_cs;
		job->dy = dy + n * rt_conv_dyc(d) * job->dy_cs;
		for (int32_t r = 0; r < d->oh; r += job->plan.rows)
			for (int32_t q = 0; q < d->ow; q += job->plan.cols) {
				weight_positions(job, r, q, ws);
				job->beta = 1;
			}
	}
}

RT_API int rt_conv_grad_weight_tile(const rt_conv *d, float alpha,
	const float *x, const float *dy, float beta, float *dw, float *ws)
{
	const int32_t cg = d->c / d->groups, og = d->o / d->groups;
	WeightJob j;

	j.v = rt_axis_forward(d->h, d->oh, d->kh, d->sh, d->ph, d->dh);
	j.h = rt_axis_forward(d->w, d->ow, d->kw, d->sw, d->pw, d->dw);
	j.plan = rt_plan_weight(&j.v, &j.h, cg, og);
	if (j.plan.rows == 0)
		return 0;
	j.channels = cg, j.taps = d->kh * d->kw, j.ow = d->ow;
	j.x_cs = (ptrdiff_t)d->h * d->w, j.dy_cs = (ptrdiff_t)d->oh * d->ow;
	j.dw_rs = (ptrdiff_t)cg * j.taps;
	for (int32_t g = 0; g < d->groups; g++)
		for (int32_t o = 0; o < og; o += j.cols) {
			j.cols = rt_min(og - o, WEIGHT_NR);
			j.dw = dw + (g * og + o) * j.dw_rs;
			j.alpha = alpha, j.beta = beta;
			weight_panel(d, &j, x + g * cg * j.x_cs,
				dy + (g * og + o) * j.dy_cs, ws);
		}
	return 1;
}

#endif
