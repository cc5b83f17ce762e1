/* SPDX-License-Identifier: 0BSD */
/*
 * A row of the source at stride 2, for conv_depth_three.c: it is of one row of
 * outputs, or of two.  Columns go in pairs, what is at an output and what is
 * between it and the next one, which a core may load at once; each of them is
 * multiplied by all that it meets before the next is loaded.
 */
#ifndef RT_DEPTH_TWO_H
#define RT_DEPTH_TWO_H

#include "runtime/four.h"

/* Of a strip, its first four columns and the others of eight. */
typedef struct ThreeSums {
	rt_four a, b;
} ThreeSums;

/* A row of weights. */
typedef struct ThreeTaps {
	float left, mid, right;
} ThreeTaps;

RT_INLINED ThreeTaps three_taps(const float w[3])
{
	const ThreeTaps t = { RT_AGAIN(w[0]), RT_AGAIN(w[1]), RT_AGAIN(w[2]) };

	return t;
}

RT_INLINED void three_add(rt_four *t, const ThreeTaps *w, const rt_three *x)
{
	*t = rt_four_add(*t, w->left, x->left);
	*t = rt_four_add(*t, w->mid, x->mid);
	*t = rt_four_add(*t, w->right, x->right);
	RT_KEEP_FOUR(*t);
}

#if RT_HELIUM

/* A row of n columns, 8, 4 or 1; of next too, if there are taps for it. */
RT_INLINED void three_row_two(const rt_edges *e, const float **p, int32_t n,
	const ThreeTaps *w, ThreeSums *t, const ThreeTaps *first, ThreeSums *next)
{
	rt_three x = n == 8 ? rt_edges_first(e, *p) : rt_edges_load(e, *p, 2, n);

	three_add(&t->a, w, &x);
	if (first)
		three_add(&next->a, first, &x);
	if (n < 8)
		return;
	x = rt_edges_last(e, *p);
	three_add(&t->b, w, &x);
	if (first)
		three_add(&next->b, first, &x);
}

#else

/* Of two rows of outputs, one and the one on the right of it. */
typedef struct ThreeSides {
	float *t, *right, *next, *next_right;
} ThreeSides;

/* The pair at column i; of the last output, what is on the right of it is
 * elsewhere. */
RT_INLINED void three_pair(const float **p, int32_t i, const rt_edges *last,
	const ThreeTaps *w, const ThreeTaps *first, const ThreeSides *s)
{
	const rt_pair x = last ? (rt_pair){ (*p)[i], *last->right }
		: rt_pair_load(*p + i);

	*s->t = RT_FMA(w->mid, x.a, *s->t);
	*s->t = RT_FMA(w->right, x.b, *s->t);
	if (!last)
		*s->right = RT_FMA(w->left, x.b, *s->right);
	if (first) {
		*s->next = RT_FMA(first->mid, x.a, *s->next);
		*s->next = RT_FMA(first->right, x.b, *s->next);
	}
	if (first && !last)
		*s->next_right = RT_FMA(first->left, x.b, *s->next_right);
	RT_THEN(*p, *s->t);
}

/* A row of n columns, 8, 4 or 1; of next too, if there are taps for it. */
RT_INLINED void three_row_two(const rt_edges *e, const float **p, int32_t n,
	const ThreeTaps *w, ThreeSums *t, const ThreeTaps *first, ThreeSums *next)
{
	const ThreeSides s[8] = {
		{ &t->a.a, &t->a.b, &next->a.a, &next->a.b },
		{ &t->a.b, &t->a.c, &next->a.b, &next->a.c },
		{ &t->a.c, &t->a.d, &next->a.c, &next->a.d },
		{ &t->a.d, &t->b.a, &next->a.d, &next->b.a },
		{ &t->b.a, &t->b.b, &next->b.a, &next->b.b },
		{ &t->b.b, &t->b.c, &next->b.b, &next->b.c },
		{ &t->b.c, &t->b.d, &next->b.c, &next->b.d },
		{ &t->b.d, NULL, &next->b.d, NULL }
	};
	const float left = *e->left;

	t->a.a = RT_FMA(w->left, left, t->a.a);
	if (first)
		next->a.a = RT_FMA(first->left, left, next->a.a);
	if (n > 1) {
		three_pair(p, 0, NULL, w, first, &s[0]);
		three_pair(p, 2, NULL, w, first, &s[1]);
		three_pair(p, 4, NULL, w, first, &s[2]);
	}
	if (n > 4) {
		three_pair(p, 6, NULL, w, first, &s[3]);
		three_pair(p, 8, NULL, w, first, &s[4]);
		three_pair(p, 10, NULL, w, first, &s[5]);
		three_pair(p, 12, NULL, w, first, &s[6]);
	}
	three_pair(p, 2 * (n - 1), e, w, first, &s[n - 1]);
}

#endif

#endif
