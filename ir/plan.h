/*
 * Plan: in which order a graph's nodes run, and where every value lives.
 *
 * The planner's answer and the backends' question. Steps are numbered from 0;
 * a buffer lives from step `first` to step `last`, both included. Several
 * values share a buffer where one is a view of the other or overwrites it.
 */
#ifndef IR_PLAN_H
#define IR_PLAN_H

#include "ir/graph.h"
#include "ir/kernel.h"

typedef enum Region {
	REGION_NONE,      /* nobody needs it in memory: a scalar constant */
	REGION_ARENA,
	REGION_STATE,     /* a variable that is written */
	REGION_CONST,     /* constants and variables that are not */
	REGION_CONTEXT,   /* hyper-parameter, step, seed: in the context struct */
} Region;

typedef struct Buffer {
	const char *name;      /* of the value it was made for */
	MemoryClass memory;
	int64_t bytes, align, offset;   /* offset: from the arena's start */
	int first, last;
} Buffer;

typedef struct Place {
	Region region;
	int buffer;            /* REGION_ARENA: index in Plan.buffer */
	int64_t offset;        /* REGION_ARENA: bytes from the arena's start */
} Place;

typedef struct Plan {
	const Graph *graph;
	int nsteps;
	Node **step;
	int nbuffers;
	Buffer *buffer;
	Place *place;          /* by value id */
	int64_t arena_bytes;
	int64_t lower_bound;   /* largest sum of buffers that live at one step */
	int peak_step;         /* the first step with that sum, */
	int64_t peak[NMEMCLASS];   /* and its parts */
	Cost cost;
	int64_t recomputed_flops;
} Plan;

/*
 * Program: everything that the emitted code contains: the functions and the
 * layout of what persists. Functions that are not wanted are NULL.
 */
typedef struct Program {
	Model *model;
	Plan *train, *infer, *evaluate;
	int64_t align;
	int64_t arena_bytes;   /* the largest of the functions' */
	int64_t state_bytes;
	int64_t const_bytes;
	int64_t *offset;       /* by variable id: in the state if mutable, else
	                        * in the constants */
} Program;

/* Offsets of the variables: mutable ones in the state, the rest constant.
 * Fills state_bytes, const_bytes (with the graphs' own constants), offset and
 * arena_bytes. */
void program_layout(Program *);

void plan_print(FILE *, const Plan *);

#endif
