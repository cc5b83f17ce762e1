/*
 * LayerNormalizationGradScale: the gradient of the scale, whose shape is the
 * attribute: dscale = sum over the rows of dy (x - mean) inv; inputs dy, x, mean
 * (absent: 0, as RMSNormalization has it) and inv. Sums in memory, since the
 * scale runs along the rows.
 */
#include "ir/layer_norm.h"

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

static void lower(Kernel *k, const Node *n)
{
	const Value *dy = n->in[0], *x = n->in[1], *out = n->out[0];
	int loop[MAX_RANK], lead = x->shape.rank - out->shape.rank;
	Index at[MAX_RANK];
	k_fill(k, out, 0);
	k_for_shape(k, x->shape, loop);
	for (int a = 0; a < out->shape.rank; a++)
		at[a] = out->shape.dim[a] == 1 ? k_const(0)
		                               : k_at(loop[lead + a]);
	Expr *h = k_load(k, x, loop);
	if (n->in[2])
		h = k_sub(k, h, k_load(k, n->in[2], loop));
	h = k_mul(k, h, k_load(k, n->in[3], loop));
	k_accumulate(k, out, at, k_mul(k, k_load(k, dy, loop), h));
	k_end_n(k, x->shape.rank);
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
	.name = "LayerNormalizationGradScale", .min_in = 2, .max_in = 4,
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
	         {.nin = 4,
	          .in = {{DIMS(3, 5)}, {DIMS(3, 5)}, {.absent = true},
	                 {DIMS(3, 1)}}, .attr = {{"shape", INTS(5)}}}),
};
