/*
 * Backends: a Program becomes text. What a pass decided arrives as data in the
 * Graph and the Plan; a backend decides nothing about memory.
 */
#ifndef BACKEND_BACKEND_H
#define BACKEND_BACKEND_H

#include "ir/plan.h"

typedef enum WeightsForm { WEIGHTS_C, WEIGHTS_BIN } WeightsForm;
typedef enum EmitForm {
	EMIT_C, EMIT_OBJECT, EMIT_ASM, EMIT_LLVM_IR
} EmitForm;

typedef struct EmitOptions {
	EmitForm form;
	WeightsForm weights;
	bool no_weights;        /* write none: the caller has an image of them,
	                         * and passes it as with WEIGHTS_BIN */
	bool openblas;          /* matrix products through cblas_sgemm */
	bool slices;            /* NAME_train_slice(), too: a step in pieces */
	const char *sha256;     /* of the model file, hexadecimal */
	const char *version;    /* thimble's */
} EmitOptions;

/*
 * Writes NAME.h, NAME.c, NAME_rt.h (the runtime functions it calls), and
 * NAME_weights.c or NAME_weights.bin into `dir`, which exists. Returns false
 * after error_at() if a file cannot be written.
 */
bool emit_c(const Program *, const EmitOptions *, const char *dir);

/* NAME.h alone, and NAME_weights.bin if the weights are that. */
bool emit_header(const Program *, const EmitOptions *, const char *dir);

/* Bytes of NAME.o that lie in flash: all functions of NAME.h, and the numbers
 * that they and init read. */
typedef struct CodeSize {
	int64_t code, constants;
} CodeSize;

/*
 * The same, with NAME.o, NAME.s or NAME.ll for the program's target in place of
 * NAME.c and all that it includes; of NAME.o also the size, else nothing. By
 * LLVM: see backend/jit.h.
 */
bool emit_llvm(const Program *, const EmitOptions *, const char *dir,
               CodeSize *);

/* False where thimble is built without LLVM. */
bool code_size_is_known(void);
bool code_size(const Program *, const EmitOptions *, CodeSize *);

/* The bytes of NAME_weights.bin. */
int64_t weights_image_bytes(const Program *);
void weights_image(const Program *, void *dst);

/* What NAME_save saves, in its order: the variables that are written, then the
 * hyper-parameters, which are f32. */
typedef struct SavedPart {
	const char *name;
	const Variable *var;    /* NULL: a hyper-parameter */
} SavedPart;

int saved_parts(Arena *, const Program *, SavedPart **);

/*
 * A C file to be compiled with NAME.c into a shared library that a host program
 * loads. It defines, whatever the model's name:
 *
 *   size_t thimble_glue_size(void);                     bytes of a context
 *   int thimble_glue_init(void *context, void *arena, size_t, void *state,
 *                         size_t, const void *weights, size_t);
 *   int thimble_glue_call(void *context, int function, void *const *fed);
 *       0 train step, 1 infer, 2 evaluate; -1: there is none. Data is written
 *       and read by the caller where the plan places it; what is fed is, whole,
 *       at fed[i] for input i of the function's graph, and where infer writes
 *       output o, at fed[inputs + o].
 *   float *thimble_glue_hyper(void *context, const char *name);  NULL: none
 *   uint32_t *thimble_glue_step(void *context);
 *   uint32_t *thimble_glue_seed(void *context);
 *
 * Results are 0 or the program's status.
 */
void emit_glue(FILE *, const Program *);

/* One kernel as a static C function `name`; parameters are the values it
 * touches, in the order of node->in, node->out. For tests and --dump. */
void emit_c_kernel(FILE *, const Kernel *, const char *name);

#endif
