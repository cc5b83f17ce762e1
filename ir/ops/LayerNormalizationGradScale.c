/*
 * LayerNormalizationGradScale: the gradient of the scale, whose shape is the
 * attribute: dscale = sum over the rows of dy (x - mean) inv; inputs dy, x, mean
 * (absent: 0, as RMSNormalization has it), inv, and what the sums begin with, or
 * 0. The scale's axes are the outer loops: a sum stays in a register, and
 * compilers make vectors of them.
 */
#include "ir/layer_norm.h"

enum { FROM = 4 };
enum { SHAPE };

static bool infer(Unit *u, Node *n)
{
	if (n->nin < 4 || !n->in[3]) {
		error_at(u, n->loc, "input 3 is missing");
		return false;
	}
	n->out[0]->dtype = n->in[1]->dtype;
	return infer_shape(u, n, SHAPE, &n->out[0]->shape);
}

/* One element of the sum, at the place of the loops. */
static Expr *term(Kernel *k, const Node *n, const int loop[])
{
	Expr *h = k_load(k, n->in[1], loop);
	if (n->in[2])
		h = k_sub(k, h, k_load(k, n->in[2], loop));
	h = k_mul(k, h, k_load(k, n->in[3], loop));
	return k_mul(k, k_load(k, n->in[0], loop), h);
}

static void lower(Kernel *k, const Node *n)
{
	const Value *x = n->in[1], *out = n->out[0];
	int loop[MAX_RANK], lead = x->shape.rank - out->shape.rank, nkeep = 0;
	bool keep[MAX_RANK];
	for (int a = 0; a < x->shape.rank; a++) {
		keep[a] = a >= lead && out->shape.dim[a - lead] > 1;
		nkeep += keep[a];
		if (keep[a])
			loop[a] = k_for(k, x->shape.dim[a]);
	}
	const Value *from = node_sum_from(n, 0);
	int sum = k_var(k, from ? k_load(k, from, loop + lead)
	                        : k_typed(k, compute_type(x->dtype), 0));
	for (int a = 0; a < x->shape.rank; a++)
		if (!keep[a])
			loop[a] = k_for(k, x->shape.dim[a]);
	k_set(k, sum, k_add(k, k_get(k, sum), term(k, n, loop)));
	k_end_n(k, x->shape.rank - nkeep);
	k_store(k, out, loop + lead, k_get(k, sum));
	k_end_n(k, nkeep);
}

/* A sum, unless each row has a scale of its own. */
static bool parts(const Node *n, const bool part[], PartKind out[])
{
	Shape x = n->in[1]->shape, y = n->out[0]->shape;
	bool rows = y.rank == x.rank && y.dim[0] == x.dim[0];
	return parts_align(n, part, x) &&
	       parts_give(n, rows ? PART_ROWS : PART_SUM, out);
}

const OpDef op_LayerNormalizationGradScale = {
	.name = "LayerNormalizationGradScale", .min_in = 2, .max_in = 5,
	.goes_on = FROM,
	ATTRS([SHAPE] = {"shape", ATTR_INTS}),
	.infer = infer,
	.lower = lower,
	.parts = parts,
	EXAMPLES({.nin = 4,
	          .in = {{DIMS(3, 5)}, {DIMS(3, 5)}, {DIMS(3, 1)}, {DIMS(3, 1)}},
	          .attr = {{"shape", INTS(5)}}},
	         {.nin = 4,
	          .in = {{DIMS(2, 3, 4)}, {DIMS(2, 3, 4)}, {DIMS(2, 1, 1)},
	                 {DIMS(2, 1, 1)}}, .attr = {{"shape", INTS(3, 1)}}},
	         {.nin = 5,
	          .in = {{DIMS(3, 5)}, {DIMS(3, 5)}, {DIMS(3, 1)},
	                 {DIMS(3, 1)}, {DIMS(5)}}, .attr = {{"shape", INTS(5)}}},
	         {.nin = 4,
	          .in = {{DIMS(3, 5)}, {DIMS(3, 5)}, {.absent = true},
	                 {DIMS(3, 1)}}, .attr = {{"shape", INTS(5)}}}),
};
