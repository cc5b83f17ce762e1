/*
 * Recurrences in segments of time. As the importer makes them, one product
 * gives the gates' inputs Z of all T steps, and one recurrence walks along
 * them: both passes have in memory what grows with T. Here each segment of s
 * steps gets a product and a recurrence of its own, which begins with the
 * states that the one before ended in:
 *
 *   Z_k = X_k W^T + b      h_k, c_k, states_k = recurrence(Z_k, h_k-1, c_k-1)
 *
 * The checkpoint pass then keeps h_k and c_k alone, and computes a segment
 * again when its gradient is due: the memory is that of T/s states and of s
 * steps, least for s about sqrt(T) (Chen et al., "Training Deep Nets with
 * Sublinear Memory Cost", 2016; Gruslys et al., "Memory-Efficient
 * Backpropagation Through Time", 2016). Gradients of weights are summed up over
 * the segments.
 *
 * Time is the first dimension here; the batch-first pass comes later.
 */
#include "ir/op.h"
#include "ir/recurrence.h"
#include "passes/pass.h"

enum { Z, LENGTHS = 2, H0, C0 };

typedef struct Cut {
	Graph *g;
	Node *n;              /* the recurrence */
	int64_t lines;        /* of a step: the batch */
	int count;
	int64_t *steps;       /* by segment, in the order of time */
} Cut;

static int64_t total_steps(const Node *n)
{
	return n->in[Z]->shape.dim[0];
}

/* The least s with s * s >= T. */
static int64_t root_of(int64_t total)
{
	int64_t s = 1;
	while (s * s < total)
		s++;
	return s;
}

static Cut cut_create(Graph *g, Node *n, int64_t most)
{
	int64_t total = total_steps(n);
	most = most == SEGMENT_AUTO ? root_of(total) : most;
	Cut c = {g, n, n->in[Z]->shape.dim[1],
	         (int)((total + most - 1) / most), NULL};
	c.steps = arena_array(g->unit->arena, int64_t, c.count);
	for (int k = 0; k < c.count; k++, total -= most)
		c.steps[k] = total < most ? total : most;
	return c;
}

static Value *reshaped(const Cut *c, Value *x, Shape to)
{
	if (shape_equal(x->shape, to))
		return x;
	Node *n = NEW(c->g, c->n->loc, op_Reshape, x);
	node_set_ints(c->g, n, "shape", to.rank, to.dim);
	return node_done(c->g, n);
}

/* v's segments; each step has `lines` of its rows. */
static Value **split(const Cut *c, Value *v, int64_t lines)
{
	Arena *a = c->g->unit->arena;
	int64_t *rows = arena_array(a, int64_t, c->count);
	for (int k = 0; k < c->count; k++)
		rows[k] = c->steps[k] * lines;
	Node *n = NEW(c->g, c->n->loc, op_Split, v);
	node_set_int(c->g, n, "axis", 0);
	node_set_ints(c->g, n, "split", c->count, rows);
	node_set_outputs(c->g, n, c->count);
	node_done(c->g, n);
	return n->out;
}

/* Does n join segments that are as long as these? */
static bool joins(const Cut *c, const Node *n, int64_t line)
{
	if (!n || n->op != &op_Concat || n->nin != c->count ||
	    attr_int(n, op_attr(n->op, "axis")) != 0)
		return false;
	for (int k = 0; k < c->count; k++)
		if (numel(n->in[k]->shape) != c->steps[k] * c->lines * line)
			return false;
	return true;
}

/* x[T N,I] in segments: those of a layer below, if it is cut alike. */
static Value **inputs(const Cut *c, Value *x)
{
	const Node *below = value_viewed(x)->def;
	int64_t line = x->shape.dim[1];
	if (!joins(c, below, line))
		return split(c, x, c->lines);
	Value **part = arena_array(c->g->unit->arena, Value *, c->count);
	for (int k = 0; k < c->count; k++)
		part[k] = reshaped(c, below->in[k], (Shape){
			2, {c->steps[k] * c->lines, line}});
	return part;
}

/* The product over all steps that nothing else reads; NULL: there is none. */
static const Node *product_of(const Value *z)
{
	while (z->nuses == 1 && z->def && z->def->op->view)
		z = z->def->in[0];
	const Node *n = z->def;
	return n && n->op == &op_Gemm && z->nuses == 1 &&
	       !attr_int(n, op_attr(n->op, "transA")) &&
	       (n->nin < 3 || !n->in[2] || n->in[2]->shape.rank < 2) ? n : NULL;
}

static Value *gates(const Cut *c, const Node *product, Value *x, int64_t steps)
{
	Node *n = node_new(c->g, product->loc, product->op, product->nin,
	                   product->in);
	node_copy_attrs(c->g, n, product);
	n->in[0] = x;
	return reshaped(c, node_done(c->g, n), (Shape){
		3, {steps, c->lines, c->n->in[Z]->shape.dim[2]}});
}

/* Z in segments. */
static Value **all_gates(const Cut *c)
{
	const Node *product = product_of(c->n->in[Z]);
	if (!product)
		return split(c, c->n->in[Z], 1);
	Value **x = inputs(c, product->in[0]);
	Value **z = arena_array(c->g->unit->arena, Value *, c->count);
	for (int k = 0; k < c->count; k++)
		z[k] = gates(c, product, x[k], c->steps[k]);
	return z;
}

/* Sequences end so much earlier, as counted in a segment that begins later. */
static Value *lengths_from(const Cut *c, int64_t start)
{
	Value *lengths = recurrence_in(c->n, LENGTHS);
	if (!lengths || !start)
		return lengths;
	Value *first = graph_scalar(c->g, DT_I32, (double)start);
	return APPLY(c->g, c->n->loc, op_Sub, lengths, first);
}

static Node *segment(const Cut *c, Value *z, int64_t start, const Node *before)
{
	Node *r = node_new(c->g, c->n->loc, c->n->op, c->n->nin, c->n->in);
	node_copy_attrs(c->g, r, c->n);
	r->in[Z] = z;
	if (r->nin > LENGTHS)
		r->in[LENGTHS] = lengths_from(c, start);
	if (before && r->nin > H0)
		r->in[H0] = before->out[0];
	if (before && r->op == &op_LSTMRecurrence && r->nin > C0)
		r->in[C0] = before->out[1];
	node_set_outputs(c->g, r, c->n->nout);
	node_done(c->g, r);
	return r;
}

static void cut(const Cut *c)
{
	Graph *g = c->g;
	int states = recurrence_states_output(c->n);
	Value **y = arena_array(g->unit->arena, Value *, c->count);
	bool reverse = attr_int(c->n, RECURRENCE_REVERSE) != 0;
	int64_t start = reverse ? total_steps(c->n) : 0;
	g->at = c->n;
	Value **z = all_gates(c);
	Node *last = NULL;
	for (int i = 0; i < c->count; i++) {
		int k = reverse ? c->count - 1 - i : i;
		start -= reverse ? c->steps[k] : 0;
		last = segment(c, z[k], start, last);
		start += reverse ? 0 : c->steps[k];
		y[k] = last->out[states];
	}
	Node *all = node_new(g, c->n->loc, &op_Concat, c->count, y);
	node_set_int(g, all, "axis", 0);
	node_done(g, all);
	g->at = NULL;
	for (int o = 0; o < c->n->nout; o++)
		graph_replace(g, c->n->out[o],
		              o == states ? all->out[0] : last->out[o]);
	graph_remove(g, c->n);
}

static bool run(Graph *g, const Options *o)
{
	bool changed = false;
	for (Node *n = g->first, *next; n; n = next) {
		next = n->next;
		if (!o->segment || recurrence_states_output(n) < 0 ||
		    attr_int(n, RECURRENCE_LAYOUT))
			continue;
		Cut c = cut_create(g, n, o->segment);
		if (c.count < 2)
			continue;
		cut(&c);
		changed = true;
	}
	return changed;
}

const Pass pass_segment = {
	"segment", "run recurrences in segments of time",
	.needs = FACT_USES, .run = run,
};
