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
#include "ir/op.h"
#include "ir/slice.h"
#include "passes/pass.h"

#include <stdlib.h>

/* One summand; if it is the gradient of a slice of one axis: of which. */
typedef struct Leaf {
	Value *v;
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

static Leaf leaf_of(Value *v, int rank)
{
	const Node *n = v->def;
	Leaf leaf = {v, rank, -1, 0, 0};
	Slice s;
	if (!n || n->op != &op_SliceGrad || v->nuses != 1 || v->var ||
	    !slice_of(NULL, n, v->shape, &s))
		return leaf;
	for (int i = 0; i < v->shape.rank; i++) {
		if (s.shape.dim[i] == v->shape.dim[i] && s.step[i] == 1)
			continue;
		if (leaf.axis >= 0 || s.step[i] != 1 || !s.shape.dim[i])
			return (Leaf){v, rank, -1, 0, 0};
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
	       s->leaf[at + n].start == s->leaf[at + n - 1].end)
		n++;
	return n;
}

/* Several as one: what they are gradients of, one behind the other, in zeros
 * if there is more. */
static Leaf joined(const Sum *s, const Leaf run[], int n)
{
	Graph *g = s->g;
	const Value *whole = run[0].v;
	Value **part = arena_array(g->unit->arena, Value *, n);
	int64_t axis = run[0].axis, start = run[0].start, end = run[n - 1].end;
	int rank = run[0].rank;
	for (int i = 0; i < n; i++) {
		part[i] = run[i].v->def->in[0];
		rank = run[i].rank < rank ? run[i].rank : rank;
	}
	Node *c = node_new(g, s->root->loc, &op_Concat, n, part);
	node_set_int(g, c, "axis", axis);
	Value *v = node_done(g, c);
	v->memory = whole->memory;
	if (end - start == whole->shape.dim[axis])
		return (Leaf){v, rank, -1, 0, 0};
	Node *z = NEW(g, s->root->loc, op_SliceGrad, v);
	node_set_ints(g, z, "starts", 1, &start);
	node_set_ints(g, z, "ends", 1, &end);
	node_set_ints(g, z, "axes", 1, &axis);
	node_set_ints(g, z, "shape", whole->shape.rank, whole->shape.dim);
	v = node_done(g, z);
	v->memory = whole->memory;
	return (Leaf){v, rank, -1, 0, 0};
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
		sum->memory = root->out[0]->memory;
	}
	g->at = NULL;
	if (any) {
		if (sum->kind == V_RESULT)
			sum->memory = root->out[0]->memory;
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
