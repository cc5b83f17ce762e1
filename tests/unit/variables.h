/* The variables of two programs of one model, of which one has sums in parts. */
#ifndef TESTS_UNIT_VARIABLES_H
#define TESTS_UNIT_VARIABLES_H

#include "frontend/executor.h"

#include <criterion/criterion.h>
#include <math.h>

static inline void compare_variables(Executor *a, Executor *b)
{
	const Model *m = a->program->model, *n = b->program->model;
	cr_assert_eq(m->nvars, n->nvars);
	for (int i = 0; i < m->nvars; i++) {
		const float *x = executor_variable(a, m->var[i]);
		const float *y = executor_variable(b, n->var[i]);
		for (int64_t k = 0; k < numel(m->var[i]->shape); k++)
			cr_assert(fabsf(x[k] - y[k]) <=
			          2e-5f * (1 + fabsf(x[k])),
			          "%s[%lld]: %g, in parts %g", m->var[i]->name,
			          (long long)k, (double)x[k], (double)y[k]);
	}
}

#endif
