/* SPDX-License-Identifier: 0BSD */
/*
 * Depthwise convolution and its gradients on vectors.  A channel, or some of
 * its rows, is copied to padded planes on the stack (plane.c); there a tap is
 * an offset and vectors run across rows, so narrow images fill them too.
 */
#include "runtime/rt.h"
#include "runtime/plane.h"

#if RT_VL

#define DEPTH_FLOATS 1024	/* of planes, on the stack */
#define DEPTH_TAPS 64
#define DEPTH_RUN (4 * RT_VL)

typedef struct DepthJob {
	rt_axis v, h;
	rt_plan plan;
	int32_t kw, row, col;	/* the block that off and planes are for */
	rt_step off[DEPTH_TAPS];	/* a: weight, b: in the planes */
	ptrdiff_t y_rs, y_qs;		/* per output row and column */
	float planes[DEPTH_FLOATS];
} DepthJob;

/* 0 if one row of 16 columns does not fit. */
static int depth_plan(DepthJob *j, int32_t kw)
{
	const int32_t room = DEPTH_FLOATS - DEPTH_RUN;
	rt_plan *p = &j->plan;

	p->rows = 1, p->cols = j->h.out, p->channels = 1, p->panel = 0;
	p->plane = 0;
	while (p->cols > 16
		&& rt_plane_floats(&j->v, &j->h, 1, p->cols) > room)
		p->cols = (p->cols + 1) / 2;
	if (j->v.taps * j->h.taps > DEPTH_TAPS
		|| rt_plane_floats(&j->v, &j->h, 1, p->cols) > room)
		return 0;
	while (p->rows < j->v.out
		&& rt_plane_floats(&j->v, &j->h, p->rows + 1, p->cols) <= room)
		p->rows++;
	j->kw = kw, j->row = j->col = -1;
	return 1;
}

/* Fills the block's planes and makes off fit them. */
static rt_block depth_load(DepthJob *j, int32_t row, int32_t col,
	const float *src)
{
	const rt_block b = rt_block_at(&j->v, &j->h, &j->plan, row, col, 0, 1);
	const int same = row == j->row && col == j->col;
	rt_step *off = j->off;

	rt_plane_load(&j->v, &j->h, &b, src, 0, same, j->planes);
	if (same)
		return b;
	j->row = row, j->col = col;
	for (int32_t t = 0; t < j->v.taps; t++)
		for (int32_t u = 0; u < j->h.taps; u++, off++) {
			off->a = (j->v.w0 + t * j->v.wstep) * j->kw
				+ j->h.w0 + u * j->h.wstep;
			off->b = rt_plane_tap(&j->v, &j->h, &b, 0, t, u);
		}
	return b;
}

/* buf = first + all taps at DEPTH_RUN positions from p on. */
static void depth_run(const DepthJob *j, const float *w, const float *p,
	float first, float *buf)
{
	const rt_step *off = j->off;
	const rt_step *const end = off + j->v.taps * j->h.taps;
	const rt_vec zero = { 0 };
	rt_vec s0 = zero + first, s1 = s0, s2 = s0, s3 = s0;

	for (; off < end; off++) {
		const float z = w[off->a];
		const float *q = p + off->b;
		s0 += z * RT_LOAD(q);
		s1 += z * RT_LOAD(q + RT_VL);
		s2 += z * RT_LOAD(q + 2 * RT_VL);
		s3 += z * RT_LOAD(q + 3 * RT_VL);
	}
	RT_STORE(buf, s0);
	RT_STORE(buf + RT_VL, s1);
	RT_STORE(buf + 2 * RT_VL, s2);
	RT_STORE(buf + 3 * RT_VL, s3);
}

/* The sums of the block to y. */
static void depth_put(const DepthJob *j, const rt_block *b, const float *grid,
	int add, float *y)
{
	y += b->row * j->y_rs + b->col * j->y_qs;
	if (j->y_qs == 1 && !add) {
		rt_copy_rows(y, j->y_rs, grid, b->width, b->cols, b->rows);
		return;
	}
	for (int32_t r = 0; r < b->rows; r++, grid += b->width, y += j->y_rs)
		for (int32_t q = 0; q < b->cols; q++)
			y[q * j->y_qs] = grid[q]
				+ (add ? y[q * j->y_qs] : 0.0f);
}

/*
 * All sums of a block are made before any is moved to y: a load that takes
 * parts of two vectors just stored would wait for both.
 */
static void depth_channel(DepthJob *j, const float *src, const float *w,
	float first, int add, float *y)
{
	float grid[DEPTH_FLOATS];

	for (int32_t r = 0; r < j->v.out; r += j->plan.rows)
		for (int32_t q = 0; q < j->h.out; q += j->plan.cols) {
			const rt_block b = depth_load(j, r, q, src);
			const int32_t count = (b.rows - 1) * b.width + b.cols;
			for (int32_t at = 0; at < count; at += DEPTH_RUN)
				depth_run(j, w, j->planes + at, first,
					grid + at);
			depth_put(j, &b, grid, add, y);
		}
}

RT_API int rt_depth_forward_tile(const rt_conv *d, const float *x,
	const float *w, const float *bias, float *y)
{
	const int32_t mult = d->o / d->c;
	const ptrdiff_t xs = (ptrdiff_t)d->h * d->w, taps = d->kh * d->kw;
	const ptrdiff_t ys = (ptrdiff_t)d->oh * d->ow;
	DepthJob j;

	j.v = rt_axis_forward(d->h, d->oh, d->kh, d->sh, d->ph, d->dh);
	j.h = rt_axis_forward(d->w, d->ow, d->kw, d->sw, d->pw, d->dw);
	j.y_rs = d->ow, j.y_qs = 1;
	if (!depth_plan(&j, d->kw))
		return 0;
	for (int32_t i = 0; i < d->n * d->o; i++)
		depth_channel(&j, x + i / mult * xs, w + i % d->o * taps,
			bias ? bias[i % d->o] : 0.0f, 0, y + i * ys);
	return 1;
}

/* The job for the positions of dx that are row, column modulo the strides.  1:
 * it is planned; 0: it cannot be; -1: no tap reaches them. */
static int depth_input_plan(const rt_conv *d, int32_t row, int32_t col,
	DepthJob *j)
{
	j->v = rt_axis_backward(d->h, d->oh, d->kh, d->sh, d->ph, d->dh, row);
	j->h = rt_axis_backward(d->w, d->ow, d->kw, d->sw, d->pw, d->dw, col);
	j->y_rs = (ptrdiff_t)d->sh * d->w, j->y_qs = d->sw;
	if (j->v.taps == 0 || j->h.taps == 0)
		return -1;
	return depth_plan(j, d->kw);
}

/* These positions of so many images. */
static void depth_input(const rt_conv *d, const float *dy, const float *w,
	float *dx, int32_t images, DepthJob *j)
{
	const int32_t mult = d->o / d->c;
	const ptrdiff_t xs = (ptrdiff_t)d->h * d->w, taps = d->kh * d->kw;
	const ptrdiff_t ys = (ptrdiff_t)d->oh * d->ow;

	for (int32_t i = 0; i < images * d->o; i++)
		depth_channel(j, dy + i * ys, w + i % d->o * taps, 0,
			i % mult > 0, dx + i / mult * xs);
}

/* One image, position by position. */
static void depth_input_strided(const rt_conv *d, const float *dy,
	const float *w, float *dx, DepthJob *j)
{
	memset(dx, 0, (size_t)d->c * (size_t)d->h * (size_t)d->w
		* sizeof(float));
	for (int32_t r = 0; r < d->sh && r < d->h; r++)
		for (int32_t q = 0; q < d->sw && q < d->w; q++)
			if (depth_input_plan(d, r, q, j) > 0)
				depth_input(d, dy, w,
					dx + (ptrdiff_t)r * d->w + q, 1, j);
}

RT_API int rt_depth_grad_input_tile(const rt_conv *d, const float *dy,
	const float *w, float *dx)
{
	const ptrdiff_t xs = (ptrdiff_t)d->c * d->h * d->w;
	const ptrdiff_t ys = (ptrdiff_t)d->o * d->oh * d->ow;
	DepthJob j;

	/* All of it must be possible before anything is stored. */
	for (int32_t r = 0; r < d->sh && r < d->h; r++)
		for (int32_t q = 0; q < d->sw && q < d->w; q++)
			if (!depth_input_plan(d, r, q, &j))
				return 0;
	if (d->sh == 1 && d->sw == 1)
		depth_input(d, dy, w, dx, d->n, &j);
	else
		for (int32_t i = 0; i < d->n; i++)
			depth_input_strided(d, dy + i * ys, w, dx + i * xs, &j);
	return 1;
}

/* dy of the block on the grid of its planes, 0 between rows and after. */
static int32_t depth_grid(const DepthJob *j, const rt_block *b,
	const float *dy, float *grid)
{
	const int32_t count = b->rows * b->width;
	const int32_t end = (count + RT_VL - 1) / RT_VL * RT_VL;

	rt_copy_rows(grid, b->width, dy + b->row * j->y_rs + b->col, j->y_rs,
		b->cols, b->rows);
	for (int32_t r = 0; r < b->rows; r++)
		rt_zero(grid + r * b->width + b->cols, b->width - b->cols);
	rt_zero(grid + count, end - count);
	return end;
}

/* sum += dy . x of one channel at each tap. */
static void depth_weight_channel(DepthJob *j, const float *x, const float *dy,
	float *sum)
{
	const int32_t taps = j->v.taps * j->h.taps;
	float grid[DEPTH_FLOATS], s[4];

	for (int32_t r = 0; r < j->v.out; r += j->plan.rows)
		for (int32_t q = 0; q < j->h.out; q += j->plan.cols) {
			const rt_block b = depth_load(j, r, q, x);
			const int32_t n = depth_grid(j, &b, dy, grid);
			rt_zero(j->planes + b.plane, DEPTH_RUN);
			for (int32_t t = 0; t < taps; t += 4) {
				const float *m[4];
				for (int32_t i = 0; i < 4; i++)
					m[i] = j->planes + j->off[
						rt_min(t + i, taps - 1)].b;
				rt_dot4(m, grid, n, s);
				for (int32_t i = 0; i < 4 && t + i < taps; i++)
					sum[t + i] += s[i];
			}
		}
}

RT_API int rt_depth_grad_weight_tile(const rt_conv *d, float alpha,
	const float *x, const float *dy, float beta, float *dw)
{
	const int32_t mult = d->o / d->c, taps = d->kh * d->kw;
	const ptrdiff_t xs = (ptrdiff_t)d->h * d->w;
	const ptrdiff_t ys = (ptrdiff_t)d->oh * d->ow;
	DepthJob j;

	j.v = rt_axis_forward(d->h, d->oh, d->kh, d->sh, d->ph, d->dh);
	j.h = rt_axis_forward(d->w, d->ow, d->kw, d->sw, d->pw, d->dw);
	j.y_rs = d->ow, j.y_qs = 1;
	if (!depth_plan(&j, d->kw))
		return 0;
	for (int32_t o = 0; o < d->o; o++, dw += taps) {
		float sum[DEPTH_TAPS] = { 0 };
		for (int32_t n = 0; n < d->n; n++)
			depth_weight_channel(&j,
				x + (n * d->c + o / mult) * xs,
				dy + (n * d->o + o) * ys, sum);
		for (int32_t t = 0; t < taps; t++)
			dw[t] = rt_blend(alpha, sum[t], beta, dw + t);
	}
	return 1;
}

#endif
