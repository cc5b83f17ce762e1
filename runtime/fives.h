/* SPDX-License-Identifier: 0BSD */
/*
 * Columns of a row of the source that five taps side by side take for n
 * outputs, 8, 4 or 1, at stride 1 or 2.  Of all of them, the first two and the
 * last two may not be there.
 */
#ifndef RT_FIVES_H
#define RT_FIVES_H

#include "runtime/four.h"

#if RT_HELIUM

/* Of taps 0 and 1, the first four lanes that are there; of 3 and 4, the last
 * four. */
typedef struct rt_fives {
	mve_pred16_t left[2], right[2];
	uint32x4_t at;
} rt_fives;

/* Four bits for each of the lanes whose columns are lo .. hi - 1. */
RT_INLINED mve_pred16_t rt_fives_lanes(int32_t column, int32_t stride,
	int32_t lanes, int32_t lo, int32_t hi)
{
	uint32_t there = 0;

	for (int32_t j = 0; j < 4; j++, column += stride)
		if (j < lanes && column >= lo && column < hi)
			there |= 0xfu << 4 * j;
	return (mve_pred16_t)there;
}

/* Columns lo .. hi - 1 from p on are there. */
RT_INLINED rt_fives rt_fives_at(const float *p, int32_t stride, int32_t n,
	int32_t lo, int32_t hi)
{
	const int32_t last = n == 8 ? 4 : 0;
	rt_fives x;

	(void)p;
	for (int32_t i = 0; i < 2; i++) {
		x.left[i] = rt_fives_lanes(i, stride, n, lo, hi);
		x.right[i] = rt_fives_lanes(i + 3 + last * stride, stride, n - last,
			lo, hi);
	}
	x.at = vmulq_n_u32(vidupq_n_u32(0, 1), (uint32_t)stride);
	return x;
}

RT_INLINED void rt_fives_move(rt_fives *x, ptrdiff_t step)
{
	(void)x, (void)step;
}

RT_INLINED rt_four rt_fives_some(const rt_fives *x, const float *p,
	int32_t stride, mve_pred16_t there)
{
	return stride == 1 ? vldrwq_z_f32(p, there)
		: vldrwq_gather_shifted_offset_z_f32(p, x->at, there);
}

RT_INLINED rt_four rt_fives_all(const rt_fives *x, const float *p,
	int32_t stride)
{
	return stride == 1 ? vldrwq_f32(p)
		: vldrwq_gather_shifted_offset_f32(p, x->at);
}

/* A row: its columns are loaded where they are used. */
typedef struct rt_fives_row {
	const float *p;
} rt_fives_row;

RT_INLINED void rt_fives_load(const rt_fives *x, const float *p,
	int32_t stride, int32_t n, rt_fives_row *row)
{
	(void)x, (void)stride, (void)n;
	row->p = p;
}

/* At tap l, those of the first four outputs. */
RT_INLINED rt_four rt_fives_first(const rt_fives *x, const rt_fives_row *row,
	int32_t stride, int32_t n, int l)
{
	const float *const p = row->p;

	if (n == 1 && l == 2)
		return rt_fives_some(x, p + l, stride, vctp32q(1));
	if (l < 2)
		return rt_fives_some(x, p + l, stride, x->left[l]);
	if (l > 2 && n < 8)
		return rt_fives_some(x, p + l, stride, x->right[l - 3]);
	return rt_fives_all(x, p + l, stride);
}

/* Of the others of eight. */
RT_INLINED rt_four rt_fives_last(const rt_fives *x, const rt_fives_row *row,
	int32_t stride, int l)
{
	const float *const p = row->p;

	if (l > 2)
		return rt_fives_some(x, p + l + 4 * stride, stride,
			x->right[l - 3]);
	return rt_fives_all(x, p + l + 4 * stride, stride);
}

#else

/* A zero instead of what is not there. */
typedef struct rt_fives {
	const float *a, *b, *y, *z;
	ptrdiff_t amask, bmask, ymask, zmask;
} rt_fives;

RT_INLINED rt_fives rt_fives_at(const float *p, int32_t stride, int32_t n,
	int32_t lo, int32_t hi)
{
	static const float zero = 0;
	const int32_t last = (n - 1) * stride + 4;
	rt_fives x;

	x.a = lo < 1 ? p : &zero, x.amask = -(lo < 1);
	x.b = lo < 2 ? p + 1 : &zero, x.bmask = -(lo < 2);
	x.y = hi >= last ? p + last - 1 : &zero, x.ymask = -(hi >= last);
	x.z = hi > last ? p + last : &zero, x.zmask = -(hi > last);
	return x;
}

RT_INLINED void rt_fives_move(rt_fives *x, ptrdiff_t step)
{
	x->a += step & x->amask, x->b += step & x->bmask;
	x->y += step & x->ymask, x->z += step & x->zmask;
}

/* A row: all of its columns. */
typedef struct rt_fives_row {
	float v[20];
} rt_fives_row;

/* Columns i and i + 1, those of them that are below end. */
RT_INLINED void rt_fives_two(const float *p, int32_t i, int32_t end, float *v)
{
	if (i + 1 < end) {
		const rt_pair two = rt_pair_load(p + i);
		v[i] = two.a, v[i + 1] = two.b;
	}
	if (i + 1 == end)
		v[i] = p[i];
}

RT_INLINED void rt_fives_load(const rt_fives *x, const float *p,
	int32_t stride, int32_t n, rt_fives_row *row)
{
	const int32_t end = (n - 1) * stride + 3;

	row->v[0] = *x->a, row->v[1] = *x->b;
	rt_fives_two(p, 2, end, row->v);
	rt_fives_two(p, 4, end, row->v);
	rt_fives_two(p, 6, end, row->v);
	rt_fives_two(p, 8, end, row->v);
	rt_fives_two(p, 10, end, row->v);
	rt_fives_two(p, 12, end, row->v);
	rt_fives_two(p, 14, end, row->v);
	rt_fives_two(p, 16, end, row->v);
	row->v[end] = *x->y, row->v[end + 1] = *x->z;
}

/* At tap l, those of the first four outputs. */
RT_INLINED rt_four rt_fives_first(const rt_fives *x, const rt_fives_row *row,
	int32_t stride, int32_t n, int l)
{
	const float *const v = row->v;
	const rt_four z = { v[l], n > 1 ? v[l + stride] : 0.0f,
		n > 2 ? v[l + 2 * stride] : 0.0f,
		n > 3 ? v[l + 3 * stride] : 0.0f };

	(void)x;
	return z;
}

/* Of the others of eight. */
RT_INLINED rt_four rt_fives_last(const rt_fives *x, const rt_fives_row *row,
	int32_t stride, int l)
{
	const float *const v = row->v + l;
	const rt_four z = { v[4 * stride], v[5 * stride], v[6 * stride],
		v[7 * stride] };

	(void)x;
	return z;
}

#endif

#endif
