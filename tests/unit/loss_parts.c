/*
 * The loss in parts of its rows: what of a step becomes a Scan, that it learns
 * what the step that is not divided does, by each executor, and that nothing of
 * the logits' size is left.
 */
#include "backend/backend.h"
#include "backend/jit.h"
#include "frontend/executor.h"
#include "frontend/files.h"
#include "ir/op.h"
#include "ir/scan.h"
#include "ir/text.h"
#include "passes/pass.h"
#include "tests/unit/variables.h"

#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

enum { ROWS = 48, CLASSES = 40, WIDE = ROWS * CLASSES * 4, STEPS = 4 };

/* Eight examples of six words, and a word out of forty for each. */
#define HEAD(rest) \
	"graph \"forward\" of \"head\"\n" \
	"variable \"v\" parameter f32[5,12] fill 0.2\n" \
	"variable \"w\" parameter f32[12,40] fill 0.1\n" \
	"variable \"b\" parameter f32[40] fill 0\n" \
	"input %x data f32[8,6,5]\n" \
	"read %v \"v\"\nread %w \"w\"\nread %b \"b\"\n" \
	"%h f32[8,6,12] = MatMul(%x, %v)\n" \
	"%t f32[8,6,12] = Tanh(%h)\n" rest "output \"y\" data %y\n"

static const char words[] = HEAD(
	"%z f32[8,6,40] = MatMul(%t, %w)\n%y f32[8,6,40] = Add(%z, %b)\n");
/* The model shows probabilities. */
static const char shown[] = HEAD(
	"%z f32[8,6,40] = MatMul(%t, %w)\n%l f32[8,6,40] = Add(%z, %b)\n"
	"%y f32[8,6,40] = Softmax(%l) {axis=-1}\n");
/* One example: the batch cannot be divided, its rows can. */
static const char one[] =
	"graph \"forward\" of \"one\"\n"
	"variable \"w\" parameter f32[12,40] fill 0.1\n"
	"input %x data f32[1,48,12]\nread %w \"w\"\n"
	"%y f32[1,48,40] = MatMul(%x, %w)\noutput \"y\" data %y\n";
/* Table and output share the weights. */
static const char tied[] =
	"graph \"forward\" of \"tied\"\n"
	"variable \"w\" parameter f32[40,12] fill 0.1\n"
	"input %x data i32[8,6]\nread %w \"w\"\n"
	"%e f32[8,6,12] = Gather(%w, %x)\n%t f32[8,6,12] = Tanh(%e)\n"
	"%y f32[8,6,40] = MatMul(%t, %w) {transB=1}\n"
	"output \"y\" data %y\n";
/* What is between product and loss mixes the rows. */
static const char mixed[] = HEAD(
	"%z f32[8,6,40] = MatMul(%t, %w)\n%l f32[8,6,40] = Add(%z, %b)\n"
	"%y f32[8,6,40] = CumSum(%l) {axis=1}\n");

/* The logits are a sum of two products, of which one is what the other is of. */
static const char between[] = HEAD(
	"variable \"m\" parameter f32[40,12] fill 0.1\nread %m \"m\"\n"
	"%z f32[8,6,40] = MatMul(%t, %w)\n%q f32[8,6,12] = MatMul(%z, %m)\n"
	"%e f32[8,6,12] = CumSum(%q) {axis=1}\n"
	"%l f32[8,6,40] = MatMul(%e, %w)\n%y f32[8,6,40] = Add(%l, %z)\n");

typedef struct Net {
	Unit unit;
	Options options;
	Program *program;
} Net;

/* Kernels for this target want no workspace, which is larger than all else. */
static Options training(OptimizerKind kind)
{
	return (Options){
		.target = target_find("generic"),
		.loss = {.kind = LOSS_CROSS_ENTROPY, .axis = -1,
		         .axis_given = true, .ignore_index = -100},
		.optimizer = {.kind = kind, .lr = 0.1, .momentum = 0.9,
		              .beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8,
		              .alpha = 0.99},
	};
}

static Net *open_net(const char *text, Options o)
{
	Arena *a = arena_create();
	Net *t = arena_new(a, Net);
	t->unit = (Unit){.path = "test", .arena = a, .messages = stderr};
	t->options = o;
	Graph *g = graph_parse(&t->unit, NULL, text);
	cr_assert(g, "the text is no graph");
	t->program = build_program(g, &t->options);
	cr_assert(t->program, "no program");
	return t;
}

static Net *in_parts(const char *text, Options o, int64_t parts)
{
	o.loss_parts = parts;
	return open_net(text, o);
}

static const Node *find_scan(const Plan *p)
{
	for (int i = 0; i < p->nsteps; i++)
		if (p->step[i]->scan)
			return p->step[i];
	return NULL;
}

static int64_t largest_buffer(const Plan *p)
{
	int64_t most = 0;
	for (int b = 0; b < p->nbuffers; b++)
		if (p->buffer[b].bytes > most)
			most = p->buffer[b].bytes;
	return most;
}

/* ---- executors ---- */

static FrameFunction *function(void *user, const Plan *p)
{
	return jit_function(user, p);
}

static void close_jit(void *user)
{
	jit_close(user);
}

static Executor *open_jit(Net *t)
{
	Unit *u = &t->unit;
	void *image = arena_alloc(u->arena, (size_t)weights_image_bytes(
		t->program) + 1);
	weights_image(t->program, image);
	JitHook *hook = arena_new(u->arena, JitHook);
	*hook = (JitHook){function, close_jit,
	                  jit_open(u, t->program, false), image};
	return executor_llvm(u, t->program, hook);
}

static bool emit(void *user, const Program *p, const char *dir)
{
	OutFile glue;
	Unit *u = user;
	EmitOptions o = {.no_weights = true, .sha256 = "", .version = "test"};
	if (!emit_c(p, &o, dir) ||
	    !out_open(u, arena_printf(u->arena, "%s/%s", dir, GLUE_FILE),
	              &glue))
		return false;
	emit_glue(glue.f, p);
	return out_close(&glue);
}

static Executor *open_c(Net *t)
{
	Unit *u = &t->unit;
	size_t size = (size_t)weights_image_bytes(t->program);
	void *image = arena_alloc(u->arena, size + 1);
	weights_image(t->program, image);
	EmitHook *hook = arena_new(u->arena, EmitHook);
	*hook = (EmitHook){emit, u, image, size, false};
	return executor_c(u, t->program, hook);
}

static void fill_data(Executor *e, const Plan *p, int round)
{
	const Value *x = plan_input(p, IN_DATA, 0);
	void *to = executor_value(e, p, x);
	for (int64_t i = 0; i < numel(x->shape); i++)
		if (x->dtype == DT_F32)
			((float *)to)[i] = (float)((i * 37 + round * 11) % 101 -
			                           50) / 40;
		else
			((int32_t *)to)[i] = (int32_t)(i * 7 + round) % CLASSES;
}

/* Some labels are no class, and count for nothing. */
static void fill_labels(Executor *e, const Plan *p, int round)
{
	const Value *t = plan_input(p, IN_TARGET, 0);
	int32_t *to = executor_value(e, p, t);
	for (int64_t i = 0; i < numel(t->shape); i++)
		to[i] = i % 7 == 3 ? -100 : (int32_t)(i * 5 + round) % CLASSES;
}

static double call(Executor *e, const Plan *p, int round)
{
	executor_paint(e);
	fill_data(e, p, round);
	fill_labels(e, p, round);
	cr_assert(executor_call(e, p));
	return *(float *)executor_value(e, p, plan_output(p, OUT_LOSS, 0));
}

/* Losses of some steps, and of one more evaluation. */
static void train(Executor *e, double loss[])
{
	for (int i = 0; i < STEPS; i++)
		loss[i] = call(e, e->program->train, i);
	loss[STEPS] = call(e, e->program->evaluate, STEPS);
}

static void compare_outputs(Executor *a, Executor *b)
{
	const Plan *p = a->program->infer, *q = b->program->infer;
	const Value *y = plan_output(p, OUT_DATA, 0);
	const Value *z = plan_output(q, OUT_DATA, 0);
	cr_assert(shape_equal(y->shape, z->shape));
	fill_data(a, p, 1);
	fill_data(b, q, 1);
	cr_assert(executor_call(a, p) && executor_call(b, q));
	const float *from = executor_value(a, p, y);
	const float *to = executor_value(b, q, z);
	for (int64_t i = 0; i < numel(y->shape); i++)
		cr_assert(fabsf(from[i] - to[i]) <= 1e-4f, "[%lld]: %g, %g",
		          (long long)i, (double)from[i], (double)to[i]);
}

static void compare(Executor *whole, Executor *parts)
{
	double a[STEPS + 1], b[STEPS + 1];
	train(whole, a);
	train(parts, b);
	for (int i = 0; i <= STEPS; i++)
		cr_expect(fabs(a[i] - b[i]) <= 1e-5 * (1 + fabs(a[i])), "step %d: loss %g, in parts "
		          "%g", i, a[i], b[i]);
	compare_variables(whole, parts);
	compare_outputs(whole, parts);
	executor_close(parts);
}

static void check_training(const char *text, Options o, int64_t parts)
{
	Net *whole = open_net(text, o), *t = in_parts(text, o, parts);
	const Node *scan = find_scan(t->program->train);
	cr_assert_null(find_scan(whole->program->train));
	cr_assert_not_null(scan);
	cr_expect_eq(scan->scan->parts, parts);
	Executor *a = executor_interpreter(&whole->unit, whole->program);
	compare(a, executor_interpreter(&t->unit, t->program));
	executor_close(a);
	if (jit_available()) {
		a = executor_interpreter(&whole->unit, whole->program);
		compare(a, open_jit(t));
		executor_close(a);
	}
	arena_destroy(whole->unit.arena);
	arena_destroy(t->unit.arena);
}

/* ---- what it learns ---- */

Test(loss_parts, every_number_of_parts)
{
	for (int64_t parts = 2; parts <= ROWS; parts++)
		if (ROWS % parts == 0)
			check_training(words, training(OPT_SGD), parts);
}

Test(loss_parts, optimizers)
{
	check_training(words, training(OPT_ADAM), 6);
	check_training(words, training(OPT_MOMENTUM), 8);
	check_training(words, training(OPT_NESTEROV), 3);
	check_training(words, training(OPT_ADAFACTOR), 4);
	Options clipped = training(OPT_ADAM);
	clipped.optimizer.clip_norm = 0.01;
	check_training(words, clipped, 6);
}

Test(loss_parts, losses)
{
	double weights[CLASSES];
	for (int i = 0; i < CLASSES; i++)
		weights[i] = 0.5 + i % 5;
	Options o = training(OPT_SGD);
	o.loss.label_smoothing = 0.1;
	o.loss.nweights = CLASSES;
	o.loss.weights = weights;
	check_training(words, o, 6);
	o.loss.sum = true;
	o.optimizer.lr = 1e-3;
	check_training(words, o, 6);
}

Test(loss_parts, models)
{
	check_training(shown, training(OPT_SGD), 6);
	check_training(one, training(OPT_MOMENTUM), 6);
	check_training(tied, training(OPT_MOMENTUM), 6);
}

Test(loss_parts, emitted_c)
{
	if (!executor_has_compiler())
		cr_skip_test("no C compiler");
	static const OptimizerKind kind[] = {OPT_MOMENTUM, OPT_ADAM};
	for (int i = 0; i < 2; i++) {
		Net *whole = open_net(words, training(kind[i]));
		Net *t = in_parts(words, training(kind[i]), 6);
		Executor *a = executor_interpreter(&whole->unit, whole->program);
		compare(a, open_c(t));
		executor_close(a);
		arena_destroy(whole->unit.arena);
		arena_destroy(t->unit.arena);
	}
}

Test(loss_parts, thin_gradients)
{
	LowRank rank = low_rank_default(NULL, 2);
	SketchSpec sketch = sketch_default(NULL, 0.5);
	Options o = training(OPT_ADAM);
	o.nlow_ranks = 1;
	o.low_rank = &rank;
	check_training(words, o, 6);
	o.nlow_ranks = 0;
	o.nsketches = 1;
	o.sketch = &sketch;
	check_training(words, o, 6);
}

/* ---- what it takes ---- */

/* But for the weights' gradient, which may be. */
static void expect_narrow(const Plan *p, int64_t parts)
{
	const int64_t weights = 12 * CLASSES * 4, slice = WIDE / parts;
	const Node *scan = find_scan(p);
	cr_assert_not_null(scan, "%s", p->graph->name);
	cr_expect_lt(largest_buffer(p), WIDE / 2, "%s", p->graph->name);
	cr_expect_leq(largest_buffer(scan->scan->plan),
	              slice > weights ? slice : weights);
}

Test(loss_parts, nothing_has_the_size_of_the_logits)
{
	static const OptimizerKind kind[] = {OPT_SGD, OPT_MOMENTUM, OPT_ADAM};
	for (size_t i = 0; i < sizeof kind / sizeof *kind; i++) {
		Net *whole = open_net(words, training(kind[i]));
		Net *t = in_parts(words, training(kind[i]), 12);
		cr_expect_geq(largest_buffer(whole->program->train), WIDE);
		expect_narrow(t->program->train, 12);
		expect_narrow(t->program->evaluate, 12);
		cr_expect_lt(t->program->train->arena_bytes,
		             whole->program->train->arena_bytes - WIDE / 4);
		arena_destroy(whole->unit.arena);
		arena_destroy(t->unit.arena);
	}
}

/* The product and its three gradients are there once. */
Test(loss_parts, nothing_is_computed_twice)
{
	Options o = training(OPT_SGD);
	o.disable = (NameList){1, (const char *[]){"recompute"}};
	Net *whole = open_net(words, o), *t = in_parts(words, o, 2);
	int64_t sums = 2 * 2 * (12 + 1) * CLASSES + 100;
	cr_expect_eq(t->program->train->recomputed_flops, 0);
	cr_expect_leq(t->program->train->cost.flops,
	              whole->program->train->cost.flops + sums);
	arena_destroy(whole->unit.arena);
	arena_destroy(t->unit.arena);
}

Test(loss_parts, rows_that_are_mixed_stay_whole)
{
	Net *t = in_parts(mixed, training(OPT_SGD), 6);
	cr_expect_null(find_scan(t->program->train));
	cr_expect_eq(t->unit.nwarnings, 1);   /* it does not pay */
	arena_destroy(t->unit.arena);
}

Test(loss_parts, what_comes_between_stays_between)
{
	Net *t = in_parts(between, training(OPT_SGD), 6);
	cr_expect_null(find_scan(t->program->train));
	arena_destroy(t->unit.arena);
}

/* ---- where the outputs are ---- */

/* Then inference has no more of them than a part, either. */
static void check_given(const char *text)
{
	Options o = training(OPT_SGD);
	Net *whole = open_net(text, o), *t = in_parts(text, o, 12);
	const Plan *p = t->program->infer, *q = whole->program->infer;
	const Value *y = plan_output(p, OUT_DATA, 0);
	cr_expect_eq(q->place[plan_output(q, OUT_DATA, 0)->id].region,
	             REGION_ARENA);
	cr_expect_eq(p->place[y->id].region, REGION_CALLER);
	cr_expect_lt(p->arena_bytes, q->arena_bytes - WIDE / 2);
	Executor *a = executor_interpreter(&whole->unit, whole->program);
	compare_outputs(a, executor_interpreter(&t->unit, t->program));
	if (jit_available())
		compare_outputs(a, open_jit(t));
	if (executor_has_compiler())
		compare_outputs(a, open_c(t));
	p->place[y->id].region = REGION_ARENA;
	cr_expect_not_null(plan_check(t->unit.arena, p));
	arena_destroy(whole->unit.arena);
	arena_destroy(t->unit.arena);
}

Test(loss_parts, outputs_where_the_caller_wants_them)
{
	check_given(words);
	check_given(shown);
	check_given(one);
}

/* ---- as a choice ---- */

Test(loss_parts, a_budget_finds_it)
{
	Options o = training(OPT_MOMENTUM);
	o.micro_batch = 8;   /* the batch itself stays whole */
	Net *whole = open_net(words, o);
	o.ram = whole->program->train->arena_bytes - WIDE / 2 +
	        whole->program->state_bytes;
	o.disable = (NameList){1, (const char *[]){"recompute"}};
	Net *t = open_net(words, o);
	bool named = false;
	for (int i = 0; i < t->program->ntechniques; i++)
		named |= strstr(t->program->technique[i].name, "loss in ") != NULL;
	cr_expect(named);
	cr_expect_not_null(find_scan(t->program->train));
	cr_expect_leq(t->program->train->arena_bytes + t->program->state_bytes,
	              o.ram);
	arena_destroy(whole->unit.arena);
	arena_destroy(t->unit.arena);
}

Test(loss_parts, what_does_not_divide_is_refused)
{
	Arena *a = arena_create();
	char *text;
	size_t size;
	Unit u = {.path = "test", .arena = a,
	          .messages = open_memstream(&text, &size)};
	Options o = training(OPT_SGD);
	o.loss_parts = 5;
	cr_expect_null(build_program(graph_parse(&u, NULL, words), &o));
	o.loss_parts = 4;
	o.micro_batch = 2;
	cr_expect_null(build_program(graph_parse(&u, NULL, words), &o));
	fclose(u.messages);
	cr_expect(strstr(text, "--loss-parts 5 does not divide the 48 rows"),
	          "%s", text);
	cr_expect(strstr(text, "so is the loss"), "%s", text);
	free(text);
	arena_destroy(a);
}
