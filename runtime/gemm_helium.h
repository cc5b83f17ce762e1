/* SPDX-License-Identifier: 0BSD */
/*
 * Tiles of gemm_plain.c by Helium that are two rows by twelve columns, which lie
 * side by side in b and in y: of two steps of k, columns take six loads and rows
 * two for 48 products, where tiles of 4x4 take six for 32.
 */
#ifndef RT_GEMM_HELIUM_H
#define RT_GEMM_HELIUM_H

/* Of two rows, four columns each. */
typedef struct PlainTwelve {
	rt_four a, b, c, d, e, f;
} PlainTwelve;

/* What sums begin with: y if they go on from there, or 0. */
RT_INLINED PlainTwelve plain_twelve_begin(const rt_prod *g, const float *y)
{
	const rt_four zero = rt_four_of(0);
	PlainTwelve s = { zero, zero, zero, zero, zero, zero };

	if (!rt_gemm_goes_on(g->beta))
		return s;
	s.a = rt_four_load(y), s.b = rt_four_load(y + 4);
	s.c = rt_four_load(y + 8), y += g->yrs;
	s.d = rt_four_load(y), s.e = rt_four_load(y + 4);
	s.f = rt_four_load(y + 8);
	return s;
}

/* A step of both rows. */
RT_INLINED void plain_twelve_add(PlainTwelve *s, float u, float v,
	const float *z)
{
	rt_four x = rt_four_load(z);

	s->a = rt_four_add(s->a, u, x), s->d = rt_four_add(s->d, v, x);
	x = rt_four_load(z + 4);
	s->b = rt_four_add(s->b, u, x), s->e = rt_four_add(s->e, v, x);
	x = rt_four_load(z + 8);
	s->c = rt_four_add(s->c, u, x), s->f = rt_four_add(s->f, v, x);
}

/* beside: the rows lie side by side, else they go on with k. */
RT_INLINED void plain_twelve_sum(const rt_prod *g, int beside, const float *a,
	const float *z, PlainTwelve *s)
{
	const ptrdiff_t step = g->b.rs, next = beside ? g->a.cs : 2;
	const float *b = a + (beside ? next : g->a.rs);

	for (int32_t k = g->k / 2; k > 0; k--) {
		const rt_pair u = rt_pair_load(a), v = rt_pair_load(b);
		plain_twelve_add(s, u.a, beside ? u.b : v.a, z);
		z += step;
		plain_twelve_add(s, beside ? v.a : u.b, v.b, z);
		z += step;
		a += beside ? 2 * next : next, b += beside ? 2 * next : next;
	}
	if (g->k % 2)
		plain_twelve_add(s, *a, beside ? a[1] : *b, z);
}

/* alpha * s + beta * y in a row. */
RT_INLINED void plain_twelve_put(float alpha, float beta, float *y, rt_four r,
	rt_four s, rt_four t)
{
	r = rt_four_mul(alpha, r);
	s = rt_four_mul(alpha, s);
	t = rt_four_mul(alpha, t);
	if (beta != 0) {
		r = rt_four_sum(r, rt_four_mul(beta, rt_four_load(y)));
		s = rt_four_sum(s, rt_four_mul(beta, rt_four_load(y + 4)));
		t = rt_four_sum(t, rt_four_mul(beta, rt_four_load(y + 8)));
	}
	rt_four_store(y, r), rt_four_store(y + 4, s), rt_four_store(y + 8, t);
}

/* Of the rows from a on, two: as many columns as there are whole tiles of. */
RT_INLINED void plain_twelve_rows(const rt_prod *g, int beside, const float *a,
	float *y)
{
	const float alpha = g->alpha, beta = plain_beta(g);
	const float *z = g->b.p;

	for (int32_t n = g->n; n >= 12; n -= 12, y += 12, z += 12) {
		PlainTwelve s = plain_twelve_begin(g, y);
		plain_twelve_sum(g, beside, a, z, &s);
		plain_twelve_put(alpha, beta, y, s.a, s.b, s.c);
		plain_twelve_put(alpha, beta, y + g->yrs, s.d, s.e, s.f);
	}
}

RT_APART void plain_twelve_nn(const rt_prod *g, const float *a, float *y)
{
	plain_twelve_rows(g, 0, a, y);
}

RT_APART void plain_twelve_tn(const rt_prod *g, const float *a, float *y)
{
	plain_twelve_rows(g, 1, a, y);
}

/* Of four rows from a on, the column where such tiles end. */
static int32_t plain_twelves(const rt_prod *g, const float *a, float *y)
{
	if (g->ycs != 1 || g->n < 12)
		return 0;
	if (g->a.cs == 1) {
		plain_twelve_nn(g, a, y);
		plain_twelve_nn(g, a + 2 * g->a.rs, y + 2 * g->yrs);
	} else {
		plain_twelve_tn(g, a, y);
		plain_twelve_tn(g, a + 2, y + 2 * g->yrs);
	}
	return g->n / 12 * 12;
}

#endif
