/* A program as an object, assembly or LLVM's own text. */
#include "backend/llvm_program.h"

#include "ir/memo.h"

#include <string.h>

/* ---- the module ---- */

static void find_steps(CProgram *c, CStep *step[])
{
	Memo m;
	memo_open(&m);
	c_put_kernels(&(Writer){.out = m.f, .arena = c->arena}, c, step);
	memo_close(&m, c->arena);
}

/* Where code may lie anywhere, tables with pointers are relocated: they are no
 * longer read-only, and the section for them LLVM's choice. */
static bool has_own_section(const Module *m, LLVMValueRef g)
{
	return *LLVMGetValueName(g) &&
	       (m->wants_size || LLVMIsConstantString(LLVMGetInitializer(g)));
}

/* Each function and array in a section of its own, so that a linker drops those
 * that nobody calls. */
static void set_sections(const Module *m)
{
	for (LLVMValueRef f = LLVMGetFirstFunction(m->module); f;
	     f = LLVMGetNextFunction(f))
		if (!LLVMIsDeclaration(f))
			LLVMSetSection(f, arena_printf(m->arena, ".text.%s",
			                               LLVMGetValueName(f)));
	for (LLVMValueRef g = LLVMGetFirstGlobal(m->module); g;
	     g = LLVMGetNextGlobal(g))
		if (has_own_section(m, g))
			LLVMSetSection(g, arena_printf(m->arena, ".rodata.%s",
			                               LLVMGetValueName(g)));
}

static Module *make_module(CProgram *c, const Machine *machine)
{
	CStep *step[3];
	Module *m = module_create(c->arena, machine, machine->runtime, false);
	m->wants_size = target_or_host(c->p->target)->core->plain;
	LlvmProgram p = llvm_program(m, c);
	find_steps(c, step);
	llvm_put_init(&p);
	llvm_put_functions(&p, (const CStep *const *)step);
	llvm_put_save(&p);
	llvm_put_params(&p);
	module_optimize(m);
	set_sections(m);
	return m;
}

/* ---- files ---- */

static bool fail(const Program *p, const char *path, char *why)
{
	error_at(p->model->unit, (Loc){0}, "cannot write %s: %s", path, why);
	LLVMDisposeMessage(why);
	return false;
}

static bool write_module(const Module *m, const Program *p, EmitForm form,
                         const char *base)
{
	static const char *const ending[] = {
		[EMIT_OBJECT] = "o", [EMIT_ASM] = "s", [EMIT_LLVM_IR] = "ll",
	};
	char *path = arena_printf(m->arena, "%s.%s", base, ending[form]);
	char *why = NULL;
	bool bad = form == EMIT_LLVM_IR
		? LLVMPrintModuleToFile(m->module, path, &why)
		: LLVMTargetMachineEmitToFile(
			m->machine->llvm, m->module, path,
			form == EMIT_ASM ? LLVMAssemblyFile : LLVMObjectFile,
			&why);
	return bad ? fail(p, path, why) : true;
}

bool emit_llvm(const Program *p, const EmitOptions *o, const char *dir)
{
	Arena *scratch = arena_create();
	CProgram *c = c_program(scratch, p, o);
	Machine *machine = machine_create(
		scratch, target_or_host(p->target)->core, false);
	Module *m = make_module(c, machine);
	bool good = emit_header(p, o, dir) && write_module(
		m, p, o->form, arena_printf(scratch, "%s/%s", dir, c->name));
	module_free(m);
	machine_free(machine);
	arena_destroy(scratch);
	return good;
}
