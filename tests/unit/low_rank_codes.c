/*
 * --low-rank with an optimizer whose state is in 8-bit codes: the moments of what
 * is thin are, too. Each step is, from the state that the one before it left, what
 * the formulas make of it in doubles.
 */
#include "ir/blockwise.h"
#include "tests/unit/training_run.h"

#include <math.h>
#include <stdint.h>

enum { N = 16, RANK = 4, STEPS = 4, MOST = 100 };

typedef double Matrix[MOST][MOST];

static const double lr = 0.02, beta1 = 0.9, beta2 = 0.99, eps = 1e-4;
static const double rate = 0.25, scale = 0.5;

static double datum(int i, int round)
{
	return ((i * 37 + round * 11 + i * i % 7) % 101 - 50) / 40.0;
}

static double target(int i, int round)
{
	return datum(i * 3, round + 7);
}

/* y = x w^T, w [m, n]. */
static Run *open_run(int m, int n)
{
	Run *r = run_create(LOSS_MSE);
	Arena *a = r->unit.arena;
	const char *why;
	cr_assert(optimizer_parse(a, "adam8bit:lr=0.02,beta2=0.99,eps=1e-4",
	                          &r->options.optimizer, &why), "%s", why);
	cr_assert(low_rank_parse(a, "4,refresh=2,rate=0.25,scale=0.5",
	                         &r->low_rank, &why), "%s", why);
	r->options.nlow_ranks = 1;
	r->options.low_rank = &r->low_rank;
	run_build(r, arena_printf(a, "graph \"forward\" of \"layer\"\n"
		"variable \"w\" parameter f32[%d,%d] fill 0.05\n"
		"input %%x data f32[%d,%d]\nread %%w \"w\"\n"
		"%%y f32[%d,%d] = Gemm(%%x, %%w) {transB=1}\n"
		"output \"y\" data %%y\n", m, n, N, n, N, m));
	return r;
}

static const void *contents(const Run *r, const char *name)
{
	const Variable *v = model_find(r->program->model, name);
	cr_assert(v, "there is no '%s'", name);
	return executor_variable(r->executor, v);
}

static void read_matrix(const Run *r, const char *name, int rows, int columns,
                        Matrix to)
{
	const float *x = contents(r, name);
	for (int i = 0; i < rows; i++)
		for (int j = 0; j < columns; j++)
			to[i][j] = (double)x[i * columns + j];
}

static void read_codes(const Run *r, const char *name, bool has_sign,
                       int columns, Matrix to)
{
	float table[CODES];
	const uint8_t *code = contents(r, name);
	const float *scales = contents(r, arena_printf(r->unit.arena,
	                                               "%s_scale", name));
	blockwise_table(has_sign, table);
	for (int i = 0; i < RANK * columns; i++)
		to[i / columns][i % columns] = (double)table[code[i]] *
		                               (double)scales[i / BLOCK];
}

static void gradient(int m, int n, int round, Matrix w, Matrix g)
{
	memset(g, 0, sizeof(Matrix));
	for (int s = 0; s < N; s++)
		for (int i = 0; i < m; i++) {
			double y = -target(s * m + i, round);
			for (int j = 0; j < n; j++)
				y += datum(s * n + j, round) * w[i][j];
			for (int j = 0; j < n; j++)
				g[i][j] += 2 * y * datum(s * n + j, round) /
				           (N * m);
		}
}

/* b g^T, or b g if `rows`: RANK rows. */
static void times(int m, int n, Matrix b, Matrix g, bool rows, Matrix y)
{
	for (int r = 0; r < RANK; r++)
		for (int i = 0; i < (rows ? n : m); i++) {
			y[r][i] = 0;
			for (int j = 0; j < (rows ? m : n); j++)
				y[r][i] += b[r][j] * (rows ? g[j][i] : g[i][j]);
		}
}

static double length(const double *x, int n)
{
	double square = 0;
	for (int i = 0; i < n; i++)
		square += x[i] * x[i];
	return sqrt(square);
}

/* Towards the rows of y, orthonormal. */
static void turn(Matrix b, Matrix y, int n)
{
	for (int i = 0; i < RANK; i++) {
		double long_y = length(y[i], n);
		for (int c = 0; long_y > 0 && c < n; c++)
			b[i][c] = (1 - rate) * b[i][c] + rate * y[i][c] / long_y;
	}
	for (int i = 0; i < RANK; i++) {
		for (int j = 0; j < i; j++) {
			double part = 0;
			for (int c = 0; c < n; c++)
				part += b[i][c] * b[j][c];
			for (int c = 0; c < n; c++)
				b[i][c] -= part * b[j][c];
		}
		double now = length(b[i], n);
		for (int c = 0; c < n; c++)
			b[i][c] /= now;
	}
}

typedef struct State {
	Matrix w, basis, first, squares;
} State;

static void read_state(const Run *r, int m, int n, State *s)
{
	int small = m < n ? m : n, large = m + n - small;
	read_matrix(r, "w", m, n, s->w);
	read_matrix(r, "w/low_rank/basis", RANK, large, s->basis);
	read_codes(r, "w/low_rank/exp_avg", true, small, s->first);
	read_codes(r, "w/low_rank/exp_avg_sq", false, small, s->squares);
}

/* What step t makes of it. */
static void step(int m, int n, int t, State *s)
{
	static Matrix g, seen, product;
	bool wide = m <= n;
	gradient(m, n, t - 1, s->w, g);
	times(m, n, s->basis, g, !wide, seen);
	times(m, n, s->first, g, wide, product);
	for (int r = 0; r < RANK; r++)
		for (int i = 0; i < (wide ? m : n); i++) {
			double *a = &s->first[r][i], *b = &s->squares[r][i];
			double x = seen[r][i];
			*a = beta1 * *a + (1 - beta1) * x;
			*b = beta2 * *b + (1 - beta2) * x * x;
			double mean = *a / (1 - pow(beta1, t));
			double norm = sqrt(*b / (1 - pow(beta2, t))) + eps;
			double d = -lr * scale * mean / norm;
			for (int j = 0; j < (wide ? n : m); j++)
				*(wide ? &s->w[i][j] : &s->w[j][i]) +=
					d * s->basis[r][j];
		}
	if (t % 2 == 0)
		turn(s->basis, product, wide ? n : m);
}

static void check_near(Matrix is, Matrix want, int rows, int columns,
                       double bound, const char *what)
{
	for (int i = 0; i < rows; i++)
		for (int j = 0; j < columns; j++)
			cr_assert(fabs(is[i][j] - want[i][j]) <= bound,
			          "%s[%d,%d] is %g, not %g", what, i, j,
			          is[i][j], want[i][j]);
}

static double largest(Matrix x, int columns)
{
	double most = 0;
	for (int i = 0; i < RANK; i++)
		for (int j = 0; j < columns; j++)
			most = fmax(most, fabs(x[i][j]));
	return most;
}

static void check(int m, int n)
{
	static State is, want;
	int small = m < n ? m : n, large = m + n - small;
	Run *r = open_run(m, n);
	for (int t = 1; t <= STEPS; t++) {
		read_state(r, m, n, &want);
		step(m, n, t, &want);
		run_training_step(r, datum, target, t - 1);
		read_state(r, m, n, &is);
		check_near(is.w, want.w, m, n, 2e-6, "w");
		check_near(is.basis, want.basis, RANK, large, 2e-5, "basis");
		/* The codes nearest to 1 are 0.9 / 128 apart or less. */
		check_near(is.first, want.first, RANK, small,
		           largest(want.first, small) * 0.45 / 64, "exp_avg");
	}
	run_close(r);
}

Test(low_rank_codes, steps)
{
	check(64, 96);
	check(100, 72);
}

/* Two moments of a byte an element, and a scale for each 256, beside the basis. */
Test(low_rank_codes, state)
{
	Run *r = open_run(100, 72);
	const Model *m = r->program->model;
	const Variable *codes = model_find(m, "w/low_rank/exp_avg");
	cr_expect_eq(codes->dtype, DT_U8);
	cr_expect_eq(numel(codes->shape), RANK * 72);
	int whole = 2 * (7200 + 4 * 29), thin = 4 * RANK * 100 +
	                                        2 * (RANK * 72 + 4 * 2);
	cr_expect_eq(model_find(m, "w")->thin->saved, whole - thin);
	/* Five more variables than w, each where the target wants it. */
	cr_expect_lt(r->program->state_bytes - 4 * 7200 - thin, 5 * 64);
	run_close(r);
}
