/* SPDX-License-Identifier: 0BSD */
/*
 * Matrix product without workspace, for machines without vector registers.
 * A 4x4 tile of sums stays in registers over the whole of k.  Rows and
 * columns past the edge alias the last one: one loop serves all tiles, only
 * the store looks.
 */
#include "runtime/rt.h"
#include "runtime/tile4.h"

/* t[4][4] = sum over p < k; a[i] and b[j] step by as and bs. */
static void plain_tile(int32_t k, const float *const a[4], ptrdiff_t as,
	const float *const b[4], ptrdiff_t bs, float *RT_RESTRICT t)
{
	const float *a0 = a[0], *a1 = a[1], *a2 = a[2], *a3 = a[3];
	const float *b0 = b[0], *b1 = b[1], *b2 = b[2], *b3 = b[3];
	RT_TILE4_SUMS

	if (b1 == b0 + 1 && b2 == b0 + 2 && b3 == b0 + 3) {
		for (; k > 0; k--, b0 += bs) {
			RT_TILE4_STEP(*a0, *a1, *a2, *a3,
				b0[0], b0[1], b0[2], b0[3]);
			a0 += as, a1 += as, a2 += as, a3 += as;
		}
	} else {
		for (; k > 0; k--, b0 += bs, b1 += bs, b2 += bs, b3 += bs) {
			RT_TILE4_STEP(*a0, *a1, *a2, *a3, *b0, *b1, *b2, *b3);
			a0 += as, a1 += as, a2 += as, a3 += as;
		}
	}
	RT_TILE4_OUT(t);
}

/* Four rows (or columns) from p, the ones past count alias the last. */
static void plain_lanes(const float *p, ptrdiff_t step, int32_t count,
	const float *lane[4])
{
	for (int32_t i = 0; i < 4; i++)
		lane[i] = p + (i < count ? i : count - 1) * step;
}

static void plain_store(const rt_prod *g, int32_t i0, int32_t j0,
	const float *t)
{
	const int32_t ni = g->m - i0 < 4 ? g->m - i0 : 4;
	const int32_t nj = g->n - j0 < 4 ? g->n - j0 : 4;

	for (int32_t i = 0; i < ni; i++) {
		float *y = g->y + (i0 + i) * g->yrs + j0 * g->ycs;
		for (int32_t j = 0; j < nj; j++, y += g->ycs)
			*y = rt_blend(g->alpha, t[i * 4 + j], g->beta, y);
	}
}

RT_API void rt_gemm_plain(const rt_prod *g)
{
	const float *a[4], *b[4];
	float t[16];

	for (int32_t i = 0; i < g->m; i += 4) {
		plain_lanes(g->a.p + i * g->a.rs, g->a.rs, g->m - i, a);
		for (int32_t j = 0; j < g->n; j += 4) {
			plain_lanes(g->b.p + j * g->b.cs, g->b.cs, g->n - j, b);
			plain_tile(g->k, a, g->a.cs, b, g->b.rs, t);
			plain_store(g, i, j, t);
		}
	}
}
