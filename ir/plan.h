/*
 * Plan: in which order a graph's nodes run, and where every value lives.
 *
 * The planner's answer and the backends' question. Steps are numbered from 0;
 * a buffer lives from step `first` to step `last`, both included. Several
 * values share a buffer where one is a view of the other or overwrites it; so
 * the pointers that a step gets may be equal, or what they point to overlap.
 */
#ifndef IR_PLAN_H
#define IR_PLAN_H

#include "ir/graph.h"
#include "ir/kernel.h"
#include "ir/piece.h"
#include "ir/target.h"

typedef enum Region {
	REGION_NONE,      /* nobody needs it in memory: a scalar constant */
	REGION_ARENA,
	REGION_STATE,     /* a variable that is written */
	REGION_CONST,     /* constants and variables that are not */
	REGION_CONTEXT,   /* hyper-parameter, step, seed: in the context struct */
	REGION_OUTER,     /* of a Scan's graph: where the node's input or output is */
	REGION_CALLER,    /* wherever the caller has it: Value.fed */
} Region;

/* From step `first` to step `last` the bytes [low, high) of a buffer are
 * taken. */
typedef struct BufferWindow {
	int first, last;
	int64_t low, high;
} BufferWindow;

/* Of several values in one, each where its kernel has done with what it lies
 * over, the bytes that are taken change from step to step. */
typedef struct Buffer {
	const char *name;      /* of the value it was made for */
	MemoryClass memory;
	int64_t bytes, align, offset;   /* offset: from the arena's start */
	int first, last;
	int nwindows;          /* 0: all of it, all the time; else by step, */
	BufferWindow *window;  /*   without gaps */
} Buffer;

/* Where a value is. `base` is whose memory it is: the value itself, or what it
 * is a view or a part of. REGION_STATE: base->var is the variable, Program.offset
 * has its place. REGION_CONST: base is a V_CONST or reads a variable that nobody
 * writes. REGION_CONTEXT, REGION_CALLER: base is the input, or
 * an output. REGION_OUTER: base is the input or
 * output of the Scan's graph. */
typedef struct Place {
	Region region;
	const Value *base;
	int buffer;            /* REGION_ARENA: index in Plan.buffer */
	int64_t offset;        /* in bytes, from where the arena or base begins */
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
	int64_t order_bound;   /* no order of the steps needs less; 0: unknown */
	bool order_optimal;    /* this one needs just that, proved */
	int peak_step;         /* the first step with that sum, */
	int64_t peak[NMEMCLASS];   /* and its parts */
	Cost cost;
	int64_t recomputed_flops;
} Plan;

/* What was done to need less memory than a step that computes nothing twice:
 * bytes of the arena it saved, operations it costs. */
typedef struct Technique {
	const char *name;
	int64_t bytes, flops;
} Technique;

/* What a technique, a pass, saves: the arena without it, and the difference. */
typedef struct Saving {
	const char *name, *help;
	int64_t arena_without, saved;
} Saving;

/* What --low-rank or --sketch saves, before any budget: bytes of gradients at once,
 * of the optimizer's state, of all RAM; and operations that it costs. */
typedef struct ThinSaving {
	const char *name;      /* "low-rank"; NULL: of all that there is */
	int64_t gradients, optimizer, ram, flops;
} ThinSaving;

enum { MOST_THIN = 3 };

/* Each that was asked for; and, if both were, what they save together. */
typedef struct ThinTotal {
	int n;
	ThinSaving of[MOST_THIN];
} ThinTotal;

/* One point of the curve of memory against operations. */
typedef struct SweepPoint {
	int64_t ram, arena_bytes, flops;
	int64_t extra_flops;   /* than the point with the fewest */
	int64_t recomputed_flops;
	bool changes;          /* what is learned: see Options.allow */
	int ntechniques;
	Technique *technique;
	const Plan *plan;
} SweepPoint;

/*
 * Program: everything that the emitted code contains: the functions and the
 * layout of what persists. Functions that are not wanted are NULL.
 */
typedef struct Program {
	Model *model;
	const Target *target;  /* NULL: all_targets[0] */
	Plan *train, *infer, *evaluate;
	bool of_probabilities; /* the loss takes the output for them */
	int64_t align;
	int64_t arena_bytes;   /* the largest of the functions' */
	int64_t state_bytes;
	int64_t const_bytes;
	int64_t *offset;       /* by variable id: in the state if mutable, else
	                        * in the constants; -1: no function reads it */
	int64_t ram;           /* budget of arena and state; 0: none */
	bool fits;             /* if not, `train` is the smallest that was found */
	int64_t smallest_ram;  /*   and this is what the program then takes */
	int64_t ram_floor;     /*   and no step of it can do with less, proved */
	bool limited;          /* Options.limit: `train` is the smallest that */
	double limit;          /*   was found within so many percent */
	int64_t extra_flops;   /* of `train`, if that was searched for */
	int ntechniques;       /* then: what it owes to what */
	Technique *technique;
	int nsavings;          /* Options.explain: of the training step, or else */
	Saving *saving;        /*   of inference, without a budget */
	const ThinTotal *thin; /* Options.weigh: if either is asked for */
	int npoints;           /* Options.sweep */
	SweepPoint *point;     /* from most memory to least */
} Program;

/* Offsets of the variables, multiples of `align`: mutable ones in the state,
 * the rest constant. Fills state_bytes, const_bytes (with the graphs' own
 * constants), offset and arena_bytes. */
void program_layout(Program *);

/* The i-th window of the buffer, of so many. */
int buffer_windows(const Buffer *);
BufferWindow buffer_window(const Buffer *, int i);
/* The bytes that live in the arena at each step. */
void plan_live(const Plan *, int64_t live[]);

/* Is so large a gradient of that variable in the arena, or in that of a loop? */
bool plan_has_gradient(const Plan *, const char *of, int64_t elements);

/* Is what the node hands on at once where it is to be? */
bool plan_has_placed(const Plan *, const Node *, const Piece *);
/* True if the node needs no code: all that it gives out is handed on, and in
 * place. */
bool plan_skips(const Plan *, const Node *);
/* What the node has to do: its kernel, or the moves of what is not in place. */
Kernel *plan_kernel(Arena *, const Plan *, const Node *);

void plan_print(FILE *, const Plan *);

#endif
