/* SPDX-License-Identifier: 0BSD */
/* Matrix product: resolves the transposes and picks the way to compute it. */
#include "runtime/rt.h"

RT_API void rt_gemm(int ta, int tb, int32_t m, int32_t n, int32_t k,
	float alpha, const float *a, int32_t lda, const float *b, int32_t ldb,
	float beta, float *y, int32_t ldy, float *ws)
{
	rt_prod g;

	g.m = m, g.n = n, g.k = k;
	g.a.p = a, g.a.rs = ta ? 1 : lda, g.a.cs = ta ? lda : 1;
	g.b.p = b, g.b.rs = tb ? 1 : ldb, g.b.cs = tb ? ldb : 1;
	g.alpha = alpha, g.beta = beta, g.y = y, g.ldy = ldy;
	(void)ws;
	rt_gemm_plain(&g);
}
