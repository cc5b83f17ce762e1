/* The reader: an ONNX file becomes the forward graph of a Model. */
#ifndef FRONTEND_FRONTEND_H
#define FRONTEND_FRONTEND_H

#include "ir/graph.h"
#include "ir/options.h"

/*
 * Reads u->path, with external data from its folder only. NULL after errors
 * that were reported: all of them in one run, each with its node. Obeys batch,
 * dim and name of the options.
 *
 * The graph's IN_DATA inputs and OUT_DATA outputs have the ONNX names, in the
 * file's order. Floating-point initializers are variables (running statistics
 * VAR_BUFFER, all others VAR_PARAMETER) under their ONNX names; integer ones
 * and what folds from them are constants.
 */
Graph *load_onnx(Unit *, const Options *);

typedef struct OnnxOpCount {
	const char *op;     /* op_type, with its domain if that is not ONNX's */
	int count;
} OnnxOpCount;

/* What `inspect` wants beyond the graph, which it has even where that cannot
 * be read. */
typedef struct OnnxInfo {
	int64_t ir_version, opset;
	const char *producer, *producer_version;
	char sha256[65];
	int nops;
	OnnxOpCount *op;    /* of the main graph, sorted by name */
} OnnxInfo;

bool onnx_info(Unit *, OnnxInfo *);
bool onnx_supports(const char *op);   /* is there a conversion for it? */

#endif
