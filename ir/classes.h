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

/* A loss has the inputs x, labels and, optional, class weights; its output is
 * one number, or with reduction "none" one per label. A gradient has x, labels,
 * dloss, weights. */
bool class_loss_infer(Unit *, Node *);
bool class_grad_infer(Unit *, Node *);

typedef struct ClassLoss {
	const Node *n;
	const Value *x, *labels, *weights;   /* weights: NULL: all are 1 */
	bool mean, each;     /* reduction "mean", "none" */
	int64_t classes;
	Line line;           /* of x, along the classes */
	/* Scalar variables, of the line that is open: */
	int label;
	int counts;          /* 1, or 0 if the label is to be ignored */
	int weight;          /* the label's; 0 if it is to be ignored */
} ClassLoss;

/* weights: the number of that input, which may be absent. */
ClassLoss class_loss_make(const Node *, int weights);
/* Opens the loops over the lines and reads the label; line_close() ends them. */
void class_loss_open(Kernel *, ClassLoss *);
/* The line's element of a value like the loss. */
Expr *class_loss_load(Kernel *, const ClassLoss *, const Value *);
/* The weight of one class: of the loop that line_for() opened. */
Expr *class_loss_weight(Kernel *, const ClassLoss *);
/* x at the label; 0 if there is no such class. */
Expr *class_loss_picked(Kernel *, const ClassLoss *);

/* A variable: the sum of all labels' weights, what "mean" divides by. 1 where
 * all are ignored, so that the loss and its gradient are 0 then. */
int class_loss_total(Kernel *, ClassLoss *);

/* The loops of a loss around that of one line. */
void class_loss_lower(Kernel *, const Node *,
                      Expr *(*line_loss)(Kernel *, ClassLoss *));
/* The rule of a loss: the node `op` for x. */
void class_loss_grad(Graph *, Node *, const OpDef *op, Value *dy,
                     const bool want[], Value *dx[]);

#endif
