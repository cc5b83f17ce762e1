/* thimble export: trained weights back into the ONNX file. */
#include "frontend/cmd_common.h"
#include "frontend/weights.h"

typedef struct Export {
	const char *model, *weights, *out;
} Export;

static error_t parse(int key, char *text, struct argp_state *state)
{
	Export *e = state->input;
	switch (key) {
	case 'o':
		e->out = text;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num == 0)
			e->model = text;
		else if (state->arg_num == 1)
			e->weights = text;
		else
			argp_error(state, "'%s' is one argument too many", text);
		return 0;
	case ARGP_KEY_END:
		if (!e->model || !e->weights || !e->out)
			argp_error(state, "MODEL, WEIGHTS and -o OUT are "
			           "needed");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = (const struct argp_option[]){
		{"output", 'o', "OUT", 0, "The new ONNX file", 0}, {0}
	},
	.parser = parse,
	.args_doc = "MODEL WEIGHTS -o OUT",
	.doc = "Writes a copy of an ONNX model that has the weights of a "
	       "safetensors file, as `thimble train -o` makes it, under the same "
	       "names. External data comes into the copy.\v"
	       "Examples:\n"
	       "  thimble train model.onnx --data x.npy,y.npy -o w.safetensors\n"
	       "  thimble export model.onnx w.safetensors -o tuned.onnx",
};

int cmd_export(int argc, char **argv)
{
	Export e = {0};
	Args args = {.arena = arena_create()};
	Session s;
	Weights w;
	command_parse(&argp, argc, argv, &e);
	session_open(&s, &args, e.model);
	if (weights_read(&s.unit, e.weights, &w))
		onnx_write_weights(&s.unit, e.out, &w);
	return session_close(&s);
}
