/*
 * The importer: an OnnxModel becomes a forward graph in the internal form.
 *
 * Nodes are taken in the file's order. Each becomes zero or more internal nodes
 * by one conversion function (import_table.c); what depends on constants only
 * is evaluated at once, so that conversions find shapes, axes and pads as
 * constants, whatever arithmetic the exporter wrote for them.
 */
#ifndef FRONTEND_IMPORT_H
#define FRONTEND_IMPORT_H

#include "frontend/array.h"
#include "frontend/import_names.h"
#include "frontend/onnx_model.h"
#include "ir/op.h"
#include "ir/options.h"

/* How the model's nodes use a value; a set. */
enum {
	USE_ANY = 1,          /* some node or the model's output reads it */
	USE_STATISTIC = 2,    /* as running mean or variance of a BatchNorm */
	USE_INDEX = 4,        /* as indices or class labels */
	USE_SHAPE = 8,        /* only its shape matters */
	USE_VALUE = 16,       /* in any other way */
	USE_IDENTITY = 32,    /* by an Identity */
	USE_STATE = 64,       /* a training step replaces it, or puts it there */
	USE_LEAF = 128,       /* a Gradient is with respect to it */
	USE_COEFFICIENT = 256,   /* by arithmetic that updates consist of */
	USE_ELSEWHERE = 512,     /* by anything else */
};

#define TRAINING_DOMAIN "ai.onnx.preview.training"
#define ML_DOMAIN "ai.onnx.ml"
#define OWN_DOMAIN "thimble"

/* Of constants that the file has not, per model: more is a mistake. */
enum { MOST_MADE_BYTES = 1 << 29 };

/* What the user tells of an input: its shape, or what it always is, or both. */
typedef struct Told {
	const char *name;
	const char *constant;   /* as written; NULL: it is an input */
	bool has_shape;
	Array array;            /* its shape, and a constant's elements */
	double number;          /* of each element, where it has no shape */
	int64_t whole;
	bool is_whole;
} Told;

typedef struct Import {
	Unit *u;
	const Options *opt;
	const OnnxModel *m;
	Model *model;
	Graph *g;
	Names *names;
	bool *live;            /* by node: an output of the model needs it */
	bool quiet;            /* the second run says nothing twice */
	bool initializing;     /* the initialization graph: all is constant */
	/* --batch on a file with another batch in it: what the first run, at the
	 * batch of the file, found; else before is NULL. */
	const Names *before;
	int64_t old_batch, new_batch;
	bool guessed;          /* ... where the batch is: said once */
	int ntold;
	Told *told;
	int64_t folded;        /* operations on constants so far, */
	int64_t made;          /*   and bytes of their results */
	int ndropouts;
} Import;

/* One ONNX node under conversion. */
typedef struct Site {
	Import *im;
	const OnnxNode *n;
	Loc loc;
	int64_t opset;
	int nin, nout;         /* trailing absent ones not counted */
	Value **in;            /* NULL: absent */
	Value **out;           /* the conversion fills in */
} Site;

typedef struct Rule {
	const char *op;        /* ONNX op_type */
	bool (*convert)(Site *);   /* false after a reported error */
	const char *attrs;     /* those it understands: " axis:i axes:I" */
} Rule;

const Rule *rule_find(const char *op);   /* NULL: read by default_rule */
const Rule *rule_at(int);                /* NULL: that was the last */
bool convert_default(Site *);

/* ---- import_site.c: attributes and inputs of the node ---- */

void site_error(const Site *, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void site_warn(const Site *, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
const OnnxAttr *site_attr(const Site *, const char *name);   /* NULL: none */
int64_t site_int(const Site *, const char *name, int64_t otherwise);
double site_float(const Site *, const char *name, double otherwise);
const char *site_string(const Site *, const char *name, const char *otherwise);
const int64_t *site_ints(const Site *, const char *name, int *n);
/* Input i, NULL if absent or beyond the last. */
Value *site_in(const Site *, int i);
bool site_wants(const Site *, int output);
/* The elements of a value that never changes, or of a variable's first
 * contents. */
const void *known_data(const Value *);
/* The elements of an input that must be known now; *n = -1 if it is absent.
 * False after an error. */
bool site_const_ints(const Site *, int i, const char *what, int *n,
                     const int64_t **x);
/* A number, or n of them; x stays as it is if the input is absent. */
bool site_const_float(const Site *, int i, const char *what, double *x);
bool site_const_floats(const Site *, int i, const char *what, int n, double x[]);
/* The list that is attribute `name` in old opsets and input i in new ones. */
bool site_list(const Site *, const char *name, int i, int *n,
               const int64_t **x);
/* A negative axis counts from the end. */
bool site_axis(const Site *, int64_t axis, int rank, int *out);
bool site_axes(const Site *, int n, const int64_t *axes, int rank, int out[]);

/* ---- import_emit.c: internal nodes ---- */

/* Before what the file has not is computed: so many operations, so many
 * elements. False after an error: the model has had enough. */
bool site_spend(Site *, int64_t work, int64_t elements, DType);
/* Memory for them. NULL after an error. */
void *site_constant(Site *, DType, Shape);
void site_unsupported(const Site *);   /* an error: there is no such operator */
/* The operator, or NULL after an error. */
const OpDef *site_op(Site *, const char *name);
/* node_done, and evaluation at once if all inputs are constant. */
Value *site_done(Site *, Node *);
bool site_result(Site *, Node *);   /* ... its outputs are the node's */
Value *site_apply(Site *, const char *op, int nin, Value *const in[]);
Value *site_reshape(Site *, Value *, Shape);
Value *site_transpose(Site *, Value *, const int perm[]);
Value *site_cast(Site *, Value *, DType to);   /* itself where it is that */
Value *site_concat(Site *, int axis, int n, Value *const in[]);
/* The places start, start + step, ... before `end` along an axis. */
Value *site_slice(Site *, Value *, int64_t axis, int64_t start, int64_t end,
                  int64_t step);
/* Two dimensions: all before the axis, and all from it on. */
Shape site_rows(Shape, int64_t axis);
Value *site_ints_value(Site *, int n, const int64_t *x, int rank);
/* Copies the attributes of the ONNX node that the operator defines, by name.
 * False after an error. */
bool site_copy_attrs(Site *, Node *);

/* ---- import_nodes.c ---- */

/* All but the outputs: checks, inputs, initializers, nodes. */
void import_nodes(Import *, const char *graph);

/* ---- import_split.c ---- */

/* Is it a part of a model that another tool has split for training? Then it says
 * so, as an error. */
bool import_is_split(Unit *, const OnnxModel *);

/* ---- import_training.c ---- */

/* Gives the initializers what the file's initialization graphs compute. False
 * after an error. */
bool import_initialization(Unit *, OnnxModel *);
void import_step(Import *);   /* the outputs that make a training step */

/* ---- import_training_uses.c ---- */

bool import_is_gradient(const OnnxNode *);
const char *import_gradient_of(const OnnxNode *);   /* the name of its y */
void import_use_gradient(Import *, const OnnxNode *);   /* what it names */
void import_use_updates(Import *);
/* A scalar of the algorithm that is set between steps. */
bool import_is_hyper(const Import *, const OnnxTensor *, const Name *);
unsigned import_use_coefficient(const OnnxNode *);

/* ---- import_input.c, import_init.c, import_check.c ---- */

bool import_check_sizes(Import *);       /* what there may be many of */
bool import_check(Import *);             /* names, order, cycles, opset */
void import_uses(Import *);              /* liveness and Name.uses */
bool import_inputs(Import *);

/* ---- import_told.c: what the user tells of inputs ---- */

bool import_told(Import *);              /* reads it. False after an error */
const Shape *import_told_shape(const Import *, const char *input);
/* Of a symbolic dimension, by its name or by an input that has it; 0: it is not
 * told. */
int64_t import_told_size(const Import *, const char *dimension);
const Told *import_told_constant(const Import *, const char *input);
/* NULL after an error. */
Value *import_told_value(Import *, const Told *, DType, Shape);
/* What the user has told about an input's contents; NULL: nothing. */
const KnownInput *import_known(const Import *, const char *name);
bool import_initializers(Import *);
/* A variable of its own for a second name of an initializer. */
Value *import_own_variable(Import *, Value *, const char *name);
/* A parameter of that name, with the contents of a constant. */
Value *import_new_variable(Import *, const char *name, const Value *);
/* A buffer of that name, or one like it that is free, with the first contents of
 * a variable. */
Value *import_new_buffer(Import *, const char *name, const Value *);
/* Drops the variables that no node reads; numbers the others. */
void import_drop_unread(Import *);
void import_explain_folding(Import *);
/* Nodes that a rewrite of the file's graph collects. */
typedef struct NodeList {
	int n, room;
	OnnxNode *node;
} NodeList;

enum { MOST_MADE_NODES = 200000 };   /* a small file can ask for any number */
/* What a Loop yields are inputs of one node, of which there are at most 4096. */
enum { MOST_ITERATIONS = 2048 };

void nodes_push(Arena *, NodeList *, const OnnxNode *);

/* Makes initializers of constants that are a layer's weights, if the file has no
 * others. */
void import_constants(Unit *, OnnxModel *);
/* Puts the nodes of each If's branches in front of it, guarded by its condition;
 * its inputs are then the condition, and both branches' outputs. */
bool import_branches(Unit *, OnnxModel *);
/* Replaces calls of the file's functions by their bodies. */
bool import_inline(Unit *, OnnxModel *);

/* ---- import_torch*.c: what PyTorch's exporter notes beside the graph ---- */

bool torch_made(const Import *);            /* the file */
/* Fills in m->torch, which stays NULL where the exporter notes nothing. */
void torch_read(Unit *, OnnxModel *);
/* Undoes to parameters what can be undone. */
void torch_mend(Unit *, OnnxModel *);
/* The same for the exporter by tracing. */
void torch_tie_folded(Unit *, OnnxModel *);
/* Sets Name.declared of the initializers. */
void torch_declare(Import *);
/* Warns of what cannot be undone. */
void torch_explain(const Import *);
/* The node is a BatchNorm that was exported in training mode. */
bool torch_norm_trains(const OnnxNode *);

/* ---- import_old.c: opsets 1 to 6 ---- */

bool old_attr(const Site *, const char *name);   /* one that was dropped */
/* `axis` of old arithmetic becomes the shape of input 1; false: an error. */
bool old_align(Site *);

/* ---- import_batch.c: --batch against shapes baked into the file ---- */

/* True in the second run if input i, a shape, is what it was in the first: the
 * exporter wrote it down, rather than compute it from the data. */
bool batch_is_baked(const Site *, int i);
/* The target of such a Reshape at the new batch; false after an error. */
bool batch_reshape(Site *, Shape *target);
void batch_expand(Site *, Shape *target);
/* The same constant without the old batch in it, where the target has the new. */
Value *batch_constant(Site *, Value *, Shape target);
/* Constants beside a tensor of the new batch, all slices of which are the same:
 * one slice. */
void batch_broadcast(Site *);
void batch_follow(Site *);   /* records where the batch is in the outputs */

#endif
