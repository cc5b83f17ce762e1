/*
 * Optimizer state in count sketches: the updates against the formulas with tables
 * of their own, and what a program then holds.
 */
#include "tests/unit/fused.h"
#include "tests/unit/sketch_hash.h"

#include <math.h>

enum { ROWS = 40, D = 5, WIDTH = 4, TOKENS = 12 };

/* ---- updates ---- */

/* A graph of one update: its inputs' first contents are fill_input's. */
static Graph *update_graph(Unit *u, const char *node, bool rows)
{
	const char *text = arena_printf(u->arena, "graph \"g\" of \"m\"\n"
		"input %%w data f32[%d,%d]\n"
		"input %%dy data f32[%d,%d]\ninput %%ids data i32[%d]\n"
		"input %%bins data f32[%d,%d,%d]\n"
		"input %%weights data f32[%d,%d]\n"
		"input %%last data i32[%d,%d]\n"
		"input %%lr hyper f32[] initial 0.5\n"
		"input %%beta hyper f32[] initial 0.75\n"
		"input %%beta1 hyper f32[] initial 0.5\n"
		"input %%eps hyper f32[] initial 0.125\n"
		"input %%decay hyper f32[] initial 0.25\n"
		"input %%step step i32[]\n%s%s",
		ROWS, D, rows ? TOKENS : ROWS, D, TOKENS, DEPTH, WIDTH, D,
		DEPTH, WIDTH, DEPTH, WIDTH, rows ? arena_printf(u->arena,
		"%%g f32[%d,%d], %%rows i32[%d] = MergeRows(%%dy, %%ids) "
		"{rows=%d}\n", TOKENS, D, TOKENS, ROWS) : "", node);
	Graph *g = graph_parse(u, NULL, text);
	cr_assert(g, "%s", text);
	return g;
}

static const void *given(const Graph *g, const char *name)
{
	for (int i = 0; i < g->ninputs; i++)
		if (!strcmp(g->input[i]->name, name)) {
			void *x = arena_alloc(g->unit->arena,
			                      (size_t)bytes_of(g->input[i]));
			fill_input(g->input[i], x);
			return x;
		}
	return NULL;
}

/* The gradient of every row, and which rows have one. */
typedef struct Dense {
	double g[ROWS][D];
	int order[ROWS], n;
} Dense;

static Dense dense(const Graph *g, bool rows)
{
	Dense d = {.n = 0};
	const float *dy = given(g, "dy");
	const int32_t *ids = given(g, "ids");
	for (int t = 0; t < (rows ? TOKENS : ROWS); t++) {
		int row = rows ? ids[t] < 0 ? ids[t] + ROWS : ids[t] : t;
		bool new = true;
		if (row < 0 || row >= ROWS)
			continue;
		for (int i = 0; i < d.n; i++)
			new &= d.order[i] != row;
		if (new)
			d.order[d.n++] = row;
		for (int c = 0; c < D; c++)
			d.g[row][c] += (double)dy[t * D + c];
	}
	cr_assert(!rows || (d.n > 1 && d.n < TOKENS), "%d rows", d.n);
	return d;
}

static double least(const double x[DEPTH])
{
	return fmin(fmin(x[0], x[1]), x[2]);
}

static double median(const double x[DEPTH])
{
	return fmax(fmin(x[0], x[1]), fmin(fmax(x[0], x[1]), x[2]));
}

static void expect_close(const char *what, const float *got, const double *want,
                         int n)
{
	for (int i = 0; i < n; i++)
		cr_expect(fabs((double)got[i] - want[i]) <=
		          1e-4 * (1 + fabs(want[i])), "%s[%d]: %g, not %g",
		          what, i, (double)got[i], want[i]);
}

/* Where it is not a number, neither is the other: squares may be negative here,
 * where inputs are any numbers; so they are made positive first. */
static const char *squares_node(Arena *a, bool rows, bool sum, int clean,
                                bool first, bool biased)
{
	const char *more = arena_printf(a, ", %%f2 f32[%d,%d,%d], %%c2 "
		"f32[%d,%d]", DEPTH, WIDTH, D, DEPTH, WIDTH);
	return arena_printf(a,
		"%%p f32[%d,%d,%d] = Abs(%%bins)\n%%q f32[%d,%d] = Abs(%%weights)\n"
		"%%two i32[] = Add(%%step, %%step)\n"
		"%%now i32[] = Add(%%two, %%two)\n"
		"%%w2 f32[%d,%d], %%b2 f32[%d,%d,%d], %%v2 f32[%d,%d], %%l2 "
		"i32[%d,%d]%s = CountMinUpdate(%%w, %s, %s, %%p, %%q, %%last, "
		"%%lr, %%beta, %%eps, %%decay, %%now%s) {sum=%d, clean=%d, "
		"keep=0.5, biased=%d, seed=%u}\n"
		"output \"w\" data %%w2\noutput \"b\" data %%b2\n"
		"output \"v\" data %%v2\n%s",
		DEPTH, WIDTH, D, DEPTH, WIDTH, ROWS, D, DEPTH, WIDTH, D, DEPTH,
		WIDTH, DEPTH, WIDTH, first ? more : "", rows ? "%g" : "%dy",
		rows ? "%rows" : "_", first ? ", %bins, %q, %beta1" : "", sum,
		clean, biased, seed, first ? "output \"f\" data %f2\n"
		                       "output \"c\" data %c2\n" : "");
}

/* A mean in a sketch with signs: its bins and counts. */
typedef struct Moment {
	double bin[DEPTH * WIDTH * D], count[DEPTH * WIDTH];
} Moment;

static double moment(Moment *m, double beta, int now, const int age[DEPTH],
                     int row, int c, double g)
{
	double x[DEPTH];
	static double before[DEPTH];
	for (int j = 0; j < DEPTH; j++) {
		int at = j * WIDTH + bucket(row, j, WIDTH);
		double *bin = &m->bin[at * D + c], stays = pow(beta, age[j]);
		if (c == 0) {
			before[j] = m->count[at];
			m->count[at] = stays * before[j] + 1 - beta;
		}
		double fresh = (1 - beta) /
		               fmin(m->count[at], 1 - pow(beta, now));
		double mean = before[j] > 0 ? *bin / before[j] : 0;
		x[j] = fresh * g + (1 - fresh) * sign(row, j) * mean;
		*bin = stays * *bin + (1 - beta) * sign(row, j) * g;
	}
	return median(x);
}

/* What a bucket that is used once in each step weighs, step by step. */
static double remembered(double beta, int now, int clean, double keep)
{
	double sum = 0;
	for (int s = 1; s <= now; s++)
		sum += pow(beta, now - s) *
		       (clean ? pow(keep, now / clean - s / clean) : 1);
	return sum;
}

static void squares(bool rows, bool sum, int clean, bool first, bool biased)
{
	Unit u = test_unit();
	Graph *g = update_graph(&u, squares_node(u.arena, rows, sum, clean,
	                                         first, biased), rows);
	static Moment f;
	Results r = run_apart(g);
	Dense d = dense(g, rows);
	const float *w0 = given(g, "w"), *b0 = given(g, "bins");
	const float *v0 = given(g, "weights");
	const int32_t *l0 = given(g, "last");
	int now = 4 * *(const int32_t *)given(g, "step");
	double lr = *(const float *)given(g, "lr");
	double beta = *(const float *)given(g, "beta");
	double beta1 = *(const float *)given(g, "beta1");
	double eps = *(const float *)given(g, "eps");
	double decay = *(const float *)given(g, "decay");
	double whole = 1 - pow(beta, now);
	double once = (1 - beta) * remembered(beta, now, clean, 0.5);
	double steps = now / remembered(1, now, clean, 0.5);
	static double w[ROWS * D], b[DEPTH * WIDTH * D], v[DEPTH * WIDTH];
	int last[DEPTH * WIDTH], rare = 0, often = 0;
	for (int i = 0; i < ROWS * D; i++)
		w[i] = (double)w0[i];
	for (int i = 0; i < DEPTH * WIDTH * D; i++)
		b[i] = fabs(f.bin[i] = (double)b0[i]);
	for (int i = 0; i < DEPTH * WIDTH; i++) {
		v[i] = f.count[i] = fabs((double)v0[i]);
		last[i] = l0[i];
	}
	for (int o = 0; o < d.n; o++) {
		int row = d.order[o], at[DEPTH], age[DEPTH];
		double fade[DEPTH], scale[DEPTH];
		for (int j = 0; j < DEPTH; j++) {
			at[j] = j * WIDTH + bucket(row, j, WIDTH);
			fade[j] = clean ? pow(0.5, now / clean -
			                           last[at[j]] / clean) : 1;
			age[j] = now - last[at[j]];
			fade[j] *= sum ? 1 : pow(beta, age[j]);
			last[at[j]] = now;
			v[at[j]] = fade[j] * v[at[j]] + 1 - beta;
			rare += v[at[j]] < once;
			often += v[at[j]] > once;
			scale[j] = (biased ? whole : 1) / fmax(v[at[j]], once);
		}
		for (int c = 0; c < D; c++) {
			double x[DEPTH], y = d.g[row][c];
			for (int j = 0; j < DEPTH; j++) {
				double *bin = &b[at[j] * D + c];
				*bin *= fade[j];
				*bin += (sum ? 1 : 1 - beta) * y * y;
				x[j] = *bin * (sum ? steps : scale[j]);
			}
			if (first)
				y = moment(&f, beta1, now, age, row, c, y);
			w[row * D + c] *= 1 - lr * decay;
			w[row * D + c] -= lr * y / (sqrt(least(x)) + eps);
		}
	}
	cr_expect(rare && often, "%d are lighter, %d heavier", rare, often);
	expect_close("w", r.output[0], w, ROWS * D);
	expect_close("bins", r.output[1], b, DEPTH * WIDTH * D);
	expect_close("weights", r.output[2], v, DEPTH * WIDTH);
	if (first) {
		expect_close("first", r.output[3], f.bin, DEPTH * WIDTH * D);
		expect_close("counts", r.output[4], f.count, DEPTH * WIDTH);
	}
	arena_destroy(u.arena);
}

Test(sketch, squares)
{
	for (int i = 0; i < 32; i++) {
		seed = (uint32_t)i % 3;
		squares(i & 1, i & 2, i & 4 ? 2 : 0, i & 8, i & 16);
	}
}

static void momentum(bool rows)
{
	Unit u = test_unit();
	const char *node = arena_printf(u.arena,
		"%%c f32[%d,%d] = Abs(%%weights)\n"
		"%%two i32[] = Add(%%step, %%step)\n"
		"%%now i32[] = Add(%%two, %%two)\n"
		"%%w2 f32[%d,%d], %%b2 f32[%d,%d,%d], %%c2 f32[%d,%d], %%l2 "
		"i32[%d,%d] = CountSketchMomentumUpdate(%%w, %s, %s, %%bins, "
		"%%c, %%last, %%lr, %%beta, %%decay, %%now) {seed=%u}\n"
		"output \"w\" data %%w2\noutput \"b\" data %%b2\n"
		"output \"c\" data %%c2\n", DEPTH, WIDTH, ROWS, D, DEPTH, WIDTH,
		D, DEPTH, WIDTH, DEPTH, WIDTH, rows ? "%g" : "%dy",
		rows ? "%rows" : "_", seed);
	Graph *g = update_graph(&u, node, rows);
	Results r = run_apart(g);
	Dense d = dense(g, rows);
	const float *w0 = given(g, "w"), *b0 = given(g, "bins");
	const float *c0 = given(g, "weights");
	const int32_t *l0 = given(g, "last");
	int now = 4 * *(const int32_t *)given(g, "step");
	double lr = *(const float *)given(g, "lr");
	double beta = *(const float *)given(g, "beta");
	double decay = *(const float *)given(g, "decay");
	double sum = (1 - pow(beta, now)) / (1 - beta);
	static double w[ROWS * D];
	static Moment m;
	int last[DEPTH * WIDTH];
	for (int i = 0; i < ROWS * D; i++)
		w[i] = (double)w0[i];
	for (int i = 0; i < DEPTH * WIDTH * D; i++)
		m.bin[i] = (double)b0[i];
	for (int i = 0; i < DEPTH * WIDTH; i++) {
		m.count[i] = fabs((double)c0[i]);
		last[i] = l0[i];
	}
	for (int o = 0; o < d.n; o++) {
		int row = d.order[o], age[DEPTH];
		for (int j = 0; j < DEPTH; j++) {
			int at = j * WIDTH + bucket(row, j, WIDTH);
			age[j] = now - last[at];
			last[at] = now;
		}
		for (int c = 0; c < D; c++) {
			double x = moment(&m, beta, now, age, row, c,
			                  d.g[row][c]);
			w[row * D + c] *= 1 - lr * decay;
			w[row * D + c] -= lr * sum * x;
		}
	}
	expect_close("w", r.output[0], w, ROWS * D);
	expect_close("bins", r.output[1], m.bin, DEPTH * WIDTH * D);
	expect_close("counts", r.output[2], m.count, DEPTH * WIDTH);
	arena_destroy(u.arena);
}

Test(sketch, momentum)
{
	momentum(false);
	seed = 5;
	momentum(true);
}

/* ---- what it takes ---- */

static const char embedding[] =
	"graph \"forward\" of \"m\"\n"
	"variable \"emb\" parameter f32[900,16] fill 0.02\n"
	"variable \"w\" parameter f32[3,16] fill 0.1\n"
	"input %i data i64[6]\nread %e \"emb\"\nread %w \"w\"\n"
	"%x f32[6,16] = Gather(%e, %i)\n"
	"%y f32[6,3] = Gemm(%x, %w) {transB=1}\noutput \"y\" data %y\n";

/* A table that is gathered from is updated where it is: no gradient, no copy. */
Test(sketch, touches_rows_only)
{
	static const SketchSpec spec = {"emb", .ratio = 0.2};
	Unit u = test_unit();
	Options o = {
		.loss = {.kind = LOSS_CROSS_ENTROPY, .axis = 1},
		.optimizer = {.kind = OPT_ADAM, .lr = 0.1, .beta1 = 0.9,
		              .beta2 = 0.99, .eps = 1e-8},
		.nsketches = 1, .sketch = &spec,
	};
	Program *p = build_program(graph_parse(&u, NULL, embedding), &o);
	cr_assert(p);
	for (int i = 0; i < p->train->nbuffers; i++)
		cr_expect(p->train->buffer[i].memory == MEM_WORKSPACE ||
		          p->train->buffer[i].bytes <= 6 * 16 * 4,
		              "'%s' has %lld bytes", p->train->buffer[i].name,
		              (long long)p->train->buffer[i].bytes);
	for (int i = 0; i < p->train->nsteps; i++)
		cr_expect_neq(p->train->step[i]->op, &op_Copy);
	const Variable *emb = model_find(p->model, "emb");
	cr_assert(emb->thin);
	cr_expect_eq(emb->thin->width, 60);
	cr_expect_eq(emb->thin->saved, 4 * (2 * 900 * 16 - 3 * 60 * 18));
	cr_expect_null(model_find(p->model, "emb/exp_avg"));
	cr_expect(model_find(p->model, "w/exp_avg"));
	arena_destroy(u.arena);
}

/* ---- a layer whose rows all have a gradient ---- */

/* dy^T x, 40 rows: two tiles of 16, and what is left. */
static const char *layer(Arena *a, const char *vars, const char *reads,
                         const char *outs, const char *node)
{
	return arena_printf(a, "graph \"train\" of \"m\"\n"
		"variable \"w\" parameter f32[40,5] mutable fill 0.5\n"
		"variable \"bins\" optimizer f32[3,4,5] mutable fill 0.25\n%s"
		"input %%x data f32[6,5]\ninput %%dy data f32[6,40]\n"
		"input %%lr hyper f32[] initial 0.1\n"
		"input %%beta hyper f32[] initial 0.75\n"
		"input %%n step i32[] \nread %%w \"w\"\nread %%bins \"bins\"\n%s"
		"%%g f32[40,5] gradients = MatMul(%%dy, %%x) {transA=1}\n"
		"%%w2 f32[40,5] parameters -> \"w\", %%b2 f32[3,4,5] optimizer "
		"-> \"bins\"%s = %s\n"
		"%%l f32[] = ReduceSum(%%x) {keepdims=0}\n"
		"output \"l\" loss %%l\n", vars, reads, outs, node);
}

static const char *sketched_layer(Arena *a, const char *node)
{
	return layer(a,
		"variable \"v\" optimizer f32[3,4] mutable fill 0.125\n"
		"variable \"last\" optimizer i32[3,4] mutable fill 0\n",
		"read %v \"v\"\nread %last \"last\"\n",
		", %v2 f32[3,4] optimizer -> \"v\", %l2 i32[3,4] optimizer -> "
		"\"last\"", node);
}

static const char *momentum_layer(Arena *a)
{
	return sketched_layer(a, "CountSketchMomentumUpdate(%w, %g, _, %bins, "
	                      "%v, %last, %lr, %beta, %lr, %n)");
}

static const char *squares_layer(Arena *a)
{
	return sketched_layer(a, "CountMinUpdate(%w, %g, _, %bins, %v, %last, "
	                      "%lr, %beta, %lr, %lr, %n) {clean=2, keep=0.5}");
}

/* Where all gradients are 0.5 and so are the squares' roots, whatever fades. */
static const char *even_layer(Arena *a, const char *clean)
{
	return arena_printf(a, "graph \"train\" of \"m\"\n"
		"variable \"w\" parameter f32[40,5] mutable fill 0.5\n"
		"variable \"bins\" optimizer f32[3,4,5] mutable fill 0.03125\n"
		"variable \"v\" optimizer f32[3,4] mutable fill 0.125\n"
		"variable \"last\" optimizer i32[3,4] mutable fill 0\n"
		"variable \"g\" parameter f32[40,5] fill 0.5\n"
		"input %%lr hyper f32[] initial 0.1\n"
		"input %%n step i32[] \nread %%w \"w\"\nread %%g \"g\"\n"
		"read %%bins \"bins\"\nread %%v \"v\"\nread %%last \"last\"\n"
		"%%w2 f32[40,5] parameters -> \"w\", %%b2 f32[3,4,5] optimizer "
		"-> \"bins\", %%v2 f32[3,4] optimizer -> \"v\", %%l2 i32[3,4] "
		"optimizer -> \"last\" = CountMinUpdate(%%w, %%g, _, %%bins, "
		"%%v, %%last, %%lr, %%lr, %%lr, %%lr, %%n) {%s}\n"
		"%%l f32[] = ReduceSum(%%g) {keepdims=0}\n"
		"output \"l\" loss %%l\n", clean);
}

static const float *state(const Graph *g, Results r, const char *name)
{
	return r.state[model_find(g->model, name)->id];
}

/* The bins are smaller then, but not the mean of what is in them. */
Test(sketch, no_longer_steps_after_cleaning)
{
	Unit u = test_unit(), v = test_unit();
	Graph *never = parsed(&u, even_layer(u.arena, "clean=0"));
	Graph *often = parsed(&v, even_layer(v.arena, "clean=1, keep=0.25"));
	Results a = run_apart(never), b = run_apart(often);
	const float *x = state(never, a, "w"), *y = state(often, b, "w");
	for (int i = 0; i < ROWS * D; i++)
		cr_expect(fabsf(x[i] - y[i]) < 1e-6f, "%g, not %g",
		          (double)y[i], (double)x[i]);
	x = state(never, a, "bins");
	y = state(often, b, "bins");
	bool less = false;
	for (int i = 0; i < DEPTH * WIDTH * D; i++)
		less |= y[i] < 0.999f * x[i];
	cr_expect(less, "nothing was cleaned");
	arena_destroy(u.arena);
	arena_destroy(v.arena);
}

static void check_tiles(const char *text, int target, int rows)
{
	Unit u = test_unit(), v = test_unit();
	Options o = {.target = &all_targets[target]};
	Graph *g = parsed(&u, text), *plain = parsed(&v, text);
	run_pass(&pass_fuse_update, g, &o);
	run_pass(&pass_outputs, g, &o);
	run_pass(&pass_workspace, g, &o);
	cr_expect_eq(rows_of(g), rows, "tile of %d rows", rows_of(g));
	cr_expect_eq(graph_count(g, &op_Copy), 0, "a copy, as it is not proved "
	             "to work in place");
	const Plan *plan = plan_memory(g, &o);
	cr_expect_null(plan_check(u.arena, plan));
	Results want = run_apart(plain), got = run_planned(plan, 0);
	for (int i = 0; i < g->model->nvars; i++) {
		const Variable *x = g->model->var[i];
		cr_expect(!memcmp(got.state[i], want.state[i], (size_t)
		                  shape_bytes(x->shape, x->dtype)),
		          "'%s' differs", x->name);
	}
	arena_destroy(u.arena);
	arena_destroy(v.arena);
}

Test(sketch, takes_gradients_by_tiles)
{
	Arena *a = arena_create();
	for (int t = 0; t < 2; t++) {
		check_tiles(squares_layer(a), t, 16);
		check_tiles(momentum_layer(a), t, 16);
	}
	arena_destroy(a);
}
