/*
 * What it costs to fuse an update with its gradient. What the gradient is computed
 * from must stay until all other readers of the old parameter are done; where
 * that is so anyway, and where nothing could lie over it, it costs nothing.
 */
#include "ir/op.h"
#include "passes/fuse_update.h"

/* ---- what waits ---- */

static bool reads(const Node *n, const Value *root)
{
	for (int i = 0; i < n->nin; i++)
		if (n->in[i] && value_viewed(n->in[i]) == root)
			return true;
	return false;
}

/* The last reader of what c replaces that p does not need: while p's inputs are
 * there it may still be to come. */
static const Node *last_rival(Candidate *f, const Node *p)
{
	const Readers *rs = f->readers;
	const Node *last = NULL;
	leads_begin(f->leads, p);
	for (int o = 0; o < f->c->nout; o++) {
		if (!f->c->out[o]->var)
			continue;
		FOR_READERS(rs, r, readers_of_variable(rs, f->c->out[o]->var)) {
			if (r->node == p ||
			    !readers_precede(rs, r->node, f->c) ||
			    (last && readers_precede(rs, r->node, last)))
				continue;
			if (!leads_from(f->leads, r->node))
				last = r->node;
		}
	}
	return last;
}

static bool in_arena(const Value *v)
{
	return value_is_given(v) || (v->kind == V_RESULT && !v->var);
}

/* Bits can be taken of a value, and other parameters' gradients computed from
 * it, before the rival runs. */
static bool can_wait(const Node *n)
{
	return n->op != &op_FusedUpdate && n->out[0]->dtype != DT_BIT &&
	       n->out[0]->memory != MEM_GRADIENT;
}

/* Is the value there while the rival runs, whatever becomes of p? */
static bool outlives(const Candidate *f, const Value *root, const Node *p,
                     const Node *rival)
{
	if (reads(rival, root))
		return true;
	FOR_READERS(f->readers, r, readers_of(f->readers, root)) {
		const Node *n = r->node;
		if (n != p && !n->op->view && can_wait(n) &&
		    readers_precede(f->readers, rival, n))
			return true;
	}
	return false;
}

static int64_t bytes_held(Candidate *f, const Node *p)
{
	const Node *rival = last_rival(f, p);
	int64_t held = 0;
	for (int i = 0; rival && i < p->nin; i++) {
		const Value *x = p->in[i];
		const Value *root = x ? value_viewed(x) : NULL;
		if (root && in_arena(root) && !outlives(f, root, p, rival))
			held += value_bytes(root);
	}
	return held;
}

bool fusing_pays(Candidate *f)
{
	int64_t held = f->tile_bytes, gone = 0;
	for (int s = 0; s < f->nsources; s++) {
		held += bytes_held(f, f->source[s].p);
		gone += value_bytes(f->source[s].p->out[0]);
	}
	return held <= gone;
}

/* Bytes that n saves by writing over what is viewed as root, if that dies. */
static int64_t saved_over(const Node *n, const Value *root)
{
	Arena *scratch = arena_create();
	const Kernel *k = kernel_of(scratch, n);
	const Value *out = n->out[0];
	int64_t ahead = 0, left;
	for (int i = 0; i < n->nin; i++) {
		int64_t d = n->in[i] && value_viewed(n->in[i]) == root
		            ? kernel_distance(k, n->in[i], out) : 0;
		ahead = d > ahead ? d : ahead;
	}
	arena_destroy(scratch);
	left = value_bytes(out) > ahead ? value_bytes(out) - ahead : 0;
	return left < value_bytes(root) ? left : value_bytes(root);
}

bool fusing_prevents_overlap(const Candidate *f, int source)
{
	const Node *p = f->source[source].p;
	int64_t more = value_bytes(p->out[0]) - f->tile_bytes;
	for (int i = 0; i < p->nin; i++) {
		const Value *root = p->in[i] ? value_viewed(p->in[i]) : NULL;
		if (!root || !in_arena(root) || value_bytes(root) <= more)
			continue;
		FOR_READERS(f->readers, r, readers_of(f->readers, root))
			if (r->node != p && r->node != f->c &&
			    op_computes(r->node->op) && !r->node->op->view &&
			    !r->node->out[0]->var && saved_over(r->node, root) > more)
				return true;
	}
	return false;
}

