/*
 * What torch.onnx.export(dynamo=True) notes beside the graph, as metadata: the
 * signature of the exported program, a line
 *
 *	p_head_weight: PARAMETER target='head.weight'
 *
 * for every parameter; the names from which the exporter's optimizer computed an
 * initializer (['head.weight', 'val_3']); and for every node the call that it
 * stands for (addmm(args = (%p_head_bias, ...))).
 *
 * That optimizer (optimize=True) is meant for inference. What it does to
 * parameters is undone where that is exact, and said where it is not.
 */
#ifndef FRONTEND_IMPORT_TORCH_H
#define FRONTEND_IMPORT_TORCH_H

#include "frontend/import.h"

typedef struct TorchParameter {
	const char *argument, *target;
	const OnnxNode *given;   /* a node whose call is given it; NULL: none */
} TorchParameter;

struct Torch {
	Arena *arena;
	int nparameters;
	TorchParameter *parameter;
	/* Name.init: which parameter, or which initializer of the model. */
	Names *argument, *target, *init;
	Names *folded;           /* all that initializers were computed from */
};

/* The parameters among the names of a Python list. */
typedef struct TorchSource {
	int parameters;
	bool kept;               /* one of them is also there as itself */
	const char *first;       /* of them */
} TorchSource;

TorchSource torch_source(const Torch *, const char *list);
/* What they became is a parameter in a new form, not computed with them. */
bool torch_trains(TorchSource);

/* The next argument that a call names; NULL: no more. */
const char *torch_argument(const Torch *, const char **call);
bool torch_in_file(const Torch *, const char *name);
/* Given to a node, but neither there as itself nor in another form. */
bool torch_is_replaced(const Torch *, const TorchParameter *);
/* A BatchNorm that was folded into this node. */
bool torch_folded_norm(const OnnxNode *);

/* In front of all nodes: a parameter's transposed copy is that parameter. */
OnnxNode torch_transpose(Arena *, int64_t opset, const char *in,
                         const char *out);

/* import_torch_copies.c: one parameter, where the exporter made a copy of it for
 * every example, or word, of the batch. */
void torch_join_copies(Unit *, OnnxModel *);

#endif
