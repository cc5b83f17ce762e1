/*
 * The batch in parts: what becomes a Scan, that it computes what the whole batch
 * does, that its memory is that of a part, and that the checker sees when it is
 * not.
 */
#include "frontend/executor.h"
#include "ir/op.h"
#include "ir/scan.h"
#include "ir/text.h"
#include "passes/check_overlap.h"
#include "passes/pass.h"
#include "passes/scan.h"
#include "tests/unit/variables.h"

#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

/* Convolution, batch statistics, a residual, another convolution, classes. */
static const char net[] =
	"graph \"forward\" of \"net\"\n"
	"variable \"w\" parameter f32[6,2,3,3] fill 0.1\n"
	"variable \"s\" parameter f32[6] fill 1.5\n"
	"variable \"b\" parameter f32[6] fill 0.25\n"
	"variable \"m\" buffer f32[6] fill 0\n"
	"variable \"v\" buffer f32[6] fill 1\n"
	"variable \"u\" parameter f32[6,6,3,3] fill 0.02\n"
	"variable \"f\" parameter f32[3,6] fill -0.3\n"
	"input %x data f32[8,2,9,9]\n"
	"read %w \"w\"\nread %s \"s\"\nread %b \"b\"\nread %m \"m\"\n"
	"read %v \"v\"\nread %u \"u\"\nread %f \"f\"\n"
	"%c f32[8,6,9,9] = Conv(%x, %w) {pads=[1, 1, 1, 1]}\n"
	"%n f32[8,6,9,9] = BatchNormalization(%c, %s, %b, %m, %v)\n"
	"%r f32[8,6,9,9] = Relu(%n)\n"
	"%d f32[8,6,9,9] = Conv(%r, %u) {pads=[1, 1, 1, 1]}\n"
	"%a f32[8,6,9,9] = Add(%d, %r)\n"
	"%p f32[8,6,1,1] = GlobalAveragePool(%a)\n"
	"%q f32[8,6] = Reshape(%p) {shape=[8, 6]}\n"
	"%y f32[8,3] = Gemm(%q, %f) {transB=1}\n"
	"output \"y\" data %y\n";

/* Like it, without statistics: one run from the input to the gradients. */
static const char plain[] =
	"graph \"forward\" of \"plain\"\n"
	"variable \"w\" parameter f32[6,2,3,3] fill 0.1\n"
	"variable \"f\" parameter f32[3,6] fill -0.3\n"
	"input %x data f32[8,2,9,9]\nread %w \"w\"\nread %f \"f\"\n"
	"%c f32[8,6,9,9] = Conv(%x, %w) {pads=[1, 1, 1, 1]}\n"
	"%r f32[8,6,9,9] = Tanh(%c)\n"
	"%p f32[8,6,1,1] = GlobalAveragePool(%r)\n"
	"%q f32[8,6] = Reshape(%p) {shape=[8, 6]}\n"
	"%y f32[8,3] = Gemm(%q, %f) {transB=1}\n"
	"output \"y\" data %y\n";

typedef struct Net {
	Unit unit;
	Options options;
	Program *program;
} Net;

static OptimizerOptions optimizer(OptimizerKind kind)
{
	return (OptimizerOptions){.kind = kind, .lr = 0.1, .momentum = 0.9,
	                          .beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8,
	                          .alpha = 0.99};
}

static Net *open_with(const char *text, OptimizerOptions opt, int64_t micro)
{
	Arena *a = arena_create();
	Net *t = arena_new(a, Net);
	t->unit = (Unit){.path = "test", .arena = a, .messages = stderr};
	t->options = (Options){
		.target = target_find("host"), .micro_batch = micro,
		.train_bn = true,
		.loss = {.kind = LOSS_CROSS_ENTROPY, .axis = 1,
		         .ignore_index = -100},
		.optimizer = opt,
	};
	Graph *g = graph_parse(&t->unit, NULL, text);
	cr_assert(g, "the text is no graph");
	t->program = build_program(g, &t->options);
	cr_assert(t->program, "no program");
	return t;
}

static Net *open_net(const char *text, OptimizerKind kind, int64_t micro)
{
	return open_with(text, optimizer(kind), micro);
}

static int count_scans(const Plan *p)
{
	int n = 0;
	for (int i = 0; i < p->nsteps; i++)
		n += p->step[i]->scan != NULL;
	return n;
}

/* ---- what it computes ---- */

static void fill_inputs(Executor *e, const Plan *p, int round)
{
	const Value *x = plan_input(p, IN_DATA, 0);
	const Value *t = plan_input(p, IN_TARGET, 0);
	float *to = executor_value(e, p, x);
	for (int64_t i = 0; i < numel(x->shape); i++)
		to[i] = (float)((i * 37 + round * 11) % 101 - 50) / 40;
	for (int64_t i = 0; t && i < numel(t->shape); i++)
		((int32_t *)executor_value(e, p, t))[i] =
			(int32_t)(i + round) % 3;
}

static double train(Executor *e, const Plan *p, int steps)
{
	double loss = 0;
	for (int i = 0; i < steps; i++) {
		fill_inputs(e, p, i);
		cr_assert(executor_call(e, p));
		loss = *(float *)executor_value(e, p,
		                                plan_output(p, OUT_LOSS, 0));
	}
	return loss;
}

static void check_with(const char *text, OptimizerOptions opt, int64_t micro)
{
	enum { STEPS = 4 };
	Net *whole = open_with(text, opt, 0);
	Net *parts = open_with(text, opt, micro);
	Executor *a = executor_interpreter(&whole->unit, whole->program);
	Executor *b = executor_interpreter(&parts->unit, parts->program);
	cr_expect_eq(count_scans(whole->program->train), 0);
	cr_expect_gt(count_scans(parts->program->train), 0);
	double x = train(a, whole->program->train, STEPS);
	double y = train(b, parts->program->train, STEPS);
	cr_expect(fabs(x - y) < 1e-5, "loss %g, in parts %g", x, y);
	compare_variables(a, b);
	executor_close(a);
	executor_close(b);
	arena_destroy(whole->unit.arena);
	arena_destroy(parts->unit.arena);
}

static void check_equal(const char *text, OptimizerKind kind, int64_t micro)
{
	check_with(text, optimizer(kind), micro);
}

Test(scan, same_training_with_statistics)
{
	for (int64_t micro = 1; micro < 8; micro *= 2)
		check_equal(net, OPT_SGD, micro);
	check_equal(net, OPT_ADAM, 2);
}

Test(scan, same_training_without)
{
	check_equal(plain, OPT_MOMENTUM, 1);
	check_equal(plain, OPT_ADAM, 4);
	check_equal(plain, OPT_RMSPROP, 2);
	check_equal(plain, OPT_ADAGRAD, 2);
}

/* ---- momentum ---- */

/* Four steps: the first, which knows no dampening, and others. */
Test(scan, same_momentum)
{
	OptimizerOptions o = optimizer(OPT_MOMENTUM);
	o.dampening = 0.3;
	o.weight_decay = 0.05;
	for (int64_t micro = 1; micro < 8; micro *= 2) {
		check_with(plain, o, micro);
		check_with(net, o, micro);
	}
	o.kind = OPT_NESTEROV;
	o.dampening = 0;
	check_with(plain, o, 2);
	o.clip_norm = 0.01;
	o.kind = OPT_MOMENTUM;
	check_with(plain, o, 2);
}

/* Without momentum the buffer is nobody's: it holds what is to be subtracted. */
Test(scan, same_momentum_of_zero)
{
	OptimizerOptions o = optimizer(OPT_MOMENTUM);
	o.dampening = 0.3;
	o.momentum = 0;
	Net *whole = open_with(plain, o, 0), *parts = open_with(plain, o, 2);
	Executor *a = executor_interpreter(&whole->unit, whole->program);
	Executor *b = executor_interpreter(&parts->unit, parts->program);
	double x = train(a, whole->program->train, 4);
	double y = train(b, parts->program->train, 4);
	cr_expect(fabs(x - y) < 1e-5, "loss %g, in parts %g", x, y);
	executor_close(a);
	executor_close(b);
	arena_destroy(whole->unit.arena);
	arena_destroy(parts->unit.arena);
}

/* What is called a gradient, in loops too. */
static int64_t largest_gradient(const Plan *p)
{
	int64_t most = 0, in = 0;
	for (int b = 0; b < p->nbuffers; b++)
		if (p->buffer[b].memory == MEM_GRADIENT &&
		    p->buffer[b].bytes > most)
			most = p->buffer[b].bytes;
	for (int s = 0; s < p->nsteps; s++) {
		if (p->step[s]->scan)
			in = largest_gradient(p->step[s]->scan->plan);
		most = in > most ? in : most;
	}
	return most;
}

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

/* Two parameters: their gradients are added up in the momentum buffers, unless
 * somebody wants more of them. */
Test(scan, momentum_is_the_sum)
{
	OptimizerOptions o = optimizer(OPT_MOMENTUM);
	Net *t = open_with(plain, o, 1);
	const Plan *p = t->program->train;
	cr_expect_eq(count_ops(p, &op_MomentumAccumulate), 2);
	cr_expect_eq(count_ops(p, &op_MomentumUpdate), 0);
	cr_expect_eq(count_ops(p, &op_SGDUpdate), 2);
	arena_destroy(t->unit.arena);
	o.clip_norm = 1;
	t = open_with(plain, o, 1);
	cr_expect_eq(count_ops(t->program->train, &op_MomentumAccumulate), 0);
	arena_destroy(t->unit.arena);
	o = optimizer(OPT_NESTEROV);
	t = open_with(plain, o, 1);
	cr_expect_eq(count_ops(t->program->train, &op_MomentumAccumulate), 0);
	arena_destroy(t->unit.arena);
}

/* ---- what it takes ---- */

/* Without statistics nothing of the batch but the input is ever whole; with
 * them, what they are of is. */
Test(scan, memory_is_that_of_a_part)
{
	Net *whole = open_net(plain, OPT_SGD, 0), *parts;
	parts = open_net(plain, OPT_SGD, 1);
	const Plan *p = parts->program->train;
	int64_t example = 6 * 9 * 9 * 4, input = 8 * 2 * 9 * 9 * 4;
	cr_expect_gt(whole->program->train->arena_bytes, input + 8 * example);
	cr_expect_lt(p->arena_bytes, input + 5 * example, "%lld",
	             (long long)p->arena_bytes);
	cr_expect_eq(count_scans(p), 1);
	arena_destroy(whole->unit.arena);
	arena_destroy(parts->unit.arena);
}

Test(scan, a_batch_that_does_not_divide)
{
	Arena *a = arena_create();
	char *text;
	size_t size;
	FILE *messages = open_memstream(&text, &size);
	Unit u = {.path = "test", .arena = a, .messages = messages};
	Options o = {.micro_batch = 3};
	cr_expect_null(build_program(graph_parse(&u, NULL, plain), &o));
	fclose(messages);
	cr_expect(strstr(text, "micro-batches of 3"), "%s", text);
	free(text);
	arena_destroy(a);
}

/* ---- runs ---- */

/* Members of one run read no sum of it: each item only what is before it. */
Test(scan, runs_are_in_order)
{
	Net *t = open_net(net, OPT_SGD, 0);
	Graph *g = graph_clone(t->program->train->graph, "train", NULL);
	Runs runs = scan_runs(t->unit.arena, g, &(Options){.parts = 4});
	int members = 0;
	for (Node *n = g->first; n; n = n->next) {
		int item = runs.item[n->id];
		members += runs.in_parts[n->id];
		for (int i = 0; i < n->nin; i++) {
			const Value *v = n->in[i];
			if (!v || v->kind != V_RESULT)
				continue;
			int from = runs.item[v->def->id];
			cr_expect(from < item || (from == item &&
			          runs.rows[v->id]), "'%s' reads %%%s",
			          n->op->name, v->name);
		}
	}
	cr_expect_gt(members, 4);
	arena_destroy(t->unit.arena);
}

static const char mlp[] =
	"graph \"forward\" of \"mlp\"\n"
	"variable \"w\" parameter f32[96,64] fill 0.02\n"
	"variable \"u\" parameter f32[96,96] fill 0.01\n"
	"variable \"f\" parameter f32[3,96] fill -0.3\n"
	"input %x data f32[32,64]\n"
	"read %w \"w\"\nread %u \"u\"\nread %f \"f\"\n"
	"%a f32[32,96] = Gemm(%x, %w) {transB=1}\n%r f32[32,96] = Tanh(%a)\n"
	"%b f32[32,96] = Gemm(%r, %u) {transB=1}\n%q f32[32,96] = Tanh(%b)\n"
	"%y f32[32,3] = Gemm(%q, %f) {transB=1}\n"
	"output \"y\" data %y\n";

/* Neither a sum nor a summand is as large as a weight; another optimizer has at
 * most one buffer for each of them. */
Test(scan, no_gradient_is_whole)
{
	enum { W = 96 * 64 * 4, U = 96 * 96 * 4, ACTIVATIONS = 4 * 96 * 4 };
	int64_t input = 32 * 64 * 4, tile = 16 * 96 * 4;
	for (int64_t micro = 1; micro <= 4; micro *= 4) {
		Net *t = open_net(mlp, OPT_MOMENTUM, micro);
		const Plan *p = t->program->train;
		cr_expect_leq(largest_gradient(p), tile);
		cr_expect_lt(p->arena_bytes, input + tile +
		             4 * micro * ACTIVATIONS, "%lld",
		             (long long)p->arena_bytes);
		arena_destroy(t->unit.arena);
		t = open_net(mlp, OPT_ADAM, micro);
		cr_expect_lt(t->program->train->arena_bytes,
		             input + W + U + 2 * tile +
		             4 * micro * ACTIVATIONS);
		arena_destroy(t->unit.arena);
	}
	check_equal(mlp, OPT_MOMENTUM, 1);
	check_equal(mlp, OPT_ADAM, 4);
}

/* What an update of momentum reads is an item's that comes before, and takes no
 * memory of its own. */
Test(scan, runs_know_momentum)
{
	Unit u = {.arena = arena_create(), .messages = stderr};
	Graph *g = graph_parse(&u, NULL,
		"graph \"train\" of \"m\"\n"
		"variable \"w\" parameter f32[3,6] mutable fill 1\n"
		"variable \"m\" optimizer f32[3,6] mutable fill 0\n"
		"input %x data f32[64,6]\ninput %y data f32[64,3]\n"
		"input %h hyper f32[] initial 0.5\ninput %s step i32[]\n"
		"read %w \"w\"\nread %m \"m\"\n"
		"%a f32[64,6] = Tanh(%x)\n%b f32[64,3] = Tanh(%y)\n"
		"%g f32[3,6] gradients = MatMul(%b, %a) {transA=1}\n"
		"%v f32[3,6] -> \"w\", %n f32[3,6] -> \"m\" = "
		"MomentumUpdate(%w, %g, %m, %h, %h, %h, %h, %s)\n");
	cr_assert(g);
	Runs runs = scan_runs(u.arena, g, &(Options){.parts = 4});
	cr_expect_eq(runs.nitems, 2);
	for (const Node *n = g->first; n; n = n->next)
		cr_expect_eq(runs.in_momentum[n->out[0]->id],
		             n->op == &op_MatMul);
	arena_destroy(u.arena);
}

/* ---- the checker ---- */

static Node *first_scan(const Plan *p)
{
	for (int i = 0; i < p->nsteps; i++)
		if (p->step[i]->scan)
			return p->step[i];
	return NULL;
}

Test(scan, checker_looks_inside)
{
	Net *t = open_net(plain, OPT_SGD, 2);
	const Plan *p = t->program->train;
	Node *n = first_scan(p);
	Plan *inner = (Plan *)n->scan->plan;
	cr_expect_null(plan_check(t->unit.arena, p));
	for (int b = 0; b < inner->nbuffers; b++) {
		int64_t offset = inner->buffer[b].offset;
		inner->buffer[b].offset = inner->arena_bytes;
		cr_expect_not_null(plan_check(t->unit.arena, p));
		inner->buffer[b].offset = offset;
	}
	int64_t bytes = inner->arena_bytes;
	inner->arena_bytes += 64;
	cr_expect_not_null(plan_check(t->unit.arena, p), "no room");
	inner->arena_bytes = bytes;
	for (int s = 0; s + 1 < inner->nsteps; s++) {
		Node *first = inner->step[s];
		inner->step[s] = inner->step[s + 1];
		inner->step[s + 1] = first;
		bool depends = false;
		for (int i = 0; i < inner->step[s]->nin; i++)
			depends |= inner->step[s]->in[i] &&
			           inner->step[s]->in[i]->def == first;
		cr_expect(!depends || plan_check(t->unit.arena, p));
		inner->step[s + 1] = inner->step[s];
		inner->step[s] = first;
	}
	arena_destroy(t->unit.arena);
}

/* A total that is not the output's memory, and one that nobody adds to. */
Test(scan, checker_sees_lost_momentum)
{
	Net *t = open_net(plain, OPT_MOMENTUM, 2);
	const Plan *p = t->program->train;
	const Graph *g = first_scan(p)->scan->graph;
	int seen = 0;
	for (int i = 0; i < g->ninputs; i++) {
		Value *v = g->input[i], *total = v->total;
		if (v->role != IN_SUM || v->memory != MEM_OPTIMIZER)
			continue;
		seen++;
		cr_expect_null(plan_check(t->unit.arena, p));
		v->total = v;
		cr_expect_not_null(plan_check(t->unit.arena, p));
		v->total = total;
		v->role = IN_WHOLE;
		cr_expect_not_null(plan_check(t->unit.arena, p));
		v->role = IN_SUM;
	}
	cr_expect_eq(seen, 2);
	arena_destroy(t->unit.arena);
}

/* The checker walks through the parts; the planner has a formula. */
static int check_distance(const Node *n, int i, int o)
{
	const Graph *g = n->scan->graph;
	int64_t least = scan_distance(n, i, o), whole = value_bytes(n->out[o]);
	if (g->input[i]->role != IN_PART || o >= g->noutputs ||
	    g->output[o].role != OUT_ROWS) {
		cr_expect_eq(least, whole);
		return 0;
	}
	for (int64_t d = least; d <= whole; d += 52)
		cr_expect(scan_overlap_is_safe(n, i, o, d));
	for (int64_t d = least - 1; d >= 0; d -= 52)
		cr_expect_not(scan_overlap_is_safe(n, i, o, d),
		              "%lld bytes, not %lld", (long long)d,
		              (long long)least);
	/* Of more parts than it can walk through there is no formula. */
	n->scan->parts <<= 24;
	cr_expect_eq(scan_distance(n, i, o), whole);
	n->scan->parts >>= 24;
	return least > 0 && least < whole;
}

Test(scan, least_distance)
{
	int between = 0;
	for (int64_t micro = 1; micro < 8; micro *= 2) {
		Net *t = open_net(net, OPT_SGD, micro);
		const Plan *p = t->program->train;
		for (int s = 0; s < p->nsteps; s++) {
			const Node *n = p->step[s];
			for (int i = 0; n->scan && i < n->nin; i++)
				for (int o = 0; o < n->nout; o++)
					between += check_distance(n, i, o);
		}
		arena_destroy(t->unit.arena);
	}
	cr_expect_gt(between, 0);
}
