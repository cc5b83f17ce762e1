/*
 * Recomputation under a budget. The object of the search is a Sequence: tasks
 * of a Problem in the order in which they run, where a task that stands there
 * again computes its results again. A read gets what was written last. So the
 * sequence alone says what is kept, how long, and what it costs:
 *
 *   remat.c         the model: what a sequence costs, and the graph it means
 *   remat_move.c    drop a value: the best one, or many at once
 *   remat_clean.c   take repetitions back
 *   remat_window.c  many changes at once: some tasks done anew, exactly,
 *   remat_path.c      by a shortest path
 *   remat_pick.c    tasks for that
 *   remat_start.c   sequences to start from: checkpointed segments
 *   remat_search.c  the search
 *   budget.c        asks it for what the user's budget wants
 */
#ifndef PASSES_REMAT_H
#define PASSES_REMAT_H

#include "passes/planner.h"

enum {
	REMAT_REUSES = 64,    /* of a task that count */
	REMAT_WINDOW = 12,    /* storages */
	REMAT_BLOCK = 64,     /* entries */
};

typedef struct Sequence {
	int n;
	int *task;
} Sequence;

/* One computation of a storage, alive from entry `first` to entry `last`. */
typedef struct Life {
	int storage, first, last;
	int earlier;          /* the storage's life before this one; -1: none */
} Life;

typedef struct Remat {
	Arena *arena;
	const Problem *p;
	Sequence base;        /* each task once, views that are in place left out */
	int nsources;         /* storages that are there before the first entry */
	int *replaced_by;     /* by storage: the task after which it is other; -1 */
	int *position;        /* by task: its first entry in the base */
	bool *fixed;          /* by task: may run once only */
	int max;              /* entries that a sequence may have */
	int64_t target;       /* bytes that no step should exceed */
	int64_t work;         /* entries measured so far: the search's clock */

	/* What the sequence that was measured last is like. */
	int nlives;
	Life *life;
	int *latest;          /* by storage: its last life */
	int *where;           /* by task: its last entry */
	int *reads;           /* by entry: where its reads begin in `source` */
	int *source;          /* lives */
	int64_t *live;        /* bytes by entry */
	int64_t *highest;     /* of each block of entries */
	int64_t peak, excess; /* excess: bytes over the target, over all entries */
	int peak_entry;
	int64_t flops;
} Remat;

/* order: of all tasks. */
Remat *remat_create(Arena *, const Problem *, const int order[]);

Sequence sequence_create(Remat *);
void sequence_copy(Sequence *to, const Sequence *from);
void remat_measure(Remat *, const Sequence *);
/* May entries from one up to another have so many bytes more? */
bool remat_fits(const Remat *, int from, int to, int64_t bytes);
/* Bytes that the task writes over what it reads; dies[k]: nobody wants what
 * reuse k would overwrite. */
int64_t remat_reused(const Problem *, const Task *, const bool dies[]);
/* Leaves out what nobody reads before it is computed again. */
void sequence_prune(const Remat *, Sequence *);
/* The graph whose nodes run in the order of the sequence. */
Graph *remat_graph(const Remat *, const Sequence *);

/* A storage to compute again in front of an entry, and not to keep until then. */
typedef struct Drop {
	int storage, before;
	double score;         /* operations for each byte and entry it frees */
} Drop;

/* What may be dropped around the entry, best first; at most `max`. Like the next
 * one, about the sequence that was measured last. */
int remat_drops(Remat *, const Sequence *, int at, Drop drop[], int max);
/* frugal: what the computation reads is rather kept, if it is smaller, than
 * computed again in turn. False: the sequence would become too long. */
bool remat_drop(Remat *, const Sequence *, const Drop *, bool frugal,
                Sequence *to);
/* The best of all drops at once, at most `most`, as far as none is in another's
 * way. It goes by estimates, so that the sequence is to be measured. False:
 * there was none. What was measured does not hold afterwards. */
bool remat_drop_many(Remat *, const Sequence *, int most, Sequence *to);
/* Takes back repetitions that the target can do without. */
void remat_clean(Remat *, Sequence *);

/* The best that can be made of the sequence that was measured last if only these
 * tasks' entries may move, vanish or be added: least over the target, then least
 * operations. False: they write more than REMAT_WINDOW storages. */
bool remat_window(Remat *, const Sequence *, int n, const int task[],
                  Sequence *to);

/* Tasks for a window of the sequence that was measured last; at most
 * REMAT_WINDOW. */
int remat_pick(Remat *, const Sequence *, uint64_t *random, int task[]);

/* Forward pass in `n` segments: what is in one is computed again when the
 * backward pass comes to it. False: there is no such sequence. */
bool remat_segments(Remat *, int n, Sequence *to);


/* The cheapest sequence found of which no step exceeds `target`; false if none
 * was found, *to is then the one with the smallest. `effort`: entries that may
 * be measured. */
bool remat_search(Remat *, int64_t target, int64_t effort, Sequence *to);

#endif
