/*
 * Elementwise fusion: a node whose one result is read by one other elementwise
 * node of the same shape moves into it, and the result between them vanishes.
 * (What TVM calls injective fusion, greedily along single-use edges.)
 *
 * Moving the producer down to its consumer makes the producer's own inputs live
 * longer. That is free if at most one tensor of the result's size is kept alive
 * instead of the result; else only neighbours are fused.
 */
#include "ir/op.h"
#include "passes/members.h"
#include "passes/pass.h"

#include <string.h>

/* In one loop: what is merged again and again costs time by the square. */
enum { MOST_MEMBERS = 256 };

static bool elementwise(const Node *n)
{
	return n->op->scalar || n->op == &op_Fused;
}

/* Would the node's inputs outlive their present last use by more memory than
 * the result takes? Inputs that others read too are alive anyway, as far as a
 * local rule can tell. */
static bool keeps_more_alive(const Node *p)
{
	const Value *y = p->out[0];
	int64_t size = value_bytes(y), held = 0;
	for (int i = 0; i < p->nin; i++) {
		const Value *v = p->in[i];
		if (v && v->nuses == 1 && !v->fed &&
		    (v->kind == V_RESULT || v->kind == V_INPUT))
			held += value_bytes(v);
	}
	return held > size;
}

/* May p's computation move from its place down to c? */
static bool may_move(const Node *p, const Node *c)
{
	for (int i = 0; i < p->nin; i++) {
		const Value *v = p->in[i];
		if (!v || v->kind != V_VARIABLE || !v->var->mutable)
			continue;
		for (const Node *n = p->next; n != c; n = n->next)
			for (int o = 0; o < n->nout; o++)
				if (n->out[o]->var == v->var)
					return false;
	}
	return true;
}

static int count_reads(const Node *c, const Value *v)
{
	int reads = 0;
	for (int i = 0; i < c->nin; i++)
		reads += c->in[i] == v;
	return reads;
}

/* Bits are stored by the byte, so where they are, one loop must do. */
static bool one_loop(const Node *p, const Value *stored)
{
	for (int i = 0; i < p->nin; i++)
		if (p->in[i] && numel(p->in[i]->shape) != 1 &&
		    numel(p->in[i]->shape) != numel(stored->shape))
			return false;
	return true;
}

/* Bits are to be in memory instead of what they are of; unless they are taken a
 * second time, where they are wanted. */
static bool to_be_kept(const Node *p)
{
	const Node *last = p->nbody ? p->body[p->nbody - 1] : p;
	return p->out[0]->dtype == DT_BIT && last->again < 0;
}

/* What a FusedConvGrad may add up itself stays apart where it is asked for. */
static bool is_summed_elsewhere(const Node *p, const Options *o)
{
	if (!o || !o->stays || o->gradients != GRADIENTS_GONE ||
	    !members_sum_of_inputs(p))
		return false;
	for (int i = 0; i < 2; i++) {
		const Value *w = value_viewed(p->in[i]->def->in[1]);
		if (w->kind == V_VARIABLE &&
		    o->stays[w->var->id] == GRADIENT_TAKES_INPUT)
			return true;
	}
	return false;
}

static int members(const Node *n)
{
	return n->op == &op_Fused ? n->nbody : 1;
}

static bool fusable(const Node *p, const Node *c)
{
	if (!p || !elementwise(p) || p->nout != 1 || p->out[0]->var ||
	    p->op->view || c->op->view || to_be_kept(p) ||
	    members(p) + members(c) > MOST_MEMBERS)
		return false;
	const Value *y = p->out[0];
	return y->nuses == count_reads(c, y) &&
	       shape_equal(y->shape, c->out[0]->shape) && may_move(p, c) &&
	       (c->out[0]->dtype != DT_BIT || one_loop(p, y)) &&
	       (p->next == c || !keeps_more_alive(p));
}

static int append_members(Node **body, int count, Node *n)
{
	if (n->op != &op_Fused) {
		body[count] = n;
		return count + 1;
	}
	memcpy(body + count, n->body, sizeof *body * (size_t)n->nbody);
	return count + n->nbody;
}

static int add_input(Value **in, int nin, Value *v)
{
	for (int i = 0; i < nin; i++)
		if (in[i] == v)
			return nin;
	in[nin] = v;
	return nin + 1;
}

static void add_uses(const Node *n, int by)
{
	for (int i = 0; i < n->nin; i++)
		if (n->in[i])
			n->in[i]->nuses += by;
}

/* One node that does what p and then c do, at c's place. */
static Node *merge(Graph *g, Node *p, Node *c)
{
	Arena *a = g->unit->arena;
	Value *y = p->out[0], **in = arena_array(a, Value *, p->nin + c->nin);
	int nin = 0;
	for (int i = 0; i < p->nin; i++)
		if (p->in[i])
			nin = add_input(in, nin, p->in[i]);
	for (int i = 0; i < c->nin; i++)
		if (c->in[i] && c->in[i] != y)
			nin = add_input(in, nin, c->in[i]);
	Node *n = node_new(g, c->loc, &op_Fused, nin, in);
	n->id = c->id;
	n->nbody = members(p) + members(c);
	n->body = arena_array(a, Node *, n->nbody);
	append_members(n->body, append_members(n->body, 0, p), c);
	n->nout = c->nout;
	n->out = c->out;
	for (int o = 0; o < n->nout; o++)
		n->out[o]->def = n;
	n->prev = c->prev;
	n->next = c->next;
	*(n->prev ? &n->prev->next : &g->first) = n;
	*(n->next ? &n->next->prev : &g->last) = n;
	graph_remove(g, p);
	add_uses(c, -1);
	add_uses(n, 1);
	return n;
}

static bool run(Graph *g, const Options *o)
{
	bool changed = false;
	for (Node *c = g->first; c; c = c->next) {
		if (!elementwise(c))
			continue;
		for (int i = 0; i < c->nin; i++) {
			Node *p = c->in[i] ? c->in[i]->def : NULL;
			if (!fusable(p, c) || is_summed_elsewhere(p, o))
				continue;
			c = merge(g, p, c);
			changed = true;
			i = -1;
		}
	}
	return changed;
}

const Pass pass_fuse = {
	"fuse", "merge elementwise chains into one loop",
	.needs = FACT_USES, .run = run,
};
