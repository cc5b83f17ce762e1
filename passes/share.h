/*
 * Sharing: which values lie inside of one another. A Body is memory that is
 * placed as one, a value a range of it; where values overlap they hold the same
 * elements, because one node after the other handed them on (ir/piece.h).
 */
#ifndef PASSES_SHARE_H
#define PASSES_SHARE_H

#include "ir/piece.h"
#include "passes/planner.h"

typedef struct Body {
	Region region;
	int64_t low, high;    /* its bytes, in coordinates of its own */
	int first, last;      /* values, by id */
} Body;

/* What a task hands on, and whether that is in its place. */
typedef struct Handed {
	int n;
	Piece *piece;
	bool *placed;
} Handed;

typedef struct Share {
	Body *body;
	int *of;              /* by value id: body; -1: nobody reads it */
	int64_t *at;          /* by value id: where it begins */
	int *next;            /* by value id: another of its body; -1 */
	int nvalues;          /* that are read or computed, */
	const Value **value;  /*   in the order of the graph, */
	const Value **by_id;
	int *writer;          /* by value id: task; -1: it is there at first */
	Handed *handed;       /* by task */
	int *replaced;        /* by variable id: the task that writes it */
	int nplaced;          /* pieces in their place, views left out */
} Share;

/* p: with its nodes. loaded, by value id: some kernel reads it in memory.
 * copies, by node id: it moves its pieces; NULL: all do that are no views. */
Share *share_create(const Problem *p, const bool *loaded, const bool *copies);

/* Bytes that the piece has, and where it begins in its output. */
int64_t piece_bytes(const Node *, const Piece *);
int64_t piece_start(const Node *, const Piece *);

/* The problem's storages, and which of them each value is. */
void cut_storages(Problem *, const Share *);

#endif
