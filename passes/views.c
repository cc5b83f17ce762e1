/*
 * A value that several Slices take apart gets as its gradient the sum of what
 * each of them contributes, in zeros of the whole. Where slices adjoin, that is
 * their gradients one behind the other: a Concat, whose inputs the planner may
 * have written where they belong. Likewise exporters cut queries, keys and
 * values, or the gates of a cell, out of one product.
 *
 * The planner itself asks whether this pass is disabled: without it, no value
 * lies inside of another.
 */
#include "ir/build.h"
#include "ir/op.h"
#include "ir/slice.h"
#include "passes/pass.h"

#include <stdlib.h>

/* One summand; if it is the gradient of a slice of one axis: of which. What is
 * read in another shape, as the weights of a recurrence in two directions are, is
 * that after a Reshape. */
typedef struct Leaf {
	Value *v;
	Value *from;          /* of SliceGrad; NULL: it is another */
	int rank;             /* in the sum */
	int axis;             /* -1: it is another */
	int64_t start, end;
} Leaf;

typedef struct Sum {
	Arena *arena;
	Graph *g;
	Node *root;
	int n, max;
	Leaf *leaf;
} Sum;

static bool is_sum(const Node *n)
{
	return n && n->op == &op_Add && !n->out[0]->var &&
	       shape_equal(n->in[0]->shape, n->in[1]->shape);
}

static bool is_only_read_here(const Value *v)
{
	return v->nuses == 1 && !v->var;
}

/* What comes of SliceGrad and is only reshaped to v; NULL: nothing does. */
static Value *slice_grad_of(Value *v)
{
	while (is_only_read_here(v) && v->def && v->def->op == &op_Reshape)
		v = v->def->in[0];
	return is_only_read_here(v) && v->def && v->def->op == &op_SliceGrad
	       ? v : NULL;
}

static Leaf leaf_of(Value *v, int rank)
{
	const Leaf other = {v, NULL, rank, -1, 0, 0};
	Leaf leaf = {v, slice_grad_of(v), rank, -1, 0, 0};
	Slice s;
	if (!leaf.from ||
	    !slice_of(NULL, leaf.from->def, leaf.from->shape, &s))
		return other;
	const Shape *whole = &leaf.from->shape;
	for (int i = 0; i < whole->rank; i++) {
		if (s.shape.dim[i] == whole->dim[i] && s.step[i] == 1)
			continue;
		if (leaf.axis >= 0 || s.step[i] != 1 || !s.shape.dim[i])
			return other;
		leaf.axis = i;
		leaf.start = s.at[i];
		leaf.end = s.at[i] + s.shape.dim[i];
	}
	return leaf;
}

static void add_leaf(Sum *s, Leaf leaf)
{
	if (s->n == s->max) {
		Leaf *more = arena_array(s->arena, Leaf, 2 * s->max + 8);
		for (int i = 0; i < s->n; i++)
			more[i] = s->leaf[i];
		s->leaf = more;
		s->max = 2 * s->max + 8;
	}
	s->leaf[s->n++] = leaf;
}

/* From left to right; partial sums that others read as well are summands. */
static void find_leaves(Sum *s, Value *v)
{
	if (v != s->root->out[0] && (v->nuses != 1 || !is_sum(v->def))) {
		add_leaf(s, leaf_of(v, s->n));
		return;
	}
	find_leaves(s, v->def->in[0]);
	find_leaves(s, v->def->in[1]);
}

static int by_start(const void *pa, const void *pb)
{
	const Leaf *a = pa, *b = pb;
	if (a->axis != b->axis)
		return a->axis - b->axis;
	if (a->axis < 0 || a->start == b->start)
		return a->rank - b->rank;
	return a->start < b->start ? -1 : 1;
}

static int by_rank(const void *pa, const void *pb)
{
	return ((const Leaf *)pa)->rank - ((const Leaf *)pb)->rank;
}

/* Summands from `at` on that adjoin. */
static int length_of_run(const Sum *s, int at)
{
	int n = 1;
	while (s->leaf[at].axis >= 0 && at + n < s->n &&
	       s->leaf[at + n].axis == s->leaf[at].axis &&
	       s->leaf[at + n].start == s->leaf[at + n - 1].end &&
	       shape_equal(s->leaf[at + n].from->shape, s->leaf[at].from->shape))
		n++;
	return n;
}

/* Rows of zeros around what is only a part of them. */
static Value *in_zeros(Graph *g, Loc loc, Value *v, const Leaf *first,
                       int64_t end)
{
	Shape whole = first->from->shape;
	int64_t axis = first->axis;
	if (end - first->start == whole.dim[axis])
		return v;
	Node *z = NEW(g, loc, op_SliceGrad, v);
	node_set_ints(g, z, "starts", 1, &first->start);
	node_set_ints(g, z, "ends", 1, &end);
	node_set_ints(g, z, "axes", 1, &axis);
	node_set_ints(g, z, "shape", whole.rank, whole.dim);
	return node_done(g, z);
}

/* Several as one: what they are gradients of, one behind the other, in zeros
 * if there is more. */
static Leaf joined(const Sum *s, const Leaf run[], int n)
{
	Graph *g = s->g;
	Loc loc = s->root->loc;
	const Value *whole = s->root->out[0];
	Value **part = arena_array(g->unit->arena, Value *, n);
	int rank = run[0].rank;
	for (int i = 0; i < n; i++) {
		part[i] = run[i].from->def->in[0];
		rank = run[i].rank < rank ? run[i].rank : rank;
	}
	Node *c = node_new(g, loc, &op_Concat, n, part);
	node_set_int(g, c, "axis", run[0].axis);
	Value *v = node_done(g, c);
	value_serve(v, whole);
	v = in_zeros(g, loc, v, &run[0], run[n - 1].end);
	value_serve(v, whole);
	v = build_reshape(g, loc, v, run[0].v->shape);
	value_serve(v, whole);
	return (Leaf){v, NULL, rank, -1, 0, 0};
}

static bool join_runs(Sum *s)
{
	int n = 0;
	qsort(s->leaf, (size_t)s->n, sizeof *s->leaf, by_start);
	for (int i = 0, run; i < s->n; i += run) {
		run = length_of_run(s, i);
		s->leaf[n++] = run > 1 ? joined(s, &s->leaf[i], run)
		                       : s->leaf[i];
	}
	bool any = n < s->n;
	s->n = n;
	qsort(s->leaf, (size_t)n, sizeof *s->leaf, by_rank);
	return any;
}

static bool rewrite(Graph *g, Node *root)
{
	Arena *scratch = arena_create();
	Sum s = {.arena = scratch, .g = g, .root = root};
	find_leaves(&s, root->out[0]);
	g->at = root;
	bool any = join_runs(&s);
	Value *sum = s.leaf[0].v;
	for (int i = 1; any && i < s.n; i++) {
		sum = APPLY(g, root->loc, op_Add, sum, s.leaf[i].v);
		value_serve(sum, root->out[0]);
	}
	g->at = NULL;
	if (any) {
		if (sum->kind == V_RESULT)
			value_serve(sum, root->out[0]);
		graph_replace(g, root->out[0], sum);
		graph_remove(g, root);
	}
	arena_destroy(scratch);
	return any;
}

/* The last of its sums. */
static bool is_root(const Node *n)
{
	if (!is_sum(n))
		return false;
	if (n->out[0]->nuses != 1)
		return true;
	for (const Node *r = n->next; r; r = r->next)
		for (int i = 0; i < r->nin; i++)
			if (r->in[i] == n->out[0])
				return !is_sum(r);
	return true;
}

static bool run(Graph *g, const Options *o)
{
	bool changed = false;
	if (!graph_count(g, &op_SliceGrad))
		return false;
	for (Node *n = g->last, *prev; n; n = prev) {
		prev = n->prev;
		changed |= is_root(n) && rewrite(g, n);
	}
	return changed;
}

const Pass pass_views = {
	"views", "let values lie inside of others",
	.needs = FACT_USES, .run = run,
};
