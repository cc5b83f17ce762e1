/*
 * The emitted program as a shared library in this process.
 *
 * It gets the executor's own arena and state, so inputs, outputs and variables
 * are where the plan says, as with the interpreter.
 */
#include "frontend/executor.h"
#include "frontend/files.h"
#include "ir/target.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

typedef struct Glue {
	size_t (*size)(void);
	int (*init)(void *, void *, size_t, void *, size_t, const void *,
	            size_t);
	int (*call)(void *, int, void *const *);
	float *(*hyper)(void *, const char *);
	uint32_t *(*step)(void *);
	uint32_t *(*seed)(void *);
} Glue;

typedef struct Library {
	void *handle, *context;
	Glue glue;
	float *hyper[MAX_HYPER];
} Library;

/* ---- building ---- */

enum { MAX_WORDS = 32 };

/* $CC may be more than one word: "ccache gcc". */
static int compiler_words(Arena *a, char *words[MAX_WORDS])
{
	const char *cc = getenv("CC");
	char *text = arena_printf(a, "%s", cc && *cc ? cc : "cc");
	int n = 0;
	for (char *next; n < MAX_WORDS / 2; text = next) {
		text += strspn(text, " \t");
		if (!*text)
			break;
		next = text + strcspn(text, " \t");
		if (*next)
			*next++ = '\0';
		words[n++] = text;
	}
	return n;
}

static bool found_in_path(Arena *a, const char *program)
{
	const char *path = getenv("PATH");
	if (strchr(program, '/') || !path)
		return !access(program, X_OK);
	for (;; path++) {
		size_t len = strcspn(path, ":");
		if (!access(arena_printf(a, "%.*s/%s", (int)len, path, program),
		            X_OK))
			return true;
		path += len;
		if (!*path)
			return false;
	}
}

bool executor_has_compiler(void)
{
	Arena *scratch = arena_create();
	char *words[MAX_WORDS];
	bool has = compiler_words(scratch, words) &&
	           found_in_path(scratch, words[0]);
	arena_destroy(scratch);
	return has;
}

/* Instead of an exit status: errno says why; this program is about to end. */
enum { NOT_RUN = -1, CUT_SHORT = -2 };

/* Its exit status. What asks this program to end, which it puts off while there
 * are files to be removed (files.h), ends the child first. */
static int wait_for(pid_t child)
{
	static const struct timespec second = {.tv_sec = 1}, none;
	sigset_t set, before;
	int status, end = 0, s;
	pid_t done;
	ending_signals(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &before);
	while ((done = waitpid(child, &status, WNOHANG)) == 0)
		if ((s = sigtimedwait(&set, NULL, &second)) > 0 && s != SIGCHLD)
			kill(child, end = s);
	while ((s = sigtimedwait(&set, NULL, &none)) > 0)
		end = s == SIGCHLD ? end : s;
	if (end)
		raise(end);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return end ? CUT_SHORT : done < 0 ? NOT_RUN
	     : WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* Runs the words, with no signal blocked; what it prints goes to the file. Its
 * exit status. */
static int run_program(char *const words[], const char *log)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t signals;
	sigset_t none;
	pid_t child;
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 1, log,
	                                 O_WRONLY | O_CREAT | O_TRUNC, 0600);
	posix_spawn_file_actions_adddup2(&files, 1, 2);
	sigemptyset(&none);
	posix_spawnattr_init(&signals);
	posix_spawnattr_setsigmask(&signals, &none);
	posix_spawnattr_setflags(&signals, POSIX_SPAWN_SETSIGMASK);
	int bad = posix_spawnp(&child, words[0], &files, &signals, words,
	                       environ);
	posix_spawnattr_destroy(&signals);
	posix_spawn_file_actions_destroy(&files);
	if (bad) {
		errno = bad;
		return NOT_RUN;
	}
	return wait_for(child);
}

static void compiler_failed(Unit *u, const char *cc, int status,
                            const char *log)
{
	size_t size;
	if (status == NOT_RUN) {
		error_at(u, (Loc){0}, "cannot run the C compiler '%s': %s", cc,
		         strerror(errno));
		return;
	}
	unsigned char *text = file_read(u, log, &size);
	error_at(u, (Loc){0}, "the C compiler '%s' failed with status %d:\n%s",
	         cc, status, text ? (char *)text : "");
}

/* For a device, the device's numbers; else what is fastest here. */
static const char *contraction(const Program *p)
{
	bool device = target_or_host(p->target)->core->plain;
	return device ? "-ffp-contract=off" : "-ffp-contract=fast";
}

static char *build(Unit *u, const Program *p, const EmitHook *hook,
                   const char *dir)
{
	Arena *a = u->arena;
	char *words[MAX_WORDS] = {0};
	char *library = arena_printf(a, "%s/program.so", dir);
	char *log = arena_printf(a, "%s/log", dir);
	int n = compiler_words(a, words);
	const char *const rest[] = {
		"-O3", "-march=native", "-std=c99", contraction(p),
		"-fno-math-errno",
		"-shared", "-fPIC", "-I", dir, "-o", library,
		arena_printf(a, "%s/%s.c", dir, p->model->name),
		arena_printf(a, "%s/%s", dir, GLUE_FILE),
		hook->openblas ? "-lopenblas" : "-lm", "-lm",
	};
	for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++)
		words[n++] = arena_printf(a, "%s", rest[i]);
	int status = run_program(words, log);
	if (!status)
		return library;
	if (status != CUT_SHORT)
		compiler_failed(u, words[0], status, log);
	return NULL;
}

/* ---- loading ---- */

/* ISO C has no cast from a data pointer to a function's; POSIX has equal
 * representations. */
static bool find_symbol(Unit *u, void *handle, const char *name, void *to)
{
	void *symbol = dlsym(handle, name);
	if (!symbol)
		error_at(u, (Loc){0}, "the built program lacks %s", name);
	memcpy(to, &symbol, sizeof symbol);
	return symbol != NULL;
}

static bool find_glue(Unit *u, void *handle, Glue *g)
{
	return find_symbol(u, handle, "thimble_glue_size", &g->size) &&
	       find_symbol(u, handle, "thimble_glue_init", &g->init) &&
	       find_symbol(u, handle, "thimble_glue_call", &g->call) &&
	       find_symbol(u, handle, "thimble_glue_hyper", &g->hyper) &&
	       find_symbol(u, handle, "thimble_glue_step", &g->step) &&
	       find_symbol(u, handle, "thimble_glue_seed", &g->seed);
}

/* Debian's OpenBLAS takes recent Xeons for Haswells unless told. */
static void choose_blas_kernels(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
	if (__builtin_cpu_supports("avx512dq"))
		setenv("OPENBLAS_CORETYPE", "SkylakeX", 0);
#endif
}

static Library *load(Unit *u, const EmitHook *hook, const char *path)
{
	Library *l = arena_new(u->arena, Library);
	if (hook->openblas)
		choose_blas_kernels();
	l->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!l->handle) {
		error_at(u, (Loc){0}, "cannot load the built program: %s",
		         dlerror());
		return NULL;
	}
	if (find_glue(u, l->handle, &l->glue))
		return l;
	dlclose(l->handle);
	return NULL;
}

static Library *build_and_load(Unit *u, const Program *p, const EmitHook *hook)
{
	const char *tmp = getenv("TMPDIR");
	char *dir = dir_make_unique(u, arena_printf(
		u->arena, "%s/thimble", tmp && *tmp ? tmp : "/tmp"));
	if (!dir)
		return NULL;
	char *path = hook->emit(hook->user, p, dir)
	             ? build(u, p, hook, dir) : NULL;
	Library *l = path ? load(u, hook, path) : NULL;
	dir_remove(dir);
	return l;
}

/* ---- running ---- */

static bool call(Executor *e, const Plan *p)
{
	Library *l = e->impl;
	int function = executor_function(e, p);
	for (int i = 0; i < e->nhyper; i++)
		*l->hyper[i] = e->hyper[i];
	*l->glue.seed(l->context) = e->seed;
	/* The program counts the step itself. */
	*l->glue.step(l->context) = e->step - (function == 0);
	int status = l->glue.call(l->context, function,
	                          e->fed[function]);
	if (status)
		error_at(e->unit, (Loc){0}, "the program's %s returned status "
		         "%d", p->graph->name, status);
	return status == 0;
}

static void close_library(Executor *e)
{
	dlclose(((Library *)e->impl)->handle);
}

static bool start(Executor *e, Library *l, const EmitHook *hook)
{
	const Program *p = e->program;
	l->context = arena_alloc(e->unit->arena, l->glue.size());
	int status = l->glue.init(l->context, e->arena, (size_t)p->arena_bytes,
	                          e->state, (size_t)p->state_bytes,
	                          hook->weights, hook->weights_bytes);
	for (int i = 0; i < e->nhyper; i++)
		if (!(l->hyper[i] = l->glue.hyper(l->context,
		                                  e->hyper_name[i])))
			BUG("no hyper-parameter %s", e->hyper_name[i]);
	if (status)
		error_at(e->unit, (Loc){0}, "the program's init returned status "
		         "%d", status);
	return status == 0;
}

Executor *executor_c(Unit *u, const Program *p, const EmitHook *hook)
{
	static const ExecutorKind kind = {call, close_library};
	Library *l = build_and_load(u, p, hook);
	if (!l)
		return NULL;
	Executor *e = executor_create(u, p, &kind);
	e->impl = l;
	if (start(e, l, hook))
		return e;
	close_library(e);
	return NULL;
}
