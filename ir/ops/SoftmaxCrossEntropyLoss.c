/*
 * SoftmaxCrossEntropyLoss of logits x, labels t and class weights w (optional,
 * else 1), as torch.nn.functional.cross_entropy. For each label, over its line
 * of C classes, with q = ln of softmax(x) and s the label smoothing:
 *
 *   loss = (1 - s) w[t] (-q[t]) + s / C sum over c of w[c] (-q[c])
 *
 * "mean" divides the sum by the sum of all w[t]; labels that are ignored add to
 * neither.
 */
#include "ir/classes.h"

static bool infer(Unit *u, Node *n)
{
	double s = attr_float(n, SMOOTHING);
	if (!(s >= 0 && s <= 1)) {
		error_at(u, n->loc, "label_smoothing is %g, expected 0 to 1", s);
		return false;
	}
	return class_loss_infer(u, n);
}

/* The sum over the classes of w (-q), 0 for a label that is ignored. */
static Expr *smooth_loss(Kernel *k, ClassLoss *l, int max, int log_sum)
{
	int sum = k_var(k, k_typed(k, compute_type(l->x->dtype), 0));
	Index *at = line_for(k, &l->line);
	Expr *q = k_sub(k, k_sub(k, k_load_at(k, l->x, at), k_get(k, max)),
	                k_get(k, log_sum));
	k_set(k, sum, k_sub(k, k_get(k, sum),
	                    k_mul(k, class_loss_weight(k, l), q)));
	k_end(k);
	return k_sel(k, k_get(k, l->counts), k_get(k, sum), k_num(k, 0));
}

/* The loss of the open line. */
static Expr *line_loss(Kernel *k, ClassLoss *l)
{
	double s = attr_float(l->n, SMOOTHING);
	int max = line_max(k, &l->line, l->x);
	int log_sum = line_log_sum_exp(k, &l->line, l->x, max);
	Expr *nll = k_add(k, k_sub(k, k_get(k, max), class_loss_picked(k, l)),
	                  k_get(k, log_sum));
	Expr *loss = k_mul(k, k_get(k, l->weight), nll);
	if (s == 0)
		return loss;
	Expr *smooth = smooth_loss(k, l, max, log_sum);
	return k_add(k, k_mul(k, k_num(k, 1 - s), loss),
	             k_mul(k, k_num(k, s / (double)l->classes), smooth));
}

static void lower(Kernel *k, const Node *n)
{
	class_loss_lower(k, n, line_loss);
}

static void grad(Graph *g, Node *n, Value *const dy[], const bool want[],
                 Value *dx[])
{
	class_loss_grad(g, n, &op_SoftmaxCrossEntropyGrad, dy[0], want, dx);
}

const OpDef op_SoftmaxCrossEntropyLoss = {
	.name = "SoftmaxCrossEntropyLoss", .since = 12, .min_in = 2,
	.max_in = 4,
	CLASS_LOSS_ATTRS([SMOOTHING] = {"label_smoothing", ATTR_FLOAT, true}),
	.infer = infer,
	.lower = lower,
	.grad = grad,
	.parts = class_loss_parts,
	EXAMPLES({.in = {{DIMS(4, 5)}, {DIMS(4), DT_I32, 0, 4}}},
	         {.in = {{DIMS(4, 5)}, {DIMS(4), DT_I32, 0, 5},
	                 {DIMS(5), DT_F32, 0.5, 2, true},
	                 {{0}, DT_F32, 2, 9, true}}, .nin = 4},
	         {.in = {{DIMS(4, 5)}, {DIMS(4), DT_I64, -3, 7}},
	          .attr = {{"reduction", .s = "sum"}}},
	         {.in = {{DIMS(2, 3, 5)}, {DIMS(2, 5), DT_I64, 0, 2},
	                 {DIMS(3), DT_F32, 0.5, 2, true}},
	          .nin = 3, .attr = {{"ignore_index", 1},
	                             {"label_smoothing", .f = 0.2}}},
	         {.in = {{DIMS(6, 3)}, {DIMS(6), DT_I32, -1, 3},
	                 {DIMS(3), DT_F32, 0.5, 2, true}},
	          .nin = 3, .attr = {{"axis", -1}, {"reduction", .s = "none"},
	                             {"label_smoothing", .f = 0.1}}},
	         {.in = {{DIMS(2, 3), .lo = -200, .hi = 200},
	                 {DIMS(2), DT_I32, 0, 2}}},
	         {.in = {{DIMS(3, 2)}, {DIMS(3), DT_I32, 5, 5}}},
	         {.in = {{DIMS(4)}, {{0}, DT_I32, 0, 3}},
	          .attr = {{"axis", 0}, {"label_smoothing", .f = 0.3}}},
	         {.in = {{DIMS(2, 3), DT_F64}, {DIMS(2), DT_I64, 0, 2}},
	          .attr = {{"label_smoothing", .f = 0.3}}}),
};
