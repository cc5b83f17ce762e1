/*
 * An ONNX file as plain C data: what the wire format says, decoded, checked
 * and copied into the Unit's arena. From here on nobody sees protobuf.
 */
#ifndef FRONTEND_ONNX_MODEL_H
#define FRONTEND_ONNX_MODEL_H

#include "ir/type.h"
#include "ir/unit.h"

typedef struct OnnxTensor {
	const char *name;
	DType dtype;
	Shape shape;
	const void *data;   /* NULL: broken, and reported */
} OnnxTensor;

typedef enum OnnxAttrKind {
	OA_NONE, OA_INT, OA_FLOAT, OA_STRING, OA_TENSOR, OA_INTS, OA_FLOATS,
	OA_STRINGS,
	OA_GRAPH,     /* the node runs a subgraph */
	OA_OTHER,     /* a kind no supported operator has */
} OnnxAttrKind;

typedef struct OnnxBranch OnnxBranch;

typedef struct OnnxAttr {
	const char *name;
	OnnxAttrKind kind;
	const char *ref;    /* in a function: the caller's attribute; else NULL */
	int64_t i;
	double f;
	const char *s;
	OnnxTensor t;
	int n;              /* of ints, floats or strings */
	const int64_t *ints;
	const double *floats;
	const char **strings;
	const OnnxBranch *branch;   /* of OA_GRAPH */
} OnnxAttr;

/* The node belongs to a branch of an If. */
typedef struct OnnxGuard {
	const char *condition;
	bool then;
} OnnxGuard;

typedef struct OnnxNode {
	Loc loc;
	const char *op, *domain;
	int64_t opset;      /* of the default domain where the node stands */
	int nin, nout, nattr;
	const char **in, **out;   /* "": absent */
	OnnxAttr *attr;
	int nguards;
	OnnxGuard *guard;   /* all must hold: import_branch.c */
	bool in_body;       /* of a branch, a Loop or a function: it was in one,
	                     * before all became flat */
	const char *torch_call;   /* the PyTorch call it stands for; NULL: ? */
} OnnxNode;

struct OnnxBranch {
	int nnodes, ninits, nin, nout;
	OnnxNode *node;
	OnnxTensor *init;
	const char **in, **out;
};

typedef struct OnnxDim {
	int64_t size;       /* 0: not fixed */
	const char *param;  /* its name; NULL: none */
} OnnxDim;

typedef struct OnnxPort {    /* an input or output of the graph */
	const char *name;
	int32_t type;       /* ONNX DataType; 0: not a tensor */
	int rank;           /* -1: no shape given */
	OnnxDim dim[MAX_RANK];
} OnnxPort;

typedef struct OnnxFunction {
	const char *domain, *name;
	int nin, nout, nnodes;
	const char **in, **out;
	OnnxNode *node;
} OnnxFunction;

/* The exporter made an initializer from others: their names, as a Python list. */
typedef struct OnnxFolded {
	const char *name, *from;
} OnnxFolded;

typedef struct Torch Torch;

/* An initializer gets the contents of a graph's output. */
typedef struct OnnxBinding {
	const char *init, *value;
} OnnxBinding;

typedef struct OnnxModel OnnxModel;

/* A TrainingInfoProto. Its graphs have the file's functions. */
typedef struct OnnxTraining {
	OnnxModel *initialization, *algorithm;
	int nfirst, nupdates;
	OnnxBinding *first;      /* from the initialization */
	OnnxBinding *update;     /* after each step of the algorithm */
} OnnxTraining;

/* A file, or one graph of it. Of a list, the first `own` entries are the
 * inference graph's, the others its training algorithm's: see onnx_join(). */
struct OnnxModel {
	int64_t ir_version, opset;
	const char *producer, *producer_version;
	int ninits, ninputs, noutputs, nnodes, nfunctions, ntrainings;
	OnnxTensor *init;
	OnnxPort *input, *output;
	OnnxNode *node;
	OnnxFunction *function;
	OnnxTraining *training;
	const OnnxTraining *joined;   /* whose algorithm is here too; or NULL */
	struct { int inits, inputs, outputs, nodes; } own;
	/* What torch.export says of parameters and buffers; NULL: nothing. */
	const char *torch_signature;
	int nfolded;
	OnnxFolded *folded;
	Torch *torch;       /* the same, read: import_torch.h */
};

/* Reads u->path. NULL after reported errors. */
OnnxModel *onnx_read(Unit *);

/* All that the lists have now is the inference graph's. */
void onnx_own(OnnxModel *);
/* Does a step of training come with it? */
bool onnx_trains(const OnnxModel *);
/* Appends the lists of the one training algorithm to the inference graph's, as
 * ONNX defines its step. False after an error: there are several. */
bool onnx_join(Unit *, OnnxModel *);

/* ---- onnx_transposed.c ---- */

/* Is each matrix the other, transposed? */
bool onnx_transposed(const OnnxTensor *, const OnnxTensor *);
/* The same text for equal matrices, and for a transposed copy if one is said to be
 * that. NULL: it is none of floating point, or has hardly any different elements,
 * so that others will be equal that have nothing to do with it. */
const char *onnx_fingerprint(Arena *, const OnnxTensor *, bool transposed);

/* A TensorProto in a file of its own. */
bool onnx_read_tensor(Unit *, const char *path, OnnxTensor *out);

#endif
