/* The steps that turn a forward graph into the model's functions; functions.c
 * calls them in this order. None of them is a pass: each needs more than one
 * graph, or makes values that the next one needs. */
#ifndef PASSES_TRAIN_H
#define PASSES_TRAIN_H

#include "ir/graph.h"
#include "ir/options.h"

/* How normalization and dropout behave. */
typedef enum Mode { MODE_TRAIN, MODE_INFER } Mode;

/* Brings every BatchNormalization and Dropout to the mode; in MODE_TRAIN,
 * options->freeze_bn and train_bn override what the file says. */
void set_mode(Graph *, Mode, const Options *);

/* By variable id: the parameters that the options let train. Reports patterns
 * that match nothing, and having none at all. */
bool *choose_trainable(Graph *, const Options *);

/* Appends the loss; makes the target input. NULL after a reported error. */
Value *append_loss(Graph *, const Options *);

/* Puts the backward pass where the file's own step has a Gradient. Returns the
 * gradients by variable id, NULL: none; or NULL after a reported error. */
Value **expand_gradients(Graph *);

/* What the file's own step binds to variables replaces them, but for the
 * parameters (by variable id) that are not to train. */
void bind_updates(Graph *, const bool *trainable);

/* What computes the loss: the backward pass follows it. NULL if none does. */
Node *loss_node(const Graph *);

/* Appends global-norm clipping and the update of every variable whose gradient
 * is in `grad` (by variable id, NULL: none), and makes its optimizer state. */
void append_updates(Graph *, Value *const grad[], const Options *);

/* The caller keeps the graph's data (Options.feed): it is read where it is. */
void keep_inputs(Graph *);
/* It is copied from there, when it is wanted, by Feed nodes. */
void feed_inputs(Graph *);

#endif
