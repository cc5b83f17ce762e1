/*
 * Count sketches of a matrix [n, d] by rows (Charikar, Chen, Farach-Colton 2002;
 * Spring, Kyrillidis, Mohan, Shrivastava 2019, "Compressing Gradient Optimizers
 * via Count-Sketches"): SKETCH_DEPTH tables [width, d], in each of which a row is
 * where a hash of its number says. Rows that meet share what they have there; a
 * query takes the least of the tables (of what is not negative) or their median
 * (with a sign, that of another hash).
 *
 * Hashes are of 32 bits, in integers alone, so that they are the same everywhere.
 */
#ifndef IR_SKETCH_H
#define IR_SKETCH_H

#include "ir/op.h"

enum { SKETCH_DEPTH = 3 };

/* The shape of the sketch of a matrix whose rows have d elements. */
Shape sketch_shape(int64_t width, int64_t d);

/* The inputs that sketched updates begin with: w [n, d], its gradient's rows, their
 * numbers [t] (absent: the gradient is [n, d], and w's n rows may be in two
 * dimensions), bins. */
enum { SKETCH_W, SKETCH_G, SKETCH_ROWS, SKETCH_BINS };

/* Whether there are so many inputs and outputs and they fit; the first output. False
 * after error_at(). */
bool sketch_infer(Unit *, Node *, int ninputs, int noutputs);
/* The result is what it was, but for what follows: nothing, where it is written
 * over it. */
void sketch_begin(Kernel *, const Value *was, const Value *is);
/* Input i, one number, in a variable. */
Expr *sketch_scalar(Kernel *, const Node *, int i);

/* A row of w that is updated: its number, and a variable for each table that
 * holds where it is there, in [0, width). Unless all rows are, in order, a number
 * may be negative, and the buckets are -1: nothing is loaded or stored. */
typedef struct SketchRow {
	bool all;
	Index number;
	int64_t d;
	uint32_t seed;   /* of the hashes: the node's attribute "seed" */
	int bucket[SKETCH_DEPTH];
} SketchRow;

SketchRow sketch_row(Kernel *, const Node *, Index t);
/* 1 or -1, by table. */
void sketch_signs(Kernel *, const SketchRow *, Expr *sign[SKETCH_DEPTH]);

/* Where element `column` (a loop) of the row is in table j [3, width, d], and what
 * belongs to its bucket there [3, width]. */
void sketch_bin(const SketchRow *, int j, int column, Index at[3]);
void sketch_bucket(const SketchRow *, int j, Index at[2]);
/* The element itself, in w. */
Expr *sketch_element(Kernel *, const SketchRow *, const Value *w, int column);
void sketch_set_element(Kernel *, const SketchRow *, const Value *w, int column,
                        Expr *);
Expr *sketch_load(Kernel *, const SketchRow *, const Value *, const Index at[]);
void sketch_store(Kernel *, const SketchRow *, const Value *, const Index at[],
                  Expr *);
/* Every row in order: see UpdateRowsDef. */
bool sketch_takes_all(const Node *);

Expr *sketch_least(Kernel *, Expr *const x[SKETCH_DEPTH]);
Expr *sketch_median(Kernel *, Expr *const x[SKETCH_DEPTH]);

#endif
