/* thimble ops: what the compiler knows, from the operators' own records, and what
 * the reader makes others of. */
#include "frontend/cmd_common.h"
#include "frontend/import.h"
#include "ir/op.h"

#include <stdlib.h>
#include <string.h>

static const struct argp argp = {
	.parser = args_list,
	.children = args_list_children,
	.doc = "Lists the operators, the opset their meaning is of (- for "
	       "thimble's own; older forms are read too), and whether a "
	       "gradient passes through: yes, no, stops (it is zero by "
	       "definition), or as others: the reader makes it of operators "
	       "of this list, or evaluates it.\v"
	       "Examples:\n"
	       "  thimble ops\n"
	       "  thimble ops --json | jq -r '.[].name'",
};

static const char *differentiable(const OpDef *op)
{
	return op->grad ? "yes" : op->stops ? "stops" : "no";
}

typedef struct Line {
	const char *name, *gradient;
	int since;   /* 0: thimble's own; -1: only the reader knows */
} Line;

static int by_name(const void *a, const void *b)
{
	return strcmp(((const Line *)a)->name, ((const Line *)b)->name);
}

/* All operators by name; *count of them. */
static Line *list_all(Arena *arena, int *count)
{
	int nrules = 0, n = 0;
	while (rule_at(nrules))
		nrules++;
	Line *line = arena_array(arena, Line, nops + nrules);
	for (int i = 0; i < nops; i++)
		line[n++] = (Line){all_ops[i]->name, differentiable(all_ops[i]),
		                   all_ops[i]->since};
	for (int i = 0; i < nrules; i++)
		if (!op_find(rule_at(i)->op))
			line[n++] = (Line){rule_at(i)->op, "as others", -1};
	qsort(line, (size_t)n, sizeof *line, by_name);
	*count = n;
	return line;
}

static void print_json(const Line *line, int n)
{
	json_t *list = json_array();
	for (int i = 0; i < n; i++)
		json_array_append_new(list, json_pack(
			"{s:s, s:i, s:s}", "name", line[i].name,
			"since", line[i].since, "gradient", line[i].gradient));
	json_print(stdout, list);
}

static void print_text(const Line *line, int n)
{
	printf("%-28s %5s  %s\n", "operator", "since", "gradient");
	for (int i = 0; i < n; i++) {
		char since[16] = {line[i].since == 0 ? '-' : 0};
		if (line[i].since > 0)
			snprintf(since, sizeof since, "%d", line[i].since);
		printf("%-28s %5s  %s\n", line[i].name, since,
		       line[i].gradient);
	}
}

int cmd_ops(int argc, char **argv)
{
	Args args = {.arena = arena_create()};
	Session s;
	command_parse(&argp, argc, argv, &args);
	session_open(&s, &args, "thimble");
	int n;
	const Line *line = list_all(args.arena, &n);
	if (args.json)
		print_json(line, n);
	else
		print_text(line, n);
	return session_close(&s);
}
