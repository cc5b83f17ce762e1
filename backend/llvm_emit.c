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

/* NULL after error_at(). */
static Module *make_module(Arena *a, const Program *program,
                           const EmitOptions *o)
{
	const Core *core = target_or_host(program->target)->core;
	Machine *machine = machine_create(program->model->unit, a, core, core);
	if (!machine)
		return NULL;
	CProgram *c = c_program(a, program, o);
	CStep *step[3];
	Module *m = module_create(a, machine, machine->runtime, false);
	m->wants_size = core->plain;
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

static void free_module(Module *m)
{
	if (!m)
		return;
	Machine *machine = m->machine;
	module_free(m);
	machine_free(machine);
}

/* ---- sizes ---- */

static bool begins(const char *s, const char *with)
{
	return s && !strncmp(s, with, strlen(with));
}

static void add_section(CodeSize *size, const char *name, uint64_t bytes)
{
	if (begins(name, ".text") || begins(name, ".ARM.ex"))
		size->code += (int64_t)bytes;
	if (begins(name, ".rodata") || begins(name, ".srodata") ||
	    begins(name, ".data.rel.ro"))
		size->constants += (int64_t)bytes;
}

static void add_sections(CodeSize *size, LLVMBinaryRef object)
{
	LLVMSectionIteratorRef s = LLVMObjectFileCopySectionIterator(object);
	for (; !LLVMObjectFileIsSectionIteratorAtEnd(object, s);
	     LLVMMoveToNextSection(s))
		add_section(size, LLVMGetSectionName(s), LLVMGetSectionSize(s));
	LLVMDisposeSectionIterator(s);
}

static CodeSize size_of(const Module *m, LLVMMemoryBufferRef bytes)
{
	CodeSize size = {0, 0};
	char *why = NULL;
	LLVMBinaryRef object = LLVMCreateBinary(bytes, m->context, &why);
	if (!object)
		BUG("LLVM does not read its own object: %s", why);
	add_sections(&size, object);
	LLVMDisposeBinary(object);
	LLVMDisposeMemoryBuffer(bytes);
	return size;
}

bool code_size_is_known(void)
{
	return !llvm_load();
}

bool code_size(const Program *p, const EmitOptions *o, CodeSize *size)
{
	Arena *scratch = arena_create();
	Module *m = make_module(scratch, p, o);
	if (m)
		*size = size_of(m, module_object(m));
	free_module(m);
	arena_destroy(scratch);
	return m != NULL;
}

/* ---- files ---- */

static bool fail(const Program *p, const char *path, char *why)
{
	error_at(p->model->unit, (Loc){0}, "cannot write %s: %s", path, why);
	LLVMDisposeMessage(why);
	return false;
}

static bool measure_file(const Module *m, const Program *p, const char *path,
                         CodeSize *size)
{
	LLVMMemoryBufferRef bytes;
	char *why = NULL;
	if (LLVMCreateMemoryBufferWithContentsOfFile(path, &bytes, &why))
		return fail(p, path, why);
	*size = size_of(m, bytes);
	return true;
}

static bool write_module(const Module *m, const Program *p, EmitForm form,
                         const char *base, CodeSize *size)
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
	if (bad)
		return fail(p, path, why);
	return form != EMIT_OBJECT || measure_file(m, p, path, size);
}

bool emit_llvm(const Program *p, const EmitOptions *o, const char *dir,
               CodeSize *size)
{
	Arena *scratch = arena_create();
	Module *m = make_module(scratch, p, o);
	*size = (CodeSize){0, 0};
	bool good = m && emit_header(p, o, dir) && write_module(
		m, p, o->form,
		arena_printf(scratch, "%s/%s", dir, p->model->name),
		size);
	free_module(m);
	arena_destroy(scratch);
	return good;
}
