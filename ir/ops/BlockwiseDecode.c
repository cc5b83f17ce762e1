/*
 * BlockwiseDecode: the numbers that a BlockwiseUpdate keeps as 8-bit codes
 * (ir/blockwise.h), where something else than the update wants them.
 *
 *   y = scale table[code]
 *
 * Inputs codes [..], scales [blocks], table [256]. Output y, of the codes' shape.
 */
#include "ir/blockwise.h"
#include "ir/update.h"

enum { CODED, SCALES, TABLE };

static bool infer(Unit *u, Node *n)
{
	Shape codes = n->in[CODED]->shape, scales = n->in[SCALES]->shape;
	if (n->in[CODED]->dtype != DT_U8 ||
	    numel(scales) != block_count(numel(codes)) ||
	    numel(n->in[TABLE]->shape) != CODES) {
		error_at(u, n->loc, "scales %s do not fit codes %s",
		         shape_text(u->arena, scales),
		         shape_text(u->arena, codes));
		return false;
	}
	n->out[0]->dtype = n->in[SCALES]->dtype;
	n->out[0]->shape = codes;
	return true;
}

static void decode_blocks(Kernel *k, const Node *n, int64_t first,
                          int64_t count, int64_t size)
{
	if (!count || !size)
		return;
	int b = k_for(k, count);
	Index block = k_plus(k_at(b), first);
	Expr *scale = k_load_flat(k, n->in[SCALES], block);
	scale = update_bind(k, scale);
	int i = k_for(k, size);
	Index at = k_sum(k_scaled(block, BLOCK), k_at(i));
	Expr *code = k_load_flat(k, n->in[CODED], at);
	Expr *x = blockwise_decode(k, n->in[TABLE], code);
	k_store_flat(k, n->out[0], at, k_mul(k, scale, x));
	k_end_n(k, 2);
}

static void lower(Kernel *k, const Node *n)
{
	int64_t elements = numel(n->in[CODED]->shape), whole = elements / BLOCK;
	decode_blocks(k, n, 0, whole, BLOCK);
	decode_blocks(k, n, whole, 1, elements % BLOCK);
}

#define TABLE_OF {DIMS(CODES), .lo = -1, .hi = 1}

const OpDef op_BlockwiseDecode = {
	.name = "BlockwiseDecode", .min_in = 3, .max_in = 3,
	.infer = infer,
	.lower = lower,
	EXAMPLES({.nin = 3, .in = {{DIMS(2, 150), DT_U8, 0, 255},
	                           {DIMS(2), .lo = 0, .hi = 1}, TABLE_OF}},
	         {.nin = 3, .in = {{DIMS(256), DT_U8, 0, 255},
	                           {DIMS(1), .lo = 0, .hi = 1}, TABLE_OF}},
	         {.nin = 3, .in = {{DIMS(4, 5), DT_U8, 0, 255},
	                           {DIMS(1), .lo = 0, .hi = 1}, TABLE_OF}}),
};
