/*
 * The forms of --low-rank that keep a sum of gradients in factors, against
 * whole matrices in doubles; and the decomposition that they take.
 */
#include "ir/text.h"
#include "passes/pass.h"
#include "tests/unit/random_graph.h"
#include "tests/unit/training_run.h"

#include <math.h>

enum { FEW = 3, MANY = 20, LARGEST = 32, STEPS = 7 };

typedef double Matrix[LARGEST][LARGEST];

/* ---- the decomposition ---- */

/* Rows of a are turned until they are orthogonal: a becomes diag(s) v, and left
 * what turned them. */
static void jacobi(Matrix a, Matrix left, int m, int n)
{
	for (int i = 0; i < m; i++)
		for (int j = 0; j < m; j++)
			left[i][j] = i == j;
	for (int sweep = 0; sweep < 30; sweep++)
		for (int p = 0; p < m; p++)
			for (int q = p + 1; q < m; q++) {
				double x = 0, y = 0, g = 0;
				for (int c = 0; c < n; c++) {
					x += a[p][c] * a[p][c];
					y += a[q][c] * a[q][c];
					g += a[p][c] * a[q][c];
				}
				double t = atan2(2 * g, x - y) / 2;
				for (int c = 0; c < LARGEST; c++) {
					double u = a[p][c], v = a[q][c];
					a[p][c] = cos(t) * u + sin(t) * v;
					a[q][c] = cos(t) * v - sin(t) * u;
					u = left[p][c], v = left[q][c];
					left[p][c] = cos(t) * u + sin(t) * v;
					left[q][c] = cos(t) * v - sin(t) * u;
				}
			}
}

/* The i-th largest, its row. */
static int ranked(Matrix a, int m, int n, int i, double *length)
{
	double taken = INFINITY;
	int at = -1;
	for (int k = 0; k <= i; k++) {
		double best = -1;
		for (int p = 0; p < m; p++) {
			double square = 0;
			for (int c = 0; c < n; c++)
				square += a[p][c] * a[p][c];
			if (square > best && square < taken) {
				best = square;
				at = p;
			}
		}
		taken = best;
	}
	*length = sqrt(taken);
	return at;
}

static void check_svd(int k, uint64_t seed)
{
	Unit u = test_unit();
	Random r = {seed};
	Graph *g = graph_create(model_create(&u, "m"), "g");
	Shape s = {2, {k, k}};
	float *x = arena_array(u.arena, float, k * k);
	for (int i = 0; i < k * k; i++)
		x[i] = random_float(&r);
	for (int i = 0; k > 2 && i < k; i++)   /* of a lower rank */
		x[k + i] = 2 * x[i];
	Value *c = graph_input(g, "c", IN_DATA, DT_F32, s);
	Node *n = NEW(g, ((Loc){0}), op_SVD, c);
	node_set_outputs(g, n, 3);
	cr_assert(node_done(g, n));
	Kernel *kernel = kernel_of(u.arena, n);
	void **buf = arena_array(u.arena, void *, g->nvalues);
	float *left = arena_array(u.arena, float, k * k);
	float *values = arena_array(u.arena, float, k);
	float *right = arena_array(u.arena, float, k * k);
	buf[c->id] = x;
	buf[n->out[0]->id] = left;
	buf[n->out[1]->id] = values;
	buf[n->out[2]->id] = right;
	kernel_eval(kernel, buf, false);
	static Matrix a, turned;
	memset(a, 0, sizeof a);
	for (int i = 0; i < k; i++)
		for (int j = 0; j < k; j++)
			a[i][j] = (double)x[i * k + j];
	jacobi(a, turned, k, k);
	for (int i = 0; i < k; i++) {
		double length;
		ranked(a, k, k, i, &length);
		cr_expect(fabs((double)values[i] - length) < 1e-5,
		          "value %d of %d: %g, not %g", i, k,
		          (double)values[i], length);
	}
	for (int i = 0; i < k; i++)
		for (int j = 0; j < k; j++) {
			double product = 0, dot = 0;
			for (int p = 0; p < k; p++) {
				product += (double)left[p * k + i] *
				           (double)values[p] *
				           (double)right[p * k + j];
				dot += (double)left[i * k + p] *
				       (double)left[j * k + p];
			}
			cr_expect(fabs(product - (double)x[i * k + j]) < 1e-5);
			cr_expect(fabs(dot - (i == j)) < 1e-5);
		}
	arena_destroy(u.arena);
}

Test(low_rank_factored, svd)
{
	for (int k = 1; k < 13; k++)
		check_svd(k, (uint64_t)k);
}

/* ---- one layer, y = x w^T ---- */

typedef struct Layer {
	int samples, m, n;
	const char *optimizer, *low_rank;
} Layer;

static Run *open_run(const Layer *of)
{
	Run *r = run_create(LOSS_MSE);
	Arena *a = r->unit.arena;
	const char *why;
	r->options.nlow_ranks = 1;
	r->options.low_rank = &r->low_rank;
	cr_assert(optimizer_parse(a, of->optimizer, &r->options.optimizer,
	                          &why), "%s", why);
	cr_assert(low_rank_parse(a, of->low_rank, &r->low_rank, &why), "%s",
	          why);
	run_build(r, arena_printf(a, "graph \"forward\" of \"layer\"\n"
		"variable \"w\" parameter f32[%d,%d] fill 0.05\n"
		"input %%x data f32[%d,%d]\nread %%w \"w\"\n"
		"%%y f32[%d,%d] = Gemm(%%x, %%w) {transB=1}\n"
		"output \"y\" data %%y\n", of->m, of->n, of->samples, of->n,
		of->samples, of->m));
	const Thin *thin = model_find(r->program->model, "w")->thin;
	cr_assert_null(thin->why, "%s", thin->why);
	return r;
}

static double datum(int i, int round)
{
	return ((i * 37 + round * 11 + i * i % 7) % 101 - 50) / 40.0;
}

static double target(int i, int round)
{
	return datum(i * 3, round + 7);
}

static void gradient(const Layer *l, int round, Matrix w, Matrix g)
{
	memset(g, 0, sizeof(Matrix));
	for (int s = 0; s < l->samples; s++)
		for (int i = 0; i < l->m; i++) {
			double y = -target(s * l->m + i, round);
			for (int j = 0; j < l->n; j++)
				y += datum(s * l->n + j, round) * w[i][j];
			for (int j = 0; j < l->n; j++)
				g[i][j] += 2 * y * datum(s * l->n + j, round) /
				           (l->samples * l->m);
		}
}

/* What is kept of a matrix: its r largest, u and v in rows. */
typedef struct Kept {
	int r;
	Matrix u, v;
	double s[LARGEST];
} Kept;

static void keep(const Layer *l, Matrix a, Kept *k)
{
	static Matrix turned, left;
	memcpy(turned, a, sizeof turned);
	jacobi(turned, left, l->m, l->n);
	for (int i = 0; i < k->r; i++) {
		int row = ranked(turned, l->m, l->n, i, &k->s[i]);
		for (int c = 0; c < l->m; c++)
			k->u[i][c] = left[row][c];
		for (int c = 0; c < l->n; c++)
			k->v[i][c] = turned[row][c] / k->s[i];
	}
}

/* to += factor u^T diag(s, or 1) v */
static void add_kept(const Layer *l, const Kept *k, bool scaled, double factor,
                     Matrix to)
{
	for (int r = 0; r < k->r; r++)
		for (int i = 0; i < l->m; i++)
			for (int j = 0; j < l->n; j++)
				to[i][j] += factor * (scaled ? k->s[r] : 1) *
				            k->u[r][i] * k->v[r][j];
}

static void add(const Layer *l, Matrix x, double factor, Matrix to)
{
	for (int i = 0; i < l->m; i++)
		for (int j = 0; j < l->n; j++)
			to[i][j] += factor * x[i][j];
}

static void scale(const Layer *l, double factor, Matrix x)
{
	add(l, x, factor - 1, x);
}

static void check_weights(const Layer *l, const Run *r, Matrix w, int t)
{
	const float *x = executor_variable(r->executor,
	                                   model_find(r->program->model, "w"));
	for (int i = 0; i < l->m; i++)
		for (int j = 0; j < l->n; j++)
			cr_assert(fabs(x[i * l->n + j] - w[i][j]) < 1e-4,
			          "%s, step %d: w[%d,%d] is %g, not %g",
			          l->low_rank, t, i, j,
			          (double)x[i * l->n + j], w[i][j]);
}

static void start(const Layer *l, Matrix w)
{
	memset(w, 0, sizeof(Matrix));
	for (int i = 0; i < l->m; i++)
		for (int j = 0; j < l->n; j++)
			w[i][j] = 0.05f;
}

/* b [r, n] times g^T, or, if `rows`, b [r, m] times g. */
static void times(const Layer *l, const Kept *k, Matrix g, bool rows, Matrix y)
{
	for (int r = 0; r < k->r; r++)
		for (int i = 0; i < (rows ? l->n : l->m); i++) {
			y[r][i] = 0;
			for (int j = 0; j < (rows ? l->m : l->n); j++)
				y[r][i] += rows ? k->u[r][j] * g[j][i]
				                : k->v[r][j] * g[i][j];
		}
}

/* In the tangent space: u u^T g + g v v^T - u u^T g v v^T. */
static void tangent(const Layer *l, const Kept *k, Matrix g, Matrix to)
{
	static Matrix across, along;
	times(l, k, g, false, across);
	times(l, k, g, true, along);
	for (int r = 0; r < k->r; r++)
		for (int i = 0; i < l->m; i++)
			for (int j = 0; j < l->n; j++) {
				to[i][j] += k->u[r][i] * along[r][j] +
				            across[r][i] * k->v[r][j];
				for (int q = 0; q < k->r; q++) {
					double inner = 0;
					for (int c = 0; c < l->m; c++)
						inner += k->u[r][c] *
						         across[q][c];
					to[i][j] -= k->u[r][i] * inner *
					            k->v[q][j];
				}
			}
}

static void read_first(const Run *r, const char *name, int n, Matrix to)
{
	const Variable *v = model_find(r->program->model, name);
	cr_assert(v && v->data, "there is no '%s'", name);
	for (int i = 0; i < v->shape.dim[0]; i++)
		for (int j = 0; j < n; j++)
			to[i][j] = (double)((const float *)v->data)[i * n + j];
}

/* The sum of gradients that is applied, then what is kept of it. */
static void streaming(const Layer *l)
{
	static Matrix w, g, sum;
	static Kept kept;
	Run *r = open_run(l);
	const OptimizerOptions *o = &r->options.optimizer;
	kept = (Kept){.r = (int)r->low_rank.rank};
	if (l->samples == MANY) {
		read_first(r, "w/low_rank/u", l->m, kept.u);
		read_first(r, "w/low_rank/v", l->n, kept.v);
	}
	start(l, w);
	for (int t = 1; t <= STEPS; t++) {
		bool now = t % r->low_rank.refresh == 0;
		run_training_step(r, datum, target, t - 1);
		gradient(l, t - 1, w, g);
		memset(sum, 0, sizeof sum);
		add_kept(l, &kept, true, 1, sum);
		if (l->samples == MANY)
			tangent(l, &kept, g, sum);
		else
			add(l, g, 1, sum);
		scale(l, 1 - o->lr * o->weight_decay, w);
		if (now)
			add(l, sum, -o->lr * r->low_rank.scale /
			    (double)r->low_rank.refresh, w);
		keep(l, sum, &kept);
		if (now)
			memset(kept.s, 0, sizeof kept.s);
		check_weights(l, r, w, t);
	}
	run_close(r);
}

static void mofasgd(const Layer *l)
{
	static Matrix w, g, sum;
	static Kept kept;
	Run *r = open_run(l);
	const OptimizerOptions *o = &r->options.optimizer;
	kept = (Kept){.r = (int)r->low_rank.rank};
	read_first(r, "w/low_rank/u", l->m, kept.u);
	read_first(r, "w/low_rank/v", l->n, kept.v);
	start(l, w);
	for (int t = 1; t <= STEPS; t++) {
		run_training_step(r, datum, target, t - 1);
		gradient(l, t - 1, w, g);
		memset(sum, 0, sizeof sum);
		add_kept(l, &kept, true, o->momentum, sum);
		tangent(l, &kept, g, sum);
		keep(l, sum, &kept);
		scale(l, 1 - o->lr * o->weight_decay, w);
		add_kept(l, &kept, false, -o->lr, w);
		check_weights(l, r, w, t);
	}
	run_close(r);
}

Test(low_rank_factored, streaming)
{
	static const Layer layers[] = {
		{FEW, 24, 17, "sgd:lr=0.1", "4,form=streaming,refresh=3"},
		{FEW, 17, 24, "sgd:lr=0.1,weight_decay=0.5",
		 "4,form=streaming,refresh=2,scale=0.5"},
		{FEW, 20, 20, "sgd:lr=0.1", "2,form=streaming,refresh=1"},
		{MANY, 24, 17, "sgd:lr=0.1", "3,form=streaming,refresh=3"},
		{MANY, 17, 24, "sgd:lr=0.1,weight_decay=0.5",
		 "2,form=streaming,refresh=1"},
	};
	for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++)
		streaming(&layers[i]);
}

Test(low_rank_factored, mofasgd)
{
	static const Layer layers[] = {
		{FEW, 24, 17, "momentum:lr=0.02,momentum=0.5", "2,form=mofasgd"},
		{FEW, 17, 24, "momentum:lr=0.02,weight_decay=0.5", "3,form=mofasgd"},
	};
	for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++)
		mofasgd(&layers[i]);
}

/* The parameter itself aside, nothing is as large as it. */
Test(low_rank_factored, no_gradient)
{
	static const Layer layers[] = {
		{FEW, 28, 30, "sgd:lr=0.1", "2,form=streaming"},
		{MANY, 28, 30, "sgd:lr=0.1", "2,form=streaming"},
		{FEW, 28, 30, "momentum:lr=0.1", "2,form=mofasgd"},
	};
	for (int i = 0; i < 3; i++) {
		Run *r = open_run(&layers[i]);
		const Plan *p = r->program->train;
		for (int b = 0; b < p->nbuffers; b++)
			cr_expect(p->buffer[b].memory == MEM_WORKSPACE ||
			          p->buffer[b].bytes < 28 * 30 * 4,
			          "%s: a buffer of %lld bytes",
			          layers[i].low_rank,
			          (long long)p->buffer[b].bytes);
		run_close(r);
	}
}
