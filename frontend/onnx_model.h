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
} OnnxAttr;

typedef struct OnnxNode {
	Loc loc;
	const char *op, *domain;
	int64_t opset;      /* of the default domain where the node stands */
	int nin, nout, nattr;
	const char **in, **out;   /* "": absent */
	OnnxAttr *attr;
	const char *torch_call;   /* the PyTorch call it stands for; NULL: ? */
} OnnxNode;

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

typedef struct OnnxModel {
	int64_t ir_version, opset;
	const char *producer, *producer_version;
	int ninits, ninputs, noutputs, nnodes, nfunctions;
	OnnxTensor *init;
	OnnxPort *input, *output;
	OnnxNode *node;
	OnnxFunction *function;
	/* What torch.export says of parameters and buffers; NULL: nothing. */
	const char *torch_signature;
	int nfolded;
	OnnxFolded *folded;
	Torch *torch;       /* the same, read: import_torch.h */
} OnnxModel;

/* Reads u->path. NULL after reported errors. */
OnnxModel *onnx_read(Unit *);

/* A TensorProto in a file of its own. */
bool onnx_read_tensor(Unit *, const char *path, OnnxTensor *out);

#endif
