/*
 * Updates between the loops over the parts of a batch: that training is what it
 * is with the whole batch at once, that a parameter can be the sum, and that no
 * loop reads what it replaces.
 */
#include "frontend/executor.h"
#include "ir/op.h"
#include "ir/scan.h"
#include "ir/text.h"
#include "passes/pass.h"

#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

static const char mlp[] =
	"graph \"forward\" of \"mlp\"\n"
	"variable \"w\" parameter f32[96,64] fill 0.02\n"
	"variable \"u\" parameter f32[64,96] fill 0.01\n"
	"variable \"c\" parameter f32[64] fill 0.1\n"
	"variable \"f\" parameter f32[3,64] fill -0.3\n"
	"input %x data f32[8,64]\nread %w \"w\"\nread %u \"u\"\n"
	"read %c \"c\"\nread %f \"f\"\n"
	"%a f32[8,96] = Gemm(%x, %w) {transB=1}\n%r f32[8,96] = Tanh(%a)\n"
	"%b f32[8,64] = Gemm(%r, %u, %c) {transB=1}\n%q f32[8,64] = Relu(%b)\n"
	"%y f32[8,3] = Gemm(%q, %f) {transB=1}\n"
	"output \"y\" data %y\n";

/* A residual, and a weight that two layers read. */
static const char tied[] =
	"graph \"forward\" of \"tied\"\n"
	"variable \"w\" parameter f32[64,64] fill 0.02\n"
	"variable \"u\" parameter f32[64,64] fill 0.01\n"
	"variable \"f\" parameter f32[3,64] fill -0.3\n"
	"input %x data f32[8,64]\nread %w \"w\"\nread %u \"u\"\nread %f \"f\"\n"
	"%a f32[8,64] = Gemm(%x, %w) {transB=1}\n%r f32[8,64] = Tanh(%a)\n"
	"%b f32[8,64] = Gemm(%r, %u) {transB=1}\n%q f32[8,64] = Tanh(%b)\n"
	"%s f32[8,64] = Add(%q, %r)\n"
	"%d f32[8,64] = Gemm(%s, %u) {transB=1}\n%e f32[8,64] = Tanh(%d)\n"
	"%y f32[8,3] = Gemm(%e, %f) {transB=1}\n"
	"output \"y\" data %y\n";

/* Gradients smaller than what they are computed from: loops add them up. */
static const char narrow[] =
	"graph \"forward\" of \"narrow\"\n"
	"variable \"w\" parameter f32[8,8] fill 0.2\n"
	"variable \"u\" parameter f32[8,8] fill 0.1\n"
	"variable \"f\" parameter f32[3,8] fill -0.3\n"
	"input %x data f32[32,8]\nread %w \"w\"\nread %u \"u\"\nread %f \"f\"\n"
	"%a f32[32,8] = Gemm(%x, %w) {transB=1}\n%r f32[32,8] = Tanh(%a)\n"
	"%b f32[32,8] = Gemm(%r, %u) {transB=1}\n%q f32[32,8] = Tanh(%b)\n"
	"%y f32[32,3] = Gemm(%q, %f) {transB=1}\n"
	"output \"y\" data %y\n";

typedef struct Net {
	Unit unit;
	Options options;
	Program *program;
} Net;

static OptimizerOptions optimizer(OptimizerKind kind)
{
	return (OptimizerOptions){.kind = kind, .lr = 0.1, .beta1 = 0.9,
	                          .momentum = 0.9, .weight_decay = 0.05,
	                          .beta2 = 0.99, .eps = 1e-8};
}

static Net *open_net(const char *text, OptimizerKind kind, const Options *more)
{
	Arena *a = arena_create();
	Net *t = arena_new(a, Net);
	t->unit = (Unit){.path = "test", .arena = a,
	                 .messages = fopen("/dev/null", "w")};
	t->options = *more;
	t->options.loss = (LossOptions){.kind = LOSS_CROSS_ENTROPY, .axis = 1,
	                                .ignore_index = -100};
	t->options.optimizer = optimizer(kind);
	Graph *g = graph_parse(&t->unit, NULL, text);
	cr_assert(g, "the text is no graph");
	t->program = build_program(g, &t->options);
	cr_assert(t->program, "no program");
	return t;
}

static void close_net(Net *t)
{
	fclose(t->unit.messages);
	arena_destroy(t->unit.arena);
}

/* ---- what it computes ---- */

static void fill_inputs(Executor *e, const Plan *p, int round)
{
	const Value *x = plan_input(p, IN_DATA, 0);
	const Value *t = plan_input(p, IN_TARGET, 0);
	float *to = executor_value(e, p, x);
	for (int64_t i = 0; i < numel(x->shape); i++)
		to[i] = (float)((i * 37 + round * 11) % 101 - 50) / 40;
	for (int64_t i = 0; i < numel(t->shape); i++)
		((int32_t *)executor_value(e, p, t))[i] =
			(int32_t)(i + round) % 3;
}

static Executor *train(Net *t)
{
	Executor *e = executor_interpreter(&t->unit, t->program);
	for (int i = 0; i < 3; i++) {
		fill_inputs(e, t->program->train, i);
		cr_assert(executor_call(e, t->program->train));
	}
	return e;
}

static void check_same(const char *text, OptimizerKind kind,
                       const Options *parts)
{
	Net *one = open_net(text, kind, &(Options){0});
	Net *other = open_net(text, kind, parts);
	Executor *a = train(one), *b = train(other);
	const Model *m = one->program->model, *n = other->program->model;
	for (int i = 0; i < m->nvars; i++) {
		const float *x = executor_variable(a, m->var[i]);
		const float *y = executor_variable(b, n->var[i]);
		for (int64_t k = 0; k < numel(m->var[i]->shape); k++)
			cr_assert(fabsf(x[k] - y[k]) <=
			          2e-5f * (1 + fabsf(x[k])),
			          "%s[%lld]: %g, with early updates %g",
			          m->var[i]->name, (long long)k, (double)x[k],
			          (double)y[k]);
	}
	executor_close(a);
	executor_close(b);
	close_net(one);
	close_net(other);
}

static void check_parts(const char *text, OptimizerKind kind)
{
	Options o = {.sums = 1};
	for (o.parts = 2; o.parts <= 8; o.parts *= 2)
		check_same(text, kind, &o);
	o.parts = 8;
	o.sums = INT64_MAX;
	o.feed = true;
	check_same(text, kind, &o);
}

Test(scan_update, same_training)
{
	check_parts(mlp, OPT_SGD);
	check_parts(tied, OPT_SGD);
	check_parts(narrow, OPT_SGD);
	check_parts(narrow, OPT_ADAM);
	check_parts(narrow, OPT_MOMENTUM);
}

/* ---- what it consists of ---- */

static int count_ops(const Plan *p, const OpDef *op)
{
	int n = 0;
	for (int s = 0; s < p->nsteps; s++) {
		const Node *m = p->step[s];
		n += m->op == op;
		for (int b = 0; b < m->nbody && !m->scan; b++)
			n += m->body[b]->op == op;
		if (m->scan)
			n += count_ops(m->scan->plan, op);
	}
	return n;
}

static int count_in_train(const char *text, OptimizerKind kind,
                          const OpDef *op, const Options *o)
{
	Net *t = open_net(text, kind, o);
	int n = count_ops(t->program->train, op);
	close_net(t);
	return n;
}

/* The first layer's: what the others' gradients are computed from is whole, so
 * that there is nothing to loop for. */
Test(scan_update, the_parameter_is_the_sum)
{
	const OpDef *op = &op_SGDAccumulate;
	Options o = {.parts = 8, .sums = INT64_MAX, .feed = true};
	cr_expect_eq(count_in_train(mlp, OPT_SGD, op, &o), 1);
	cr_expect_eq(count_in_train(tied, OPT_SGD, op, &o), 1);
	cr_expect_eq(count_in_train(mlp, OPT_ADAM, op, &o), 0);
	o.keep_gradients = true;
	cr_expect_eq(count_in_train(mlp, OPT_SGD, op, &o), 0);
}

/* Sums of few bytes do. */
Test(scan_update, sums_end_a_loop)
{
	Options o = {.parts = 8};
	int loops = count_in_train(narrow, OPT_ADAM, &op_Scan, &o);
	cr_expect_eq(loops, 1);
	o.sums = 1;
	cr_expect_gt(count_in_train(narrow, OPT_ADAM, &op_Scan, &o), loops);
}

/* ---- what it takes ---- */

/* No gradient of a layer is whole, as nothing of the forward pass is. */
Test(scan_update, budget_finds_it)
{
	enum { W = 96 * 64 * 4, DZ = 8 * (96 + 64) * 4, PART = 12 * 96 * 4 };
	Options o = {.ram = 1, .feed = true};
	Net *t = open_net(mlp, OPT_SGD, &o);
	cr_expect_lt(t->program->train->arena_bytes, DZ + PART, "%lld",
	             (long long)t->program->train->arena_bytes);
	cr_expect_gt((int)W, (int)(DZ + PART));
	cr_expect_gt(count_ops(t->program->train, &op_SGDAccumulate), 0);
	close_net(t);
	check_same(mlp, OPT_SGD, &o);
}
