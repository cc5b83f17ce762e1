/*
 * NegativeLogLikelihoodLoss of log-probabilities x, labels t and class weights w
 * (optional, else 1): -w[t] x[t] for each label. "mean" divides the sum by the
 * sum of all w[t]; labels that are ignored add to neither.
 */
#include "ir/classes.h"

static Expr *line_loss(Kernel *k, ClassLoss *l)
{
	return k_neg(k, k_mul(k, k_get(k, l->weight), class_loss_picked(k, l)));
}

static void lower(Kernel *k, const Node *n)
{
	class_loss_lower(k, n, line_loss);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	class_loss_grad(g, n, &op_NegativeLogLikelihoodGrad, dy[0], want, dx);
}

const OpDef op_NegativeLogLikelihoodLoss = {
	.name = "NegativeLogLikelihoodLoss", .since = 13, .min_in = 2,
	.max_in = 4,
	CLASS_LOSS_ATTRS(),
	.infer = class_loss_infer,
	.lower = lower,
	.grad = grad,
	.parts = class_loss_parts,
	EXAMPLES({.in = {{DIMS(4, 5)}, {DIMS(4), DT_I32, 0, 4}}},
	         {.in = {{DIMS(4, 5)}, {DIMS(4), DT_I32, 0, 5},
	                 {DIMS(5), DT_F32, 0.5, 2, true},
	                 {{0}, DT_F32, 2, 9, true}}, .nin = 4},
	         {.in = {{DIMS(2, 3, 5)}, {DIMS(2, 5), DT_I64, -1, 3},
	                 {DIMS(3), DT_F32, 0.5, 2, true}},
	          .nin = 3, .attr = {{"ignore_index", 1}}},
	         {.in = {{DIMS(4, 3)}, {DIMS(4), DT_I32, 0, 2},
	                 {DIMS(3), DT_F32, 0.5, 2, true}},
	          .nin = 3, .attr = {{"reduction", .s = "sum"}}},
	         {.in = {{DIMS(4, 5)}, {DIMS(4), DT_I64, 0, 4}},
	          .attr = {{"reduction", .s = "none"}}},
	         {.in = {{DIMS(2, 3), DT_F64}, {DIMS(2), DT_I64, 0, 2}}}),
};
