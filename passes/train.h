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

/* Reports a glob of that option that names no parameter. */
void check_pattern(Graph *, const char *pattern, const char *option);

/* By variable id: the parameters that the options let train. Reports patterns
 * that match nothing, and having none at all. */
bool *choose_trainable(Graph *, const Options *);

/* Appends the loss; makes the target input. NULL after a reported error. */
Value *append_loss(Graph *, const Options *);

/* What the loss is of, where the output is x. */
Value *loss_logits(Graph *, const LossOptions *, Value *x);
bool loss_is_of_probabilities(const LossOptions *, const Value *x);
void warn_of_logits(Graph *, const LossOptions *, const Value *x);

/* The output that the loss is of: the named one, or the first of floating-point
 * numbers. NULL: there is none. */
const Output *find_loss_output(const Graph *, const LossOptions *);

/* x, [..,classes], as a matrix of rows, and what it is computed from row by row. */
Value *loss_rows(Graph *, Value *x);
/* How many rows the output has that the loss is of; 0: it has none. */
int64_t count_loss_rows(const Graph *forward, const Options *);
/* Twice as many parts of them, or a few more; more than rows: there are none. */
int64_t more_loss_parts(int64_t rows, int64_t parts);

/* By node id: those from the product to the loss that are to run in parts of
 * the rows. */
bool *loss_head(Arena *, Graph *, const Options *);

/* Of what may not be meant, if there is a loss. */
void warn_of_loss(Graph *, Value *loss, const Options *);

/* Puts the backward pass where the file's own step has a Gradient. Returns the
 * gradients by variable id, NULL: none; or NULL after a reported error. */
Value **expand_gradients(Graph *);

/* What the file's own step binds to variables replaces them, but for the
 * parameters (by variable id) that are not to train. */
void bind_updates(Graph *, const bool *trainable);

/* What computes the loss: the backward pass follows it. NULL if none does. */
Node *loss_node(const Graph *);

/* The scalar of that name, which the program may set between steps. */
Value *hyper_parameter(Graph *, const char *name, double initial);

/* How many tensors of a parameter's size the optimizer keeps; what is much smaller
 * does not count. */
int optimizer_states(const OptimizerOptions *);

/* The variable "OWNER/WHAT", made if it is new; all 0 at first. */
Value *optimizer_state(Graph *, const char *owner, const char *what, DType,
                       Shape);

/* Bytes of such a tensor, if it has so many elements. */
int64_t optimizer_state_bytes(const OptimizerOptions *, DType, int64_t elements);

/* What that variable, which has a sign, tells before this step's update, of the
 * shape and type of `like`: itself, or what its codes mean. */
Value *decoded_state(Graph *, const char *owner, const char *what, Value *like,
                     const OptimizerOptions *);

/* Output o of the node is what becomes of the variable. */
void node_replaces(Node *, int o, Variable *);

/* The optimizer's update of w, whose state is the owner's and is replaced; its
 * first output, the new w, is bound to nothing yet. `decays`: with the
 * optimizer's weight decay. NULL after a reported error. */
Node *update_node(Graph *, const char *owner, Value *w, Value *grad,
                  bool decays, const OptimizerOptions *);

/* The same of --sketch (sketch.c). */
bool check_sketches(Graph *, const Options *);
bool can_sketch(const OptimizerOptions *);
bool append_sketched_update(Graph *, Variable *, Value *grad, const Options *);

/* Names in --tile become those of values (tile.c). False after a reported error:
 * there are none, or they have no bands. */
bool find_tiles(const Graph *forward, Options *);

/* Is --low-rank of parameters that there are, and of an optimizer? False after a
 * reported error. */
bool check_low_ranks(Graph *, const Options *);
/* The same of a parameter whose gradient is to have a low rank (low_rank.c). False
 * if none is asked for, or it does not pay: Variable.thin says which. */
bool append_low_rank_update(Graph *, Variable *, Value *grad, const Options *);

/* Appends global-norm clipping and the update of every variable whose gradient
 * is in `grad` (by variable id, NULL: none), and makes its optimizer state. */
void append_updates(Graph *, Value *const grad[], const Options *);

/* The caller keeps the graph's data (Options.feed): it is read where it is. */
void keep_inputs(Graph *);
/* It is copied from there, when it is wanted, by Feed nodes. */
void feed_inputs(Graph *);

#endif
