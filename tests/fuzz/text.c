/* The text form of graphs: what reads is a graph that verifies, that prints
 * and reads back, and that passes go through. */
#include "tests/fuzz/fuzz.h"

#include "ir/text.h"
#include "ir/verify.h"
#include "passes/pass.h"

#include <string.h>

static char *printed(const Graph *g)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	graph_print(f, g, true);
	fclose(f);
	return text;
}

static void read_back(Graph *g)
{
	char *first = printed(g);
	Graph *again = graph_parse(g->unit, NULL, first);
	if (!again)
		BUG("does not read back:\n%s", first);
	char *second = printed(again);
	if (strcmp(first, second))
		BUG("reads back as something else:\n%s\n%s", first, second);
	free(first);
	free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Trial t;
	trial_begin(&t, "fuzz.ir");
	char *text = (char *)fuzz_text(t.u.arena, data, size);
	Graph *g = graph_parse(&t.u, NULL, text);
	if (g) {
		graph_verify(g);
		read_back(g);
		run_pipeline(g, STAGE_FORWARD, &(Options){0});
	}
	trial_end(&t, g != NULL);
	return 0;
}
