/*
 * Operators. Everything the compiler knows about one is in its OpDef, and
 * every OpDef is in one file: ir/ops/<name>.c. Adding that file is all it
 * takes; the build collects them.
 *
 * An operator has ONNX's name and meaning at opset 22 where ONNX has it; what
 * older opsets wrote is brought to this form by the reader. Inputs that ONNX
 * wants constant (axes, pads, sizes) are attributes here.
 */
#ifndef IR_OP_H
#define IR_OP_H

#include "ir/band.h"
#include "ir/graph.h"
#include "ir/kernel.h"
#include "ir/parts.h"

typedef struct AttrDef {
	const char *name;
	AttrKind kind;
	bool has_default;   /* else the attribute may be absent: Attr.set */
	int64_t i;          /* the default */
	double f;
	const char *s;
} AttrDef;

enum { EXAMPLE_INPUTS = 14 };

/* Inputs and attributes to test an operator on. */
typedef struct ExampleIn {
	Shape shape;
	DType dtype;
	double lo, hi;      /* drawn from [lo, hi]; both 0: [-2, 2] */
	bool constant;      /* of the graph, so nothing differentiates it */
	bool absent;        /* an optional input that is left out */
} ExampleIn;

typedef struct ExampleAttr {
	const char *name;   /* ends the list when NULL */
	int64_t i;
	double f;
	const char *s;
	int n;
	int64_t ints[2 * MAX_RANK];
} ExampleAttr;

typedef struct Example {
	int nin;            /* 0: op->min_in */
	int nout;           /* 0: 1 */
	ExampleIn in[EXAMPLE_INPUTS];
	ExampleAttr attr[10];
} Example;

/* A result that can be computed some rows at a time: parts of its first
 * dimension, which lie together in memory. */
typedef struct RowsDef {
	/* Rows that come together at no loss of speed, with a packing workspace
	 * or without it; 0: this node cannot be divided. */
	int64_t (*unit)(const Node *, bool workspace);
	/* Those that come together at the least, at a loss. NULL: as above. */
	int64_t (*least)(const Node *);
	/* `count` rows from `first` on, which may depend on open loops, to the
	 * start of `to`. The node being lowered may be another. */
	void (*lower)(Kernel *, const Node *, Index first, int64_t count,
	              const Value *to);
	int64_t (*workspace)(const Node *, int64_t count);   /* of its call */
	/* The first row of those that are computed in another way, which is never
	 * asked for together with one before it. NULL, or 0: there is none. */
	int64_t (*seam)(const Node *);
} RowsDef;

/* An update that is no elementwise one, but takes its gradient, input 1, row by
 * row, in order, and that only once. */
typedef struct UpdateRowsDef {
	bool (*fits)(const Node *);   /* is this node one? */
	/* What comes before all rows. What it returns is handed on. */
	const void *(*begin)(Kernel *, const Node *);
	/* `count` rows from `first` on, which may depend on open loops, by their
	 * gradient, which is at the start of `g`. */
	void (*lower)(Kernel *, const Node *, const void *begun, Index first,
	              int64_t count, const Value *g);
} UpdateRowsDef;

/* `count` elements of input `in`, from element `from` on, are those of output
 * `out` from `to` on: see ir/piece.h. */
typedef struct Piece {
	int in, out;
	int64_t from, to, count;
} Piece;

/* As max_in: any number of inputs, of which none may be absent. */
enum { VARIADIC = 1 << 20 };

struct OpDef {
	const char *name;
	int since;          /* first opset with this meaning; 0: thimble's own */
	int min_in, max_in; /* inputs past min_in are optional */
	int min_out, max_out;   /* 0 means 1; outputs past min_out on request */
	int active;         /* so many outputs, the first, carry a gradient; 0: all */
	const AttrDef *attrs;
	int nattrs;

	/* Types and shapes of the outputs. Returns false after error_at().
	 * Default: the first input's type, the broadcast of all shapes. */
	bool (*infer)(Unit *, Node *);

	/* Elementwise: y[o] for one element of the broadcast; an absent input is
	 * a NULL x. Or else... */
	void (*scalar)(Kernel *, const Node *, Expr *const x[], Expr *y[]);

	/* ...the whole loop nest. */
	void (*lower)(Kernel *, const Node *);

	/*
	 * Vector-Jacobian product. dy[o] is the gradient of output o (NULL: none
	 * reaches it). Set dx[i], the gradient of input i, where want[i]; leave it
	 * NULL where none flows. dx may have the shape before broadcasting.
	 * NULL: not differentiable; a gradient that arrives here is an error,
	 * unless `stops`: it ends here by definition (Floor, ArgMax, ...).
	 */
	void (*grad)(Graph *, Node *, Value *const dy[], const bool want[],
	             Value *dx[]);
	bool stops;

	/* The output has the input's elements in the same order: Reshape, ... */
	bool view;
	/* What else is only handed on, if the layout allows: see ir/piece.h. */
	int (*pieces)(const Node *, Piece piece[]);

	/* Bytes of workspace that the call in the loop nest asks for. Where the
	 * target grants it, the node has one more output, last, of that many u8
	 * with memory MEM_WORKSPACE: see node_workspace(). */
	int64_t (*workspace)(const Node *);
	/* Every target grants it: it is little, and without it is no call. */
	bool needs_workspace;

	const RowsDef *rows;       /* NULL: all or nothing */
	const UpdateRowsDef *update_rows;   /* NULL: it is no such update */

	/* May it be computed on parts of the batch? NULL: if it is elementwise,
	 * as such, else not. `wants_part`: what it computes depends on which part
	 * it is, and node_part() adds an input that says so. */
	PartsRule *parts;
	bool wants_part;
	/* Its outputs are sums over the batch that can go on from others: from
	 * this input on, one for each output is what that begins with, and is
	 * 0 where there is none. 0: they cannot. */
	int goes_on;
	/* May rows of the result be computed from rows of the inputs? NULL: if it
	 * is elementwise, as such, else not. */
	const BandRule *bands;

	const Example *examples;   /* at least one */
	int nexamples;
};

#define ATTRS(...) \
	.attrs = (const AttrDef[]){__VA_ARGS__}, \
	.nattrs = (int)(sizeof((const AttrDef[]){__VA_ARGS__}) / sizeof(AttrDef))
#define EXAMPLES(...) \
	.examples = (const Example[]){__VA_ARGS__}, \
	.nexamples = (int)(sizeof((const Example[]){__VA_ARGS__}) / sizeof(Example))
#define DIMS(...) \
	{sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), {__VA_ARGS__}}
#define INTS(...) \
	.n = sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), .ints = {__VA_ARGS__}

/* extern const OpDef op_Relu, ...: one line per file in ir/ops/ */
#define OP(name) extern const OpDef op_##name;
#include "ops.inc"
#undef OP

extern const OpDef *const all_ops[];
extern const int nops;

/* Has it loops? One that only holds a place, Gradient, has none. */
static inline bool op_computes(const OpDef *op)
{
	return op->scalar || op->lower;
}

const OpDef *op_find(const char *name);   /* NULL: unknown */
int op_attr(const OpDef *, const char *name);   /* -1: none */

/* Types and shapes of a node's outputs. False after a reported error. */
bool op_infer(Unit *, Node *);
/* The broadcast of all inputs that are present, into out[0..nout-1], with the
 * type of the first input; what operators build their own `infer` on. */
bool infer_broadcast(Unit *, Node *);
/* The same with types checked: inputs of one type, of one that is an integer, or
 * all bool; the output is of that type, or bool. */
bool infer_elementwise(Unit *, Node *);
bool infer_integers(Unit *, Node *);
bool infer_compare(Unit *, Node *);
bool infer_logic(Unit *, Node *);
/* What output o begins with, of an operator that goes on; NULL: with 0. */
const Value *node_sum_from(const Node *, int o);
/* out[o] = type and shape of in[i]. */
bool infer_like(Node *, int o, int i);
/* The node's workspace, or NULL if none was granted: an argument for k_call. */
const Value *node_workspace(const Node *);
/* The shape that attribute `which` of n lists. False after error_at(). */
bool infer_shape(Unit *, const Node *, int which, Shape *out);
/* Whose elements v has, if views are followed as far as they go. */
const Value *value_viewed(const Value *);
/* Rows of a FusedUpdate's tile; 0: it has none, or is another operator. */
int64_t fused_update_rows(const Node *);
/* Is the gradient added to what is updated where a FusedUpdate computes it? */
bool fused_update_adds(const Node *);
/* How many of its members, the first, compute gradients. */
int fused_update_gradients(const Node *);
/* Is it one of these two, which also have members that are not elementwise? */
bool op_fuses_gradients(const OpDef *);
/* Input channels that a FusedConvGrad takes at a time if its member is this
 * ConvGradWeight, with a packing workspace or without; 0: it cannot be divided. */
int64_t fused_conv_grad_channels(const Node *weight, bool workspace);
/* Can so many of this be taken at a time as well, of the same input? */
bool fused_conv_grad_may_follow(const Node *weight, int64_t channels);
/* Of its convolutions, one or two, this one: is no part of a gradient in memory? */
bool fused_conv_grad_is_linear(const Node *, int which);
/* Is it a FusedConvGrad, and that operator one of the gradients among its members? */
bool fused_conv_grad_has(const Node *, const OpDef *);
/* Outputs of one, the first, that are no member's. */
int fused_conv_grad_own(const Node *);
/* A negative axis counts from the end. False after error_at(). */
bool infer_axis(Unit *, const Node *, int64_t axis, int rank, int *out);

#endif
