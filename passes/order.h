/*
 * The order that needs the least memory, and a proof of how little is possible.
 *
 *   order.c         the search: starts, improvements, what is proved
 *   order_walk.c    what each step of an order costs, one step at a time
 *   order_flow.c    maximum flow, for
 *   order_bound.c   the least that one task can cost, whatever the order
 *   order_budget.c  an order that puts off what does not fit
 *   order_late.c    an order whose steps come as late as they can
 *   order_window.c  a stretch of an order searched through
 *
 * A state is the set of tasks that have run. The cost of a step is what
 * buffers.c makes of it: all that lives before it and what it writes, less what
 * it writes over. It depends on the state and the task alone. All budgets count
 * work, not time, so that the result is the same everywhere.
 */
#ifndef PASSES_ORDER_H
#define PASSES_ORDER_H

#include "passes/planner.h"

/* ---- order_walk.c ---- */

typedef struct Walk {
	const Problem *p;
	int nrun;
	int64_t live;         /* bytes that some later task or the caller reads */
	int64_t idle;         /* inputs that nobody reads: only the first step */
	int *left;            /* by storage: readers to come */
	int *waits;           /* by task: predecessors to come */
	int64_t *taken;       /* by storage: the last overwriting, by `stamp` */
	int64_t stamp;
} Walk;

Walk *walk_create(Arena *, const Problem *);
int64_t walk_cost(Walk *, int task);           /* of the step, if it is next */
int64_t walk_growth(const Walk *, int task);   /* of `live` */
void walk_run(Walk *, int task);
void walk_undo(Walk *, int task);              /* the last that was run */

/* The cost of each step, if cost is not NULL, and the largest. */
int64_t order_peak(Arena *, const Problem *, const int order[],
                   int64_t cost[]);

/* ---- order_flow.c ---- */

typedef struct Flow Flow;

#define FLOW_MUCH (INT64_MAX / 8)   /* no cut goes through this capacity */

Flow *flow_create(Arena *, int nnodes);
void flow_arc(Flow *, int from, int to, int64_t capacity);
/* The least cut, or less when the work (arcs looked at) is used up: then it
 * becomes negative. */
int64_t flow_maximum(Flow *, int source, int sink, int64_t *work);
/* The smallest set on the source's side of a least cut. */
void flow_side(Flow *, int source, bool side[]);

/* ---- order_bound.c ---- */

typedef struct Bounder Bounder;

Bounder *bounder_create(Arena *, const Problem *);
/* No order has the task cost less. before[], by task: a set of tasks that makes
 * it so cheap when it has run; unset if work ran out. */
int64_t bounder_task(Bounder *, int task, bool before[], int64_t *work);

/* ---- order_window.c ---- */

typedef enum Found { FOUND_ORDER, FOUND_NONE, FOUND_NOTHING_YET } Found;

/* Orders order[lo..hi) anew so that no step of these costs more than `limit`.
 * FOUND_NONE: there is no such order, proved. */
Found window_search(const Problem *, int order[], int lo, int hi,
                    int64_t limit, int64_t *work);

/* ---- order_budget.c ---- */

/* The given order, but what makes a step cost more than `limit` waits, where
 * that can be. */
void schedule_within(const Problem *, const int given[], int64_t limit,
                     int order[]);

/* ---- order_late.c ---- */

/* The given order, but what adds to the live bytes comes when it is first read. */
void schedule_late(const Problem *, const int given[], int order[]);

/* ---- schedule.c ---- */

/* Another greedy order for each seed. */
void schedule_noisy(const Problem *, uint64_t seed, int order[]);

#endif
