/* Who reads which memory, which node comes first, and what one needs: kept up
 * while a pass adds and removes nodes. */
#ifndef PASSES_READERS_H
#define PASSES_READERS_H

#include "ir/graph.h"

typedef struct Reader {
	Node *node;
	struct Reader *next;  /* of the same memory, in no order */
} Reader;

typedef struct Readers {
	Arena *arena;
	int nnodes, nvalues;  /* that there is room for */
	Reader **of;          /* by id of the value that is viewed */
	int *position;        /* by node id; what was added has that of the one
	                       * in front of it */
	bool *there;          /* by node id: in the graph */
	Value **variable;     /* by variable id; NULL: not read */
} Readers;

Readers *readers_create(Arena *, const Graph *);
/* When the node is in the graph, all in front of it are known. */
void readers_add(Readers *, const Graph *, Node *);
void readers_remove(Readers *, const Node *);

/* The first from there on that is in the graph. */
const Reader *readers_from(const Readers *, const Reader *);
/* Who reads the root's memory, views of it included. */
const Reader *readers_of(const Readers *, const Value *root);
const Reader *readers_of_variable(const Readers *, const Variable *);

bool readers_precede(const Readers *, const Node *a, const Node *b);

#define FOR_READERS(rs, r, list) \
	for (const Reader *r = (list); r; r = readers_from((rs), r->next))

/* ---- what one node needs ---- */

typedef struct Leads Leads;

/* While nodes are added to the graph that nothing else reads, or taken out. */
Leads *leads_create(Arena *, const Graph *, const Readers *);
/* p: there from the start. */
void leads_begin(Leads *, const Node *p);
/* Does p need what n computes, itself or through others? */
bool leads_from(Leads *, const Node *n);

#endif
