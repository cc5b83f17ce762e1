/*
 * Which dimension of the data is the batch. Most models have it first. Those
 * with recurrent layers may have time first and the batch second, as ONNX's own
 * LSTM, GRU and RNN do; so it is looked for where these read the data.
 */
#ifndef IR_BATCH_AXIS_H
#define IR_BATCH_AXIS_H

#include "ir/graph.h"

/* Sets batch_axis of the data of a graph as the importer leaves it. `axis`: it
 * is that of all data; 0: it is to be found out. False after an error. */
bool graph_find_batch(Graph *, int axis);

/* The dimension of v, which is computed from the data, that is the batch; 0 if
 * that cannot be told. */
int value_batch_axis(Graph *, const Value *v);

/* What graph_batch() is the size of, is a dimension of this input. */
bool value_has_batch(const Graph *, const Value *input);

/* The shape of an input in the model: one that is fed has examples first. */
Shape value_model_shape(const Value *input);

/* Examples of an input come one after the other in runs of so many elements:
 * element j of example i of n is number (j / run * n + i) * run + j % run. */
int64_t value_batch_run(const Value *input, int64_t batch);

/* Where v has no such dimension: one that has time and the batch, as inner part,
 * in it; -1: there is none. */
int value_merged_axis(Graph *, const Value *v);

#endif
