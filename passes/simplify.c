/*
 * Algebraic identities and cheaper forms. Each rule looks at one node and
 * gives the value that can stand for its first output, or NULL; rules run until
 * none applies.
 */
#include "ir/op.h"
#include "ir/recurrence.h"
#include "ir/slice.h"
#include "passes/pass.h"

#include <string.h>

enum { AXES_MAX = MAX_RANK };

static const Attr *attr(const Node *n, const char *name)
{
	return &n->attr[op_attr(n->op, name)];
}

static bool is(const Node *n, const char *op)
{
	return n && !strcmp(n->op->name, op);
}

/* x in the shape of y: x itself, or a Reshape of it. */
static Value *reshaped(Graph *g, const Node *n, Value *x)
{
	const Value *y = n->out[0];
	if (shape_equal(x->shape, y->shape))
		return x;
	Node *r = node_new(g, n->loc, op_find("Reshape"), 1, &x);
	node_set_ints(g, r, "shape", y->shape.rank, y->shape.dim);
	return node_done(g, r);
}

/* x + 0, x - 0, x * 1, x / 1; the result must not be a stretched x. */
static Value *neutral(Graph *g, Node *n)
{
	double unit = is(n, "Mul") || is(n, "Div") ? 1 : 0;
	bool commutes = is(n, "Add") || is(n, "Mul");
	if (!commutes && !is(n, "Sub") && !is(n, "Div"))
		return NULL;
	for (int i = 0; i < 1 + commutes; i++)
		if (value_is_scalar_const(n->in[1 - i], unit) &&
		    shape_equal(n->in[i]->shape, n->out[0]->shape))
			return n->in[i];
	return NULL;
}

/* The one number that all elements of a constant are; NULL: there are others. */
static Value *only_element(Graph *g, const Value *v)
{
	if (!v || v->kind != V_CONST || numel(v->shape) < 2)
		return NULL;
	size_t size = (size_t)dtype_size(v->dtype);
	const char *data = v->data;
	if (memcmp(data, data + size, (size_t)(numel(v->shape) - 1) * size))
		return NULL;
	return graph_const(g, NULL, v->dtype, (Shape){0}, data);
}

/* Do the other inputs stretch to the output's shape without that one? */
static bool others_stretch(const Node *n, int without)
{
	Shape all = {0};
	for (int i = 0; i < n->nin; i++)
		if (i != without && n->in[i] &&
		    !shape_broadcast(all, n->in[i]->shape, &all))
			return false;
	return shape_equal(all, n->out[0]->shape);
}

/* An elementwise node reads a number rather than a tensor of it. */
static Value *splat(Graph *g, Node *n)
{
	bool spreads = !n->op->infer || n->op->infer == infer_compare ||
	               is(n, "Where");
	if (!n->op->scalar || !spreads || n->nout != 1)
		return NULL;
	for (int i = 0; i < n->nin; i++) {
		Value *one = others_stretch(n, i) ? only_element(g, n->in[i])
		                                  : NULL;
		if (!one)
			continue;
		Node *m = node_new(g, n->loc, n->op, n->nin, n->in);
		node_copy_attrs(g, m, n);
		m->in[i] = one;
		return node_done(g, m);
	}
	return NULL;
}

static Value *copy_of_input(Graph *g, Node *n)
{
	const Value *x = n->in[0], *y = n->out[0];
	bool same = x->dtype == y->dtype && shape_equal(x->shape, y->shape);
	if (is(n, "Identity") || (is(n, "Cast") && same) ||
	    (is(n, "Expand") && same) || (is(n, "Concat") && n->nin == 1))
		return n->in[0];
	if (is(n, "SumTo") && numel(x->shape) == numel(y->shape))
		return reshaped(g, n, n->in[0]);
	if (is(n, "Dropout") && attr(n, "ratio")->f == 0)
		return n->in[0];
	return NULL;
}

/* A slice or a padding that keeps everything. */
static Value *whole(Graph *g, Node *n)
{
	const Attr *a;
	if (is(n, "Pad")) {
		a = attr(n, "pads");
		for (int i = 0; i < a->n; i++)
			if (a->ints[i])
				return NULL;
		return n->in[0];
	}
	if (!is(n, "Slice") || !shape_equal(n->in[0]->shape, n->out[0]->shape))
		return NULL;
	a = attr(n, "steps");
	for (int i = 0; i < a->n; i++)
		if (a->ints[i] < 0)
			return NULL;
	return n->in[0];
}

/* One index that is known: a slice, of which a part of memory may do. */
static Value *gather(Graph *g, Node *n)
{
	if (!is(n, "Gather") || numel(n->in[1]->shape) != 1)
		return NULL;
	int count;
	const int64_t *index = const_ints(g, n->in[1], &count);
	const Shape *x = &n->in[0]->shape;
	int64_t axis = attr(n, "axis")->i;
	axis += axis < 0 ? x->rank : 0;
	if (!index || index[0] < -x->dim[axis] || index[0] >= x->dim[axis])
		return NULL;
	int64_t start = index[0] < 0 ? index[0] + x->dim[axis] : index[0];
	int64_t end = start + 1;
	Node *s = node_new(g, n->loc, op_find("Slice"), 1, n->in);
	node_set_ints(g, s, "starts", 1, &start);
	node_set_ints(g, s, "ends", 1, &end);
	node_set_ints(g, s, "axes", 1, &axis);
	return reshaped(g, n, node_done(g, s));
}

static Value *reshape(Graph *g, Node *n)
{
	if (!is(n, "Reshape"))
		return NULL;
	if (shape_equal(n->in[0]->shape, n->out[0]->shape))
		return n->in[0];
	const Node *before = n->in[0]->def;
	return is(before, "Reshape") ? reshaped(g, n, before->in[0]) : NULL;
}

/* Does the permutation keep the order of the axes that are longer than 1? */
static bool moves_nothing(const Value *x, const int64_t *perm)
{
	int64_t last = -1;
	for (int i = 0; i < x->shape.rank; i++) {
		if (x->shape.dim[perm[i]] == 1)
			continue;
		if (perm[i] < last)
			return false;
		last = perm[i];
	}
	return true;
}

static Value *transpose(Graph *g, Node *n)
{
	if (!is(n, "Transpose"))
		return NULL;
	const int64_t *perm = attr(n, "perm")->ints;
	if (!perm)   /* all axes reversed */
		return NULL;
	if (moves_nothing(n->in[0], perm))
		return reshaped(g, n, n->in[0]);
	const Node *before = n->in[0]->def;
	if (!is(before, "Transpose") || !attr(before, "perm")->ints)
		return NULL;
	const int64_t *first = attr(before, "perm")->ints;
	int64_t both[AXES_MAX];
	for (int i = 0; i < n->in[0]->shape.rank; i++)
		both[i] = first[perm[i]];
	Node *t = node_new(g, n->loc, n->op, 1, before->in);
	node_set_ints(g, t, "perm", n->in[0]->shape.rank, both);
	return node_done(g, t);
}

static bool swaps_last_two(const Node *t)
{
	if (!is(t, "Transpose"))
		return false;
	const Attr *perm = attr(t, "perm");
	for (int i = 0; i < perm->n - 2; i++)
		if (perm->ints[i] != i)
			return false;
	return perm->n >= 2 && perm->ints[perm->n - 1] == perm->n - 2;
}

/* A product with a transposed operand reads it the other way round. */
static Value *product(Graph *g, Node *n)
{
	static const char *const flag[] = {"transA", "transB"};
	if (!is(n, "MatMul") && !is(n, "Gemm"))
		return NULL;
	for (int i = 0; i < 2; i++) {
		const Node *t = n->in[i]->def;
		if (!swaps_last_two(t))
			continue;
		Node *m = node_new(g, n->loc, n->op, n->nin, n->in);
		node_copy_attrs(g, m, n);
		m->in[i] = t->in[0];
		node_set_int(g, m, flag[i], !attr(n, flag[i])->i);
		return node_done(g, m);
	}
	return NULL;
}

/* A reduction over axes of length 1 only reshapes. */
static Value *reduction(Graph *g, Node *n)
{
	if ((is(n, "ReduceSum") || is(n, "ReduceMean") || is(n, "ReduceMax") ||
	     is(n, "ReduceMin")) &&
	    numel(n->in[0]->shape) == numel(n->out[0]->shape))
		return reshaped(g, n, n->in[0]);
	return NULL;
}

/*
 * maxpool(relu(x)) = relu(maxpool(x)): fewer elements, and neither relu(x) nor a
 * map of where it is positive has to be kept. Where the result is positive the
 * same cell wins; where it is not, no gradient passes either way, so the other
 * winner is never seen. A NaN goes through both.
 */
static Value *pool_of_relu(Graph *g, Node *n)
{
	const Node *relu = n->in[0]->def;
	bool pools = is(n, "MaxPool") || is(n, "GlobalMaxPool");
	if (!pools || n->nout != 1 || !is(relu, "Relu") ||
	    relu->out[0]->nuses != 1)
		return NULL;
	Node *pool = node_new(g, n->loc, n->op, 1, relu->in);
	node_copy_attrs(g, pool, n);
	return graph_apply(g, relu->loc, relu->op, 1,
	                   (Value *[]){node_done(g, pool)});
}

typedef Value *Rule(Graph *, Node *);

/* Where element `at` of x is in what Reshapes and Transposes made it from. */
static int64_t traced(const Value *x, const Value *from, int64_t at)
{
	for (const Node *n; x != from; x = n->in[0]) {
		n = x->def;
		if (is(n, "Reshape"))
			continue;
		const Shape *s = &n->in[0]->shape;
		const int64_t *perm = attr(n, "perm")->ints;
		int64_t stride[MAX_RANK], below = 1, to = 0;
		for (int i = s->rank - 1; i >= 0; below *= s->dim[i--])
			stride[i] = below;
		for (int i = s->rank - 1; i >= 0; at /= s->dim[perm[i--]])
			to += at % s->dim[perm[i]] * stride[perm[i]];
		at = to;
	}
	return at;
}

static Value *untransposed(Value *x)
{
	for (Node *n; (n = x->def); x = n->in[0])
		if (!is(n, "Reshape") &&
		    (!is(n, "Transpose") || !attr(n, "perm")->ints))
			break;
	return x;
}

/* The states of a recurrence at its last step: the state that it ends in, which
 * is there anyway. What comes back to it is no gradient of all states. */
static Value *last_state(Graph *g, Node *n)
{
	const Value *all = is(n, "Slice") ? untransposed(n->in[0]) : NULL;
	Node *r = all ? all->def : NULL;
	int states = r ? recurrence_states_output(r) : -1;
	Slice s;
	if (states < 0 || all != r->out[states] ||
	    attr_int(r, RECURRENCE_LAYOUT) ||
	    numel(n->out[0]->shape) != numel(r->out[0]->shape) ||
	    !slice_of(NULL, n, n->in[0]->shape, &s))
		return NULL;
	int64_t size = numel(s.shape), steps = all->shape.dim[0];
	int64_t first = attr_int(r, RECURRENCE_REVERSE) ? 0
	                                                : (steps - 1) * size;
	for (int64_t i = 0; i < size; i++)
		if (traced(n->in[0], all, slice_element(&s, n->in[0]->shape,
		                                        i)) != first + i)
			return NULL;
	return reshaped(g, n, r->out[0]);
}

static Rule *const rules[] = {
	neutral, splat, copy_of_input, whole, gather, reshape, transpose, product,
	reduction, pool_of_relu, last_state,
};

static Value *simpler(Graph *g, Node *n)
{
	for (size_t r = 0; r < sizeof rules / sizeof rules[0]; r++) {
		Value *v = rules[r](g, n);
		if (v)
			return v;
	}
	return NULL;
}

static bool rewrite(Graph *g, Node *n)
{
	if (!n->nin || !n->in[0] || n->out[0]->var)
		return false;
	g->at = n;
	Value *v = simpler(g, n);
	g->at = NULL;
	if (!v)
		return false;
	/* A value keeps saying what it is for. */
	if (n->out[0]->memory == MEM_GRADIENT && v->kind == V_RESULT)
		value_serve(v, n->out[0]);
	graph_replace(g, n->out[0], v);
	graph_remove(g, n);
	return true;
}

static bool run(Graph *g, const Options *o)
{
	bool changed = false;
	for (Node *n = g->first, *next; n; n = next) {
		next = n->next;
		Node *before = n->prev;
		if (!rewrite(g, n))
			continue;
		changed = true;
		/* Look at what the rule made as well. */
		next = before ? before->next : g->first;
	}
	return changed;
}

const Pass pass_simplify = {
	"simplify", "apply algebraic identities",
	.needs = FACT_USES, .run = run,
};
