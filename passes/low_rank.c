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
#include <math.h>

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
	if (o->nlow_ranks && o->optimizer.blockwise)
		error_at(g->unit, (Loc){0}, "--low-rank: 8-bit state is of whole "
		         "matrices; give --optimizer adam, say");
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

/* Elements that persist beside the parameter. */
static int64_t elements(const LowRank *l, const OptimizerOptions *o, int64_t m,
                        int64_t n)
{
	int64_t small = m < n ? m : n, large = m + n - small;
	int states = optimizer_states(o);
	if (l->form == LOW_RANK_FACTORS)
		return l->rank * (1 + states) * (m + n);
	if (l->form != LOW_RANK_PROJECTION)
		return l->rank * (m + n + 1);
	return l->rank * (large + (states + !direction_state(o)) * small);
}

/* Why the gradient is taken whole; NULL: it is not. */
static const char *refuse(const Value *grad, const LowRank *l,
                          const OptimizerOptions *o)
{
	int64_t m = gradient_rows(grad), n = gradient_columns(grad);
	int states = optimizer_states(o) > 0 ? optimizer_states(o) : 1;
	const char *why = project_refuses(grad);
	if (why)
		return why;
	if (l->rank >= m || l->rank >= n)
		return "its own rank is no higher";
	/* What passes through the arena is once more of the same. */
	return 2 * elements(l, o, m, n) >= states * m * n
	       ? "it would not save memory" : NULL;
}

static const Thin *judge(Arena *a, const Value *grad, const LowRank *l,
                         const OptimizerOptions *o)
{
	Thin *t = arena_new(a, Thin);
	int64_t m = gradient_rows(grad), n = gradient_columns(grad);
	t->why = refuse(grad, l, o);
	if (t->why)
		return t;
	t->rank = l->rank;
	bool streams = l->form == LOW_RANK_STREAMING && streams_samples(grad);
	t->passes_more = !streams && l->rank * project_samples(grad) > m * n;
	t->saved = (optimizer_states(o) * m * n - elements(l, o, m, n)) *
	           dtype_size(grad->dtype);
	return t;
}

/* ---- the first basis ---- */

/* In [-1, 1), from a hash of i (splitmix64; Steele, Lea, Flood 2014). */
static double noise(uint64_t i)
{
	uint64_t z = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	z ^= z >> 31;
	return (double)(z >> 11) / 4503599627370496.0 - 1;
}

/* Row i less what it has of the rows before, with length 1. */
static void orthonormalise_row(double *q, int64_t i, int64_t n)
{
	double square = 0;
	for (int64_t j = 0; j < i; j++) {
		double part = 0;
		for (int64_t c = 0; c < n; c++)
			part += q[i * n + c] * q[j * n + c];
		for (int64_t c = 0; c < n; c++)
			q[i * n + c] -= part * q[j * n + c];
	}
	for (int64_t c = 0; c < n; c++)
		square += q[i * n + c] * q[i * n + c];
	for (int64_t c = 0; c < n; c++)
		q[i * n + c] /= sqrt(square);
}

static const void *first_basis(Arena *a, DType type, int64_t r, int64_t n)
{
	double *q = arena_array(a, double, r * n);
	char *data = arena_alloc(a, (size_t)(r * n * dtype_size(type)) + 1);
	for (int64_t i = 0; i < r * n; i++)
		q[i] = noise((uint64_t)i);
	for (int64_t i = 0; i < r; i++)
		orthonormalise_row(q, i, n);
	for (int64_t i = 0; i < r * n; i++)
		dtype_put(type, data, i, (Scalar){.f = q[i]});
	return data;
}

/* ---- the update ---- */

Value *low_rank_state(const LowRankUpdate *u, const char *what, int64_t n,
                         bool basis)
{
	int64_t r = u->l->rank;
	Value *v = optimizer_state(u->g, u->owner, what, u->w->dtype,
	                           (Shape){2, {r, n}});
	if (basis && !v->var->data)
		v->var->data = first_basis(u->g->unit->arena, v->dtype, r, n);
	return v;
}

/* A condition: this step is one of each `refresh`. */
Value *low_rank_is_refresh(const LowRankUpdate *u)
{
	Graph *g = u->g;
	Value *step = graph_scalar_input(g, "step", IN_STEP, DT_I32, 1);
	Value *rest = APPLY(g, u->loc, op_Mod, step,
	                    graph_scalar(g, DT_I32, (double)u->l->refresh));
	return APPLY(g, u->loc, op_Equal, rest, graph_scalar(g, DT_I32, 0));
}

/* `new` at a refresh, else `old`; becomes the variable. */
static void refresh(const LowRankUpdate *u, Value *new, Value *old,
                    Variable *becomes)
{
	Value *v = u->l->refresh == 1 ? new
	         : APPLY(u->g, u->loc, op_Where, low_rank_is_refresh(u), new,
	                 old);
	node_replaces(v->def, 0, becomes);
}

Value *low_rank_gradient(const LowRankUpdate *u, Value *basis, Side side)
{
	Value *v = (u->whole ? project_whole : project)(u->g, u->grad, basis,
	                                                side);
	v->memory = MEM_GRADIENT;
	return v;
}

Value *low_rank_subspace(const LowRankUpdate *u, Value *basis, Value *product,
                       double rate)
{
	Node *n = NEW(u->g, u->loc, op_SubspaceIteration, basis, product);
	node_set_float(u->g, n, "rate", rate);
	return node_done(u->g, n);
}

/* w (1 - lr weight_decay) + a^T b. */
void low_rank_add(const LowRankUpdate *u, Value *a, Value *b)
{
	Graph *g = u->g;
	Value *in[4] = {graph_variable(g, u->w), a, b};
	if (u->o->weight_decay > 0) {
		Value *lr = hyper_parameter(g, "lr", u->o->lr);
		Value *decay = hyper_parameter(g, "weight_decay",
		                               u->o->weight_decay);
		Value *lost = APPLY(g, u->loc, op_Mul, lr, decay);
		in[3] = APPLY(g, u->loc, op_Sub, graph_scalar(g, DT_F32, 1),
		              lost);
	}
	Node *n = node_new(g, u->loc, &op_LowRankUpdate, in[3] ? 4 : 3, in);
	if (node_done(g, n))
		node_replaces(n, 0, u->w);
}

/* What there is of the steps before, in the basis: the optimizer's momentum, or
 * the last gradient, which then is kept for that. */
static Value *direction(const LowRankUpdate *u, Value *seen)
{
	const char *name = direction_state(u->o);
	return low_rank_state(u, name ? name : "direction", seen->shape.dim[1],
	                  false);
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

Value *low_rank_stack(const LowRankUpdate *u, Value *a, Value *b)
{
	Node *n = NEW(u->g, u->loc, op_Concat, a, b);
	node_set_int(u->g, n, "axis", 0);
	return node_done(u->g, n);
}

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
