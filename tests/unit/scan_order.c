/*
 * Loops over the examples of a batch that is asked for as a whole: under a
 * budget they come, and no bit of what is learned changes, since sums go on
 * from one example to the next. In the interpreter, and in kernels without
 * vectors.
 */
#include "backend/backend.h"
#include "backend/jit.h"
#include "frontend/executor.h"
#include "frontend/files.h"
#include "ir/op.h"
#include "ir/scan.h"
#include "ir/text.h"
#include "passes/pass.h"

#include <criterion/criterion.h>

#include <string.h>

enum { BATCH = 8, STEPS = 3 };

/* Biases, a mask whose bits for an example fill no byte, dropout. */
static const char plain[] =
	"graph \"forward\" of \"plain\"\n"
	"variable \"w\" parameter f32[5,2,3,3] fill 0.1\n"
	"variable \"b\" parameter f32[5] fill 0.25\n"
	"variable \"u\" parameter f32[6,5,5,5] fill 0.02\n"
	"variable \"c\" parameter f32[6] fill -0.1\n"
	"variable \"f\" parameter f32[3,6] fill -0.3\n"
	"input %x data f32[8,2,9,9]\ninput %seed seed u32[]\n"
	"read %w \"w\"\nread %b \"b\"\nread %u \"u\"\nread %c \"c\"\n"
	"read %f \"f\"\n"
	"%1 f32[8,5,9,9] = Conv(%x, %w, %b) {pads=[1, 1, 1, 1]}\n"
	"%2 f32[8,5,9,9] = Relu(%1)\n"
	"%3 f32[8,6,9,9] = Conv(%2, %u, %c) {pads=[2, 2, 2, 2]}\n"
	"%4 f32[8,6,9,9] = Tanh(%3)\n"
	"%5 f32[8,6,9,9] = Dropout(%4, %seed) {ratio=0.25, id=1}\n"
	"%6 f32[8,6,1,1] = GlobalAveragePool(%5)\n"
	"%7 f32[8,6] = Reshape(%6) {shape=[8, 6]}\n"
	"%y f32[8,3] = Gemm(%7, %f) {transB=1}\n"
	"output \"y\" data %y\n";

/* Batch statistics; a convolution of each channel alone, at stride 2. The
 * number of elements of a channel is no power of two. */
static const char norms[] =
	"graph \"forward\" of \"norms\"\n"
	"variable \"w\" parameter f32[6,2,3,3] fill 0.1\n"
	"variable \"s\" parameter f32[6] fill 1.5\n"
	"variable \"b\" parameter f32[6] fill 0.25\n"
	"variable \"m\" buffer f32[6] fill 0\n"
	"variable \"v\" buffer f32[6] fill 1\n"
	"variable \"k\" buffer f32[6] fill 0\n"
	"variable \"l\" buffer f32[6] fill 1\n"
	"variable \"d\" parameter f32[6,1,3,3] fill 0.2\n"
	"variable \"u\" parameter f32[7,6,1,1] fill 0.02\n"
	"variable \"f\" parameter f32[3,7] fill -0.3\n"
	"input %x data f32[8,2,11,11]\n"
	"read %w \"w\"\nread %s \"s\"\nread %b \"b\"\nread %m \"m\"\n"
	"read %v \"v\"\nread %k \"k\"\nread %l \"l\"\nread %d \"d\"\n"
	"read %u \"u\"\nread %f \"f\"\n"
	"%1 f32[8,6,11,11] = Conv(%x, %w) {pads=[1, 1, 1, 1]}\n"
	"%2 f32[8,6,11,11] = BatchNormalization(%1, %s, %b, %m, %v)\n"
	"%3 f32[8,6,11,11] = Relu(%2)\n"
	"%4 f32[8,6,6,6] = Conv(%3, %d) {pads=[1, 1, 1, 1], strides=[2, 2], "
	"group=6}\n"
	"%5 f32[8,6,6,6] = BatchNormalization(%4, %s, %b, %k, %l)\n"
	"%6 f32[8,6,6,6] = Relu(%5)\n"
	"%7 f32[8,7,6,6] = Conv(%6, %u)\n"
	"%8 f32[8,7,6,6] = Relu(%7)\n"
	"%9 f32[8,7,1,1] = GlobalAveragePool(%8)\n"
	"%q f32[8,7] = Reshape(%9) {shape=[8, 7]}\n"
	"%y f32[8,3] = Gemm(%q, %f) {transB=1}\n"
	"output \"y\" data %y\n";

/* Rows of tokens: a table, products of rows, a normalization of each. */
static const char rows[] =
	"graph \"forward\" of \"rows\"\n"
	"variable \"e\" parameter f32[6,6] fill 0.1\n"
	"variable \"w\" parameter f32[6,6] fill 0.2\n"
	"variable \"c\" parameter f32[6] fill 0.25\n"
	"variable \"s\" parameter f32[6] fill 1.5\n"
	"variable \"b\" parameter f32[6] fill 0.125\n"
	"variable \"u\" parameter f32[6,7] fill 0.05\n"
	"variable \"f\" parameter f32[3,7] fill -0.3\n"
	"input %x data f32[8,24,6]\n"
	"read %e \"e\"\nread %w \"w\"\nread %c \"c\"\nread %s \"s\"\n"
	"read %b \"b\"\nread %u \"u\"\nread %f \"f\"\n"
	"%i i64[8,24] = ArgMax(%x) {axis=2, keepdims=0}\n"
	"%g f32[8,24,6] = Gather(%e, %i)\n"
	"%1 f32[8,24,6] = Add(%x, %g)\n"
	"%2 f32[8,24,6] = MatMul(%1, %w)\n"
	"%3 f32[8,24,6] = Add(%2, %c)\n"
	"%4 f32[8,24,6] = Add(%3, %1)\n"
	"%5 f32[8,24,6] = LayerNormalization(%4, %s, %b)\n"
	"%6 f32[8,24,7] = MatMul(%5, %u)\n"
	"%7 f32[8,24,7] = Tanh(%6)\n"
	"%8 f32[8,7] = ReduceMean(%7) {axes=[1], keepdims=0}\n"
	"%y f32[8,3] = Gemm(%8, %f) {transB=1}\n"
	"output \"y\" data %y\n";

/* Weights whose gradients are more than what lies between the layers. */
#define LAYER(x, w, a, b, y) \
	a " f32[8,4,24] = MatMul(" x ", " w ")\n" \
	b " f32[8,4,24] = Add(" a ", " x ")\n" \
	y " f32[8,4,24] = Tanh(" b ")\n"

static const char layers[] =
	"graph \"forward\" of \"layers\"\n"
	"variable \"s\" parameter f32[24,24] fill 0.01\n"
	"variable \"t\" parameter f32[24,24] fill 0.02\n"
	"variable \"u\" parameter f32[24,24] fill -0.01\n"
	"variable \"v\" parameter f32[24,24] fill 0.03\n"
	"variable \"f\" parameter f32[3,24] fill -0.3\n"
	"input %x data f32[8,4,24]\n"
	"read %s \"s\"\nread %t \"t\"\nread %u \"u\"\nread %v \"v\"\n"
	"read %f \"f\"\n"
	LAYER("%x", "%s", "%1", "%2", "%3")
	LAYER("%3", "%t", "%4", "%5", "%6")
	LAYER("%6", "%u", "%7", "%8", "%9")
	LAYER("%9", "%v", "%10", "%11", "%12")
	"%13 f32[8,24] = ReduceMean(%12) {axes=[1], keepdims=0}\n"
	"%y f32[8,3] = Gemm(%13, %f) {transB=1}\n"
	"output \"y\" data %y\n";

/* More weights than logits, of which a target has the size. */
static const char wide[] =
	"graph \"forward\" of \"wide\"\n"
	"variable \"u\" parameter f32[12,20] fill 0.05\n"
	"variable \"c\" parameter f32[12] fill 0.25\n"
	"variable \"w\" parameter f32[40,12] fill 0.1\n"
	"variable \"b\" parameter f32[40] fill -0.1\n"
	"input %x data f32[8,20]\n"
	"read %u \"u\"\nread %c \"c\"\nread %w \"w\"\nread %b \"b\"\n"
	"%1 f32[8,12] = Gemm(%x, %u, %c) {transB=1}\n"
	"%2 f32[8,12] = Tanh(%1)\n"
	"%y f32[8,40] = Gemm(%2, %w, %b) {transB=1}\n"
	"output \"y\" data %y\n";

typedef struct Net {
	Unit unit;
	Options options;
	Program *program;
} Net;

/* ram 0: no budget; else of the whole batch, or in loops over it. */
static Net *open_net(const char *text, OptimizerKind kind, int64_t ram)
{
	LossKind loss = text == wide ? LOSS_MSE : LOSS_CROSS_ENTROPY;
	Arena *a = arena_create();
	Net *t = arena_new(a, Net);
	t->unit = (Unit){.path = "test", .arena = a, .messages = stderr};
	t->options = (Options){
		.target = target_find("cortex-m3"), .train_bn = true,
		.micro_batch = ram ? BATCH : 0, .ram = ram,
		.loss = {.kind = loss, .axis = 1,
		         .ignore_index = -100},
		.optimizer = {.kind = kind, .lr = 0.1, .momentum = 0.9,
		              .beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8},
	};
	Graph *g = graph_parse(&t->unit, NULL, text);
	cr_assert(g, "the text is no graph");
	t->program = build_program(g, &t->options);
	cr_assert(t->program, "no program");
	return t;
}

static void fill_inputs(Executor *e, const Plan *p, int round)
{
	const Value *x = plan_input(p, IN_DATA, 0);
	const Value *t = plan_input(p, IN_TARGET, 0);
	float *to = executor_value(e, p, x);
	for (int64_t i = 0; i < numel(x->shape); i++)
		to[i] = (float)((i * 37 + round * 11) % 101 - 50) / 37;
	for (int64_t i = 0; i < numel(t->shape); i++)
		if (t->dtype == DT_F32)
			((float *)executor_value(e, p, t))[i] =
				(float)((i * 29 + round) % 13) / 7;
		else
			((int32_t *)executor_value(e, p, t))[i] =
				i == 5 ? -100 : (int32_t)(i + round) % 3;
}

static void compare(const Net *t, Executor *a, const Net *u, Executor *b,
                    const char *name)
{
	const Plan *p = t->program->train, *q = u->program->train;
	for (int s = 0; s < STEPS; s++) {
		fill_inputs(a, p, s);
		fill_inputs(b, q, s);
		cr_assert(executor_call(a, p) && executor_call(b, q));
		cr_expect(!memcmp(executor_value(a, p,
		                                 plan_output(p, OUT_LOSS, 0)),
		                  executor_value(b, q,
		                                 plan_output(q, OUT_LOSS, 0)),
		                  sizeof(float)),
		          "%s: another loss", name);
	}
	for (int i = 0; i < t->program->model->nvars; i++) {
		const Variable *v = t->program->model->var[i];
		const Variable *w = u->program->model->var[i];
		cr_expect(!memcmp(executor_variable(a, v),
		                  executor_variable(b, w),
		                  (size_t)numel(v->shape) * sizeof(float)),
		          "%s: other bits in %s", name, v->name);
	}
	executor_close(a);
	executor_close(b);
}

static void *image_of(Net *t, size_t *size)
{
	*size = (size_t)weights_image_bytes(t->program);
	void *image = arena_alloc(t->unit.arena, *size + 1);
	weights_image(t->program, image);
	return image;
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

static Executor *compiled(Net *t)
{
	size_t size;
	void *image = image_of(t, &size);
	EmitHook hook = {emit, &t->unit, image, size, false};
	return executor_c(&t->unit, t->program, &hook);
}

static FrameFunction *function(void *user, const Plan *p)
{
	return jit_function(user, p);
}

static void close_jit(void *user)
{
	jit_close(user);
}

static Executor *jitted(Net *t)
{
	size_t size;
	void *image = image_of(t, &size);
	Jit *j = jit_open(&t->unit, t->program, false);
	cr_assert_not_null(j);
	JitHook hook = {function, close_jit, j, image};
	return executor_llvm(&t->unit, t->program, &hook);
}

typedef enum How { INTERPRETED, LLVM_TOO, C_TOO } How;

static void compare_executors(Net *t, Net *u, How how)
{
	compare(t, executor_interpreter(&t->unit, t->program), u,
	        executor_interpreter(&u->unit, u->program), "interpreter");
	if (how == C_TOO && executor_has_compiler())
		compare(t, compiled(t), u, compiled(u), "C");
	if (how >= LLVM_TOO && jit_available())
		compare(t, jitted(t), u, jitted(u), "LLVM");
}

static int sums_inside(const Plan *p)
{
	int count = 0;
	for (int i = 0; i < p->nsteps; i++) {
		const Scan *scan = p->step[i]->scan;
		for (const Node *n = scan ? scan->graph->first : NULL; n;
		     n = n->next)
			count += node_sum_from(n, 0) != NULL;
	}
	return count;
}

static void check(const char *text, OptimizerKind kind, How how)
{
	Net *whole = open_net(text, kind, 0);
	Net *least = open_net(text, kind, 1);
	int64_t state = least->program->state_bytes;
	int64_t most = whole->program->train->arena_bytes;
	int64_t small = least->program->train->arena_bytes;
	cr_expect_lt(small, most * 2 / 3);
	cr_expect_gt(sums_inside(least->program->train), 0);
	compare_executors(whole, least, how);
	Net *between = open_net(text, kind, state + (small + most) / 2);
	cr_expect(between->program->fits);
	compare_executors(whole, between, INTERPRETED);
	arena_destroy(whole->unit.arena);
	arena_destroy(least->unit.arena);
	arena_destroy(between->unit.arena);
}

Test(scan_order, plain)
{
	check(plain, OPT_SGD, C_TOO);
	check(plain, OPT_MOMENTUM, INTERPRETED);
}

static bool has_operator(const Plan *p, const OpDef *op)
{
	for (int i = 0; i < p->nsteps; i++)
		if (p->step[i]->op == op)
			return true;
	return false;
}

/* Nothing waits for statistics whole. */
Test(scan_order, statistics_are_sums)
{
	Net *whole = open_net(norms, OPT_SGD, 0);
	Net *least = open_net(norms, OPT_SGD, 1);
	const OpDef *op = &op_BatchNormalizationStatistics;
	cr_expect(has_operator(whole->program->train, op));
	cr_expect_not(has_operator(least->program->train, op));
	arena_destroy(whole->unit.arena);
	arena_destroy(least->unit.arena);
}

/* Compiled, SGD takes the gradient of a 1x1 convolution image by image from the
 * parameter where it is not summed whole: see FusedUpdate.c. */
Test(scan_order, statistics)
{
	check(norms, OPT_SGD, INTERPRETED);
	check(norms, OPT_ADAM, LLVM_TOO);
}

Test(scan_order, rows)
{
	check(rows, OPT_SGD, C_TOO);
	check(rows, OPT_ADAM, INTERPRETED);
}

static bool has_early_updates(const Program *p)
{
	for (int i = 0; i < p->ntechniques; i++)
		if (strstr(p->technique[i].name, "early updates"))
			return true;
	return false;
}

/* Loops that end where a weight can be updated have fewer sums at once. */
Test(scan_order, early_updates)
{
	const OptimizerKind kind[] = {OPT_SGD, OPT_MOMENTUM};
	for (int i = 0; i < 2; i++) {
		Net *whole = open_net(layers, kind[i], 0);
		Net *least = open_net(layers, kind[i], 1);
		cr_expect_gt(sums_inside(least->program->train), 0);
		cr_expect(has_early_updates(least->program));
		compare_executors(whole, least, INTERPRETED);
		arena_destroy(whole->unit.arena);
		arena_destroy(least->unit.arena);
	}
}

static bool has_parts_of_loss(const Program *p)
{
	for (int i = 0; i < p->ntechniques; i++)
		if (strstr(p->technique[i].name, "loss in "))
			return true;
	return false;
}

/* The gradient takes the target's place, row by row, and those of the weights
 * come behind. */
Test(scan_order, losses_of_targets)
{
	const OptimizerKind kind[] = {OPT_SGD, OPT_MOMENTUM, OPT_ADAM};
	const int64_t logits = BATCH * 40 * 4, saved[] = {logits / 2, 0, 0};
	for (int i = 0; i < 3; i++) {
		Net *whole = open_net(wide, kind[i], 0);
		Net *least = open_net(wide, kind[i], 1);
		cr_expect(has_parts_of_loss(least->program));
		cr_expect_gt(sums_inside(least->program->train), 0);
		cr_expect_lt(least->program->train->arena_bytes,
		             whole->program->train->arena_bytes - saved[i]);
		compare_executors(whole, least, i ? INTERPRETED : C_TOO);
		arena_destroy(whole->unit.arena);
		arena_destroy(least->unit.arena);
	}
}
