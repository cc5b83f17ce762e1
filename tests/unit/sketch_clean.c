/*
 * Cleaning of sketches over many steps: rows that come up in each step and rows that
 * are rare, whose gradients are all 1, with cleaning and without. However seldom a
 * row comes up, cleaning must not make its steps longer.
 */
#include "frontend/executor.h"
#include "passes/train.h"
#include "tests/unit/fused.h"

#include <math.h>

enum { TOKENS = 6, COLUMNS = 4, NOBODY = 59, STEPS = 400, CLEAN = 25, OFTEN = 2 };

/* Row i of the table comes up every period[i] steps, and NOBODY often. */
static const int period[TOKENS] = {1, 2, 5, 13, 40, 90};

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
	Program *program;
	Executor *executor;
} Net;

static void open_net(Net *n, OptimizerKind kind, int clean)
{
	n->unit = test_unit();
	n->spec = (SketchSpec){"emb", .ratio = 0.5, .clean = clean, .keep = 0.2};
	n->options = (Options){
		.loss = {.kind = LOSS_GRAPH, .output = "l"},
		.optimizer = {.kind = kind, .lr = 1, .alpha = 0.99,
		              .beta2 = 0.99, .eps = 1e-8},
		.nsketches = 1, .sketch = &n->spec,
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

static bool comes_up(int row, int t)
{
	return t % period[row] == 0;
}

/* How far each row goes in step t. */
static void step(Net *n, int t, double length[TOKENS])
{
	const Plan *p = n->program->train;
	int64_t *id = executor_value(n->executor, p, plan_input(p, IN_DATA, 0));
	const float *w = executor_variable(n->executor,
	                                   model_find(n->program->model, "emb"));
	for (int i = 0; i < TOKENS; i++) {
		id[i] = comes_up(i, t) ? i : NOBODY;
		length[i] = (double)w[i * COLUMNS];
	}
	cr_assert(executor_call(n->executor, p));
	for (int i = 0; i < TOKENS; i++)
		length[i] = fabs((double)w[i * COLUMNS] - length[i]);
}

/* Beside never cleaned, in all steps; and of rows that come up often, beside their
 * step before. */
static void steps(OptimizerKind kind)
{
	Net clean, never;
	double a[TOKENS], b[TOKENS], last[TOKENS] = {0};
	double ratio = 0, least = 1, jump = 0;
	open_net(&clean, kind, CLEAN);
	open_net(&never, kind, 0);
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

Test(sketch_clean, no_longer_steps)
{
	steps(OPT_ADAM);
	steps(OPT_RMSPROP);
	steps(OPT_ADAGRAD);
}
