#include "ir/piece.h"

#include "ir/move.h"

bool piece_is_contiguous(Shape s, int axis)
{
	for (int i = 0; i < axis; i++)
		if (s.dim[i] != 1)
			return false;
	return true;
}

static int whole(const Node *n, Piece *p)
{
	const Value *x = n->in[0], *y = n->out[0];
	*p = (Piece){0, 0, 0, 0, numel(y->shape)};
	return n->nout == 1 && x->dtype == y->dtype &&
	       numel(x->shape) == p->count;
}

int node_pieces(const Node *n, Piece piece[])
{
	if (n->op->view)
		return whole(n, piece);
	/* Bits are eight to a byte, and there is no pointer to one. */
	if (!n->op->pieces || n->in[0]->dtype == DT_BIT)
		return 0;
	int all = n->op->pieces(n, piece), kept = 0;
	for (int i = 0; i < all; i++)
		if (piece[i].count > 0)
			piece[kept++] = piece[i];
	return kept;
}

static void move_piece(Kernel *k, const Node *n, const Piece *p)
{
	Move m = {
		.rank = 1, .dim = {p->count},
		.from = {n->in[p->in], p->from, {1}},
		.to = {n->out[p->out], p->to, {1}},
	};
	k_move(k, &m);
}

Kernel *piece_kernel(Arena *a, const Node *n, int count, const Piece piece[])
{
	Kernel *k = kernel_create(a, n);
	for (int i = 0; i < count; i++)
		move_piece(k, n, &piece[i]);
	return k;
}
