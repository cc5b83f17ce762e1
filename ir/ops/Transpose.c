/* Transpose: dimension i of y is dimension perm[i] of x; without perm, the
 * dimensions in reverse. */
#include "ir/op.h"

#include "ir/move.h"
#include "ir/piece.h"

enum { PERM };

static void permutation(const Node *n, int64_t perm[])
{
	int rank = n->in[0]->shape.rank;
	for (int i = 0; i < rank; i++)
		perm[i] = n->attr[PERM].set ? n->attr[PERM].ints[i]
		                            : rank - 1 - i;
}

static bool is_permutation(const Attr *perm, int rank)
{
	bool seen[MAX_RANK] = {false};
	if (perm->set && perm->n != rank)
		return false;
	for (int i = 0; i < perm->n; i++) {
		int64_t p = perm->ints[i];
		if (p < 0 || p >= rank || seen[p])
			return false;
		seen[p] = true;
	}
	return true;
}

static bool infer(Unit *u, Node *n)
{
	Shape x = n->in[0]->shape;
	int64_t perm[MAX_RANK];
	if (!is_permutation(&n->attr[PERM], x.rank)) {
		error_at(u, n->loc, "perm is no permutation of the %d "
		         "dimensions", x.rank);
		return false;
	}
	permutation(n, perm);
	n->out[0]->dtype = n->in[0]->dtype;
	n->out[0]->shape.rank = x.rank;
	for (int i = 0; i < x.rank; i++)
		n->out[0]->shape.dim[i] = x.dim[perm[i]];
	return true;
}

/* Writes in order: the stores are what a cache cannot hide. */
static void lower(Kernel *k, const Node *n)
{
	Side x = side_whole(n->in[0]);
	Move m = {.from.v = n->in[0], .to = side_whole(n->out[0])};
	int64_t perm[MAX_RANK];
	permutation(n, perm);
	move_shape(&m, n->out[0]->shape);
	for (int i = 0; i < m.rank; i++)
		m.from.stride[i] = x.stride[perm[i]];
	k_move(k, &m);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	int64_t perm[MAX_RANK], back[MAX_RANK];
	int rank = n->in[0]->shape.rank;
	permutation(n, perm);
	for (int i = 0; i < rank; i++)
		back[perm[i]] = i;
	Node *t = NEW(g, n->loc, op_Transpose, dy[0]);
	node_set_ints(g, t, "perm", rank, back);
	dx[0] = node_done(g, t);
}

/* Does it only move dimensions of 1? */
static int pieces(const Node *n, Piece piece[])
{
	Shape x = n->in[0]->shape;
	int64_t perm[MAX_RANK], last = -1;
	permutation(n, perm);
	for (int i = 0; i < x.rank; i++) {
		if (x.dim[perm[i]] == 1)
			continue;
		if (perm[i] < last)
			return 0;
		last = perm[i];
	}
	piece[0] = (Piece){0, 0, 0, 0, numel(x)};
	return 1;
}

static bool parts(const Node *n, const bool part[], PartKind out[])
{
	int64_t perm[MAX_RANK];
	permutation(n, perm);
	return perm[0] == 0 && parts_all(n, part, out);
}

const OpDef op_Transpose = {
	.name = "Transpose", .since = 1, .min_in = 1, .max_in = 1,
	ATTRS([PERM] = {"perm", ATTR_INTS}),
	.infer = infer,
	.lower = lower,
	.grad = grad,
	.pieces = pieces,
	.parts = parts,
	EXAMPLES({.in = {{DIMS(2, 3)}}},
	         {.in = {{DIMS(2, 3, 4)}}, .attr = {{"perm", INTS(2, 0, 1)}}},
	         {.in = {{DIMS(2, 3, 2, 2)}},
	          .attr = {{"perm", INTS(0, 2, 3, 1)}}},
	         {.in = {{DIMS(1, 3, 1, 2)}},
	          .attr = {{"perm", INTS(2, 1, 3, 0)}}},
	         {.in = {{{0}}}},
	         {.in = {{DIMS(3, 2), DT_I64, -9, 9}},
	          .attr = {{"perm", INTS(1, 0)}}}),
};
