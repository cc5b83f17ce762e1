/*
 * A step of training in slices (EmitOptions.slices): what is printed around the
 * calls of NAME_train_slice(). A slice number of NULL is that of a function
 * which runs through: then nothing is printed.
 */
#ifndef BACKEND_C_SLICE_H
#define BACKEND_C_SLICE_H

#include "backend/c_steps.h"

/* A loop over parts of the batch. */
typedef struct CLoop {
	const Plan *plan;           /* of one part */
	const CStep *step;
	const char *part;           /* the variable that counts them */
	int64_t parts;
	int depth;                  /* of loops that it is in */
} CLoop;

/* Around a call, which is slice number *slice. */
void c_slice_open(Writer *, const int *slice);
void c_slice_close(Writer *, const CProgram *, int *slice);

/* Around the steps of a loop; begin gives what end wants to know. */
int c_loop_begin(Writer *, const CLoop *, const int *slice);
void c_loop_end(Writer *, const CLoop *, int first, int *slice);

/* Does any function run in slices; does f? */
bool c_has_slices(const CProgram *);
bool c_is_sliced(const CProgram *, const CFunction *f);

/* The context's fields; NAME_train_step() by calling NAME_train_slice(); and
 * what refuses to disturb a step that is under way. */
int c_slice_depth(const CProgram *);   /* of loops over parts */
int c_loop_slices(const Plan *, const CStep step[]);   /* of one part */
void c_put_slice_fields(Writer *, const CProgram *);
void c_put_sliced_step(Writer *, const CProgram *, const CFunction *f);
void c_put_slice_check(Writer *, const CProgram *);

/* The slice that takes longest, by its operations, and which node it is of. */
typedef struct CSlice {
	int64_t flops;
	const char *node;
} CSlice;

CSlice c_longest_slice(const CProgram *);

#endif
