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

/*
 * Nothing is loaded from p before there is v.  Clang loads as early as it can,
 * and then has more vectors than registers.
 */
#define RT_THEN(p, v) __asm__("" : "+r"(p), "+w"(v))

/* Of p clang knows nothing from here on. */
#define RT_HIDE(p) __asm__("" : "+r"(p))

typedef struct rt_three {
	rt_four left, mid, right;
} rt_three;

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

RT_INLINED rt_four rt_four_each(rt_four t, rt_four y, rt_four z)
{
#if RT_FUSED
	return vfmaq_f32(t, y, z);
#else
	return vaddq_f32(t, vmulq_f32(y, z));
#endif
}

RT_INLINED rt_four rt_four_sum(rt_four t, rt_four z)
{
	return vaddq_f32(t, z);
}

RT_INLINED rt_four rt_four_mul(float x, rt_four z)
{
	return vmulq_n_f32(z, x);
}

/* A factor from memory each time, which otherwise clang keeps a vector of. */
RT_INLINED float rt_again(const float *p)
{
	const uint32_t bits = *(const volatile uint32_t *)(const void *)p;
	float x;

	memcpy(&x, &bits, sizeof(x));
	return x;
}

#define RT_AGAIN(x) rt_again(&(x))

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

/* Those n behind. */
RT_INLINED rt_four rt_lanes_ahead(const rt_lanes *l, uint32_t n)
{
	return vldrwq_gather_shifted_offset_f32(l->p, vaddq_n_u32(l->at, n));
}

/* The same with the offsets as they are, from behind the first. */
RT_INLINED rt_four rt_lanes_behind(const rt_lanes *l, int32_t n)
{
	return vldrwq_gather_shifted_offset_f32(l->p + n, l->at);
}

RT_INLINED void rt_lanes_move(rt_lanes *l, ptrdiff_t step)
{
	l->p += step;
}

RT_INLINED void rt_lanes_next(rt_lanes *l)
{
	l->p++;
}

/* The addresses of four, less the step that a load first takes. */
typedef struct rt_heads {
	uint32x4_t at;
} rt_heads;

RT_INLINED rt_heads rt_heads_at(const float *p, ptrdiff_t step, int32_t count)
{
	const uint32x4_t last = vdupq_n_u32(4 * (uint32_t)count - 4);
	rt_heads h;

	h.at = vmulq_n_u32(vminq_u32(vidupq_n_u32(0, 4), last), (uint32_t)step);
	h.at = vaddq_n_u32(h.at, (uint32_t)(uintptr_t)p - 4);
	return h;
}

RT_INLINED rt_heads rt_lanes_heads(const rt_lanes *l)
{
	rt_heads h;

	h.at = vaddq_n_u32(vshlq_n_u32(l->at, 2),
		(uint32_t)(uintptr_t)l->p - 4);
	return h;
}

RT_INLINED void rt_heads_move(rt_heads *h, ptrdiff_t step)
{
	h->at = vaddq_n_u32(h->at, 4 * (uint32_t)step);
}

RT_INLINED rt_four rt_heads_load(const rt_heads *h)
{
	return vldrwq_gather_base_f32(h->at, 4);
}

/* The same; they move on by one. */
RT_INLINED rt_four rt_heads_next(rt_heads *h)
{
	return vldrwq_gather_base_wb_f32(&h->at, 4);
}

RT_INLINED void rt_heads_put(rt_heads *h, rt_four v)
{
	vstrwq_scatter_base_wb_f32(&h->at, 4, v);
}

RT_INLINED rt_four rt_four_few(const float *p, int32_t stride, int32_t n)
{
	const mve_pred16_t lanes = vctp32q((uint32_t)n);

	if (stride == 1)
		return vldrwq_z_f32(p, lanes);
	return vldrwq_gather_shifted_offset_z_f32(p,
		vmulq_n_u32(vidupq_n_u32(0, 1), (uint32_t)stride), lanes);
}

RT_INLINED void rt_four_put(float *p, rt_four v, int32_t n)
{
	vstrwq_p_f32(p, v, vctp32q((uint32_t)n));
}

RT_INLINED void rt_four_put_two(float *p, rt_four u, rt_four v, int32_t n,
	int32_t count)
{
	const mve_pred16_t ends = vctp32q((uint32_t)(n - (count < 2 * n)));
	const uint32x4_t at = vidupq_n_u32(0, 2);

	vstrwq_scatter_shifted_offset_p_f32(p, at, u, vctp32q((uint32_t)n));
	vstrwq_scatter_shifted_offset_p_f32(p + 1, at, v, ends);
}

/* Which of the n have a neighbour. */
typedef struct rt_edges {
	mve_pred16_t left, right;
	uint32x4_t at;
} rt_edges;

RT_INLINED rt_edges rt_edges_at(const float *p, int32_t stride, int32_t n,
	int left, int right)
{
	const uint32_t lanes = (1u << 4 * (n < 4 ? n : 4)) - 1;
	rt_edges e;

	(void)p;
	e.left = (mve_pred16_t)(left ? lanes : lanes & ~0xfu);
	e.right = (mve_pred16_t)(right ? lanes : lanes >> 4);
	e.at = vmulq_n_u32(vidupq_n_u32(0, 1), (uint32_t)stride);
	return e;
}

RT_INLINED void rt_edges_move(rt_edges *e, ptrdiff_t step)
{
	(void)e, (void)step;
}

RT_INLINED rt_three rt_edges_load(const rt_edges *e, const float *p,
	int32_t stride, int32_t n)
{
	const mve_pred16_t all = vctp32q((uint32_t)n);
	rt_three x;

	if (stride == 1) {
		x.left = vldrwq_z_f32(p - 1, e->left);
		x.mid = n == 4 ? vldrwq_f32(p) : vldrwq_z_f32(p, all);
		x.right = vldrwq_z_f32(p + 1, e->right);
		return x;
	}
	x.left = vldrwq_gather_shifted_offset_z_f32(p - 1, e->at, e->left);
	x.mid = n == 4 ? vldrwq_gather_shifted_offset_f32(p, e->at)
		: vldrwq_gather_shifted_offset_z_f32(p, e->at, all);
	x.right = vldrwq_gather_shifted_offset_z_f32(p + 1, e->at, e->right);
	return x;
}

RT_INLINED rt_three rt_edges_pairs(const rt_edges *e, const float *p,
	int32_t stride, int32_t n)
{
	return rt_edges_load(e, p, stride, n);
}

RT_INLINED rt_three rt_three_load(const float *p)
{
	const rt_three x = { vdupq_n_f32(0), vldrwq_f32(p), vldrwq_f32(p + 1) };

	return x;
}

RT_INLINED rt_three rt_three_before(const float *p)
{
	const rt_three x = { vldrwq_f32(p - 1), vldrwq_f32(p), vdupq_n_f32(0) };

	return x;
}

/* At stride 2. */
RT_INLINED rt_three rt_edges_first(const rt_edges *e, const float *p)
{
	rt_three x;

	x.left = vldrwq_gather_shifted_offset_z_f32(p - 1, e->at, e->left);
	x.mid = vldrwq_gather_shifted_offset_f32(p, e->at);
	x.right = vldrwq_gather_shifted_offset_f32(p + 1, e->at);
	return x;
}

RT_INLINED rt_three rt_edges_last(const rt_edges *e, const float *p)
{
	const float *q = p + 8;
	rt_three x;

	x.left = vldrwq_gather_shifted_offset_f32(q - 1, e->at);
	x.mid = vldrwq_gather_shifted_offset_f32(q, e->at);
	x.right = vldrwq_gather_shifted_offset_z_f32(q + 1, e->at, e->right);
	return x;
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

RT_INLINED rt_pair rt_pair_next(const float **p)
{
	const rt_pair v = rt_pair_load(*p);

	*p += 2;
	return v;
}

#endif
