#include "ir/op.h"

#include <string.h>

const OpDef *const all_ops[] = {
#define OP(name) &op_##name,
#include "ops.inc"
#undef OP
};

const int nops = (int)(sizeof all_ops / sizeof all_ops[0]);

const OpDef *op_find(const char *name)
{
	for (int i = 0; i < nops; i++)
		if (!strcmp(all_ops[i]->name, name))
			return all_ops[i];
	return NULL;
}

int op_attr(const OpDef *op, const char *name)
{
	for (int i = 0; i < op->nattrs; i++)
		if (!strcmp(op->attrs[i].name, name))
			return i;
	return -1;
}

bool infer_broadcast(Unit *u, Node *n)
{
	Shape s = n->in[0]->shape;
	for (int i = 1; i < n->nin; i++) {
		if (!n->in[i])
			continue;
		if (!shape_broadcast(s, n->in[i]->shape, &s)) {
			error_at(u, n->loc, "input %d of shape %s does not broadcast "
			         "with %s", i, shape_text(u->arena, n->in[i]->shape),
			         shape_text(u->arena, s));
			return false;
		}
	}
	for (int o = 0; o < n->nout; o++) {
		n->out[o]->shape = s;
		n->out[o]->dtype = n->in[0]->dtype;
	}
	return true;
}

bool infer_like(Node *n, int o, int i)
{
	n->out[o]->shape = n->in[i]->shape;
	n->out[o]->dtype = n->in[i]->dtype;
	return true;
}

const Value *node_workspace(const Node *n)
{
	const Value *last = n->out[n->nout - 1];
	return last->memory == MEM_WORKSPACE ? last : NULL;
}

bool infer_shape(Unit *u, const Node *n, int which, Shape *out)
{
	const Attr *a = &n->attr[which];
	if (a->n > MAX_RANK) {
		error_at(u, n->loc, "%s has %d dimensions, at most %d are "
		         "supported", n->op->attrs[which].name, a->n, MAX_RANK);
		return false;
	}
	*out = (Shape){.rank = a->n};
	for (int i = 0; i < a->n; i++)
		out->dim[i] = a->ints[i];
	return true;
}

const Value *value_viewed(const Value *v)
{
	while (v->def && v->def->op->view && v->def->out[0] == v)
		v = v->def->in[0];
	return v;
}

bool op_fuses_gradients(const OpDef *op)
{
	return op == &op_FusedUpdate || op == &op_FusedConvGrad;
}

bool infer_axis(Unit *u, const Node *n, int64_t axis, int rank, int *out)
{
	if (axis < -rank || axis >= rank) {
		error_at(u, n->loc, "axis is %lld, but the input has %d dimensions",
		         (long long)axis, rank);
		return false;
	}
	*out = (int)(axis < 0 ? axis + rank : axis);
	return true;
}

bool infer_elementwise(Unit *u, Node *n)
{
	for (int i = 1; i < n->nin; i++)
		if (n->in[i] && n->in[i]->dtype != n->in[0]->dtype) {
			error_at(u, n->loc, "input %d is %s, expected %s like input 0",
			         i, dtype_name(n->in[i]->dtype),
			         dtype_name(n->in[0]->dtype));
			return false;
		}
	return infer_broadcast(u, n);
}

bool infer_compare(Unit *u, Node *n)
{
	bool ok = infer_elementwise(u, n);
	n->out[0]->dtype = DT_BOOL;
	return ok;
}

bool infer_logic(Unit *u, Node *n)
{
	for (int i = 0; i < n->nin; i++)
		if (n->in[i]->dtype != DT_BOOL) {
			error_at(u, n->loc, "input %d is %s, expected bool", i,
			         dtype_name(n->in[i]->dtype));
			return false;
		}
	return infer_broadcast(u, n);
}

bool infer_integers(Unit *u, Node *n)
{
	DType t = n->in[0]->dtype;
	if (dtype_is_float(t) || t == DT_BOOL || t == DT_BIT) {
		error_at(u, n->loc, "input 0 is %s, expected an integer",
		         dtype_name(t));
		return false;
	}
	return infer_elementwise(u, n);
}

static bool check_inputs(Unit *u, const Node *n)
{
	const OpDef *op = n->op;
	if (n->nin < op->min_in || n->nin > op->max_in) {
		error_at(u, n->loc, "has %d inputs, expected %d to %d", n->nin,
		         op->min_in, op->max_in);
		return false;
	}
	int needed = op->max_in == VARIADIC ? n->nin : op->min_in;
	for (int i = 0; i < needed; i++)
		if (!n->in[i]) {
			error_at(u, n->loc, "input %d is missing", i);
			return false;
		}
	return true;
}

static bool check_outputs(Unit *u, const Node *n)
{
	for (int o = 0; o < n->nout; o++)
		if (!shape_valid(n->out[o]->shape)) {
			error_at(u, n->loc, "the output's shape %s is too large",
			         shape_text(u->arena, n->out[o]->shape));
			return false;
		}
	return true;
}

bool op_infer(Unit *u, Node *n)
{
	if (!check_inputs(u, n))
		return false;
	bool ok = n->op->infer ? n->op->infer(u, n) : infer_elementwise(u, n);
	return ok && check_outputs(u, n);
}
