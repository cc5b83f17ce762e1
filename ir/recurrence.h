/*
 * What recurrent layers share: LSTMRecurrence, GRURecurrence, RNNRecurrence and
 * their gradients (back-propagation through time: Werbos, 1990).
 *
 * The input's part of all gates is no recursion: the importer makes it one
 * product over all steps, Z = X W^T + b, whose gradient is that of a Gemm. What
 * is left reads Z[T,N,G H] and walks along T: a step adds the state's part
 * h R^T, one small product, and computes G gates for N samples of H units.
 *
 *   T steps, N samples, H hidden units; Z and R[G H,H] are in G blocks of H
 *   columns (rows), one a gate, in the order of the attribute `order`
 *   layout 0: what has a line for each step of each sample is [T,N,..], as
 *   above; layout 1: it is [N,T,..], and so in parts where the batch is
 *   lengths[N]: sample n stands still from step lengths[n] on
 *   states S[T,N,H]: h behind each step; they and the gates, which may be
 *   written over Z, are all that the way back needs
 */
#ifndef IR_RECURRENCE_H
#define IR_RECURRENCE_H

#include "ir/op.h"
#include "ir/product.h"

enum { MAX_GATES = 4 };

typedef struct Recurrence {
	const Node *node;
	int64_t steps, batch, hidden, width;   /* T, N, H, G H */
	bool batch_first;                      /* [N,T,..] */
	int64_t step, sample;                  /* lines from one to the next */
	const Value *lengths;                  /* NULL: all steps count */
	bool reverse;
	int64_t block[MAX_GATES];              /* by gate: its first column */
} Recurrence;

enum {
	RECURRENCE_REVERSE, RECURRENCE_ORDER, RECURRENCE_LAYOUT,
	RECURRENCE_NATTRS,
};
#define RECURRENCE_ATTRS \
	[RECURRENCE_REVERSE] = {"reverse", ATTR_INT, true, 0}, \
	[RECURRENCE_ORDER] = {"order", ATTR_INTS}, \
	[RECURRENCE_LAYOUT] = {"layout", ATTR_INT, true, 0}

/* gates: of the shape [T,N,G H], or [N,T,G H]. */
Recurrence recurrence_of(const Node *, const Value *gates, int ngates,
                         const Value *lengths);
/* Checks Z, R, lengths and the order. False after error_at(). */
bool recurrence_infer(Unit *, const Node *, const Value *gates, int ngates,
                      const Value *weight, const Value *lengths);
/* Input i, if it is there, has the shape. False after error_at(). */
bool recurrence_input(Unit *, const Node *, int i, Shape);
Shape recurrence_states(const Recurrence *);   /* [T,N,H], or [N,T,H] */
Shape recurrence_state(const Recurrence *);    /* [N,H] */
void recurrence_output(const Node *, int o, Shape);
/* Input i; NULL if it is absent. */
Value *recurrence_in(const Node *, int i);
/* The number of the output with all states; -1: the node is no recurrence. */
int recurrence_states_output(const Node *);
/* Output o beyond those that are always there; NULL if nobody asked for it. */
const Value *recurrence_saved(const Node *, int o);
/* Adds outputs to the node until it has `nout`. */
void recurrence_save(Graph *, Node *, int nout, const Shape shape[]);
/* Every input is in parts but those of the mask, which are weights, and every
 * output comes in rows; if the batch comes first. */
bool recurrence_parts(const Node *, const bool part[], unsigned weights,
                      PartKind out[]);

/* ---- loop nests ---- */

/* The step that iteration s of the loop over time is about, forward and on the
 * way back. */
Index recurrence_time(const Recurrence *, int s);
Index recurrence_time_back(const Recurrence *, int s);
/* to = from, or 0 where that is absent. */
void recurrence_start(Kernel *, const Recurrence *, const Value *to,
                      const Value *from);

/* The first line of a step in what has lines of `width`. */
Index recurrence_line(const Recurrence *, Index time, int64_t width);

/* One unit of one sample at one step. */
typedef struct Cell {
	const Recurrence *r;
	Index time;
	int n, j;
	int alive;   /* variable: does the step count? -1: always */
} Cell;

Cell cell_open(Kernel *, const Recurrence *, Index time);
void cell_close(Kernel *);
Index cell_state(const Cell *);                /* in [N,H] */
Index cell_step(const Cell *);                 /* in the states */
Index cell_gate(const Cell *, int gate);       /* in the gates */
Index cell_product(const Cell *, int gate);    /* in [N,G H] */
/* x where the step counts, else y. */
Expr *cell_select(Kernel *, const Cell *, Expr *x, Expr *y);
/* What states[t] was one step before; s: the way back's loop over time. */
Expr *cell_previous(Kernel *, const Cell *, int s, const Value *states,
                    const Value *initial);
/* The gradient of h behind the step: what comes from the next step, and from
 * the states as an output, if any. */
Expr *cell_gradient(Kernel *, const Cell *, const Value *later,
                    const Value *states);
/* A variable, as an expression that may be used again and again. */
Expr *cell_bind(Kernel *, Expr *);
Expr *cell_sigmoid(Kernel *, Expr *);
Expr *cell_sigmoid_slope(Kernel *, Expr *y);   /* y (1 - y) */
Expr *cell_tanh_slope(Kernel *, Expr *y);      /* 1 - y^2 */

/* y[N,count] = x[N,H] R^T for the rows of R from `row` on. */
Product recurrence_product(const Recurrence *, const Value *x, Index at,
                           const Value *weight, int64_t row, int64_t count,
                           Matrix y);
/* dx[N,H] += dy R, where dy are `count` columns of a step's lines. */
Product recurrence_product_back(const Recurrence *, const Value *dy, Index at,
                                int64_t width, const Value *weight, int64_t row,
                                int64_t count, Matrix dx);

#endif
