/*
 * Backends: a Program becomes text. What a pass decided arrives as data in the
 * Graph and the Plan; a backend decides nothing about memory.
 */
#ifndef BACKEND_BACKEND_H
#define BACKEND_BACKEND_H

#include "ir/plan.h"

typedef enum WeightsForm { WEIGHTS_C, WEIGHTS_BIN } WeightsForm;

typedef struct EmitOptions {
	WeightsForm weights;
	bool openblas;          /* matrix products through cblas_sgemm */
	const char *sha256;     /* of the model file, hexadecimal */
	const char *version;    /* thimble's */
} EmitOptions;

/*
 * Writes NAME.h, NAME.c, NAME_rt.h (the runtime functions it calls), and
 * NAME_weights.c or NAME_weights.bin into `dir`, which exists. Returns false
 * after error_at() if a file cannot be written.
 */
bool emit_c(const Program *, const EmitOptions *, const char *dir);

/* One kernel as a static C function `name`; parameters are the values it
 * touches, in the order of node->in, node->out. For tests and --dump. */
void emit_c_kernel(FILE *, const Kernel *, const char *name);

#endif
