/*
 * The executors over a training step made by hand, against the same step in
 * plain C: w -= lr * (w - x), loss = sum (w - x)^2.
 */
#include "backend/backend.h"
#include "backend/jit.h"
#include "frontend/executor.h"
#include "frontend/files.h"
#include "ir/op.h"
#include "passes/pass.h"
#include "runtime/scalar.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

enum { N = 5 };

static const float first[N] = {1, -2, 3, 0.5f, 4};
static const float x[N] = {0.25f, 1, -1, 2, 7};

typedef struct Step {
	Unit unit;
	Program program;
	Variable *w, *filled, *constant;
	Options options;
} Step;

static Value *make_loss(Graph *g, Value *d)
{
	Node *n = NEW(g, (Loc){0}, op_ReduceSum,
	              APPLY(g, (Loc){0}, op_Mul, d, d));
	node_set_int(g, n, "keepdims", 0);
	return node_done(g, n);
}

static Graph *make_train(Step *s, Model *m)
{
	Graph *g = graph_create(m, "train");
	Value *in = graph_input(g, "x", IN_DATA, DT_F32, (Shape){1, {N}});
	Value *lr = graph_scalar_input(g, "lr", IN_HYPER, DT_F32, 0.5);
	Value *step = graph_scalar_input(g, "step", IN_STEP, DT_I32, 0);
	Value *seed = graph_scalar_input(g, "seed", IN_SEED, DT_U32, 0);
	Value *w = graph_variable(g, s->w);
	Value *c = graph_variable(g, s->constant);
	Value *count = graph_variable(g, s->filled);
	Value *d = APPLY(g, (Loc){0}, op_Sub, w, in);
	Value *new = APPLY(g, (Loc){0}, op_Sub, w,
	                   APPLY(g, (Loc){0}, op_Mul, lr, d));
	Value *more = APPLY(g, (Loc){0}, op_Add, count, c);
	graph_output(g, "loss", OUT_LOSS, make_loss(g, d));
	graph_output(g, "step", OUT_DATA,
	             APPLY(g, (Loc){0}, op_Copy, step));
	graph_output(g, "seed", OUT_DATA,
	             APPLY(g, (Loc){0}, op_Copy, seed));
	graph_output(g, "w", OUT_GRADIENT, d);
	new->var = s->w;
	more->var = s->filled;
	return g;
}

static Plan *plan(Step *s, Graph *g)
{
	graph_verify(g);
	pass_outputs.run(g, &s->options);
	graph_verify(g);
	return plan_memory(g, &s->options);
}

static Graph *make_infer(Step *s, Model *m)
{
	Graph *g = graph_create(m, "infer");
	Value *in = graph_input(g, "x", IN_DATA, DT_F32, (Shape){1, {N}});
	graph_output(g, "y", OUT_DATA, APPLY(g, (Loc){0}, op_Mul, in,
	                                     graph_variable(g, s->w)));
	return g;
}

static Step *open_step(void)
{
	Arena *a = arena_create();
	Step *s = arena_new(a, Step);
	float *ones = arena_array(a, float, N);
	for (int i = 0; i < N; i++)
		ones[i] = 1;
	s->unit = (Unit){.path = "test", .arena = a, .messages = stderr};
	s->options.target = target_find("host");
	Model *m = model_create(&s->unit, "hand");
	Shape shape = {1, {N}};
	s->w = model_variable(m, "w", VAR_PARAMETER, DT_F32, shape);
	s->w->data = first;
	s->filled = model_variable(m, "n", VAR_BUFFER, DT_F32, shape);
	s->filled->fill = 10;
	s->constant = model_variable(m, "c", VAR_PARAMETER, DT_F32, shape);
	s->constant->data = ones;
	s->w->mutable = s->filled->mutable = true;
	s->program = (Program){.model = m, .align = 64};
	s->program.train = plan(s, make_train(s, m));
	s->program.infer = plan(s, make_infer(s, m));
	program_layout(&s->program);
	return s;
}

static double output(Executor *e, const Plan *p, OutputRole role, int nth)
{
	const Value *v = plan_output(p, role, nth);
	Scalar y = dtype_get(v->dtype, executor_value(e, p, v), 0);
	return dtype_is_float(v->dtype) ? y.f : (double)y.i;
}

static void check_step(Executor *e, const Step *s, float w[N], float lr)
{
	const Plan *p = s->program.train;
	float loss = 0, d[N];
	memcpy(executor_value(e, p, plan_input(p, IN_DATA, 0)), x, sizeof x);
	cr_assert(executor_call(e, p));
	for (int i = 0; i < N; i++) {
		d[i] = w[i] - x[i];
		loss += d[i] * d[i];
		w[i] -= lr * d[i];
	}
	cr_assert_float_eq(output(e, p, OUT_LOSS, 0), loss, 1e-4);
	const float *grad = executor_value(e, p,
	                                   plan_output(p, OUT_GRADIENT, 0));
	const float *new = executor_variable(e, s->w);
	for (int i = 0; i < N; i++) {
		cr_assert_float_eq(grad[i], d[i], 1e-6);
		cr_assert_float_eq(new[i], w[i], 1e-6);
	}
}

static void check_infer(Executor *e, const Step *s, const float w[N])
{
	const Plan *p = s->program.infer;
	memcpy(executor_value(e, p, plan_input(p, IN_DATA, 0)), x, sizeof x);
	cr_assert(executor_call(e, p));
	const float *y = executor_value(e, p, plan_output(p, OUT_DATA, 0));
	for (int i = 0; i < N; i++)
		cr_assert_float_eq(y[i], x[i] * w[i], 1e-5);
}

static void check_executor(Executor *e, const Step *s)
{
	float w[N];
	memcpy(w, first, sizeof w);
	e->seed = 77;
	check_infer(e, s, w);
	for (int step = 1; step <= 4; step++) {
		float lr = step < 3 ? 0.5f : 0.125f;
		cr_assert(executor_set_hyper(e, "lr", (double)lr));
		check_step(e, s, w, lr);
		const Plan *p = s->program.train;
		cr_assert_eq((int)output(e, p, OUT_DATA, 0), step);
		cr_assert_eq((uint32_t)output(e, p, OUT_DATA, 1),
		             rt_mix(77, (uint32_t)step));
		check_infer(e, s, w);
	}
	const float *n = executor_variable(e, s->filled);
	cr_assert_eq(n[0], 14);
	cr_assert_eq(n[N - 1], 14);
	cr_assert_eq(*(const float *)executor_variable(e, s->constant), 1);
	cr_assert_not(executor_set_hyper(e, "momentum", 1));
	/* What the caller writes into a variable is what the next step reads. */
	memcpy(executor_variable(e, s->w), x, sizeof x);
	memcpy(w, x, sizeof w);
	check_step(e, s, w, 0.125f);
	executor_close(e);
}

Test(executor, interpreter)
{
	Step *s = open_step();
	check_executor(executor_interpreter(&s->unit, &s->program), s);
	arena_destroy(s->unit.arena);
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

Test(executor, emitted_c)
{
	Step *s = open_step();
	if (!executor_has_compiler())
		cr_skip_test("no C compiler");
	size_t size = (size_t)weights_image_bytes(&s->program);
	void *image = arena_alloc(s->unit.arena, size + 1);
	weights_image(&s->program, image);
	EmitHook hook = {emit, &s->unit, image, size, false};
	Executor *e = executor_c(&s->unit, &s->program, &hook);
	cr_assert(e);
	check_executor(e, s);
	arena_destroy(s->unit.arena);
}

static FrameFunction *function(void *user, const Plan *p)
{
	return jit_function(user, p);
}

static void close_jit(void *user)
{
	jit_close(user);
}

Test(executor, llvm)
{
	Step *s = open_step();
	if (!jit_available())
		cr_skip_test("no LLVM");
	void *image = arena_alloc(s->unit.arena, (size_t)weights_image_bytes(
		&s->program) + 1);
	weights_image(&s->program, image);
	Jit *j = jit_open(&s->unit, &s->program, false);
	cr_assert_not_null(j);
	JitHook hook = {function, close_jit, j, image};
	check_executor(executor_llvm(&s->unit, &s->program, &hook), s);
	arena_destroy(s->unit.arena);
}

/* What LLVM compiles for, but thimble's runtime is not there for. */
Test(executor, no_machine_code_is_an_error)
{
	static const Core core = {
		.triple = "powerpc64le-unknown-linux-gnu", .cpu = "ppc64le",
		.align = 16,
	};
	static const Target target = {"power", "", &core, 0, 0};
	Step *s = open_step();
	EmitOptions o = {.form = EMIT_OBJECT};
	CodeSize size;
	char *text = NULL;
	size_t length;
	if (!jit_available())
		cr_skip_test("no LLVM");
	s->unit.messages = open_memstream(&text, &length);
	s->program.target = &target;
	cr_assert_not(emit_llvm(&s->program, &o, "/nowhere", &size));
	cr_assert_not(code_size(&s->program, &o, &size));
	fclose(s->unit.messages);
	cr_assert(strstr(text, "there is no machine code for powerpc64le-"),
	          "%s", text);
	cr_assert_eq(s->unit.nerrors, 2);
	free(text);
	arena_destroy(s->unit.arena);
}

static bool emit_nonsense(void *user, const Program *p, const char *dir)
{
	Unit *u = user;
	return file_write(u, arena_printf(u->arena, "%s/hand.c", dir),
	                  "int f(void) { retrun 1; }\n", 26) &&
	       file_write(u, arena_printf(u->arena, "%s/%s", dir, GLUE_FILE),
	                  "\n", 1);
}

Test(executor, a_failing_compiler_is_an_error)
{
	Step *s = open_step();
	char *text = NULL;
	size_t size;
	if (!executor_has_compiler())
		cr_skip_test("no C compiler");
	s->unit.messages = open_memstream(&text, &size);
	EmitHook hook = {emit_nonsense, &s->unit, NULL, 0, false};
	cr_assert_null(executor_c(&s->unit, &s->program, &hook));
	fclose(s->unit.messages);
	cr_assert(strstr(text, "retrun"), "%s", text);
	cr_assert_eq(s->unit.nerrors, 1);
	free(text);
	arena_destroy(s->unit.arena);
}
