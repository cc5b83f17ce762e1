/*
 * How far sketched updates go over many steps: rows that come up in each step and rows
 * that are rare, whose gradients are all 1. Cleaning must not make steps longer,
 * however seldom a row comes up; momentum must take a row as far as it does where it
 * is whole.
 */
#include "frontend/executor.h"
#include "passes/train.h"
#include "tests/unit/fused.h"

#include <math.h>

enum { TOKENS = 6, COLUMNS = 4, STEPS = 400, CLEAN = 25, OFTEN = 2 };

/* Row i of these comes up every period[i] steps, and the last often. */
static const int period[TOKENS] = {1, 2, 5, 13, 40, 90};
/* Some share buckets with others, none shares any. */
static const int meeting[TOKENS + 1] = {0, 1, 2, 3, 4, 5, 59};
static const int alone[TOKENS + 1] = {0, 1, 3, 5, 7, 8, 18};

static const char table[] =
	"graph \"forward\" of \"m\"\n"
	"variable \"emb\" parameter f32[60,4] fill 0\n"
	"input %i data i64[6]\nread %e \"emb\"\n"
	"%x f32[6,4] = Gather(%e, %i)\n%l f32[] = ReduceSum(%x) {keepdims=0}\n"
	"output \"l\" data %l\n";

typedef struct Net {
	Unit unit;
	Options options;
	SketchSpec spec;
	const int *row;
	Program *program;
	Executor *executor;
} Net;

/* ratio 0: whole state. */
static void open_net(Net *n, OptimizerKind kind, double ratio, int clean)
{
	n->row = kind == OPT_MOMENTUM ? alone : meeting;
	n->unit = test_unit();
	n->spec = (SketchSpec){"emb", .ratio = ratio, .clean = clean,
	                       .keep = 0.2};
	n->options = (Options){
		.loss = {.kind = LOSS_GRAPH, .output = "l"},
		.optimizer = {.kind = kind, .lr = 1, .alpha = 0.99,
		              .beta2 = 0.99, .momentum = 0.9, .eps = 1e-8},
		.nsketches = ratio > 0, .sketch = &n->spec,
		.target = target_find("host"),
	};
	n->program = build_program(graph_parse(&n->unit, NULL, table),
	                           &n->options);
	cr_assert(n->program);
	n->executor = executor_interpreter(&n->unit, n->program);
}

static void close_net(Net *n)
{
	executor_close(n->executor);
	arena_destroy(n->unit.arena);
}

static bool comes_up(int i, int t)
{
	return t % period[i] == 0;
}

static double weight(const Net *n, int i)
{
	const float *w = executor_variable(n->executor, model_find(
		n->program->model, "emb"));
	return (double)w[n->row[i] * COLUMNS];
}

/* How far each row goes in step t. */
static void step(Net *n, int t, double length[TOKENS])
{
	const Plan *p = n->program->train;
	int64_t *id = executor_value(n->executor, p, plan_input(p, IN_DATA, 0));
	for (int i = 0; i < TOKENS; i++) {
		id[i] = n->row[comes_up(i, t) ? i : TOKENS];
		length[i] = weight(n, i);
	}
	cr_assert(executor_call(n->executor, p));
	for (int i = 0; i < TOKENS; i++)
		length[i] = fabs(weight(n, i) - length[i]);
}

/* Beside never cleaned, in all steps; and of rows that come up often, beside their
 * step before. */
static void steps(OptimizerKind kind)
{
	Net clean, never;
	double a[TOKENS], b[TOKENS], last[TOKENS] = {0};
	double ratio = 0, least = 1, jump = 0;
	open_net(&clean, kind, 0.5, CLEAN);
	open_net(&never, kind, 0.5, 0);
	for (int t = 1; t <= STEPS; t++) {
		step(&clean, t, a);
		step(&never, t, b);
		for (int i = 0; i < TOKENS; i++) {
			if (!comes_up(i, t))
				continue;
			ratio = fmax(ratio, a[i] / b[i]);
			least = fmin(least, a[i] / b[i]);
			if (last[i] > 0 && period[i] <= OFTEN)
				jump = fmax(jump, a[i] / last[i]);
			last[i] = a[i];
		}
	}
	cr_expect_lt(ratio, 1.001, "%d: %g times as long", (int)kind, ratio);
	cr_expect_lt(jump, 1.05, "%d: %g times at once", (int)kind, jump);
	cr_expect_lt(least, 0.9, "%d: nothing was cleaned", (int)kind);
	close_net(&clean);
	close_net(&never);
}

Test(sketch_steps, no_longer_after_cleaning)
{
	steps(OPT_ADAM);
	steps(OPT_RMSPROP);
	steps(OPT_ADAGRAD);
}

/* In each step, the row that always comes up; in all, once whole momentum has given
 * what it still had to give, the others. */
Test(sketch_steps, as_far_as_momentum)
{
	enum { QUIET = 1000003, REST = 91 };   /* no other row comes up */
	Net sketch, whole;
	double a[TOKENS], b[TOKENS];
	open_net(&sketch, OPT_MOMENTUM, 0.5, 0);
	open_net(&whole, OPT_MOMENTUM, 0, 0);
	for (int t = 1; t <= STEPS; t++) {
		step(&sketch, t, a);
		step(&whole, t, b);
		cr_expect(fabs(a[0] / b[0] - 1) < 1e-4, "%d: %g, not %g", t,
		          a[0], b[0]);
	}
	for (int t = 0; t < REST; t++) {
		step(&sketch, QUIET, a);
		step(&whole, QUIET, b);
	}
	for (int i = 1; i < TOKENS; i++) {
		double part = weight(&sketch, i) / weight(&whole, i);
		cr_expect(fabs(part - 1) < 0.03, "row %d: %g of it", i, part);
	}
	close_net(&sketch);
	close_net(&whole);
}
