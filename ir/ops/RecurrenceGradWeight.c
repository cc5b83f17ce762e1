/*
 * RecurrenceGradWeight: the gradient of R, summed over all steps by products
 * whose inner dimension is time and batch: dR = sum over t of dZ[t]^T h before
 * step t, which is the states one step earlier, or h0. No step needs memory of
 * its own. Where the batch comes first, each sample's steps are such a product.
 * See ir/recurrence.h.
 *
 * Inputs: dZ, the states, h0, and of a GRU the reset part [T,N,H]: its last H
 * rows see the reset state r h instead, which that input is, or (with
 * linear_before_reset) the gradient of their own product, which it then is.
 */
#include "ir/recurrence.h"

enum { DZ, STATES, H0, RESET };
enum { REVERSE, LINEAR_BEFORE_RESET, LAYOUT };

typedef struct Sizes {
	int64_t lines, steps, hidden, width;   /* N, T, H, G H */
	bool reverse, batch_first;
	int64_t step, sample;                  /* lines from one to the next */
} Sizes;

static Sizes sizes_of(const Node *n)
{
	const Shape *dz = &n->in[DZ]->shape;
	bool batch_first = attr_int(n, LAYOUT) != 0;
	Sizes z = {
		.lines = dz->dim[!batch_first], .steps = dz->dim[batch_first],
		.hidden = n->in[STATES]->shape.dim[2], .width = dz->dim[2],
		.reverse = attr_int(n, REVERSE) != 0,
		.batch_first = batch_first,
	};
	z.step = batch_first ? 1 : z.lines;
	z.sample = batch_first ? z.steps : 1;
	return z;
}

static bool infer(Unit *u, Node *n)
{
	const Shape *dz = &n->in[DZ]->shape, *s = &n->in[STATES]->shape;
	if (dz->rank != 3 || s->rank != 3 || dz->dim[0] != s->dim[0] ||
	    dz->dim[1] != s->dim[1] ||
	    (recurrence_in(n, RESET) && s->dim[2] > dz->dim[2])) {
		error_at(u, n->loc, "gates of %s do not fit states of %s",
		         shape_text(u->arena, *dz), shape_text(u->arena, *s));
		return false;
	}
	recurrence_output(n, 0, (Shape){2, {dz->dim[2], s->dim[2]}});
	return recurrence_input(u, n, STATES, *s) &&
	       recurrence_input(u, n, RESET, *s) &&
	       recurrence_input(u, n, H0, (Shape){2, {
		       s->dim[!attr_int(n, LAYOUT)], s->dim[2]}});
}

/* `count` rows of the result, to `y`, from columns of d. */
static Product rows_of(const Node *n, int64_t count, const Value *d,
                       Index column, Matrix y)
{
	Sizes z = sizes_of(n);
	return (Product){
		.ta = true, .m = count, .n = z.hidden, .alpha = 1,
		.k = z.steps * z.lines, .lda = d->shape.dim[2],
		.a = {d, column}, .b = {.v = n->in[STATES]}, .y = y,
	};
}

/* Step t against the states of the step before: all steps but the first, of
 * all samples or of one. */
static Product shifted(const Node *n, Product p)
{
	Sizes z = sizes_of(n);
	p.k = (z.steps - 1) * z.step;
	if (z.reverse)
		p.b.at = k_plus(p.b.at, z.step * z.hidden);
	else
		p.a.at = k_plus(p.a.at, z.step * p.lda);
	return p;
}

/* The first step against h0. */
static Product initial(const Node *n, Product p)
{
	Sizes z = sizes_of(n);
	if (z.reverse)
		p.a.at = k_plus(p.a.at, (z.steps - 1) * z.step * p.lda);
	p.k = z.lines;
	p.lda *= z.sample;
	p.b = (Matrix){.v = n->in[H0]};
	return p;
}

static void clear(Kernel *k, const Product *p)
{
	int i = k_for(k, p->m * p->n);
	k_store_flat(k, p->y.v, k_sum(p->y.at, k_at(i)), k_num(k, 0));
	k_end(k);
}

/* One sample after the other. */
static void add_samples(Kernel *k, const Node *n, Product p)
{
	Sizes z = sizes_of(n);
	clear(k, &p);
	int i = k_for(k, z.lines);
	p.a.at = k_sum(p.a.at, k_scaled(k_at(i), z.steps * p.lda));
	p.b.at = k_sum(p.b.at, k_scaled(k_at(i), z.steps * z.hidden));
	p.add = true;
	k_product(k, &p);
	k_end(k);
}

static void against_previous(Kernel *k, const Node *n, Product p)
{
	Product rest = shifted(n, p);
	if (rest.k && sizes_of(n).batch_first)
		add_samples(k, n, rest);
	else if (rest.k)
		k_product(k, &rest);
	if (recurrence_in(n, H0)) {
		Product first = initial(n, p);
		first.add = rest.k > 0;   /* none of an empty batch */
		k_product(k, &first);
	} else if (!rest.k) {
		clear(k, &p);
	}
}

/* The first of the last H rows, of a GRU. */
static int64_t seam(const Node *n)
{
	Sizes z = sizes_of(n);
	return recurrence_in(n, RESET) ? z.width - z.hidden : 0;
}

/* Rows on one side of the seam. */
static void some_rows(Kernel *k, const Node *n, Index first, int64_t count,
                      Matrix y)
{
	const Value *dz = n->in[DZ], *reset = recurrence_in(n, RESET);
	if (!reset || first.add < seam(n)) {
		against_previous(k, n, rows_of(n, count, dz, first, y));
	} else if (attr_int(n, LINEAR_BEFORE_RESET)) {
		first = k_plus(first, -seam(n));
		against_previous(k, n, rows_of(n, count, reset, first, y));
	} else {
		Product p = rows_of(n, count, dz, first, y);
		p.b.v = reset;
		k_product(k, &p);
	}
}

static void lower(Kernel *k, const Node *n)
{
	Sizes z = sizes_of(n);
	int64_t at = seam(n);
	Value *y = n->out[0];
	if (at)
		some_rows(k, n, k_const(0), at, (Matrix){.v = y});
	some_rows(k, n, k_const(at), z.width - at,
	          (Matrix){y, k_const(at * z.hidden)});
}

static int64_t rows_workspace(const Node *n, int64_t count)
{
	Product p = rows_of(n, count, n->in[DZ], k_const(0),
	                    (Matrix){.v = n->out[0]});
	return product_workspace(&p);
}

static int64_t workspace(const Node *n)
{
	return rows_workspace(n, sizes_of(n).width);
}

static int64_t rows_unit(const Node *n, bool workspace)
{
	return product_rows_unit(workspace);
}

static void lower_rows(Kernel *k, const Node *n, Index first, int64_t count,
                       const Value *to)
{
	some_rows(k, n, first, count, (Matrix){.v = to});
}

static bool parts(const Node *n, const bool part[], PartKind out[])
{
	for (int i = 0; i < n->nin; i++)
		if (n->in[i] && !part[i])
			return false;
	return attr_int(n, LAYOUT) && parts_give(n, PART_SUM, out);
}

const OpDef op_RecurrenceGradWeight = {
	.name = "RecurrenceGradWeight", .min_in = 2, .max_in = 4,
	ATTRS([REVERSE] = {"reverse", ATTR_INT, true, 0},
	      [LINEAR_BEFORE_RESET] = {"linear_before_reset", ATTR_INT, true,
	                               0},
	      [LAYOUT] = {"layout", ATTR_INT, true, 0}),
	.infer = infer,
	.lower = lower,
	.workspace = workspace,
	.rows = &(const RowsDef){
		.unit = rows_unit, .lower = lower_rows,
		.workspace = rows_workspace, .seam = seam},
	.parts = parts,
	EXAMPLES({.in = {{DIMS(3, 2, 8)}, {DIMS(3, 2, 4)}}},
	         {.nin = 3, .in = {{DIMS(3, 2, 8)}, {DIMS(3, 2, 4)},
	                           {DIMS(2, 4)}}, .attr = {{"reverse", 1}}},
	         {.in = {{DIMS(3, 2, 8)}, {DIMS(3, 2, 4)}},
	          .attr = {{"reverse", 1}}},
	         {.in = {{DIMS(1, 2, 8)}, {DIMS(1, 2, 4)}}},
	         {.nin = 4, .in = {{DIMS(5, 4, 48)}, {DIMS(5, 4, 16)},
	                           {.absent = true}, {DIMS(5, 4, 16)}}},
	         {.nin = 4, .in = {{DIMS(3, 2, 6)}, {DIMS(3, 2, 2)},
	                           {DIMS(2, 2)}, {DIMS(3, 2, 2)}},
	          .attr = {{"linear_before_reset", 1}}},
	         {.nin = 3, .in = {{DIMS(2, 3, 8)}, {DIMS(2, 3, 4)},
	                           {DIMS(2, 4)}}, .attr = {{"layout", 1}}},
	         {.nin = 4, .in = {{DIMS(4, 5, 48)}, {DIMS(4, 5, 16)},
	                           {.absent = true}, {DIMS(4, 5, 16)}},
	          .attr = {{"layout", 1}, {"reverse", 1}}},
	         {.nin = 4, .in = {{DIMS(2, 3, 6)}, {DIMS(2, 3, 2)},
	                           {DIMS(2, 2)}, {DIMS(2, 3, 2)}},
	          .attr = {{"layout", 1}, {"linear_before_reset", 1}}}),
};
