/*
 * What the losses over classes share. The class axis of x is `axis`; labels
 * have x's shape without it. A label that is ignore_index, or no class at all,
 * takes no part: its weight is 0.
 */
#ifndef IR_CLASSES_H
#define IR_CLASSES_H

#include "ir/axis.h"

enum { IGNORE_INDEX = AXIS + 1, REDUCTION, SMOOTHING };

#define CLASS_LOSS_ATTRS(...) \
	ATTRS(AXIS_ATTR(1), \
	      [IGNORE_INDEX] = {"ignore_index", ATTR_INT}, \
	      [REDUCTION] = {"reduction", ATTR_STRING, true, .s = "mean"}, \
	      __VA_ARGS__)

/*
 * A loss has the inputs x, labels and, optional, class weights and a total; its
 * output is one number, or with reduction "none" one per label. A gradient has
 * x, labels, dloss, weights, total. The total is what "mean" divides by, if x
 * and labels are but a part of the batch: ClassWeightTotal of all of it.
 */
bool class_loss_infer(Unit *, Node *);
bool class_grad_infer(Unit *, Node *);
/* "none" is in rows, "sum" a sum, "mean" one if it is given the total. The
 * gradient is in rows of x. */
PartsRule class_loss_parts, class_grad_parts;

typedef struct ClassLoss {
	const Node *n;
	const Value *x, *labels;
	const Value *weights;   /* NULL: all are 1 */
	const Value *total;     /* what "mean" divides by; NULL: their sum */
	bool mean, each;     /* reduction "mean", "none" */
	int64_t classes;
	Line line;           /* of x, along the classes */
	/* Scalar variables, of the line that is open: */
	int label;
	int counts;          /* 1, or 0 if the label is to be ignored */
	int weight;          /* the label's; 0 if it is to be ignored */
} ClassLoss;

/* For the label in a scalar variable: does it take part, and with what weight?
 * `ignore`: the attribute ignore_index. */
Expr *class_counts(Kernel *, int label, int64_t classes, const Attr *ignore);
Expr *class_weight(Kernel *, int label, Expr *counts, const Value *weights,
                   DType);
/* A sum of weights as the divisor of a mean: 1 for 0, so that the loss and its
 * gradient are 0 where all labels are ignored. */
Expr *class_divisor(Kernel *, int sum);

/* weights: the number of that input, which may be absent; the total's is the
 * next. */
ClassLoss class_loss_make(const Node *, int weights);
/* Opens the loops over the lines and reads the label; line_close() ends them. */
void class_loss_open(Kernel *, ClassLoss *);
/* The line's element of a value like the loss. */
Expr *class_loss_load(Kernel *, const ClassLoss *, const Value *);
/* The weight of one class: of the loop that line_for() opened. */
Expr *class_loss_weight(Kernel *, const ClassLoss *);
/* x at the label; 0 if there is no such class. */
Expr *class_loss_picked(Kernel *, const ClassLoss *);

/* A variable: what "mean" divides by. */
int class_loss_total(Kernel *, ClassLoss *);

/* The loops of a loss around that of one line. */
void class_loss_lower(Kernel *, const Node *,
                      Expr *(*line_loss)(Kernel *, ClassLoss *));
/* The rule of a loss: the node `op` for x. */
void class_loss_grad(Graph *, Node *, const OpDef *op, Value *dy,
                     const bool want[], Value *dx[]);

#endif
