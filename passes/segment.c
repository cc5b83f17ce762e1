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
 * steps, least for s near sqrt(T) (Chen et al., "Training Deep Nets with
 * Sublinear Memory Cost", 2016; Gruslys et al., "Memory-Efficient
 * Backpropagation Through Time", 2016). Gradients of weights are summed up over
 * the segments.
 *
 * Where the batch comes first, time is the second dimension.
 */
#include "ir/op.h"
#include "ir/recurrence.h"
#include "passes/pass.h"

enum { Z, LENGTHS = 2, H0, C0 };

typedef struct Cut {
	Graph *g;
	Node *n;              /* the recurrence */
	int axis;             /* that of time */
	int count;
	int64_t *steps;       /* by segment, in the order of time */
} Cut;

static int64_t total_steps(const Node *n)
{
	return n->in[Z]->shape.dim[attr_int(n, RECURRENCE_LAYOUT)];
}

/* The least s with s * s >= T. Half of that may take less memory, as a step has
 * several times the bytes of the states between two, but makes twice the
 * nodes. */
static int64_t root_of(int64_t total)
{
	int64_t s = 1;
	while (s * s < total)
		s++;
	return s;
}

static int64_t steps_of(int64_t total, int64_t segment)
{
	int64_t root = root_of(total);
	if (segment == SEGMENT_SHORT)
		return root > 1 ? root / 2 : 1;
	return segment == SEGMENT_AUTO ? root : segment;
}

static Cut cut_create(Graph *g, Node *n, int64_t most)
{
	int64_t total = total_steps(n);
	most = steps_of(total, most);
	Cut c = {g, n, (int)attr_int(n, RECURRENCE_LAYOUT),
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

/* v[T,N,..], or [N,T,..], in segments. */
static Value **split(const Cut *c, Value *v)
{
	Node *n = NEW(c->g, c->n->loc, op_Split, v);
	node_set_int(c->g, n, "axis", c->axis);
	node_set_ints(c->g, n, "split", c->count, c->steps);
	node_set_outputs(c->g, n, c->count);
	node_done(c->g, n);
	return n->out;
}

/* The shape of a segment where that of all is s. */
static Shape part_of(const Cut *c, Shape s, int k)
{
	s.dim[c->axis] = c->steps[k];
	return s;
}

/* Does n join segments that are cut like this? */
static bool joins(const Cut *c, const Node *n, Shape all)
{
	if (!n || n->op != &op_Concat || n->nin != c->count ||
	    attr_int(n, op_attr(n->op, "axis")) != c->axis ||
	    !shape_equal(n->out[0]->shape, all))
		return false;
	for (int k = 0; k < c->count; k++)
		if (n->in[k]->shape.dim[c->axis] != c->steps[k])
			return false;
	return true;
}

/* x, the rows of a product, in segments: those of a layer below, if it is cut
 * alike. */
static Value **inputs(const Cut *c, Value *x)
{
	Shape all = c->n->in[Z]->shape;
	all.dim[2] = x->shape.dim[1];
	const Node *below = value_viewed(x)->def;
	Value **part = arena_array(c->g->unit->arena, Value *, c->count);
	Value **of = joins(c, below, all) ? below->in
	                                  : split(c, reshaped(c, x, all));
	for (int k = 0; k < c->count; k++) {
		Shape s = part_of(c, all, k);
		part[k] = reshaped(c, of[k], (Shape){
			2, {s.dim[0] * s.dim[1], s.dim[2]}});
	}
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

static Value *gates(const Cut *c, const Node *product, Value *x, int k)
{
	Node *n = node_new(c->g, product->loc, product->op, product->nin,
	                   product->in);
	node_copy_attrs(c->g, n, product);
	n->in[0] = x;
	return reshaped(c, node_done(c->g, n),
	                part_of(c, c->n->in[Z]->shape, k));
}

/* Z in segments. */
static Value **all_gates(const Cut *c)
{
	const Node *product = product_of(c->n->in[Z]);
	if (!product)
		return split(c, c->n->in[Z]);
	Value **x = inputs(c, product->in[0]);
	Value **z = arena_array(c->g->unit->arena, Value *, c->count);
	for (int k = 0; k < c->count; k++)
		z[k] = gates(c, product, x[k], k);
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
	node_set_int(g, all, "axis", c->axis);
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
		if (!o->segment || recurrence_states_output(n) < 0)
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
