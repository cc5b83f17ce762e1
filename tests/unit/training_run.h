/* For tests of training: a program of one small layer, run by the interpreter on
 * data that a function gives. */
#ifndef TESTS_TRAINING_RUN_H
#define TESTS_TRAINING_RUN_H

#include "frontend/executor.h"
#include "ir/text.h"
#include "passes/pass.h"

#include <criterion/criterion.h>

typedef struct Run {
	Unit unit;
	Options options;
	LowRank low_rank;      /* for options.low_rank to point at */
	Program *program;
	Executor *executor;
} Run;

/* Element i in that step. */
typedef double Datum(int i, int round);

/* The options are to be set, then the program built. */
static inline Run *run_create(LossKind loss)
{
	Arena *a = arena_create();
	Run *r = arena_new(a, Run);
	r->unit = (Unit){.path = "test", .arena = a, .messages = stderr};
	r->options.loss.kind = loss;
	return r;
}

static inline void run_build(Run *r, const char *text)
{
	r->program = build_program(graph_parse(&r->unit, NULL, text),
	                           &r->options);
	cr_assert(r->program);
	r->executor = executor_interpreter(&r->unit, r->program);
}

static inline void run_close(Run *r)
{
	executor_close(r->executor);
	arena_destroy(r->unit.arena);
}

static inline void run_fill(const Run *r, const Value *v, Datum *d, int round)
{
	float *x = executor_value(r->executor, r->program->train, v);
	for (int i = 0; i < numel(v->shape); i++)
		x[i] = (float)d(i, round);
}

static inline void run_training_step(const Run *r, Datum *data, Datum *target,
                                     int round)
{
	const Plan *p = r->program->train;
	run_fill(r, plan_input(p, IN_DATA, 0), data, round);
	run_fill(r, plan_input(p, IN_TARGET, 0), target, round);
	cr_assert(executor_call(r->executor, p));
}

#endif
