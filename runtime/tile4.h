/* SPDX-License-Identifier: 0BSD */
/*
 * A 4x4 tile of sums, for machines without the vector registers of rt.h.  A
 * step multiplies four rows by four columns: 8 loads for 16 products.  What
 * makes loads cheap is that rows or columns go on in memory from one step to
 * the next, or that the four lie side by side; there is a loop for each form.
 * On Helium two steps go together, so that one instruction loads two values.
 */
#ifndef RT_TILE4_H
#define RT_TILE4_H

#include "runtime/four.h"

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 8
#define RT_UNROLL2 _Pragma("GCC unroll 2")
#define RT_UNROLL4 _Pragma("GCC unroll 4")
#elif RT_RVV && defined(__clang__)
#define RT_UNROLL2
#define RT_UNROLL4 _Pragma("clang loop unroll_count(4)")
#else
#define RT_UNROLL2
#define RT_UNROLL4
#endif

/* Rows of sums. */
typedef struct rt_tile4 {
	rt_four r0, r1, r2, r3;
} rt_tile4;

RT_INLINED rt_tile4 rt_tile4_zero(void)
{
	const rt_four zero = rt_four_of(0);
	const rt_tile4 t = { zero, zero, zero, zero };

	return t;
}

RT_INLINED rt_tile4 rt_tile4_load(const float *from, ptrdiff_t step)
{
	const rt_tile4 t = { rt_four_load(from), rt_four_load(from + step),
		rt_four_load(from + 2 * step), rt_four_load(from + 3 * step) };

	return t;
}

RT_INLINED void rt_tile4_store(float *to, ptrdiff_t step, const rt_tile4 *t)
{
	rt_four_store(to, t->r0);
	rt_four_store(to + step, t->r1);
	rt_four_store(to + 2 * step, t->r2);
	rt_four_store(to + 3 * step, t->r3);
}

RT_INLINED void rt_tile4_step(rt_tile4 *t, float x0, float x1, float x2,
	float x3, rt_four z)
{
	t->r0 = rt_four_add(t->r0, x0, z);
	t->r1 = rt_four_add(t->r1, x1, z);
	t->r2 = rt_four_add(t->r2, x2, z);
	t->r3 = rt_four_add(t->r3, x3, z);
}

/* ---- rows ---- */

typedef struct rt_rows {
	const float *a, *b, *c, *d;
} rt_rows;

/* count of them from p on, step apart; those past count alias the last. */
RT_INLINED rt_rows rt_rows_at(const float *p, ptrdiff_t step, int32_t count)
{
	rt_rows x;

	x.a = p;
	x.b = count > 1 ? x.a + step : x.a;
	x.c = count > 2 ? x.b + step : x.b;
	x.d = count > 3 ? x.c + step : x.c;
	return x;
}

RT_INLINED void rt_rows_move(rt_rows *x, ptrdiff_t step)
{
	x->a += step, x->b += step, x->c += step, x->d += step;
}

/* A step with what is next in the rows. */
RT_INLINED void rt_tile4_next(rt_tile4 *t, rt_rows *x, rt_four z)
{
	rt_tile4_step(t, *x->a++, *x->b++, *x->c++, *x->d++, z);
}

/* One of several such steps that follow one another. */
RT_INLINED void rt_tile4_of_several(rt_tile4 *t, rt_rows *x, rt_four z)
{
	rt_tile4_next(t, x, z);
	RT_KEEP(x->a);
	RT_KEEP(x->b);
	RT_KEEP(x->c);
	RT_KEEP(x->d);
	RT_KEEP_FOUR(t->r0);
	RT_KEEP_FOUR(t->r1);
	RT_KEEP_FOUR(t->r2);
	RT_KEEP_FOUR(t->r3);
}

/* Two steps of a row. */
RT_INLINED void rt_tile4_row(rt_four *t, const float **x, rt_four z0,
	rt_four z1)
{
	const rt_pair u = rt_pair_next(x);

	*t = rt_four_add(*t, u.a, z0);
	*t = rt_four_add(*t, u.b, z1);
	RT_KEEP_FOUR(*t);
}

RT_INLINED void rt_tile4_two(rt_tile4 *t, rt_rows *x, rt_four z0, rt_four z1)
{
#if RT_HELIUM
	const rt_pair a = rt_pair_load(x->a), b = rt_pair_load(x->b);
	const rt_pair c = rt_pair_load(x->c), d = rt_pair_load(x->d);

	rt_tile4_step(t, a.a, b.a, c.a, d.a, z0);
	rt_tile4_step(t, a.b, b.b, c.b, d.b, z1);
	rt_rows_move(x, 2);
#elif RT_BY_TWO
	rt_tile4_row(&t->r0, &x->a, z0, z1);
	RT_THEN(x->b, t->r0.d);
	rt_tile4_row(&t->r1, &x->b, z0, z1);
	RT_THEN(x->c, t->r1.d);
	rt_tile4_row(&t->r2, &x->c, z0, z1);
	RT_THEN(x->d, t->r2.d);
	rt_tile4_row(&t->r3, &x->d, z0, z1);
#else
	rt_tile4_of_several(t, x, z0);
	rt_tile4_of_several(t, x, z1);
#endif
}

RT_INLINED void rt_tile4_three(rt_tile4 *t, rt_rows *x, rt_four z0, rt_four z1,
	rt_four z2)
{
	rt_tile4_two(t, x, z0, z1);
	rt_tile4_of_several(t, x, z2);
}

/* ---- k steps; the rows move on ---- */

/* Rows that go on, columns side by side, step from one k to the next. */
RT_INLINED void rt_tile4_nn(rt_tile4 *t, int32_t k, rt_rows *x, const float *z,
	ptrdiff_t step)
{
#if RT_HELIUM || RT_BY_TWO
	for (int32_t i = k / 2; i > 0; i--) {
		rt_tile4_two(t, x, rt_four_load(z), rt_four_load(z + step));
		z += step, z += step;
	}
	k %= 2;
#endif
	RT_UNROLL2
	for (; k > 0; k--, z += step)
		rt_tile4_next(t, x, rt_four_load(z));
}

/* The same for few steps, where entering an unrolled loop costs too much. */
RT_INLINED void rt_tile4_few(rt_tile4 *t, int32_t k, rt_rows *x,
	const float *z, ptrdiff_t step)
{
	for (; k > 0; k--, z += step)
		rt_tile4_of_several(t, x, rt_four_load(z));
}

/* Rows and columns that go on. */
RT_INLINED void rt_tile4_nt(rt_tile4 *t, int32_t k, rt_rows *x, rt_lanes *z)
{
#if RT_HELIUM
	rt_heads h = rt_lanes_heads(z);

	for (int32_t i = k / 2; i > 0; i--) {
		const rt_four z0 = rt_heads_next(&h), z1 = rt_heads_next(&h);
		rt_tile4_two(t, x, z0, z1);
	}
	if (k % 2)
		rt_tile4_next(t, x, rt_heads_next(&h));
	rt_lanes_move(z, k);
#else
	const float *const end = x->a + k;

#if RT_BY_TWO
	while (x->a + 1 < end) {
		rt_four z0, z1;
		rt_lanes_two(z, &z0, &z1);
		rt_tile4_two(t, x, z0, z1);
	}
#endif
	while (x->a < end) {
		rt_tile4_next(t, x, rt_lanes_load(z));
		rt_lanes_move(z, 1);
	}
#endif
}

/* Rows and columns side by side, xs and zs from one k to the next. */
RT_INLINED void rt_tile4_tn(rt_tile4 *t, int32_t k, const float *x,
	ptrdiff_t xs, const float *z, ptrdiff_t zs)
{
#if RT_HELIUM || RT_PAIRS
	for (; k > 0; k--, x += xs, z += zs) {
		const rt_pair u = rt_pair_load(x), v = rt_pair_load(x + 2);
		rt_tile4_step(t, u.a, u.b, v.a, v.b, rt_four_load(z));
	}
#else
	RT_UNROLL2
	for (; k > 0; k--, x += xs, z += zs)
		rt_tile4_step(t, x[0], x[1], x[2], x[3], rt_four_load(z));
#endif
}

/* Columns side by side, and nothing that could be said of the rows. */
RT_INLINED void rt_tile4_side(rt_tile4 *t, int32_t k, rt_rows *x, ptrdiff_t xs,
	const float *z, ptrdiff_t zs)
{
	for (; k > 0; k--, z += zs) {
		rt_tile4_step(t, *x->a, *x->b, *x->c, *x->d, rt_four_load(z));
		rt_rows_move(x, xs);
	}
}

/* Any rows and columns. */
RT_INLINED void rt_tile4_any(rt_tile4 *t, int32_t k, rt_rows *x, ptrdiff_t xs,
	rt_lanes *z, ptrdiff_t zs)
{
	for (; k > 0; k--, rt_lanes_move(z, zs)) {
		rt_tile4_step(t, *x->a, *x->b, *x->c, *x->d, rt_lanes_load(z));
		rt_rows_move(x, xs);
	}
}

#endif
