/* SPDX-License-Identifier: 0BSD */
/*
 * Gradient for the input of a 3x3 convolution at stride 2, without workspace,
 * for machines without vector registers.  With a row and column of padding in
 * front, row a of dy reaches the rows 2a - 1, 2a and 2a + 1 of dx by the three
 * rows of taps, and columns likewise; without, as TensorFlow pads even sizes,
 * the rows 2a, 2a + 1 and 2a + 2.  A tile is two rows by eight columns of a
 * channel of dx, whose sums stay in registers over all channels of dy: of each
 * of these it takes 10 loads of dy and 9 of weights for 36 products.
 */
#include "runtime/rt.h"
#include "runtime/four.h"
#include "runtime/workspace.h"

#if !RT_RVV

/* A tile: dy and weights of the first channel, and how far to the next one;
 * rows of dx, and columns that there are of them.  Its other row of dy is the
 * next one, or without padding the one before; the fifth column likewise. */
typedef struct ConvSpread {
	const float *dy, *w;
	ptrdiff_t dyc, wc, other;	/* other: to that row of dy, or 0 */
	int32_t channels, beside;	/* beside: has dy that column? */
	float *dx;
	int32_t rows, width, wide;
} ConvSpread;

/* Of two rows, sums of the columns that one of dy reaches, of those between. */
typedef struct ConvSpreadSums {
	rt_four at, between, below, corner;
} ConvSpreadSums;

/* A channel: x and z are a row of dy and the next one. */
RT_INLINED void conv_spread_add(ConvSpreadSums *s, const float *w,
	const rt_three *x, const rt_three *z)
{
	const rt_pair a = rt_pair_load(w), b = rt_pair_load(w + 2);
	const rt_pair c = rt_pair_load(w + 4), d = rt_pair_load(w + 6);

	s->corner = rt_four_add(s->corner, a.a, z->right);
	s->below = rt_four_add(s->below, a.b, z->mid);
	s->corner = rt_four_add(s->corner, b.a, z->mid);
	s->between = rt_four_add(s->between, b.b, x->right);
	s->at = rt_four_add(s->at, c.a, x->mid);
	s->between = rt_four_add(s->between, c.b, x->mid);
	s->corner = rt_four_add(s->corner, d.a, x->right);
	s->below = rt_four_add(s->below, d.b, x->mid);
	s->corner = rt_four_add(s->corner, w[8], x->mid);
}

/* The same without padding: z is the row before. */
RT_INLINED void conv_spread_add_bare(ConvSpreadSums *s, const float *w,
	const rt_three *x, const rt_three *z)
{
	const rt_pair a = rt_pair_load(w), b = rt_pair_load(w + 2);
	const rt_pair c = rt_pair_load(w + 4), d = rt_pair_load(w + 6);

	s->corner = rt_four_add(s->corner, a.a, x->mid);
	s->below = rt_four_add(s->below, a.b, x->mid);
	s->corner = rt_four_add(s->corner, b.a, x->left);
	s->between = rt_four_add(s->between, b.b, x->mid);
	s->at = rt_four_add(s->at, c.a, x->mid);
	s->between = rt_four_add(s->between, c.b, x->left);
	s->corner = rt_four_add(s->corner, d.a, z->mid);
	s->below = rt_four_add(s->below, d.b, z->mid);
	s->corner = rt_four_add(s->corner, w[8], z->left);
}

/* A row of dy and its fifth column; edge: this may not be there. */
RT_INLINED rt_three conv_spread_load(const rt_edges *e, const float *p,
	int bare, int edge)
{
	if (edge)
		return rt_edges_load(e, p, 1, 4);
	return bare ? rt_three_before(p) : rt_three_load(p);
}

/* All channels. */
RT_INLINED ConvSpreadSums conv_spread_sum(const ConvSpread *t, int bare,
	int edge)
{
	static const float none[6] = { 0, 0, 0, 0, 0, 0 };
	const rt_four zero = rt_four_of(0);
	const ptrdiff_t dyc = t->dyc, wc = t->wc, zc = t->other ? dyc : 0;
	const float *x = t->dy, *z = t->other ? x + t->other : none + 1;
	const float *w = t->w;
	rt_edges ex = rt_edges_at(x, 1, 4, bare && t->beside,
		!bare && t->beside);
	rt_edges ez = rt_edges_at(z, 1, 4, bare && t->beside,
		!bare && t->beside);
	ConvSpreadSums s = { zero, zero, zero, zero };

	for (int32_t o = t->channels; o > 0; o--) {
		const rt_three row = conv_spread_load(&ex, x, bare, edge);
		const rt_three other = conv_spread_load(&ez, z, bare, edge);
		if (bare)
			conv_spread_add_bare(&s, w, &row, &other);
		else
			conv_spread_add(&s, w, &row, &other);
		x += dyc, z += zc, w += wc;
		rt_edges_move(&ex, dyc), rt_edges_move(&ez, zc);
	}
	return s;
}

RT_APART void conv_spread_tile(const ConvSpread *t)
{
	const ConvSpreadSums s = t->beside ? conv_spread_sum(t, 0, 0)
		: conv_spread_sum(t, 0, 1);

	rt_four_put_two(t->dx, s.at, s.between, 4, t->wide);
	if (t->rows > 1)
		rt_four_put_two(t->dx + t->width, s.below, s.corner, 4,
			t->wide);
}

/* All rows and columns of it are there. */
RT_APART void conv_spread_bare_tile(const ConvSpread *t)
{
	const ConvSpreadSums s = t->beside ? conv_spread_sum(t, 1, 0)
		: conv_spread_sum(t, 1, 1);

	rt_four_put_two(t->dx, s.corner, s.below, 4, 8);
	rt_four_put_two(t->dx + t->width, s.between, s.at, 4, 8);
}

/* A channel of dx; t is of its weights. */
static void conv_spread_plane(const rt_conv *d, ConvSpread *t,
	const float *dy, float *dx)
{
	const int bare = RT_PADS_BARE && d->pw == 0;
	const int32_t pairs = (d->w + 1) / 2;

	for (int32_t a = 0; 2 * a < d->h; a++) {
		t->rows = rt_min(2, d->h - 2 * a);
		t->other = a + 1 < d->oh ? d->ow : 0;
		if (bare)
			t->other = a > 0 ? -d->ow : 0;
		for (int32_t q = 0; q < pairs; q += 4) {
			const int32_t b = rt_min(q, pairs - 4);
			t->dy = dy + a * d->ow + b;
			t->dx = dx + 2 * (a * d->w + b);
			t->beside = bare ? b > 0 : b + 4 < d->ow;
			t->wide = d->w - 2 * b;
			(bare ? conv_spread_bare_tile : conv_spread_tile)(t);
		}
	}
}

RT_API int rt_conv_spread(const rt_conv *d, const float *dy, const float *w,
	float *dx)
{
	const int32_t cg = d->c / d->groups, og = d->o / d->groups;
	const ptrdiff_t xs = (ptrdiff_t)d->h * d->w;
	ConvSpread t;

	if (!rt_conv_spreads(d))
		return 0;
	t.dyc = (ptrdiff_t)d->oh * d->ow, t.wc = (ptrdiff_t)cg * 9;
	t.channels = og, t.width = d->w;
	for (int32_t i = 0; i < d->n * d->groups; i++, dy += og * t.dyc)
		for (int32_t c = 0; c < cg; c++, dx += xs) {
			t.w = w + i % d->groups * og * t.wc + c * 9;
			conv_spread_plane(d, &t, dy, dx);
		}
	return 1;
}

#endif
