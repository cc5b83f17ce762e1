/*
 * Weights of recurrences as ONNX has them, [directions, 4 H, n]: their gradients
 * are thin as those of [4 H, n] are, in every form of --low-rank and in sketches,
 * against whole gradients in doubles; and no buffer has a gradient's size.
 */
#include "passes/train.h"
#include "tests/unit/training_run.h"

#include <math.h>

enum { T = 5, N = 4, H = 24, IN = 24, ROWS = 4 * H, RANK = 2, MOST = 2 * ROWS };

static double datum(int i, int round)
{
	return ((i * 37 + round * 11 + i * i % 7) % 101 - 50) / 40.0;
}

static double target(int i, int round)
{
	return datum(i * 3, round + 7) / 4;
}

/* ---- a layer ---- */

typedef struct Text {
	char *at;
} Text;

__attribute__((format(printf, 2, 3)))
static void put(Text *t, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	t->at += vsprintf(t->at, format, args);
	va_end(args);
}

static void put_variable(Text *t, const char *name, const char *shape, int n,
                         int seed)
{
	put(t, "variable \"%s\" parameter f32%s = {", name, shape);
	for (int i = 0; i < n; i++)
		put(t, "%s%g", i ? ", " : "", datum(i * 7, seed) / 6);
	put(t, "}\n");
}

/* %w0, %w1, .. of %w, as the reader of ONNX files takes them. */
static void put_parts(Text *t, char w, int directions)
{
	int each = ROWS * H;
	put(t, "read %%%c \"%c\"\n", w, w);
	if (directions == 1) {
		put(t, "%%%c0 f32[%d,%d] = Reshape(%%%c) {shape=[%d, %d]}\n", w,
		    ROWS, H, w, ROWS, H);
		return;
	}
	put(t, "%%%cf f32[%d] = Reshape(%%%c) {shape=[%d]}\n", w,
	    directions * each, w, directions * each);
	for (int d = 0; d < directions; d++) {
		put(t, "%%%cs%d f32[%d] = Slice(%%%cf) {axes=[0], starts=[%d], "
		    "ends=[%d]}\n", w, d, each, w, d * each, (d + 1) * each);
		put(t, "%%%c%d f32[%d,%d] = Reshape(%%%cs%d) {shape=[%d, %d]}\n",
		    w, d, ROWS, H, w, d, ROWS, H);
	}
}

static void put_direction(Text *t, int d)
{
	put(t, "%%z%d f32[%d,%d] = Gemm(%%xf, %%w%d) {transB=1}\n", d, T * N,
	    ROWS, d);
	put(t, "%%g%d f32[%d,%d,%d] = Reshape(%%z%d) {shape=[%d, %d, %d]}\n", d,
	    T, N, ROWS, d, T, N, ROWS);
	put(t, "%%h%d f32[%d,%d], %%c%d f32[%d,%d], %%s%d f32[%d,%d,%d], %%q%d "
	    "f32[%d,%d] = LSTMRecurrence(%%g%d, %%r%d) {order=[0, 1, 2, 3], "
	    "reverse=%d}\n", d, N, H, d, N, H, d, T, N, H, d, N, ROWS, d, d, d);
}

static const char *layer(Arena *a, const char *shape, int directions)
{
	char *all = arena_alloc(a, 200000);
	Text t = {all};
	put(&t, "graph \"forward\" of \"lstm\"\n");
	put_variable(&t, "w", shape, directions * ROWS * H, 1);
	put_variable(&t, "r", shape, directions * ROWS * H, 2);
	put(&t, "input %%x data f32[%d,%d,%d]\n", T, N, IN);
	put(&t, "%%xf f32[%d,%d] = Reshape(%%x) {shape=[%d, %d]}\n", T * N, IN,
	    T * N, IN);
	put_parts(&t, 'w', directions);
	put_parts(&t, 'r', directions);
	for (int d = 0; d < directions; d++)
		put_direction(&t, d);
	if (directions == 1)
		put(&t, "output \"y\" data %%s0\n");
	else
		put(&t, "%%y f32[%d,%d,%d] = Concat(%%s0, %%s1) {axis=2}\n"
		    "output \"y\" data %%y\n", T, N, 2 * H);
	return all;
}

/* thin: "--low-rank" or "--sketch" (a digit first); NULL: neither. */
typedef struct Case {
	const char *optimizer, *low_rank, *sketch;
} Case;

static Run *open_run(const Case *c, const char *shape, int directions)
{
	static SketchSpec sketch;
	Run *r = run_create(LOSS_MSE);
	Arena *a = r->unit.arena;
	const char *why;
	cr_assert(optimizer_parse(a, c->optimizer, &r->options.optimizer, &why),
	          "%s", why);
	if (c->low_rank) {
		cr_assert(low_rank_parse(a, c->low_rank, &r->low_rank, &why),
		          "%s", why);
		r->options.nlow_ranks = 1;
		r->options.low_rank = &r->low_rank;
	}
	if (c->sketch) {
		cr_assert(sketch_parse(a, c->sketch, &sketch, &why), "%s", why);
		r->options.nsketches = 1;
		r->options.sketch = &sketch;
	}
	run_build(r, layer(a, shape, directions));
	return r;
}

static const float *contents(const Run *r, const char *name)
{
	return executor_variable(r->executor,
	                         model_find(r->program->model, name));
}

static const char *const shapes[] = {NULL, "[1,96,24]", "[2,96,24]"};
static const char *const flat[] = {NULL, "[96,24]", "[192,24]"};

/* ---- one step, by formulas ---- */

typedef double Matrix[MOST][H];

/* Rows of length n that the state begins with. */
static const float *first(const Run *r, const char *name)
{
	const Variable *v = model_find(r->program->model, name);
	cr_assert(v && v->data, "there is no '%s'", name);
	return v->data;
}

/* g = u^T u g, of rows u [RANK, m]. */
static void onto_rows(const float *u, int m, Matrix g)
{
	static double part[RANK][H];
	for (int k = 0; k < RANK; k++)
		for (int j = 0; j < H; j++) {
			part[k][j] = 0;
			for (int i = 0; i < m; i++)
				part[k][j] += (double)u[k * m + i] * g[i][j];
		}
	for (int i = 0; i < m; i++)
		for (int j = 0; j < H; j++) {
			g[i][j] = 0;
			for (int k = 0; k < RANK; k++)
				g[i][j] += (double)u[k * m + i] * part[k][j];
		}
}

/* g = g v^T v, of rows v [RANK, H]. */
static void onto_columns(const float *v, int m, Matrix g)
{
	for (int i = 0; i < m; i++) {
		double part[RANK] = {0};
		for (int k = 0; k < RANK; k++)
			for (int j = 0; j < H; j++)
				part[k] += (double)v[k * H + j] * g[i][j];
		for (int j = 0; j < H; j++) {
			g[i][j] = 0;
			for (int k = 0; k < RANK; k++)
				g[i][j] += part[k] * (double)v[k * H + j];
		}
	}
}

/* What becomes of the gradient g of `name` in the first step. */
static void thin(const Run *r, char name, int m, Matrix g)
{
	static Matrix x, y;
	const char *state = arena_printf(r->unit.arena, "%c/low_rank/", name);
	const char *u = arena_printf(r->unit.arena, "%su", state);
	const char *v = arena_printf(r->unit.arena, "%sv", state);
	switch (r->low_rank.form) {
	case LOW_RANK_PROJECTION:
		onto_rows(first(r, arena_printf(r->unit.arena, "%sbasis",
		                                state)), m, g);
		return;
	case LOW_RANK_FACTORS:
		onto_columns(first(r, v), m, g);
		return;
	default:
		/* uu^T G + G vv^T - uu^T G vv^T */
		memcpy(x, g, sizeof x);
		onto_rows(first(r, u), m, x);
		memcpy(y, x, sizeof y);
		onto_columns(first(r, v), m, y);
		onto_columns(first(r, v), m, g);
		for (int i = 0; i < m; i++)
			for (int j = 0; j < H; j++)
				g[i][j] += x[i][j] - y[i][j];
	}
}

static void check_step(const Run *r, const Run *whole, char name, int m)
{
	static Matrix g;
	const char *of = name == 'w' ? "w" : "r";
	const float *before = first(r, of);
	const float *full = contents(whole, of), *now = contents(r, of);
	for (int i = 0; i < m * H; i++)
		g[i / H][i % H] = (double)full[i] - (double)before[i];
	double length = 0;
	thin(r, name, m, g);
	for (int i = 0; i < m * H; i++) {
		double is = (double)now[i] - (double)before[i];
		length = fmax(length, fabs(is));
		cr_assert(fabs(is - g[i / H][i % H]) < 1e-6,
		          "form %d, %s[%d] gets %g, not %g",
		          (int)r->low_rank.form, of, i, is, g[i / H][i % H]);
	}
	cr_expect_gt(length, 1e-3, "%c: %g", name, length);
}

Test(low_rank_recurrent, steps)
{
	static const Case cases[] = {
		{"sgd:lr=100", "2,scale=1", NULL},
		{"sgd:lr=100", "2,form=factors", NULL},
		{"sgd:lr=100", "2,form=streaming,refresh=1,scale=1", NULL},
	};
	for (int d = 1; d <= 2; d++) {
		Case c = {"sgd:lr=100", NULL, NULL};
		Run *whole = open_run(&c, shapes[d], d);
		run_training_step(whole, datum, target, 0);
		for (int i = 0; i < 3; i++) {
			Run *r = open_run(&cases[i], shapes[d], d);
			run_training_step(r, datum, target, 0);
			check_step(r, whole, 'w', d * ROWS);
			check_step(r, whole, 'r', d * ROWS);
			run_close(r);
		}
		run_close(whole);
	}
}

/* ---- as [rows, n] ---- */

static const Case all[] = {
	{"adam:lr=0.01", "2", NULL},
	{"adam8bit:lr=0.01", "4", NULL},
	{"adam:lr=0.01", "2,form=factors", NULL},
	{"sgd:lr=0.1", "2,form=streaming,refresh=2", NULL},
	{"momentum:lr=0.01", "2,form=mofasgd", NULL},
	{"adam:lr=0.01", NULL, "0.2"},
	{"momentum:lr=0.01", NULL, "0.2"},
};
enum { NALL = (int)(sizeof all / sizeof all[0]) };

Test(low_rank_recurrent, shape)
{
	for (int i = 0; i < NALL; i++)
		for (int d = 1; d <= 2; d++) {
			Run *a = open_run(&all[i], shapes[d], d);
			Run *b = open_run(&all[i], flat[d], d);
			for (int t = 0; t < 3; t++) {
				run_training_step(a, datum, target, t);
				run_training_step(b, datum, target, t);
			}
			cr_expect_arr_eq(contents(a, "r"), contents(b, "r"),
			                 sizeof(float) * (size_t)(d * ROWS * H),
			                 "case %d, %d directions", i, d);
			run_close(a);
			run_close(b);
		}
}

/* ---- what it takes ---- */

/* Nothing but the parameters is as large as one direction's gradient. */
Test(low_rank_recurrent, no_gradient)
{
	for (int i = 0; i < NALL; i++)
		for (int d = 1; d <= 2; d++) {
			Run *r = open_run(&all[i], shapes[d], d);
			const Plan *p = r->program->train;
			const Thin *t = model_find(r->program->model, "r")->thin;
			cr_assert(t && !t->why, "%s", t ? t->why : "");
			cr_expect(t->saved > 0 || optimizer_states(
				&r->options.optimizer) == 0);
			for (int b = 0; all[i].low_rank && b < p->nbuffers; b++)
				cr_expect(p->buffer[b].memory == MEM_WORKSPACE ||
				          p->buffer[b].bytes < ROWS * H * 4,
				          "case %d: a buffer of %lld bytes", i,
				          (long long)p->buffer[b].bytes);
			run_close(r);
		}
}
