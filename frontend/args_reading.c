/* How the model is read: its sizes, and which inputs are none. */
#include "frontend/args.h"

#include <string.h>

static void add_dim(struct argp_state *state, Args *args, const char *text)
{
	Options *o = &args->options;
	const char *equal = strchr(text, '=');
	if (!equal || equal == text)
		argp_error(state, "--dim: '%s' is not NAME=N", text);
	DimBinding *bigger = arena_array(args->arena, DimBinding, o->ndims + 1);
	if (o->ndims)
		memcpy(bigger, o->dim, (size_t)o->ndims * sizeof *bigger);
	bigger[o->ndims++] = (DimBinding){
		arena_strndup(args->arena, text, (size_t)(equal - text)),
		args_number(state, "--dim", equal + 1, 1, INT32_MAX),
	};
	o->dim = bigger;
}

static error_t parse_reading(int key, char *text, struct argp_state *state)
{
	Args *args = state->input;
	if (key == KEY_BATCH)
		args->options.batch = args_number(state, "--batch", text, 1,
		                                  INT32_MAX);
	else if (key == KEY_BATCH_AXIS)
		args->options.batch_axis = (int)args_number(
			state, "--batch-axis", text, 0, MAX_RANK - 1);
	else if (key == KEY_DIM)
		add_dim(state, args, text);
	else if (key == KEY_NAME)
		args->options.name = text;
	else
		return ARGP_ERR_UNKNOWN;
	return 0;
}

const struct argp args_reading = {
	.options = (const struct argp_option[]){
		{"batch", KEY_BATCH, "N", 0, "Samples in one call", 0},
		{"batch-axis", KEY_BATCH_AXIS, "N", 0, "The dimension of the "
		 "inputs that counts the samples, where that is not the first "
		 "(1: time comes first) and no recurrent layer says so", 0},
		{"dim", KEY_DIM, "NAME=N", 0, "Size of a symbolic dimension "
		 "(repeatable)", 0},
		{"name", KEY_NAME, "NAME", 0, "Name of the model and prefix of "
		 "its C symbols; without it, the file's name", 0},
		{0}
	},
	.parser = parse_reading,
};
