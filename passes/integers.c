/*
 * Operators between DequantizeLinear and QuantizeLinear (QDQ), as PyTorch and ONNX
 * Runtime write them, become operators on the integers:
 *
 *   Q(Conv(DQ(x), DQ(w), b)), also with Relu or Clip in it  QLinearConv
 *   Q(Gemm(..)), Q(MatMul(..)) by constant weights           the same of 1x1
 *   Q(MatMul(DQ(a), DQ(b)))                                  QLinearMatMul
 *   Q(MaxPool(DQ(x))), Q(Reshape(..)), Q(Transpose(..)),     the operator itself
 *     with the same scale and zero point
 *
 * Integers are added up exactly and rounded once, where the operators on real
 * numbers round each sum: results may be one of y's integers apart. So QLinearConv
 * and QLinearMatMul that the file has come here, too, for the sake of their
 * weights: of i8, by output channels.
 *
 * Only a program that does not train is changed: gradients go straight through
 * FakeQuantize, and the weights change.
 */
#include "passes/integers.h"

#include "ir/integer.h"
#include "ir/op.h"
#include "ir/quantize.h"
#include "passes/pass.h"

#include <string.h>

static const Attr *attr_of(const Node *n, const char *name)
{
	return &n->attr[op_attr(n->op, name)];
}

static bool is_byte(DType t)
{
	return t == DT_I8 || t == DT_U8;
}

/* Does the program have one number there, once and for all? */
static bool is_single(const Value *v)
{
	return is_fixed(v) && numel(v->shape) == 1;
}

static bool same_number(const Value *a, const Value *b)
{
	return a->dtype == b->dtype && a->kind == V_CONST &&
	       b->kind == V_CONST && is_single(a) && is_single(b) &&
	       !memcmp(a->data, b->data, (size_t)value_bytes(a));
}

/* ---- pairs ---- */

static bool same_scale(const Node *a, const Node *b)
{
	return a->nin == 3 && b->nin == 3 && a->in[2] && b->in[2] &&
	       same_number(a->in[1], b->in[1]) &&
	       same_number(a->in[2], b->in[2]);
}

/* The integers of FakeQuantize, which the file may want, too. */
static Value *quantize(Graph *g, Node *n)
{
	for (const Node *q = n->prev; q; q = q->prev)
		if (q->op == &op_QuantizeLinear && q->in[0] == n->in[0] &&
		    same_scale(q, n))
			return q->out[0];
	Node *q = node_new(g, n->loc, &op_QuantizeLinear, n->nin, n->in);
	node_copy_attrs(g, q, n);
	return node_done(g, q);
}

/* FakeQuantize is the two, one after the other. */
static bool split_pairs(Graph *g)
{
	bool changed = false;
	for (Node *n = g->first, *next; n; n = next) {
		next = n->next;
		DType t;
		if (n->op != &op_FakeQuantize ||
		    !quantize_type(g->unit, n, 0, &t) || !is_byte(t))
			continue;
		g->at = n;
		Value *q = quantize(g, n);
		Node *d = node_new(g, n->loc, &op_DequantizeLinear, n->nin,
		                   n->in);
		d->in[0] = q;
		graph_replace(g, n->out[0], node_done(g, d));
		g->at = NULL;
		changed = true;
	}
	return changed;
}

/* ---- operands ---- */

static Value *zero_of(Graph *g, const Node *n, DType t)
{
	return n->nin > 2 && n->in[2] ? n->in[2] : graph_scalar(g, t, 0);
}

/* One scale and zero point for all. */
static bool one_scale(const Scaled *s)
{
	return is_byte(s->zero->dtype) && s->scale->dtype == DT_F32 &&
	       is_single(s->scale) && is_single(s->zero);
}

/* The integers of v, if it has some. */
static bool integers_of(Graph *g, const Value *v, Scaled *s)
{
	const Node *d = v->def;
	if (!d || d->op != &op_DequantizeLinear || !is_byte(d->in[0]->dtype))
		return false;
	*s = (Scaled){d->in[0], d->in[1], zero_of(g, d, d->in[0]->dtype)};
	return one_scale(s);
}

/* Those of weights: of a DequantizeLinear; what it was in the file. */
static bool weights_of(Graph *g, const Value *v, int axis, Rows *r)
{
	const Node *d = v->def;
	if (v->kind == V_VARIABLE && v->var->quantized) {
		const Quantized *q = v->var->quantized;
		return rows_of(g, v, q->scale, q->zero, axis, r);
	}
	if (!d || d->op != &op_DequantizeLinear || !is_byte(d->in[0]->dtype))
		return false;
	const Value *x = d->in[0];
	if (x->def && x->def->op == &op_QuantizeLinear)
		x = x->def->in[0];
	return rows_of(g, x, d->in[1], zero_of(g, d, d->in[0]->dtype), axis, r);
}

static float number(const Value *v)
{
	return (float)dtype_get(v->dtype, v->kind == V_CONST ? v->data
	                        : v->var->data, 0).f;
}

/* ---- operators ---- */

static Value *take_conv(Graph *g, const Node *n, const Scaled *y)
{
	Scaled x;
	Rows r;
	if (!integers_of(g, n->in[0], &x) || !weights_of(g, n->in[1], 0, &r))
		return NULL;
	int32_t *bias = arena_array(g->unit->arena, int32_t, r.rows);
	if (!rows_bias(g, &r, n->nin > 2 ? n->in[2] : NULL, number(x.scale),
	               bias))
		return NULL;
	return node_done(g, rows_conv(g, n, &x, y, &r, n->in[1]->shape, bias));
}

static bool is_plain_gemm(const Node *n)
{
	return attr_of(n, "alpha")->f == 1 &&
	       (n->nin < 3 || !n->in[2] || attr_of(n, "beta")->f == 1);
}

static Value *turned(Graph *g, Loc loc, Value *v)
{
	int64_t perm[MAX_RANK];
	int rank = v->shape.rank;
	for (int d = 0; d < rank; d++)
		perm[d] = d;
	perm[rank - 2] = rank - 1;
	perm[rank - 1] = rank - 2;
	Node *n = NEW(g, loc, op_Transpose, v);
	node_set_ints(g, n, "perm", rank, perm);
	return node_done(g, n);
}

static Value *take_matrices(Graph *g, const Node *n, const Scaled *x,
                            const Scaled *y)
{
	Scaled b;
	if (n->op != &op_MatMul || n->in[0]->shape.rank < 2 ||
	    n->in[1]->shape.rank < 2 || !integers_of(g, n->in[1], &b))
		return NULL;
	if (attr_of(n, "transB")->i)
		b.x = turned(g, n->loc, b.x);
	return APPLY(g, n->loc, op_QLinearMatMul, x->x, x->scale, x->zero, b.x,
	             b.scale, b.zero, y->scale, y->zero);
}

static Value *take_product(Graph *g, const Node *n, const Scaled *y)
{
	Scaled x;
	Rows r;
	if (attr_of(n, "transA")->i ||
	    (n->op == &op_Gemm && !is_plain_gemm(n)) ||
	    !integers_of(g, n->in[0], &x))
		return NULL;
	if (n->in[1]->shape.rank != 2 || n->in[0]->shape.rank < 2 ||
	    !weights_of(g, n->in[1], !attr_of(n, "transB")->i, &r))
		return take_matrices(g, n, &x, y);
	int32_t *bias = arena_array(g->unit->arena, int32_t, r.rows);
	if (!rows_bias(g, &r, n->nin > 2 ? n->in[2] : NULL, number(x.scale),
	               bias))
		return NULL;
	return rows_product(g, n, &x, y, &r, bias);
}

/* What leaves numbers as they are, of the same scale. */
static Value *take_moved(Graph *g, const Node *n, const Scaled *y)
{
	Scaled x;
	if (n->nout > 1 || n->nin > 1 || !integers_of(g, n->in[0], &x) ||
	    !same_number(x.scale, y->scale) || !same_number(x.zero, y->zero))
		return NULL;
	Node *e = node_new(g, n->loc, n->op, 1, &x.x);
	node_copy_attrs(g, e, n);
	return node_done(g, e);
}

static Value *take(Graph *g, const Node *n, const Scaled *y)
{
	if (n->op == &op_Conv)
		return take_conv(g, n, y);
	if (n->op == &op_Gemm || n->op == &op_MatMul)
		return take_product(g, n, y);
	if (n->op == &op_MaxPool || n->op == &op_Reshape ||
	    n->op == &op_Transpose)
		return take_moved(g, n, y);
	return NULL;
}

/* ---- QuantizeLinear ---- */

/* The real number of y's least integer, or of its greatest. */
static double bound(const Scaled *y, double integer)
{
	double zero = (double)dtype_get(y->zero->dtype, y->zero->data, 0).i;
	return (integer - zero) * number(y->scale);
}

/* Is all that it cuts off cut off by y's type? */
static bool is_implied(const Node *n, const Scaled *y)
{
	double lo = bound(y, quantize_least(y->zero->dtype));
	double hi = bound(y, quantize_greatest(y->zero->dtype));
	if (n->op == &op_Relu)
		return lo >= 0;
	return (!attr_of(n, "min")->set || attr_of(n, "min")->f <= lo) &&
	       (!attr_of(n, "max")->set || attr_of(n, "max")->f >= hi);
}

/* The node whose result is quantized. */
static const Node *source_of(const Node *q, const Scaled *y)
{
	const Value *v = q->in[0];
	while (v->nuses == 1 && v->def &&
	       (v->def->op == &op_Relu || v->def->op == &op_Clip) &&
	       is_implied(v->def, y))
		v = v->def->in[0];
	return v->nuses == 1 ? v->def : NULL;
}

static bool rewrite(Graph *g, Node *q)
{
	Scaled y = {q->in[0], q->in[1], zero_of(g, q, q->out[0]->dtype)};
	if (!one_scale(&y) || y.scale->kind != V_CONST ||
	    y.zero->kind != V_CONST)
		return false;
	const Node *n = source_of(q, &y);
	if (!n)
		return false;
	g->at = q;
	Value *v = take(g, n, &y);
	g->at = NULL;
	if (!v)
		return false;
	graph_replace(g, q->out[0], v);
	return true;
}

/* ---- what the file has ---- */

static Scaled operand(const Node *n, int value)
{
	return (Scaled){n->in[value], n->in[value + 1], n->in[value + 2]};
}

/* A convolution's scales stretch to its result, not to its weights. */
static Value *by_rows(Graph *g, const Node *n, Value *p)
{
	if (p->kind != V_CONST || numel(p->shape) == 1)
		return p;
	Shape s = n->in[QL_B]->shape;
	for (int d = 1; d < s.rank; d++)
		s.dim[d] = 1;
	s.dim[0] = numel(p->shape);
	int at = 1 - (n->out[0]->shape.rank - p->shape.rank);
	return at >= 0 && p->shape.dim[at] == s.dim[0]
	       ? graph_const(g, NULL, p->dtype, s, p->data) : NULL;
}

static Value *give_conv(Graph *g, const Node *n, const Scaled *x,
                        const Scaled *y)
{
	Value *scale = by_rows(g, n, n->in[QL_B_SCALE]);
	Value *zero = by_rows(g, n, n->in[QL_B_ZERO]);
	Rows r;
	if (!scale || !zero || !rows_of(g, n->in[QL_B], scale, zero, 0, &r))
		return NULL;
	int32_t *bias = arena_array(g->unit->arena, int32_t, r.rows);
	if (!rows_bias(g, &r, n->nin > QL_BIAS ? n->in[QL_BIAS] : NULL, 1,
	               bias))
		return NULL;
	return node_done(g, rows_conv(g, n, x, y, &r, n->in[QL_B]->shape,
	                              bias));
}

static Value *give_product(Graph *g, const Node *n, const Scaled *x,
                           const Scaled *y)
{
	Rows r;
	if (n->in[QL_B]->shape.rank != 2 || n->in[QL_A]->shape.rank < 2 ||
	    !one_scale(y) ||
	    !rows_of(g, n->in[QL_B], n->in[QL_B_SCALE], n->in[QL_B_ZERO], 1,
	             &r))
		return NULL;
	int32_t *bias = arena_array(g->unit->arena, int32_t, r.rows);
	return rows_product(g, n, x, y, &r, bias);
}

static bool give_rows(Graph *g, Node *n)
{
	bool conv = n->op == &op_QLinearConv;
	if (!conv && n->op != &op_QLinearMatMul)
		return false;
	Scaled x = operand(n, QL_A);
	Scaled y = {NULL, n->in[QL_Y_SCALE], n->in[QL_Y_ZERO]};
	if (!one_scale(&x))
		return false;
	g->at = n;
	Value *v = (conv ? give_conv : give_product)(g, n, &x, &y);
	g->at = NULL;
	if (!v)
		return false;
	graph_replace(g, n->out[0], v);
	return true;
}

/* Of the nodes that are there now. */
static bool each(Graph *g, bool (*change)(Graph *, Node *))
{
	bool changed = false;
	for (Node *n = g->first, *next; n; n = next) {
		next = n->next;
		if (change == give_rows || n->op == &op_QuantizeLinear)
			changed |= change(g, n);
	}
	return changed;
}

static void clean(Graph *g)
{
	graph_drop_unread(g);
	g->facts &= ~(unsigned)FACT_USES;
	graph_have(g, FACT_USES);
}

static bool run(Graph *g, const Options *o)
{
	if (o->loss.kind != LOSS_NONE)
		return false;
	bool changed = each(g, give_rows);
	if (split_pairs(g))
		changed = true;
	clean(g);
	changed |= each(g, rewrite);
	clean(g);
	return changed;
}

const Pass pass_integers = {
	"integers", "compute with integers between QuantizeLinear and "
	"DequantizeLinear, without training", .needs = FACT_USES, .run = run,
};
