/* thimble plan: where the bytes go, without writing any C. */
#include "frontend/cmd_common.h"

static const struct argp_child children[] = {
	{&args_reading, 0, 0, 0}, {&args_training, 0, 0, 0},
	{&args_budget, 0, 0, 0}, {&args_sweep, 0, 0, 0},
	{&args_target, 0, 0, 0}, {&args_passes, 0, 0, 0}, {&args_json, 0, 0, 0},
	{0}
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	if (key == ARGP_KEY_INIT) {
		args_share(state, children, state->input);
		return 0;
	}
	return args_model(key, text, state, state->input);
}

static const struct argp argp = {
	.parser = parse,
	.args_doc = "MODEL",
	.children = children,
	.doc = "Shows the memory that the C made from an ONNX model will use: "
	       "the arena's parts at its peak, the state, the constants, and "
	       "the largest buffers.\v"
	       "Examples:\n"
	       "  thimble plan model.onnx\n"
	       "  thimble plan model.onnx --batch 8 --loss cross-entropy "
	       "--optimizer adam\n"
	       "  thimble plan model.onnx --loss mse --ram 192K\n"
	       "  thimble plan model.onnx --loss mse --sweep\n"
	       "  thimble plan model.onnx --loss mse --json | jq .peak",
};

int cmd_plan(int argc, char **argv)
{
	Args args = {.arena = arena_create()};
	Session s;
	command_parse(&argp, argc, argv, &args);
	session_open(&s, &args, args.model);
	bool good = session_build(&s);
	if (s.program && (good || args.json)) {
		ReportInfo info = session_info(&s);
		if (args.json)
			json_print(stdout, report_json(s.program, &info));
		else
			report_table(stdout, s.program, &info, 16);
	}
	return session_close(&s);
}
