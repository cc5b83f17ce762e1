#include "passes/sink_rows.h"

#include <string.h>

const int64_t *sink_perm(const Node *n)
{
	return n && n->op == &op_Transpose
		? n->attr[op_attr(n->op, "perm")].ints : NULL;
}

int sink_leading(const Node *n)
{
	const int64_t *perm = sink_perm(n);
	int k = perm ? n->in[0]->shape.rank : 0, rank = k;
	while (k > 0 && perm[k - 1] == k - 1)
		k--;
	return k < rank ? k : 0;
}

Value *sink_transposed(Graph *g, Loc loc, Value *x, const int64_t *perm)
{
	Node *t = node_new(g, loc, &op_Transpose, 1, &x);
	node_set_ints(g, t, "perm", x->shape.rank, perm);
	return node_done(g, t);
}

bool sink_has_batch_later(const Value *v, int k)
{
	return value_is_data(v) && v->batch_axis && v->batch_axis < k;
}

bool sink_goes_along(const Node *n, int i, int j, int k)
{
	Shape x = n->in[i]->shape, y = n->in[j]->shape;
	return sink_has_batch_later(n->in[j], k) && x.rank == y.rank &&
	       !memcmp(x.dim, y.dim, sizeof *x.dim * (size_t)k);
}

/* Is v the same for all rows of that rank's first k axes? */
static bool same_for_rows(const Value *v, int rank, int k)
{
	int front = v ? k - (rank - v->shape.rank) : 0;
	for (int i = 0; i < front; i++)
		if (v->shape.dim[i] != 1)
			return false;
	return true;
}

static bool others_same(const Node *n, int i, int k)
{
	for (int j = 0; j < n->nin; j++)
		if (j != i && !sink_goes_along(n, i, j, k) &&
		    !same_for_rows(n->in[j], n->out[0]->shape.rank, k))
			return false;
	return true;
}

static bool slices_behind(const Node *n, int k)
{
	const Attr *axes = &n->attr[op_attr(n->op, "axes")];
	for (int i = 0; i < axes->n; i++) {
		int64_t a = axes->ints[i];
		if ((a < 0 ? a + n->in[0]->shape.rank : a) < k)
			return false;
	}
	return axes->ints != NULL;
}

/* It draws by position, and can count across the two axes that were swapped. */
bool sink_drops_across(const Node *n, int i, int k)
{
	return n->op == &op_Dropout && i == 0 && k == 2 &&
	       !attr_int(n, op_attr(n->op, "across"));
}

static bool computes_rows(const Node *n, int i, int k)
{
	if (n->op == &op_MatMul || n->op == &op_Gemm)
		return i == 0 && n->in[1]->shape.rank == 2 &&
		       !n->attr[op_attr(n->op, "transA")].i &&
		       (n->nin < 3 || same_for_rows(n->in[2], 2, k));
	if (n->op == &op_Slice)
		return i == 0 && slices_behind(n, k);
	return sink_drops_across(n, i, k) ||
	       (n->op->scalar && !n->op->wants_part && others_same(n, i, k));
}

bool sink_row_wise(const Node *n, int i, int k)
{
	if (n->nout != 1 || !n->in[i])
		return false;
	Shape x = n->in[i]->shape, y = n->out[0]->shape;
	if (x.rank != y.rank || k >= x.rank)
		return false;
	for (int a = 0; a < k; a++)
		if (x.dim[a] != y.dim[a])
			return false;
	return computes_rows(n, i, k);
}
