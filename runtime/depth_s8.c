/* SPDX-License-Identifier: 0BSD */
/*
 * Depthwise convolution of 8-bit integers (s8.h), without workspace.  Kernels of
 * 3x3 go down the plane four outputs of a row at a time.  There x is taken as it
 * is, its zero point stands where it is not, and what that adds up to is taken
 * off the bias: the zero point times the sum of the weights.
 */
#include "runtime/rt.h"
#include "runtime/s8.h"

/* A plane of x and one of y, and a kernel less its zero point. */
typedef struct S8Plane {
	const rt_conv *d;
	rt_s8_zero zero;
	const uint8_t *x;
	const int8_t *w;
	int32_t wz, bias;
	rt_s8_result result;
	void *y;
	ptrdiff_t at;		/* of the first output in y */
} S8Plane;

#if RT_HELIUM
#include "runtime/depth_s8_helium.h"
#else

/* ---- any kernel ---- */

/* Taps lo .. hi - 1 are there. */
static void s8_range(int32_t at, int32_t step, int32_t taps, int32_t size,
	int32_t *lo, int32_t *hi)
{
	*lo = 0, *hi = taps;
	while (*lo < *hi && at + *lo * step < 0)
		++*lo;
	while (*hi > *lo && at + (*hi - 1) * step >= size)
		--*hi;
}

static int32_t s8_output(const S8Plane *s, int32_t r, int32_t q)
{
	const rt_conv *d = s->d;
	const int32_t u = r * d->sh - d->ph, v = q * d->sw - d->pw;
	int32_t sum = s->bias, top, bottom, left, right;

	s8_range(u, d->dh, d->kh, d->h, &top, &bottom);
	s8_range(v, d->dw, d->kw, d->w, &left, &right);
	for (int32_t i = top; i < bottom; i++) {
		const uint8_t *const x = s->x + (u + i * d->dh) * d->w + v;
		const int8_t *const w = s->w + i * d->kw;
		for (int32_t j = left; j < right; j++)
			sum += (w[j] - s->wz)
				* rt_s8_less(s->zero, x[j * d->dw]);
	}
	return sum;
}

RT_APART void s8_any_plane(const S8Plane *s)
{
	ptrdiff_t at = s->at;

	for (int32_t r = 0; r < s->d->oh; r++)
		for (int32_t q = 0; q < s->d->ow; q++)
			rt_s8_put(&s->result, s->y, at++, s8_output(s, r, q));
}

/* ---- 3x3 ---- */

/* A row of weights, also as pairs; four outputs of a row, at stride 1 or 2. */
typedef struct S8Taps {
	int32_t w0, w1, w2;
	uint32_t w02, w12;
} S8Taps;

/* What a strip's windows lack. */
enum s8_side {
	S8_INSIDE,
	S8_LEFT,	/* their first byte */
	S8_RIGHT,	/* their last one */
	S8_ANY
};

typedef struct S8Strip {
	int32_t at, n, begin;	/* window, outputs, what sums begin with */
	enum s8_side side;
	uint32_t flips;
	uint8_t pads[12];
	S8Taps row[3];
} S8Strip;

#if RT_S8_PAIRS

RT_INLINED int32_t s8_both(int32_t t, uint32_t x, uint32_t w)
{
	return __smlad((int32_t)x, (int32_t)w, t);
}

/* By the low or the high halves of x and w. */
#define S8_ONE(t, halves, x, w) \
	__smla##halves((int32_t)(x), (int32_t)(w), t)

/* Windows of the bytes of u and v, and of z. */
RT_INLINED rt_s8_four s8_taps(rt_s8_four t, const S8Taps *k, int32_t stride,
	uint32_t u, uint32_t v, uint32_t z)
{
	const uint32_t w02 = k->w02, w12 = k->w12;
	const uint32_t x02 = rt_s8_even_byte(u), x13 = rt_s8_odd_byte(u);

	t.a = S8_ONE(s8_both(t.a, x02, w02), bb, x13, w12);
	if (stride == 1) {
		const uint32_t x45 = rt_s8_even_byte(v | v << 8);
		t.b = S8_ONE(s8_both(t.b, x13, w02), tb, x02, w12);
		t.c = S8_ONE(t.c, tb, x02, w02);
		t.c = S8_ONE(S8_ONE(t.c, tb, x13, w12), bt, x45, w12);
		t.d = s8_both(S8_ONE(t.d, tb, x13, w02), x45, w12);
	} else {
		const uint32_t x46 = rt_s8_even_byte(v);
		const uint32_t x57 = rt_s8_odd_byte(v);
		t.b = S8_ONE(t.b, tb, x02, w02);
		t.b = S8_ONE(S8_ONE(t.b, tb, x13, w12), bt, x46, w12);
		t.c = S8_ONE(s8_both(t.c, x46, w02), bb, x57, w12);
		t.d = S8_ONE(t.d, tb, x46, w02);
		t.d = S8_ONE(S8_ONE(t.d, tb, x57, w12), bt, z, w12);
	}
	rt_s8_keep(&t);
	return t;
}

/* Windows of which the first or the last byte is not there are those beside it,
 * shifted. */
RT_INLINED rt_s8_four s8_three(rt_s8_four t, const S8Taps *k, int32_t stride,
	enum s8_side side, const S8Strip *p, const uint8_t *x)
{
	const uint32_t flips = p->flips, pad = p->pads[0];
	uint32_t u = rt_s8_word(side == S8_LEFT ? x + 1 : x), v, z = 0;

	if (side == S8_LEFT)
		u = u << 8 | pad;
	if (stride == 1) {
		v = side == S8_RIGHT ? x[4] | pad << 8 : rt_s8_half(x + 4);
		v ^= flips & 0xffff;
	} else {
		v = rt_s8_word(x + 4) ^ flips;
		z = (side == S8_RIGHT ? pad : x[8]) ^ (flips & 0xff);
	}
	return s8_taps(t, k, stride, u ^ flips, v, z);
}

#else

RT_INLINED rt_s8_four s8_three(rt_s8_four t, const S8Taps *k, int32_t stride,
	enum s8_side side, const S8Strip *p, const uint8_t *x)
{
	const int32_t last = 3 * stride + 2;
	const uint32_t flip = p->flips & 0xff;
	int32_t v[9];

	for (int i = 0; i <= last; i++)
		v[i] = (int32_t)(((side == S8_LEFT && i == 0)
			|| (side == S8_RIGHT && i == last) ? p->pads[0] : x[i])
			^ flip);
	t.a += k->w0 * v[0] + k->w1 * v[1] + k->w2 * v[2];
	t.b += k->w0 * v[stride] + k->w1 * v[stride + 1]
		+ k->w2 * v[stride + 2];
	t.c += k->w0 * v[2 * stride] + k->w1 * v[2 * stride + 1]
		+ k->w2 * v[2 * stride + 2];
	t.d += k->w0 * v[3 * stride] + k->w1 * v[3 * stride + 1]
		+ k->w2 * v[3 * stride + 2];
	return t;
}

#endif

static void s8_taps_of(const S8Plane *s, S8Strip *p)
{
	int32_t sum = 0;

	for (int i = 0; i < 3; i++) {
		S8Taps *const k = &p->row[i];
		k->w0 = s->w[3 * i] - s->wz, k->w1 = s->w[3 * i + 1] - s->wz;
		k->w2 = s->w[3 * i + 2] - s->wz;
		k->w02 = ((uint32_t)k->w0 & 0xffff) | (uint32_t)k->w2 << 16;
		k->w12 = ((uint32_t)k->w1 & 0xffff) | (uint32_t)k->w2 << 16;
		sum += k->w0 + k->w1 + k->w2;
	}
	p->flips = s->zero.flips;
	p->begin = s->bias - s->zero.zero * sum;
	memset(p->pads, (int)((uint32_t)s->zero.zero ^ s->zero.flip),
		sizeof p->pads);
}

/* A window that is not all there. */
RT_APART void s8_copy(const S8Strip *p, const uint8_t *x, int32_t w,
	int32_t width, uint8_t *to)
{
	const int32_t end = rt_min(width, w - p->at);

	memcpy(to, p->pads, sizeof p->pads);
	for (int32_t i = p->at < 0 ? -p->at : 0; i < end; i++)
		to[i] = x[i];
}

/* t + a row of taps, of the row of x at v. */
RT_INLINED rt_s8_four s8_row_of_taps(rt_s8_four t, const S8Taps *k,
	int32_t stride, enum s8_side side, const S8Strip *p, const uint8_t *v,
	int32_t w)
{
	uint8_t copy[12];

	if (side == S8_INSIDE)
		return s8_three(t, k, stride, S8_INSIDE, p, v);
	if (p->side == S8_LEFT)
		return s8_three(t, k, stride, S8_LEFT, p, v);
	if (p->side == S8_RIGHT)
		return s8_three(t, k, stride, S8_RIGHT, p, v);
	if (v != p->pads) {
		s8_copy(p, v, w, 3 * stride + 3, copy);
		v = copy;
	}
	return s8_three(t, k, stride, S8_INSIDE, p, v);
}

/* Outputs q .. q + n - 1 of all rows. */
RT_INLINED void s8_strip(const S8Plane *s, const S8Strip *p, int32_t q,
	int32_t stride, enum s8_side side)
{
	const rt_conv *d = s->d;
	const rt_s8_result result = s->result;
	const int32_t w = d->w, h = d->h, begin = p->begin;
	const int32_t n = side == S8_INSIDE ? 4 : p->n;
	int32_t u = -d->ph;
	const uint8_t *x = s->x + u * w + p->at;
	ptrdiff_t at = s->at + q;

	for (int32_t r = d->oh; r > 0; r--, at += d->ow) {
		rt_s8_four t = { begin, begin, begin, begin };
		const uint8_t *row = x;
		for (int i = 0; i < 3; i++, row += w)
			t = s8_row_of_taps(t, &p->row[i], stride, side, p,
				(uint32_t)(u + i) < (uint32_t)h ? row : p->pads,
				w);
		rt_s8_put_four(&result, s->y, at, t, n);
		u += d->sh, x += d->sh * w;
	}
}

RT_APART void s8_inside1(const S8Plane *s, const S8Strip *p, int32_t q)
{
	s8_strip(s, p, q, 1, S8_INSIDE);
}

RT_APART void s8_inside2(const S8Plane *s, const S8Strip *p, int32_t q)
{
	s8_strip(s, p, q, 2, S8_INSIDE);
}

RT_APART void s8_edge1(const S8Plane *s, const S8Strip *p, int32_t q)
{
	s8_strip(s, p, q, 1, S8_ANY);
}

RT_APART void s8_edge2(const S8Plane *s, const S8Strip *p, int32_t q)
{
	s8_strip(s, p, q, 2, S8_ANY);
}

static enum s8_side s8_side_of(int32_t at, int32_t width, int32_t w)
{
	const int32_t beyond = at + width - w;

	if (at >= 0 && beyond <= 1)
		return beyond <= 0 ? S8_INSIDE : S8_RIGHT;
	return at == -1 && beyond <= 0 ? S8_LEFT : S8_ANY;
}

static void s8_three_plane(const S8Plane *s)
{
	const rt_conv *d = s->d;
	S8Strip p;

	s8_taps_of(s, &p);
	for (int32_t q = 0; q < d->ow; q += 4) {
		p.at = q * d->sw - d->pw;
		p.n = rt_min(4, d->ow - q);
		p.side = s8_side_of(p.at, 3 * d->sw + 3, d->w);
		if (d->sw == 1)
			(p.side == S8_INSIDE ? s8_inside1 : s8_edge1)(s, &p, q);
		else
			(p.side == S8_INSIDE ? s8_inside2 : s8_edge2)(s, &p, q);
	}
}

#endif

RT_API void rt_depth_s8(const rt_conv *d, const rt_s8 *q, const void *x,
	const void *xz, const float *xs, const int8_t *w, const int8_t *wz,
	const float *ws, const int32_t *bias, const float *ys, const void *yz,
	void *y)
{
	const rt_s8_operands p = rt_s8_operands_of(q, xs, w, wz, ws, bias, ys,
		yz, y);
	const int32_t three = d->kh == 3 && d->kw == 3 && d->dh == 1
		&& d->dw == 1 && d->sw <= 2;
	const int32_t each = d->o / d->c;
	S8Plane s;

	s.d = d, s.zero = rt_s8_zero_of(q->x_unsigned, xz);
	s.y = y, s.result = p.result, s.at = 0;
	for (int32_t i = 0; i < d->n * d->o; i++) {
		const int32_t o = i % d->o;
		rt_s8_rows row = rt_s8_rows_at(&p, o);
		s.bias = rt_s8_begin(&row).a, s.wz = wz ? *row.wz : 0;
		s.result.scale = row.result.scale;
		s.w = w + o * d->kh * d->kw;
		s.x = (const uint8_t *)x + (ptrdiff_t)(i / each) * d->h * d->w;
		if (three)
			s8_three_plane(&s);
		else
			s8_any_plane(&s);
		s.at += (ptrdiff_t)d->oh * d->ow;
	}
}
