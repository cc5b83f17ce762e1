/*
 * Normalizations that exporters wrote out become one node: before opset 17
 * PyTorch has no LayerNormalization, and before 23 no RMSNormalization.
 *
 *   c = x - mean(x), y = c / sqrt(mean(c^2) + epsilon) scale + bias
 *   y = x / sqrt(mean(x^2) + epsilon) scale
 *
 * with means over the last axes, the squares as Pow or Mul, the quotient as Div
 * or as Mul by a reciprocal; scale and bias may be missing. The node keeps two
 * numbers of a row for its gradient, or one, where the single operators keep
 * rows of their own.
 */
#include "passes/pass.h"

#include "ir/op.h"

typedef struct Norm {
	Value *x;
	bool centered;
	int axis;
	double epsilon;
} Norm;

static const Node *made_by(const Value *v, const OpDef *op)
{
	return v->def && v->def->op == op ? v->def : NULL;
}

static bool scalar_of(const Value *v, double *x)
{
	if (v->kind != V_CONST || numel(v->shape) != 1 ||
	    !dtype_is_float(v->dtype))
		return false;
	*x = dtype_get(v->dtype, v->data, 0).f;
	return true;
}

static bool is_number(const Value *v, double x)
{
	double is;
	return scalar_of(v, &is) && is == x;
}

/* The mean over all axes from *axis on, which stay as 1; NULL: v is not one. */
static Value *mean_of(const Value *v, int *axis)
{
	const Node *n = made_by(v, &op_ReduceMean);
	if (!n || n->in[0]->shape.rank != v->shape.rank)
		return NULL;
	Shape x = n->in[0]->shape;
	int first = x.rank;
	while (first > 0 && v->shape.dim[first - 1] == 1)
		first--;
	for (int a = 0; a < first; a++)
		if (v->shape.dim[a] != x.dim[a])
			return NULL;
	*axis = first;
	return first < x.rank ? n->in[0] : NULL;
}

static Value *squared(const Value *v)
{
	const Node *mul = made_by(v, &op_Mul), *pow = made_by(v, &op_Pow);
	if (mul && mul->in[0] == mul->in[1])
		return mul->in[0];
	return pow && is_number(pow->in[1], 2) ? pow->in[0] : NULL;
}

/* c in sqrt(mean(c^2) + epsilon). */
static Value *root_of_square(const Value *v, Norm *m)
{
	const Node *root = made_by(v, &op_Sqrt);
	const Node *add = root ? made_by(root->in[0], &op_Add) : NULL;
	for (int i = 0; add && i < 2; i++) {
		Value *square = mean_of(add->in[i], &m->axis);
		if (square && scalar_of(add->in[1 - i], &m->epsilon))
			return squared(square);
	}
	return NULL;
}

/* What v is the reciprocal of. */
static Value *reciprocal_of(const Value *v)
{
	const Node *r = made_by(v, &op_Reciprocal), *d = made_by(v, &op_Div);
	if (r)
		return r->in[0];
	return d && is_number(d->in[0], 1) ? d->in[1] : NULL;
}

/* v = c / sqrt(...), in both forms. */
static Value *quotient(const Value *v, Norm *m)
{
	const Node *div = made_by(v, &op_Div), *mul = made_by(v, &op_Mul);
	if (div && root_of_square(div->in[1], m) == div->in[0])
		return div->in[0];
	for (int i = 0; mul && i < 2; i++) {
		Value *root = reciprocal_of(mul->in[i]);
		if (root && root_of_square(root, m) == mul->in[1 - i])
			return mul->in[1 - i];
	}
	return NULL;
}

/* Is v x normalized, without scale and bias? */
static bool normalized(const Value *v, Norm *m)
{
	Value *c = quotient(v, m);
	if (!c || !dtype_is_float(c->dtype) || m->epsilon < 0)
		return false;
	const Node *sub = made_by(c, &op_Sub);
	int axis = 0;
	m->x = c;
	m->centered = sub && mean_of(sub->in[1], &axis) == sub->in[0] &&
	              axis == m->axis;
	if (m->centered)
		m->x = sub->in[0];
	return true;
}

static bool stretches(const Value *v, Shape to)
{
	Shape whole;
	return shape_broadcast(v->shape, to, &whole) && shape_equal(whole, to);
}

/* v = a norm times scale; the norm is read by nobody else. */
static bool scaled(const Value *v, Norm *m, Value **scale)
{
	const Node *mul = made_by(v, &op_Mul);
	for (int i = 0; mul && i < 2; i++) {
		*scale = mul->in[1 - i];
		if (mul->in[i]->nuses == 1 && normalized(mul->in[i], m) &&
		    stretches(*scale, m->x->shape))
			return true;
	}
	return false;
}

/* v = a scaled norm and a bias. */
static bool biased(const Value *v, Norm *m, Value **scale, Value **bias)
{
	const Node *add = made_by(v, &op_Add);
	for (int i = 0; add && i < 2; i++) {
		*bias = add->in[1 - i];
		if (add->in[i]->nuses == 1 && scaled(add->in[i], m, scale) &&
		    m->centered && stretches(*bias, m->x->shape))
			return true;
	}
	return false;
}

static Value *norm_node(Graph *g, Loc loc, const Norm *m, Value *scale,
                        Value *bias)
{
	Value *in[3] = {m->x, scale, bias};
	if (!scale)
		in[1] = graph_scalar(g, m->x->dtype, 1);
	Node *n = node_new(g, loc, m->centered ? &op_LayerNormalization
	                                       : &op_RMSNormalization,
	                   bias ? 3 : 2, in);
	node_set_int(g, n, "axis", m->axis);
	node_set_float(g, n, "epsilon", m->epsilon);
	return node_done(g, n);
}

/* The widest form that ends at n; false: none does. */
static bool match(const Node *n, Norm *m, Value **scale, Value **bias)
{
	if (biased(n->out[0], m, scale, bias))
		return true;
	*bias = NULL;
	if (scaled(n->out[0], m, scale))
		return true;
	*scale = NULL;
	return normalized(n->out[0], m);
}

static bool rewrite(Graph *g, Node *n)
{
	Value *scale = NULL, *bias = NULL;
	Norm m = {0};
	if (!match(n, &m, &scale, &bias))
		return false;
	g->at = n;
	Value *y = norm_node(g, n->loc, &m, scale, bias);
	g->at = NULL;
	graph_replace(g, n->out[0], y);
	return true;
}

/* From the end, so that a bias is seen before what it is added to; what has been
 * taken in must be gone before it matches on its own. */
static bool run(Graph *g, const Options *o)
{
	bool changed = false;
	for (Node *n = g->last, *prev; n; n = prev) {
		prev = n->prev;
		if (!rewrite(g, n))
			continue;
		changed = true;
		g->facts &= ~(unsigned)FACT_USES;
		graph_have(g, FACT_USES);
		pass_dce.run(g, o);
		prev = g->last;
	}
	return changed;
}

const Pass pass_recognise = {
	"recognise", "make one node of normalizations written out",
	.needs = FACT_USES, .run = run,
};
