/* SPDX-License-Identifier: 0BSD */
/*
 * four.h by the vectors of Helium (MVE, Cortex-M55 and M85).  gcc 12 moves
 * loads and stores of elements across those of its vectors, so only clang
 * gets here (RT_HELIUM).
 */
#ifndef RT_FOUR_HELIUM_H
#define RT_FOUR_HELIUM_H

#include "runtime/rt.h"

#include <arm_mve.h>

typedef float32x4_t rt_four;

RT_INLINED rt_four rt_four_of(float x)
{
	return vdupq_n_f32(x);
}

RT_INLINED rt_four rt_four_load(const float *p)
{
	return vldrwq_f32(p);
}

RT_INLINED void rt_four_store(float *p, rt_four v)
{
	vstrwq_f32(p, v);
}

RT_INLINED rt_four rt_four_add(rt_four t, float x, rt_four z)
{
#if RT_FUSED
	return vfmaq_n_f32(t, z, x);
#else
	return vaddq_f32(t, vmulq_n_f32(z, x));
#endif
}

/* Of four, the offsets from the first. */
typedef struct rt_lanes {
	const float *p;
	uint32x4_t at;
} rt_lanes;

RT_INLINED rt_lanes rt_lanes_at(const float *p, ptrdiff_t step, int32_t count)
{
	const uint32x4_t last = vdupq_n_u32((uint32_t)count - 1);
	rt_lanes l;

	l.p = p;
	l.at = vmulq_n_u32(vminq_u32(vidupq_n_u32(0, 1), last), (uint32_t)step);
	return l;
}

RT_INLINED rt_four rt_lanes_load(const rt_lanes *l)
{
	return vldrwq_gather_shifted_offset_f32(l->p, l->at);
}

RT_INLINED void rt_lanes_move(rt_lanes *l, ptrdiff_t step)
{
	l->p += step;
}

/* Which of the four are there. */
typedef struct rt_edges {
	mve_pred16_t left, right;
} rt_edges;

RT_INLINED rt_edges rt_edges_at(const float *p, int left, int right)
{
	rt_edges e;

	(void)p;
	e.left = left ? 0xffff : 0xfff0, e.right = right ? 0xffff : 0x0fff;
	return e;
}

RT_INLINED void rt_edges_move(rt_edges *e, ptrdiff_t step)
{
	(void)e, (void)step;
}

RT_INLINED rt_four rt_edges_left(const rt_edges *e, const float *p, rt_four v)
{
	(void)v;
	return vldrwq_z_f32(p - 1, e->left);
}

RT_INLINED rt_four rt_edges_right(const rt_edges *e, const float *p, rt_four v)
{
	(void)v;
	return vldrwq_z_f32(p + 1, e->right);
}

/* Two floats by one instruction, which clang makes of volatile ones alone. */
typedef uint64_t rt_two __attribute__((aligned(4), may_alias));

typedef struct rt_pair {
	float a, b;
} rt_pair;

RT_INLINED rt_pair rt_pair_load(const float *p)
{
	const uint64_t two = *(const volatile rt_two *)(const void *)p;
	const uint32_t half[2] = { (uint32_t)two, (uint32_t)(two >> 32) };
	rt_pair v;

	memcpy(&v, half, sizeof(v));
	return v;
}

#endif
