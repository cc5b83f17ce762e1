/*
 * What Feed nodes ask the caller for: units of an input, one after the other in
 * memory, `count` from number `first` on. A unit is an example, or, where bands of
 * them are wanted (see ir/band.h), what is together in memory in each: a row.
 */
#ifndef IR_FEED_H
#define IR_FEED_H

#include "ir/plan.h"

/* Calls i = 0 .. calls - 1 ask for `count` units from first + i * apart on, one
 * call's behind the other's. */
typedef struct Ask {
	int64_t unit;         /* elements */
	int64_t calls, first, apart, count;
} Ask;

/* A unit of the input of that name, the same in all functions that are fed. */
int64_t feed_unit(const Program *, const char *input);
/* What the node asks for, from where its input, or this part of it, begins. */
Ask feed_ask(const Node *, int64_t unit);

#endif
