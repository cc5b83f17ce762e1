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

/*
 * Says of a pointer that it is now that one, and of sums that they stay where
 * they are.  gcc 12 keeps two registers for one pointer, and moves sums from
 * register to register, in loops with several steps.
 */
#if defined(__GNUC__) && !defined(__clang__) && defined(__ARM_FP)
#define RT_KEEP(p) __asm__("" : "+r"(p))
#define RT_THEN(p, x) __asm__("" : "+r"(p) : "t"(x))
#define RT_KEEP_FOUR(v) \
	__asm__("" : "+t"((v).a), "+t"((v).b), "+t"((v).c), "+t"((v).d))
#else
#define RT_KEEP(p) (void)0
#define RT_KEEP_FOUR(v) (void)0
#endif

/* Is there an instruction that loads two floats?  Gcc makes none of it by itself. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__ARM_FP) \
	&& defined(__ARM_ARCH_PROFILE)
#define RT_PAIRS (__ARM_ARCH_PROFILE == 'M')
#else
#define RT_PAIRS 0
#endif

/* Do two steps of a sum go together?  For such a load; or on RISC-V, where a
 * pointer that moves on takes an instruction of its own. */
#if RT_PAIRS || defined(__riscv_flen)
#define RT_BY_TWO 1
#else
#define RT_BY_TWO 0
#endif

#if RT_HELIUM
#include "runtime/four_helium.h"
#else

#ifndef RT_THEN
#define RT_THEN(p, x) (void)0
#endif

typedef struct rt_pair {
	float a, b;
} rt_pair;

#if RT_PAIRS
/* A double register is two floats, wherever these lie. */
typedef double rt_two __attribute__((aligned(4), may_alias));

typedef union rt_halves {
	double two;
	float half[2];
} rt_halves;

RT_INLINED rt_pair rt_pair_load(const float *p)
{
	rt_halves v;

	__asm__("vldr %P0, %1" : "=w"(v.two)
		: "Uv"(*(const rt_two *)(const void *)p));
	return (rt_pair){ v.half[0], v.half[1] };
}

/* The next two; p moves on. */
RT_INLINED rt_pair rt_pair_next(const float **p)
{
	rt_halves v;

	__asm__("vldmia %1!, {%P0}" : "=w"(v.two), "+r"(*p)
		: "m"(*(const rt_two *)(const void *)*p));
	return (rt_pair){ v.half[0], v.half[1] };
}
#else
RT_INLINED rt_pair rt_pair_load(const float *p)
{
	const rt_pair v = { p[0], p[1] };

	return v;
}

RT_INLINED rt_pair rt_pair_next(const float **p)
{
	const rt_pair v = rt_pair_load(*p);

	*p += 2;
	return v;
}
#endif

/*
 * Two that a loop carries from one step to the next.  Of a pair, gcc 12 moves
 * the second one to a register of its own there; of these, it stays where it
 * was loaded, for which the product must name it.
 */
#if RT_PAIRS && RT_FUSED
typedef rt_two rt_couple;

/* The next two; p moves on. */
RT_INLINED rt_couple rt_couple_next(const float **p)
{
	rt_couple v;

	__asm__("vldmia %1!, {%P0}" : "=w"(v), "+r"(*p)
		: "m"(*(const rt_two *)(const void *)*p));
	return v;
}

/* The second of two, the first of which nobody asks for; p moves on. */
RT_INLINED rt_couple rt_couple_second(const float **p)
{
	rt_couple v;

	__asm__("vldr %p0, %1" : "=w"(v) : "Uv"(**p));
	++*p;
	return v;
}

/* t + x * the first of z */
RT_INLINED float rt_couple_add_first(float t, float x, rt_couple z)
{
	__asm__("vfma.f32 %0, %1, %2" : "+t"(t) : "t"(x), "w"(z));
	return t;
}

RT_INLINED float rt_couple_add_second(float t, float x, rt_couple z)
{
	__asm__("vfma.f32 %0, %1, %p2" : "+t"(t) : "t"(x), "w"(z));
	return t;
}
#else
typedef rt_pair rt_couple;

RT_INLINED rt_couple rt_couple_next(const float **p)
{
	return rt_pair_next(p);
}

RT_INLINED rt_couple rt_couple_second(const float **p)
{
	const rt_couple v = { 0, **p };

	++*p;
	return v;
}

RT_INLINED float rt_couple_add_first(float t, float x, rt_couple z)
{
	return RT_FMA(x, z.a, t);
}

RT_INLINED float rt_couple_add_second(float t, float x, rt_couple z)
{
	return RT_FMA(x, z.b, t);
}
#endif

typedef struct rt_four {
	float a, b, c, d;
} rt_four;

typedef struct rt_three {
	rt_four left, mid, right;
} rt_three;

RT_INLINED rt_four rt_four_of(float x)
{
	const rt_four v = { x, x, x, x };

	return v;
}

RT_INLINED rt_four rt_four_load(const float *p)
{
	const rt_pair u = rt_pair_load(p), w = rt_pair_load(p + 2);
	const rt_four v = { u.a, u.b, w.a, w.b };

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

/* A factor from memory, each time if that takes less than to keep it. */
#define RT_AGAIN(x) (x)

/* Of four, those from .. end - 1 alone; these are constants. */
RT_INLINED rt_four rt_four_part(const float *p, int from, int end)
{
	const rt_four v = { from < 1 && end > 0 ? p[0] : 0.0f,
		from < 2 && end > 1 ? p[1] : 0.0f,
		from < 3 && end > 2 ? p[2] : 0.0f,
		from < 4 && end > 3 ? p[3] : 0.0f };

	return v;
}

/* t + x * z of these */
RT_INLINED rt_four rt_four_add_part(rt_four t, float x, rt_four z, int from,
	int end)
{
	if (from < 1 && end > 0)
		t.a = RT_FMA(x, z.a, t.a);
	if (from < 2 && end > 1)
		t.b = RT_FMA(x, z.b, t.b);
	if (from < 3 && end > 2)
		t.c = RT_FMA(x, z.c, t.c);
	if (from < 4 && end > 3)
		t.d = RT_FMA(x, z.d, t.d);
	return t;
}

/* t + y * z of each */
RT_INLINED rt_four rt_four_each(rt_four t, rt_four y, rt_four z)
{
	t.a = RT_FMA(y.a, z.a, t.a);
	t.b = RT_FMA(y.b, z.b, t.b);
	t.c = RT_FMA(y.c, z.c, t.c);
	t.d = RT_FMA(y.d, z.d, t.d);
	return t;
}

/* t + z */
RT_INLINED rt_four rt_four_sum(rt_four t, rt_four z)
{
	t.a += z.a, t.b += z.b, t.c += z.c, t.d += z.d;
	return t;
}

RT_INLINED rt_four rt_four_mul(float x, rt_four z)
{
	const rt_four v = { x * z.a, x * z.b, x * z.c, x * z.d };

	return v;
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

/* One of several moves that follow one another. */
RT_INLINED void rt_lanes_next(rt_lanes *l)
{
	rt_lanes_move(l, 1);
	RT_KEEP(l->a);
	RT_KEEP(l->b);
	RT_KEEP(l->c);
	RT_KEEP(l->d);
}

/* What is there, and what is next to it; the lanes move on. */
RT_INLINED void rt_lanes_two(rt_lanes *l, rt_four *first, rt_four *second)
{
	const rt_pair a = rt_pair_next(&l->a), b = rt_pair_next(&l->b);
	const rt_pair c = rt_pair_next(&l->c), d = rt_pair_next(&l->d);

	*first = (rt_four){ a.a, b.a, c.a, d.a };
	*second = (rt_four){ a.b, b.b, c.b, d.b };
}

/* n from p on, stride apart; the others are 0. */
RT_INLINED rt_four rt_four_few(const float *p, int32_t stride, int32_t n)
{
	const rt_four v = { p[0], n > 1 ? p[stride] : 0.0f,
		n > 2 ? p[2 * stride] : 0.0f, n > 3 ? p[3 * stride] : 0.0f };

	return v;
}

RT_INLINED void rt_four_put(float *p, rt_four v, int32_t n)
{
	p[0] = v.a;
	if (n > 1)
		p[1] = v.b;
	if (n > 2)
		p[2] = v.c;
	if (n > 3)
		p[3] = v.d;
}

/* n of each side by side, u first, as far as there are count. */
RT_INLINED void rt_four_put_two(float *p, rt_four u, rt_four v, int32_t n,
	int32_t count)
{
	p[0] = u.a;
	if (n > 1)
		p[1] = v.a, p[2] = u.b;
	if (n > 2)
		p[3] = v.b, p[4] = u.c;
	if (n > 3)
		p[5] = v.c, p[6] = u.d;
	if (count >= 2 * n)
		p[2 * n - 1] = n == 1 ? v.a : n == 2 ? v.b : n == 3 ? v.c : v.d;
}

/* ---- columns around n at p, stride apart, in one row after another ---- */

/* The column left of the first, and right of the last; a zero instead of what
 * is not there. */
typedef struct rt_edges {
	const float *left, *right;
	ptrdiff_t lmask, rmask;
} rt_edges;

RT_INLINED rt_edges rt_edges_at(const float *p, int32_t stride, int32_t n,
	int left, int right)
{
	static const float zero = 0;
	rt_edges e;

	e.left = left ? p - 1 : &zero, e.lmask = -left;
	e.right = right ? p + (n - 1) * stride + 1 : &zero, e.rmask = -right;
	return e;
}

RT_INLINED void rt_edges_move(rt_edges *e, ptrdiff_t step)
{
	e->left += step & e->lmask, e->right += step & e->rmask;
}

/* Of each of the n, which are mid, it and its neighbours; stride is 1 or 2. */
RT_INLINED rt_three rt_edges_around(const rt_edges *e, const float *p,
	int32_t stride, int32_t n, rt_four mid)
{
	const float last = *e->right;
	rt_three x;

	x.mid = mid;
	x.right.a = n == 1 ? last : stride == 1 ? x.mid.b : p[1];
	x.right.b = n <= 2 ? last : stride == 1 ? x.mid.c : p[3];
	x.right.c = n <= 3 ? last : stride == 1 ? x.mid.d : p[5];
	x.right.d = last;
	x.left.a = *e->left;
	x.left.b = stride == 1 ? x.mid.a : x.right.a;
	x.left.c = stride == 1 ? x.mid.b : x.right.b;
	x.left.d = stride == 1 ? x.mid.c : x.right.c;
	return x;
}

RT_INLINED rt_three rt_edges_load(const rt_edges *e, const float *p,
	int32_t stride, int32_t n)
{
	return rt_edges_around(e, p, stride, n, rt_four_few(p, stride, n));
}

/* By pairs where there are four side by side, for sums that leave them room. */
RT_INLINED rt_three rt_edges_pairs(const rt_edges *e, const float *p,
	int32_t stride, int32_t n)
{
	if (stride > 1 || n < 4)
		return rt_edges_load(e, p, stride, n);
	return rt_edges_around(e, p, stride, n, rt_four_load(p));
}

/* The same of four that have all neighbours, but for those on the left. */
RT_INLINED rt_three rt_three_load(const float *p)
{
	rt_three x;

	x.left = rt_four_of(0), x.mid = rt_four_load(p);
	x.right = rt_four_load(p + 1);
	return x;
}

/* All but for those on the right. */
RT_INLINED rt_three rt_three_before(const float *p)
{
	rt_three x;

	x.left = rt_four_load(p - 1), x.mid = rt_four_load(p);
	x.right = rt_four_of(0);
	return x;
}

#endif

#endif
