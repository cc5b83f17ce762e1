/* SPDX-License-Identifier: 0BSD */
/*
 * Four floats side by side, for machines without the vector registers of
 * rt.h: four scalars by name, which stay in registers at every optimisation
 * level (arrays may not), or one vector of Helium's (four_helium.h).  Each
 * float is made of the same operations in both, so they have the same bits.
 */
#ifndef RT_FOUR_H
#define RT_FOUR_H

#include "runtime/rt.h"

#if RT_HELIUM
#include "runtime/four_helium.h"
#else

typedef struct rt_four {
	float a, b, c, d;
} rt_four;

RT_INLINED rt_four rt_four_of(float x)
{
	const rt_four v = { x, x, x, x };

	return v;
}

RT_INLINED rt_four rt_four_load(const float *p)
{
	const rt_four v = { p[0], p[1], p[2], p[3] };

	return v;
}

RT_INLINED void rt_four_store(float *p, rt_four v)
{
	p[0] = v.a, p[1] = v.b, p[2] = v.c, p[3] = v.d;
}

/* t + x * z */
RT_INLINED rt_four rt_four_add(rt_four t, float x, rt_four z)
{
	t.a = RT_FMA(x, z.a, t.a);
	t.b = RT_FMA(x, z.b, t.b);
	t.c = RT_FMA(x, z.c, t.c);
	t.d = RT_FMA(x, z.d, t.d);
	return t;
}

/* ---- places in memory that are step apart ---- */

typedef struct rt_lanes {
	const float *a, *b, *c, *d;
} rt_lanes;

/* count of them from p on; those past count alias the last. */
RT_INLINED rt_lanes rt_lanes_at(const float *p, ptrdiff_t step, int32_t count)
{
	rt_lanes l;

	l.a = p;
	l.b = count > 1 ? l.a + step : l.a;
	l.c = count > 2 ? l.b + step : l.b;
	l.d = count > 3 ? l.c + step : l.c;
	return l;
}

RT_INLINED rt_four rt_lanes_load(const rt_lanes *l)
{
	const rt_four v = { *l->a, *l->b, *l->c, *l->d };

	return v;
}

RT_INLINED void rt_lanes_move(rt_lanes *l, ptrdiff_t step)
{
	l->a += step, l->b += step, l->c += step, l->d += step;
}

/* ---- columns left and right of four at p, in one row after another ---- */

/* A zero instead of what is not there. */
typedef struct rt_edges {
	const float *left, *right;
	ptrdiff_t lmask, rmask;
} rt_edges;

RT_INLINED rt_edges rt_edges_at(const float *p, int left, int right)
{
	static const float zero = 0;
	rt_edges e;

	e.left = left ? p - 1 : &zero, e.lmask = -left;
	e.right = right ? p + 4 : &zero, e.rmask = -right;
	return e;
}

RT_INLINED void rt_edges_move(rt_edges *e, ptrdiff_t step)
{
	e->left += step & e->lmask, e->right += step & e->rmask;
}

/* The four that begin one before p, where v is; one after it. */
RT_INLINED rt_four rt_edges_left(const rt_edges *e, const float *p, rt_four v)
{
	const rt_four u = { *e->left, v.a, v.b, v.c };

	(void)p;
	return u;
}

RT_INLINED rt_four rt_edges_right(const rt_edges *e, const float *p, rt_four v)
{
	const rt_four u = { v.b, v.c, v.d, *e->right };

	(void)p;
	return u;
}

#endif

/*
 * Says of a pointer that it is now that one, and of sums that they stay where
 * they are.  gcc 12 keeps two registers for one pointer, and moves sums from
 * register to register, in loops with several steps.
 */
#if defined(__GNUC__) && !defined(__clang__) && defined(__ARM_FP)
#define RT_KEEP(p) __asm__("" : "+r"(p))
#define RT_KEEP_FOUR(v) \
	__asm__("" : "+t"((v).a), "+t"((v).b), "+t"((v).c), "+t"((v).d))
#else
#define RT_KEEP(p) (void)0
#define RT_KEEP_FOUR(v) (void)0
#endif

#endif
