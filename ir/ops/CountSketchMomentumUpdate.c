/*
 * CountSketchMomentumUpdate of w [n, d] by its gradient, with the momentum in a
 * sketch (ir/sketch.h) of [3, width, d]. Row by row, in order, x = w[row], with a
 * sign s_j in each table j:
 *
 *   bin_j' = momentum bin_j + s_j g
 *   m = median over j of s_j bin_j'
 *   x' = (1 - lr decay) x - lr m
 *
 * Inputs w, the gradient's rows, their numbers [t] (negative: none; absent: the
 * gradient is [n, d]), bins, lr, momentum, decay. Outputs w', bins'.
 */
#include "ir/sketch.h"
#include "ir/update.h"

enum { LR = SKETCH_BINS + 1, MOMENTUM, DECAY, NINPUTS };

static bool infer(Unit *u, Node *n)
{
	return sketch_infer(u, n, NINPUTS, 2);
}

static void lower(Kernel *k, const Node *n)
{
	const Value *rows = n->in[SKETCH_ROWS];
	int64_t d = n->in[SKETCH_W]->shape.dim[1];
	sketch_begin(k, n->in[SKETCH_W], n->out[0]);
	sketch_begin(k, n->in[SKETCH_BINS], n->out[1]);
	Expr *lr = sketch_scalar(k, n, LR), *momentum = sketch_scalar(k, n, MOMENTUM);
	Expr *lost = k_mul(k, lr, sketch_scalar(k, n, DECAY));
	Expr *stays = update_bind(k, k_sub(k, k_num(k, 1), lost));
	int t = k_for(k, n->in[SKETCH_G]->shape.dim[0]);
	int row = k_var(k, rows ? k_load_flat(k, rows, k_at(t))
	                        : k_index(k, k_at(t)));
	int bucket[SKETCH_DEPTH];
	Expr *sign[SKETCH_DEPTH], *m[SKETCH_DEPTH];
	sketch_find(k, k_get(k, row), n->in[SKETCH_BINS]->shape.dim[1], bucket);
	sketch_signs(k, k_get(k, row), sign);
	int c = k_for(k, d);
	Index from = k_sum(k_scaled(k_at(t), d), k_at(c));
	Expr *g = update_bind(k, k_load_flat(k, n->in[SKETCH_G], from));
	for (int j = 0; j < SKETCH_DEPTH; j++) {
		Expr *old = sketch_load(k, n->out[1], j, bucket[j], c);
		Expr *new = update_bind(k, k_add(k, k_mul(k, momentum, old),
		                                 k_mul(k, sign[j], g)));
		sketch_store(k, n->out[1], j, bucket[j], c, new);
		m[j] = update_bind(k, k_mul(k, sign[j], new));
	}
	Index to[2] = {k_indirect(row), k_at(c)};
	Expr *x = k_mul(k, stays, k_load_padded(k, n->out[0], to, 0));
	k_store_padded(k, n->out[0], to,
	               k_sub(k, x, k_mul(k, lr, sketch_median(k, m))));
	k_end_n(k, 2);
}

const OpDef op_CountSketchMomentumUpdate = {
	.name = "CountSketchMomentumUpdate", .min_in = 2,
	.max_in = NINPUTS, .min_out = 2, .max_out = 2,
	.infer = infer,
	.lower = lower,
	EXAMPLES({.nin = NINPUTS, .nout = 2,
	          .in = {{DIMS(9, 4)}, {DIMS(9, 4)}, {.absent = true},
	                 {DIMS(3, 2, 4)}, HYPER, HYPER, HYPER}},
	         {.nin = NINPUTS, .nout = 2,
	          .in = {{DIMS(9, 4)}, {DIMS(5, 4)}, {DIMS(5), DT_I32, -2, 8},
	                 {DIMS(3, 4, 4)}, HYPER, HYPER, HYPER}}),
};
