/*
 * Examples of operators drawn at random: dimensions of 1, and of 0 where an
 * operator allows them; inputs that stretch to one another; attributes that are
 * absent. See draw_ops.h for the operators.
 */
#ifndef TESTS_UNIT_DRAW_H
#define TESTS_UNIT_DRAW_H

#include "tests/unit/op_case.h"

typedef struct Draw Draw;
typedef void Drawer(Draw *);

/* How an operator is drawn: from [lo, hi] (both 0: [-2, 2]) its first input,
 * and from the second range the others. */
typedef struct Row {
	const OpDef *op;
	Drawer *draw;
	double lo, hi, lo2, hi2;
	bool full;           /* no dimension may be 0 */
	const char *reason;  /* why it is not drawn */
} Row;

struct Draw {
	const Row *row;
	uint64_t random;
	int size;            /* the greatest dimension, but for windows */
	DType real;          /* of all floating-point inputs */
	Example e;
};

enum { MAX_ELEMENTS = 64 };

static inline int64_t draw_int(Draw *d, int64_t lo, int64_t hi)
{
	return lo + (int64_t)(random_unit(&d->random) * (double)(hi - lo + 1));
}

static inline bool one_in(Draw *d, int n)
{
	return draw_int(d, 1, n) == 1;
}

/* Of a magnitude in [0.1, 1.5], which nothing divides by in vain. */
static inline double draw_factor(Draw *d)
{
	double x = 0.1 + 1.4 * random_unit(&d->random);
	return one_in(d, 4) ? -x : x;
}

/* ---- shapes ---- */

static inline int64_t draw_dim(Draw *d)
{
	if (!d->row->full && one_in(d, 25))
		return 0;
	return one_in(d, 4) ? 1 : draw_int(d, 1, d->size);
}

/* Of examples: also where other dimensions may not be 0. */
static inline int64_t draw_batch(Draw *d, int64_t most)
{
	return most == 0 || one_in(d, 25) ? 0 : draw_int(d, 1, most);
}

static inline Shape draw_shape(Draw *d, int least, int most)
{
	Shape s = {.rank = (int)draw_int(d, least, most)};
	int64_t count = 1;
	for (int i = 0; i < s.rank; i++) {
		s.dim[i] = draw_dim(d);
		if (count * s.dim[i] > MAX_ELEMENTS)
			s.dim[i] = 1;
		count *= s.dim[i] ? s.dim[i] : 1;
	}
	return s;
}

/* One that stretches to the whole. */
static inline Shape draw_stretched(Draw *d, Shape whole)
{
	int cut = one_in(d, 3) ? (int)draw_int(d, 0, whole.rank) : 0;
	Shape s = {.rank = whole.rank - cut};
	for (int i = 0; i < s.rank; i++)
		s.dim[i] = one_in(d, 3) ? 1 : whole.dim[i + cut];
	return s;
}

static inline void draw_order(Draw *d, int64_t order[], int n)
{
	for (int i = 0; i < n; i++)
		order[i] = i;
	for (int i = 0; i < n; i++) {
		int j = (int)draw_int(d, 0, i);
		order[i] = order[j];
		order[j] = i;
	}
}

/* Some of the axes, in any order, counted from either end. */
static inline int draw_axes(Draw *d, int rank, int64_t axes[])
{
	int64_t order[MAX_RANK];
	int n = (int)draw_int(d, 0, rank);
	draw_order(d, order, rank);
	for (int i = 0; i < n; i++)
		axes[i] = one_in(d, 3) ? order[i] - rank : order[i];
	return n;
}

static inline int axis_from_start(int64_t axis, int rank)
{
	return (int)(axis < 0 ? axis + rank : axis);
}

/* ---- inputs ---- */

static inline ExampleIn *draw_in(Draw *d, Shape s)
{
	const Row *r = d->row;
	ExampleIn *x = &d->e.in[d->e.nin];
	bool first = d->e.nin++ == 0;
	*x = (ExampleIn){s, d->real, .lo = first ? r->lo : r->lo2,
	                 .hi = first ? r->hi : r->hi2};
	return x;
}

static inline ExampleIn *draw_in_of(Draw *d, Shape s, DType t, double lo,
                                    double hi)
{
	ExampleIn *x = draw_in(d, s);
	x->dtype = t;
	x->lo = lo;
	x->hi = hi;
	return x;
}

static inline void draw_absent(Draw *d)
{
	d->e.in[d->e.nin++] = (ExampleIn){.absent = true};
}

/* Of i32 or i64; now and then some are negative, or out of range. */
static inline void draw_indices(Draw *d, Shape s, int64_t dim)
{
	DType t = one_in(d, 2) ? DT_I32 : DT_I64;
	int beyond = one_in(d, 4);
	double lo = one_in(d, 2) ? 0 : (double)-dim;
	draw_in_of(d, s, t, lo - beyond, (double)(dim - 1 + beyond));
}

/* ---- attributes ---- */

static inline ExampleAttr *draw_attr(Draw *d, const char *name)
{
	ExampleAttr *a = d->e.attr;
	while (a->name)
		a++;
	a->name = name;
	return a;
}

static inline void draw_attr_int(Draw *d, const char *name, int64_t i)
{
	draw_attr(d, name)->i = i;
}

static inline void draw_attr_float(Draw *d, const char *name, double f)
{
	draw_attr(d, name)->f = f;
}

static inline void draw_attr_string(Draw *d, const char *name, const char *s)
{
	draw_attr(d, name)->s = s;
}

static inline void draw_attr_ints(Draw *d, const char *name, int n,
                                  const int64_t ints[])
{
	ExampleAttr *a = draw_attr(d, name);
	a->n = n;
	for (int i = 0; i < n; i++)
		a->ints[i] = ints[i];
}

/* The attribute's default, or, as often, 0 or 1. */
static inline void draw_attr_flag(Draw *d, const char *name)
{
	if (one_in(d, 2))
		draw_attr_int(d, name, draw_int(d, 0, 1));
}

/* The axis, from 0; it may be written from the end. */
static inline int draw_attr_axis(Draw *d, const char *name, int rank)
{
	int64_t axis = draw_int(d, -rank, rank - 1);
	draw_attr_int(d, name, axis);
	return axis_from_start(axis, rank);
}

/* ---- as C, to become an example in the operator's file ---- */

static inline void print_ints(const char *before, int n, const int64_t ints[])
{
	fputs(before, stderr);
	for (int i = 0; i < n; i++)
		fprintf(stderr, "%s%lld", i ? ", " : "", (long long)ints[i]);
	fputs(")", stderr);
}

static inline void print_in(const ExampleIn *x)
{
	if (x->absent) {
		fputs("{.absent = true}, ", stderr);
		return;
	}
	fputs("{", stderr);
	if (x->shape.rank)
		print_ints("DIMS(", x->shape.rank, x->shape.dim);
	else
		fputs("{0}", stderr);
	fprintf(stderr, ", /* %s */ %d, %g, %g%s}, ", dtype_name(x->dtype),
	        (int)x->dtype, x->lo, x->hi, x->constant ? ", true" : "");
}

static inline void print_attr(const OpDef *op, const ExampleAttr *a)
{
	AttrKind kind = op->attrs[op_attr(op, a->name)].kind;
	fprintf(stderr, "{\"%s\", ", a->name);
	if (kind == ATTR_INT)
		fprintf(stderr, "%lld", (long long)a->i);
	else if (kind == ATTR_FLOAT)
		fprintf(stderr, ".f = %.9g", a->f);
	else if (kind == ATTR_STRING)
		fprintf(stderr, ".s = \"%s\"", a->s);
	else
		print_ints("INTS(", a->n, a->ints);
	fputs("}, ", stderr);
}

static inline void draw_print(const Draw *d)
{
	const Example *e = &d->e;
	fprintf(stderr, "%s: {.nin = %d, .nout = %d, .in = {",
	        d->row->op->name, e->nin, e->nout);
	for (int i = 0; i < e->nin; i++)
		print_in(&e->in[i]);
	fputs("}, .attr = {", stderr);
	for (const ExampleAttr *a = e->attr; a->name; a++)
		print_attr(d->row->op, a);
	fputs("}}\n", stderr);
}

#endif
