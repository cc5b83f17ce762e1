/*
 * The options that several commands share. Each group is an argp child: a
 * command lists the groups it has, and its own parser starts with args_share().
 */
#ifndef FRONTEND_ARGS_H
#define FRONTEND_ARGS_H

#include "ir/options.h"

#include <argp.h>

/* Of options without a letter, in whichever args_*.c they are parsed. */
enum {
	KEY_BATCH = 256, KEY_BATCH_AXIS, KEY_DIM, KEY_INPUT_SHAPE, KEY_CONSTANT,
	KEY_NAME, KEY_LOSS, KEY_OPTIMIZER, KEY_FREEZE, KEY_TRAIN, KEY_FREEZE_BN, KEY_TRAIN_BN,
	KEY_CARRY, KEY_TARGET, KEY_FLASH, KEY_DISABLE, KEY_DUMP_AFTER, KEY_BLAS,
	KEY_WEIGHTS, KEY_SLICES, KEY_EXECUTOR, KEY_SEED, KEY_JSON, KEY_RAM,
	KEY_MAX_RECOMPUTE, KEY_MICRO_BATCH, KEY_LOSS_PARTS, KEY_RECOMPUTE_TIME, KEY_SWEEP,
	KEY_EXPLAIN, KEY_PICTURE, KEY_FEED, KEY_LOW_RANK, KEY_SKETCH,
	KEY_SKETCH_FIRST_MOMENT, KEY_ALLOW, KEY_TILE
};

typedef enum ExecutorChoice {
	EXECUTOR_AUTO, EXECUTOR_INTERPRETER, EXECUTOR_C, EXECUTOR_LLVM
} ExecutorChoice;

typedef struct Args {
	Arena *arena;
	Options options;
	const char *model;                /* the command's argument */
	const char *loss, *optimizer;     /* as written; NULL: not given */
	const char *default_loss;         /* of the command; NULL: it may infer */
	bool json;
	const char *picture;              /* NULL: none is asked for */
	int64_t flash;                    /* bytes; 0: not limited */
	bool weights_bin, openblas, slices;
	ExecutorChoice executor;
	uint32_t seed;
	bool seeded;                      /* --seed was given */
} Args;

/* The headers of --help; those without one belong to what they follow. */
#define ARGS_READING {&args_reading, 0, "Model:", 0}
#define ARGS_TRAINING {&args_training, 0, "Training:", 0}
#define ARGS_BUDGET {&args_budget, 0, "Memory:", 0}
#define ARGS_TARGET {&args_target, 0, "Machine:", 0}
#define ARGS_PASSES {&args_passes, 0, "Passes:", 0}

extern const struct argp args_reading;    /* --batch --dim --constant ... */
extern const struct argp args_training;   /* --loss --optimizer --freeze ... */
extern const struct argp args_target;     /* --target MACHINE */
extern const struct argp args_budget;     /* --ram --max-recompute --micro-batch */
extern const struct argp args_sweep;      /* --sweep --explain */
extern const struct argp args_passes;     /* --disable --dump-after */
extern const struct argp args_blas;       /* --blas */
extern const struct argp args_form;    /* --weights */
extern const struct argp args_executor;   /* --executor --seed */
extern const struct argp args_json;       /* --json */
extern const struct argp args_picture;    /* --picture */

/* For ARGP_KEY_INIT: all children of the command write to the same Args. */
void args_share(struct argp_state *, const struct argp_child *, Args *);
/* For ARGP_KEY_ARG and ARGP_KEY_END of a command with MODEL as its only
 * argument. */
error_t args_model(int key, char *text, struct argp_state *, Args *);

/* A whole number in [lo, hi], or a usage error that names the option. */
int64_t args_number(struct argp_state *, const char *option, const char *text,
                    int64_t lo, int64_t hi);
/* The name of a file or folder to be written, or a usage error if it is empty. */
const char *args_path(struct argp_state *, const char *option,
                      const char *text);
/* A copy of a list of n elements, with room for one more. */
void *args_grow(Arena *, const void *list, int n, size_t size);
void args_append(Arena *, NameList *, const char *);
void args_add_dim(Args *, const char *name, int64_t size);      /* --dim */
void args_add_shape(Args *, const char *input, Shape);   /* --input-shape */

/* The parser, and the options, of a command that only lists something. */
error_t args_list(int key, char *text, struct argp_state *);
extern const struct argp_child args_list_children[];

#endif
