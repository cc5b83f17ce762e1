/* For tests of updates that are fused: what they compute, apart, in the planned
 * arena, and as emitted C. */
#ifndef TESTS_FUSED_RUN_H
#define TESTS_FUSED_RUN_H

#include "tests/unit/emitted.h"
#include "tests/unit/fused.h"

#include <math.h>

static inline void same_state(const char *what, const Graph *g, Results a, Results b)
{
	for (int i = 0; i < g->model->nvars; i++) {
		const Variable *v = g->model->var[i];
		size_t bytes = (size_t)shape_bytes(v->shape, v->dtype);
		cr_expect(!memcmp(a.state[i], b.state[i], bytes),
		          "%s: '%s' differs", what, v->name);
	}
}

/* But for rounding. */
static inline void near_state(const char *what, const Graph *g, Results a, Results b)
{
	for (int i = 0; i < g->model->nvars; i++) {
		const Variable *v = g->model->var[i];
		const float *x = a.state[i], *y = b.state[i];
		for (int64_t j = 0; j < numel(v->shape); j++)
			cr_assert(fabsf(x[j] - y[j]) <=
			          1e-6f * fmaxf(1, fabsf(y[j])),
			          "%s: '%s' %lld is %g, expected %g", what,
			          v->name, (long long)j, (double)x[j],
			          (double)y[j]);
	}
}

/* The tuned function sums in another order than the interpreter. */
static inline void check_emitted(const char *what, Graph *g, const Options *o,
                          const char *compiler)
{
	Results want = run_apart(g);
	Arena *a = g->unit->arena;
	Program *p = program_of(plan_memory(g, o), NULL, NULL);
	p->target = target_or_host(o->target);
	char *dir = new_directory(a);
	EmitOptions e = {.weights = WEIGHTS_C, .version = "test"};
	cr_assert(emit_c(p, &e, dir));
	emit_glue_file(a, p, dir);
	Loaded l = load_program(p, dir, compiler);
	Instance i = new_instance(&l);
	for (int n = 0; n < g->ninputs; n++) {
		void *x = instance_value(&i, p->train, g->input[n]);
		if (x)
			fill_input(g->input[n], x);
	}
	cr_assert_eq(l.call(i.context, 0), 0);
	for (int n = 0; n < g->model->nvars; n++) {
		const Variable *v = g->model->var[n];
		const float *got = (float *)(void *)(i.state + p->offset[n]);
		const float *like = want.state[n];
		for (int64_t j = 0; j < numel(v->shape); j++)
			cr_assert(fabsf(got[j] - like[j]) <=
			          2e-4f * fmaxf(1, fabsf(like[j])),
			          "%s: '%s' %lld is %g, expected %g", what,
			          v->name, (long long)j, (double)got[j],
			          (double)like[j]);
	}
	dlclose(l.library);
	remove_directory(a, dir);
}

#endif
