/*
 * The optimizers of ai.onnx.preview.training. One node updates any number of
 * tensors: R, T, then all tensors, all gradients, and so on. Here each has a node
 * of its own, whose inputs end in R and T.
 */
#include "frontend/import_rules.h"

#include <string.h>

/* A number, whatever its rank. */
static Value *scalar(Site *s, int i, const char *what)
{
	Value *v = site_in(s, i);
	if (v && numel(v->shape) == 1)
		return site_reshape(s, v, (Shape){0});
	site_error(s, "input %d (%s) has the shape %s, expected one number", i,
	           what, v ? shape_text(s->im->u->arena, v->shape) : "of none");
	return NULL;
}

static bool update_one(Site *s, const OpDef *op, int which, int count,
                       Value *rate, Value *t)
{
	Value *in[6];
	int n = op->min_in - 2;
	for (int i = 0; i < n; i++) {
		int at = 2 + which + i * count;
		in[i] = site_in(s, at);
		if (!in[i]) {
			site_error(s, "input %d is missing", at);
			return false;
		}
	}
	in[n] = rate;
	in[n + 1] = t;
	Node *node = node_new(s->im->g, s->loc, op, n + 2, in);
	node_set_outputs(s->im->g, node, op->min_out);
	if (!site_copy_attrs(s, node) || !site_done(s, node))
		return false;
	for (int o = 0; o < op->min_out; o++)
		if (which + o * count < s->n->nout)
			s->out[which + o * count] = node->out[o];
	return true;
}

static bool convert_optimizer(Site *s, const OpDef *op)
{
	int each = op->min_in - 2, count = (s->n->nin - 2) / each;
	if (count < 1 || s->n->nin != 2 + each * count) {
		site_error(s, "has %d inputs, expected R, T and %d for each "
		           "tensor", s->n->nin, each);
		return false;
	}
	Value *rate = scalar(s, 0, "R"), *t = scalar(s, 1, "T");
	bool good = rate && t;
	for (int i = 0; good && i < count; i++)
		good = update_one(s, op, i, count, rate, t);
	return good;
}

bool convert_adam(Site *s)
{
	return convert_optimizer(s, &op_Adam);
}

bool convert_adagrad(Site *s)
{
	return convert_optimizer(s, &op_Adagrad);
}

bool convert_momentum(Site *s)
{
	static const char *const required[] = {
		"alpha", "beta", "mode", "norm_coefficient",
	};
	for (int i = 0; i < 4; i++)
		if (!site_attr(s, required[i])) {
			site_error(s, "has no attribute '%s'", required[i]);
			return false;
		}
	return convert_optimizer(s, &op_Momentum);
}

/* ---- thimble's own, which export writes ---- */

static bool all_there(Site *s, int n)
{
	for (int i = 0; i < n; i++)
		if (!site_in(s, i)) {
			site_error(s, "input %d is missing", i);
			return false;
		}
	return true;
}

bool convert_own_adam(Site *s)
{
	const OpDef *op = &op_AdamUpdate;
	if (!all_there(s, op->min_in))
		return false;
	Node *n = node_new(s->im->g, s->loc, op, op->min_in, s->in);
	node_set_int(s->im->g, n, "decoupled",
	             !strcmp(s->n->op, "AdamWUpdate"));
	node_set_outputs(s->im->g, n, op->min_out);
	return site_result(s, n);
}

bool convert_own_rmsprop(Site *s)
{
	const OpDef *op = &op_RMSpropUpdate;
	bool buffer = !strcmp(s->n->op, "RMSpropMomentumUpdate");
	if (!all_there(s, buffer ? 9 : 7))
		return false;
	Value *in[9] = {s->in[0], s->in[1], s->in[2], buffer ? s->in[3] : NULL};
	for (int i = 4; i < 9; i++)
		in[i] = buffer ? s->in[i]
		        : i < 8 ? s->in[i - 1]
		        : graph_scalar(s->im->g, DT_F32, 0);   /* momentum */
	Node *n = node_new(s->im->g, s->loc, op, 9, in);
	node_set_outputs(s->im->g, n, 2 + buffer);
	return site_result(s, n);
}
