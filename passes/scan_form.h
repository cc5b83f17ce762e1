/* A run while it forms: the nodes of one loop over the parts of a batch, and what
 * comes before and behind it (see scan.c). */
#ifndef PASSES_SCAN_FORM_H
#define PASSES_SCAN_FORM_H

#include "ir/graph.h"

typedef enum Where {
	NOT_YET,
	OUTSIDE,              /* computed before the run */
	IN_RUN,               /* by it, in parts, */
	SUMMED,               /*   or complete when it ends */
	BEHIND,               /* by what comes behind it */
	READY,                /* put off; could join the run, */
	WAITING,              /*   or only one to come */
} Where;

typedef struct Former {
	Graph *g;
	Arena *scratch;
	int64_t parts;
	bool *rows;           /* by value id: it comes in parts */
	Node **momentum;      /* by value id: see momentum_readers(), */
	Node **sgd;           /*   sgd_readers() */
	bool in_order;        /* sums go on from part to part, or are outside */
	bool *in_place;       /* by node id: adds to a parameter, or computes
	                       * what is added */
	int64_t most;         /* bytes of sums with which a run ends; 0: any */
	bool *in_parts;       /* by node id: it can be computed so */
	Where *where;         /* by value id */
	bool *done;           /* by node id */
	int nnodes, nrun, nbehind, noff, nsequence;
	Node **node;          /* the graph's, in its order */
	Node **run, **behind, **off, **sequence;   /* off: put off */
	bool changed;
	bool dry;             /* no Scans are made, only items counted */
	const int *follow;    /* by node id: its item, if that is given */
	int nitems, *item;    /* by node id */
} Former;

bool former_reads(const Former *, const Node *, Where);
/* Does it read what is not there, and cannot be put into the run? */
bool former_waits(const Former *, const Node *);
bool nodes_read_variable(Node *const list[], int n, const Variable *);
/* Does it replace a variable while nodes wait to be run? These may compute again
 * what reads its old contents, whether they read it themselves or not. Where
 * updates are to be early, only if they read it. */
bool former_replaces_early(const Former *, const Node *);
/* Does it compute nothing in parts? */
bool former_adds_up(const Former *, const Node *);

void former_move(Former *, const Node *, Where);
/* Puts the node into the run, after what it reads and was put off. */
void former_join(Former *, Node *);
void former_put_off(Former *, Node *);
/* Puts the node, as it is, behind all that there is. */
void former_append(Former *, Node *);
/* Ends the run; */
void former_end(Former *);
/* with what should be in it, of the nodes from `next` on too, and with what comes
 * behind it. */
void former_close(Former *, int next);

#endif
