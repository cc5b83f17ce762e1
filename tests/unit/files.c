/* What stays of files that are being written when the program is told to end. */
#include "frontend/files.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct Place {
	Unit u;
	char dir[256], path[264];
} Place;

static void new_place(Place *p)
{
	*p = (Place){.u = {.arena = arena_create(), .messages = stderr}};
	snprintf(p->dir, sizeof p->dir, "%s/files.XXXXXX", BUILD_DIR);
	cr_assert_not_null(mkdtemp(p->dir));
	snprintf(p->path, sizeof p->path, "%s/file", p->dir);
}

/* The signal that ends a child that does it; nothing but the file is left. */
static int end_of(void (*act)(Place *), Place *p)
{
	int status;
	pid_t child = fork();
	if (!child) {
		act(p);
		_exit(0);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void remove_place(Place *p)
{
	unlink(p->path);
	cr_expect_eq(rmdir(p->dir), 0, "there is more");
	arena_destroy(p->u.arena);
}

static void complete(Place *p)
{
	OutFile out;
	out_open(&p->u, p->path, &out);
	raise(SIGTERM);
	fputs("all of it", out.f);
	out_close(&out);
}

Test(files, a_file_is_completed)
{
	Place p;
	size_t size;
	new_place(&p);
	cr_expect_eq(end_of(complete, &p), SIGTERM);
	unsigned char *text = file_read(&p.u, p.path, &size);
	cr_assert_not_null(text);
	cr_expect_str_eq((char *)text, "all of it");
	remove_place(&p);
}

static void abandon(Place *p)
{
	OutFile out;
	out_open(&p->u, p->path, &out);
	raise(SIGHUP);
	out_abandon(&out);
}

Test(files, an_abandoned_file_goes)
{
	Place p;
	struct stat s;
	new_place(&p);
	cr_expect_eq(end_of(abandon, &p), SIGHUP);
	cr_expect_neq(stat(p.path, &s), 0);
	remove_place(&p);
}

/* Files in the directory, one of which outlives it: the last of all counts. */
static void nest(Place *p)
{
	OutFile log;
	out_open(&p->u, p->path, &log);
	char *dir = dir_make_unique(&p->u, p->path);
	raise(SIGINT);
	file_write(&p->u, arena_printf(p->u.arena, "%s/inner", dir), "x", 1);
	dir_remove(dir);
	fputs("still there", log.f);
	out_close(&log);
}

Test(files, a_directory_goes_and_a_log_is_completed)
{
	Place p;
	size_t size;
	new_place(&p);
	cr_expect_eq(end_of(nest, &p), SIGINT);
	unsigned char *text = file_read(&p.u, p.path, &size);
	cr_assert_not_null(text);
	cr_expect_str_eq((char *)text, "still there");
	remove_place(&p);
}

/* Where nothing could be made, nothing is put off. */
static void fail(Place *p)
{
	OutFile out;
	char *nowhere = arena_printf(p->u.arena, "%s/none/x", p->dir);
	p->u.messages = fopen("/dev/null", "w");
	if (!out_open(&p->u, nowhere, &out) && !dir_make_unique(&p->u, nowhere))
		raise(SIGTERM);
}

Test(files, nothing_waits_after_a_failure)
{
	Place p;
	new_place(&p);
	cr_expect_eq(end_of(fail, &p), SIGTERM);
	remove_place(&p);
}

Test(files, what_is_ignored_ends_nothing)
{
	sigset_t set;
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	ending_signals(&set);
	cr_expect_eq(sigismember(&set, SIGINT), 0);
	cr_expect_eq(sigismember(&set, SIGTERM), 1);
}
