/* SPDX-License-Identifier: 0BSD */
/*
 * Gradient for the input of a 5x5 convolution at stride 2, without workspace,
 * for machines without vector registers.  Of two rows of dx, or columns, one
 * takes the taps 0, 2 and 4, from a row of dy, the one before and the one
 * behind; the other takes 1 and 3: with two rows of padding in front, from the
 * row and the one behind, with one, as TensorFlow pads even sizes, from the row
 * and the one before.  A tile is two rows by eight columns of a channel of dx,
 * whose sums stay in registers over all channels of dy: of each of these it
 * takes 9 loads of dy and 13 of weights for 100 products.
 */
#include "runtime/rt.h"
#include "runtime/four.h"
#include "runtime/workspace.h"

#if !RT_RVV && !RT_HELIUM

/* A tile: dy and weights of the first channel, and how far to the next one;
 * rows of dx, and columns that there are of them. */
typedef struct SpreadFive {
	const float *dy, *w;
	ptrdiff_t dyc, wc, before, behind;	/* to these rows, or 0 */
	int32_t channels, left, right;	/* has dy columns there? */
	float *dx;
	int32_t rows, width, wide;
} SpreadFive;

/* Of a row, sums of the columns that take three taps, and two. */
typedef struct SpreadFiveRow {
	rt_four three, two;
} SpreadFiveRow;

/* Four columns of dy and those beside them, which most tiles have; a zero instead
 * of one that is not there takes a branch more. */
RT_INLINED rt_three spread_five_load(const SpreadFive *t, const float *p)
{
	rt_three x;

	x.mid = rt_four_load(p);
	x.left = (rt_four){ 0.0f, x.mid.a, x.mid.b, x.mid.c };
	x.right = (rt_four){ x.mid.b, x.mid.c, x.mid.d, 0.0f };
	if (t->left)
		x.left.a = p[-1];
	if (t->right)
		x.right.d = p[4];
	return x;
}

/* A tap; bare: there is one row, or column, of padding in front. */
RT_INLINED void spread_five_tap(int bare, int tap, float w, const rt_three *x,
	SpreadFiveRow *s)
{
	if (tap == 0)
		s->three = rt_four_add(s->three, w, x->right);
	else if (tap == 2)
		s->three = rt_four_add(s->three, w, x->mid);
	else if (tap == 4)
		s->three = rt_four_add(s->three, w, x->left);
	else if (tap == (bare ? 1 : 3))
		s->two = rt_four_add(s->two, w, x->mid);
	else if (bare)
		s->two = rt_four_add(s->two, w, x->left);
	else
		s->two = rt_four_add(s->two, w, x->right);
}

/* A row of taps alone. */
RT_INLINED void spread_five_one(int bare, const float *w, const rt_three *x,
	SpreadFiveRow *s)
{
	const rt_pair a = rt_pair_load(w), b = rt_pair_load(w + 2);

	spread_five_tap(bare, 0, a.a, x, s);
	spread_five_tap(bare, 1, a.b, x, s);
	spread_five_tap(bare, 2, b.a, x, s);
	spread_five_tap(bare, 3, b.b, x, s);
	spread_five_tap(bare, 4, w[4], x, s);
	RT_KEEP_FOUR(s->three);
	RT_KEEP_FOUR(s->two);
}

/* Two, the first of which is of s, the second of t. */
RT_INLINED void spread_five_both(int bare, const float *w,
	const rt_three *x, SpreadFiveRow *s, SpreadFiveRow *t)
{
	const rt_pair a = rt_pair_load(w), b = rt_pair_load(w + 2);
	const rt_pair c = rt_pair_load(w + 4), d = rt_pair_load(w + 6);
	const rt_pair e = rt_pair_load(w + 8);

	spread_five_tap(bare, 0, a.a, x, s);
	spread_five_tap(bare, 1, a.b, x, s);
	spread_five_tap(bare, 2, b.a, x, s);
	spread_five_tap(bare, 3, b.b, x, s);
	spread_five_tap(bare, 4, c.a, x, s);
	spread_five_tap(bare, 0, c.b, x, t);
	spread_five_tap(bare, 1, d.a, x, t);
	spread_five_tap(bare, 2, d.b, x, t);
	spread_five_tap(bare, 3, e.a, x, t);
	spread_five_tap(bare, 4, e.b, x, t);
	RT_KEEP_FOUR(s->three);
	RT_KEEP_FOUR(s->two);
	RT_KEEP_FOUR(t->three);
	RT_KEEP_FOUR(t->two);
}

/* All channels; s and z are the rows of three taps and of two. */
RT_INLINED void spread_five_sum(const SpreadFive *t, int bare, SpreadFiveRow *s,
	SpreadFiveRow *z)
{
	static const float none[6] = { 0, 0, 0, 0, 0, 0 };
	const ptrdiff_t dyc = t->dyc, wc = t->wc;
	const ptrdiff_t up = t->before ? dyc : 0, down = t->behind ? dyc : 0;
	const float *at = t->dy, *w = t->w;
	const float *before = t->before ? at + t->before : none + 1;
	const float *behind = t->behind ? at + t->behind : none + 1;

	for (int32_t o = t->channels; o > 0; o--) {
		rt_three x = spread_five_load(t, behind);
		if (bare)
			spread_five_one(bare, w, &x, s);
		else
			spread_five_both(bare, w, &x, s, z);
		x = spread_five_load(t, at);
		if (bare)
			spread_five_both(bare, w + 5, &x, z, s);
		else
			spread_five_both(bare, w + 10, &x, s, z);
		x = spread_five_load(t, before);
		if (bare)
			spread_five_both(bare, w + 15, &x, z, s);
		else
			spread_five_one(bare, w + 20, &x, s);
		at += dyc, before += up, behind += down, w += wc;
	}
}

RT_INLINED void spread_five_put(const SpreadFive *t, int bare, float *to,
	const SpreadFiveRow *s)
{
	if (bare)
		rt_four_put_two(to, s->two, s->three, 4, t->wide);
	else
		rt_four_put_two(to, s->three, s->two, 4, t->wide);
}

RT_INLINED void spread_five_whole(const SpreadFive *t, int bare)
{
	const rt_four zero = rt_four_of(0);
	SpreadFiveRow s = { zero, zero }, z = { zero, zero };

	spread_five_sum(t, bare, &s, &z);
	spread_five_put(t, bare, t->dx, bare ? &z : &s);
	if (t->rows > 1)
		spread_five_put(t, bare, t->dx + t->width, bare ? &s : &z);
}

RT_APART void spread_five_tile(const SpreadFive *t)
{
	spread_five_whole(t, 0);
}

RT_APART void spread_five_bare_tile(const SpreadFive *t)
{
	spread_five_whole(t, 1);
}

/* A channel of dx; t is of its weights. */
static void spread_five_plane(const rt_conv *d, SpreadFive *t,
	const float *dy, float *dx)
{
	const int32_t pairs = (d->w + 1) / 2;

	for (int32_t a = 0; 2 * a < d->h; a++) {
		t->rows = rt_min(2, d->h - 2 * a);
		t->before = a > 0 ? -d->ow : 0;
		t->behind = a + 1 < d->oh ? d->ow : 0;
		for (int32_t q = 0; q < pairs; q += 4) {
			const int32_t b = rt_min(q, pairs - 4);
			t->dy = dy + a * d->ow + b;
			t->dx = dx + 2 * (a * d->w + b);
			t->left = b > 0, t->right = b + 4 < d->ow;
			t->wide = d->w - 2 * b;
			(RT_PADS_BARE && d->pw == 1 ? spread_five_bare_tile
				: spread_five_tile)(t);
		}
	}
}

/* One whose rows, or columns, of dy that share those of dx are all there. */
static int spread_five_axis(int32_t size, int32_t out, int32_t taps,
	int32_t stride, int32_t pad, int32_t dil)
{
	return taps == 5 && stride == 2 && dil == 1 && (size + 1) / 2 <= out
		&& (pad == 2 || (RT_PADS_BARE && pad == 1));
}

RT_API int rt_conv_spread_five(const rt_conv *d, const float *dy,
	const float *w, float *dx)
{
	const int32_t cg = d->c / d->groups, og = d->o / d->groups;
	const ptrdiff_t xs = (ptrdiff_t)d->h * d->w;
	SpreadFive t;

	if (d->w < 7 || d->ph != d->pw
		|| !spread_five_axis(d->h, d->oh, d->kh, d->sh, d->ph, d->dh)
		|| !spread_five_axis(d->w, d->ow, d->kw, d->sw, d->pw, d->dw))
		return 0;
	t.dyc = (ptrdiff_t)d->oh * d->ow, t.wc = (ptrdiff_t)cg * 25;
	t.channels = og, t.width = d->w;
	for (int32_t i = 0; i < d->n * d->groups; i++, dy += og * t.dyc)
		for (int32_t c = 0; c < cg; c++, dx += xs) {
			t.w = w + i % d->groups * og * t.wc + c * 25;
			spread_five_plane(d, &t, dy, dx);
		}
	return 1;
}

#endif
