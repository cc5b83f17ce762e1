/*
 * Sums of gradients of which only the r largest singular values are kept: state
 * u [r, m], s [r], v [r, n] stands for u^T diag(s) v, u and v with orthonormal
 * rows. What is added is a product of thin matrices, too, so that both together
 * are a^T core b with k rows each; with a = ta qa and b = tb qb, of orthonormal
 * rows qa and qb (Gram-Schmidt), that is qa^T (ta^T core tb) qb, and the small
 * matrix in the middle is all that is decomposed (SVD.c).
 *
 * Streaming (Gural et al. 2020, "Low-Rank Training of Deep Neural Networks for
 * Emerging Memory Technology"): each sample's gradient, one product dy^T x, is
 * added to the sum, which after `refresh` steps is applied, as SGD would its mean,
 * and begins anew. It is what a batch of so many steps would give, less what does
 * not fit the rank. The truncation is the paper's biased one: the largest r stay.
 * What is applied need not fit: the last step's is added as it is.
 *
 * MoFaSGD (Mahdavinia, Mahdavi 2025, "Low-rank Momentum Factorization for Memory
 * Efficient Training"): the sum is the momentum. Of the gradient G counts what lies
 * in the tangent space of its factors, which is uu^T G + G vv^T - uu^T G vv^T:
 *
 *   [u; v G^T]^T [beta s - u G v^T, 1; 1, 0] [v; u G],   w' = w - lr u'^T v'
 *
 * so that neither G nor the momentum is ever whole, and a step has the same length
 * in all r directions.
 *
 * Streaming does so, too, with beta 1, where samples are many, or the gradient is
 * no product that has a row for each: of convolutions, recurrences, tables.
 */
#include "passes/low_rank_form.h"

#include "ir/build.h"

/* Rows that one step may add: the decomposition takes time with their cube. */
enum { MOST_SAMPLES = 16 };

/* ---- small matrices ---- */

static Value *product(const LowRankUpdate *u, Value *a, bool ta, Value *b,
                      bool tb)
{
	return project_product(u->g, u->loc, a, ta, b, tb, 1);
}

static Value *beside(const LowRankUpdate *u, Value *a, Value *b, int axis)
{
	Node *n = NEW(u->g, u->loc, op_Concat, a, b);
	node_set_int(u->g, n, "axis", axis);
	return node_done(u->g, n);
}

/* 1 where the column is the row's number. */
static Value *identity(const LowRankUpdate *u, int64_t rows, int64_t columns)
{
	DType type = u->w->dtype;
	char *x = arena_alloc(u->g->unit->arena,
	                      (size_t)(rows * columns * dtype_size(type)));
	for (int64_t i = 0; i < rows * columns; i++)
		dtype_put(type, x, i,
		          (Scalar){.f = i / columns == i % columns});
	return graph_const(u->g, NULL, type, (Shape){2, {rows, columns}}, x);
}

static Value *diagonal(const LowRankUpdate *u, Value *x)
{
	int64_t k = x->shape.dim[0];
	return APPLY(u->g, u->loc, op_Mul, identity(u, k, k), x);
}

static Value *filled(const LowRankUpdate *u, int64_t n, double x)
{
	return build_expand(u->g, u->loc, graph_scalar(u->g, u->w->dtype, x),
	                    (Shape){1, {n}});
}

static Value *first_rows(const LowRankUpdate *u, Value *x, int64_t count)
{
	Node *n = NEW(u->g, u->loc, op_Slice, x);
	node_set_ints(u->g, n, "axes", 1, (int64_t[]){0});
	node_set_ints(u->g, n, "starts", 1, (int64_t[]){0});
	node_set_ints(u->g, n, "ends", 1, &count);
	return node_done(u->g, n);
}

/* ---- the sum ---- */

typedef struct Factors {
	Value *u, *s, *v;
} Factors;

/* a^T core b. */
typedef struct Sum {
	Value *a, *core, *b;
} Sum;

/* What of it fits the rank. */
static Factors truncated(const LowRankUpdate *u, const Sum *sum)
{
	int64_t r = u->l->rank;
	Value *qa = low_rank_subspace(u, sum->a, sum->a, 1);
	Value *qb = low_rank_subspace(u, sum->b, sum->b, 1);
	Value *ta = product(u, sum->a, false, qa, true);
	Value *tb = product(u, sum->b, false, qb, true);
	Value *left = product(u, ta, true, sum->core, false);
	Value *small = product(u, left, false, tb, false);
	Node *svd = NEW(u->g, u->loc, op_SVD, small);
	node_set_outputs(u->g, svd, 3);
	Value *turned = node_done(u->g, svd);
	return (Factors){
		product(u, first_rows(u, turned, r), false, qa, false),
		first_rows(u, svd->out[1], r),
		product(u, first_rows(u, svd->out[2], r), false, qb, false),
	};
}

static void become(const LowRankUpdate *u, Value *new, Value *old)
{
	Value *copy = APPLY(u->g, u->loc, op_Copy, new);
	node_replaces(copy->def, 0, old->var);
}

/* What there is, and what a gradient adds to it. */
static Value *tangent_core(const LowRankUpdate *u, Value *s, Value *inner)
{
	int64_t r = u->l->rank;
	Value *new = APPLY(u->g, u->loc, op_Sub, diagonal(u, s), inner);
	return beside(u, beside(u, new, identity(u, r, r), 1),
	              identity(u, r, 2 * r), 0);
}

static Sum add_tangent(const LowRankUpdate *u, const Factors *old, Value *s)
{
	Value *across = low_rank_gradient(u, old->v, SIDE_COLUMNS);
	Value *along = low_rank_gradient(u, old->u, SIDE_ROWS);
	Value *inner = product(u, old->u, false, across, true);
	return (Sum){
		low_rank_stack(u, old->u, across), tangent_core(u, s, inner),
		low_rank_stack(u, old->v, along),
	};
}

/* ---- forms ---- */

/* What the gradient is a product of. */
static const Node *source(const Value *grad)
{
	while (grad->def && grad->def->op == &op_Reshape)
		grad = grad->def->in[0];
	return grad->def;
}

static bool flag(const Node *n, const char *name)
{
	return attr_int(n, op_attr(n->op, name)) != 0;
}

static int64_t samples(const Node *n)
{
	return n->in[0]->shape.dim[!flag(n, "transA")];
}

bool streams_samples(const Value *grad)
{
	const Node *n = source(grad);
	return !project_refuses(grad) &&
	       (n->op == &op_Gemm || n->op == &op_MatMul) &&
	       samples(n) <= MOST_SAMPLES;
}

/* An operand with a row for each sample. */
static Value *by_sample(const LowRankUpdate *u, Value *x, bool is)
{
	if (is)
		return x;
	Node *n = NEW(u->g, u->loc, op_Transpose, x);
	node_set_ints(u->g, n, "perm", 2, (int64_t[]){1, 0});
	return node_done(u->g, n);
}

static Sum add_samples(const LowRankUpdate *u, const Factors *old)
{
	const Node *n = source(u->grad);
	double alpha = n->op == &op_Gemm
	               ? attr_float(n, op_attr(n->op, "alpha")) : 1;
	Value *dy = by_sample(u, n->in[0], flag(n, "transA"));
	Value *x = by_sample(u, n->in[1], !flag(n, "transB"));
	Value *ones = filled(u, samples(n), alpha);
	return (Sum){
		low_rank_stack(u, old->u, dy),
		diagonal(u, beside(u, old->s, ones, 0)),
		low_rank_stack(u, old->v, x),
	};
}

/* The tangent space is of factors, of which there are some at first. */
static Factors factors_of(const LowRankUpdate *u, bool basis)
{
	int64_t m = gradient_rows(u->grad), n = gradient_columns(u->grad);
	Value *s = optimizer_state(u->g, u->owner, "s", u->w->dtype,
	                           (Shape){1, {u->l->rank}});
	return (Factors){low_rank_state(u, "u", m, basis), s,
	                 low_rank_state(u, "v", n, basis)};
}

/* w' = w + by a^T core b */
static void apply(const LowRankUpdate *u, Value *by, const Sum *sum)
{
	Value *a = product(u, sum->core, true, sum->a, false);
	low_rank_add(u, APPLY(u->g, u->loc, op_Mul, a, by), sum->b);
}

void append_streaming(const LowRankUpdate *u)
{
	Graph *g = u->g;
	bool exact = streams_samples(u->grad);
	Factors old = factors_of(u, !exact);
	Sum sum = exact ? add_samples(u, &old) : add_tangent(u, &old, old.s);
	Factors f = truncated(u, &sum);
	Value *zero = graph_scalar(g, u->w->dtype, 0);
	Value *now = low_rank_is_refresh(u);
	Value *lr = hyper_parameter(g, "lr", u->o->lr);
	lr = build_scale(g, u->loc, lr, -u->l->scale / (double)u->l->refresh);
	apply(u, APPLY(g, u->loc, op_Where, now, lr, zero), &sum);
	become(u, f.u, old.u);
	become(u, f.v, old.v);
	become(u, APPLY(g, u->loc, op_Where, now, zero, f.s), old.s);
}

void append_mofasgd(const LowRankUpdate *u)
{
	Graph *g = u->g;
	Factors old = factors_of(u, true);
	Value *momentum = hyper_parameter(g, "momentum", u->o->momentum);
	Sum sum = add_tangent(u, &old, APPLY(g, u->loc, op_Mul, old.s, momentum));
	Factors f = truncated(u, &sum);
	Value *lr = hyper_parameter(g, "lr", u->o->lr);
	Value *by = build_scale(g, u->loc, lr, -u->l->scale);
	low_rank_add(u, APPLY(g, u->loc, op_Mul, f.u, by), f.v);
	become(u, f.u, old.u);
	become(u, f.v, old.v);
	become(u, f.s, old.s);
}
