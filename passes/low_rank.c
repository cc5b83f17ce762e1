/*
 * Gradients of a low rank: the optimizer's state, and what it sees of the
 * gradient G [m, n], are thin matrices. Two forms are here, two more in
 * low_rank_factored.c.
 *
 * Projection, as in GaLore (Zhao et al. 2024): with a basis B [r, n] of
 * orthonormal rows, the optimizer updates B G^T [r, m], and what it would add
 * to that is added to the parameter in the basis' directions. B runs along the
 * larger dimension, so that the moments are the smaller. No decomposition is
 * needed to renew it: each step B turns towards the rows of G^T M, where M is
 * what the optimizer has of the steps before, a step of the power method
 * (SubspaceIteration.c). M being old, both products are sums over the batch that
 * one pass over it gives.
 *
 * Factors (Gooneratne et al. 2020): u [r, m] and v [r, n] are trained by their
 * gradients v G^T and u G, and what changes in u^T v is added to the parameter
 * at once, so that the forward pass knows nothing of them. Every `refresh` steps
 * u starts from 0 again, and v with orthonormal rows.
 *
 * Weight decay is decoupled in both: w (1 - lr weight_decay), as in AdamW.
 *
 * The gradient is not computed. Where it is smaller than what its products meet
 * first (project.h), as of small convolutions over large maps, it may be, for the
 * moment: so nothing takes more than the state that it saves. What is least in all,
 * functions.c finds out.
 */
#include "passes/low_rank_form.h"

#include "ir/build.h"

#include <fnmatch.h>

/* ---- which parameters ---- */

static const LowRank *low_rank_of(const Options *o, const char *name)
{
	for (int i = o->nlow_ranks - 1; i >= 0; i--)
		if (!o->low_rank[i].pattern ||
		    !fnmatch(o->low_rank[i].pattern, name, 0))
			return &o->low_rank[i];
	return NULL;
}

/* Two forms are optimizers themselves. */
static void check_form(Graph *g, const LowRank *l, OptimizerKind kind)
{
	if (l->form == LOW_RANK_STREAMING && kind != OPT_SGD)
		error_at(g->unit, (Loc){0}, "--low-rank: form=streaming "
		         "applies gradients as SGD does; give --optimizer sgd");
	if (l->form == LOW_RANK_MOFASGD && kind != OPT_MOMENTUM)
		error_at(g->unit, (Loc){0}, "--low-rank: form=mofasgd is "
		         "momentum; give --optimizer momentum");
}

bool check_low_ranks(Graph *g, const Options *o)
{
	int before = g->unit->nerrors;
	if (o->nlow_ranks && o->optimizer.kind == OPT_NONE)
		error_at(g->unit, (Loc){0}, "--low-rank: there is no optimizer "
		         "whose gradients these are; give --loss, or "
		         "--optimizer for the loss in the file");
	for (int i = 0; i < o->nlow_ranks; i++) {
		check_form(g, &o->low_rank[i], o->optimizer.kind);
		if (o->low_rank[i].pattern)
			check_pattern(g, o->low_rank[i].pattern, "--low-rank");
	}
	return g->unit->nerrors == before;
}

/* The state that has the gradients of the steps before, and not their squares;
 * NULL: none has. */
static const char *direction_state(const OptimizerOptions *o)
{
	switch (o->kind) {
	case OPT_ADAM:
	case OPT_ADAMW:
	case OPT_LION:
		return "exp_avg";
	case OPT_MOMENTUM:
	case OPT_NESTEROV:
		return "momentum_buffer";
	default:
		return NULL;
	}
}

/* A gradient [m, n], and what is asked for it. */
typedef struct Asked {
	int64_t m, n;
	DType type;
	const LowRank *l;
	const OptimizerOptions *o;
} Asked;

/* Bytes of the optimizer's state of a matrix of so many elements. */
static int64_t states_of(const Asked *a, int64_t elements)
{
	return optimizer_states(a->o) *
	       optimizer_state_bytes(a->o, a->type, elements);
}

/* Bytes that persist beside the parameter. */
static int64_t thin_bytes(const Asked *a)
{
	int64_t m = a->m, n = a->n, r = a->l->rank, size = dtype_size(a->type);
	int64_t small = m < n ? m : n, large = m + n - small;
	if (a->l->form == LOW_RANK_FACTORS)
		return r * (m + n) * size + states_of(a, r * m) +
		       states_of(a, r * n);
	if (a->l->form != LOW_RANK_PROJECTION)
		return r * (m + n + 1) * size;
	return r * (large + (direction_state(a->o) ? 0 : small)) * size +
	       states_of(a, r * small);
}

/* Why the gradient is taken whole; NULL: it is not. */
static const char *refuse(const Value *grad, const Asked *a)
{
	int64_t whole = optimizer_states(a->o) ? states_of(a, a->m * a->n)
	                                       : a->m * a->n *
	                                         dtype_size(a->type);
	const char *why = project_refuses(grad);
	if (why)
		return why;
	if (a->l->rank >= a->m || a->l->rank >= a->n)
		return "its own rank is no higher";
	/* What passes through the arena is once more of the same. */
	return 2 * thin_bytes(a) >= whole ? "it would not save memory" : NULL;
}

static const Thin *judge(Arena *arena, const Value *grad, const LowRank *l,
                         const OptimizerOptions *o)
{
	Thin *t = arena_new(arena, Thin);
	Asked a = {gradient_rows(grad), gradient_columns(grad), grad->dtype, l,
	           o};
	t->gradient = grad->gradient_of;
	t->why = refuse(grad, &a);
	if (t->why)
		return t;
	t->rank = l->rank;
	bool streams = l->form == LOW_RANK_STREAMING && streams_samples(grad);
	t->passes_more = !streams &&
	                 l->rank * project_samples(grad) > a.m * a.n;
	t->saved = states_of(&a, a.m * a.n) - thin_bytes(&a);
	return t;
}

/* ---- the update ---- */

/* `new` at a refresh, else `old`; becomes the variable. */
static void refresh(const LowRankUpdate *u, Value *new, Value *old,
                    Variable *becomes)
{
	Value *v = u->l->refresh == 1 ? new
	         : APPLY(u->g, u->loc, op_Where, low_rank_is_refresh(u), new,
	                 old);
	node_replaces(v->def, 0, becomes);
}

/* What there is of the steps before, in the basis: the optimizer's momentum, or
 * the last gradient, which then is kept for that. */
static Value *direction(const LowRankUpdate *u, Value *seen)
{
	const char *name = direction_state(u->o);
	if (!name)
		return low_rank_state(u, "direction", seen->shape.dim[1], false);
	Value *v = decoded_state(u->g, u->owner, name, seen, u->o);
	if (v->kind == V_RESULT)
		v->memory = MEM_GRADIENT;
	return v;
}

static void keep_direction(const LowRankUpdate *u, Value *seen, Value *last)
{
	if (direction_state(u->o))
		return;
	Value *copy = APPLY(u->g, u->loc, op_Copy, seen);
	node_replaces(copy->def, 0, last->var);
}

/* What the optimizer would add to a matrix of zeros. */
static Value *change_of(const LowRankUpdate *u, Value *seen)
{
	Value *zero = graph_scalar(u->g, seen->dtype, 0);
	Value *nought = build_expand(u->g, u->loc, zero, seen->shape);
	Node *n = update_node(u->g, u->owner, nought, seen, false, u->o);
	return n ? build_scale(u->g, u->loc, n->out[0], u->l->scale) : nought;
}

static void append_projection(const LowRankUpdate *u)
{
	int64_t m = gradient_rows(u->grad), n = gradient_columns(u->grad);
	bool wide = m <= n;
	Value *basis = low_rank_state(u, "basis", wide ? n : m, true);
	Value *seen = low_rank_gradient(u, basis,
	                                wide ? SIDE_COLUMNS : SIDE_ROWS);
	Value *last = direction(u, seen);
	Value *turn = low_rank_gradient(u, last,
	                                wide ? SIDE_ROWS : SIDE_COLUMNS);
	Value *change = change_of(u, seen);
	keep_direction(u, seen, last);
	low_rank_add(u, wide ? change : basis, wide ? basis : change);
	refresh(u, low_rank_subspace(u, basis, turn, u->l->rate), basis,
	        basis->var);
}

/* ---- factors ---- */

static Value *trained(const LowRankUpdate *u, Value *factor, Value *grad)
{
	Node *n = update_node(u->g, factor->var->name, factor, grad, false,
	                      u->o);
	return n ? n->out[0] : factor;
}

/* u'^T v' - u^T v = (u' - u)^T v' + u^T (v' - v), a product of 2 r rows. */
static void append_factors(const LowRankUpdate *u)
{
	Graph *g = u->g;
	int64_t m = gradient_rows(u->grad), n = gradient_columns(u->grad);
	Value *a = low_rank_state(u, "u", m, false);
	Value *b = low_rank_state(u, "v", n, true);
	Value *anew = trained(u, a, low_rank_gradient(u, b, SIDE_COLUMNS));
	Value *bnew = trained(u, b, low_rank_gradient(u, a, SIDE_ROWS));
	Value *da = APPLY(g, u->loc, op_Sub, anew, a);
	Value *db = APPLY(g, u->loc, op_Sub, bnew, b);
	low_rank_add(u, low_rank_stack(u, da, a), low_rank_stack(u, bnew, db));
	Value *nought = build_expand(g, u->loc, graph_scalar(g, a->dtype, 0),
	                             a->shape);
	refresh(u, nought, anew, a->var);
	refresh(u, low_rank_subspace(u, bnew, bnew, 0), bnew, b->var);
}

static void (*const append[])(const LowRankUpdate *) = {
	[LOW_RANK_PROJECTION] = append_projection,
	[LOW_RANK_FACTORS] = append_factors,
	[LOW_RANK_STREAMING] = append_streaming,
	[LOW_RANK_MOFASGD] = append_mofasgd,
};

bool append_low_rank_update(Graph *g, Variable *w, Value *grad,
                            const Options *o)
{
	const LowRank *l = grad->shape.rank < 2 ? NULL
	                                        : low_rank_of(o, w->name);
	if (!l)
		return false;
	w->thin = judge(g->unit->arena, grad, l, &o->optimizer);
	if (w->thin->why)
		return false;
	LowRankUpdate u = {
		.g = g, .loc = {w->name, "LowRank"}, .w = w, .grad = grad,
		.l = l, .o = &o->optimizer,
		.owner = arena_printf(g->unit->arena, "%s/low_rank", w->name),
		.whole = o->whole && w->thin->passes_more,
	};
	append[l->form](&u);
	return true;
}
