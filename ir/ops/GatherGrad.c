/* GatherGrad(dy, indices, from): zeros of `shape`, or `from`, to which each dy is
 * added where Gather read; nothing for an index that is out of range. */
#include "ir/op.h"

#include "ir/gather.h"

enum { FROM = 2 };
enum { SHAPE = GATHER_NATTRS };

static bool infer(Unit *u, Node *n)
{
	Shape x, want;
	if (!infer_shape(u, n, SHAPE, &x) ||
	    !gather_shape(u, n, x, n->in[1], &want))
		return false;
	if (!shape_equal(want, n->in[0]->shape)) {
		error_at(u, n->loc, "input has shape %s, gathering gives %s",
		         shape_text(u->arena, n->in[0]->shape),
		         shape_text(u->arena, want));
		return false;
	}
	n->out[0]->dtype = n->in[0]->dtype;
	n->out[0]->shape = x;
	return true;
}

static void begin(Kernel *k, const Value *dx, const Value *from)
{
	if (!from) {
		k_fill(k, dx, 0);
		return;
	}
	Index at = k_at(k_for(k, numel(dx->shape)));
	k_store_flat(k, dx, at, k_load_flat(k, from, at));
	k_end(k);
}

static void lower(Kernel *k, const Node *n)
{
	const Value *dx = n->out[0];
	Index whole[MAX_RANK], part[MAX_RANK];
	begin(k, dx, node_sum_from(n, 0));
	gather_open(k, n, dx->shape, n->in[1], whole, part);
	k_accumulate_padded(k, dx, whole, k_load_at(k, n->in[0], part));
	gather_close(k, n->in[0]->shape);
}

/* Each time all indices are looked through: of fewer rows than there are
 * indices that would take longer than the rest. */
static int64_t rows_unit(const Node *n, bool workspace)
{
	int64_t count = numel(n->in[1]->shape);
	if (gather_axis(n, n->out[0]->shape) != 0 || node_sum_from(n, 0))
		return 0;
	return count > 1 ? count : 1;
}

static int64_t rows_least(const Node *n)
{
	return gather_axis(n, n->out[0]->shape) == 0 && !node_sum_from(n, 0);
}

/* Of the last tile, which may be shorter, more rows may be added to. */
static void lower_rows(Kernel *k, const Node *n, Index first, int64_t count,
                       const Value *to)
{
	Index whole[MAX_RANK], part[MAX_RANK];
	k_fill(k, to, 0);
	gather_open(k, n, n->out[0]->shape, n->in[1], whole, part);
	whole[0] = k_sum(whole[0], k_scaled(first, -1));
	k_accumulate_padded(k, to, whole, k_load_at(k, n->in[0], part));
	gather_close(k, n->in[0]->shape);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	Node *d = NEW(g, n->loc, op_Gather, dy[0], n->in[1]);
	node_copy_attrs(g, d, n);
	dx[0] = node_done(g, d);
	if (n->nin > FROM)
		dx[FROM] = dy[0];
}

/* Rows of all that was gathered, or a sum over the indices. */
static bool parts(const Node *n, const bool part[], PartKind out[])
{
	if (gather_axis(n, n->out[0]->shape) == 0)
		return parts_all_sum(n, part, out);
	return parts_first(n, part, out);
}

const OpDef op_GatherGrad = {
	.name = "GatherGrad", .min_in = 2, .max_in = 3,
	.goes_on = FROM,
	ATTRS(GATHER_ATTRS, [SHAPE] = {"shape", ATTR_INTS}),
	.infer = infer,
	.lower = lower,
	.grad = grad,
	.rows = &(const RowsDef){
		.unit = rows_unit, .least = rows_least, .lower = lower_rows},
	.parts = parts,
	EXAMPLES({.nin = 3,
	          .in = {{DIMS(2, 4, 3)}, {DIMS(2, 4), DT_I64, -5, 4},
	                 {DIMS(5, 3)}}, .attr = {{"shape", INTS(5, 3)}}},
	         {.in = {{DIMS(2, 4, 3)}, {DIMS(2, 4), DT_I64, -5, 4}},
	          .attr = {{"shape", INTS(5, 3)}}},
	         {.in = {{DIMS(2, 2, 3)}, {DIMS(2), DT_I32, -9, 9}},
	          .attr = {{"axis", 1}, {"shape", INTS(2, 4, 3)}}},
	         {.in = {{DIMS(2)}, {{0}, DT_I64, 0, 3}},
	          .attr = {{"axis", -1}, {"shape", INTS(2, 4)}}}),
};
