/* SPDX-License-Identifier: 0BSD */
/*
 * Tiles of conv_plain.c that have all of 3x3 taps, by Helium: the columns of a tap
 * are loaded when they are due, so that there are registers for them.
 */
#ifndef RT_CONV_THREE_HELIUM_H
#define RT_CONV_THREE_HELIUM_H

/* What may a tile lack: nothing, a column on the left, or on either side? */
enum direct_edges { DIRECT_NONE, DIRECT_LEFT, DIRECT_BOTH };

/* The column of tap i of three in a row. */
RT_INLINED rt_four direct_three_column(const DirectThree *s, int32_t stride,
	int back, enum direct_edges edges, int32_t i)
{
	const int32_t side = back ? 1 - i : i - 1;

	return rt_edges_column(&s->e, s->p, stride, side, edges == DIRECT_BOTH
		|| (edges == DIRECT_LEFT && side < 0));
}

/* All source channels of all three rows of taps, whose weights go on. */
RT_INLINED void direct_three_all(const rt_direct *d, ptrdiff_t xr,
	int32_t stride, int back, enum direct_edges edges, DirectThree *s,
	rt_tile4 *t)
{
	const ptrdiff_t next = d->xc - 2 * xr;

	for (int32_t i = d->channels; i > 0; i--) {
		rt_four x, y, z;
		x = direct_three_column(s, stride, back, edges, 0);
		y = direct_three_column(s, stride, back, edges, 1);
		rt_tile4_two(t, &s->w, x, y);
		RT_THEN(s->p, t->r0);
		x = direct_three_column(s, stride, back, edges, 2);
		s->p += xr;
		y = direct_three_column(s, stride, back, edges, 0);
		rt_tile4_two(t, &s->w, x, y);
		RT_THEN(s->p, t->r0);
		x = direct_three_column(s, stride, back, edges, 1);
		y = direct_three_column(s, stride, back, edges, 2);
		rt_tile4_two(t, &s->w, x, y);
		RT_THEN(s->p, t->r0);
		s->p += xr;
		x = direct_three_column(s, stride, back, edges, 0);
		y = direct_three_column(s, stride, back, edges, 1);
		z = direct_three_column(s, stride, back, edges, 2);
		rt_tile4_three(t, &s->w, x, y, z);
		s->p += next;
		rt_rows_move(&s->w, d->wc - 9);
	}
}

/* 0 if it is none of these forms. */
RT_INLINED int direct_three_form(const rt_direct *d, const rt_direct_rows *rows,
	int32_t stride, int back, int left, int right, DirectThree *s,
	rt_tile4 *t)
{
	if (rows->n < 3 || (stride == 2 && !right && !RT_PADS_BARE))
		return 0;
	if (left && right)
		direct_three_all(d, rows->xr, stride, back, DIRECT_NONE, s, t);
	else if (stride == 2 && right)
		direct_three_all(d, rows->xr, stride, back, DIRECT_LEFT, s, t);
	else
		direct_three_all(d, rows->xr, stride, back, DIRECT_BOTH, s, t);
	return 1;
}

#endif
