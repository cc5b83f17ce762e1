/*
 * Scan: nodes that run once for each of several equal parts of a batch, so that
 * what only one part needs is a part of its size. The name and the meaning are
 * ONNX's; a part is some rows of the first dimension, which are together in
 * memory, instead of one.
 *
 * The node's `body` lists the nodes that it stands for, with the shapes of the
 * whole batch; its inputs are what they read from outside, its outputs what is
 * read of them. From these the graph for one part is made: an input is given in
 * parts or whole, an output is put together of parts or added up; what is added
 * up may be a variable (MomentumAccumulate), which is then input and output.
 * Whoever plans memory plans that graph too; its arena is the node's workspace.
 */
#ifndef IR_SCAN_H
#define IR_SCAN_H

#include "ir/plan.h"

struct Scan {
	int64_t parts;
	Graph *graph;         /* input[i] is the node's in[i], one more is the
	                       * index; output[o] is out[o] */
	const Plan *plan;     /* of the graph; NULL until it is planned */
};

/* Makes the graph for one part. in_part: by input of the node, is it given in
 * parts? in_order: sums go on from part to part where they can. False if some
 * member cannot be computed so. */
bool scan_build(Graph *, Node *, int64_t parts, const bool in_part[],
                bool in_order);

/* Which input or output of the node a base of REGION_OUTER is; -1: none. */
int scan_input(const Node *, const Value *base);
int scan_output(const Node *, const Value *base);

/* Is the output, which replaces a variable, added to it part by part? `in`: the
 * input that reads it. */
bool scan_adds(const Node *, const Value *in, const Value *out);

/* May output o be written over input i? Each part of the input is read for the
 * last time before that part of the output is written. */
bool scan_in_place(const Node *, int i, int o);

/* How near may output o start before input i, in bytes, if the input dies? The
 * size of the output: there is no such distance. */
int64_t scan_distance(const Node *, int i, int o);

#endif
