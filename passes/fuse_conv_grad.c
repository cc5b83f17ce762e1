/*
 * Where the gradient of a convolution's weight would be whole in memory because
 * its update must wait for the input's gradient, which reads the old weight,
 * and what both are computed from would have to wait as well: both gradients
 * and the update become a FusedConvGrad, which goes through the input's
 * channels. Then the input's gradient may lie over the input.
 *
 * That takes some packing again for each block, so it is done for those
 * parameters only that plan_step.c names, and for one image: of several, the
 * channels of a block do not lie together.
 */
#include "ir/op.h"
#include "passes/members.h"
#include "passes/pass.h"
#include "passes/readers.h"

#include <string.h>

typedef struct Trio {
	Graph *g;
	Readers *readers;
	Node *weight, *input;     /* ConvGradWeight, ConvGradInput */
	const Value *read;        /* the weight's gradient, or a view of it: */
	Node *c;                  /*   by this update */
	Node *after;              /* the last that must come before */
} Trio;

/* ---- what belongs together ---- */

static bool is_update(const Node *n, const Options *o)
{
	bool asked = false;
	for (int i = 0; i < n->nout; i++) {
		const Variable *var = n->out[i]->var;
		if (!var)
			return false;
		asked |= o->stays[var->id] == GRADIENT_TAKES_INPUT;
	}
	return asked && (n->op->scalar || n->op == &op_Fused);
}

static bool find_weight(Trio *t)
{
	for (int i = 0; i < t->c->nin; i++) {
		t->read = t->c->in[i];
		t->weight = t->read ? members_source(t->read) : NULL;
		if (t->weight && t->weight->op == &op_ConvGradWeight &&
		    t->weight->in[0]->shape.dim[0] == 1 &&
		    !t->weight->out[0]->var &&
		    members_lie_alike(t->c, numel(t->weight->out[0]->shape)))
			return true;
	}
	return false;
}

/* All but the shape, which is the result's. */
static bool same_convolution(const Node *a, const Node *b)
{
	for (int i = 0; i < a->op->nattrs; i++) {
		const Attr *x = &a->attr[i], *y = &b->attr[i];
		size_t bytes = sizeof *x->ints * (size_t)x->n;
		if (strcmp(a->op->attrs[i].name, "shape") &&
		    (x->i != y->i || x->n != y->n || x->s != y->s ||
		     (x->n && memcmp(x->ints, y->ints, bytes))))
			return false;
	}
	return true;
}

static bool is_input(const Trio *t, const Node *n)
{
	const Node *w = t->weight;
	return n->op == &op_ConvGradInput && n->in[0] == w->in[1] &&
	       shape_equal(n->in[1]->shape, w->out[0]->shape) &&
	       shape_equal(n->out[0]->shape, w->in[0]->shape) &&
	       same_convolution(w, n);
}

static bool find_input(Trio *t)
{
	for (int o = 0; o < t->c->nout; o++)
		FOR_READERS(t->readers, r, readers_of_variable(
			    t->readers, t->c->out[o]->var))
			if (is_input(t, r->node)) {
				t->input = r->node;
				return true;
			}
	return false;
}

/* ---- where it goes ---- */

static void stay_behind(Trio *t, Node *n)
{
	if (n && n != t->weight && n != t->input && n != t->c &&
	    n != t->read->def &&
	    (!t->after || readers_precede(t->readers, t->after, n)))
		t->after = n;
}

static void find_place(Trio *t)
{
	t->after = NULL;
	for (int i = 0; i < t->weight->nin; i++)
		stay_behind(t, t->weight->in[i]->def);
	stay_behind(t, t->input->in[1]->def);
	for (int i = 0; i < t->c->nin; i++)
		if (t->c->in[i] && t->c->in[i] != t->read)
			stay_behind(t, t->c->in[i]->def);
	for (int o = 0; o < t->c->nout; o++)
		FOR_READERS(t->readers, r, readers_of_variable(
			    t->readers, t->c->out[o]->var))
			stay_behind(t, r->node);
}

/* Is all that reads the results behind it, and may the three go there? Nothing
 * else is replaced that they read. */
static bool may_fuse(const Trio *t)
{
	const Node *part[] = {t->weight, t->input, t->c};
	if (!t->after)
		return false;
	FOR_READERS(t->readers, r, readers_of(t->readers, t->input->out[0]))
		if (!readers_precede(t->readers, t->after, r->node))
			return false;
	for (int p = 0; p < 3; p++)
		for (int i = 0; i < part[p]->nin; i++) {
			const Value *x = part[p]->in[i]
				? value_viewed(part[p]->in[i]) : NULL;
			bool own = !x || x->kind != V_VARIABLE;
			for (int o = 0; !own && o < t->c->nout; o++)
				own = t->c->out[o]->var == x->var;
			if (!own)
				return false;
		}
	return true;
}

/* ---- the fused node ---- */

static Node *fused_node(const Trio *t, int64_t channels)
{
	Arena *a = t->g->unit->arena;
	const Node *c = t->c;
	int nin = 0, views = members_count_views(t->read, t->weight);
	Value **in = arena_array(a, Value *, 3 + c->nin);
	for (int i = 0; i < t->weight->nin; i++)
		nin = members_input(in, nin, t->weight->in[i]);
	nin = members_input(in, nin, t->input->in[1]);
	for (int i = 0; i < c->nin; i++)
		if (c->in[i] && c->in[i] != t->read)
			nin = members_input(in, nin, c->in[i]);
	Node *n = node_new(t->g, c->loc, &op_FusedConvGrad, nin, in);
	n->body = arena_array(a, Node *, 3 + views + c->nbody);
	n->body[n->nbody++] = t->input;
	n->body[n->nbody++] = t->weight;
	members_add_views(n, t->read, t->weight);
	members_add(n, t->c);
	node_set_int(t->g, n, "channels", channels);
	return n;
}

static void remove_member(Trio *t, Node *n)
{
	graph_remove(t->g, n);
	readers_remove(t->readers, n);
}

static void replace(Trio *t, int64_t channels)
{
	Graph *g = t->g;
	Node *n = fused_node(t, channels), *c = t->c;
	Value **out = arena_array(g->unit->arena, Value *, 2 + c->nout);
	int views = members_count_views(t->read, t->weight);
	node_set_outputs(g, n, 1);
	g->at = t->after->next;
	for (Node *p; (p = g->at) && (p == t->input || p == t->weight ||
	                              p == c || p == t->read->def);)
		g->at = p->next;
	node_done(g, n);
	g->at = NULL;
	readers_add(t->readers, g, n);
	out[0] = n->out[0];
	out[1] = t->input->out[0];
	memcpy(out + 2, c->out, sizeof *out * (size_t)c->nout);
	n->nout = 2 + c->nout;
	n->out = out;
	for (int o = 0; o < n->nout; o++)
		n->out[o]->def = n;
	n->out[0]->memory = fused_conv_grad_is_linear(n) ? MEM_PARAMETER
	                                                 : MEM_GRADIENT;
	remove_member(t, c);
	for (int b = 0; b < 2 + views; b++)
		remove_member(t, n->body[b]);
}

static bool fuse(Trio *t)
{
	int64_t channels = 0;
	if (find_weight(t) && find_input(t))
		channels = fused_conv_grad_channels(t->weight);
	if (!channels)
		return false;
	find_place(t);
	if (!may_fuse(t))
		return false;
	replace(t, channels);
	return true;
}

static bool run(Graph *g, const Options *o)
{
	if (o->gradients != GRADIENTS_GONE || !o->stays)
		return false;
	Arena *scratch = arena_create();
	Trio t = {.g = g, .readers = readers_create(scratch, g)};
	bool changed = false;
	for (Node *next, *c = g->first; c; c = next) {
		next = c->next;
		t.c = c;
		changed |= is_update(c, o) && fuse(&t);
	}
	arena_destroy(scratch);
	return changed;
}

const Pass pass_fuse_conv_grad = {
	"fuse-conv-grad", "update convolutions with both their gradients",
	.needs = FACT_USES, .run = run,
};
