/*
 * The steps of a plan as the calls of an emitted function: which kernel each
 * calls, in the plan's order.
 */
#ifndef BACKEND_C_STEPS_H
#define BACKEND_C_STEPS_H

#include "backend/c_kernel.h"
#include "backend/c_program.h"

typedef struct CStep CStep;

struct CStep {
	const CKernel *kernel;
	const char *name;        /* of its function; NULL: no code */
	const CStep *scan;       /* the steps for one part; NULL: no Scan */
	bool feed;               /* the caller is asked */
};

/* Prints the kernels of all functions as static functions; step[f] is of
 * c->fn[f], by the number of the plan's step. Nodes whose kernels differ only in
 * names share one, which then bears those of the first. */
void c_put_kernels(Writer *, CProgram *, CStep *step[]);

#endif
