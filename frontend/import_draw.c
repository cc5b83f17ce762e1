/*
 * Operators that draw random numbers in each step: Dropout, RandomUniform,
 * RandomNormal, their forms that are like a tensor, and Bernoulli. ONNX does not
 * say which numbers; here they follow from the program's seed and the step, and
 * a seed of the node's own is not obeyed. In inference a Dropout does nothing,
 * and the others draw the same numbers each time: see passes/mode.c.
 */
#include "frontend/import_rules.h"

#include "ir/build.h"

#include <string.h>

/* The model may have a value of its own called seed. */
static Value *seed_input(Import *im)
{
	const char *name = "seed";
	while (names_find(im->names, name))
		name = arena_printf(im->u->arena, "%s_", name);
	return graph_scalar_input(im->g, name, IN_SEED, DT_U32, 0);
}

/* ---- Dropout ---- */

/* Frozen: the file says for good that it does nothing. */
static bool is_frozen(const Site *s)
{
	const Value *mode = site_in(s, 2);
	return mode && mode->kind == V_CONST && value_is_scalar_const(mode, 0);
}

/* The mask as an output of the model, which is inference: all is kept. A node
 * that reads it would need it in training. */
static bool give_mask(Site *s, const Value *x)
{
	const OnnxModel *m = s->im->m;
	const char *mask = s->n->out[1];
	for (int i = 0; i < m->nnodes; i++)
		for (int k = 0; k < m->node[i].nin; k++)
			if (!strcmp(m->node[i].in[k], mask)) {
				site_error(s, "its mask is read by '%s', which is "
				           "not supported", m->node[i].loc.node);
				return false;
			}
	Value *all = graph_scalar(s->im->g, DT_BOOL, 1);
	s->out[1] = build_expand(s->im->g, s->loc, all, x->shape);
	return true;
}

bool convert_dropout(Site *s)
{
	Graph *g = s->im->g;
	Value *x = site_in(s, 0);
	double ratio = site_float(s, "ratio", 0.5);
	if (!x || !site_const_float(s, 1, "ratio", &ratio))
		return false;
	if (!(ratio >= 0 && ratio < 1)) {
		site_error(s, "its ratio is %g, expected 0 <= ratio < 1", ratio);
		return false;
	}
	s->out[0] = x;
	if (site_wants(s, 1) && !give_mask(s, x))
		return false;
	if (ratio == 0 || is_frozen(s))
		return true;
	const OpDef *op = site_op(s, "Dropout");
	if (!op)
		return false;
	Node *n = node_new(g, s->loc, op, 2, (Value *[]){x, seed_input(s->im)});
	node_set_float(g, n, "ratio", ratio);
	node_set_int(g, n, "id", s->im->ndropouts++);
	s->out[0] = site_done(s, n);
	return s->out[0] != NULL;
}

/* ---- RandomUniform, RandomNormal ---- */

/* In [0, 1); with `like`, of its shape and divided as it is. */
static Value *uniform(Site *s, Value *like, Shape shape)
{
	Graph *g = s->im->g;
	Value *seed = seed_input(s->im);
	const OpDef *op = site_op(s, like ? "RandomUniformLike"
	                                  : "RandomUniform");
	if (!op)
		return NULL;
	Node *n = like ? node_new(g, s->loc, op, 2, (Value *[]){like, seed})
	               : node_new(g, s->loc, op, 1, &seed);
	if (!like)
		node_set_ints(g, n, "shape", shape.rank, shape.dim);
	node_set_int(g, n, "id", s->im->ndropouts++);
	return site_done(s, n);
}

static Value *apply(Site *s, const char *op, Value *x)
{
	return x ? site_apply(s, op, 1, &x) : NULL;
}

/* Box and Muller (1958). The first number is made one in (0, 1], which has a
 * logarithm. */
static Value *normal(Site *s, Value *like, Shape shape)
{
	const double pi = 3.14159265358979323846;
	Graph *g = s->im->g;
	Value *a = uniform(s, like, shape), *b = uniform(s, like, shape);
	if (!a || !b)
		return NULL;
	a = apply(s, "Log", build_affine(g, s->loc, a, -1, 1));
	a = a ? apply(s, "Sqrt", build_scale(g, s->loc, a, -2)) : NULL;
	b = apply(s, "Cos", build_scale(g, s->loc, b, 2 * pi));
	return a && b ? site_apply(s, "Mul", 2, (Value *[]){a, b}) : NULL;
}

bool draw_random(Site *s, bool is_normal, double scale, double offset, DType t,
                 Shape shape)
{
	Value *like = site_in(s, 0);
	Value *x = is_normal ? normal(s, like, shape) : uniform(s, like, shape);
	if (x)
		x = build_affine(s->im->g, s->loc, x, scale, offset);
	s->out[0] = x ? site_cast(s, x, t) : NULL;
	return s->out[0] != NULL;
}

/* ---- Bernoulli ---- */

/* 1 with the probability that the input gives. */
bool convert_bernoulli(Site *s)
{
	Value *p = site_in(s, 0);
	DType t = p ? p->dtype : DT_F32;
	int64_t given = site_int(s, "dtype", dtype_to_onnx(t));
	if (p && !dtype_from_onnx((int)given, &t)) {
		site_error(s, "has no possible dtype");
		return false;
	}
	Value *u = p ? uniform(s, p, p->shape) : NULL;
	u = u ? site_cast(s, u, p->dtype) : NULL;
	u = u ? site_apply(s, "Less", 2, (Value *[]){u, p}) : NULL;
	s->out[0] = u ? site_cast(s, u, t) : NULL;
	return s->out[0] != NULL;
}
