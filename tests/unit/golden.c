/*
 * Text in, text out: tests/golden/NAME.ir goes through the pass that its first
 * line names ("# pass: fold") and must come out as NAME.out. With BLESS=1 in
 * the environment NAME.out is written instead; read the difference.
 */
#include "ir/text.h"
#include "passes/pass.h"
#include "tests/unit/random_graph.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static char *read_file(Arena *a, const char *path)
{
	FILE *f = fopen(path, "rb");
	if (!f)
		return NULL;
	fseek(f, 0, SEEK_END);
	size_t size = (size_t)ftell(f);
	rewind(f);
	char *text = arena_alloc(a, size + 1);
	cr_assert_eq(fread(text, 1, size, f), size);
	fclose(f);
	return text;
}

static char *printed(const Graph *g)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	graph_print(f, g, true);
	fclose(f);
	char *copy = arena_strndup(g->unit->arena, text, len);
	free(text);
	return copy;
}

static char *after(Unit *u, const char *path)
{
	char name[32] = "", *text = read_file(u->arena, path);
	cr_assert_eq(sscanf(text, "# pass: %31[a-z-]", name), 1, "%s", path);
	const Pass *pass = pass_find(name);
	cr_assert(pass, "%s: no pass '%s'", path, name);
	Graph *g = graph_parse(u, NULL, text);
	cr_assert(g, "%s", path);
	graph_verify(g);
	graph_have(g, pass->needs);
	pass->run(g, &(Options){.segment = 2});
	graph_verify(g);
	char *out = printed(g);
	Graph *again = graph_parse(u, NULL, out);
	cr_assert(again, "%s: what comes out does not read back", path);
	cr_expect_str_eq(printed(again), out);
	return out;
}

static void compare(const char *path)
{
	Unit u = test_unit();
	int stem = (int)strlen(path) - 3;
	const char *want = arena_printf(u.arena, "%.*s.out", stem, path);
	const char *got = after(&u, path);
	if (getenv("BLESS")) {
		FILE *f = fopen(want, "wb");
		fputs(got, f);
		fclose(f);
	}
	const char *expected = read_file(u.arena, want);
	cr_assert(expected, "%s is missing; BLESS=1 writes it", want);
	cr_expect(!strcmp(got, expected), "%s: the pass gives\n%s", path, got);
	arena_destroy(u.arena);
}

static int is_text(const struct dirent *d)
{
	const char *dot = strrchr(d->d_name, '.');
	return dot && !strcmp(dot, ".ir");
}

Test(golden, passes)
{
	struct dirent **list;
	int n = scandir(SOURCE_DIR "/tests/golden", &list, is_text, alphasort);
	cr_assert_gt(n, 0);
	for (int i = 0; i < n; i++) {
		char path[1024];
		snprintf(path, sizeof path, "%s/tests/golden/%s", SOURCE_DIR,
		         list[i]->d_name);
		compare(path);
		free(list[i]);
	}
	free(list);
}
