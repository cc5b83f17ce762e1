/*
 * Recomputation inside of loops over the parts of a batch: the loop takes less,
 * the checker agrees, and the training is the same, bit for bit.
 */
#include "passes/shrink.h"

#include "frontend/executor.h"
#include "ir/op.h"
#include "ir/scan.h"
#include "ir/text.h"
#include "passes/pass.h"

#include <criterion/criterion.h>

#include <string.h>

/* What the forward pass keeps of one example is much more than a layer. */
static const char deep[] =
	"graph \"forward\" of \"deep\"\n"
	"variable \"w\" parameter f32[4,256] fill 0.02\n"
	"variable \"f\" parameter f32[3,256] fill -0.03\n"
	"input %x data f32[4,4]\nread %w \"w\"\nread %f \"f\"\n"
	"%a f32[4,256] = Gemm(%x, %w)\n"
	"%b f32[4,256] = Softmax(%a)\n%c f32[4,256] = Sin(%b)\n"
	"%d f32[4,256] = Softmax(%c)\n%e f32[4,256] = Sin(%d)\n"
	"%g f32[4,256] = Softmax(%e)\n%h f32[4,256] = Sin(%g)\n"
	"%y f32[4,3] = Gemm(%h, %f) {transB=1}\n"
	"output \"y\" data %y\n";

static Program *open_net(Unit *u, const Options *o)
{
	*u = (Unit){.path = "test", .arena = arena_create(),
	            .messages = fopen("/dev/null", "w")};
	Graph *g = graph_parse(u, NULL, deep);
	cr_assert(g, "the text is no graph");
	Program *p = build_program(g, o);
	cr_assert(p, "no program");
	return p;
}

static void close_net(Unit *u)
{
	fclose(u->messages);
	arena_destroy(u->arena);
}

static Options options_for(int64_t parts)
{
	static const char *without[] = {"recompute"};
	return (Options){
		.parts = parts,
		.loss = {.kind = LOSS_CROSS_ENTROPY, .axis = 1,
		         .ignore_index = -100},
		.optimizer = {.kind = OPT_SGD, .lr = 0.1},
		.disable = {1, without},
	};
}

static Executor *train(Unit *u, Program *p)
{
	Executor *e = executor_interpreter(u, p);
	float *x = executor_value(e, p->train, plan_input(p->train, IN_DATA, 0));
	int32_t *t = executor_value(e, p->train,
	                            plan_input(p->train, IN_TARGET, 0));
	for (int i = 0; i < 16; i++)
		x[i] = (float)(i * 37 % 11 - 5) / 4;
	for (int i = 0; i < 4; i++)
		t[i] = i % 3;
	cr_assert(executor_call(e, p->train));
	return e;
}

static const Scan *scan_of(const Plan *p)
{
	for (int s = 0; s < p->nsteps; s++)
		if (p->step[s]->scan)
			return p->step[s]->scan;
	cr_assert(false, "no loop");
	return NULL;
}

Test(shrink, loops_take_less)
{
	enum { LAYER = 256 * 4 };
	Unit u, v;
	Options o = options_for(4);
	Program *p = open_net(&u, &o), *q = open_net(&v, &o);
	int64_t before = p->train->arena_bytes;
	Plan *less = shrink_loops(q->train, before - LAYER, &o);
	cr_assert(less);
	cr_expect_leq(less->arena_bytes, before - LAYER);
	cr_expect_null(plan_check(v.arena, less));
	cr_expect_gt(less->cost.flops, p->train->cost.flops);
	cr_expect_eq(q->train->arena_bytes, before, "the plan was changed");
	cr_expect_gt(scan_of(q->train)->plan->arena_bytes,
	             scan_of(less)->plan->arena_bytes);
	q->train = less;
	program_layout(q);
	Executor *a = train(&u, p), *b = train(&v, q);
	for (int i = 0; i < p->model->nvars; i++)
		cr_expect_eq(memcmp(executor_variable(a, p->model->var[i]),
		                    executor_variable(b, q->model->var[i]),
		                    (size_t)shape_bytes(
			                    p->model->var[i]->shape, DT_F32)), 0);
	executor_close(a);
	executor_close(b);
	close_net(&u);
	close_net(&v);
}

/* Not where something else is too large, or where there is no loop. */
Test(shrink, or_nothing)
{
	Unit u;
	Options o = options_for(4);
	Program *p = open_net(&u, &o);
	cr_expect_null(shrink_loops(p->train, p->train->arena_bytes, &o));
	cr_expect_null(shrink_loops(p->train, 1, &o));
	close_net(&u);
	o = options_for(0);
	p = open_net(&u, &o);
	cr_expect_null(shrink_loops(p->train, p->train->arena_bytes - 64, &o));
	close_net(&u);
}
