/* In place of backend/llvm_*.c where thimble is built without LLVM. */
#include "backend/backend.h"
#include "backend/jit.h"

bool jit_available(void)
{
	return false;
}

static void complain(Unit *u)
{
	error_at(u, (Loc){0}, "this thimble was built without LLVM, whose "
	         "packages are llvm-19-dev and clang-19");
}

Jit *jit_open(Unit *u, const Program *p, bool contract)
{
	complain(u);
	return NULL;
}

bool emit_llvm(const Program *p, const EmitOptions *o, const char *dir,
               CodeSize *size)
{
	complain(p->model->unit);
	return false;
}

FrameFunction *jit_function(Jit *j, const Plan *plan)
{
	return NULL;
}

bool code_size_is_known(void)
{
	return false;
}

bool code_size(const Program *p, const EmitOptions *o, CodeSize *size)
{
	complain(p->model->unit);
	return false;
}

bool jit_kernels(Jit *j, int n, Kernel *const k[], JitKernel *run[])
{
	return false;
}

void jit_close(Jit *j)
{
	(void)j;
}
