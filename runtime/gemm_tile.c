/* SPDX-License-Identifier: 0BSD */
/*
 * The blocked matrix product.  Columns are cut into panels of up to three
 * vectors, k into blocks; a panel of b that is not contiguous, or is used
 * often enough, is packed in the workspace, everything else is read in
 * place.  The last vector of a row is moved back to end with the row, so
 * only products narrower than a vector go through a tile buffer.
 */
#include "runtime/rt.h"
#include "runtime/workspace.h"

#if RT_VL

#define GEMM_NR (RT_NV * RT_VL)

/* A panel of b: the columns of each vector, and where they now lie. */
typedef struct GemmPanel {
	int32_t vecs, col[RT_NV];
	const float *b[RT_NV];
	ptrdiff_t step;
} GemmPanel;

static void gemm_steps(rt_step *off, int32_t k, ptrdiff_t as, ptrdiff_t bs)
{
	for (int32_t p = 0; p < k; p++)
		off[p].a = p * as, off[p].b = p * bs;
}

static void gemm_pack_rows(float *dst, ptrdiff_t ld, const float *src,
	ptrdiff_t step, int32_t k, int32_t count)
{
	if (count >= RT_VL) {
		for (int32_t p = 0; p < k; p++)
			RT_STORE(dst + p * ld, RT_LOAD(src + p * step));
		return;
	}
	for (int32_t p = 0; p < k; p++) {
		const float *s = src + p * step;
		for (int32_t j = 0; j < RT_VL; j++)
			dst[p * ld + j] = j < count ? s[j] : 0.0f;
	}
}

/* Packs kc steps of b from step p0. */
static void gemm_pack(const rt_prod *g, GemmPanel *q, int32_t p0, int32_t kc,
	float *ws)
{
	q->step = q->vecs * RT_VL;
	for (int32_t v = 0; v < q->vecs; v++) {
		const float *src = g->b.p + p0 * g->b.rs
			+ q->col[v] * g->b.cs;
		const int32_t count = g->n - q->col[v];
		if (g->b.cs == 1)
			gemm_pack_rows(ws + v * RT_VL, q->step, src, g->b.rs,
				kc, count);
		else
			rt_tile_transpose(ws + v * RT_VL, q->step, src,
				g->b.cs, kc, count);
		q->b[v] = ws + v * RT_VL;
	}
}

static void gemm_in_place(const rt_prod *g, GemmPanel *q, int32_t p0)
{
	q->step = g->b.rs;
	for (int32_t v = 0; v < q->vecs; v++)
		q->b[v] = g->b.p + p0 * g->b.rs + q->col[v];
}

/* Rows i .. i + rows - 1 of a panel, to y by way of a buffer. */
static void gemm_buffered(const rt_prod *g, const GemmPanel *q, rt_tile *t,
	int32_t i0, int32_t rows)
{
	float buf[RT_MR * GEMM_NR];
	const float alpha = t->alpha, beta = t->beta;

	for (int32_t v = 0; v < q->vecs; v++)
		t->y[v] = buf + v * RT_VL;
	t->ldy = GEMM_NR;
	t->alpha = 1, t->beta = 0;
	rt_tile_run(t, rows, q->vecs);
	t->alpha = alpha, t->beta = beta;
	for (int32_t v = q->vecs - 1; v >= 0; v--) {
		const int32_t end = v + 1 < q->vecs ? q->col[v + 1] : g->n;
		const int32_t j1 = end - q->col[v] < RT_VL ? end - q->col[v]
			: RT_VL;
		for (int32_t j = 0; j < j1; j++) {
			float *y = g->y + i0 * g->yrs
				+ (q->col[v] + j) * g->ycs;
			const float *s = buf + v * RT_VL + j;
			for (int32_t i = 0; i < rows; i++, s += GEMM_NR)
				y[i * g->yrs] = rt_blend(alpha, *s, beta,
					y + i * g->yrs);
		}
	}
}

static void gemm_rows(const rt_prod *g, const GemmPanel *q, rt_tile *t,
	const float *a)
{
	const int buffered = g->ycs != 1 || g->n < RT_VL;

	for (int32_t v = 0; v < q->vecs; v++)
		t->b[v] = q->b[v];
	for (int32_t i = 0; i < g->m; ) {
		const int32_t rows = rt_tile_rows(g->m - i);
		for (int32_t r = 0; r < rows; r++)
			t->a[r] = a + (i + r) * g->a.rs;
		if (buffered) {
			gemm_buffered(g, q, t, i, rows);
		} else {
			t->ldy = g->yrs;
			for (int32_t v = 0; v < q->vecs; v++)
				t->y[v] = g->y + i * g->yrs + q->col[v];
			rt_tile_run(t, rows, q->vecs);
		}
		i += rows;
	}
}

/* One block of k over all columns. */
static void gemm_block(const rt_prod *g, int32_t p0, int32_t kc, float *ws)
{
	const int32_t vecs = (g->n + RT_VL - 1) / RT_VL;
	const int pack = rt_gemm_packs(g->b.cs == 1, g->m, g->n, RT_VL, RT_MR);
	rt_step off[RT_KC];
	GemmPanel q;
	rt_tile t;

	t.off = off, t.k = kc;
	t.alpha = g->alpha, t.beta = p0 > 0 ? 1 : g->beta;
	q.step = -1;
	for (int32_t v0 = 0; v0 < vecs; v0 += q.vecs) {
		const ptrdiff_t step = q.step;
		q.vecs = rt_tile_vecs(vecs - v0);
		for (int32_t v = 0; v < q.vecs; v++)
			q.col[v] = (v0 + v) * RT_VL;
		if (v0 + q.vecs == vecs && g->n >= RT_VL)
			q.col[q.vecs - 1] = g->n - RT_VL;
		if (pack)
			gemm_pack(g, &q, p0, kc, ws);
		else
			gemm_in_place(g, &q, p0);
		if (q.step != step)
			gemm_steps(off, kc, g->a.cs, q.step);
		gemm_rows(g, &q, &t, g->a.p + p0 * g->a.cs);
	}
}

RT_API void rt_gemm_tile(const rt_prod *g, float *ws)
{
	for (int32_t p0 = 0; p0 < g->k; p0 += RT_KC) {
		const int32_t kc = g->k - p0 < RT_KC ? g->k - p0 : RT_KC;
		gemm_block(g, p0, kc, ws);
	}
}

#endif
