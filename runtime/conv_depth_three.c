/* SPDX-License-Identifier: 0BSD */
/*
 * Depthwise 3x3 kernels at strides 1 and 2, without workspace, for machines
 * without vector registers.  A strip of four columns, of eight at stride 2,
 * goes down the plane with the nine weights in registers, and with the sums of
 * the rows that it is in: what it loads of a row, it multiplies for all of
 * them.  So at stride 1, a row takes 6 loads and 4 stores for 36 products.
 * The last strip ends with the row; where that would do more than one column
 * twice, or where four are too many, columns go one by one.  On RISC-V's vectors a
 * strip has as many columns as there are lanes.
 */
#include "runtime/rt.h"
#include "runtime/depth_two.h"
#include "runtime/direct.h"
#include "runtime/rvv.h"

/* A plane: weights of a row of taps, from left to right, those above first;
 * rows of the source from u on, of which some are there; the row behind which
 * the first output is done, and the last one; how many outputs, and does the last one of them
 * lack its last row? */
typedef struct ThreePlane {
	const float *w;
	float bias;
	const float *x;
	ptrdiff_t xr, yr;
	int32_t u, rows, ready, end, out, part;
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

/* What all planes share. */
static void three_begin(const rt_direct *d, ThreePlane *p)
{
	p->u = three_origin(&d->v), p->rows = d->v.size;
	p->ready = p->u + 2, p->end = p->ready + d->v.out * d->v.stride;
	if (d->v.stride == 2)
		p->end--;
	p->out = d->v.out, p->part = p->u + 2 * p->out == p->rows;
	p->left = three_origin(&d->h), p->width = d->h.size;
	p->stride = d->h.stride;
	p->xr = d->h.size, p->yr = d->yr;
	p->x = d->x + (p->u > 0 ? p->u * p->xr : 0) + p->left + 1;
	p->y = d->y, p->bias = 0;
}

/* Those on the way back, in the order of the source. */
static const float *three_turned(const float *w, float to[9])
{
	for (int32_t i = 0; i < 9; i++)
		to[i] = w[8 - i];
	return to;
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
		*t = three_wide_add(*t, d->w + 6, x, s->n);
		*mid = three_wide_add(*mid, d->w + 3, x, s->n);
		*first = three_wide_add(*first, d->w, x, s->n);
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
	rt_nine nine;
	ThreePlane d = *plane;
	ThreeWide s = three_wide_strip(&d, q, n);
	rt_wide a = rt_wide_of(d.bias, n), b = a, c = a;

	rt_nine_load(&nine, plane->w);
	d.w = nine.w;
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
		*t = three_wide_add(*t, d->w + 3, x, s->n);
	*next = rt_wide_of(d->bias, s->n);
	if (three_wide_next_two(d, s, x)) {
		*t = three_wide_add(*t, d->w + 6, x, s->n);
		*next = three_wide_add(*next, d->w, x, s->n);
	}
	rt_wide_store(s->y, 1, *t, s->n);
	s->y += d->yr;
	return s->u < d->end;
}

RT_APART void three_wide_columns_two(const ThreePlane *plane, int32_t q, size_t n)
{
	rt_nine nine;
	ThreePlane d = *plane;
	ThreeWide s = three_wide_strip(&d, q, n);
	rt_wide a = rt_wide_of(d.bias, n), b = a, left, mid, right;
	const ThreeEdges x = { &left, &mid, &right };

	rt_nine_load(&nine, plane->w);
	d.w = nine.w;
	if (three_wide_next_two(&d, &s, x))
		a = three_wide_add(a, d.w, x, n);
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

/* Where a strip is: at row u of the source, outputs that are left, the middle
 * column. */
typedef struct ThreeStrip {
	const float *p;
	rt_edges e;
	int32_t u, left;
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
	s.u = d->u, s.left = d->out, s.y = d->y + q;
	return s;
}

RT_INLINED ThreeSums three_sums(float bias, int32_t n)
{
	ThreeSums t = { rt_four_of(bias), rt_four_of(bias) };

	if (n == 4)
		RT_KEEP_FOUR(t.a);
	return t;
}

RT_INLINED void three_put(const ThreePlane *d, ThreeStrip *s,
	const ThreeSums *t, int32_t n)
{
	rt_four_put(s->y, t->a, rt_min(n, 4));
	if (n == 8)
		rt_four_put(s->y + 4, t->b, 4);
	s->y += d->yr;
}

/* Is the next row of the source one? */
RT_INLINED int three_there(const ThreePlane *d, ThreeStrip *s)
{
	return (uint32_t)s->u++ < (uint32_t)d->rows;
}

RT_INLINED void three_move(const ThreePlane *d, ThreeStrip *s)
{
	s->p += d->xr;
	rt_edges_move(&s->e, d->xr);
}

/* Helium loads them anew each time. */
#define THREE_WEIGHTS(plane, copy) (RT_HELIUM ? (plane)->w : (copy).w)

/* A row that is the last one of t, whose place a new sum takes. */
RT_INLINED int three_row(const ThreePlane *d, const float *w,
	ThreeStrip *s, int32_t n, ThreeSums *t, ThreeSums *mid,
	ThreeSums *first)
{
	if (three_there(d, s)) {
		const rt_three x = rt_edges_pairs(&s->e, s->p, 1, n);
		ThreeTaps taps = three_taps(w + 6);
		three_add(&t->a, &taps, &x);
		taps = three_taps(w + 3);
		three_add(&mid->a, &taps, &x);
		taps = three_taps(w);
		three_add(&first->a, &taps, &x);
		three_move(d, s);
	}
	if (s->u > d->ready)
		three_put(d, s, t, n);
	*t = three_sums(d->bias, n);
	return s->u < d->end;
}

RT_INLINED void three_columns(const ThreePlane *plane, int32_t q, int32_t n)
{
	const ThreePlane d = *plane;
	rt_nine nine;
	const float *const w = THREE_WEIGHTS(plane, nine);
	ThreeStrip s = three_strip(&d, q, 1, n);
	ThreeSums a = three_sums(d.bias, n), b = a, c = a;

	rt_nine_load(&nine, d.w);
	while (three_row(&d, w, &s, n, &a, &b, &c)
		&& three_row(&d, w, &s, n, &b, &c, &a)
		&& three_row(&d, w, &s, n, &c, &a, &b))
		;
}

/* A row at stride 2 that is of t alone. */
RT_INLINED void three_single(const ThreePlane *d, const float *w,
	ThreeStrip *s, int32_t n, ThreeSums *t)
{
	const ThreeTaps taps = three_taps(w);

	three_row_two(&s->e, &s->p, n, &taps, t, NULL, t);
	three_move(d, s);
}

/* The last one of t, and the first of next. */
RT_INLINED void three_shared(const ThreePlane *d, const float *w,
	ThreeStrip *s, int32_t n, ThreeSums *t, ThreeSums *next)
{
	const ThreeTaps last = three_taps(w + 6), first = three_taps(w);

	three_row_two(&s->e, &s->p, n, &last, t, &first, next);
	three_move(d, s);
}

/* Two rows, behind which t is done; of the last one, the second may not be
 * there. */
RT_INLINED int three_rows(const ThreePlane *d, const float *w,
	ThreeStrip *s, int32_t n, ThreeSums *t, ThreeSums *next)
{
	three_single(d, w + 3, s, n, t);
	*next = three_sums(d->bias, n);
	if (--s->left >= d->part)
		three_shared(d, w, s, n, t, next);
	three_put(d, s, t, n);
	return s->left > 0;
}

RT_INLINED void three_columns2(const ThreePlane *plane, int32_t q,
	int32_t n)
{
	const ThreePlane d = *plane;
	rt_nine nine;
	const float *const w = THREE_WEIGHTS(plane, nine);
	ThreeStrip s = three_strip(&d, q, 2, n);
	ThreeSums a = three_sums(d.bias, n), b;

	rt_nine_load(&nine, d.w);
	if (d.u >= 0)
		three_single(&d, w, &s, n, &a);
	while (three_rows(&d, w, &s, n, &a, &b)
		&& three_rows(&d, w, &s, n, &b, &a))
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

RT_APART void three_two_eight(const ThreePlane *d, int32_t q)
{
	three_columns2(d, q, 8);
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
	const int two = RT_DEPTH_STRIDE > 1 && d->stride == 2;
	const int32_t few = RT_HELIUM ? 0 : 2;
	int32_t q = 0;

	for (; two && q + 8 <= columns; q += 8)
		three_two_eight(d, q);
	for (; columns >= 4 && columns - q > few; q += 4)
		(two ? three_two_four : three_four)(d, rt_min(q, columns - 4));
	for (; q < columns; q++)
		(two ? three_two_one : three_one)(d, q);
}

#endif

RT_API int rt_depth_three(const rt_direct *d, int32_t planes, int32_t mult,
	int32_t outs, const float *bias)
{
	const float *w = d->w;
	float turned[9];
	ThreePlane p;

	if (d->channels != 1 || d->yq != 1 || d->v.stride != d->h.stride
		|| d->v.step != d->h.step || d->h.stride > 2
		|| !three_axis(&d->h) || !three_axis(&d->v))
		return 0;
	three_begin(d, &p);
	for (int32_t o = 0, m = 0; planes > 0; planes--, p.y += d->yc) {
		p.w = d->v.step < 0 ? three_turned(w, turned) : w;
		p.bias = bias ? bias[o] : 0.0f;
		three_plane(&p, d->h.out);
		w += 9;
		if (++o == outs)
			o = 0, w = d->w;
		if (++m == mult)
			m = 0, p.x += d->xc;
	}
	return 1;
}
