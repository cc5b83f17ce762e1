/* SPDX-License-Identifier: 0BSD */
/* Matrix product: resolves the transposes and picks the way to compute it. */
#include "runtime/rt.h"
#include "runtime/workspace.h"

/* y *= beta, without reading y if beta is 0. */
static void gemm_scale(const rt_prod *g, float beta)
{
	for (int32_t i = 0; i < g->m; i++) {
		float *y = g->y + i * g->yrs;
		for (int32_t j = 0; j < g->n; j++)
			y[j] = beta == 0 ? 0.0f : beta * y[j];
	}
}

#if RT_VL
/* Turns y = a b into y' = b' a' where that is better. */
static void gemm_orient(rt_prod *g)
{
	const rt_prod s = *g;

	if (!rt_gemm_turns(g->a.rs == 1, g->b.cs != 1, g->m, g->n, RT_VL))
		return;
	g->m = s.n, g->n = s.m;
	g->a.p = s.b.p, g->a.rs = s.b.cs, g->a.cs = s.b.rs;
	g->b.p = s.a.p, g->b.rs = s.a.cs, g->b.cs = s.a.rs;
	g->yrs = s.ycs, g->ycs = s.yrs;
}

/* A few rows against a transposed b: better streamed than packed. */
static int gemm_few_rows(const rt_prod *g)
{
	rt_prod row = *g;

	if (g->m >= RT_VL / 2 || g->b.rs != 1 || g->a.cs != 1)
		return 0;
	row.m = 1;
	for (int32_t i = 0; i < g->m; i++) {
		row.a.p = g->a.p + i * g->a.rs;
		row.y = g->y + i * g->yrs;
		if (!rt_gemv(&row))
			return 0;
	}
	return 1;
}
#endif

RT_API void rt_gemm(int ta, int tb, int32_t m, int32_t n, int32_t k,
	float alpha, const float *a, int32_t lda, const float *b, int32_t ldb,
	float beta, float *y, int32_t ldy, float *ws)
{
	rt_prod g;

	g.m = m, g.n = n, g.k = k;
	g.a.p = a, g.a.rs = ta ? 1 : lda, g.a.cs = ta ? lda : 1;
	g.b.p = b, g.b.rs = tb ? 1 : ldb, g.b.cs = tb ? ldb : 1;
	g.alpha = alpha, g.beta = beta, g.y = y, g.yrs = ldy, g.ycs = 1;
	if (rt_gemm_goes_on(beta)) {
#if RT_VL
		g.beta = 1;
#else
		rt_gemm_plain(&g);
		return;
#endif
	}
	if (k <= 0 || alpha == 0) {
		if (g.beta != 1)
			gemm_scale(&g, g.beta);
		return;
	}
	if (rt_gemv(&g))
		return;
#if RT_VL
	if (m > 1 && n > 1 && k > 1 && (ws || !rt_gemm_workspace(ta, tb, m, n, k))) {
		if (gemm_few_rows(&g))
			return;
		gemm_orient(&g);
		rt_gemm_tile(&g, ws);
		return;
	}
#endif
	(void)ws;
	rt_gemm_plain(&g);
}
