/* SPDX-License-Identifier: 0BSD */
/*
 * conv_row_weight.c by Helium, at strides 1 and 2.  Four addresses that move on
 * by themselves take what dy has at the next position, two of which share
 * columns of x; the sums are scattered to the weights that they belong to.
 */
#ifndef RT_CONV_ROW_HELIUM_H
#define RT_CONV_ROW_HELIUM_H

/* Columns from .. end - 1 of x. */
RT_INLINED void row_columns(float *to, const float *x, int from, int end)
{
	for (int i = from; i < end; i += 2) {
		if (i + 1 < end) {
			const rt_pair v = rt_pair_load(x + i);
			to[i] = v.a, to[i + 1] = v.b;
		} else {
			to[i] = x[i];
		}
	}
}

/* A position: c and d are its columns in both channels; of the taps,
 * from .. end - 1 are there. */
RT_INLINED void row_taps(int taps, int from, int end, RowSums *s, rt_four dy,
	const float *c, const float *d)
{
	if (from < 1)
		s->a = rt_four_add(s->a, c[0], dy);
	if (from < 2)
		s->b = rt_four_add(s->b, c[1], dy);
	if (end > 2)
		s->c = rt_four_add(s->c, c[2], dy);
	if (taps == 5 && end > 3)
		s->d = rt_four_add(s->d, c[3], dy);
	if (taps == 5 && end > 4)
		s->e = rt_four_add(s->e, c[4], dy);
	if (taps == 5)
		return;
	if (from < 1)
		s->d = rt_four_add(s->d, d[0], dy);
	s->e = rt_four_add(s->e, d[1], dy);
	if (end > 2)
		s->f = rt_four_add(s->f, d[2], dy);
}

/* One of a row's ends. */
RT_INLINED void row_one(int taps, int from, int end, RowSums *s, rt_heads *y,
	const float *x, const float *z)
{
	float c[5], d[3];

	row_columns(c, x, from, end);
	if (taps == 3)
		row_columns(d, z, from, end);
	row_taps(taps, from, end, s, rt_heads_next(y), c, d);
}

/* Two, that have all taps. */
RT_INLINED void row_both(int taps, int stride, RowSums *s, rt_heads *y,
	const float *x, const float *z)
{
	float c[7], d[5];

	row_columns(c, x, 0, taps + stride);
	if (taps == 3)
		row_columns(d, z, 0, taps + stride);
	row_taps(taps, 0, taps, s, rt_heads_next(y), c, d);
	row_taps(taps, 0, taps, s, rt_heads_next(y), c + stride, d + stride);
}

/* How a row goes: taps that its first position lacks; pairs of positions that lack
 * none, and whether there is one more; taps that the first of those behind lacks,
 * and how many of these there are. */
typedef struct RowCourse {
	int32_t left, pairs, odd, right, after;
} RowCourse;

RT_INLINED RowCourse row_course(const RowTile *p, int stride)
{
	RowCourse c;

	c.left = p->left, c.pairs = p->inside / 2, c.odd = p->inside % 2;
	c.right = p->right;
	c.after = p->right > p->most ? 0 : (p->most - p->right) / stride + 1;
	return c;
}

/* Positions move on; where they are is hidden from clang, which otherwise keeps a
 * pointer to each column. */
RT_INLINED void row_go(const float **x, const float **z, int n)
{
	*x += n, *z += n;
	RT_HIDE(*x);
	RT_HIDE(*z);
}

RT_INLINED void row_before(int taps, int stride, int32_t lack, RowSums *s,
	rt_heads *y, const float **x, const float **z)
{
	if (taps == 5 && lack > 1) {
		row_one(taps, 2, taps, s, y, *x, *z);
		row_go(x, z, stride);
		lack -= stride;
	}
	if (lack > 0) {
		row_one(taps, 1, taps, s, y, *x, *z);
		row_go(x, z, stride);
	}
}

RT_INLINED void row_after(int taps, int stride, const RowCourse *c,
	RowSums *s, rt_heads *y, const float *x, const float *z)
{
	if (c->after == 0)
		return;
	if (taps == 3 || c->right == 1) {
		row_one(taps, 0, taps - 1, s, y, x, z);
		if (taps == 3 || c->after == 1)
			return;
		x += stride;
	}
	row_one(taps, 0, taps - 2, s, y, x, z);
}

RT_INLINED void row_along(int taps, int stride, const RowCourse *c,
	RowSums *s, rt_heads *y, const float *x, const float *z)
{
	int32_t n = c->pairs;

	row_before(taps, stride, c->left, s, y, &x, &z);
	if (n > 0) {
		do {
			row_both(taps, stride, s, y, x, z);
			x += 2 * stride, z += 2 * stride;
		} while (--n > 0);
	}
	if (c->odd) {
		row_one(taps, 0, taps, s, y, x, z);
		x += stride, z += stride;
	}
	row_after(taps, stride, c, s, y, x, z);
}

/* Weights of up to 4 output channels, row apart, by ins input channels c apart. */
typedef struct RowWeights {
	float alpha, beta, *dw;
	ptrdiff_t row, c;
	int32_t ins;
} RowWeights;

/* What the sums begin with: the weights, or 0. */
RT_INLINED RowSums row_begin_at(int taps, const RowWeights *w, rt_heads at)
{
	const rt_four zero = rt_four_of(0);
	RowSums s = { zero, zero, zero, zero, zero, zero };

	if (!rt_goes_on(w->beta))
		return s;
	s.a = rt_heads_next(&at), s.b = rt_heads_next(&at);
	s.c = rt_heads_next(&at);
	if (taps == 3)
		rt_heads_move(&at, w->ins > 1 ? w->c - 3 : -3);
	s.d = rt_heads_next(&at), s.e = rt_heads_next(&at);
	if (taps == 3)
		s.f = rt_heads_next(&at);
	return s;
}

/* alpha * s + beta * what is there; channels past the last put what it does. */
RT_INLINED void row_put_next(rt_heads *to, float alpha, float beta, rt_four s)
{
	rt_four v = rt_four_mul(alpha, s);

	if (beta != 0)
		v = rt_four_sum(v, rt_four_mul(beta, rt_heads_load(to)));
	rt_heads_put(to, v);
}

RT_INLINED void row_put_at(int taps, const RowWeights *w, rt_heads at,
	const RowSums *s)
{
	const float alpha = w->alpha, beta = rt_beta_begun(w->beta);

	row_put_next(&at, alpha, beta, s->a);
	row_put_next(&at, alpha, beta, s->b);
	row_put_next(&at, alpha, beta, s->c);
	if (taps == 3 && w->ins < 2)
		return;
	if (taps == 3)
		rt_heads_move(&at, w->c - 3);
	row_put_next(&at, alpha, beta, s->d);
	row_put_next(&at, alpha, beta, s->e);
	if (taps == 3)
		row_put_next(&at, alpha, beta, s->f);
}

RT_INLINED void row_tile_of(int taps, int stride, const RowTile *p,
	const RowWeights *w)
{
	const rt_heads at = rt_heads_at(w->dw, w->row, p->outs);
	const RowCourse c = row_course(p, stride);
	RowSums s = row_begin_at(taps, w, at);

	for (int32_t n = 0; n < p->images; n++) {
		const float *x = p->x + n * p->xn;
		rt_heads y = rt_heads_at(p->dy + n * p->dyn, p->dyc, p->outs);
		for (int32_t r = p->rows; r > 0; r--, x += p->xr) {
			const float *z = x + p->z;
			row_go(&x, &z, 0);
			row_along(taps, stride, &c, &s, &y, x, z);
		}
	}
	row_put_at(taps, w, at, &s);
}

RT_APART void row_three_one(const RowTile *p, const RowWeights *w)
{
	row_tile_of(3, 1, p, w);
}

RT_APART void row_three_two(const RowTile *p, const RowWeights *w)
{
	row_tile_of(3, 2, p, w);
}

RT_APART void row_five_one(const RowTile *p, const RowWeights *w)
{
	row_tile_of(5, 1, p, w);
}

RT_APART void row_five_two(const RowTile *p, const RowWeights *w)
{
	row_tile_of(5, 2, p, w);
}

/* 0 if it is of none of these strides. */
RT_INLINED int row_helium(const RowTile *p, int five, const RowWeights *w)
{
	if (RT_CONV_STRIDE == 1 || p->step == 1)
		(five ? row_five_one : row_three_one)(p, w);
	else if (p->step == 2)
		(five ? row_five_two : row_three_two)(p, w);
	else
		return 0;
	return 1;
}

#endif
