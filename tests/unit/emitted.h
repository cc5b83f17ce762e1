/*
 * For tests of emitted programs: compiles them as strictly as users do, loads
 * them, and calls them through the glue, which is the same for every model.
 */
#ifndef TESTS_EMITTED_H
#define TESTS_EMITTED_H

#include "backend/backend.h"
#include "backend/jit.h"
#include "ir/options.h"
#include "passes/pass.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#define STRICT "-std=c99 -pedantic -Wall -Wextra -Wconversion -Wshadow -Werror "

static const char *const compilers[] = {"gcc", "clang"};

/* The sanitizers are in what compiles, not in what it makes: that is the same as
 * in the other build, which takes the time to optimise it. */
#ifdef __SANITIZE_ADDRESS__
#define OPTIMIZE "-O0 -Dalways_inline=unused "
#else
#define OPTIMIZE "-O2 "
#endif

/* Instead of a compiler: no C, but an object. */
static const char by_llvm[] = "llvm";

/* Whatever makes a program makes the same. */
static inline void for_each_maker(void (*check)(const char *compiler))
{
	check(compilers[0]);
	if (jit_available())
		check(by_llvm);
}

/* A new directory under the build's. */
static inline char *new_directory(Arena *a)
{
	char *dir = arena_printf(a, "%s/emitted.XXXXXX", BUILD_DIR);
	cr_assert_not_null(mkdtemp(dir));
	return dir;
}

static inline void run_command(const char *command)
{
	cr_assert_eq(system(command), 0, "%s", command);
}

static inline void remove_directory(Arena *a, const char *dir)
{
	run_command(arena_printf(a, "rm -r '%s'", dir));
}

static inline const char *read_text(Arena *a, const char *path)
{
	FILE *f = fopen(path, "rb");
	cr_assert_not_null(f, "%s", path);
	fseek(f, 0, SEEK_END);
	long n = ftell(f);
	rewind(f);
	char *text = arena_alloc(a, (size_t)n + 1);
	cr_assert_eq(fread(text, 1, (size_t)n, f), (size_t)n);
	fclose(f);
	return text;
}

static inline Program *program_of(Plan *train, Plan *infer, Plan *evaluate)
{
	Plan *any = train ? train : infer;
	Model *m = any->graph->model;
	Program *p = arena_new(m->unit->arena, Program);
	*p = (Program){.model = m, .train = train, .infer = infer,
	               .evaluate = evaluate, .align = 64};
	program_layout(p);
	return p;
}

static inline void emit_program(const Program *p, const EmitOptions *o,
                                const char *dir, const char *compiler)
{
	EmitOptions object = *o;
	CodeSize size;
	object.form = EMIT_OBJECT;
	cr_assert(compiler == by_llvm ? emit_llvm(p, &object, dir, &size)
	                              : emit_c(p, o, dir));
}

static inline void emit_glue_file(Arena *a, const Program *p, const char *dir)
{
	FILE *f = fopen(arena_printf(a, "%s/%s_glue.c", dir, p->model->name),
	                "w");
	cr_assert_not_null(f);
	emit_glue(f, p);
	fclose(f);
}

/* ---- a loaded program ---- */

typedef struct Loaded {
	const Program *p;
	void *library;
	size_t (*size)(void);
	int (*init)(void *, void *, size_t, void *, size_t, const void *, size_t);
	int (*call)(void *, int);
	float *(*hyper)(void *, const char *);
	uint32_t *(*step)(void *), *(*seed)(void *);
} Loaded;

typedef struct Instance {
	const Loaded *l;
	void *context;
	unsigned char *arena, *state;
} Instance;

/* dlsym gives a data pointer; C wants it converted by copy. */
static inline void find_symbol(void *library, const char *name, void *function)
{
	void *s = dlsym(library, name);
	cr_assert_not_null(s, "%s", name);
	memcpy(function, &s, sizeof s);
}

static inline Loaded load_program(const Program *p, const char *dir,
                                  const char *compiler)
{
	Arena *a = p->model->unit->arena;
	const char *n = p->model->name;
	Loaded l = {.p = p};
	const char *library = arena_printf(a, "%s/%s-%s.so", dir, n, compiler);
	run_command(arena_printf(
		a, "cd %s && %s " STRICT OPTIMIZE "-fPIC -shared -o %s "
		"$(ls %s.[co] %s_weights.c %s_glue.c 2>/dev/null) "
		"$(grep -q cblas.h %s_rt.h 2>/dev/null && echo -lopenblas) -lm",
		dir, compiler == by_llvm ? "gcc" : compiler, library, n, n, n,
		n));
	l.library = dlopen(library, RTLD_NOW | RTLD_LOCAL);
	cr_assert_not_null(l.library, "%s", dlerror());
	find_symbol(l.library, "thimble_glue_size", &l.size);
	find_symbol(l.library, "thimble_glue_init", &l.init);
	find_symbol(l.library, "thimble_glue_call", &l.call);
	find_symbol(l.library, "thimble_glue_hyper", &l.hyper);
	find_symbol(l.library, "thimble_glue_step", &l.step);
	find_symbol(l.library, "thimble_glue_seed", &l.seed);
	return l;
}

static inline unsigned char *aligned_bytes(Arena *a, int64_t n)
{
	uintptr_t x = (uintptr_t)arena_alloc(a, (size_t)n + 64);
	return (unsigned char *)((x + 63) / 64 * 64);
}

/* The arena and the state start as rubbish. */
static inline Instance new_instance(const Loaded *l)
{
	Arena *a = l->p->model->unit->arena;
	size_t na = (size_t)l->p->arena_bytes, ns = (size_t)l->p->state_bytes;
	int64_t nw = weights_image_bytes(l->p);
	unsigned char *image = aligned_bytes(a, nw);
	Instance i = {l, arena_alloc(a, l->size()),
	              aligned_bytes(a, l->p->arena_bytes),
	              aligned_bytes(a, l->p->state_bytes)};
	weights_image(l->p, image);
	memset(i.context, 0xa5, l->size());
	memset(i.arena, 0x5a, na);
	memset(i.state, 0x5a, ns);
	cr_assert_eq(l->init(i.context, i.arena, na, i.state, ns, image,
	                     (size_t)nw), 0);
	return i;
}

static inline void *instance_value(const Instance *i, const Plan *plan,
                                   const Value *v)
{
	const Place *p = &plan->place[v->id];
	if (p->region == REGION_ARENA)
		return i->arena + p->offset;
	if (p->region == REGION_STATE)
		return i->state + i->l->p->offset[p->base->var->id] +
		       p->offset;
	return NULL;
}

#endif
