/*
 * Executor: runs a Program on this machine, in an arena and a state laid out as
 * the plans say, so that what is tried here is what the emitted code does.
 *
 * Inputs and outputs are written and read where the plan places them; between
 * two calls only the variables persist. Data that the program wants to be fed
 * lies in the executor, whole.
 */
#ifndef FRONTEND_EXECUTOR_H
#define FRONTEND_EXECUTOR_H

#include "ir/frame.h"
#include "ir/options.h"
#include "ir/plan.h"

enum { MAX_HYPER = 16 };

typedef struct Executor Executor;

typedef struct ExecutorKind {
	bool (*call)(Executor *, const Plan *);   /* false after an error */
	void (*close)(Executor *);
} ExecutorKind;

struct Executor {
	const ExecutorKind *kind;
	void *impl;
	Unit *unit;
	const Program *program;
	unsigned char *arena, *state;
	void **fed[3];             /* what the caller keeps, by input, then by
	                            * output: of the train step, inference
	                            * and evaluation */
	uint32_t step, seed;       /* steps done so far; Dropout's seed */
	int nhyper;                /* the train step's IN_HYPER inputs */
	const char *hyper_name[MAX_HYPER];
	float hyper[MAX_HYPER];
};

/* The interpreter over the plan's kernels: the reference. */
Executor *executor_interpreter(Unit *, const Program *);

/*
 * The emitted C, compiled by $CC or cc in a directory of its own that goes when
 * the program is loaded. `emit` writes GLUE_FILE and the program's sources
 * there, without weights: their image is handed over. What the glue defines:
 * see backend/backend.h. NULL after an error.
 */
typedef struct EmitHook {
	bool (*emit)(void *user, const Program *, const char *dir);
	void *user;
	const void *weights;
	size_t weights_bytes;
	bool openblas;
} EmitHook;

#define GLUE_FILE "thimble-glue.c"   /* no model can have that name */

Executor *executor_c(Unit *, const Program *, const EmitHook *);
bool executor_has_compiler(void);

/*
 * The plans compiled in this process. `function` gives a plan's, and is asked
 * for it when it is first called; NULL after an error. `close` ends them all.
 */
typedef struct JitHook {
	FrameFunction *(*function)(void *user, const Plan *);
	void (*close)(void *user);
	void *user;
	const void *weights;       /* their image */
} JitHook;

Executor *executor_llvm(Unit *, const Program *, const JitHook *);

void executor_close(Executor *);

/* Where the value is: for filling an input, for reading an output. */
void *executor_value(const Executor *, const Plan *, const Value *);
/* The variable's contents; they may be written if it is mutable. */
void *executor_variable(const Executor *, const Variable *);
/* False: the train step has no hyper-parameter of that name. */
bool executor_set_hyper(Executor *, const char *name, double);
/* Leaves nothing of zeros or of the last call in the arena, on which no call may
 * rely; inputs are filled in after it. */
void executor_paint(Executor *);
/* Runs one function; a call of the train step counts as a step. */
bool executor_call(Executor *, const Plan *);

const Value *plan_input(const Plan *, InputRole, int nth);   /* NULL: none */
const Value *plan_output(const Plan *, OutputRole, int nth);

/* For the kinds above: what they share. The function's number, by which
 * Executor.fed and the glue go. */
int executor_function(const Executor *, const Plan *);
Executor *executor_create(Unit *, const Program *, const ExecutorKind *);
/* The train step's randomness: as the emitted program mixes it. */
uint32_t executor_step_seed(const Executor *);

#endif
