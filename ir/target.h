/*
 * Target: what the emitted code will run on, as data. Adding one is one record
 * in target.c.
 */
#ifndef IR_TARGET_H
#define IR_TARGET_H

#include <stdbool.h>

typedef struct Target {
	const char *name, *help;
	int align;            /* of buffers in arena and state, bytes */
	bool workspace;       /* kernels may ask for a packing workspace */
	int lanes;            /* sums run in so many lanes; 0: one after another */
} Target;

extern const Target all_targets[];
extern const int ntargets;

const Target *target_find(const char *name);   /* NULL: unknown */

#endif
