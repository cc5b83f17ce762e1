/* How the model is read: its sizes, and which inputs are none. */
#include "frontend/args.h"

#include <string.h>

/* The name in front of '=', and what is behind it. */
static const char *split(struct argp_state *state, Args *args,
                         const char *option, const char *form,
                         const char **text)
{
	const char *equal = strchr(*text, '='), *name = *text;
	if (!equal || equal == name || !equal[1])
		argp_error(state, "%s: '%s' is not %s", option, name, form);
	*text = equal + 1;
	return arena_strndup(args->arena, name, (size_t)(equal - name));
}

void args_add_dim(Args *args, const char *name, int64_t size)
{
	Options *o = &args->options;
	DimBinding *bigger = args_grow(args->arena, o->dim, o->ndims,
	                               sizeof *bigger);
	bigger[o->ndims++] = (DimBinding){name, size};
	o->dim = bigger;
}

void args_add_shape(Args *args, const char *input, Shape shape)
{
	Options *o = &args->options;
	InputShape *bigger = args_grow(args->arena, o->shape, o->nshapes,
	                               sizeof *bigger);
	bigger[o->nshapes++] = (InputShape){input, shape};
	o->shape = bigger;
}

static void add_dim(struct argp_state *state, Args *args, const char *text)
{
	const char *name = split(state, args, "--dim", "NAME=N", &text);
	args_add_dim(args, name, args_number(state, "--dim", text, 1, INT32_MAX));
}

static Shape parse_shape(struct argp_state *state, Args *args, const char *text)
{
	Shape s = {0};
	for (const char *end = text; *end; text = end + 1) {
		end = text + strcspn(text, ",");
		if (s.rank == MAX_RANK)
			argp_error(state, "--input-shape: more than %d "
			           "dimensions", MAX_RANK);
		s.dim[s.rank++] = args_number(
			state, "--input-shape",
			arena_strndup(args->arena, text, (size_t)(end - text)),
			1, INT32_MAX);
	}
	return s;
}

static void add_shape(struct argp_state *state, Args *args, const char *text)
{
	const char *name = split(state, args, "--input-shape", "INPUT=N,..",
	                         &text);
	args_add_shape(args, name, parse_shape(state, args, text));
}

static void add_constant(struct argp_state *state, Args *args, const char *text)
{
	Options *o = &args->options;
	const char *name = split(state, args, "--constant", "INPUT=VALUE",
	                         &text);
	InputConstant *bigger = args_grow(args->arena, o->constant,
	                                  o->nconstants, sizeof *bigger);
	bigger[o->nconstants++] = (InputConstant){name, text};
	o->constant = bigger;
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
	else if (key == KEY_INPUT_SHAPE)
		add_shape(state, args, text);
	else if (key == KEY_CONSTANT)
		add_constant(state, args, text);
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
		{"input-shape", KEY_INPUT_SHAPE, "INPUT=N,..", 0, "Sizes of an "
		 "input's dimensions, where the file has none (repeatable)", 0},
		{"constant", KEY_CONSTANT, "INPUT=VALUE", 0, "This input is always "
		 "the same: a number, for all of its elements, or a .npy file "
		 "(repeatable)", 0},
		{"name", KEY_NAME, "NAME", 0, "Name of the model and prefix of "
		 "its C symbols; without it, the file's name", 0},
		{0}
	},
	.parser = parse_reading,
};
