/*
 * The runtime's text, which the compiler carries. What a program needs of it is
 * found in the text itself: the functions named rt_... that the program calls,
 * the files that define them, and so on for what those files call.
 */
#ifndef BACKEND_C_RUNTIME_H
#define BACKEND_C_RUNTIME_H

#include "ir/arena.h"
#include "ir/conv.h"

#include <stdbool.h>
#include <stdint.h>

bool runtime_has(const char *fn);

/* The function to call for `fn`: with blas, a variant of that kind. */
const char *runtime_name(const char *fn, bool blas);

/* Headers and sources that `program` needs, as one text; NULL: none. */
const char *runtime_text(Arena *, const char *program);

/* What the convolutions and products of a program are at most, so that a compiler
 * leaves out what none of them needs: see runtime/rt.h. 0: there are none. */
typedef struct ConvLimits {
	int64_t depth_stride, stride, span;
	bool three, five, other, bare, depth_five;
	bool goes_on;         /* a gradient from what is there, */
	bool gemm_goes_on;    /*   of a product's weight */
} ConvLimits;

/* One more, by a call of `fn`, with the numbers of its rt_conv. */
void conv_limits_add(ConvLimits *, const char *fn,
                     const int64_t field[CONV_NUMBERS]);
/* A call of `fn` goes on from what is there. */
void conv_limits_go_on(ConvLimits *, const char *fn);

#endif
