/* Options that say what the code runs on, and within which memory. */
#include "frontend/args.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The power of two after a number: nothing, or K, M, G, KiB, MiB, GiB; else
 * -1. */
static int parse_unit(const char *text)
{
	static const char units[] = "KMG";
	const char *unit = *text ? strchr(units, *text) : NULL;
	if (!*text)
		return 0;
	return unit && (!text[1] || !strcmp(text + 1, "iB"))
	       ? 10 * (int)(unit - units + 1) : -1;
}

/* Bytes: 65536, 64K, 64KiB, 1M. */
static int64_t parse_bytes(struct argp_state *state, const char *option,
                           const char *text)
{
	char *end;
	errno = 0;
	long long n = strtoll(text, &end, 10);
	int shift = end == text ? -1 : parse_unit(end);
	if (shift < 0)
		argp_error(state, "%s: '%s' is not a whole number of bytes "
		           "such as 65536, 64K or 1M (K, M and G count in "
		           "1024)", option, text);
	if (errno == ERANGE || n > INT64_MAX >> 31)
		argp_error(state, "%s: '%s' is too large", option, text);
	if (n < 1)
		argp_error(state, "%s: '%s' leaves no memory at all", option,
		           text);
	return (int64_t)n << shift;
}

/* 33, 0.5, 33%. */
static double parse_percent(struct argp_state *state, const char *text)
{
	char *end;
	double x = strtod(text, &end);
	if (end == text || (*end && strcmp(end, "%")) || !(x >= 0 && x <= 1e6))
		argp_error(state, "--max-recompute: '%s' is not a percentage "
		           "such as 33 or 0.5%%", text);
	return x;
}

static void allow(struct argp_state *state, Args *args, const char *text)
{
	const char *why;
	if (!allow_parse(args->arena, text, &args->options.allow, &why))
		argp_error(state, "--allow: %s", why);
}

static void add_tile(struct argp_state *state, Args *args, const char *text)
{
	const char *why;
	Options *o = &args->options;
	TileSpec *bigger = args_grow(args->arena, o->tile, o->ntiles,
	                             sizeof *bigger);
	if (!tile_parse(args->arena, text, &bigger[o->ntiles++], &why))
		argp_error(state, "--tile: %s", why);
	o->tile = bigger;
}

static error_t parse_budget(int key, char *text, struct argp_state *state)
{
	Args *args = state->input;
	Options *o = &args->options;
	switch (key) {
	case KEY_RAM:
		o->ram = parse_bytes(state, "--ram", text);
		return 0;
	case KEY_MAX_RECOMPUTE:
		o->limited = true;
		o->limit = parse_percent(state, text);
		return 0;
	case KEY_ALLOW:
		allow(state, args, text);
		return 0;
	case KEY_MICRO_BATCH:
		o->micro_batch = args_number(state, "--micro-batch", text, 1,
		                             INT32_MAX);
		return 0;
	case KEY_LOSS_PARTS:
		o->loss_parts = args_number(state, "--loss-parts", text, 1,
		                            INT32_MAX);
		return 0;
	case KEY_RECOMPUTE_TIME:
		o->segment = !strcmp(text, "auto") ? SEGMENT_AUTO
		           : args_number(state, "--recompute-time", text, 1,
		                         INT32_MAX);
		return 0;
	case KEY_TILE:
		add_tile(state, args, text);
		return 0;
	case KEY_FEED:
		o->feed = true;
		return 0;
	case ARGP_KEY_END:
		if (o->ram && o->limited)
			argp_error(state, "--ram and --max-recompute are two "
			           "answers to one question: give one");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp args_budget = {
	.options = (const struct argp_option[]){
		{"ram", KEY_RAM, "BYTES", 0, "What the arena and the state "
		 "must fit into (65536, 64K, 1M): computes values twice "
		 "where there is no room to keep them", 0},
		{"max-recompute", KEY_MAX_RECOMPUTE, "PERCENT", 0, "The least "
		 "memory that takes at most so many percent more operations "
		 "than computing nothing twice", 0},
		{"allow", KEY_ALLOW, "low-rank|sketch[,...]", 0, "Let --ram "
		 "change what is learned where nothing else fits: gradients "
		 "of a low rank, sketched optimizer state, each no smaller "
		 "than it must be; with --sweep, show what that gives", 0},
		{"micro-batch", KEY_MICRO_BATCH, "N", 0, "Keep the activations "
		 "of so many samples of the batch at a time; gradients and batch "
		 "statistics stay those of the whole batch", 0},
		{"loss-parts", KEY_LOSS_PARTS, "K", 0, "Compute what the loss is "
		 "of, the loss and their gradients in so many parts of its "
		 "rows, one after the other: logits are never whole", 0},
		{"recompute-time", KEY_RECOMPUTE_TIME, "S", 0, "Run recurrent "
		 "layers in segments of S steps of time, or auto, and keep "
		 "the states between them alone: a segment is computed again "
		 "for its gradient", 0},
		{"tile", KEY_TILE, "BANDS[,from=VALUE]:VALUE", 0, "Compute this "
		 "feature map, and all that leads to it alone, in so many "
		 "horizontal bands; from: not what leads to that one "
		 "(repeatable)", 0},
		{"feed", KEY_FEED, 0, 0, "Leave the data to the caller: a step "
		 "asks for samples when it wants them, instead of having the "
		 "whole batch in memory", 0},
		{0}
	},
	.parser = parse_budget,
};

static const Target *parse_target_name(struct argp_state *state,
                                       const char *text)
{
	const Args *args = state->input;
	const Target *t = target_find(text);
	const char *known = "";
	for (int i = 0; !t && i < ntargets; i++)
		known = arena_printf(args->arena, "%s%s%s", known,
		                     i ? ", " : "", all_targets[i].name);
	if (!t)
		argp_error(state, "--target: '%s' is not one of %s", text,
		           known);
	return t;
}

/* What is not said, a part says. */
static void take_memories(Args *args)
{
	Options *o = &args->options;
	const Target *t = target_or_host(o->target);
	if (!o->ram && !o->limited)
		o->ram = t->ram_bytes;
	if (!args->flash)
		args->flash = t->flash_bytes;
}

static error_t parse_target(int key, char *text, struct argp_state *state)
{
	Args *args = state->input;
	switch (key) {
	case KEY_TARGET:
		args->options.target = parse_target_name(state, text);
		return 0;
	case KEY_FLASH:
		args->flash = parse_bytes(state, "--flash", text);
		return 0;
	case ARGP_KEY_END:
		take_memories(args);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp args_target = {
	.options = (const struct argp_option[]){
		{"target", KEY_TARGET, "MACHINE", 0, "What the code will run "
		 "on: host (this machine), generic, or one that 'thimble "
		 "targets' lists: a core, or a part, whose RAM and flash are "
		 "then the budget", 0},
		{"flash", KEY_FLASH, "BYTES", 0, "What constants, first "
		 "weights and code must fit into", 0},
		{0}
	},
	.parser = parse_target,
};

static error_t parse_sweep(int key, char *text, struct argp_state *state)
{
	Args *args = state->input;
	switch (key) {
	case ARGP_KEY_INIT:
		args->options.weigh = true;
		return 0;
	case KEY_SWEEP:
		args->options.sweep = true;
		return 0;
	case KEY_EXPLAIN:
		args->options.explain = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp args_sweep = {
	.options = (const struct argp_option[]){
		{"sweep", KEY_SWEEP, 0, 0, "Also show how little memory will "
		 "do, at what price in operations", 0},
		{"explain", KEY_EXPLAIN, 0, 0, "Also show what each technique "
		 "saves: plans once more without each", 0},
		{0}
	},
	.parser = parse_sweep,
};
