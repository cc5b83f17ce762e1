/*
 * Whole programs: what users rely on. The same text each time, the same
 * numbers as the interpreter, instances and models that do not touch each
 * other.
 */
#include "tests/unit/emitted.h"
#include "tests/unit/random_graph.h"
#include "tests/unit/tiny.h"

#include <math.h>

#define SHA256 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const EmitOptions options = {.sha256 = SHA256, .version = "test"};

static const char *const endings[] = {".h", ".c", "_rt.h", "_weights.c"};

/* ---- text ---- */

Test(backend_program, same_text_each_time)
{
	Unit u = test_unit(), v = test_unit();
	char *a = new_directory(u.arena), *b = new_directory(v.arena);
	cr_assert(emit_c(tiny_program(&u, "tiny"), &options, a));
	cr_assert(emit_c(tiny_program(&v, "tiny"), &options, b));
	run_command(arena_printf(u.arena, "diff -r %s %s", a, b));
	remove_directory(u.arena, a);
	remove_directory(v.arena, b);
	arena_destroy(u.arena);
	arena_destroy(v.arena);
}

/* With THIMBLE_GOLDEN=write in the environment, writes what it compares with. */
Test(backend_program, golden)
{
	Unit u = test_unit();
	char *dir = new_directory(u.arena);
	const char *mode = getenv("THIMBLE_GOLDEN");
	bool write = mode && !strcmp(mode, "write");
	cr_assert(emit_c(tiny_program(&u, "tiny"), &options, dir));
	for (int i = 0; i < 4; i++) {
		if (i == 2)
			continue;   /* the runtime has tests of its own */
		run_command(arena_printf(
			u.arena, "%s %s/tiny%s " SOURCE_DIR "/tests/golden/",
			write ? "cp" : "diff -u", dir, endings[i]));
	}
	remove_directory(u.arena, dir);
	arena_destroy(u.arena);
}

Test(backend_program, says_what_cannot_be_written)
{
	Unit u = test_unit();
	char *text;
	size_t n;
	u.messages = open_memstream(&text, &n);
	cr_expect_not(emit_c(tiny_program(&u, "tiny"), &options,
	                     BUILD_DIR "/no/such/directory"));
	fclose(u.messages);
	cr_expect_not_null(strstr(text, "cannot write"), "%s", text);
	cr_expect_gt(u.nerrors, 0);
	free(text);
	arena_destroy(u.arena);
}

/* ---- numbers ---- */

/* The interpreter, with memory for every value of a function. */
typedef struct Reference {
	const Program *p;
	void **variable;         /* by id */
} Reference;

static Reference reference_of(const Program *p)
{
	Arena *a = p->model->unit->arena;
	Reference r = {p, arena_array(a, void *, p->model->nvars)};
	for (int i = 0; i < p->model->nvars; i++)
		r.variable[i] = first_contents(a, p->model->var[i]);
	return r;
}

/* Elements differ with the step, so that no two calls are alike. */
static float sample(const Value *v, int64_t i, int step)
{
	if (v->role == IN_HYPER)
		return (float)v->initial;
	return (float)((i * 5 + 3 * step + v->id) % 13 - 6) / 8.0f;
}

static void fill_sample(const Value *v, float *x, int step)
{
	for (int64_t i = 0; i < numel(v->shape); i++)
		x[i] = sample(v, i, step);
}

/* Runs one function; the address of its first output. */
static const float *reference_run(Reference *r, const Graph *g, int step)
{
	Arena *a = g->unit->arena;
	void **buf = arena_array(a, void *, g->nvalues);
	for (int i = 0; i < g->ninputs; i++) {
		const Value *v = g->input[i];
		buf[v->id] = arena_alloc(a, (size_t)bytes_of(v));
		fill_sample(v, buf[v->id], step);
	}
	for (int i = 0; i < g->nvarvalues; i++)
		buf[g->varvalue[i]->id] = r->variable[g->varvalue[i]->var->id];
	for (const Node *n = g->first; n; n = n->next) {
		for (int i = 0; i < n->nin; i++)
			if (n->in[i] && n->in[i]->kind == V_CONST)
				buf[n->in[i]->id] =
					(void *)(uintptr_t)n->in[i]->data;
		for (int o = 0; o < n->nout; o++)
			buf[n->out[o]->id] = arena_alloc(
				a, (size_t)bytes_of(n->out[o]));
		run_node(n, buf);
	}
	for (const Node *n = g->first; n; n = n->next)
		for (int o = 0; o < n->nout; o++)
			if (n->out[o]->var)
				r->variable[n->out[o]->var->id] =
					buf[n->out[o]->id];
	return buf[g->output[0].value->id];
}

static const float *emitted_run(const Instance *k, int function, int step)
{
	const Program *p = k->l->p;
	const Plan *plan = function == 0 ? p->train
	                 : function == 1 ? p->infer : p->evaluate;
	const Graph *g = plan->graph;
	for (int i = 0; i < g->ninputs; i++) {
		float *x = instance_value(k, plan, g->input[i]);
		if (x)
			fill_sample(g->input[i], x, step);
	}
	cr_assert_eq(k->l->call(k->context, function), 0);
	return instance_value(k, plan, g->output[0].value);
}

static void compare(const char *what, const float *got, const float *want,
                    int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		cr_expect_float_eq(got[i], want[i],
		                   1e-5f * fmaxf(1, fabsf(want[i])),
		                   "%s, element %d: %g, expected %g", what,
		                   (int)i, (double)got[i], (double)want[i]);
}

static void compare_state(const Instance *k, const Reference *r)
{
	for (int i = 0; i < r->p->model->nvars; i++) {
		const Variable *v = r->p->model->var[i];
		if (v->mutable)
			compare(v->name, (const float *)(const void *)
			        (k->state + r->p->offset[i]), r->variable[i],
			        numel(v->shape));
	}
}

static void check_numbers(const char *compiler, WeightsForm weights,
                          bool openblas)
{
	Unit u = test_unit();
	Program *p = tiny_program(&u, "tiny");
	char *dir = new_directory(u.arena);
	EmitOptions o = options;
	o.weights = weights;
	o.openblas = openblas;
	emit_program(p, &o, dir, compiler);
	emit_glue_file(u.arena, p, dir);
	Loaded l = load_program(p, dir, compiler);
	Instance k = new_instance(&l);
	Reference r = reference_of(p);
	compare_state(&k, &r);
	for (int step = 1; step <= 5; step++) {
		compare("loss before", emitted_run(&k, 2, step),
		        reference_run(&r, p->evaluate->graph, step), 1);
		compare("loss", emitted_run(&k, 0, step),
		        reference_run(&r, p->train->graph, step), 1);
		compare_state(&k, &r);
		compare("output", emitted_run(&k, 1, step),
		        reference_run(&r, p->infer->graph, step), BATCH * OUT);
		cr_expect_eq(*l.step(k.context), (uint32_t)step);
	}
	dlclose(l.library);
	remove_directory(u.arena, dir);
	arena_destroy(u.arena);
}

Test(backend_program, trains_like_the_interpreter)
{
	check_numbers("gcc", WEIGHTS_C, false);
	check_numbers("clang", WEIGHTS_BIN, false);
	if (!jit_available())
		return;
	check_numbers(by_llvm, WEIGHTS_C, false);
	check_numbers(by_llvm, WEIGHTS_BIN, false);
}

Test(backend_program, trains_with_openblas)
{
	check_numbers("gcc", WEIGHTS_C, true);
}

/* No variable is written: there is no state, and nothing to save. */
static void check_only_infers(const char *compiler)
{
	Unit u = test_unit();
	Model *m = tiny_model(&u, "tiny");
	for (int i = 0; i < m->nvars; i++)
		m->var[i]->mutable = false;
	Program *p = program_of(NULL, tiny_plan(tiny_infer(m)), NULL);
	char *dir = new_directory(u.arena);
	emit_program(p, &options, dir, compiler);
	emit_glue_file(u.arena, p, dir);
	Loaded l = load_program(p, dir, compiler);
	Instance k = new_instance(&l);
	Reference r = reference_of(p);
	compare("output", emitted_run(&k, 1, 1),
	        reference_run(&r, p->infer->graph, 1), BATCH * OUT);
	cr_expect_eq(p->state_bytes, 0);
	cr_expect_eq(l.call(k.context, 0), -1);
	cr_expect_null(dlsym(l.library, "tiny_save"));
	dlclose(l.library);
	remove_directory(u.arena, dir);
	arena_destroy(u.arena);
}

Test(backend_program, only_infers)
{
	for_each_maker(check_only_infers);
}

Test(backend_program, two_instances_do_not_meet)
{
	Unit u = test_unit();
	Program *p = tiny_program(&u, "tiny");
	char *dir = new_directory(u.arena);
	cr_assert(emit_c(p, &options, dir));
	emit_glue_file(u.arena, p, dir);
	Loaded l = load_program(p, dir, "gcc");
	Instance alone = new_instance(&l), a = new_instance(&l),
	         b = new_instance(&l);
	*l.hyper(b.context, "lr") = 0.5f;
	for (int step = 1; step <= 4; step++)
		emitted_run(&alone, 0, step);
	for (int step = 1; step <= 4; step++) {
		emitted_run(&a, 0, step);
		emitted_run(&b, 0, step + 10);
	}
	size_t n = (size_t)p->state_bytes;
	cr_expect_eq(memcmp(a.state, alone.state, n), 0);
	cr_expect_neq(memcmp(a.state, b.state, n), 0);
	cr_expect_null(l.hyper(a.context, "beta1"));
	dlclose(l.library);
	remove_directory(u.arena, dir);
	arena_destroy(u.arena);
}

/* The arena is what the header says: one byte beyond it is never written. */
Test(backend_program, stays_in_its_arena)
{
	Unit u = test_unit();
	Program *p = tiny_program(&u, "tiny");
	char *dir = new_directory(u.arena);
	cr_assert(emit_c(p, &options, dir));
	emit_glue_file(u.arena, p, dir);
	Loaded l = load_program(p, dir, "clang");
	Instance k = new_instance(&l);
	unsigned char *end = k.arena + p->arena_bytes;
	unsigned char *state_end = k.state + p->state_bytes;
	memset(end, 0x77, 16);
	memset(state_end, 0x77, 16);
	for (int f = 0; f < 3; f++)
		emitted_run(&k, f, 1);
	for (int i = 0; i < 16; i++) {
		cr_expect_eq(end[i], 0x77);
		cr_expect_eq(state_end[i], 0x77);
	}
	dlclose(l.library);
	remove_directory(u.arena, dir);
	arena_destroy(u.arena);
}

/* ---- links and symbols ---- */

Test(backend_program, two_models_in_one_program)
{
	Unit u = test_unit();
	Arena *a = u.arena;
	char *dir = new_directory(a);
	EmitOptions o = options;
	cr_assert(emit_c(tiny_program(&u, "left"), &o, dir));
	o.weights = WEIGHTS_BIN;
	cr_assert(emit_c(tiny_program(&u, "right"), &o, dir));
	for (int i = 0; i < 2; i++)
		run_command(arena_printf(
			a, "cd %s && %s " STRICT "-ffunction-sections "
			"-fdata-sections -Wl,--gc-sections -I. -o program "
			SOURCE_DIR "/tests/golden/two_models.c left.c right.c "
			"left_weights.c -lm && ./program", dir, compilers[i]));
	/* Every symbol that others see has the prefix, and memory is constant. */
	run_command(arena_printf(
		a, "cd %s && gcc -fno-pic -c left.c left_weights.c && "
		"! nm -g --defined-only left.o left_weights.o | "
		"grep -E '^[0-9a-f]+ ' | grep -v ' left_' && "
		"! nm left.o left_weights.o | grep -E ' [bBdDC] ' && "
		"! nm -u left.o | grep -Ei 'malloc|free|print|abort'", dir));
	remove_directory(a, dir);
	arena_destroy(a);
}

/* A program that only infers carries nothing of the training. */
static void check_inference_alone(const char *compiler)
{
	Unit u = test_unit();
	Arena *a = u.arena;
	char *dir = new_directory(a);
	emit_program(tiny_program(&u, "left"), &options, dir, compiler);
	run_command(arena_printf(
		a, "cd %s && gcc " STRICT "-O0 -ffunction-sections "
		"-fdata-sections -Wl,--gc-sections -DINFER_ONLY -I. -o program "
		SOURCE_DIR "/tests/golden/two_models.c "
		"$(ls left.[co] left_weights.c 2>/dev/null) "
		"-lm && ./program && nm program | grep -q left_infer && "
		"! nm program | grep -E 'left_train|left_save|_grad|update'",
		dir));
	remove_directory(a, dir);
	arena_destroy(a);
}

Test(backend_program, inference_links_without_training)
{
	for_each_maker(check_inference_alone);
}

Test(backend_program, header_is_cplusplus_too)
{
	Unit u = test_unit();
	char *dir = new_directory(u.arena);
	cr_assert(emit_c(tiny_program(&u, "tiny"), &options, dir));
	run_command(arena_printf(
		u.arena, "cd %s && clang -x c++ -std=c++11 -Wall -Wextra "
		"-pedantic -Werror -fsyntax-only -include tiny.h /dev/null",
		dir));
	remove_directory(u.arena, dir);
	arena_destroy(u.arena);
}
