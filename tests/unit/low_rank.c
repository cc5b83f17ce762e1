/*
 * Gradients of a low rank: that training follows the formulas, computed here with
 * whole matrices, and that no buffer is as large as the gradient.
 */
#include "passes/pass.h"
#include "tests/unit/training_run.h"

#include <math.h>

/* ---- one layer, y = x w^T, by the formulas ---- */

enum { N = 16, RANK = 2, STEPS = 6, LARGEST = 24 };

typedef struct Layer {
	int m, n;                  /* of w */
	OptimizerOptions o;
	LowRank l;
} Layer;

static Run *open_run(const Layer *of)
{
	Run *r = run_create(LOSS_MSE);
	r->options.optimizer = of->o;
	r->options.nlow_ranks = 1;
	r->options.low_rank = &of->l;
	run_build(r, arena_printf(r->unit.arena,
		"graph \"forward\" of \"layer\"\n"
		"variable \"w\" parameter f32[%d,%d] fill 0.05\n"
		"input %%x data f32[%d,%d]\nread %%w \"w\"\n"
		"%%y f32[%d,%d] = Gemm(%%x, %%w) {transB=1}\n"
		"output \"y\" data %%y\n", of->m, of->n, N, of->n, N, of->m));
	return r;
}

static double datum(int i, int round)
{
	return ((i * 37 + round * 11) % 101 - 50) / 40.0;
}

static double target(int i, int round)
{
	return datum(i * 3, round + 7);
}

typedef double Matrix[LARGEST][LARGEST];

/* G of the layer, from w and that round's data. */
static void gradient(const Layer *l, int round, Matrix w, Matrix g)
{
	memset(g, 0, sizeof(Matrix));
	for (int s = 0; s < N; s++)
		for (int i = 0; i < l->m; i++) {
			double y = 0;
			for (int j = 0; j < l->n; j++)
				y += datum(s * l->n + j, round) * w[i][j];
			y -= target(s * l->m + i, round);
			for (int j = 0; j < l->n; j++)
				g[i][j] += 2 * y * datum(s * l->n + j, round) /
				           (N * l->m);
		}
}

/* b [r, n] times g^T, or, if `rows`, b [r, m] times g. */
static void times(const Layer *l, Matrix b, Matrix g, bool rows, Matrix y)
{
	int count = rows ? l->n : l->m, inner = rows ? l->m : l->n;
	for (int r = 0; r < RANK; r++)
		for (int i = 0; i < count; i++) {
			y[r][i] = 0;
			for (int j = 0; j < inner; j++)
				y[r][i] += b[r][j] * (rows ? g[j][i] : g[i][j]);
		}
}

typedef struct Moments {
	Matrix first, second;
} Moments;

/* What Adam or momentum adds to an element with gradient x. */
static double change(const Layer *l, Moments *s, int i, int j, double x, int t)
{
	const OptimizerOptions *o = &l->o;
	double *a = &s->first[i][j], *b = &s->second[i][j];
	if (o->kind == OPT_SGD)
		return -o->lr * x;
	if (o->kind == OPT_MOMENTUM) {
		*a = t == 1 ? x : o->momentum * *a + x;
		return -o->lr * *a;
	}
	*a = o->beta1 * *a + (1 - o->beta1) * x;
	*b = o->beta2 * *b + (1 - o->beta2) * x * x;
	double seen = *a / (1 - pow(o->beta1, t));
	return -o->lr * seen / (sqrt(*b / (1 - pow(o->beta2, t))) + o->eps);
}

static void orthonormal(Matrix q, int n)
{
	for (int i = 0; i < RANK; i++) {
		double square = 0;
		for (int j = 0; j < i; j++) {
			double part = 0;
			for (int c = 0; c < n; c++)
				part += q[i][c] * q[j][c];
			for (int c = 0; c < n; c++)
				q[i][c] -= part * q[j][c];
		}
		for (int c = 0; c < n; c++)
			square += q[i][c] * q[i][c];
		for (int c = 0; c < n; c++)
			q[i][c] /= sqrt(square);
	}
}

static void mix(Matrix b, Matrix y, int n, double rate)
{
	for (int i = 0; i < RANK; i++) {
		double square = 0;
		for (int c = 0; c < n; c++)
			square += y[i][c] * y[i][c];
		for (int c = 0; square > 0 && c < n; c++)
			b[i][c] = (1 - rate) * b[i][c] +
			          rate * y[i][c] / sqrt(square);
	}
}

static void decay(const Layer *l, Matrix w)
{
	for (int i = 0; i < l->m; i++)
		for (int j = 0; j < l->n; j++)
			w[i][j] *= 1 - l->o.lr * l->o.weight_decay;
}

/* One step of the projection; b is the basis, `last` what was seen before. */
static void project_step(const Layer *l, int t, Matrix w, Matrix b, Matrix last,
                         Moments *s)
{
	static Matrix g, seen, turn, d;
	bool wide = l->m <= l->n;
	int small = wide ? l->m : l->n, large = wide ? l->n : l->m;
	gradient(l, t - 1, w, g);
	times(l, b, g, !wide, seen);
	times(l, l->o.kind == OPT_SGD ? last : s->first, g, wide, turn);
	decay(l, w);
	for (int r = 0; r < RANK; r++)
		for (int i = 0; i < small; i++)
			d[r][i] = l->l.scale * change(l, s, r, i, seen[r][i], t);
	for (int r = 0; r < RANK; r++)
		for (int i = 0; i < l->m; i++)
			for (int j = 0; j < l->n; j++)
				w[i][j] += wide ? d[r][i] * b[r][j]
				                : b[r][i] * d[r][j];
	memcpy(last, seen, sizeof(Matrix));
	if (t % l->l.refresh)
		return;
	mix(b, turn, large, l->l.rate);
	orthonormal(b, large);
}

static void factors_step(const Layer *l, int t, Matrix w, Matrix u, Matrix v,
                         Moments s[2])
{
	static Matrix g, gu, gv;
	gradient(l, t - 1, w, g);
	times(l, v, g, false, gu);
	times(l, u, g, true, gv);
	decay(l, w);
	for (int sign = -1; sign <= 1; sign += 2) {
		for (int r = 0; r < RANK; r++)
			for (int i = 0; i < l->m; i++)
				for (int j = 0; j < l->n; j++)
					w[i][j] += sign * u[r][i] * v[r][j];
		for (int r = 0; sign < 0 && r < RANK; r++) {
			for (int i = 0; i < l->m; i++)
				u[r][i] += change(l, &s[0], r, i, gu[r][i], t);
			for (int j = 0; j < l->n; j++)
				v[r][j] += change(l, &s[1], r, j, gv[r][j], t);
		}
	}
	if (t % l->l.refresh)
		return;
	memset(u, 0, sizeof(Matrix));
	orthonormal(v, l->n);
}

static void read_first(const Run *r, const char *name, int n, Matrix to)
{
	const Variable *v = model_find(r->program->model, name);
	cr_assert(v && v->data, "there is no '%s'", name);
	for (int i = 0; i < RANK; i++)
		for (int j = 0; j < n; j++)
			to[i][j] = ((const float *)v->data)[i * n + j];
}

static void check_training(const Layer *l)
{
	static Matrix w, a, b, last;
	static Moments s[2];
	bool factors = l->l.form == LOW_RANK_FACTORS;
	int large = l->m > l->n ? l->m : l->n;
	Run *r = open_run(l);
	memset(s, 0, sizeof s);
	memset(a, 0, sizeof a);
	memset(last, 0, sizeof last);
	read_first(r, factors ? "w/low_rank/v" : "w/low_rank/basis",
	           factors ? l->n : large, b);
	for (int i = 0; i < l->m; i++)
		for (int j = 0; j < l->n; j++)
			w[i][j] = 0.05f;
	for (int t = 1; t <= STEPS; t++) {
		run_training_step(r, datum, target, t - 1);
		if (factors)
			factors_step(l, t, w, a, b, s);
		else
			project_step(l, t, w, b, last, s);
	}
	const float *x = executor_variable(r->executor,
	                                   model_find(r->program->model, "w"));
	for (int i = 0; i < l->m; i++)
		for (int j = 0; j < l->n; j++)
			cr_assert(fabs(x[i * l->n + j] - w[i][j]) < 2e-5,
			          "%dx%d, optimizer %d, form %d: w[%d,%d] is "
			          "%g, not %g", l->m, l->n, (int)l->o.kind,
			          (int)l->l.form, i, j,
			          (double)x[i * l->n + j], w[i][j]);
	run_close(r);
}

static const OptimizerOptions optimizers[] = {
	{.kind = OPT_ADAM, .lr = 0.02, .beta1 = 0.9, .beta2 = 0.99, .eps = 1e-4},
	{.kind = OPT_ADAMW, .lr = 0.02, .beta1 = 0.9, .beta2 = 0.99,
	 .eps = 1e-4, .weight_decay = 0.5},
	{.kind = OPT_MOMENTUM, .lr = 0.1, .momentum = 0.5},
	{.kind = OPT_SGD, .lr = 0.1, .weight_decay = 0.1},
};

Test(low_rank, training)
{
	static const LowRank forms[] = {
		{.rank = RANK, .refresh = 1, .rate = 1, .scale = 1},
		{.rank = RANK, .refresh = 2, .rate = 0.25, .scale = 0.5},
		{.rank = RANK, .refresh = 4, .form = LOW_RANK_FACTORS},
	};
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
		for (size_t o = 0; o < 4; o++) {
			Layer tall = {24, 17, optimizers[o], forms[i]};
			Layer wide = {17, 24, optimizers[o], forms[i]};
			check_training(&tall);
			check_training(&wide);
		}
}

/* ---- what it takes ---- */

static bool has_gradient(const Run *r, const Variable *w)
{
	cr_assert(w->thin && w->thin->gradient);
	return plan_has_gradient(r->program->train, w->thin->gradient,
	                         numel(w->shape));
}

/* The parameter itself aside, nothing is as large as it. */
Test(low_rank, no_gradient)
{
	for (int form = 0; form < 2; form++) {
		Layer l = {24, 24, optimizers[0],
		           {.rank = RANK, .refresh = 1, .rate = 1, .scale = 1,
		            .form = (LowRankForm)form}};
		Run *r = open_run(&l);
		const Plan *p = r->program->train;
		const Variable *w = model_find(r->program->model, "w");
		cr_assert(w->thin);
		cr_expect_eq(w->thin->rank, RANK);
		cr_expect_null(w->thin->why);
		cr_expect_eq(w->thin->saved, 4 * (2 * 24 * 24 - RANK * 24 *
		             (form ? 6 : 3)));
		for (int i = 0; i < p->nbuffers; i++)
			cr_expect(p->buffer[i].memory == MEM_WORKSPACE ||
			          p->buffer[i].bytes < 24 * 24 * 4,
			             "form %d: a buffer of %lld bytes", form,
			             (long long)p->buffer[i].bytes);
		cr_expect_not(has_gradient(r, w));
		cr_expect_null(model_find(r->program->model, "w/exp_avg"));
		run_close(r);
	}
}

/* Where it cannot pay the gradient stays whole, and it is said why. */
Test(low_rank, refuses)
{
	Layer l = {3, 5, optimizers[0], {.rank = 3, .refresh = 1, .rate = 1}};
	Run *r = open_run(&l);
	const Variable *w = model_find(r->program->model, "w");
	cr_assert(w->thin);
	cr_expect_eq(w->thin->rank, 0);
	cr_expect_str_eq(w->thin->why, "its own rank is no higher");
	cr_expect(model_find(r->program->model, "w/exp_avg"));
	run_close(r);
}

/* ---- a gradient that is smaller than what its products pass through ---- */

static Run *open_convolution(const LowRank *l, int64_t ram)
{
	Run *r = run_create(LOSS_MSE);
	r->options.optimizer = optimizers[0];
	r->options.nlow_ranks = l ? 1 : 0;
	r->options.low_rank = l;
	r->options.ram = ram;
	run_build(r, "graph \"forward\" of \"convolution\"\n"
	          "variable \"w\" parameter f32[8,3,3,3] fill 0.05\n"
	          "input %x data f32[4,3,16,16]\nread %w \"w\"\n"
	          "%y f32[4,8,14,14] = Conv(%x, %w)\n"
	          "%z f32[4,8,7,7] = MaxPool(%y) {kernel_shape=[2, 2], "
	          "strides=[2, 2]}\n"
	          "output \"z\" data %z\n");
	return r;
}

static int64_t memory_of(const Run *r)
{
	return r->program->arena_bytes + r->program->state_bytes;
}

/* Under a budget gradients are thin, as the batch may come in parts: with one that
 * binds nothing, the weights are those, and the memory is no less. */
Test(low_rank, whole)
{
	LowRank l = {.rank = RANK, .refresh = 1, .rate = 1, .scale = 1};
	Run *full = open_convolution(NULL, 0);
	Run *least = open_convolution(&l, 0);
	Run *thin = open_convolution(&l, 1 << 30);
	const Variable *w = model_find(least->program->model, "w");
	cr_assert(w->thin && w->thin->rank == RANK && w->thin->passes_more);
	cr_expect_leq(memory_of(least), memory_of(full));
	cr_expect_lt(memory_of(least), memory_of(thin));
	cr_expect(has_gradient(least, w));
	cr_expect_not(has_gradient(thin, model_find(thin->program->model, "w")));
	for (int t = 0; t < STEPS; t++) {
		run_training_step(least, datum, target, t);
		run_training_step(thin, datum, target, t);
	}
	const float *x = executor_variable(least->executor, w);
	const float *y = executor_variable(thin->executor, model_find(
		thin->program->model, "w"));
	for (int i = 0; i < numel(w->shape); i++)
		cr_assert(fabsf(x[i] - y[i]) < 1e-5f, "w[%d]: %g and %g", i,
		          (double)x[i], (double)y[i]);
	cr_expect_neq(x[0], 0.05f);
	run_close(full);
	run_close(least);
	run_close(thin);
}
