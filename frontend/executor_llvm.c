/* Plans compiled in this process, over the executor's own arena and state. */
#include "frontend/executor.h"

#include <string.h>

static bool call(Executor *e, const Plan *p)
{
	const JitHook *hook = e->impl;
	FrameFunction *run = hook->function(hook->user, p);
	Frame f = {
		.arena = e->arena, .state = e->state, .weights = hook->weights,
		.fed = e->fed[executor_function(e, p)],
		.step = e->step, .step_seed = executor_step_seed(e),
	};
	memcpy(f.hyper, e->hyper, sizeof e->hyper);
	if (run)
		run(&f);
	return run != NULL;
}

static void close_functions(Executor *e)
{
	const JitHook *hook = e->impl;
	hook->close(hook->user);
}

Executor *executor_llvm(Unit *u, const Program *p, const JitHook *hook)
{
	static const ExecutorKind kind = {call, close_functions};
	Executor *e = executor_create(u, p, &kind);
	JitHook *copy = arena_new(u->arena, JitHook);
	*copy = *hook;
	e->impl = copy;
	return e;
}
