/* thimble ops: what the compiler knows, from the operators' own records. */
#include "frontend/cmd_common.h"
#include "ir/op.h"

static const struct argp_child children[] = {
	{&args_json, 0, 0, 0}, {0}
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	if (key == ARGP_KEY_INIT)
		args_share(state, children, state->input);
	else if (key == ARGP_KEY_ARG)
		argp_error(state, "'%s' is one argument too many", text);
	else
		return ARGP_ERR_UNKNOWN;
	return 0;
}

static const struct argp argp = {
	.parser = parse,
	.children = children,
	.doc = "Lists the operators, the opset their meaning is of (- for "
	       "thimble's own), and whether a gradient passes through: yes, "
	       "no, or stops (it is zero by definition).\v"
	       "Examples:\n"
	       "  thimble ops\n"
	       "  thimble ops --json | jq -r '.[].name'",
};

static const char *differentiable(const OpDef *op)
{
	return op->grad ? "yes" : op->stops ? "stops" : "no";
}

static void print_json(void)
{
	json_t *list = json_array();
	for (int i = 0; i < nops; i++)
		json_array_append_new(list, json_pack(
			"{s:s, s:i, s:s}", "name", all_ops[i]->name,
			"since", all_ops[i]->since,
			"gradient", differentiable(all_ops[i])));
	json_print(stdout, list);
}

static void print_text(void)
{
	printf("%-28s %5s  %s\n", "operator", "since", "gradient");
	for (int i = 0; i < nops; i++) {
		const OpDef *op = all_ops[i];
		char since[16] = "-";
		if (op->since)
			snprintf(since, sizeof since, "%d", op->since);
		printf("%-28s %5s  %s\n", op->name, since, differentiable(op));
	}
}

int cmd_ops(int argc, char **argv)
{
	Args args = {.arena = arena_create()};
	Session s;
	command_parse(&argp, argc, argv, &args);
	session_open(&s, &args, "thimble");
	if (args.json)
		print_json();
	else
		print_text();
	return session_close(&s);
}
