/* Models that must be refused: with a message that names the node, the tensor
 * or the file, and without a signal. */
#include "tests/unit/onnx_test.h"

static void refuse(const char *name, const char *message)
{
	char path[4096];
	snprintf(path, sizeof path, MODELS "bad/%s.onnx", name);
	Loaded *l = load(path);
	cr_expect_null(l->g, "%s was accepted", name);
	cr_expect_geq(l->u.nerrors, 1, "%s: no error", name);
	cr_expect_not_null(strstr(l->said, message), "%s: expected '%s' in '%s'",
	                   name, message, l->said);
	cr_expect_not_null(strstr(l->said, path), "%s: no path in '%s'", name,
	                   l->said);
	unload(l);
}

Test(onnx_bad, messages)
{
	FILE *f = fopen(MODELS "bad/MESSAGES", "r");
	char *line = NULL;
	size_t room = 0;
	int cases = 0;
	cr_assert_not_null(f);
	for (ssize_t n; (n = getline(&line, &room, f)) > 0; cases++) {
		line[n - 1] = 0;
		char *tab = strchr(line, '\t');
		cr_assert_not_null(tab);
		*tab = 0;
		refuse(line, tab + 1);
	}
	free(line);
	fclose(f);
	cr_expect_gt(cases, 55);
}

/* One error for a failed node, none for what reads it. */
Test(onnx_bad, failure_is_reported_once)
{
	Loaded *l = load(MODELS "bad/unsupported.onnx");
	cr_expect_eq(l->u.nerrors, 1, "%s", l->said);
	unload(l);
}

/* That there is no such operator depends on no input: all are named at once. */
Test(onnx_bad, behind_a_failure)
{
	Loaded *l = load(MODELS "bad/unsupported_twice.onnx");
	cr_expect_eq(l->u.nerrors, 2, "%s", l->said);
	cr_expect_not_null(strstr(l->said, "NoSuchThing 'a'"), "%s", l->said);
	unload(l);
}

Test(onnx_bad, no_such_file)
{
	Loaded *l = load(MODELS "bad/none.onnx");
	cr_expect_null(l->g);
	cr_expect_not_null(strstr(l->said, "No such file"));
	unload(l);
	l = load(MODELS "bad");
	cr_expect_null(l->g);
	cr_expect_not_null(strstr(l->said, "is not a file"), "%s", l->said);
	unload(l);
}

Test(onnx_bad, info_of_nothing)
{
	OnnxInfo info;
	Unit u = {.path = MODELS "bad/MESSAGES", .arena = arena_create(),
	          .messages = fopen("/dev/null", "w")};
	cr_expect_not(onnx_info(&u, &info));
	cr_expect_eq(u.nerrors, 1);
	fclose(u.messages);
	arena_destroy(u.arena);
}
