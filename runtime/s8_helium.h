/* SPDX-License-Identifier: 0BSD */
/*
 * 8-bit integers on Helium (MVE): sixteen products and their sum are one
 * instruction (VMLADAVA).  It takes i8 by i8, so that u8 become i8, 128 less, where
 * columns are filled; zero points are taken off the sums, and what they take off
 * is the zero point of x times the sum of a row of weights, and the zero point of
 * the row times the sum of a column.
 */
#ifndef RT_S8_HELIUM_H
#define RT_S8_HELIUM_H

#include "runtime/s8.h"

#include <arm_mve.h>

/* Four columns stand side by side in blocks of so many steps. */
#define RT_S8_BLOCK 16

/* byte ^ flip is x as i8, and `zero` is of the same; `pad` is that zero point as
 * the byte that x would have. */
typedef struct rt_s8_signed {
	uint32_t flip, pad;
	int32_t zero;
} rt_s8_signed;

RT_INLINED rt_s8_signed rt_s8_signed_of(rt_s8_zero z)
{
	const rt_s8_signed s = { z.flip ^ 0x80,
		((uint32_t)z.zero ^ z.flip) & 0xff, z.zero - 128 };

	return s;
}

/* ---- results ---- */

/* Integers of y, of sums that are scaled. */
RT_INLINED int32x4_t rt_s8_nearest(const rt_s8_result *r, float32x4_t scaled)
{
	const int32_t lo = r->flip ? -128 : 0;
	int32x4_t v = vcvtnq_s32_f32(scaled);

	v = vqaddq_n_s32(v, r->zero + (r->flip ? -128 : 0));
	v = vmaxq_s32(v, vdupq_n_s32(lo));
	return vminq_s32(v, vdupq_n_s32(lo + 255));
}

/* Stores the lanes of p, side by side from `at` on, of one scale. */
RT_INLINED void rt_s8_put_lanes(const rt_s8_result *r, void *y, ptrdiff_t at,
	int32x4_t sums, mve_pred16_t p)
{
	if (r->is_sum)
		vstrwq_p_s32((int32_t *)y + at, sums, p);
	else
		vstrbq_p_s32((int8_t *)y + at, rt_s8_nearest(r,
			vmulq_n_f32(vcvtq_f32_s32(sums), r->scale)), p);
}

/* The same of a scale for each lane. */
RT_INLINED void rt_s8_put_scaled(const rt_s8_result *r, void *y, ptrdiff_t at,
	int32x4_t sums, float32x4_t scale, mve_pred16_t p)
{
	if (r->is_sum)
		vstrwq_p_s32((int32_t *)y + at, sums, p);
	else
		vstrbq_p_s32((int8_t *)y + at, rt_s8_nearest(r,
			vmulq_f32(vcvtq_f32_s32(sums), scale)), p);
}

/* ---- sums of products ---- */

/* Sums with four columns, or of two rows, and of the weights. */
typedef struct rt_s8_sums {
	rt_s8_four t, w;
} rt_s8_sums;

RT_INLINED rt_s8_sums rt_s8_none(void)
{
	const rt_s8_sums s = { { 0, 0, 0, 0 }, { 0, 0, 0, 0 } };

	return s;
}

/* A row of weights with four columns; the sum of the weights is w.a. */
RT_INLINED rt_s8_sums rt_s8_by_columns(const int8_t *w, const int8_t *x,
	int32_t steps)
{
	rt_s8_sums s = rt_s8_none();

	__builtin_assume(steps > 0);
	for (int32_t k = steps; k > 0; k -= RT_S8_BLOCK) {
		const mve_pred16_t p = vctp8q((uint32_t)k);
		const int8x16_t v = vldrbq_z_s8(w, p);
		s.t.a = vmladavaq_p_s8(s.t.a, v, vldrbq_z_s8(x, p), p);
		s.t.b = vmladavaq_p_s8(s.t.b, v, vldrbq_z_s8(x + 16, p), p);
		s.t.c = vmladavaq_p_s8(s.t.c, v, vldrbq_z_s8(x + 32, p), p);
		s.t.d = vmladavaq_p_s8(s.t.d, v, vldrbq_z_s8(x + 48, p), p);
		s.w.a = vaddvaq_p_s8(s.w.a, v, p);
		w += RT_S8_BLOCK, x += 4 * RT_S8_BLOCK;
	}
	return s;
}

/* Two rows of weights with one column: t.a and w.a, t.b and w.b. More sums than
 * these would not fit the registers that they must be in. */
RT_INLINED rt_s8_sums rt_s8_by_rows(const int8_t *w, const int8_t *next,
	const int8_t *x, int32_t steps)
{
	rt_s8_sums s = rt_s8_none();

	__builtin_assume(steps > 0);
	for (int32_t k = steps; k > 0; k -= RT_S8_BLOCK) {
		const mve_pred16_t p = vctp8q((uint32_t)k);
		const int8x16_t v = vldrbq_z_s8(x, p);
		const int8x16_t a = vldrbq_z_s8(w, p), b = vldrbq_z_s8(next, p);
		s.t.a = vmladavaq_p_s8(s.t.a, a, v, p);
		s.w.a = vaddvaq_p_s8(s.w.a, a, p);
		s.t.b = vmladavaq_p_s8(s.t.b, b, v, p);
		s.w.b = vaddvaq_p_s8(s.w.b, b, p);
		x += RT_S8_BLOCK, w += RT_S8_BLOCK, next += RT_S8_BLOCK;
	}
	return s;
}

/* Four rows of weights, side by side, with one column. */
RT_INLINED rt_s8_four rt_s8_by_four_rows(const int8_t *w, const int8_t *x,
	int32_t steps)
{
	const int8_t *w1 = w + steps, *w2 = w1 + steps, *w3 = w2 + steps;
	rt_s8_four t = { 0, 0, 0, 0 };

	__builtin_assume(steps > 0);
	for (int32_t k = steps; k > 0; k -= RT_S8_BLOCK) {
		const mve_pred16_t p = vctp8q((uint32_t)k);
		const int8x16_t v = vldrbq_z_s8(x, p);
		t.a = vmladavaq_p_s8(t.a, vldrbq_z_s8(w, p), v, p);
		t.b = vmladavaq_p_s8(t.b, vldrbq_z_s8(w1, p), v, p);
		t.c = vmladavaq_p_s8(t.c, vldrbq_z_s8(w2, p), v, p);
		t.d = vmladavaq_p_s8(t.d, vldrbq_z_s8(w3, p), v, p);
		x += RT_S8_BLOCK, w += RT_S8_BLOCK, w1 += RT_S8_BLOCK;
		w2 += RT_S8_BLOCK, w3 += RT_S8_BLOCK;
	}
	return t;
}

RT_INLINED int32x4_t rt_s8_lanes(rt_s8_four t)
{
	const int32x4_t v = { t.a, t.b, t.c, t.d };

	return v;
}

#endif
