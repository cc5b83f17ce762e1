/*
 * The graph: Nodes apply operators to Values; a Value is defined once.
 *
 * Nodes are kept in a list in execution order. Pointers stay valid for the
 * whole compilation (everything lives in the Unit's arena); the dense ids are
 * for side tables: a pass that needs a fact per value allocates an array of
 * g->nvalues and indexes it with v->id.
 *
 * What persists between two runs of a graph is a Variable: a parameter, a
 * running statistic, a moment of an optimizer. A graph reads it through a value
 * of kind V_VARIABLE and replaces its contents by a V_RESULT whose `var` is set;
 * every reader of the old contents comes before that node.
 */
#ifndef IR_GRAPH_H
#define IR_GRAPH_H

#include "ir/type.h"
#include "ir/unit.h"

typedef struct OpDef OpDef;
typedef struct Value Value;
typedef struct Node Node;
typedef struct Graph Graph;
typedef struct Model Model;
typedef struct Scan Scan;

typedef enum VariableRole {
	VAR_PARAMETER,   /* a floating-point initializer of the ONNX file */
	VAR_BUFFER,      /* a running statistic: written, never by a gradient */
	VAR_OPTIMIZER,   /* made for the optimizer, by thimble or the file */
} VariableRole;

/* What became of a gradient that was to have a low rank, or of the state that was
 * to be sketched. */
typedef struct Thin {
	int64_t rank;       /* of the gradient; 0: it is whole */
	int64_t width;      /* of the sketch's tables; 0: there is none */
	const char *why;    /* neither, for this reason */
	int64_t saved;      /* bytes of optimizer state */
	bool passes_more;   /* through memory than the gradient would take */
	const char *gradient;   /* Value.gradient_of, of that which it replaces */
} Thin;

/* What a parameter was in a quantized model's file: integers of such a scale and
 * zero point, which are constants and stretch to its shape. */
typedef struct Quantized {
	const Value *scale, *zero;
} Quantized;

typedef struct Variable {
	int id;             /* index in Model.var */
	const char *name;   /* ONNX name; optimizer state: "fc.weight/exp_avg" */
	VariableRole role;
	DType dtype;
	Shape shape;
	const void *data;   /* first contents; NULL: all elements are `fill` */
	double fill;
	bool mutable;       /* some graph writes it: lives in the state, not flash */
	const Thin *thin;   /* what was asked to be smaller; NULL: nothing */
	const Quantized *quantized;   /* NULL: it was real numbers */
} Variable;

typedef enum ValueKind { V_INPUT, V_CONST, V_VARIABLE, V_RESULT } ValueKind;

/* What a graph input is, and so where the emitted program finds it. */
typedef enum InputRole {
	IN_DATA,     /* the model's own input */
	IN_TARGET,   /* what the loss compares with: labels or values */
	IN_HYPER,    /* a scalar of the optimizer, set between steps: lr, ... */
	IN_STEP,     /* i32 scalar: number of this training step, from 1 */
	IN_SEED,     /* u32 scalar: differs for each step; Dropout's randomness */
	IN_PART,     /* of a Scan's graph: this part of the node's input, */
	IN_WHOLE,    /*   all of it, */
	IN_INDEX,    /*   i32 scalar: the number of the part, from 0, */
	IN_SUM,      /*   what the parts before add up to; see Value.total */
} InputRole;

/* What the bytes of a value are for, in the memory report. */
typedef enum MemoryClass {
	MEM_ACTIVATION, MEM_GRADIENT, MEM_WORKSPACE, MEM_IO,
	MEM_PARAMETER, MEM_OPTIMIZER, NMEMCLASS
} MemoryClass;

const char *memory_class_name(MemoryClass);   /* "activations", ... */

struct Value {
	int id;
	const char *name;   /* unique in its graph */
	ValueKind kind;
	DType dtype;
	Shape shape;
	Node *def;          /* V_RESULT */
	const void *data;   /* V_CONST: elements in row-major order */
	Variable *var;      /* V_VARIABLE; V_RESULT: the variable it replaces */
	InputRole role;     /* V_INPUT */
	double initial;     /* IN_HYPER: the value the program starts with */
	Value *total;       /* IN_SUM: the OUT_SUM that is written over it */
	bool dies;          /* IN_PART: nobody reads the whole after the Scan */
	int batch_axis;     /* data, target: which dimension is the batch, */
	int model_axis;     /*   and in the model, if one that is fed has it
	                     *   first */
	bool fed;           /* data or target that the caller keeps: Options.feed;
	                     * or an output: Options.given_outputs */
	MemoryClass memory; /* V_RESULT: MEM_ACTIVATION unless a pass says so */
	const char *gradient_of;   /* that variable, before its update; or NULL */
	int nuses;          /* FACT_USES: node inputs, fused or not, and outputs */
};

int64_t value_bytes(const Value *);   /* that its elements take, as stored */
/* It is in memory for what the other is: its class, whose gradient. */
void value_serve(Value *, const Value *other);
bool value_is_data(const Value *);    /* a graph's input, or its target */
/* Has the caller the memory that it is in, or is a view of? */
bool value_is_callers(const Value *);
/* Is it that, and in the arena before the first node runs? */
bool value_is_given(const Value *);

typedef enum AttrKind {
	ATTR_INT, ATTR_FLOAT, ATTR_STRING, ATTR_INTS, ATTR_FLOATS
} AttrKind;

typedef struct Attr {
	bool set;           /* given, by the file or by the definition's default */
	int64_t i;
	double f;
	const char *s;
	int n;              /* length of ints or floats */
	const int64_t *ints;
	const double *floats;
} Attr;

struct Node {
	int id;
	const OpDef *op;
	Loc loc;            /* the ONNX node it serves */
	int nin, nout;
	Value **in;         /* NULL: an optional input that is absent */
	Value **out;
	Attr *attr;         /* op->nattrs of them */
	int nbody;          /* Fused..., Scan: the nodes it stands */
	Node **body;        /*   for, in order; not in the graph's list */
	Scan *scan;         /* Scan: those for one part of the batch */
	int again;          /* id of the node whose work it repeats; -1: none */
	Node *prev, *next;
};

typedef enum OutputRole {
	OUT_DATA, OUT_LOSS, OUT_GRADIENT,
	OUT_UPDATE,  /* what a step of the file's own makes of a variable */
	OUT_ROWS,    /* of a Scan's graph: this part of the node's output, */
	OUT_SUM,     /*   or all of it, written over its IN_SUM */
} OutputRole;

typedef struct Output {
	const char *name;   /* ONNX name; a gradient's, an update's: that of
	                     * its variable */
	Value *value;
	OutputRole role;
} Output;

struct Graph {
	Model *model;
	Unit *unit;
	const char *name;   /* "train", "infer", "evaluate" */
	Node *first, *last;
	Node *at;           /* new nodes go before it; NULL: at the end */
	int nnodes, nvalues;
	int ninputs, noutputs, nvarvalues;
	Value **input;      /* in the order of the emitted function's arguments */
	Value **varvalue;   /* the values that read variables */
	Output *output;
	unsigned facts;     /* which derived data is up to date: a set of Fact */
};

/* One model: its persistent variables and the functions over them. */
struct Model {
	Unit *unit;
	const char *name;   /* prefix of every emitted symbol */
	int nvars;
	Variable **var;
};

/* Data derived from the graph. Passes say which they need and keep. */
typedef enum Fact {
	FACT_USES = 1 << 0,   /* Value.nuses */
} Fact;

Model *model_create(Unit *, const char *name);
Variable *model_variable(Model *, const char *name, VariableRole, DType, Shape);
Variable *model_find(const Model *, const char *name);   /* NULL: none */

Graph *graph_create(Model *, const char *name);
/* A copy over the same variables. map: if not NULL, receives an arena array
 * from the old values' ids to the new values. */
Graph *graph_clone(const Graph *, const char *name, Value ***map);
/* A copy over variables of its own, in a model of its own. */
Graph *graph_detach(const Graph *);
/* A copy whose nodes run in that order. A node that is listed again computes
 * its results again, and the nodes behind it read those. */
Graph *graph_arrange(const Graph *, int n, Node *const order[]);

Value *graph_input(Graph *, const char *name, InputRole, DType, Shape);
/* The input of that role and name, made if there is none (hyper-parameters,
 * step, seed: scalars). */
Value *graph_scalar_input(Graph *, const char *name, InputRole, DType,
                          double initial);
/* The value that reads the variable; the same one each time. */
Value *graph_variable(Graph *, Variable *);
/* data is not copied; it must live as long as the unit. name: NULL for one
 * made from the id. */
Value *graph_const(Graph *, const char *name, DType, Shape, const void *data);
Value *graph_scalar(Graph *, DType, double);
void graph_output(Graph *, const char *name, OutputRole, Value *);
/* How many examples the first data input has; 0: it has no dimension. */
int64_t graph_batch(const Graph *);

/*
 * Building a node: node_new, then attributes by name, then node_done, which
 * infers types and shapes and inserts it. An attribute that the operator does
 * not define is a BUG. node_done returns the first output, or NULL after an
 * error that it has reported.
 */
Node *node_new(Graph *, Loc, const OpDef *, int nin, Value *const in[]);
void node_set_int(Graph *, Node *, const char *attr, int64_t);
void node_set_float(Graph *, Node *, const char *attr, double);
void node_set_string(Graph *, Node *, const char *attr, const char *);
void node_set_ints(Graph *, Node *, const char *attr, int n, const int64_t *);
void node_set_floats(Graph *, Node *, const char *attr, int n, const double *);
void node_copy_attrs(Graph *, Node *to, const Node *from);  /* those both have */
/* Asks for outputs beyond the first; before node_done. */
void node_set_outputs(Graph *, Node *, int nout);
Value *node_done(Graph *, Node *);

/* The common case: no attributes, one output. */
Value *graph_apply(Graph *, Loc, const OpDef *, int nin, Value *const in[]);
#define APPLY(g, loc, op, ...) \
	graph_apply((g), (loc), &(op), \
	            (int)(sizeof((Value *[]){__VA_ARGS__}) / sizeof(Value *)), \
	            (Value *[]){__VA_ARGS__})
#define NEW(g, loc, op, ...) \
	node_new((g), (loc), &(op), \
	         (int)(sizeof((Value *[]){__VA_ARGS__}) / sizeof(Value *)), \
	         (Value *[]){__VA_ARGS__})

/* Appends one more output to a node that is in the graph (a saved statistic
 * that only the gradient wants). */
Value *node_add_output(Graph *, Node *, DType, Shape);

/* How many nodes apply the operator; NULL: any. */
int graph_count(const Graph *, const OpDef *);
void graph_remove(Graph *, Node *);
/* Removes the nodes whose results nobody reads; true if there were any.
 * Replacing a variable counts as being read. */
bool graph_drop_unread(Graph *);
/* Every reader of `old`, outputs of the graph included, reads `new`. */
void graph_replace(Graph *, Value *old, Value *new);
void graph_have(Graph *, unsigned facts);   /* computes what is missing */

/* Attributes, by the operator's own enumerators. */
static inline int64_t attr_int(const Node *n, int which)
{
	return n->attr[which].i;
}
static inline double attr_float(const Node *n, int which)
{
	return n->attr[which].f;
}
/* Constant integers of any type as an arena array; NULL if v is not V_CONST. */
const int64_t *const_ints(Graph *, const Value *, int *n);
bool value_is_scalar_const(const Value *, double x);

#endif
