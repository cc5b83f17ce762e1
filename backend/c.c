/* The files of a program. */
#include "backend/c_program.h"
#include "backend/c_runtime.h"
#include "ir/memo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- NAME.c ---- */

static const char at_macros[] =
	"/* A place in the arena, in the state, among the weights. */\n"
	"#define AT(type, base, offset) ((type *)(void *)((base) + (offset)))\n"
	"#define AT_CONST(type, base, offset) \\\n"
	"\t((const type *)(const void *)((base) + (offset)))\n\n";

/* A copy where it is called costs a microcontroller more than the call. */
static const char kernel_macro[] =
	"/* Kernels stay functions: copies of them would take flash and stack. */\n"
	"#ifdef __GNUC__\n"
	"#define KERNEL static __attribute__((noinline))\n"
	"#else\n#define KERNEL static\n#endif\n\n";

/* As gcc 12 does of y[2 * i + j] += .. at -O3. */
static const char order_of_sums[] =
	"/* Sums are added up in the order that is written: gcc would change it. */\n"
	"#if defined(__GNUC__) && !defined(__clang__)\n"
	"#pragma GCC optimize(\"no-loop-interchange\")\n"
	"#endif\n\n";

/* gcc knows the pragma and heeds it not. */
static const char contraction[] =
	"/*\n"
	" * The compiler fuses no product with a sum: the same numbers on every\n"
	" * machine. gcc needs to be told so, by -ffp-contract=off or -std=c99. With\n"
	" * -ffp-contract=fast all is well, and faster on some machines, but the last\n"
	" * digits are the machine's own.\n"
	" */\n"
	"#if defined(__clang__) || !defined(__GNUC__)\n"
	"#pragma STDC FP_CONTRACT OFF\n"
	"#endif\n\n";

/* What all the rest names is known only after it was printed. */
static char *rest_of_source(CProgram *c)
{
	Memo m;
	memo_open(&m);
	Writer w = {.out = m.f, .arena = c->arena};
	c_put_functions(&w, c);
	c_put_init(&w, c);
	c_put_save(&w, c);
	c_put_params(&w, c);
	return memo_close(&m, c->arena);
}

static void put_source(Writer *w, const CProgram *c, const char *rest,
                       bool runtime)
{
	bool device = target_or_host(c->p->target)->core->plain;
	w_raw(w, "%s\n%s%s#include \"%s.h\"\n", c->model_comment, contraction,
	      device ? order_of_sums : "", c->name);
	if (runtime)
		w_raw(w, "#include \"%s_rt.h\"\n", c->name);
	w_raw(w, "\n#include <math.h>\n#include <string.h>\n\n%s", at_macros);
	if (device)
		w_raw(w, "%s", kernel_macro);
	if (!c_weights_bin(c))
		c_put_array_names(w, c);
	c_put_small_arrays(w, c);
	w_raw(w, "%s", rest);
}

/* ---- NAME_rt.h ---- */

static void put_runtime(Writer *w, const CProgram *c, const char *text)
{
	w_raw(w, "%s\n/* The runtime functions that %s.c calls. */\n"
	      "#ifndef %s_RT_H\n#define %s_RT_H\n\n", c->model_comment, c->name,
	      c->upper, c->upper);
	w_raw(w, "#ifndef RT_API\n#ifdef __GNUC__\n"
	      "#define RT_API static __attribute__((unused))\n"
	      "#else\n#define RT_API static\n#endif\n#endif\n\n");
	const Core *core = target_or_host(c->p->target)->core;
	if (core->plain)
		w_raw(w, "#ifndef RT_PLAIN\n#define RT_PLAIN\n#endif\n\n");
	if (core->fused)
		w_raw(w, "#ifndef RT_FUSED\n#define RT_FUSED 1\n#endif\n\n");
	w_raw(w, "%s\n#endif\n", text);
}

/* ---- files ---- */

typedef struct Files {
	const CProgram *c;
	const char *dir, *path;
	Writer w;
	bool failed;
} Files;

static bool fail(Files *f)
{
	error_at(f->c->p->model->unit, (Loc){0}, "cannot write %s: %s", f->path,
	         strerror(errno));
	f->failed = true;
	return false;
}

static bool open_file(Files *f, const char *ending)
{
	f->path = arena_printf(f->c->arena, "%s/%s%s", f->dir, f->c->name,
	                       ending);
	f->w = (Writer){.out = fopen(f->path, "wb"), .arena = f->c->arena};
	return f->w.out ? true : fail(f);
}

static void close_file(Files *f)
{
	bool bad = ferror(f->w.out) != 0;
	if (fclose(f->w.out) || bad)
		fail(f);
}

static void write_weights(Files *f)
{
	const CProgram *c = f->c;
	bool bin = c_weights_bin(c);
	if (c->o->no_weights || !open_file(f, bin ? "_weights.bin"
	                                          : "_weights.c"))
		return;
	if (bin) {
		void *image = arena_alloc(c->arena, (size_t)c->image_bytes + 1);
		c_weights_image(c, image);
		fwrite(image, 1, (size_t)c->image_bytes, f->w.out);
	} else {
		c_put_arrays(&f->w, c);
	}
	close_file(f);
}

static void write_header(Files *f)
{
	if (!open_file(f, ".h"))
		return;
	c_put_header(&f->w, f->c);
	close_file(f);
}

bool emit_header(const Program *p, const EmitOptions *o, const char *dir)
{
	Arena *scratch = arena_create();
	CProgram *c = c_program(scratch, p, o);
	Files f = {.c = c, .dir = dir};
	write_header(&f);
	if (c_weights_bin(c))
		write_weights(&f);
	arena_destroy(scratch);
	return !f.failed;
}

bool emit_c(const Program *p, const EmitOptions *o, const char *dir)
{
	Arena *scratch = arena_create();
	CProgram *c = c_program(scratch, p, o);
	Files f = {.c = c, .dir = dir};
	const char *rest = rest_of_source(c);
	const char *runtime = runtime_text(scratch, rest);
	write_header(&f);
	if (open_file(&f, ".c")) {
		put_source(&f.w, c, rest, runtime != NULL);
		close_file(&f);
	}
	if (runtime && open_file(&f, "_rt.h")) {
		put_runtime(&f.w, c, runtime);
		close_file(&f);
	}
	write_weights(&f);
	arena_destroy(scratch);
	return !f.failed;
}

int64_t weights_image_bytes(const Program *p)
{
	Arena *scratch = arena_create();
	int64_t n = c_program(scratch, p, &(EmitOptions){0})->image_bytes;
	arena_destroy(scratch);
	return n;
}

void weights_image(const Program *p, void *dst)
{
	Arena *scratch = arena_create();
	c_weights_image(c_program(scratch, p, &(EmitOptions){0}), dst);
	arena_destroy(scratch);
}
