/*
 * Every operator on every one of its examples: what the interpreter computes is
 * what the emitted C and LLVM compute. Each check compares two computations that
 * share no code.
 */
#include "backend/backend.h"
#include "backend/jit.h"
#include "tests/unit/op_case.h"

#include <dlfcn.h>
#include <stdlib.h>

enum { MAX_RUNS = 1000 };

/* Some kernels call the runtime and say in loops what the call computes. The
 * interpreter runs the loops, what is compiled the call: so this compares the two,
 * with a workspace and without. */
typedef struct Run {
	Case *c;
	bool workspace;
} Run;

static void grant_workspace(Case *c)
{
	Shape bytes = {1, {c->op->workspace(c->n)}};
	node_add_output(c->g, c->n, DT_U8, bytes)->memory = MEM_WORKSPACE;
}

static int add_runs(Run *runs, int n, const OpDef *op)
{
	for (int i = 0; i < op->nexamples; i++) {
		runs[n++] = (Run){case_make(op, i), false};
		if (!op->workspace || !op->workspace(runs[n - 1].c->n))
			continue;
		runs[n++] = (Run){case_make(op, i), true};
		grant_workspace(runs[n - 1].c);
	}
	cr_assert_lt(n, MAX_RUNS - 16);
	return n;
}

/* The values that emit_c_kernel() makes parameters of: each once, without the
 * constants that are printed as numbers. */
static int find_params(const Node *n, const Value *param[])
{
	int count = 0;
	for (int i = 0; i < n->nin + n->nout; i++) {
		const Value *v = i < n->nin ? n->in[i] : n->out[i - n->nin];
		bool skip = !v || (v->kind == V_CONST && numel(v->shape) == 1);
		for (int p = 0; p < count; p++)
			skip |= param[p] == v;
		if (!skip)
			param[count++] = v;
	}
	return count;
}

/* The kernel, and run_N(), which calls it on an array of pointers. */
static void emit_run(FILE *out, const Run *run, int number)
{
	const Value *param[32];
	int nparams = find_params(run->c->n, param);
	char name[32];
	snprintf(name, sizeof name, "kernel_%d", number);
	emit_c_kernel(out, kernel_of(run->c->unit.arena, run->c->n), name);
	fprintf(out, "void run_%d(void *const p[])\n{\n\t%s(", number, name);
	for (int i = 0; i < nparams; i++)
		fprintf(out, "%sp[%d]", i ? ", " : "", i);
	fprintf(out, ");\n}\n\n");
}

static void *compile_runs(const Run *runs, int n)
{
	FILE *out = fopen(BUILD_DIR "/op_kernels.c", "w");
	cr_assert_not_null(out);
	fprintf(out, "#include <math.h>\n#include \"runtime/rt.h\"\n"
	        "#include \"runtime/s8.h\"\n"
	        "#include \"runtime/math.h\"\n"
	        "#include \"runtime/scalar.h\"\n\n");
	for (int i = 0; i < n; i++)
		emit_run(out, &runs[i], i);
	fclose(out);
	cr_assert_eq(system(
		"cd " BUILD_DIR " && cc -std=c99 -pedantic -Wall -Wextra "
		"-Wconversion -Wshadow -Werror -O1 -fPIC -I" SOURCE_DIR
		" -c op_kernels.c && cc -O1 -fPIC -shared -I" SOURCE_DIR
		" -o op_kernels.so op_kernels.o "
		"$(ls " SOURCE_DIR "/runtime/*.c | grep -v openblas) -lm"), 0);
	void *library = dlopen(BUILD_DIR "/op_kernels.so", RTLD_NOW);
	cr_assert_not_null(library, "%s", dlerror());
	return library;
}

static bool calls(const Stmt *s)
{
	for (; s; s = s->next)
		if (s->kind == ST_CALL ||
		    (s->kind == ST_FOR && calls(s->u.loop.body)))
			return true;
	return false;
}

/* What the runtime is called for, it may add up in another order; all else has
 * the interpreter's bits. */
static double tolerance_of(const Node *n)
{
	Arena *scratch = arena_create();
	bool runtime = calls(kernel_of(scratch, n)->body);
	arena_destroy(scratch);
	return runtime ? 1e-5 : 0;
}

static JitKernel *find_run(void *library, int number)
{
	JitKernel *f;
	char name[32];
	snprintf(name, sizeof name, "run_%d", number);
	void *symbol = dlsym(library, name);
	cr_assert_not_null(symbol);
	memcpy(&f, &symbol, sizeof f);
	return f;
}

static void compare_run(const char *what, JitKernel *f, const Run *run)
{
	Case *c = run->c;
	void **want = buffers_make(c, false), **got = buffers_make(c, false);
	const Value *param[32];
	void *p[32];
	what = arena_printf(c->unit.arena, "%s%s", what,
	                    run->workspace ? " with workspace" : "");
	run_node(c, c->n, want, false);
	node_buffers(c, c->n, got, false);
	int nparams = find_params(c->n, param);
	for (int i = 0; i < nparams; i++)
		p[i] = got[param[i]->id];
	f(p);
	for (int o = 0; o < c->n->nout; o++)
		if (c->n->out[o]->memory != MEM_WORKSPACE)
			expect_same(c, what, c->n->out[o], got, c->n->out[o], want,
			            tolerance_of(c->n));
}

static int all_runs(Run runs[MAX_RUNS])
{
	int n = 0;
	for (int i = 0; i < nops; i++)
		n = add_runs(runs, n, all_ops[i]);
	return n;
}

Test(ops_compiled, emitted_c)
{
	static Run runs[MAX_RUNS];
	int n = all_runs(runs);
	void *library = compile_runs(runs, n);
	for (int i = 0; i < n; i++)
		compare_run("in C", find_run(library, i), &runs[i]);
	dlclose(library);
	for (int i = 0; i < n; i++)
		case_free(runs[i].c);
}

/* contract: as the executor does it, with what this process has of the runtime. */
static void check_llvm(bool contract)
{
	static Run runs[MAX_RUNS];
	static Kernel *kernels[MAX_RUNS];
	static JitKernel *compiled[MAX_RUNS];
	Arena *a = arena_create();
	Unit unit = {"ops", a, stderr, 0, 0};
	Jit *j = jit_open(&unit, NULL, contract);
	int all = all_runs(runs), n = 0;
	cr_assert_not_null(j);
	for (int i = 0; i < all; i++) {
		kernels[n] = kernel_of(a, runs[i].c->n);
		if (!contract || calls(kernels[n]->body))
			runs[n++] = runs[i];
		else
			case_free(runs[i].c);
	}
	cr_assert(n);
	cr_assert(jit_kernels(j, n, kernels, compiled));
	for (int i = 0; i < n; i++) {
		compare_run(contract ? "contracted" : "by LLVM", compiled[i],
		            &runs[i]);
		case_free(runs[i].c);
	}
	jit_close(j);
	arena_destroy(a);
}

Test(ops_compiled, llvm)
{
	if (jit_available())
		check_llvm(false);
}

Test(ops_compiled, llvm_contracted)
{
	if (jit_available())
		check_llvm(true);
}
