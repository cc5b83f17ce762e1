/* A window of a sequence, and the best way through it. */
#ifndef PASSES_REMAT_PATH_H
#define PASSES_REMAT_PATH_H

#include "passes/remat.h"

enum { MOST_OPTIONS = 8 };

typedef unsigned Set;         /* of the window's storages */

typedef struct Price {
	int64_t excess, flops;
} Price;

/* What a task may write over: if these are not wanted afterwards, its step
 * needs so many bytes less. */
typedef struct Option {
	Set without;
	int64_t saved;
} Option;

typedef struct Choices {
	int n;
	Option option[MOST_OPTIONS];
} Choices;

typedef struct Free {
	int task;
	Set reads, writes;
	int64_t flops;
	int64_t unread;       /* bytes of results that nobody reads */
	Choices choices;      /* wherever it runs */
} Free;

/* An entry in front of which the window's tasks may run, and those behind it
 * up to the next one. */
typedef struct Stop {
	int entry;
	int64_t across;       /* bytes outside the window, in front of it */
	unsigned ready;       /* tasks whose other inputs are there */
	int free;             /* the entry is this task of the window; or -1 */
	Set reads;            /* by the entry, if it stays */
	Choices choices;      /* of the entry */
} Stop;

typedef enum Step { NO_STEP, STEP_ON, STEP_RUN, STEP_DROP } Step;

/* How a state is reached. */
typedef struct Origin {
	uint8_t step, free;
	uint16_t state;       /* before */
} Origin;

typedef struct Window {
	Remat *r;
	const Sequence *q;
	Arena *arena;
	int nfree, nbits, nstops;
	Free free[REMAT_WINDOW];
	int *bit;             /* by storage: -1: outside, NO_BIT: nobody reads */
	int *free_of;         /* by task; -1: outside */
	int64_t *across;      /* by entry: bytes outside, in front of it, */
	int64_t *during;      /*   and at it */
	int64_t *bytes;       /* by state */
	Set kept;             /* to the end */
	Stop *stop;
	Price *price, *next;  /* by state */
	uint8_t *fresh;       /* by state: what it was not looked at for */
	Price limit;          /* of the sequence as it is */
	Origin *origin;       /* by stop and state */
} Window;

enum { OUTSIDE = -1, NO_BIT = -2 };

static inline int window_states(const Window *w)
{
	return 1 << w->nbits;
}

/* The best sequence within the window; false if it would be too long. */
bool window_path(Window *, Sequence *to);

#endif
