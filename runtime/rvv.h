/* SPDX-License-Identifier: 0BSD */
/*
 * RISC-V's vectors (RVV 1.0, Zve32f and more): four registers together, of as
 * many floats as there are (RT_RVV).  A float of a result has a lane of its own,
 * so that what it is does not depend on their number, and its sum goes in the
 * order of four.h, whose bits it so has.
 */
#ifndef RT_RVV_H
#define RT_RVV_H

#include "runtime/rt.h"

#if RT_RVV

#include <riscv_vector.h>

typedef vfloat32m4_t rt_wide;

/* Lanes for count floats; never more than most of them. */
RT_INLINED size_t rt_wide_lanes(int32_t count, int32_t most)
{
	return __riscv_vsetvl_e32m4((size_t)(count < most ? count : most));
}

RT_INLINED rt_wide rt_wide_of(float x, size_t n)
{
	return __riscv_vfmv_v_f_f32m4(x, n);
}

/* n floats that lie side by side. */
RT_INLINED rt_wide rt_wide_load(const float *p, size_t n)
{
	return __riscv_vle32_v_f32m4(p, n);
}

/* n floats, step from one to the next. */
RT_INLINED rt_wide rt_wide_gather(const float *p, ptrdiff_t step, size_t n)
{
	return __riscv_vlse32_v_f32m4(p, step * (ptrdiff_t)sizeof(float), n);
}

/* The same of the first k; the others are 0. */
RT_INLINED rt_wide rt_wide_gather_of(const float *p, ptrdiff_t step, size_t k,
	size_t n)
{
	return __riscv_vlse32_v_f32m4_tu(rt_wide_of(0, n), p,
		step * (ptrdiff_t)sizeof(float), k);
}

RT_INLINED void rt_wide_store(float *p, ptrdiff_t step, rt_wide v, size_t n)
{
	if (step == 1)
		__riscv_vse32_v_f32m4(p, v, n);
	else
		__riscv_vsse32_v_f32m4(p, step * (ptrdiff_t)sizeof(float), v,
			n);
}

/* t + x * z */
RT_INLINED rt_wide rt_wide_add(rt_wide t, float x, rt_wide z, size_t n)
{
#if RT_FUSED
	return __riscv_vfmacc_vf_f32m4(t, x, z, n);
#else
	return __riscv_vfadd_vv_f32m4(t, __riscv_vfmul_vf_f32m4(z, x, n), n);
#endif
}

/* t + y * z of each */
RT_INLINED rt_wide rt_wide_each(rt_wide t, rt_wide y, rt_wide z, size_t n)
{
#if RT_FUSED
	return __riscv_vfmacc_vv_f32m4(t, y, z, n);
#else
	return __riscv_vfadd_vv_f32m4(t, __riscv_vfmul_vv_f32m4(y, z, n), n);
#endif
}

RT_INLINED rt_wide rt_wide_mul(float x, rt_wide z, size_t n)
{
	return __riscv_vfmul_vf_f32m4(z, x, n);
}

/* rt_blend() of each. */
RT_INLINED void rt_wide_put(float *y, ptrdiff_t step, float alpha, rt_wide t,
	float beta, size_t n)
{
	if (alpha != 1)
		t = rt_wide_mul(alpha, t, n);
	if (beta != 0) {
		rt_wide z = step == 1 ? rt_wide_load(y, n)
			: rt_wide_gather(y, step, n);
		if (beta != 1)
			z = rt_wide_mul(beta, z, n);
		t = __riscv_vfadd_vv_f32m4(t, z, n);
	}
	rt_wide_store(y, step, t, n);
}

/* What sums begin with: y if they go on from there, or 0. */
RT_INLINED rt_wide rt_wide_begin(const float *y, ptrdiff_t step, float beta,
	size_t n)
{
	if (rt_goes_on(beta))
		return rt_wide_gather(y, step, n);
	return rt_wide_of(0, n);
}

/* Without the first, with x before them; or with x behind. */
RT_INLINED rt_wide rt_wide_before(float x, rt_wide v, size_t n)
{
	return __riscv_vfslide1up_vf_f32m4(v, x, n);
}

RT_INLINED rt_wide rt_wide_behind(rt_wide v, float x, size_t n)
{
	return __riscv_vfslide1down_vf_f32m4(v, x, n);
}

/*
 * What products of rows rows and columns columns take in lanes across these:
 * a step of four rows loads the columns once, from step apart.
 */
static inline int64_t rt_wide_cost(int32_t rows, int32_t columns,
	ptrdiff_t step)
{
	const int32_t lanes = (int32_t)__riscv_vsetvlmax_e32m4();
	const int64_t load = step == 1 ? 1 : 4;

	return (columns / lanes + (columns % lanes != 0))
		* (rows + (rows / 4 + (rows % 4 != 0)) * load);
}

#endif

#endif
