/*
 * Nodes that contain graphs, flattened: the nodes of a body are put in front of
 * the node, with names of its own, each under the condition that it runs
 * (OnnxNode.guard). If: import_branch.c; Loop: import_loop.c.
 */
#ifndef FRONTEND_IMPORT_BODY_H
#define FRONTEND_IMPORT_BODY_H

#include "frontend/import.h"

enum { MAX_DEPTH = 16 };

typedef struct Flatten {
	Unit *u;
	const OnnxTensor *init;  /* initializers of the graph */
	NodeList nodes;          /* the result so far */
	Names *constants;        /* by init, and by producer: how often a Loop
	                          * runs may be one */
	int64_t effort;          /* bytes of names made */
} Flatten;

/* What a body defines, under which names; all others are those outside of it. */
typedef struct Scope {
	const struct Scope *outer;   /* NULL: the graph */
	Names *names;                /* with their alias */
	const char *prefix;
	int depth, nguards;
	OnnxGuard *guard;
} Scope;

/* A body of n, run if the condition, a flattened name, is as `then` says; "": it
 * runs. All that it defines gets a name that begins with n's first output and
 * `part`. False after an error. */
bool scope_open(Flatten *, const Scope *outer, const OnnxNode *n,
                const OnnxBranch *, const char *part, OnnxGuard, Scope *);
void scope_alias(Scope *, const char *name, const char *alias);
/* The name in the flattened graph. */
const char *scoped(const Scope *, const char *name);

const OnnxBranch *branch_of(const OnnxNode *, const char *name);   /* or NULL */
/* The nodes of a body, in its scope. False after an error. */
bool flatten_body(Flatten *, const Scope *, const OnnxNode *, const OnnxBranch *,
                  int64_t opset);
/* A node whose names are flattened, under the guards of the scope. */
bool flatten_push(Flatten *, const Scope *, OnnxNode);
/* A Constant of that name; a tensor of no name. */
OnnxNode flatten_constant(Flatten *, const char *name, OnnxTensor, Loc);

/* Can it be unrolled: is it sound, and its trip count a constant of the file? */
bool loop_unrolls(const Flatten *, const Scope *, const OnnxNode *);
bool flatten_loop(Flatten *, const Scope *, const OnnxNode *, int64_t opset);

#endif
