/*
 * What the parts of the planner share. In this order:
 *
 *   share.c     which values lie inside of one another
 *   cut.c       memory cut into storages that live as long as they are read
 *   problem.c   the graph as tasks that read and write storages
 *   schedule.c  orders of the tasks, quickly
 *   order*.c    the order with the least peak, and what is proved of it
 *   floor.c     what no schedule can do without
 *   buffers.c   for one order: lifetimes, and which storages share a buffer
 *   place.c     offsets of the buffers in one arena
 *   plan.c      chooses, and writes it down as a Plan
 *
 * check.c judges the result and knows none of this.
 */
#ifndef PASSES_PLANNER_H
#define PASSES_PLANNER_H

#include "ir/plan.h"

/* Memory that is written and read as one: a value's, all its views' too; or a
 * part of it, if some value lies inside of another. The storages of one body are
 * neighbours in memory, `at` bytes from where it begins. */
typedef struct Storage {
	const Value *root;    /* whose elements it was made for, */
	const Value *whole;   /*   and the largest value of the body */
	int body;
	int64_t at;
	Region region;
	int64_t bytes;        /* it takes in the arena; 0 in other regions */
	int writer;           /* task; -1: there before the first step */
	bool output;          /* must be intact after the last step */
	int nreaders, *reader;   /* tasks, each once, ascending */
} Storage;

/* The task may write `write` over `read`, if nobody wants that afterwards, so
 * many bytes before it. */
typedef struct Reuse {
	int read, write;
	int64_t ahead;        /* 0, or a multiple of OVERLAP_ALIGN */
	int more_read, more_write;   /* storages behind them that belong to it */
} Reuse;

enum { OVERLAP_ALIGN = 64 };   /* what all alignments divide */

/* One node, in the order of the graph. */
typedef struct Task {
	Node *node;
	bool skipped;         /* all that it hands on is in place */
	int nreads, *read;    /* storages, each once */
	int nwrites, *write;
	int nreuses;
	Reuse *reuse;
	int nbefore;          /* number of entries for it in all `after` */
	int nafter, *after;   /* tasks that must come later */
	Cost cost;
} Task;

typedef struct Problem {
	Arena *arena;         /* scratch: dies with the problem */
	Graph *graph;
	int ntasks, nstorages;
	Task *task;
	Storage *storage;
	int *of;              /* first storage by value id; -1: not in memory */
	int *parts;           /*   and how many */
	int64_t *at;          /* by value id: bytes from where the first begins */
	int nshared;          /* pieces handed on in place, views left out */
} Problem;

/* With views as they are, and no value inside of another. BUG if an output is
 * not in the arena or a variable cannot be replaced in place: the pass `outputs`
 * sees to both. */
Problem *problem_create(Arena *, Graph *);
/* Where values may lie inside of others, but for what these nodes, by id, copy. */
Problem *problem_with_views(Arena *, Graph *, const bool *copies);

bool reuse_is_in_place(const Problem *, const Reuse *);
/* Bytes that the two need less than apart. */
int64_t reuse_saves(const Problem *, const Reuse *);
/* Adds it to the task's, behind those of the same `write` that save more. The
 * first that may be used is. */
void task_reuse(const Problem *, Task *, Reuse);
/* Gives up what writes over a part of its input only; true if there was any. */
bool problem_separate(Problem *);

/* No schedule needs less at its fullest step, whatever it computes again. */
int64_t problem_floor(const Problem *);
/* The same. Unless `whole`, its batch may also be run in parts: then only the
 * inputs are sure to be there as they are. */
int64_t plan_floor(const Plan *, bool whole);

/* An order of the tasks: order[step] = task. */
typedef void Scheduler(const Problem *, int order[]);

extern Scheduler *const all_schedulers[];   /* the first keeps the order */
extern const int nschedulers;

/* The best order that is found, never worse than the schedulers'. */
typedef struct Order {
	int *task;            /* by step */
	int64_t bound;        /* no order has a lower peak */
} Order;

Order order_search(const Problem *);

/* What one order makes of the storages. */
typedef struct Layout {
	const int *order;
	int nbuffers;
	Buffer *buffer;       /* by `first`; no offsets yet */
	int *of;              /* buffer by storage; -1: not in the arena */
	int64_t *at;          /* by storage: where in its buffer */
	int64_t peak;         /* largest sum of bytes at one step, */
	int peak_step;        /*   and the first such step */
} Layout;

/* Operations that the graph spends on computing values again. */
int64_t repeated_flops(const Graph *);

Layout *layout_create(const Problem *, const int order[], int align);

/* Sets the offsets; returns the arena's size. */
int64_t place_buffers(Arena *, int n, Buffer buffer[]);

/* The same, where some were placed before: buffers as large and as long-lived go
 * where those went. The list begins as NULL and lives as long as the arena. */
typedef struct Placed Placed;
int64_t place_once(Placed **, Arena *, int n, Buffer buffer[]);

#endif
