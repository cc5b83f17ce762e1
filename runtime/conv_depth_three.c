/* SPDX-License-Identifier: 0BSD */
/*
 * Depthwise 3x3 kernels at strides 1 and 2, without workspace, for machines
 * without vector registers.  A strip of four columns goes down the plane with
 * the nine weights in registers, and with the sums of the rows that it is in:
 * what it loads of a row, it multiplies for all of them.  So at stride 1, a
 * row takes 6 loads and 4 stores for 36 products.  Columns that no strip of
 * four is left for go one by one.  On RISC-V's vectors a strip has as many
 * columns as there are lanes.
 */
#include "runtime/rt.h"
#include "runtime/direct.h"
#include "runtime/rvv.h"

/* A plane: weights of a row of taps, from left to right, those above first;
 * rows of the source from u on, of which some are there; the row behind which
 * the first output is done, and the last one. */
typedef struct ThreePlane {
	float w[3][3], bias;
	const float *x;
	ptrdiff_t xr, yr;
	int32_t u, rows, ready, end;
	int32_t left, stride, width;
	float *y;
} ThreePlane;

/* The uppermost source row of output row 0; the leftmost column. */
static int32_t three_origin(const rt_direct_axis *x)
{
	return x->step < 0 ? x->origin - 2 : x->origin;
}

/* One axis of which at most the first and the last column are not there. */
static int three_axis(const rt_direct_axis *x)
{
	return x->taps == 3 && x->wstep == 1 && (x->step == 1 || x->step == -1)
		&& three_origin(x) >= -1 && three_origin(x)
			+ (x->out - 1) * x->stride + 2 <= x->size;
}

static void three_weights(const float *w, int back, float to[3][3])
{
	const float *from = back ? w + 8 : w;

	for (int32_t i = 0; i < 9; i++, from += back ? -1 : 1)
		to[i / 3][i % 3] = *from;
}

static void three_begin(const rt_direct *d, ThreePlane *p)
{
	three_weights(d->w, d->v.step < 0, p->w);
	p->bias = d->bias ? *d->bias : 0.0f;
	p->u = three_origin(&d->v), p->rows = d->v.size;
	p->ready = p->u + 2, p->end = p->ready + d->v.out * d->v.stride;
	if (d->v.stride == 2)
		p->end--;
	p->left = three_origin(&d->h), p->width = d->h.size;
	p->stride = d->h.stride;
	p->xr = d->h.size, p->yr = d->yr;
	p->x = d->x + (p->u > 0 ? p->u * p->xr : 0) + p->left + 1;
	p->y = d->y;
}

#if RT_RVV

/* Where a strip of n columns is: at row u of the source, p its middle column;
 * is there one on the left of it, on the right. */
typedef struct ThreeWide {
	const float *p;
	int32_t u;
	size_t n;
	int left, right;
	float *y;
} ThreeWide;

static ThreeWide three_wide_strip(const ThreePlane *d, int32_t q, size_t n)
{
	const int32_t left = d->left + q * d->stride;
	ThreeWide s;

	s.p = d->x + q * d->stride;
	s.u = d->u, s.y = d->y + q, s.n = n;
	s.left = left >= 0;
	s.right = left + ((int32_t)n - 1) * d->stride + 2 < d->width;
	return s;
}

/* Of a row of the source, the columns of each output. */
typedef struct ThreeEdges {
	rt_wide *left, *mid, *right;
} ThreeEdges;

/* t + w times them */
RT_INLINED rt_wide three_wide_add(rt_wide t, const float w[3], ThreeEdges x, size_t n)
{
	t = rt_wide_add(t, w[0], *x.left, n);
	t = rt_wide_add(t, w[1], *x.mid, n);
	return rt_wide_add(t, w[2], *x.right, n);
}

/* The next row of the source, if it is one. */
RT_INLINED int three_wide_next(const ThreePlane *d, ThreeWide *s, ThreeEdges x)
{
	const size_t n = s->n;
	const float *p = s->p;

	if ((uint32_t)s->u++ >= (uint32_t)d->rows)
		return 0;
	*x.mid = rt_wide_load(p, n);
	*x.left = rt_wide_before(s->left ? p[-1] : 0.0f, *x.mid, n);
	*x.right = rt_wide_behind(*x.mid, s->right ? p[n] : 0.0f, n);
	s->p += d->xr;
	return 1;
}

/* The same at stride 2: what is on the right of one is on the left of the
 * next. */
RT_INLINED int three_wide_next_two(const ThreePlane *d, ThreeWide *s, ThreeEdges x)
{
	const size_t n = s->n;
	const float *p = s->p;

	if ((uint32_t)s->u++ >= (uint32_t)d->rows)
		return 0;
	*x.mid = rt_wide_gather(p, 2, n);
	*x.right = rt_wide_gather_of(p + 1, 2, s->right ? n : n - 1, n);
	*x.left = rt_wide_before(s->left ? p[-1] : 0.0f, *x.right, n);
	s->p += d->xr;
	return 1;
}

/* A row that is the last one of t, whose place a new sum takes. */
RT_INLINED int three_wide_row(const ThreePlane *d, ThreeWide *s, rt_wide *t,
	rt_wide *mid, rt_wide *first)
{
	rt_wide left, middle, right;
	const ThreeEdges x = { &left, &middle, &right };

	if (three_wide_next(d, s, x)) {
		*t = three_wide_add(*t, d->w[2], x, s->n);
		*mid = three_wide_add(*mid, d->w[1], x, s->n);
		*first = three_wide_add(*first, d->w[0], x, s->n);
	}
	if (s->u > d->ready) {
		rt_wide_store(s->y, 1, *t, s->n);
		s->y += d->yr;
	}
	*t = rt_wide_of(d->bias, s->n);
	return s->u < d->end;
}

RT_APART void three_wide_columns(const ThreePlane *plane, int32_t q, size_t n)
{
	const ThreePlane d = *plane;
	ThreeWide s = three_wide_strip(&d, q, n);
	rt_wide a = rt_wide_of(d.bias, n), b = a, c = a;

	while (three_wide_row(&d, &s, &a, &b, &c) && three_wide_row(&d, &s, &b, &c, &a)
		&& three_wide_row(&d, &s, &c, &a, &b))
		;
}

/* Two rows at stride 2: the last ones of t, the second one the next one's
 * first. */
RT_INLINED int three_wide_rows(const ThreePlane *d, ThreeWide *s, rt_wide *t,
	rt_wide *next)
{
	rt_wide left, mid, right;
	const ThreeEdges x = { &left, &mid, &right };

	if (three_wide_next_two(d, s, x))
		*t = three_wide_add(*t, d->w[1], x, s->n);
	*next = rt_wide_of(d->bias, s->n);
	if (three_wide_next_two(d, s, x)) {
		*t = three_wide_add(*t, d->w[2], x, s->n);
		*next = three_wide_add(*next, d->w[0], x, s->n);
	}
	rt_wide_store(s->y, 1, *t, s->n);
	s->y += d->yr;
	return s->u < d->end;
}

RT_APART void three_wide_columns_two(const ThreePlane *plane, int32_t q, size_t n)
{
	const ThreePlane d = *plane;
	ThreeWide s = three_wide_strip(&d, q, n);
	rt_wide a = rt_wide_of(d.bias, n), b = a, left, mid, right;
	const ThreeEdges x = { &left, &mid, &right };

	if (three_wide_next_two(&d, &s, x))
		a = three_wide_add(a, d.w[0], x, n);
	while (three_wide_rows(&d, &s, &a, &b) && three_wide_rows(&d, &s, &b, &a))
		;
}

static void three_plane(const ThreePlane *d, int32_t columns)
{
	size_t n;

	for (int32_t q = 0; q < columns; q += (int32_t)n) {
		n = rt_wide_lanes(columns - q, columns);
		(d->stride == 1 ? three_wide_columns : three_wide_columns_two)(d, q, n);
	}
}

#else

/* Where a strip is: at row u of the source, p its middle column. */
typedef struct ThreeStrip {
	const float *p;
	rt_edges e;
	int32_t u;
	float *y;
} ThreeStrip;

RT_INLINED ThreeStrip three_strip(const ThreePlane *d, int32_t q,
	int32_t stride, int32_t n)
{
	const int32_t left = d->left + q * stride;
	const int32_t right = left + (n - 1) * stride + 2;
	ThreeStrip s;

	s.p = d->x + q * stride;
	s.e = rt_edges_at(s.p, stride, n, left >= 0, right < d->width);
	s.u = d->u, s.y = d->y + q;
	return s;
}

RT_INLINED rt_four three_add(rt_four t, const float w[3], const rt_three *x)
{
	t = rt_four_add(t, RT_AGAIN(w[0]), x->left);
	t = rt_four_add(t, RT_AGAIN(w[1]), x->mid);
	return rt_four_add(t, RT_AGAIN(w[2]), x->right);
}

/* The next row of the source, if it is one. */
RT_INLINED int three_next(const ThreePlane *d, ThreeStrip *s, int32_t stride,
	int32_t n, rt_three *x)
{
	if ((uint32_t)s->u++ >= (uint32_t)d->rows)
		return 0;
	*x = rt_edges_load(&s->e, s->p, stride, n);
	s->p += d->xr;
	rt_edges_move(&s->e, d->xr);
	return 1;
}

/* A row that is the last one of t, whose place a new sum takes. */
RT_INLINED int three_row(const ThreePlane *d, ThreeStrip *s, int32_t n,
	rt_four *t, rt_four *mid, rt_four *first)
{
	rt_three x;

	if (three_next(d, s, 1, n, &x)) {
		*t = three_add(*t, d->w[2], &x);
		*mid = three_add(*mid, d->w[1], &x);
		*first = three_add(*first, d->w[0], &x);
	}
	if (s->u > d->ready) {
		rt_four_put(s->y, *t, n);
		s->y += d->yr;
	}
	*t = rt_four_of(d->bias);
	return s->u < d->end;
}

RT_INLINED void three_columns(const ThreePlane *plane, int32_t q, int32_t n)
{
	ThreePlane d;
	ThreeStrip s;
	rt_four a, b, c;

	d = *plane;
	s = three_strip(&d, q, 1, n);
	a = rt_four_of(d.bias), b = a, c = a;
	while (three_row(&d, &s, n, &a, &b, &c)
		&& three_row(&d, &s, n, &b, &c, &a)
		&& three_row(&d, &s, n, &c, &a, &b))
		;
}

/* Two rows at stride 2: the last ones of t, the second one the next one's
 * first. */
RT_INLINED int three_rows(const ThreePlane *d, ThreeStrip *s, int32_t n,
	rt_four *t, rt_four *next)
{
	rt_three x;

	if (three_next(d, s, 2, n, &x))
		*t = three_add(*t, d->w[1], &x);
	*next = rt_four_of(d->bias);
	if (three_next(d, s, 2, n, &x)) {
		*t = three_add(*t, d->w[2], &x);
		*next = three_add(*next, d->w[0], &x);
	}
	rt_four_put(s->y, *t, n);
	s->y += d->yr;
	return s->u < d->end;
}

RT_INLINED void three_columns2(const ThreePlane *plane, int32_t q,
	int32_t n)
{
	ThreePlane d;
	ThreeStrip s;
	rt_four a, b;
	rt_three x;

	d = *plane;
	s = three_strip(&d, q, 2, n);
	a = rt_four_of(d.bias);
	if (three_next(&d, &s, 2, n, &x))
		a = three_add(a, d.w[0], &x);
	while (three_rows(&d, &s, n, &a, &b) && three_rows(&d, &s, n, &b, &a))
		;
}

RT_APART void three_four(const ThreePlane *d, int32_t q)
{
	three_columns(d, q, 4);
}

RT_APART void three_one(const ThreePlane *d, int32_t q)
{
	three_columns(d, q, 1);
}

RT_APART void three_two_four(const ThreePlane *d, int32_t q)
{
	three_columns2(d, q, 4);
}

RT_APART void three_two_one(const ThreePlane *d, int32_t q)
{
	three_columns2(d, q, 1);
}

static void three_plane(const ThreePlane *d, int32_t columns)
{
	int32_t q = 0;

	if (RT_DEPTH_STRIDE == 1 || d->stride == 1) {
		for (; q + 4 <= columns; q += 4)
			three_four(d, q);
		for (; q < columns; q++)
			three_one(d, q);
		return;
	}
	for (; q + 4 <= columns; q += 4)
		three_two_four(d, q);
	for (; q < columns; q++)
		three_two_one(d, q);
}

#endif

RT_API int rt_depth_three(const rt_direct *d)
{
	ThreePlane p;

	if (d->channels != 1 || d->yq != 1 || d->v.stride != d->h.stride
		|| d->v.step != d->h.step || d->h.stride > 2
		|| !three_axis(&d->h) || !three_axis(&d->v))
		return 0;
	three_begin(d, &p);
	three_plane(&p, d->h.out);
	return 1;
}
