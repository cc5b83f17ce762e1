/* SPDX-License-Identifier: 0BSD */
/*
 * Matrix product without workspace, for machines without vector registers.
 * A 4x4 tile of sums stays in registers over the whole of k.  Strips of four
 * rows differ in what makes loads cheap: rows or columns that go on in memory
 * with k, or lie side by side.  What is left at the edges, tiles of any form
 * compute: there, rows and columns past the edge alias the last one, and only
 * the store looks.  On RISC-V's vectors a tile is four rows by all lanes.
 */
#include "runtime/rt.h"
#include "runtime/rvv.h"
#include "runtime/tile4.h"

/* What is left of beta for sums that began with y; and for others. */
RT_INLINED float plain_beta(const rt_prod *g)
{
	return rt_gemm_goes_on(g->beta) ? 0.0f : g->beta;
}

#if RT_RVV

/* What sums begin with: y if they go on from there, or 0. */
RT_INLINED rt_wide plain_wide_begin(const rt_prod *g, const float *y, size_t n)
{
	if (rt_gemm_goes_on(g->beta))
		return rt_wide_gather(y, g->ycs, n);
	return rt_wide_of(0, n);
}

/* How the rows of a tile go from one k to the next. */
enum plain_wide_form {
	PLAIN_NEXT,	/* they go on */
	PLAIN_SIDE,	/* four lie side by side */
	PLAIN_ANY
};

/* Rows i .. by n columns from j on; unit says that these lie side by side. */
RT_INLINED void plain_wide_tile(const rt_prod *g, enum plain_wide_form form, int unit,
	int32_t i, int32_t j, size_t n)
{
	const int32_t rows = g->m - i < 4 ? g->m - i : 4;
	const ptrdiff_t as = form == PLAIN_NEXT ? 1 : g->a.cs;
	const float *a = g->a.p + i * g->a.rs, *z = g->b.p + j * g->b.cs;
	rt_rows x = rt_rows_at(a, g->a.rs, rows);
	const float beta = plain_beta(g);
	float *y = g->y + i * g->yrs + j * g->ycs;
	rt_wide r0 = plain_wide_begin(g, y, n);
	rt_wide r1 = rt_wide_of(0, n), r2 = r1, r3 = r1;

	if (rows > 1)
		r1 = plain_wide_begin(g, y + g->yrs, n);
	if (rows > 2)
		r2 = plain_wide_begin(g, y + 2 * g->yrs, n);
	if (rows > 3)
		r3 = plain_wide_begin(g, y + 3 * g->yrs, n);
	RT_UNROLL4
	for (int32_t k = g->k; k > 0; k--, z += g->b.rs) {
		const rt_wide v = unit ? rt_wide_load(z, n)
			: rt_wide_gather(z, g->b.cs, n);
		r0 = rt_wide_add(r0, *x.a, v, n);
		r1 = rt_wide_add(r1, form == PLAIN_SIDE ? x.a[1] : *x.b, v, n);
		r2 = rt_wide_add(r2, form == PLAIN_SIDE ? x.a[2] : *x.c, v, n);
		r3 = rt_wide_add(r3, form == PLAIN_SIDE ? x.a[3] : *x.d, v, n);
		rt_rows_move(&x, as);
	}
	rt_wide_put(y, g->ycs, g->alpha, r0, beta, n);
	if (rows > 1)
		rt_wide_put(y + g->yrs, g->ycs, g->alpha, r1, beta, n);
	if (rows > 2)
		rt_wide_put(y + 2 * g->yrs, g->ycs, g->alpha, r2, beta, n);
	if (rows > 3)
		rt_wide_put(y + 3 * g->yrs, g->ycs, g->alpha, r3, beta, n);
}

/* One row. */
RT_INLINED void plain_wide_row(const rt_prod *g, int unit, int32_t i, int32_t j,
	size_t n)
{
	const float *x = g->a.p + i * g->a.rs, *z = g->b.p + j * g->b.cs;
	float *y = g->y + i * g->yrs + j * g->ycs;
	rt_wide t = plain_wide_begin(g, y, n);

	RT_UNROLL4
	for (int32_t k = g->k; k > 0; k--, x += g->a.cs, z += g->b.rs)
		t = rt_wide_add(t, *x, unit ? rt_wide_load(z, n)
			: rt_wide_gather(z, g->b.cs, n), n);
	rt_wide_put(y, g->ycs, g->alpha, t, plain_beta(g), n);
}

RT_INLINED void plain_wide_rows(const rt_prod *g, int unit, int32_t j, size_t n)
{
	for (int32_t i = 0; i < g->m; i += 4) {
		if (g->m - i == 1)
			plain_wide_row(g, unit, i, j, n);
		else if (g->a.cs == 1)
			plain_wide_tile(g, PLAIN_NEXT, unit, i, j, n);
		else if (g->a.rs == 1 && g->m - i >= 4)
			plain_wide_tile(g, PLAIN_SIDE, unit, i, j, n);
		else
			plain_wide_tile(g, PLAIN_ANY, unit, i, j, n);
	}
}

RT_APART void plain_wide_beside(const rt_prod *g, int32_t j, size_t n)
{
	plain_wide_rows(g, 1, j, n);
}

RT_APART void plain_wide_apart(const rt_prod *g, int32_t j, size_t n)
{
	plain_wide_rows(g, 0, j, n);
}

/* y' = b' a' instead, if then columns fill the lanes better. */
static rt_prod plain_wide_orient(const rt_prod *g)
{
	rt_prod t = *g;

	if (rt_wide_cost(g->m, g->n, g->b.cs)
		<= rt_wide_cost(g->n, g->m, g->a.rs))
		return t;
	t.m = g->n, t.n = g->m;
	t.a.p = g->b.p, t.a.rs = g->b.cs, t.a.cs = g->b.rs;
	t.b.p = g->a.p, t.b.rs = g->a.cs, t.b.cs = g->a.rs;
	t.yrs = g->ycs, t.ycs = g->yrs;
	return t;
}

RT_API void rt_gemm_plain(const rt_prod *g)
{
	const rt_prod t = plain_wide_orient(g);
	size_t n;

	for (int32_t j = 0; j < t.n; j += (int32_t)n) {
		n = rt_wide_lanes(t.n - j, t.n);
		(t.b.cs == 1 ? plain_wide_beside : plain_wide_apart)(&t, j, n);
	}
}

#else

/* y = alpha * t + beta * y in rows by cols elements of it. */
RT_APART void plain_add(const rt_prod *g, float *y, int32_t rows,
	int32_t cols, const float *t)
{
	for (int32_t i = 0; i < rows; i++, y += g->yrs, t += 4) {
		float *to = y;
		for (int32_t j = 0; j < cols; j++, to += g->ycs)
			*to = rt_blend(g->alpha, t[j], plain_beta(g), to);
	}
}

/* y = alpha * t + y in four columns. */
RT_INLINED void plain_sum(float alpha, rt_four t, float *y)
{
	rt_four_store(y, rt_four_sum(rt_four_mul(alpha, t), rt_four_load(y)));
}

/* What a whole tile begins with: y if its sums go on from there, or 0. */
RT_INLINED rt_tile4 plain_begin(const rt_prod *g, const float *y)
{
	if (rt_gemm_goes_on(g->beta))
		return rt_tile4_load(y, g->yrs);
	return rt_tile4_zero();
}

/* The same of a part of a tile, from row i and column j on. */
RT_INLINED rt_tile4 plain_begin_some(const rt_prod *g, int32_t i, int32_t j,
	int32_t rows, int32_t cols)
{
	float buf[16];

	if (!rt_gemm_goes_on(g->beta))
		return rt_tile4_zero();
	for (int32_t t = 0; t < 16; t++)
		buf[t] = 0;
	for (int32_t r = 0; r < rows; r++)
		for (int32_t c = 0; c < cols; c++)
			buf[4 * r + c] = g->y[(i + r) * g->yrs
				+ (j + c) * g->ycs];
	return rt_tile4_load(buf, 4);
}

/* A whole tile to y. */
RT_INLINED void plain_put(const rt_prod *g, float *y, const rt_tile4 *t)
{
	float buf[16];

	if (g->ycs == 1 && g->beta == 1) {
		plain_sum(g->alpha, t->r0, y);
		plain_sum(g->alpha, t->r1, y + g->yrs);
		plain_sum(g->alpha, t->r2, y + 2 * g->yrs);
		plain_sum(g->alpha, t->r3, y + 3 * g->yrs);
		return;
	}
	if (g->alpha == 1 && plain_beta(g) == 0 && g->ycs == 1) {
		rt_tile4_store(y, g->yrs, t);
		return;
	}
	rt_tile4_store(buf, 4, t);
	plain_add(g, y, 4, 4, buf);
}

#if RT_HELIUM
#include "runtime/gemm_helium.h"
#else
/* None that are wider. */
RT_INLINED int32_t plain_twelves(const rt_prod *g, const float *a, float *y)
{
	(void)g, (void)a, (void)y;
	return 0;
}
#endif

/* The whole tiles of the rows from a on.  a goes on with k, b's columns lie
 * side by side: no transpose. */
RT_APART void plain_strip_nn(const rt_prod *g, const float *a, float *y)
{
	int32_t j = plain_twelves(g, a, y);

	for (y += j; j + 4 <= g->n; j += 4, y += 4 * g->ycs) {
		rt_tile4 t = RT_GEMM_GOES_ON ? plain_begin(g, y) : rt_tile4_zero();
		rt_rows x = rt_rows_at(a, g->a.rs, 4);
		rt_tile4_nn(&t, g->k, &x, g->b.p + j, g->b.rs);
		plain_put(g, y, &t);
	}
}

/* Both go on with k: b is transposed. */
RT_APART void plain_strip_nt(const rt_prod *g, const float *a, float *y)
{
	for (int32_t j = 0; j + 4 <= g->n; j += 4, y += 4 * g->ycs) {
		rt_tile4 t = RT_GEMM_GOES_ON ? plain_begin(g, y) : rt_tile4_zero();
		rt_rows x = rt_rows_at(a, g->a.rs, 4);
		rt_lanes z = rt_lanes_at(g->b.p + j * g->b.cs, g->b.cs, 4);
		rt_tile4_nt(&t, g->k, &x, &z);
		plain_put(g, y, &t);
	}
}

/* Both lie side by side: a is transposed. */
RT_APART void plain_strip_tn(const rt_prod *g, const float *a, float *y)
{
	int32_t j = plain_twelves(g, a, y);

	for (y += j; j + 4 <= g->n; j += 4, y += 4 * g->ycs) {
		rt_tile4 t = RT_GEMM_GOES_ON ? plain_begin(g, y) : rt_tile4_zero();
		rt_tile4_tn(&t, g->k, a, g->a.cs, g->b.p + j, g->b.rs);
		plain_put(g, y, &t);
	}
}

/* Rows i .. and columns j .. of y, four of each or what there is. */
RT_APART void plain_tile(const rt_prod *g, int32_t i, int32_t j)
{
	const int32_t rows = g->m - i < 4 ? g->m - i : 4;
	const int32_t cols = g->n - j < 4 ? g->n - j : 4;
	rt_tile4 t = RT_GEMM_GOES_ON ? plain_begin_some(g, i, j, rows, cols)
		: rt_tile4_zero();
	rt_rows x = rt_rows_at(g->a.p + i * g->a.rs, g->a.rs, rows);
	rt_lanes z = rt_lanes_at(g->b.p + j * g->b.cs, g->b.cs, cols);
	float buf[16];

	rt_tile4_any(&t, g->k, &x, g->a.cs, &z, g->b.rs);
	rt_tile4_store(buf, 4, &t);
	plain_add(g, g->y + i * g->yrs + j * g->ycs, rows, cols, buf);
}

/* Four rows as far as there are whole tiles of a known form: the column
 * where these end. */
static int32_t plain_strip(const rt_prod *g, int32_t i)
{
	const float *a = g->a.p + i * g->a.rs;
	float *y = g->y + i * g->yrs;

	if (g->m - i < 4)
		return 0;
	if (g->a.cs == 1 && g->b.cs == 1)
		plain_strip_nn(g, a, y);
	else if (g->a.cs == 1 && g->b.rs == 1)
		plain_strip_nt(g, a, y);
	else if (g->a.rs == 1 && g->b.cs == 1)
		plain_strip_tn(g, a, y);
	else
		return 0;
	return g->n / 4 * 4;
}

RT_API void rt_gemm_plain(const rt_prod *g)
{
	for (int32_t i = 0; i < g->m; i += 4)
		for (int32_t j = plain_strip(g, i); j < g->n; j += 4)
			plain_tile(g, i, j);
}

#endif
