/* SPDX-License-Identifier: 0BSD */
/*
 * A row of gemm_s8.c on Helium (s8_helium.h): sixteen columns of b at a time, whose
 * elements lie side by side, in four vectors of sums.
 */
#ifndef RT_GEMM_S8_HELIUM_H
#define RT_GEMM_S8_HELIUM_H

#include "runtime/s8_helium.h"

/* Four columns from j on, of their sums; those of p. */
RT_APART void s8_put_vector(const S8Product *s, int32_t j, int32x4_t t,
	mve_pred16_t p)
{
	const rt_s8_operands *const o = s->p;
	const int32_t ws = o->q->w_scales > 1, wz = o->q->w_zeros > 1;
	rt_s8_result result = o->result;
	float32x4_t scale = vdupq_n_f32(0);

	if (o->wz)
		t = vsubq_s32(t, vmulq_n_s32(wz ? vldrbq_z_s32(o->wz + j, p)
			: vdupq_n_s32(*o->wz), s->sum));
	if (!result.is_sum && ws) {
		float each[4] = { 0 };
		const int32_t n = rt_min(4, s->n - j);
		for (int32_t i = 0; i < n; i++)
			each[i] = *o->xs * o->ws[j + i] / *o->ys;
		scale = vldrwq_f32(each);
	} else if (!result.is_sum) {
		scale = vdupq_n_f32(*o->xs * *o->ws / *o->ys);
	}
	rt_s8_put_scaled(&result, o->y, s->at + j, t, scale, p);
}

RT_APART void s8_columns(const S8Product *s, int32_t j)
{
	const mve_pred16_t all = vctp32q(4);
	const int8_t *b = s->b + j;
	const ptrdiff_t n = s->n;
	int32x4_t t0 = vdupq_n_s32(0), t1 = t0, t2 = t0, t3 = t0;

	for (const int16_t *a = s->a, *end = a + s->k; a < end; a++, b += n) {
		t0 = vmlaq_n_s32(t0, vldrbq_s32(b), *a);
		t1 = vmlaq_n_s32(t1, vldrbq_s32(b + 4), *a);
		t2 = vmlaq_n_s32(t2, vldrbq_s32(b + 8), *a);
		t3 = vmlaq_n_s32(t3, vldrbq_s32(b + 12), *a);
	}
	s8_put_vector(s, j, t0, all);
	s8_put_vector(s, j + 4, t1, all);
	s8_put_vector(s, j + 8, t2, all);
	s8_put_vector(s, j + 12, t3, all);
}

/* As many of four columns as there are. */
RT_APART void s8_few_columns(const S8Product *s, int32_t j)
{
	const mve_pred16_t p = vctp32q((uint32_t)(s->n - j));
	const int8_t *b = s->b + j;
	int32x4_t t = vdupq_n_s32(0);

	for (int32_t i = 0; i < s->k; i++, b += s->n)
		t = vmlaq_n_s32(t, vldrbq_z_s32(b, p), s->a[i]);
	s8_put_vector(s, j, t, p);
}

static void s8_row(const S8Product *s)
{
	int32_t j = 0;

	for (; j + 16 <= s->n; j += 16)
		s8_columns(s, j);
	for (; j < s->n; j += 4)
		s8_few_columns(s, j);
}

#endif
