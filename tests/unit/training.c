/*
 * A training step that is in the file: its gradients and updates become the same
 * program as those that thimble appends, and a variable is replaced only once
 * nobody reads its old contents.
 */
#include "frontend/executor.h"
#include "ir/op.h"
#include "ir/text.h"
#include "passes/pass.h"

#include <criterion/criterion.h>

#include <string.h>

#define FORWARD \
	"graph \"forward\" of \"net\"\n" \
	"variable \"w\" parameter f32[6,5] fill 0.1\n" \
	"variable \"b\" parameter f32[5] fill -0.2\n" \
	"variable \"u\" parameter f32[5,3] fill 0.3\n"
#define LAYERS \
	"input %x data f32[4,6]\n" \
	"input %t data f32[4,3]\n" \
	"read %w \"w\"\nread %b \"b\"\nread %u \"u\"\n"
#define NODES \
	"%h f32[4,5] = MatMul(%x, %w)\n" \
	"%i f32[4,5] = Add(%h, %b)\n" \
	"%r f32[4,5] = Relu(%i)\n" \
	"%y f32[4,3] = MatMul(%r, %u)\n" \
	"%d f32[4,3] = Sub(%y, %t)\n" \
	"%e f32[4,3] = Mul(%d, %d)\n" \
	"%l f32[] = ReduceMean(%e) {keepdims=0}\n"

static const char plain[] =
	FORWARD LAYERS NODES
	"output \"y\" data %y\n"
	"output \"loss\" data %l\n";

static const char own_step[] =
	FORWARD LAYERS
	"input %lr hyper f32[] initial 0.125\n"
	"input %weight_decay hyper f32[] initial 0.01\n"
	NODES
	"%gw f32[6,5], %gb f32[5], %gu f32[5,3] = Gradient(%l, %w, %b, %u)\n"
	"%w2 f32[6,5] = SGDUpdate(%w, %gw, %lr, %weight_decay)\n"
	"%b2 f32[5] = SGDUpdate(%b, %gb, %lr, %weight_decay)\n"
	"%u2 f32[5,3] = SGDUpdate(%u, %gu, %lr, %weight_decay)\n"
	"output \"y\" data %y\n"
	"output \"loss\" loss %l\n"
	"output \"w\" update %w2\n"
	"output \"b\" update %b2\n"
	"output \"u\" update %u2\n";

typedef struct Net {
	Unit unit;
	Options options;
	Program *program;
	Executor *executor;
} Net;

static Net *open_net(const char *text, Options options)
{
	Arena *a = arena_create();
	Net *n = arena_new(a, Net);
	n->unit = (Unit){.path = "test", .arena = a, .messages = stderr};
	n->options = options;
	n->options.target = target_find("host");
	Graph *g = graph_parse(&n->unit, NULL, text);
	cr_assert(g, "the text is no graph");
	n->program = build_program(g, &n->options);
	cr_assert(n->program, "no program");
	n->executor = executor_interpreter(&n->unit, n->program);
	return n;
}

static void close_net(Net *n)
{
	executor_close(n->executor);
	arena_destroy(n->unit.arena);
}

static const Options file_step = {.loss = {.kind = LOSS_FILE}};

static float step(Net *n)
{
	const Plan *p = n->program->train;
	const Value *v, *loss = plan_output(p, OUT_LOSS, 0);
	for (int i = 0; (v = plan_input(p, IN_DATA, i)); i++)
		for (int64_t e = 0; e < numel(v->shape); e++)
			((float *)executor_value(n->executor, p, v))[e] =
				(float)(e * 7 % 11 - 5) / 4;
	cr_assert(executor_call(n->executor, p));
	return *(float *)executor_value(n->executor, p, loss);
}

static void expect_same(Net *a, Net *b, const char *name)
{
	const Variable *v = model_find(a->program->model, name);
	const Variable *w = model_find(b->program->model, name);
	cr_assert(v && w);
	cr_expect_arr_eq(executor_variable(a->executor, v),
	                 executor_variable(b->executor, w),
	                 (size_t)(numel(v->shape) * dtype_size(v->dtype)),
	                 "%s is another", name);
}

static int count(const Program *p, const OpDef *op)
{
	int n = 0;
	for (int s = 0; s < p->train->nsteps; s++)
		n += p->train->step[s]->op == op;
	return n;
}

/* Not a bit is another, nor a byte of memory. */
Test(training, same_program)
{
	Options o = {
		.loss = {.kind = LOSS_GRAPH, .output = "loss"},
		.optimizer = {.kind = OPT_SGD, .lr = 0.125,
		              .weight_decay = 0.01},
	};
	Net *a = open_net(plain, o), *b = open_net(own_step, file_step);
	cr_expect_eq(a->program->train->arena_bytes,
	             b->program->train->arena_bytes);
	cr_expect_eq(a->program->state_bytes, b->program->state_bytes);
	for (int i = 0; i < 3; i++)
		cr_expect(step(a) == step(b));
	expect_same(a, b, "w");
	expect_same(a, b, "b");
	expect_same(a, b, "u");
	close_net(a);
	close_net(b);
}

/* The other functions have nothing of the step: no gradient, no hyper. */
Test(training, other_functions)
{
	Net *n = open_net(own_step, file_step);
	const Plan *other[] = {n->program->infer, n->program->evaluate};
	for (int i = 0; i < 2; i++) {
		cr_assert(other[i]);
		cr_expect_null(plan_input(other[i], IN_HYPER, 0));
		cr_expect_null(plan_output(other[i], OUT_UPDATE, 0));
		cr_expect_eq(other[i]->graph->noutputs, 1);
	}
	cr_expect(plan_output(other[0], OUT_DATA, 0));
	cr_expect(plan_output(other[1], OUT_LOSS, 0));
	close_net(n);
}

/* Two parameters take one another's place: one must wait in the arena. And one
 * that is read after its update was computed keeps its old contents till then. */
static const char exchange[] =
	"graph \"forward\" of \"net\"\n"
	"variable \"a\" parameter f32[2] fill 1\n"
	"variable \"b\" parameter f32[2] fill 2\n"
	"input %x data f32[2]\n"
	"read %a \"a\"\nread %b \"b\"\n"
	"%s f32[2] = Neg(%a)\n"
	"%t f32[2] = Add(%a, %b)\n"
	"%p f32[2] = Mul(%t, %x)\n"
	"%l f32[] = ReduceSum(%p) {keepdims=0}\n"
	"output \"t\" data %t\n"
	"output \"loss\" loss %l\n"
	"output \"a\" update %b\n"
	"output \"b\" update %s\n";

Test(training, exchange)
{
	Net *n = open_net(exchange, file_step);
	float want[][2] = {{2, -1}, {-1, -2}, {-2, 1}};
	for (int i = 0; i < 3; i++) {
		step(n);
		for (int v = 0; v < 2; v++) {
			const Variable *var = n->program->model->var[v];
			float *x = executor_variable(n->executor, var);
			cr_expect_float_eq(x[0], want[i][v], 1e-6,
			                   "%s is %g after step %d", var->name,
			                   (double)x[0], i + 1);
		}
	}
	close_net(n);
}

/* All old contents are read by then. */
Test(training, no_needless_copies)
{
	Net *n = open_net(own_step, file_step);
	cr_expect_eq(count(n->program, &op_Copy), 0);
	close_net(n);
}

Test(training, frozen)
{
	static const char *const pattern = "w";
	Options o = file_step;
	o.freeze = (NameList){1, (const char **)(uintptr_t)&pattern};
	Net *n = open_net(own_step, o);
	const Variable *w = model_find(n->program->model, "w");
	cr_expect_not(w->mutable);
	cr_expect(model_find(n->program->model, "u")->mutable);
	step(n);
	close_net(n);
}
