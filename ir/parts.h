/*
 * Nodes on parts of the batch. A part of a value is one of `parts` equal,
 * consecutive pieces of its first dimension, and so of its memory. For each
 * operator: what comes of a node some of whose inputs are given in parts, and
 * the node that computes one part. What a loop over micro-batches is made of.
 */
#ifndef IR_PARTS_H
#define IR_PARTS_H

#include "ir/graph.h"

/* How an output for all of the batch comes of the outputs for the parts. */
typedef enum PartKind {
	PART_WHOLE,   /* it depends on no input that is in parts */
	PART_ROWS,    /* they are its parts */
	PART_SUM,     /* it is their sum */
	PART_MEAN,    /* it is their average */
} PartKind;

/* May the node be computed part by part, input i in parts where part[i]? Then
 * out[] is filled, by output; a workspace counts as PART_WHOLE. */
bool node_parts(const Node *, const bool part[], int64_t parts, PartKind out[]);

/* The same where inputs that are whole may be read in parts as well: sets
 * part[i] for those that must be. */
bool node_divide(const Node *, bool part[], int64_t parts, PartKind out[]);

/* The node for one part, where node_parts() says yes: in[i] has the shape of a
 * part where part[i], and n's input's elsewhere. `index`: an i32 scalar, the
 * number of the part from 0; only Dropout reads it. No workspace: a later pass
 * grants that. */
Node *node_part(Graph *, const Node *n, Value *const in[], const bool part[],
                int64_t parts, Value *index);

/* Its sums, of an operator that goes on, begin with from[o], or with 0. */
void node_go_on(Graph *, Node *, Value *const from[]);

/* ---- for the operators' rules, OpDef.parts ---- */

/* A rule is asked only where some input is in parts and all that are divide;
 * outputs that it calls PART_ROWS must divide too, which node_parts() sees. */
typedef bool PartsRule(const Node *, const bool part[], PartKind out[]);

PartsRule parts_elementwise;   /* rows, where all inputs broadcast to out[0] */
PartsRule parts_first;         /* rows of the first input, the others whole */
PartsRule parts_all;           /* rows of all inputs */
PartsRule parts_all_sum;       /* a sum over the rows of all inputs */

/* Every output is of that kind: what a rule returns. */
bool parts_give(const Node *, PartKind, PartKind out[]);
/* Are just the inputs 0 to n - 1 in parts, and all of them? */
bool parts_are_first(const Node *, const bool part[], int n);
/* Do all inputs in parts have the first dimension of `whole`, with which all
 * broadcast, and none of the others? */
bool parts_align(const Node *, const bool part[], Shape whole);

#endif
