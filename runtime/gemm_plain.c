/* SPDX-License-Identifier: 0BSD */
/*
 * Matrix product without workspace, for machines without vector registers.
 * A 4x4 tile of sums stays in sixteen scalars over the whole of k, so that
 * each step loads 8 values for 16 products.  Rows and columns past the edge
 * alias the last one: one loop serves all tiles, only the store looks.
 */
#include "runtime/rt.h"

#define PLAIN_STEP(b0, b1, b2, b3) do { \
	const float x0 = *a0, x1 = *a1, x2 = *a2, x3 = *a3; \
	const float z0 = b0, z1 = b1, z2 = b2, z3 = b3; \
	t00 += x0 * z0; t01 += x0 * z1; t02 += x0 * z2; t03 += x0 * z3; \
	t10 += x1 * z0; t11 += x1 * z1; t12 += x1 * z2; t13 += x1 * z3; \
	t20 += x2 * z0; t21 += x2 * z1; t22 += x2 * z2; t23 += x2 * z3; \
	t30 += x3 * z0; t31 += x3 * z1; t32 += x3 * z2; t33 += x3 * z3; \
	a0 += as; a1 += as; a2 += as; a3 += as; \
} while (0)

/* t[4][4] = sum over p < k; a[i] and b[j] step by as and bs. */
static void plain_tile(int32_t k, const float *const a[4], ptrdiff_t as,
	const float *const b[4], ptrdiff_t bs, float *RT_RESTRICT t)
{
	const float *a0 = a[0], *a1 = a[1], *a2 = a[2], *a3 = a[3];
	const float *b0 = b[0], *b1 = b[1], *b2 = b[2], *b3 = b[3];
	float t00 = 0, t01 = 0, t02 = 0, t03 = 0;
	float t10 = 0, t11 = 0, t12 = 0, t13 = 0;
	float t20 = 0, t21 = 0, t22 = 0, t23 = 0;
	float t30 = 0, t31 = 0, t32 = 0, t33 = 0;

	if (b1 == b0 + 1 && b2 == b0 + 2 && b3 == b0 + 3) {
		for (; k > 0; k--, b0 += bs)
			PLAIN_STEP(b0[0], b0[1], b0[2], b0[3]);
	} else {
		for (; k > 0; k--, b0 += bs, b1 += bs, b2 += bs, b3 += bs)
			PLAIN_STEP(*b0, *b1, *b2, *b3);
	}
	t[0] = t00; t[1] = t01; t[2] = t02; t[3] = t03;
	t[4] = t10; t[5] = t11; t[6] = t12; t[7] = t13;
	t[8] = t20; t[9] = t21; t[10] = t22; t[11] = t23;
	t[12] = t30; t[13] = t31; t[14] = t32; t[15] = t33;
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
		for (int32_t j = 0; j < nj; j++, y += g->ycs) {
			const float v = g->alpha * t[i * 4 + j];
			*y = g->beta == 0 ? v : v + g->beta * *y;
		}
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
