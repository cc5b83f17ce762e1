/*
 * The geometry of a convolution: y[n,o,i..] = sum over c, p.. of
 * x[n,c,i*stride+p*dilation-begin..] w[o,c,p..], in `groups` independent parts
 * of the channels. Forward and gradients differ only in which of x, w and y is
 * computed.
 */
#ifndef IR_CONV_H
#define IR_CONV_H

#include "ir/window.h"

enum { CONV_GROUP = W_NATTRS, CONV_NATTRS };
#define CONV_ATTRS \
	WINDOW_ATTRS, \
	[CONV_GROUP] = {"group", ATTR_INT, true, 1}

typedef struct Conv {
	Window win;
	int64_t groups;
	const Value *x, *w, *y;   /* [N,C,..], [O,C/groups,..], [N,O,..] */
	int64_t rows;             /* of w, in whole groups; 0: all of them */
} Conv;

typedef enum ConvKind { CONV_FORWARD, CONV_GRAD_INPUT, CONV_GRAD_WEIGHT } ConvKind;

Conv conv_of(const Node *, const Value *x, const Value *w, const Value *y);
/* Checks the attributes, x and w, and gives y's shape. False after error_at. */
bool conv_shape(Unit *, const Node *, Shape x, Shape w, Shape *y);
/* The same where y is given. */
bool conv_check(Unit *, const Node *, Shape x, Shape w, Shape y);

/* What Conv and ConvTranspose share: inputs of one floating-point type, the
 * third, if any, a bias [channels]. False after error_at(). */
bool conv_inputs(Unit *, const Node *, int64_t channels);
const Value *conv_bias(const Node *);
/* One of their gradients, with the node's attributes, of that shape. */
Value *conv_gradient(Graph *, const Node *, const OpDef *, Value *a, Value *b,
                     Shape);

/* Groups that the rows of w are in. */
int64_t conv_row_groups(const Conv *);

/* Has the runtime a function for it? Then conv_struct() is its first argument
 * and conv_workspace() the bytes it wants. */
bool conv_callable(const Conv *);
Arg conv_struct(const Conv *);
/* Its function where x and w are integers (NULL: there is none), and the bytes
 * that this needs. */
const char *conv_integer_function(const Conv *);
int64_t conv_integer_workspace(const Conv *);
int64_t conv_workspace(const Conv *, ConvKind);
/* Opens the call. Depthwise ones have functions of their own, without the
 * workspace (the last argument): a program carries only those that it names. */
void k_conv_call(Kernel *, const Conv *, ConvKind, int narg, const Arg arg[]);
/* Of the numbers of a conv_struct(): has the runtime forms for just such columns of
 * taps, so that it needs none for any others? */
enum { CONV_NUMBERS = 17 };
bool conv_has_form(const int64_t number[CONV_NUMBERS]);
/* Parts of x and y that the function goes through: see k_call(). */
int64_t conv_parts(const Conv *, ConvKind);

/* Variables of the loops over all products, which the operator opens in the
 * order it likes; o and c count within the group. */
typedef struct ConvLoop {
	int n, g, o, c;
	int out[MAX_SPATIAL], cell[MAX_SPATIAL];
} ConvLoop;

/* The elements that meet there; x's may be in the padding. */
typedef struct ConvAt {
	Index x[2 + MAX_SPATIAL], w[2 + MAX_SPATIAL], y[2 + MAX_SPATIAL];
} ConvAt;

ConvAt conv_at(const Conv *, const ConvLoop *);

/* Some of the channels: rows of w, in whole groups, with those of x that they
 * read; or, of one group and one image, all rows and some channels of x. Conv.w
 * then has no more of them than these. */
typedef struct ConvPart {
	const Conv *c;
	Index row, channel;       /* the first of w and y, the first of x */
	const Value *from;        /* the sums for w begin with it; NULL: with 0 */
} ConvPart;

/* What a call for the gradient of w is given as beta: the sums begin with what is
 * there. */
Arg conv_go_on(const Conv *);
bool conv_goes_on(const Arg *);

/* Rows of `to` from to_row on = the gradient of w; where alpha is given, += alpha
 * times that. The call and its loops. */
void k_conv_grad_weight(Kernel *, const ConvPart *, const Value *to,
                        int64_t to_row, Expr *alpha);
/* x = what y was spread over: the gradient of x where y is that of y, and the
 * transposed convolution. */
void k_conv_grad_input(Kernel *, const ConvPart *);

#endif
