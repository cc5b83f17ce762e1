/*
 * Quantized graphs. Scales and zero points are constants, whatever the file
 * calls them, brought to a shape that stretches to the input's. A pair of
 * QuantizeLinear and DequantizeLinear is one operator, which has a gradient;
 * integer weights are dequantized here and train like others.
 */
#include "frontend/import_rules.h"

#include <string.h>

/* One number for each place along the axis stretches to the input. */
static Value *by_axis(Site *s, Value *v, Shape x, int axis)
{
	Shape to = {.rank = x.rank - axis, .dim = {x.dim[axis]}};
	if (v->shape.rank != 1 || v->shape.dim[0] != x.dim[axis]) {
		site_error(s, "its scale or zero point has the shape %s, expected "
		           "one number or %lld, or a block_size",
		           shape_text(s->im->u->arena, v->shape),
		           (long long)x.dim[axis]);
		return NULL;
	}
	for (int a = 1; a < to.rank; a++)
		to.dim[a] = 1;
	return site_reshape(s, v, to);
}

/* One number for `block` places along the axis: each as often as that. */
static Value *by_block(Site *s, Value *v, Shape x, int axis, int64_t block)
{
	Graph *g = s->im->g;
	const OpDef *op = site_op(s, "Gather");
	Shape want = x;
	want.dim[axis] = (x.dim[axis] + block - 1) / block;
	if (!op || !shape_equal(v->shape, want)) {
		site_error(s, "its scale or zero point has the shape %s, expected "
		           "%s for blocks of %lld",
		           shape_text(s->im->u->arena, v->shape),
		           shape_text(s->im->u->arena, want), (long long)block);
		return NULL;
	}
	int64_t n = x.dim[axis];
	int64_t *which = site_constant(s, DT_I64, (Shape){1, {n}});
	for (int64_t i = 0; which && i < n; i++)
		which[i] = i / block;
	if (!which)
		return NULL;
	Node *e = node_new(g, s->loc, op, 2, (Value *[]){
		v, graph_const(g, NULL, DT_I64, (Shape){1, {n}}, which)});
	node_set_int(g, e, "axis", axis);
	return site_done(s, e);
}

/* Scale or zero point: one number, or one for each place or block along the
 * axis. */
static bool parameter(Site *s, int i, Shape x, Value **out)
{
	Value *v = site_in(s, i);
	int64_t block = site_int(s, "block_size", 0);
	int axis;
	*out = NULL;
	if (!v)
		return true;
	if (v->kind == V_VARIABLE)
		v = graph_const(s->im->g, NULL, v->dtype, v->shape,
		                v->var->data);
	if (numel(v->shape) == 1) {
		*out = site_reshape(s, v, (Shape){.rank = 0});
		return *out != NULL;
	}
	if (!site_axis(s, site_int(s, "axis", 1), x.rank, &axis))
		return false;
	*out = block > 0 ? by_block(s, v, x, axis, block)
	                 : by_axis(s, v, x, axis);
	return *out != NULL;
}

/* x and its parameters; false after an error. */
static bool read_inputs(Site *s, Value *in[3])
{
	in[0] = site_in(s, 0);
	if (!in[0] || !site_in(s, 1)) {
		site_error(s, "input %d is missing", in[0] ? 1 : 0);
		return false;
	}
	return parameter(s, 1, in[0]->shape, &in[1]) &&
	       parameter(s, 2, in[0]->shape, &in[2]);
}

/* output_dtype (0: not said), else the zero point's type, else u8. */
static int64_t target(const Site *s, const Value *zero)
{
	int64_t to = site_int(s, "output_dtype", 0);
	return to ? to : zero ? dtype_to_onnx(zero->dtype)
	                      : dtype_to_onnx(DT_U8);
}

bool convert_quantize(Site *s)
{
	Value *in[3];
	const OpDef *op = site_op(s, "QuantizeLinear");
	if (!op || !read_inputs(s, in))
		return false;
	Node *n = node_new(s->im->g, s->loc, op, 3, in);
	node_set_int(s->im->g, n, "to", target(s, in[2]));
	return site_result(s, n);
}

static bool same_constant(const Value *a, const Value *b)
{
	if (!a || !b)
		return a == b;
	return a->kind == V_CONST && b->kind == V_CONST &&
	       a->dtype == b->dtype && shape_equal(a->shape, b->shape) &&
	       !memcmp(a->data, b->data, (size_t)value_bytes(a));
}

/* The QuantizeLinear that made v with the same parameters. */
static const Node *quantizer(const Value *v, Value *const in[3])
{
	const Node *q = v->def;
	if (!q || strcmp(q->op->name, "QuantizeLinear"))
		return NULL;
	return same_constant(q->in[1], in[1]) && same_constant(q->in[2], in[2])
	       ? q : NULL;
}

static void remember(Site *s, Variable *v, Value *const in[3])
{
	Quantized *q = arena_new(s->im->u->arena, Quantized);
	q->scale = in[1];
	q->zero = in[2] ? in[2] : graph_scalar(s->im->g, in[0]->dtype, 0);
	v->quantized = q;
}

/* The contents of integer weights as a parameter of the name they had. */
static bool give_weights(Site *s, Value *const in[3])
{
	const char *name = s->n->in[0];
	Value *v = site_apply(s, "DequantizeLinear", 3, in);
	if (!v)
		return false;
	s->out[0] = v->shape.rank ? import_new_variable(s->im, name, v) : v;
	if (v->shape.rank)
		remember(s, s->out[0]->var, in);
	return true;
}

bool convert_dequantize(Site *s)
{
	Value *in[3];
	if (!read_inputs(s, in))
		return false;
	if (in[0]->kind == V_CONST && in[1]->kind == V_CONST &&
	    names_find(s->im->names, s->n->in[0])->init >= 0)
		return give_weights(s, in);
	const Node *q = quantizer(in[0], in);
	if (!q) {
		s->out[0] = site_apply(s, "DequantizeLinear", 3, in);
		return s->out[0] != NULL;
	}
	const OpDef *op = site_op(s, "FakeQuantize");
	if (!op)
		return false;
	Value *real[3] = {q->in[0], in[1], in[2]};
	Node *n = node_new(s->im->g, s->loc, op, 3, real);
	node_copy_attrs(s->im->g, n, q);
	return site_result(s, n);
}

/* ---- DynamicQuantizeLinear ---- */

/* The greatest or least element, or 0 where that is beyond it. */
static Value *bound(Site *s, const char *reduce, const char *pick, Value *x)
{
	const OpDef *op = site_op(s, reduce);
	if (!op)
		return NULL;
	Node *n = node_new(s->im->g, s->loc, op, 1, &x);
	node_set_int(s->im->g, n, "keepdims", 0);
	Value *m = site_done(s, n);
	return m ? site_apply(s, pick, 2, (Value *[]){
		m, graph_scalar(s->im->g, x->dtype, 0)}) : NULL;
}

static Value *zero_point(Site *s, Value *least, Value *scale)
{
	Graph *g = s->im->g;
	const OpDef *op = site_op(s, "QuantizeLinear");
	Value *size = site_apply(s, "Neg", 1, &least);
	if (!op || !size)
		return NULL;
	return site_done(s, node_new(g, s->loc, op, 2,
	                             (Value *[]){size, scale}));
}

/* scale = (hi - lo) / 255, zero = q(-lo), y = q(x). */
bool convert_dynamic_quantize(Site *s)
{
	Graph *g = s->im->g;
	Value *x = site_in(s, 0);
	const OpDef *op = site_op(s, "QuantizeLinear");
	if (!x || !op) {
		site_error(s, "input 0 is missing");
		return false;
	}
	Value *hi = bound(s, "ReduceMax", "Max", x);
	Value *lo = hi ? bound(s, "ReduceMin", "Min", x) : NULL;
	Value *range = lo ? site_apply(s, "Sub", 2, (Value *[]){hi, lo}) : NULL;
	Value *scale = range ? site_apply(s, "Div", 2, (Value *[]){
		range, graph_scalar(g, x->dtype, 255)}) : NULL;
	Value *zero = scale ? zero_point(s, lo, scale) : NULL;
	if (!zero)
		return false;
	s->out[0] = site_done(s, node_new(g, s->loc, op, 3,
	                                  (Value *[]){x, scale, zero}));
	if (s->nout > 1)
		s->out[1] = scale;
	if (s->nout > 2)
		s->out[2] = zero;
	return s->out[0] != NULL;
}
