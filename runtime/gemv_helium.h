/* SPDX-License-Identifier: 0BSD */
/*
 * What gemv.c does most by Helium: eight rows at once, each four of them an
 * address that moves on by itself, or four vectors of columns.  An element takes
 * half an instruction at the least, a quarter of a load and of a product; eight
 * rows take 19 of them for 32 elements, sixteen columns 39 for 64.
 */
#ifndef RT_GEMV_HELIUM_H
#define RT_GEMV_HELIUM_H

/* Sums of count fours to y, where they lie side by side. */
RT_INLINED void gemv_put(const GemvForm *f, float *y, int count,
	const rt_tile4 *s)
{
	const float alpha = f->alpha, beta = f->beta;
	rt_tile4 t = { rt_four_mul(alpha, s->r0), rt_four_mul(alpha, s->r1),
		rt_four_mul(alpha, s->r2), rt_four_mul(alpha, s->r3) };

	if (beta != 0) {
		t.r0 = rt_four_sum(t.r0, rt_four_mul(beta, rt_four_load(y)));
		t.r1 = rt_four_sum(t.r1, rt_four_mul(beta, rt_four_load(y + 4)));
	}
	if (beta != 0 && count > 2) {
		t.r2 = rt_four_sum(t.r2, rt_four_mul(beta, rt_four_load(y + 8)));
		t.r3 = rt_four_sum(t.r3, rt_four_mul(beta, rt_four_load(y + 12)));
	}
	rt_four_store(y, t.r0), rt_four_store(y + 4, t.r1);
	if (count > 2)
		rt_four_store(y + 8, t.r2), rt_four_store(y + 12, t.r3);
}

/* Four columns of eight rows. */
RT_INLINED void gemv_eight_add(rt_four *s, rt_four *t, rt_heads *u, rt_heads *v,
	const float *x)
{
	const rt_pair a = rt_pair_load(x), b = rt_pair_load(x + 2);

	*s = rt_four_add(*s, a.a, rt_heads_next(u));
	*t = rt_four_add(*t, a.a, rt_heads_next(v));
	*s = rt_four_add(*s, a.b, rt_heads_next(u));
	*t = rt_four_add(*t, a.b, rt_heads_next(v));
	*s = rt_four_add(*s, b.a, rt_heads_next(u));
	*t = rt_four_add(*t, b.a, rt_heads_next(v));
	*s = rt_four_add(*s, b.b, rt_heads_next(u));
	*t = rt_four_add(*t, b.b, rt_heads_next(v));
}

RT_INLINED rt_tile4 gemv_eight(const GemvForm *f, const float *m)
{
	const float *x = f->x;
	rt_heads u = rt_heads_at(m, f->rs, 4);
	rt_heads v = rt_heads_at(m + 4 * f->rs, f->rs, 4);
	rt_tile4 t = rt_tile4_zero();

	for (int32_t k = f->k / 4; k > 0; k--, x += 4)
		gemv_eight_add(&t.r0, &t.r1, &u, &v, x);
	for (int32_t k = f->k % 4; k > 0; k--, x++) {
		t.r0 = rt_four_add(t.r0, *x, rt_heads_next(&u));
		t.r1 = rt_four_add(t.r1, *x, rt_heads_next(&v));
	}
	return t;
}

/* Adds a row of sixteen columns. */
RT_INLINED void gemv_sixteen_add(rt_tile4 *t, float z, const float *m)
{
	t->r0 = rt_four_add(t->r0, z, rt_four_load(m));
	t->r1 = rt_four_add(t->r1, z, rt_four_load(m + 4));
	t->r2 = rt_four_add(t->r2, z, rt_four_load(m + 8));
	t->r3 = rt_four_add(t->r3, z, rt_four_load(m + 12));
}

RT_INLINED rt_tile4 gemv_sixteen_sums(const GemvForm *f, const float *m)
{
	const float *x = f->x;
	const ptrdiff_t cs = f->cs;
	const int32_t fours = f->xs == 1 ? f->k / 4 : 0;
	rt_tile4 t = rt_tile4_zero();

	for (int32_t k = fours; k > 0; k--, x += 4) {
		const rt_pair a = rt_pair_load(x), b = rt_pair_load(x + 2);
		gemv_sixteen_add(&t, a.a, m);
		m += cs;
		gemv_sixteen_add(&t, a.b, m);
		m += cs;
		gemv_sixteen_add(&t, b.a, m);
		m += cs;
		gemv_sixteen_add(&t, b.b, m);
		m += cs;
	}
	for (int32_t k = f->k - 4 * fours; k > 0; k--, m += cs, x += f->xs)
		gemv_sixteen_add(&t, *x, m);
	return t;
}

/* The rows or columns that these do: as many as there are wholes of. */
RT_APART int32_t gemv_by_eight(const GemvForm *f)
{
	int32_t i = 0;

	for (; f->ys == 1 && i + 8 <= f->n; i += 8) {
		const rt_tile4 t = gemv_eight(f, f->m + i * f->rs);
		gemv_put(f, f->y + i, 2, &t);
	}
	return i;
}

RT_APART int32_t gemv_by_sixteen(const GemvForm *f)
{
	int32_t i = 0;

	for (; i + 16 <= f->n; i += 16) {
		const rt_tile4 t = gemv_sixteen_sums(f, f->m + i);
		gemv_put(f, f->y + i, 4, &t);
	}
	return i;
}

#endif
