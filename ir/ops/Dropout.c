/*
 * Dropout: y = x / (1 - ratio) where u >= ratio, else 0; u is uniform, element
 * i's number i of a sequence that `seed` (which differs for each step) and `id`
 * (which differs for each Dropout) name. dx is the same function of dy: the
 * mask is computed again, not kept. With the third input x is but that part of
 * the batch, and its elements have their numbers in all of it.
 *
 * With `across`, which is the batch N, x[N,T,..] is to be dropped as x[T,N,..]
 * would be: its elements have the numbers that they have there.
 */
#include "ir/draw.h"
#include "ir/op.h"

enum { RATIO, ID, ACROSS };
enum { X, SEED, PART };

static const Value *part_of(const Node *n)
{
	return n->nin > PART ? n->in[PART] : NULL;
}

static bool infer(Unit *u, Node *n)
{
	double ratio = attr_float(n, RATIO);
	if (!(ratio >= 0 && ratio <= 1)) {
		error_at(u, n->loc, "ratio is %g, expected 0 to 1", ratio);
		return false;
	}
	if (!draw_check(u, n, n->in[SEED], part_of(n)))
		return false;
	int64_t across = attr_int(n, ACROSS);
	if (across < 0 || (across && n->in[X]->shape.rank < 2)) {
		error_at(u, n->loc, "across is %lld for an input of the shape %s",
		         (long long)across,
		         shape_text(u->arena, n->in[X]->shape));
		return false;
	}
	return infer_like(n, 0, X);
}

/* Loops over the elements of x. Where one is in x, and its number if x is all of
 * the batch, or its part 0. */
static int open_loops(Kernel *k, const Node *n, Index *at, Index *number)
{
	const Shape *s = &n->in[X]->shape;
	int64_t lines = attr_int(n, ACROSS), elements = numel(*s);
	if (!lines || !elements) {
		*at = *number = k_at(k_for(k, elements));
		return 1;
	}
	int64_t row = elements / (s->dim[0] * s->dim[1]);
	Index i = k_at(k_for(k, s->dim[0])), j = k_at(k_for(k, s->dim[1]));
	Index rest = k_at(k_for(k, row));
	*at = k_sum(k_scaled(k_sum(k_scaled(i, s->dim[1]), j), row), rest);
	*number = k_sum(k_scaled(k_sum(k_scaled(j, lines), i), row), rest);
	return 3;
}

/* How many numbers one part is before the next. */
static int64_t part_size(const Node *n)
{
	const Shape *s = &n->in[X]->shape;
	return attr_int(n, ACROSS) && s->dim[1] ? numel(*s) / s->dim[1]
	                                        : numel(*s);
}

static void lower(Kernel *k, const Node *n)
{
	const Value *x = n->in[X];
	double ratio = attr_float(n, RATIO);
	double scale = ratio < 1 ? 1 / (1 - ratio) : 0;
	int sequence = draw_sequence(k, n->in[SEED], attr_int(n, ID));
	Index first = draw_first(k, part_of(n), part_size(n));
	Index at, number;
	int loops = open_loops(k, n, &at, &number);
	Expr *u = draw_uniform(k, sequence, k_sum(first, number));
	Expr *kept = k_mul(k, k_load_flat(k, x, at), k_num(k, scale));
	k_store_flat(k, n->out[0], at,
	             k_sel(k, k_ge(k, u, k_num(k, ratio)), kept, k_num(k, 0)));
	k_end_n(k, loops);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Node *e = node_new(g, n->loc, n->op, n->nin, n->in);
	e->in[X] = dy[0];
	node_copy_attrs(g, e, n);
	dx[0] = node_done(g, e);
}

/* Of all of the batch: parts of a part would need two numbers. */
static bool parts(const Node *n, const bool part[], PartKind out[])
{
	return !part_of(n) && parts_first(n, part, out);
}

const OpDef op_Dropout = {
	.name = "Dropout", .since = 12, .min_in = 2, .max_in = 3,
	ATTRS([RATIO] = {"ratio", ATTR_FLOAT, true, .f = 0.5},
	      [ID] = {"id", ATTR_INT, true},
	      [ACROSS] = {"across", ATTR_INT, true}),
	.infer = infer,
	.lower = lower,
	.grad = grad,
	.parts = parts,
	.wants_part = true,
	EXAMPLES({.in = {{DIMS(4, 5)}, {{0}, DT_U32, 0, 4294967295.0}}},
	         {.in = {{DIMS(4, 5)}, {{0}, DT_U32, 0, 4294967295.0}},
	          .attr = {{"ratio", .f = 0.2}, {"id", 7}}},
	         {.in = {{DIMS(2, 5)}, {{0}, DT_U32, 0, 4294967295.0},
	                 {{0}, DT_I32, 0, 3}}, .nin = 3},
	         {.in = {{DIMS(4, 3, 2)}, {{0}, DT_U32, 0, 4294967295.0}},
	          .attr = {{"across", 4}}},
	         {.in = {{DIMS(3)}, {{0}, DT_U32, 5, 5}},
	          .attr = {{"ratio", .f = 1}}}),
};
