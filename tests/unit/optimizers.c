/*
 * Optimizers that no recorded run covers, against the formulas of their papers in
 * doubles: on parameters of one, two and three dimensions, for a few steps.
 */
#include "ir/blockwise.h"
#include "ir/text.h"
#include "passes/pass.h"
#include "tests/unit/random_graph.h"
#include "tests/unit/training_run.h"

#include <math.h>

enum { N = 8, M = 6, K = 5, STEPS = 6, NPARAMETERS = 3 };

/* y = x (w + p)^T + b. */
static const char layer[] =
	"graph \"forward\" of \"layer\"\n"
	"variable \"w\" parameter f32[6,5] fill 0.05\n"
	"variable \"p\" parameter f32[2,3,5] fill 0.05\n"
	"variable \"b\" parameter f32[6] fill 0.05\n"
	"input %x data f32[8,5]\nread %w \"w\"\nread %p \"p\"\nread %b \"b\"\n"
	"%q f32[6,5] = Reshape(%p) {shape=[6, 5]}\n%v f32[6,5] = Add(%w, %q)\n"
	"%y f32[8,6] = Gemm(%x, %v, %b) {transB=1}\noutput \"y\" data %y\n";

typedef struct Parameter {
	const char *name;
	int rank, dim[3], n;
	double w[M * K], g[M * K];
	double first[M * K], row[M * K], column[M * K], accumulator[3][M];
} Parameter;

static const Parameter start[NPARAMETERS] = {
	{"w", 2, {M, K}, M * K, .w = {0}}, {"p", 3, {2, 3, K}, M * K, .w = {0}},
	{"b", 1, {M}, M, .w = {0}},
};

static double datum(int i, int round)
{
	return ((i * 37 + round * 11) % 101 - 50) / 40.0;
}

static double target(int i, int round)
{
	return datum(3 * i, round + 7);
}

static void gradients(Parameter p[NPARAMETERS], int round)
{
	for (int i = 0; i < NPARAMETERS; i++)
		memset(p[i].g, 0, sizeof p[i].g);
	for (int s = 0; s < N; s++)
		for (int i = 0; i < M; i++) {
			double y = p[2].w[i] - target(s * M + i, round);
			for (int j = 0; j < K; j++)
				y += datum(s * K + j, round) *
				     (p[0].w[i * K + j] + p[1].w[i * K + j]);
			y *= 2.0 / (N * M);
			p[2].g[i] += y;
			for (int j = 0; j < K; j++)
				p[0].g[i * K + j] += y * datum(s * K + j, round);
		}
	memcpy(p[1].g, p[0].g, sizeof p[0].g);
}

/* ---- the papers ---- */

static void lion(const OptimizerOptions *o, Parameter *p, int t)
{
	for (int i = 0; i < p->n; i++) {
		double c = o->beta1 * p->first[i] + (1 - o->beta1) * p->g[i];
		p->w[i] *= 1 - o->lr * o->weight_decay;
		p->w[i] -= o->lr * ((c > 0) - (c < 0));
		p->first[i] = o->beta2 * p->first[i] +
		              (1 - o->beta2) * p->g[i];
	}
}

static void sm3(const OptimizerOptions *o, Parameter *p, int t)
{
	double next[3][M] = {{0}};
	for (int i = 0; i < p->n; i++) {
		double h = p->g[i] + o->weight_decay * p->w[i], v = INFINITY;
		int at[3];
		for (int d = p->rank - 1, rest = i; d >= 0; d--) {
			at[d] = rest % p->dim[d];
			rest /= p->dim[d];
			v = fmin(v, p->accumulator[d][at[d]]);
		}
		v += h * h;
		for (int d = 0; d < p->rank; d++)
			next[d][at[d]] = fmax(next[d][at[d]], v);
		p->w[i] -= o->lr * h / sqrt(v);
	}
	memcpy(p->accumulator, next, sizeof next);
}

static double mean(const double *x, int n, int stride)
{
	double sum = 0;
	for (int i = 0; i < n; i++)
		sum += x[i * stride] / n;
	return sum;
}

static void adafactor(const OptimizerOptions *o, Parameter *p, int t)
{
	double beta = 1 - pow(t, o->decay_rate), u[M * K], square[M * K];
	int m = p->dim[0], n = p->n / m;
	for (int i = 0; i < p->n; i++)
		square[i] = p->g[i] * p->g[i] + o->eps;
	for (int i = 0; i < m; i++)
		p->row[i] = beta * p->row[i] +
		            (1 - beta) * mean(&square[i * n], n, 1);
	for (int j = 0; j < n; j++)
		p->column[j] = beta * p->column[j] +
		               (1 - beta) * mean(&square[j], m, n);
	for (int i = 0; i < p->n; i++) {
		double v = p->row[i / n];
		if (n > 1)
			v *= p->column[i % n] / mean(p->row, m, 1);
		u[i] = p->g[i] / sqrt(v);
		square[i] = u[i] * u[i];
	}
	double over = sqrt(mean(square, p->n, 1)) / o->clip_threshold;
	for (int i = 0; i < p->n; i++) {
		p->w[i] *= 1 - o->lr * o->weight_decay;
		p->w[i] -= o->lr * u[i] / fmax(1, over);
	}
}

/* ---- here ---- */

static Run *open_run(const char *text, const char *spec)
{
	Run *r = run_create(LOSS_MSE);
	const char *why;
	cr_assert(optimizer_parse(r->unit.arena, spec, &r->options.optimizer,
	                          &why), "%s", why);
	run_build(r, text);
	return r;
}

static const void *contents(const Run *r, const char *name)
{
	const Variable *v = model_find(r->program->model, name);
	cr_assert(v, "there is no '%s'", name);
	return executor_variable(r->executor, v);
}

typedef struct Optimizer {
	const char *spec;
	void (*step)(const OptimizerOptions *, Parameter *, int t);
	int64_t state;      /* elements, of all parameters */
} Optimizer;

static const Optimizer optimizers[] = {
	{"lion:lr=0.01", lion, 2 * M * K + M},
	{"lion:lr=0.01,beta1=0.7,beta2=0.8,weight_decay=0.5", lion,
	 2 * M * K + M},
	{"sm3:lr=0.05", sm3, M + K + 2 + 3 + K + M},
	{"sm3:lr=0.05,weight_decay=0.25", sm3, M + K + 2 + 3 + K + M},
	{"adafactor:lr=0.02", adafactor, M + K + 2 + 3 * K + M},
	{"adafactor:lr=0.02,clip_threshold=0.25,decay_rate=-0.5,eps=0.001,"
	 "weight_decay=0.5", adafactor, M + K + 2 + 3 * K + M},
};

static void check_state(const Optimizer *of, const Run *r)
{
	const Model *m = r->program->model;
	int64_t state = 0;
	for (int i = 0; i < m->nvars; i++)
		if (m->var[i]->role == VAR_OPTIMIZER)
			state += numel(m->var[i]->shape);
	cr_expect_eq(state, of->state, "%s: %lld", of->spec, (long long)state);
}

static void check_weights(const Optimizer *of, const Run *r, const Parameter *p)
{
	const float *x = contents(r, p->name);
	for (int i = 0; i < p->n; i++)
		cr_assert(fabs((double)x[i] - p->w[i]) < 2e-5,
		          "%s: %s[%d] is %g, not %g", of->spec, p->name, i,
		          (double)x[i], p->w[i]);
}

static void check(const Optimizer *of)
{
	Run *r = open_run(layer, of->spec);
	Parameter p[NPARAMETERS];
	memcpy(p, start, sizeof p);
	for (int i = 0; i < NPARAMETERS; i++)
		for (int j = 0; j < p[i].n; j++)
			p[i].w[j] = 0.05f;
	for (int t = 1; t <= STEPS; t++) {
		run_training_step(r, datum, target, t - 1);
		gradients(p, t - 1);
		for (int i = 0; i < NPARAMETERS; i++)
			of->step(&r->options.optimizer, &p[i], t);
	}
	check_state(of, r);
	for (int i = 0; i < NPARAMETERS; i++)
		check_weights(of, r, &p[i]);
	run_close(r);
}

Test(optimizers, papers)
{
	for (size_t i = 0; i < sizeof optimizers / sizeof optimizers[0]; i++)
		check(&optimizers[i]);
}

/* ---- 8-bit state ---- */

/* The tables again, from the paper's map: bytes are a sign, zeros as an exponent,
 * a one, and a fraction. */
static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void paper_table(bool has_sign, double to[CODES])
{
	int n = 0;
	for (int e = 0; e < 7; e++) {
		int count = (has_sign ? 1 : 2) << e;
		for (int i = 0; i < count; i++) {
			double low = 0.1 + 0.9 * i / count;
			double high = 0.1 + 0.9 * (i + 1) / count;
			double x = pow(10, e - 6) * (low + high) / 2;
			to[n++] = x;
			if (has_sign)
				to[n++] = -x;
		}
	}
	to[n++] = 0;
	to[n++] = 1;
	cr_assert_eq(n, CODES);
	qsort(to, CODES, sizeof *to, by_value);
}

Test(optimizers, tables)
{
	for (int has_sign = 0; has_sign < 2; has_sign++) {
		float table[CODES];
		double paper[CODES];
		blockwise_table(has_sign, table);
		paper_table(has_sign, paper);
		for (int i = 0; i < CODES; i++)
			cr_expect(fabs((double)table[i] - paper[i]) <=
			          1e-6 * fabs(paper[i]), "sign %d, code %d: "
			          "%g, not %g", has_sign, i, (double)table[i],
			          paper[i]);
	}
}

enum { ROWS = 24, COLUMNS = 25, SIZE = ROWS * COLUMNS };

static const char wide[] =
	"graph \"forward\" of \"layer\"\n"
	"variable \"w\" parameter f32[24,25] fill 0.05\n"
	"variable \"b\" parameter f32[24] fill 0.05\n"
	"input %x data f32[8,25]\nread %w \"w\"\nread %b \"b\"\n"
	"%y f32[8,24] = Gemm(%x, %w, %b) {transB=1}\noutput \"y\" data %y\n";

/* After one step both have the same moments, of which each code is the nearest to
 * it that there is, but squares are 0 for 0 alone; the parameter does not know of
 * the rounding. */
static void check_codes(const Run *coded, const Run *whole, const char *what,
                        bool has_sign)
{
	Arena *a = coded->unit.arena;
	const char *scale = arena_printf(a, "w/%s_scale", what);
	const uint8_t *code = contents(coded, arena_printf(a, "w/%s", what));
	const float *scales = contents(coded, scale);
	const float *state = contents(whole, arena_printf(a, "w/%s", what));
	double table[CODES];
	paper_table(has_sign, table);
	for (int i = 0; i < SIZE; i++) {
		int from = i / BLOCK * BLOCK, to = from + BLOCK;
		double most = 0, best = INFINITY;
		for (int j = from; j < to && j < SIZE; j++)
			most = fmax(most, fabs((double)state[j]));
		cr_assert(fabs((double)scales[i / BLOCK] - most) <= 1e-6 * most);
		double x = (double)state[i] / most;
		for (int c = !has_sign && x > 0; c < CODES; c++)
			best = fmin(best, fabs(table[c] - x));
		cr_assert(fabs(table[code[i]] - x) <= best + 1e-6,
		          "%s[%d] is %g, which is not nearest to %g", what, i,
		          x, table[code[i]]);
	}
}

static double distance(const Run *a, const Run *b)
{
	const float *x = contents(a, "w"), *y = contents(b, "w");
	double most = 0;
	for (int i = 0; i < SIZE; i++)
		most = fmax(most, fabs((double)x[i] - (double)y[i]));
	return most;
}

/* What is elementwise and small stays whole. */
static void check_layout(const Run *r)
{
	const Model *m = r->program->model;
	const Plan *p = r->program->train;
	cr_expect_eq(model_find(m, "w/exp_avg")->dtype, DT_U8);
	cr_expect_eq(numel(model_find(m, "w/exp_avg_scale")->shape), 3);
	cr_expect_eq(model_find(m, "b/exp_avg")->dtype, DT_F32);
	for (int i = 0; i < p->nsteps; i++)
		cr_expect_neq(p->step[i]->op, &op_Copy);
}

/* Each third of the inputs is so small that the squares of its gradients are
 * nothing beside those of the others in their block. */
static double uneven(int i, int round)
{
	return datum(i, round) * (i % COLUMNS % 3 ? 1 : 1e-4);
}

Test(optimizers, blockwise_uneven)
{
	Run *coded = open_run(wide, "adam8bit:lr=0.01");
	Run *whole = open_run(wide, "adam:lr=0.01");
	for (int t = 0; t < 20; t++) {
		run_training_step(coded, uneven, target, t);
		run_training_step(whole, uneven, target, t);
	}
	cr_expect_leq(distance(coded, whole), 0.2, "%g",
	              distance(coded, whole));
	run_close(coded);
	run_close(whole);
}

Test(optimizers, blockwise)
{
	Run *coded = open_run(wide, "adam8bit:lr=0.01");
	Run *whole = open_run(wide, "adam:lr=0.01");
	check_layout(coded);
	run_training_step(coded, datum, target, 0);
	run_training_step(whole, datum, target, 0);
	check_codes(coded, whole, "exp_avg", true);
	check_codes(coded, whole, "exp_avg_sq", false);
	cr_expect_leq(distance(coded, whole), 1e-6);
	for (int t = 1; t < 20; t++) {
		run_training_step(coded, datum, target, t);
		run_training_step(whole, datum, target, t);
	}
	cr_expect_leq(distance(coded, whole), 0.02, "%g",
	              distance(coded, whole));
	cr_expect_gt(distance(coded, whole), 0);
	run_close(coded);
	run_close(whole);
}

/* Others, by a step and by what they are after some. */
Test(optimizers, blockwise_others)
{
	static const char *const specs[][2] = {
		{"momentum8bit:lr=0.1", "momentum:lr=0.1"},
		{"adamw8bit:lr=0.01,weight_decay=1",
		 "adamw:lr=0.01,weight_decay=1"},
		{"lion8bit:lr=0.001", "lion:lr=0.001"},
	};
	for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
		Run *coded = open_run(wide, specs[i][0]);
		Run *whole = open_run(wide, specs[i][1]);
		for (int t = 0; t < 10; t++) {
			run_training_step(coded, datum, target, t);
			run_training_step(whole, datum, target, t);
			if (t == 0)
				cr_expect_leq(distance(coded, whole), 1e-6);
		}
		cr_expect_leq(distance(coded, whole), 0.02, "%s: %g",
		              specs[i][0], distance(coded, whole));
		run_close(coded);
		run_close(whole);
	}
}
