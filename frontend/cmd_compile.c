/*
 * thimble compile: the C, its CMakeLists.txt and its report.
 *
 * All is written into a new directory beside the one asked for, and moved when
 * it is complete: an error leaves nothing half done.
 */
#include "frontend/cmd_common.h"
#include "frontend/files.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Compile {
	Args args;
	const char *dir;
	EmitForm form;
} Compile;

enum { KEY_EMIT = 768 };

static EmitForm emit_form(struct argp_state *state, const char *text)
{
	static const char *const name[] = {
		[EMIT_C] = "c", [EMIT_OBJECT] = "obj", [EMIT_ASM] = "asm",
		[EMIT_LLVM_IR] = "llvm-ir",
	};
	for (int i = 0; i < 4; i++)
		if (!strcmp(text, name[i]))
			return (EmitForm)i;
	argp_error(state, "--emit: '%s' is not one of c, obj, asm, llvm-ir",
	           text);
	return EMIT_C;
}

static const struct argp_child children[] = {
	{&args_form, 0, 0, 0}, {&args_json, 0, 0, 0}, {&args_picture, 0, 0, 0},
	ARGS_READING, ARGS_TRAINING, ARGS_BUDGET, {&args_sweep, 0, 0, 0},
	ARGS_TARGET, {&args_blas, 0, 0, 0}, ARGS_PASSES, {0}
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	Compile *c = state->input;
	switch (key) {
	case ARGP_KEY_INIT:
		args_share(state, children, &c->args);
		return 0;
	case 'o':
		c->dir = args_path(state, "-o", text);
		return 0;
	case KEY_EMIT:
		c->form = emit_form(state, text);
		return 0;
	case ARGP_KEY_END:
		if (c->form != EMIT_C && c->args.openblas)
			argp_error(state, "--blas openblas needs --emit c");
		if (c->args.model && !c->dir)
			argp_error(state, "no -o DIR is given");
		break;
	default:
		break;
	}
	return args_model(key, text, state, &c->args);
}

static const struct argp argp = {
	.options = (const struct argp_option[]){
		{0, 0, 0, 0, "Results:", 0},
		{"output", 'o', "DIR", 0, "Where the files go; made if it is "
		 "not there", 0},
		{"emit", KEY_EMIT, "c|obj|asm|llvm-ir", 0, "C (the default), "
		 "or by LLVM an object for the target, its assembly, LLVM's own "
		 "text; NAME.h comes with each", 0},
		{0}
	},
	.parser = parse,
	.args_doc = "MODEL -o DIR",
	.children = children,
	.doc = "Compiles an ONNX model to C99 that infers and, if a loss is "
	       "given or the file has a training step, trains. Writes NAME.h, NAME.c, NAME_rt.h (what it calls), "
	       "NAME_weights.c or .bin, a CMakeLists.txt that makes a static "
	       "library, NAME.report.json, and NAME.report.html: the arena "
	       "over time as a page to look at.\v"
	       "Examples:\n"
	       "  thimble compile model.onnx -o out\n"
	       "  thimble compile model.onnx -o out --batch 4 \\\n"
	       "    --loss cross-entropy --optimizer adam\n"
	       "  thimble compile model.onnx -o out --target generic \\\n"
	       "    --loss mse --optimizer sgd --freeze 'conv1.*'",
};

static bool write_cmake(Session *s, const char *dir)
{
	const char *name = s->program->model->name;
	bool c = s->emit.weights == WEIGHTS_C;
	const char *weights =
		c ? arena_printf(s->unit.arena, " %s_weights.c", name) : "";
	const char *text = arena_printf(
		s->unit.arena,
		"# A static library of the model. You may use this file without "
		"restriction.\n"
		"cmake_minimum_required(VERSION 3.13)\n"
		"project(%s C)\n"
		"add_library(%s STATIC %s.c%s)\n"
		"set_target_properties(%s PROPERTIES C_STANDARD 99)\n"
		"target_include_directories(%s PUBLIC "
		"${CMAKE_CURRENT_SOURCE_DIR})\n"
		"target_link_libraries(%s PUBLIC %sm)\n"
		"# The same numbers on every machine; nobody asks for errno.\n"
		"if(CMAKE_C_COMPILER_ID MATCHES \"GNU|Clang\")\n"
		"  target_compile_options(%s PRIVATE -ffp-contract=off "
		"-fno-math-errno)\n"
		"endif()\n",
		name, name, name, weights, name, name, name,
		s->emit.openblas ? "openblas " : "", name);
	return file_write(&s->unit,
	                  arena_printf(s->unit.arena, "%s/CMakeLists.txt", dir),
	                  text, strlen(text));
}

/* What an earlier run with other options left. */
static void remove_stale(Arena *a, const char *name, const char *new,
                         const char *dir)
{
	static const char *const suffix[] = {
		"_weights.c", "_weights.bin", "_rt.h", ".c", ".o", ".s", ".ll",
	};
	for (size_t i = 0; i < sizeof suffix / sizeof suffix[0]; i++) {
		const char *file = arena_printf(a, "%s%s", name, suffix[i]);
		if (access(arena_printf(a, "%s/%s", new, file), F_OK))
			unlink(arena_printf(a, "%s/%s", dir, file));
	}
}

/* The directory as a whole if there is none yet, else file by file. */
static bool move_files(Unit *u, const char *name, const char *from,
                       const char *to)
{
	mode_t mask = umask(0);
	umask(mask);
	if (chmod(from, 0777 & ~mask) == 0 && !rename(from, to))
		return true;
	if (!dir_make(u, to))
		return false;
	remove_stale(u->arena, name, from, to);
	DIR *d = opendir(from);
	bool good = d != NULL;
	if (!d)
		file_error(u, from, "cannot open: %s", strerror(errno));
	for (struct dirent *e; good && (e = readdir(d));) {
		char *a = arena_printf(u->arena, "%s/%s", from, e->d_name);
		char *b = arena_printf(u->arena, "%s/%s", to, e->d_name);
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		good = !rename(a, b);
		if (!good)
			file_error(u, b, "cannot write: %s", strerror(errno));
	}
	if (d)
		closedir(d);
	return good;
}

static const char *without_slash(Arena *a, const char *dir)
{
	size_t n = strlen(dir);
	while (n > 1 && dir[n - 1] == '/')
		n--;
	return arena_strndup(a, dir, n);
}

static bool write_program(Session *s, const char *dir)
{
	if (s->emit.form != EMIT_C)
		return emit_llvm(s->program, &s->emit, dir, &s->code) &&
		       session_fits_flash(s);
	return emit_c(s->program, &s->emit, dir) && write_cmake(s, dir) &&
	       session_estimate(s);
}

static bool write_all(Session *s, const char *dir)
{
	Unit *u = &s->unit;
	dir = without_slash(u->arena, dir);
	const char *slash = strrchr(dir, '/');
	if (slash && slash > dir &&
	    !dir_make(u, arena_strndup(u->arena, dir, (size_t)(slash - dir))))
		return false;
	char *temporary = dir_make_unique(u, dir);
	if (!temporary)
		return false;
	bool good = write_program(s, temporary) &&
	            session_report(s, temporary) &&
	            move_files(u, s->program->model->name, temporary, dir);
	dir_remove(temporary);
	return good;
}

int cmd_compile(int argc, char **argv)
{
	Compile c = {.args = {.arena = arena_create()}};
	Session s;
	command_parse(&argp, argc, argv, &c);
	session_open(&s, &c.args, c.args.model);
	s.emit.form = c.form;
	if (session_build(&s) && session_picture(&s) && write_all(&s, c.dir)) {
		ReportInfo info = session_info(&s);
		if (c.args.json)
			json_print(stdout, report_json(s.program, &info));
		else
			report_table(stdout, s.program, &info, 0);
	}
	return session_close(&s);
}
