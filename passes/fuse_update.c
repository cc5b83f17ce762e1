/*
 * The gradient buffer disappears: where one node computes a parameter's gradient
 * and only the update reads it, both become a FusedUpdate, which computes single
 * elements, or a few rows at a time, and updates with those at once; or, if the
 * update is linear in the gradient, has a tuned function store what comes of it.
 * Of a sum of gradients, such as that of a parameter which is read twice, each
 * is then added where it is computed.
 *
 * The update must come after all other readers of the old parameter; so what
 * the gradient is computed from may have to stay until then, where before the
 * gradient itself did. Only if that is no larger are the two fused, or if all
 * gradients are to go, because other steps need more (see plan_step.c).
 *
 * An update that is not elementwise may still take the gradient row by row.
 *
 * In the graph for one part of a batch, what adds a gradient to a sum is no
 * other: there a tile of the summand is enough.
 *
 * Another reader of what the gradient is computed from may be able to write its
 * result over that, if it comes last. Then it is not fused if such overlaps are
 * wanted and this saves more.
 */
#include "passes/fuse_update.h"

#include "ir/op.h"
#include "passes/gradient_tile.h"
#include "passes/members.h"
#include "passes/pass.h"

#include <string.h>

/* ---- the pair ---- */

/* The sum over the parts that came before, which n adds to; NULL: none. */
static const Value *total_of(const Node *n)
{
	for (int i = 0; i < n->nin; i++)
		if (n->in[i] && n->in[i]->kind == V_INPUT &&
		    n->in[i]->total == n->out[0])
			return n->in[i];
	return NULL;
}

static bool by_rows(const Node *n)
{
	return n->op->update_rows && n->op->update_rows->fits(n);
}

static bool updates(const Node *n)
{
	bool any = total_of(n) != NULL;
	for (int o = 0; o < n->nout; o++)
		any |= n->out[o]->var != NULL;
	return any && (n->op->scalar || n->op == &op_Fused || by_rows(n));
}

static bool is_pair(Candidate *f, Node *c, const Value *read)
{
	Node *p = read ? members_source(read) : NULL;
	f->c = c;
	f->nsources = 1;
	f->source[0] = (Source){p, read};
	if (!p || !is_gradient(p))
		return false;
	return by_rows(c) ? read == c->in[1] && read == p->out[0]
	                  : members_lie_alike(c, numel(p->out[0]->shape));
}

static bool can_add(const Tile *t)
{
	return t->by_element || t->by_sum;
}

/* The other gradients that c reads, if they can be added one by one. */
static void find_addends(Candidate *f, bool workspace)
{
	for (int i = 0; i < f->c->nin; i++) {
		const Value *read = f->c->in[i];
		Node *p = read && read != f->source[0].read ? members_source(read)
		                                             : NULL;
		if (!p || !is_gradient(p) || f->nsources == MOST_GRADIENTS)
			continue;
		Tile t = tile_of(p, workspace, false);
		if (can_add(&t))
			f->source[f->nsources++] = (Source){p, read};
	}
}

static bool is_read_from(const Candidate *f, const Value *v)
{
	for (int s = 0; s < f->nsources; s++)
		if (f->source[s].read == v)
			return true;
	return false;
}

/* ---- the fused node ---- */

/* Members that come before those of c. */
static int count_sources(const Candidate *f)
{
	int count = f->nsources;
	for (int s = 0; s < f->nsources; s++)
		count += members_count_views(f->source[s].read, f->source[s].p);
	return count;
}

static Value **list_inputs(const Candidate *f, int *nin)
{
	const Node *c = f->c;
	int most = c->nin;
	for (int s = 0; s < f->nsources; s++)
		most += f->source[s].p->nin;
	Value **in = arena_array(f->g->unit->arena, Value *, most);
	*nin = 0;
	for (int s = 0; s < f->nsources; s++) {
		const Node *p = f->source[s].p;
		for (int i = 0; i < p->nin; i++)
			if (p->in[i])
				*nin = members_input(in, *nin, p->in[i]);
	}
	for (int i = 0; i < c->nin; i++)
		if (c->in[i] && !is_read_from(f, c->in[i]))
			*nin = members_input(in, *nin, c->in[i]);
	return in;
}

static Node *fused_node(const Candidate *f)
{
	Graph *g = f->g;
	Node *c = f->c;
	int nin;
	Value **in = list_inputs(f, &nin);
	Node *n = node_new(g, c->loc, &op_FusedUpdate, nin, in);
	n->body = arena_array(g->unit->arena, Node *,
	                      count_sources(f) + 1 + c->nbody);
	for (int s = 0; s < f->nsources; s++)
		n->body[n->nbody++] = f->source[s].p;
	for (int s = 0; s < f->nsources; s++)
		members_add_views(n, f->source[s].read, f->source[s].p);
	members_add(n, c);
	node_set_int(g, n, "rows", f->rows);
	node_set_int(g, n, "adds", f->adds);
	return n;
}

/* Is all that it gives linear in the gradients, a sum or a parameter that may be
 * the sum? Where a sum is added to later, it must lie over what was there: a
 * copy of it could not go there. */
static bool is_linear(const Candidate *f)
{
	Linear l;
	Arena *scratch = arena_create();
	Node *n = fused_node(f);
	n->out = f->c->out;
	n->nout = f->c->nout;
	bool linear = linear_update(kernel_create(scratch, n), n, f->nsources,
	                            &l) &&
	              kernel_in_place(kernel_of(scratch, n), l.from, l.to);
	arena_destroy(scratch);
	return linear;
}

static bool add_up(Candidate *f, const Tile *t, bool workspace)
{
	f->rows = 0;
	f->adds = true;
	if (can_add(t))
		find_addends(f, workspace);
	if (f->nsources > 1 && is_linear(f))
		return true;
	f->nsources = 1;
	f->adds = !t->by_element && t->by_sum && is_linear(f);
	return f->adds;
}

static bool choose_tile(Candidate *f, bool workspace, bool must)
{
	Tile t = tile_of(f->source[0].p, workspace, must);
	f->tile_bytes = 0;
	f->adds = false;
	if (!by_rows(f->c) && (add_up(f, &t, workspace) || t.by_element))
		return true;
	f->rows = t.rows;
	f->tile_bytes = t.bytes;
	return t.rows > 0;
}

/* ---- where it goes, and what that keeps alive ---- */

static bool reads_replaced(const Node *n, const Node *c)
{
	for (int i = 0; i < n->nin; i++) {
		const Value *x = n->in[i] ? value_viewed(n->in[i]) : NULL;
		for (int o = 0; x && x->kind == V_VARIABLE && o < c->nout; o++)
			if (c->out[o]->var == x->var)
				return true;
	}
	return false;
}

/* Is its gradient one of those that are to be gone? */
static bool must_go(const Candidate *f, const Options *o)
{
	if (o->gradients != GRADIENTS_GONE)
		return false;
	for (int i = 0; i < f->c->nout; i++) {
		const Variable *var = f->c->out[i]->var;
		if (var && o->stays && o->stays[var->id] == GRADIENT_STAYS)
			return false;
	}
	return true;
}

static bool is_wanted(Candidate *f, const Options *o)
{
	if (must_go(f, o))
		return true;
	bool overlaid = o->gradients == GRADIENTS_OVERLAID;
	for (int s = 0; overlaid && s < f->nsources; s++)
		if (fusing_prevents_overlap(f, s))
			return false;
	return fusing_pays(f);
}

/* Does anything in p's way down replace a variable that p reads? */
static bool may_move(const Candidate *f, const Node *p)
{
	for (int i = 0; i < p->nin; i++) {
		const Value *x = p->in[i] ? value_viewed(p->in[i]) : NULL;
		const Node *by = x && x->kind == V_VARIABLE
		                 ? f->replaced_by[x->var->id] : NULL;
		if (by && readers_precede(f->readers, p, by) &&
		    !readers_precede(f->readers, f->after, by))
			return false;
	}
	return true;
}

/* May all sources go to that place, and none reads what c replaces? */
static bool may_fuse(const Candidate *f)
{
	for (int s = 0; s < f->nsources; s++)
		if (reads_replaced(f->source[s].p, f->c) ||
		    !may_move(f, f->source[s].p))
			return false;
	return true;
}

static void stay_behind(Candidate *f, Node *n)
{
	if (readers_precede(f->readers, f->after, n) &&
	    readers_precede(f->readers, n, f->c))
		f->after = n;
}

/* As early as may be: behind p, all that c reads, and all other readers of what
 * it replaces. */
static void find_place(Candidate *f)
{
	const Node *c = f->c;
	f->after = f->source[0].p;
	for (int s = 1; s < f->nsources; s++)
		stay_behind(f, f->source[s].p);
	for (int i = 0; i < c->nin; i++)
		if (c->in[i] && c->in[i]->def && !is_read_from(f, c->in[i]))
			stay_behind(f, c->in[i]->def);
	for (int o = 0; o < c->nout; o++) {
		if (!c->out[o]->var)
			continue;
		FOR_READERS(f->readers, r, readers_of_variable(
			    f->readers, c->out[o]->var))
			stay_behind(f, r->node);
	}
}

/* ---- instead of the pair ---- */

/* A sum is outside of the graph for one part: no copy can go there. */
static bool adds_in_place(Candidate *f)
{
	const Value *total = total_of(f->c);
	if (!total)
		return true;
	Node *n = fused_node(f);
	Value tile = {.name = "tile", .kind = V_RESULT};
	Value *out[] = {f->rows ? &tile : f->c->out[0], f->c->out[0]};
	n->out = out;
	n->nout = f->rows ? 2 : 1;
	if (!op_infer(f->g->unit, n))
		return false;
	Arena *scratch = arena_create();
	bool safe = kernel_in_place(kernel_of(scratch, n), total,
	                            f->c->out[0]);
	arena_destroy(scratch);
	return safe;
}

static void replace(Candidate *f)
{
	Graph *g = f->g;
	Node *n = fused_node(f);
	int own = f->rows > 0;
	Value **out = arena_array(g->unit->arena, Value *, own + f->c->nout);
	node_set_outputs(g, n, 1);
	g->at = f->after->next;
	graph_remove(g, f->c);
	readers_remove(f->readers, f->c);
	node_done(g, n);
	readers_add(f->readers, g, n);
	g->at = NULL;
	n->out[0]->memory = MEM_GRADIENT;
	n->out[0]->gradient_of = value_viewed(f->source[0].read)->gradient_of;
	out[0] = n->out[0];
	memcpy(out + own, f->c->out, sizeof *out * (size_t)f->c->nout);
	n->nout = own + f->c->nout;
	n->out = out;
	for (int o = 0; o < n->nout; o++) {
		n->out[o]->def = n;
		if (n->out[o]->var)
			f->replaced_by[n->out[o]->var->id] = n;
	}
	for (int b = 0; b < count_sources(f); b++) {
		graph_remove(g, n->body[b]);
		readers_remove(f->readers, n->body[b]);
	}
}

/* ---- the pass ---- */

static bool fuse(Candidate *f, Node *c, const Options *o, bool workspace)
{
	for (int i = 0; i < c->nin; i++) {
		if (!is_pair(f, c, c->in[i]) ||
		    !choose_tile(f, workspace, must_go(f, o)))
			continue;
		find_place(f);
		if (!may_fuse(f) || !is_wanted(f, o) || !adds_in_place(f))
			continue;
		replace(f);
		return true;
	}
	return false;
}

static Candidate candidate_create(Arena *a, Graph *g)
{
	Candidate f = {
		.g = g, .readers = readers_create(a, g),
		.replaced_by = arena_array(a, Node *, g->model->nvars + 1),
	};
	f.leads = leads_create(a, g, f.readers);
	for (Node *n = g->first; n; n = n->next)
		for (int o = 0; o < n->nout; o++)
			if (n->out[o]->var)
				f.replaced_by[n->out[o]->var->id] = n;
	return f;
}

static bool run(Graph *g, const Options *o)
{
	const Core *core = target_or_host(o->target)->core;
	Arena *scratch = arena_create();
	bool changed = false;
	Candidate f = candidate_create(scratch, g);
	for (Node *c = g->first, *next; c; c = next) {
		next = c->next;
		changed |= updates(c) && fuse(&f, c, o, core->workspace);
	}
	arena_destroy(scratch);
	return changed;
}

const Pass pass_fuse_update = {
	"fuse-update", "update parameters by tiles of their gradients",
	.needs = FACT_USES, .run = run,
};
