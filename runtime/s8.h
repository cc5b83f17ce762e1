/* SPDX-License-Identifier: 0BSD */
/*
 * What the kernels on 8-bit integers share: four columns of 16-bit numbers, the
 * products of a row of weights with them, and what becomes of the sums.
 *
 * Columns are x less its zero point, with zeros where x is not: padding, zero
 * points, u8 and i8, strides and dilations are all seen to where columns are
 * filled, once for all rows of weights.
 *
 * With the DSP extension of Arm's cores two products are one instruction (SMLAD),
 * and one more makes two 16-bit numbers of two bytes of a word: the first and
 * the third, or, turned by 8 bits, the second and the fourth (SXTB16).  So steps
 * come in fours, in columns in the order 0, 2, 1, 3, and weights stay as they
 * are.
 *
 * Helium has kernels of its own (s8_helium.h).
 */
#ifndef RT_S8_H
#define RT_S8_H

#include "runtime/workspace.h"
#include "runtime/s8_dot.h"

/*
 * Kinds of 8-bit integers, and how many scales and zero points the weights have:
 * one for all, or one for each output channel.
 */
typedef struct rt_s8 {
	int32_t x_unsigned, y_unsigned, w_scales, w_zeros;
} rt_s8;

#ifdef RT_PROTOTYPES

/*
 * A convolution of integers, i8 or u8 by i8: sums of (x - xz) (w - wz), and bias
 * (NULL: 0), in 32 bits.  A NULL zero point is 0.  y is these sums; or, if ys is
 * not NULL, round(sum * (xs * ws / ys)) + yz, to the nearest even and to what i8
 * or u8 can hold.  columns is rt_conv_s8_workspace() bytes.
 */
RT_API void rt_conv_s8(const rt_conv *d, const rt_s8 *q, const void *x,
	const void *xz, const float *xs, const int8_t *w, const int8_t *wz,
	const float *ws, const int32_t *bias, const float *ys, const void *yz,
	void *y, void *columns);

/* The same of those that rt_conv_kind() calls depthwise; y may lie over x by the
 * planes of x, as floats do. */
RT_API void rt_depth_s8(const rt_conv *d, const rt_s8 *q, const void *x,
	const void *xz, const float *xs, const int8_t *w, const int8_t *wz,
	const float *ws, const int32_t *bias, const float *ys, const void *yz,
	void *y);

/* y[m,n] of a[m,k] b[k,n], with scales and zero points of b for all or for each of
 * its columns; row is rt_gemm_s8_workspace() bytes.  y may lie over a by rows. */
RT_API void rt_gemm_s8(const rt_s8 *q, int32_t m, int32_t n, int32_t k,
	const void *a, const void *az, const float *as, const int8_t *b,
	const int8_t *bz, const float *bs, const float *ys, const void *yz,
	void *y, void *row);

#endif

/* ---- columns ---- */

/* (byte ^ flip) - zero is x less its zero point, for both kinds of bytes; also of
 * four bytes, and two zero points. */
typedef struct rt_s8_zero {
	uint32_t flip;
	int32_t zero;
	uint32_t flips, zeros;
} rt_s8_zero;

RT_INLINED rt_s8_zero rt_s8_zero_of(int is_unsigned, const void *zero)
{
	rt_s8_zero z;

	z.flip = is_unsigned ? 0 : 0x80;
	z.zero = is_unsigned ? 0 : 128;
	if (zero)
		z.zero += is_unsigned ? *(const uint8_t *)zero
			: *(const int8_t *)zero;
	z.flips = z.flip * 0x01010101u;
	z.zeros = (uint32_t)z.zero * 0x00010001u;
	return z;
}

RT_INLINED int16_t rt_s8_less(rt_s8_zero z, uint8_t x)
{
	return (int16_t)((int32_t)(x ^ z.flip) - z.zero);
}

#if RT_S8_PAIRS

/* Three steps of six numbers, the bytes of u and v, each of a column and the next
 * three; the first is step k of the fours at `to`. */
RT_INLINED void rt_s8_three(rt_s8_zero zero, uint32_t u, uint32_t v,
	int16_t *to, int32_t k)
{
	static const int8_t place[6] = { 0, 2, 1, 3, 16, 18 };
	const uint32_t flip = zero.flips, less = zero.zeros;
	const uint32_t x02 = rt_s8_minus(rt_s8_even_byte(u ^ flip), less);
	const uint32_t x13 = rt_s8_minus(rt_s8_odd_byte(u ^ flip), less);
	const uint32_t x45 = rt_s8_minus(rt_s8_even_byte((v | v << 8) ^ flip),
		less);
	int16_t *const a = to + place[k], *const b = to + place[k + 1];
	int16_t *const c = to + place[k + 2];

	a[0] = (int16_t)x02, a[4] = (int16_t)x13;
	a[8] = (int16_t)(x02 >> 16), a[12] = (int16_t)(x13 >> 16);
	b[0] = (int16_t)x13, b[4] = (int16_t)(x02 >> 16);
	b[8] = (int16_t)(x13 >> 16), b[12] = (int16_t)x45;
	c[0] = (int16_t)(x02 >> 16), c[4] = (int16_t)(x13 >> 16);
	c[8] = (int16_t)x45, c[12] = (int16_t)(x45 >> 16);
}

#endif

/*
 * Fills columns with four numbers side by side from x on, and from as many steps
 * as follow, stride apart: how many, the others being left.
 */
#if RT_S8_PAIRS

/* Two steps, those at x and at z; to is the first column's. */
RT_INLINED void rt_s8_flat_two(rt_s8_zero zero, const uint8_t *x,
	const uint8_t *z, int16_t *to)
{
	const uint32_t flip = zero.flips, less = zero.zeros;
	const uint32_t u = rt_s8_word(x) ^ flip, v = rt_s8_word(z) ^ flip;
	const uint32_t lo = rt_s8_low(u, v), hi = rt_s8_high(u, v);

	rt_s8_put_word(to, rt_s8_minus(rt_s8_even_byte(lo), less));
	rt_s8_put_word(to + 4, rt_s8_minus(rt_s8_odd_byte(lo), less));
	rt_s8_put_word(to + 8, rt_s8_minus(rt_s8_even_byte(hi), less));
	rt_s8_put_word(to + 12, rt_s8_minus(rt_s8_odd_byte(hi), less));
}

RT_INLINED int32_t rt_s8_flat(rt_s8_zero zero, const uint8_t *x,
	ptrdiff_t stride, int32_t steps, int16_t *to)
{
	for (int32_t i = steps / 4; i > 0; i--, to += 16) {
		rt_s8_flat_two(zero, x, x + 2 * stride, to);
		rt_s8_flat_two(zero, x + stride, x + 3 * stride, to + 2);
		x += 4 * stride;
	}
	return steps & ~3;
}

#else

RT_INLINED int32_t rt_s8_flat(rt_s8_zero zero, const uint8_t *x,
	ptrdiff_t stride, int32_t steps, int16_t *to)
{
	const int32_t column = rt_s8_place(0, 1, steps);
	const int32_t next = rt_s8_place(1, 0, steps);

	for (int32_t k = steps; k > 0; k--, x += stride, to += next) {
		to[0] = rt_s8_less(zero, x[0]);
		to[column] = rt_s8_less(zero, x[1]);
		to[2 * column] = rt_s8_less(zero, x[2]);
		to[3 * column] = rt_s8_less(zero, x[3]);
	}
	return steps;
}

#endif

/* Fills the only column with numbers that lie side by side: as many as rt_s8_flat(). */
#if RT_S8_PAIRS

RT_INLINED int32_t rt_s8_line(rt_s8_zero zero, const uint8_t *x, int32_t steps,
	int16_t *to)
{
	for (int32_t i = steps / 4; i > 0; i--, x += 4, to += 4) {
		const uint32_t v = rt_s8_word(x) ^ zero.flips;
		rt_s8_put_word(to, rt_s8_minus(rt_s8_even_byte(v),
			zero.zeros));
		rt_s8_put_word(to + 2, rt_s8_minus(rt_s8_odd_byte(v),
			zero.zeros));
	}
	return steps & ~3;
}

#else

RT_INLINED int32_t rt_s8_line(rt_s8_zero zero, const uint8_t *x, int32_t steps,
	int16_t *to)
{
	for (int32_t k = 0; k < steps; k++)
		to[k] = rt_s8_less(zero, x[k]);
	return steps;
}

#endif

/* ---- results ---- */

/*
 * Of a row of weights: sums as they are; or round(sum * scale) + zero of u8, to
 * the nearest even, as ONNX Runtime computes it.  With the zero point 128 more,
 * and then flip, that is i8.
 */
typedef struct rt_s8_result {
	int is_sum;
	float scale;
	int32_t zero;
	uint32_t flip, flips;
} rt_s8_result;

#if RT_S8_PAIRS && defined(__ARM_FP) && (__ARM_FP & 4)

/* Cores with the extension and floats round and saturate in an instruction. */
RT_INLINED uint32_t rt_s8_scaled(const rt_s8_result *r, int32_t sum)
{
	const float x = (float)sum * r->scale;
	int32_t nearest;

	__asm__("vcvtr.s32.f32 %0, %1" : "=t"(nearest) : "t"(x));
	return __usat(__qadd(nearest, r->zero), 8);
}

#else

/* The sum with 1.5 2^23 has no bits for what is less than 1, and ends with the
 * integer. */
RT_INLINED uint32_t rt_s8_scaled(const rt_s8_result *r, int32_t sum)
{
	const float low = (float)-r->zero, high = (float)(255 - r->zero);
	float x = (float)sum * r->scale;
	uint32_t bits;

	x = x < low ? low : x;
	x = (x > high ? high : x) + 12582912.0f;
	memcpy(&bits, &x, sizeof bits);
	return bits - 0x4b400000u + (uint32_t)r->zero;
}

#endif

RT_INLINED void rt_s8_put(const rt_s8_result *r, void *y, ptrdiff_t at,
	int32_t sum)
{
	if (r->is_sum)
		((int32_t *)y)[at] = sum;
	else
		((uint8_t *)y)[at] = (uint8_t)(rt_s8_scaled(r, sum) ^ r->flip);
}

/* ---- operands ---- */

typedef struct rt_s8_operands {
	const rt_s8 *q;
	const int8_t *w, *wz;
	const float *xs, *ws, *ys;
	const int32_t *bias;
	void *y;
	rt_s8_result result;	/* of any row but for the scale */
} rt_s8_operands;

static inline rt_s8_operands rt_s8_operands_of(const rt_s8 *q, const float *xs,
	const int8_t *w, const int8_t *wz, const float *ws, const int32_t *bias,
	const float *ys, const void *yz, void *y)
{
	const rt_s8_zero z = rt_s8_zero_of(q->y_unsigned, yz);
	const rt_s8_operands p = { q, w, wz, xs, ws, ys, bias, y,
		{ !ys, 0, z.zero, z.flip, z.flips } };

	return p;
}

/* What goes on from one row of weights to the next. */
typedef struct rt_s8_rows {
	const int32_t *bias;
	const int8_t *wz;
	const float *ws;
	int32_t bias_step, wz_step, ws_step;
	float xs, ys;
	void *y;
	rt_s8_result result;
} rt_s8_rows;

RT_INLINED rt_s8_rows rt_s8_rows_at(const rt_s8_operands *p, int32_t o)
{
	static const int32_t none = 0;
	static const float one = 1;
	rt_s8_rows r;

	r.bias_step = p->bias != 0;
	r.wz_step = p->q->w_zeros > 1, r.ws_step = p->q->w_scales > 1;
	r.bias = p->bias ? p->bias + o : &none;
	r.wz = p->wz ? p->wz + o * r.wz_step : 0;
	r.ws = p->ws ? p->ws + o * r.ws_step : &one;
	r.xs = p->xs ? *p->xs : 1, r.ys = p->ys ? *p->ys : 1;
	r.y = p->y, r.result = p->result;
	r.ws_step = p->ws ? r.ws_step : 0;
	return r;
}

/* Four sums begin with the bias, and with a row's scale. */
RT_INLINED rt_s8_four rt_s8_begin(rt_s8_rows *r)
{
	const rt_s8_four t = { *r->bias, *r->bias, *r->bias, *r->bias };

	r->result.scale = r->xs * *r->ws / r->ys;
	r->bias += r->bias_step, r->ws += r->ws_step;
	return t;
}

/* t - the row's zero point times the sums of columns. */
RT_INLINED rt_s8_four rt_s8_centred(rt_s8_four t, rt_s8_rows *r,
	rt_s8_four sums)
{
	const int32_t z = *r->wz;

	t.a -= z * sums.a, t.b -= z * sums.b;
	t.c -= z * sums.c, t.d -= z * sums.d;
	r->wz += r->wz_step;
	return t;
}

/* Of four, the first n, side by side. */
RT_INLINED void rt_s8_put_four(const rt_s8_result *r, void *y, ptrdiff_t at,
	rt_s8_four t, int32_t n)
{
#if RT_S8_PAIRS
	if (n == 4 && !r->is_sum) {
		uint32_t v = rt_s8_scaled(r, t.a) | rt_s8_scaled(r, t.b) << 8
			| rt_s8_scaled(r, t.c) << 16
			| rt_s8_scaled(r, t.d) << 24;
		v ^= r->flips;
		__builtin_memcpy((uint8_t *)y + at, &v, sizeof v);
		return;
	}
#endif
	rt_s8_put(r, y, at, t.a);
	if (n > 1)
		rt_s8_put(r, y, at + 1, t.b);
	if (n > 2)
		rt_s8_put(r, y, at + 2, t.c);
	if (n > 3)
		rt_s8_put(r, y, at + 3, t.d);
}

#endif
