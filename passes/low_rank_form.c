/*
 * What the forms of low_rank.c and low_rank_factored.c are made of: thin state,
 * orthonormal at first where it is a basis, gradients times it, and what is added to
 * the parameter.
 */
#include "passes/low_rank_form.h"

#include <math.h>

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

Value *low_rank_stack(const LowRankUpdate *u, Value *a, Value *b)
{
	Node *n = NEW(u->g, u->loc, op_Concat, a, b);
	node_set_int(u->g, n, "axis", 0);
	return node_done(u->g, n);
}
