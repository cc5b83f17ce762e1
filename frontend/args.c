#include "frontend/args.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int64_t args_number(struct argp_state *state, const char *option,
                    const char *text, int64_t lo, int64_t hi)
{
	char *end;
	errno = 0;
	long long n = strtoll(text, &end, 10);
	if (end == text || *end || errno || n < lo || n > hi)
		argp_error(state, "%s: '%s' is not a whole number from %lld "
		           "to %lld", option, text, (long long)lo,
		           (long long)hi);
	return n;
}

const char *args_path(struct argp_state *state, const char *option,
                      const char *text)
{
	if (!*text)
		argp_error(state, "%s: the name is empty", option);
	return text;
}

void *args_grow(Arena *a, const void *list, int n, size_t size)
{
	char *bigger = arena_calloc(a, (size_t)n + 1, size);
	if (n)
		memcpy(bigger, list, (size_t)n * size);
	return bigger;
}

void args_append(Arena *a, NameList *list, const char *name)
{
	const char **bigger = args_grow(a, list->name, list->n, sizeof *bigger);
	bigger[list->n++] = name;
	list->name = bigger;
}

void args_share(struct argp_state *state, const struct argp_child *child,
                Args *args)
{
	for (int i = 0; child[i].argp; i++)
		state->child_inputs[i] = args;
}

error_t args_model(int key, char *text, struct argp_state *state, Args *args)
{
	if (key == ARGP_KEY_END && !args->model)
		argp_error(state, "no MODEL is given");
	if (key != ARGP_KEY_ARG)
		return key == ARGP_KEY_END ? 0 : ARGP_ERR_UNKNOWN;
	if (args->model)
		argp_error(state, "'%s' is one argument too many", text);
	args->model = text;
	return 0;
}

static void set_loss(struct argp_state *state, Args *args, const char *text)
{
	const char *why;
	args->loss = text;
	args->options.ignore_step = true;
	if (!strcmp(text, "none"))
		args->options.loss = (LossOptions){LOSS_NONE};
	else if (!loss_parse(args->arena, text, &args->options.loss, &why))
		argp_error(state, "--loss: %s", why);
}

static void add_carry(struct argp_state *state, Args *args, const char *text)
{
	Options *o = &args->options;
	const char *equal = strchr(text, '=');
	if (!equal || equal == text || !equal[1])
		argp_error(state, "--carry: '%s' is not INPUT=OUTPUT", text);
	Carry *bigger = args_grow(args->arena, o->carry, o->ncarries,
	                          sizeof *bigger);
	bigger[o->ncarries++] = (Carry){
		arena_strndup(args->arena, text, (size_t)(equal - text)),
		equal + 1,
	};
	o->carry = bigger;
}

static void set_optimizer(struct argp_state *state, Args *args,
                          const char *text)
{
	const char *why;
	args->optimizer = text;
	if (!optimizer_parse(args->arena, text, &args->options.optimizer, &why))
		argp_error(state, "--optimizer: %s", why);
}

static void add_low_rank(struct argp_state *state, Args *args,
                         const char *text)
{
	const char *why;
	Options *o = &args->options;
	LowRank *bigger = args_grow(args->arena, o->low_rank, o->nlow_ranks,
	                            sizeof *bigger);
	if (!low_rank_parse(args->arena, text, &bigger[o->nlow_ranks++], &why))
		argp_error(state, "--low-rank: %s", why);
	o->low_rank = bigger;
}

static void add_sketch(struct argp_state *state, Args *args, const char *text)
{
	const char *why;
	Options *o = &args->options;
	SketchSpec *bigger = args_grow(args->arena, o->sketch, o->nsketches,
	                               sizeof *bigger);
	if (!sketch_parse(args->arena, text, &bigger[o->nsketches++], &why))
		argp_error(state, "--sketch: %s", why);
	o->sketch = bigger;
}

/* A loss alone is enough to train. */
static void end_training(struct argp_state *state, Args *args)
{
	if (args->options.loss.kind != LOSS_NONE && !args->optimizer)
		set_optimizer(state, args, "sgd");
}

static error_t parse_training(int key, char *text, struct argp_state *state)
{
	Args *args = state->input;
	switch (key) {
	case KEY_LOSS:
		set_loss(state, args, text);
		return 0;
	case KEY_OPTIMIZER:
		set_optimizer(state, args, text);
		return 0;
	case KEY_LOW_RANK:
		add_low_rank(state, args, text);
		return 0;
	case KEY_SKETCH:
		add_sketch(state, args, text);
		return 0;
	case KEY_SKETCH_FIRST_MOMENT:
		args->options.sketch_first_moment = true;
		return 0;
	case KEY_CARRY:
		add_carry(state, args, text);
		return 0;
	case KEY_FREEZE:
		args_append(args->arena, &args->options.freeze, text);
		return 0;
	case KEY_TRAIN:
		args_append(args->arena, &args->options.train, text);
		return 0;
	case KEY_FREEZE_BN:
		args->options.freeze_bn = true;
		return 0;
	case KEY_TRAIN_BN:
		args->options.train_bn = true;
		return 0;
	case ARGP_KEY_END:
		if (args->options.sketch_first_moment &&
		    !args->options.nsketches &&
		    !(args->options.allow & ALLOW_SKETCH))
			argp_error(state, "--sketch-first-moment needs --sketch");
		if (args->options.freeze_bn && args->options.train_bn)
			argp_error(state, "--freeze-bn and --train-bn exclude "
			           "each other");
		end_training(state, args);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp args_training = {
	.options = (const struct argp_option[]){
		{"loss", KEY_LOSS, "SPEC", 0, "What to minimise: cross-entropy, "
		 "mse, bce-with-logits, l1, huber, or graph for an output that "
		 "is a loss; with settings after a colon: "
		 "cross-entropy:axis=-1,label_smoothing=0.1. Where the file "
		 "has a training step (training_info), this replaces all of "
		 "it; none: do not train", 0},
		{"optimizer", KEY_OPTIMIZER, "SPEC", 0, "sgd, momentum, "
		 "nesterov, adam, adamw, rmsprop or adagrad, as in PyTorch: "
		 "momentum:lr=0.01,momentum=0.9,weight_decay=1e-4 (sgd); or "
		 "lion, or, with hardly any state, sm3 or adafactor; or "
		 "adam8bit, adamw8bit, momentum8bit, lion8bit. "
		 "Without --loss: for the loss of the file's training step, "
		 "in place of its updates", 0},
		{"low-rank", KEY_LOW_RANK, "RANK[,KEY=VALUE...][:PATTERN]", 0,
		 "Keep the gradients, and with them the optimizer's state, of "
		 "matrices at this rank: 4, or 8,form=factors:*.weight "
		 "(repeatable; the last that matches counts). Changes what is "
		 "learned. form is projection (the default), in a basis that "
		 "turns, factors, two that are trained, streaming, sample by "
		 "sample (sgd), or mofasgd (momentum); others are refresh, "
		 "rate, scale", 0},
		{"sketch", KEY_SKETCH, "RATIO[,KEY=VALUE...][:PATTERN]", 0,
		 "Keep the optimizer's state of tables, such as embeddings and "
		 "output layers, in count sketches with this part of its "
		 "elements: 0.2, or 0.1,clean=1000:emb* (repeatable). Changes "
		 "what is learned. Every clean steps (0, the default: never) "
		 "all is multiplied by keep (0.2)", 0},
		{"sketch-first-moment", KEY_SKETCH_FIRST_MOMENT, 0, 0, "With "
		 "--sketch and adam or adamw: keep a first moment, too, in a "
		 "sketch of its own", 0},
		{"carry", KEY_CARRY, "INPUT=OUTPUT", 0, "A step gives this "
		 "output, too: the input of the next, such as a recurrent "
		 "state (repeatable)", 0},
		{"freeze", KEY_FREEZE, "PATTERN", 0, "Parameters that do not "
		 "train (glob, repeatable)", 0},
		{"train", KEY_TRAIN, "PATTERN", 0, "Only these parameters train "
		 "(glob, repeatable)", 0},
		{"freeze-bn", KEY_FREEZE_BN, 0, 0, "Normalise with the running "
		 "statistics, and leave them as they are", 0},
		{"train-bn", KEY_TRAIN_BN, 0, 0, "Normalise with the batch's "
		 "statistics even where the file says otherwise", 0},
		{0}
	},
	.parser = parse_training,
};

static error_t parse_passes(int key, char *text, struct argp_state *state)
{
	Args *args = state->input;
	if (key == KEY_DISABLE) {
		args_append(args->arena, &args->options.disable, text);
	} else if (key == KEY_DUMP_AFTER) {
		args->options.dump_after = text;
		args->options.dump = stderr;
	} else {
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

const struct argp args_passes = {
	.options = (const struct argp_option[]){
		{"disable", KEY_DISABLE, "PASS", 0, "Leave out an optional pass "
		 "(repeatable)", 0},
		{"dump-after", KEY_DUMP_AFTER, "PASS", 0, "Print the graph "
		 "after a pass, or after 'all'", 0},
		{0}
	},
	.parser = parse_passes,
};

/* One of two words. */
static bool either(struct argp_state *state, const char *option,
                   const char *text, const char *no, const char *yes)
{
	if (strcmp(text, no) && strcmp(text, yes))
		argp_error(state, "%s: '%s' is neither %s nor %s", option, text,
		           no, yes);
	return !strcmp(text, yes);
}

static error_t parse_blas(int key, char *text, struct argp_state *state)
{
	Args *args = state->input;
	if (key != KEY_BLAS)
		return ARGP_ERR_UNKNOWN;
	args->openblas = either(state, "--blas", text, "none", "openblas");
	return 0;
}

const struct argp args_blas = {
	.options = (const struct argp_option[]){
		{"blas", KEY_BLAS, "none|openblas", 0, "Who multiplies "
		 "matrices; with none (the default) the code needs only libm",
		 0},
		{0}
	},
	.parser = parse_blas,
};

static error_t parse_form(int key, char *text, struct argp_state *state)
{
	Args *args = state->input;
	switch (key) {
	case KEY_WEIGHTS:
		args->weights_bin = either(state, "--weights", text, "c",
		                           "bin");
		return 0;
	case KEY_SLICES:
		args->slices = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp args_form = {
	.options = (const struct argp_option[]){
		{"weights", KEY_WEIGHTS, "c|bin", 0, "The first weights as C "
		 "(the default) or as a binary file", 0},
		{"slices", KEY_SLICES, 0, 0, "A step of training also in "
		 "slices, NAME_train_slice(): each does one call of a kernel "
		 "and returns, so that other tasks get their turn", 0},
		{0}
	},
	.parser = parse_form,
};

static error_t parse_executor(int key, char *text, struct argp_state *state)
{
	static const char *const names[] = {
		"auto", "interpreter", "c", "llvm"
	};
	Args *args = state->input;
	switch (key) {
	case KEY_SEED:
		args->seed = (uint32_t)args_number(state, "--seed", text, 0,
		                                   UINT32_MAX);
		args->seeded = true;
		return 0;
	case ARGP_KEY_END:
		if (args->openblas && args->executor == EXECUTOR_LLVM)
			argp_error(state, "--blas openblas needs --executor c");
		return 0;
	case KEY_EXECUTOR:
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	for (int i = 0; i < 4; i++)
		if (!strcmp(text, names[i])) {
			args->executor = (ExecutorChoice)i;
			return 0;
		}
	argp_error(state, "--executor: '%s' is not one of auto, interpreter, c, "
	           "llvm", text);
	return 0;
}

const struct argp args_executor = {
	.options = (const struct argp_option[]){
		{"executor", KEY_EXECUTOR, "auto|interpreter|c|llvm", 0, "What "
		 "runs the model: the interpreter, the emitted C built with $CC "
		 "or cc, or LLVM; auto: where the work is worth it LLVM, or C "
		 "if thimble is without", 0},
		{"seed", KEY_SEED, "N", 0, "Of all that is random (default 1)",
		 0},
		{0}
	},
	.parser = parse_executor,
};

static error_t parse_json(int key, char *text, struct argp_state *state)
{
	Args *args = state->input;
	if (key != KEY_JSON)
		return ARGP_ERR_UNKNOWN;
	args->json = true;
	return 0;
}

const struct argp args_json = {
	.options = (const struct argp_option[]){
		{"json", KEY_JSON, 0, 0, "Print JSON, for programs", 0},
		{0}
	},
	.parser = parse_json,
};

static error_t parse_picture(int key, char *text, struct argp_state *state)
{
	Args *args = state->input;
	if (key != KEY_PICTURE)
		return ARGP_ERR_UNKNOWN;
	args->picture = args_path(state, "--picture", text);
	return 0;
}

const struct argp args_picture = {
	.options = (const struct argp_option[]){
		{"picture", KEY_PICTURE, "FILE.svg", 0, "Also draw the arena "
		 "over time; with --sweep, RAM against operations", 0},
		{0}
	},
	.parser = parse_picture,
};

const struct argp_child args_list_children[] = {
	{&args_json, 0, "Results:", 0}, {0}
};

error_t args_list(int key, char *text, struct argp_state *state)
{
	if (key == ARGP_KEY_INIT)
		args_share(state, args_list_children, state->input);
	else if (key == ARGP_KEY_ARG)
		argp_error(state, "'%s' is one argument too many", text);
	else
		return ARGP_ERR_UNKNOWN;
	return 0;
}
