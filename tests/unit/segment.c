/*
 * Recurrences in segments of time: random layers of all kinds, with lengths,
 * initial states, two directions, and one above the other, train as they do
 * without; and whether a segment is computed again or kept changes no bit.
 */
#include "frontend/executor.h"
#include "ir/op.h"
#include "ir/recurrence.h"
#include "passes/pass.h"
#include "tests/unit/random_graph.h"

#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

static const Loc loc = {0};

typedef struct Layers {
	Random random;
	Graph *g;
	int64_t batch, steps, hidden;
	Value *lengths;
} Layers;

static bool toss(Layers *l)
{
	return random_int(&l->random, 2);
}

static Value *parameter(Layers *l, Shape s)
{
	const Model *m = l->g->model;
	Variable *v = model_variable(l->g->model,
	                             arena_printf(m->unit->arena, "w%d",
	                                          m->nvars),
	                             VAR_PARAMETER, DT_F32, s);
	float *data = arena_array(m->unit->arena, float, numel(s));
	for (int64_t i = 0; i < numel(s); i++)
		data[i] = random_float(&l->random) / 2;
	v->data = data;
	return graph_variable(l->g, v);
}

static Value *reshape(Layers *l, Value *x, Shape to)
{
	Node *n = NEW(l->g, loc, op_Reshape, x);
	node_set_ints(l->g, n, "shape", to.rank, to.dim);
	return node_done(l->g, n);
}

static Value *gates(Layers *l, Value *x, int64_t width)
{
	int64_t inputs = x->shape.dim[2];
	Value *w = parameter(l, (Shape){2, {width, inputs}});
	Value *b = toss(l) ? parameter(l, (Shape){1, {width}}) : NULL;
	x = reshape(l, x, (Shape){2, {l->steps * l->batch, inputs}});
	Node *n = NEW(l->g, loc, op_Gemm, x, w, b);
	node_set_int(l->g, n, "transB", 1);
	return reshape(l, node_done(l->g, n),
	               (Shape){3, {l->steps, l->batch, width}});
}

static const struct {
	const OpDef *op;
	int gates, nin, nout;
} kinds[] = {
	{&op_LSTMRecurrence, 4, 6, 4}, {&op_GRURecurrence, 3, 5, 3},
	{&op_RNNRecurrence, 1, 4, 3},
};

static Node *direction(Layers *l, Value *x, int kind, bool reverse)
{
	const OpDef *op = kinds[kind].op;
	int64_t width = kinds[kind].gates * l->hidden;
	bool linear = kind == 1 && toss(l);
	Shape state = {2, {l->batch, l->hidden}};
	Value *in[6] = {gates(l, x, width),
	                parameter(l, (Shape){2, {width, l->hidden}}),
	                l->lengths, toss(l) ? parameter(l, state) : NULL};
	if (kind == 0) {
		in[4] = toss(l) ? parameter(l, state) : NULL;
		in[5] = toss(l) ? parameter(l, (Shape){1, {3 * l->hidden}})
		                : NULL;
	} else if (linear) {
		in[4] = parameter(l, (Shape){1, {width}});
	}
	Node *n = node_new(l->g, loc, op, kinds[kind].nin, in);
	node_set_int(l->g, n, "reverse", reverse);
	if (linear)
		node_set_int(l->g, n, "linear_before_reset", 1);
	node_set_outputs(l->g, n, kinds[kind].nout);
	node_done(l->g, n);
	return n;
}

/* All states; *h: also the last. */
static Value *layer(Layers *l, Value *x, Value **h)
{
	int kind = random_int(&l->random, 3);
	int states = recurrence_states_output(&(Node){.op = kinds[kind].op});
	bool both = toss(l);
	Node *a = direction(l, x, kind, toss(l));
	*h = a->out[0];
	if (!both)
		return a->out[states];
	Node *b = direction(l, x, kind, true);
	Node *n = NEW(l->g, loc, op_Concat, a->out[states], b->out[states]);
	node_set_int(l->g, n, "axis", 2);
	return node_done(l->g, n);
}

static Value *mean(Layers *l, Value *x, int naxes, const int64_t axes[])
{
	Node *n = NEW(l->g, loc, op_ReduceMean, x);
	node_set_ints(l->g, n, "axes", naxes, axes);
	node_set_int(l->g, n, "keepdims", 0);
	return node_done(l->g, n);
}

/* A long sequence, of which the last state counts. */
static Graph *long_layer(Unit *u)
{
	Layers l = {.random = {1}, .batch = 2, .steps = 49, .hidden = 4};
	l.g = graph_create(model_create(u, "m"), "forward");
	Value *x = graph_input(l.g, "x", IN_DATA, DT_F32,
	                       (Shape){3, {l.steps, l.batch, 3}});
	Node *n = direction(&l, x, 0, false);
	graph_output(l.g, "y", OUT_DATA, n->out[0]);
	return l.g;
}

/* One layer or two, and a number for each sample, of all states and the last;
 * seed 0: the other. */
static Graph *layers(Unit *u, uint64_t seed)
{
	if (!seed)
		return long_layer(u);
	Layers l = {.random = {seed}, .batch = 2};
	Value *h;
	l.g = graph_create(model_create(u, "m"), "forward");
	l.steps = 2 + random_int(&l.random, 5);
	l.hidden = 1 + random_int(&l.random, 5);
	Value *x = graph_input(l.g, "x", IN_DATA, DT_F32,
	                       (Shape){3, {l.steps, l.batch, 3}});
	if (toss(&l))
		l.lengths = graph_input(l.g, "lengths", IN_DATA, DT_I32,
		                        (Shape){1, {l.batch}});
	x = layer(&l, x, &h);
	if (toss(&l))
		x = layer(&l, x, &h);
	x = mean(&l, x, 2, (int64_t[]){0, 2});
	h = mean(&l, h, 1, (int64_t[]){1});
	graph_output(l.g, "y", OUT_DATA, APPLY(l.g, loc, op_Add, x, h));
	return l.g;
}

/* ---- a step ---- */

typedef struct Trained {
	Unit unit;
	Options options;
	Program *program;
	Executor *executor;
} Trained;

static void fill(Random *r, const Value *v, void *data)
{
	for (int64_t i = 0; i < numel(v->shape); i++)
		dtype_put(v->dtype, data, i, dtype_is_float(v->dtype)
			  ? (Scalar){.f = (double)random_float(r)}
			  : (Scalar){.i = 1 + random_int(r, 6)});
}

static Trained *trained(uint64_t seed, Options options)
{
	Arena *a = arena_create();
	Trained *t = arena_new(a, Trained);
	Random r = {seed + 1000};
	t->unit = (Unit){.path = "test", .arena = a, .messages = stderr};
	t->options = options;
	t->options.target = target_find("host");
	t->options.loss.kind = LOSS_MSE;
	t->options.optimizer = (OptimizerOptions){.kind = OPT_SGD, .lr = 0.5};
	t->program = build_program(layers(&t->unit, seed), &t->options);
	cr_assert(t->program, "seed %d", (int)seed);
	t->executor = executor_interpreter(&t->unit, t->program);
	const Plan *p = t->program->train;
	for (int i = 0; i < p->graph->ninputs; i++) {
		const Value *v = p->graph->input[i];
		if (value_is_data(v))
			fill(&r, v, executor_value(t->executor, p, v));
	}
	cr_assert(executor_call(t->executor, p));
	return t;
}

static void forget(Trained *t)
{
	executor_close(t->executor);
	arena_destroy(t->unit.arena);
}

static float loss_of(const Trained *t)
{
	const Plan *p = t->program->train;
	return *(float *)executor_value(t->executor, p,
	                                plan_output(p, OUT_LOSS, 0));
}

/* The most that a parameter differs by; -1: nothing does by a bit. */
static double distance(const Trained *a, const Trained *b)
{
	const Model *m = a->program->model, *n = b->program->model;
	double most = -1;
	for (int i = 0; i < m->nvars; i++) {
		const float *x = executor_variable(a->executor, m->var[i]);
		const float *y = executor_variable(b->executor, n->var[i]);
		for (int64_t e = 0; e < numel(m->var[i]->shape); e++)
			if (x[e] != y[e])
				most = fmax(most, fabs((double)x[e] -
				                       (double)y[e]));
	}
	return most;
}

static int again(const Trained *t)
{
	int count = 0;
	const Plan *p = t->program->train;
	for (int s = 0; s < p->nsteps; s++)
		count += recurrence_states_output(p->step[s]) >= 0 &&
		         p->step[s]->again >= 0;
	return count;
}

enum { SEEDS = 18 };

/* ---- tests ---- */

Test(segment, trains_the_same)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		int64_t by_root = seed % 2 ? SEGMENT_AUTO : SEGMENT_SHORT;
		int64_t steps = seed % 3 ? 1 + (int64_t)seed % 3 : by_root;
		Trained *whole = trained(seed, (Options){0});
		Trained *cut = trained(seed, (Options){.segment = steps});
		cr_expect_eq(loss_of(whole), loss_of(cut), "seed %d",
		             (int)seed);
		cr_expect_lt(distance(whole, cut), 1e-6, "seed %d", (int)seed);
		forget(whole);
		forget(cut);
	}
}

Test(segment, computed_again_or_kept)
{
	int repeated = 0;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		/* Updates by parts of a gradient are rounded in each. */
		const char *off[] = {"order", "recompute", "fuse-update",
		                     "checkpoint"};
		Options o = {.segment = 1 + (int64_t)seed % 3,
		             .disable = {3, off}}, keep = o;
		keep.disable.n = 4;
		Trained *a = trained(seed, o), *b = trained(seed, keep);
		repeated += again(a);
		cr_expect_eq(again(b), 0);
		cr_expect_lt(distance(a, b), 0, "seed %d", (int)seed);
		forget(a);
		forget(b);
	}
	cr_expect_gt(repeated, SEEDS);
}

Test(segment, in_parts_of_the_batch)
{
	const char *off[] = {"order"};
	for (uint64_t seed = 1; seed <= SEEDS / 2; seed++) {
		Options o = {.segment = 1 + (int64_t)seed % 3,
		             .disable = {1, off}}, parts = o;
		parts.micro_batch = 1;
		Trained *a = trained(seed, o), *b = trained(seed, parts);
		cr_expect_float_eq(loss_of(a), loss_of(b), 1e-5, "seed %d",
		                   (int)seed);
		cr_expect_lt(distance(a, b), 1e-6, "seed %d", (int)seed);
		forget(a);
		forget(b);
	}
}

Test(segment, chosen_under_a_budget)
{
	const char *off[] = {"scan"};
	Options o = {.segment = SEGMENT_AUTO}, budget = {.disable = {1, off}};
	Trained *whole = trained(0, (Options){0}), *cut = trained(0, o);
	int64_t most = whole->program->train->arena_bytes;
	int64_t least = cut->program->train->arena_bytes;
	cr_expect_lt(2 * least, most);
	budget.ram = cut->program->state_bytes + least + (most - least) / 4;
	Trained *found = trained(0, budget);
	cr_expect(found->program->fits);
	cr_expect_gt(again(found), 0);
	cr_expect_lt(distance(cut, found), 0);
	forget(whole);
	forget(cut);
	forget(found);
}

static bool in_shorter_segments(const Program *p)
{
	for (int i = 0; i < p->ntechniques; i++)
		if (strstr(p->technique[i].name, "shorter segments"))
			return true;
	return false;
}

/* Where gates are many times the states between two segments. */
Test(segment, shorter_where_those_do_not_fit)
{
	const char *off[] = {"scan"};
	Options o = {.segment = SEGMENT_SHORT};
	Options least = {.ram = 1, .disable = {1, off}};
	Trained *cut = trained(0, o), *found = trained(0, least);
	cr_expect(in_shorter_segments(found->program));
	cr_expect_leq(found->program->train->arena_bytes,
	              cut->program->train->arena_bytes);
	cr_expect_eq(loss_of(cut), loss_of(found));
	forget(cut);
	forget(found);
}
