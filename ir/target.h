/*
 * Target: what the emitted code will run on, as data: a core, or a part, which
 * is a core with memories. Adding one is one record in target.c.
 */
#ifndef IR_TARGET_H
#define IR_TARGET_H

#include <stdbool.h>
#include <stdint.h>

typedef enum { FPU_NONE, FPU_SINGLE, FPU_DOUBLE } Fpu;

typedef struct Core {
	const char *flags;    /* what gcc and clang call it; NULL: nothing */
	const char *triple;   /* what LLVM calls it; NULL: as this machine, */
	const char *cpu;      /*   of the least kind; the host itself: NULL */
	const char *features, *abi;   /* NULL: what the two before mean */
	const char *vectors;  /* instructions on several numbers; NULL: none */
	Fpu fpu;
	int align;            /* of buffers in arena and state, bytes */
	int lanes;            /* sums run in so many lanes; 0: one after another */
	bool workspace;       /* kernels may ask for a packing workspace */
	bool plain;           /* no compiler's vectors in kernels: what a sum is
	                       * does not depend on who compiles it */
	bool fused;           /* multiplies and adds at once, rounding once: so
	                       * do kernels, wherever these are compiled */
} Core;

/* Bytes of RAM are those that lie in one piece, since the arena does; of flash,
 * those in the part: 0 where it is another chip, or with a mere core. */
typedef struct Target {
	const char *name, *help;
	const Core *core;
	int64_t ram_bytes, flash_bytes;
} Target;

/* all_targets[0] is the host. */
extern const Target all_targets[];
extern const int ntargets;

const Target *target_find(const char *name);   /* NULL: unknown */
const Target *target_or_host(const Target *);       /* all_targets[0] for NULL */
const Target *target_core(const Target *);     /* the one that is its core */

/* "none", "single", "double". */
const char *fpu_name(Fpu);

#endif
