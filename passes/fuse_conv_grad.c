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
 *
 * Of two convolutions that read one input, such as a block's first and the one
 * beside it, the sum of their gradients may lie over the input: they become one
 * node with what adds these.
 */
#include "ir/op.h"
#include "ir/target.h"
#include "passes/members.h"
#include "passes/pass.h"
#include "passes/readers.h"

#include <string.h>

/* Of one convolution. */
typedef struct Trio {
	Node *weight, *input;     /* ConvGradWeight, ConvGradInput */
	const Value *read;        /* the weight's gradient, or a view of it: */
	Node *c;                  /*   by this update */
} Trio;

typedef struct Fusion {
	Graph *g;
	Readers *readers;
	Trio trio[2];
	int count;                /* of two that read one input, */
	Node *sum;                /*   what adds their gradients; or NULL */
	int64_t channels;
	Node *after;              /* the last that must come before */
} Fusion;

/* ---- what belongs together ---- */

static bool is_update(const Node *n)
{
	for (int i = 0; i < n->nout; i++)
		if (!n->out[i]->var)
			return false;
	return n->op->scalar || n->op == &op_Fused;
}

static bool is_asked(const Node *update, const Options *o)
{
	for (int i = 0; i < update->nout; i++)
		if (o->stays[update->out[i]->var->id] == GRADIENT_TAKES_INPUT)
			return true;
	return false;
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

static bool find_input(const Fusion *f, Trio *t)
{
	for (int o = 0; o < t->c->nout; o++)
		FOR_READERS(f->readers, r, readers_of_variable(
			    f->readers, t->c->out[o]->var))
			if (is_input(t, r->node)) {
				t->input = r->node;
				return true;
			}
	return false;
}

static bool find_trio(const Fusion *f, Trio *t, Node *update)
{
	t->c = update;
	return find_weight(t) && find_input(f, t);
}

/* ---- two of one input ---- */

/* What replaces the weight that the ConvGradInput reads; NULL: nothing does. */
static Node *update_of(const Graph *g, const Node *input)
{
	const Value *w = value_viewed(input->in[1]);
	for (Node *n = g->first; n && w->kind == V_VARIABLE; n = n->next)
		for (int o = 0; o < n->nout; o++)
			if (n->out[o]->var == w->var)
				return n;
	return NULL;
}

/* The one reader of what the ConvGradInput gives, if it adds that to the like. */
static Node *find_sum(const Fusion *f, const Node *input)
{
	const Value *dx = input->out[0];
	const Reader *r = readers_of(f->readers, dx);
	bool adds = dx->nuses == 1 && r && members_sum_of_inputs(r->node);
	return adds ? r->node : NULL;
}

/* The first is that of which fewer channels do for a block. There are as few as
 * may be: a block of the other's gradient is in memory beside them. */
static void find_second(Fusion *f)
{
	Trio *t = f->trio, *other = t + 1;
	f->sum = find_sum(f, t->input);
	if (!f->sum)
		return;
	bool left = f->sum->in[0] == t->input->out[0];
	Node *input = f->sum->in[left]->def, *update = update_of(f->g, input);
	if (!update || !is_update(update) || !find_trio(f, other, update) ||
	    other->input != input || find_sum(f, input) != f->sum ||
	    other->weight->in[0] != t->weight->in[0])
		return;
	int64_t own = fused_conv_grad_channels(t->weight, false);
	int64_t its = fused_conv_grad_channels(other->weight, false);
	if (its && (!own || its < own)) {
		Trio first = *t;
		*t = *other;
		*other = first;
		own = its;
	}
	if (!fused_conv_grad_may_follow(other->weight, own))
		return;
	f->count = 2;
	f->channels = own;
}

static bool find(Fusion *f, Node *update, bool workspace)
{
	f->count = 1;
	if (!find_trio(f, f->trio, update))
		return false;
	f->channels = fused_conv_grad_channels(f->trio->weight, workspace);
	find_second(f);
	if (f->count == 1)
		f->sum = NULL;
	return f->channels > 0;
}

/* ---- where it goes ---- */

/* Is it one of those that go? */
static bool goes(const Fusion *f, const Node *n)
{
	bool any = n == f->sum;
	for (int i = 0; i < f->count; i++) {
		const Trio *t = &f->trio[i];
		any |= n == t->weight || n == t->input || n == t->c ||
		       n == t->read->def;
	}
	return any;
}

static void stay_behind(Fusion *f, Node *n)
{
	if (n && !goes(f, n) &&
	    (!f->after || readers_precede(f->readers, f->after, n)))
		f->after = n;
}

static void stay_behind_those_of(Fusion *f, const Trio *t)
{
	for (int i = 0; i < t->weight->nin; i++)
		stay_behind(f, t->weight->in[i]->def);
	stay_behind(f, t->input->in[1]->def);
	for (int i = 0; i < t->c->nin; i++)
		if (t->c->in[i] && t->c->in[i] != t->read)
			stay_behind(f, t->c->in[i]->def);
	for (int o = 0; o < t->c->nout; o++)
		FOR_READERS(f->readers, r, readers_of_variable(
			    f->readers, t->c->out[o]->var))
			stay_behind(f, r->node);
}

/* Nothing else is replaced that they read. */
static bool reads_own_variables(const Trio *t)
{
	const Node *part[] = {t->weight, t->input, t->c};
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

static Value *result(const Fusion *f)
{
	return f->sum ? f->sum->out[0] : f->trio->input->out[0];
}

/* Is all that reads the results behind it, and may all of them go there? */
static bool may_fuse(const Fusion *f)
{
	if (!f->after)
		return false;
	FOR_READERS(f->readers, r, readers_of(f->readers, result(f)))
		if (!readers_precede(f->readers, f->after, r->node))
			return false;
	for (int i = 0; i < f->count; i++)
		if (!reads_own_variables(&f->trio[i]))
			return false;
	return true;
}

/* ---- the fused node ---- */

static int most_inputs(const Fusion *f)
{
	int most = 0;
	for (int i = 0; i < f->count; i++)
		most += 3 + f->trio[i].c->nin;
	return most;
}

static int add_inputs(Value **in, int nin, const Trio *t)
{
	for (int i = 0; i < t->weight->nin; i++)
		nin = members_input(in, nin, t->weight->in[i]);
	nin = members_input(in, nin, t->input->in[1]);
	for (int i = 0; i < t->c->nin; i++)
		if (t->c->in[i] && t->c->in[i] != t->read)
			nin = members_input(in, nin, t->c->in[i]);
	return nin;
}

static int most_members(const Fusion *f)
{
	int most = 1;
	for (int i = 0; i < f->count; i++) {
		const Trio *t = &f->trio[i];
		most += 3 + members_count_views(t->read, t->weight) +
		        t->c->nbody;
	}
	return most;
}

static Node *fused_node(const Fusion *f)
{
	Arena *a = f->g->unit->arena;
	int nin = 0;
	Value **in = arena_array(a, Value *, most_inputs(f));
	for (int i = 0; i < f->count; i++)
		nin = add_inputs(in, nin, &f->trio[i]);
	Node *n = node_new(f->g, f->trio->c->loc, &op_FusedConvGrad, nin, in);
	n->body = arena_array(a, Node *, most_members(f));
	for (int i = 0; i < f->count; i++) {
		const Trio *t = &f->trio[i];
		n->body[n->nbody++] = t->input;
		n->body[n->nbody++] = t->weight;
		members_add_views(n, t->read, t->weight);
		members_add(n, t->c);
	}
	if (f->sum)
		n->body[n->nbody++] = f->sum;
	node_set_int(f->g, n, "channels", f->channels);
	return n;
}

/* A tile of each, what lies apart, then what is the members'. */
static void set_outputs(const Fusion *f, Node *n)
{
	int nout = n->nout + 1;
	for (int i = 0; i < f->count; i++)
		nout += f->trio[i].c->nout;
	Value **out = arena_array(f->g->unit->arena, Value *, nout);
	memcpy(out, n->out, sizeof *out * (size_t)n->nout);
	out[n->nout++] = result(f);
	for (int i = 0; i < f->count; i++) {
		const Node *c = f->trio[i].c;
		memcpy(out + n->nout, c->out, sizeof *out * (size_t)c->nout);
		n->nout += c->nout;
	}
	n->out = out;
	for (int o = 0; o < n->nout; o++)
		n->out[o]->def = n;
	for (int i = 0; i < f->count; i++)
		out[i]->memory = fused_conv_grad_is_linear(n, i)
		                 ? MEM_PARAMETER : MEM_GRADIENT;
}

static void remove_member(Fusion *f, Node *n)
{
	graph_remove(f->g, n);
	readers_remove(f->readers, n);
}

static void remove_trio(Fusion *f, const Trio *t)
{
	remove_member(f, t->c);
	for (const Value *v = t->read; v->def != t->weight; v = v->def->in[0])
		remove_member(f, v->def);
	remove_member(f, t->weight);
	remove_member(f, t->input);
}

static void replace(Fusion *f)
{
	Graph *g = f->g;
	Node *n = fused_node(f);
	node_set_outputs(g, n, fused_conv_grad_own(n));
	g->at = f->after->next;
	while (g->at && goes(f, g->at))
		g->at = g->at->next;
	node_done(g, n);
	g->at = NULL;
	readers_add(f->readers, g, n);
	set_outputs(f, n);
	for (int i = 0; i < f->count; i++)
		remove_trio(f, &f->trio[i]);
	if (f->sum)
		remove_member(f, f->sum);
}

static bool fuse(Fusion *f, Node *update, bool workspace)
{
	if (!find(f, update, workspace))
		return false;
	f->after = NULL;
	for (int i = 0; i < f->count; i++)
		stay_behind_those_of(f, &f->trio[i]);
	if (!may_fuse(f))
		return false;
	replace(f);
	return true;
}

static bool run(Graph *g, const Options *o)
{
	if (o->gradients != GRADIENTS_GONE || !o->stays)
		return false;
	const Core *core = target_or_host(o->target)->core;
	Arena *scratch = arena_create();
	Fusion f = {.g = g, .readers = readers_create(scratch, g)};
	bool changed = false;
	for (Node *next, *c = g->first; c; c = next) {
		bool done = is_update(c) && is_asked(c, o) &&
		            fuse(&f, c, core->workspace);
		next = done ? g->first : c->next;   /* others may be gone, too */
		changed |= done;
	}
	arena_destroy(scratch);
	return changed;
}

const Pass pass_fuse_conv_grad = {
	"fuse-conv-grad", "update convolutions with both their gradients",
	.needs = FACT_USES, .run = run,
};
