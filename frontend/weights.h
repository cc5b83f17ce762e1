/*
 * Weights in a file: the safetensors format. Eight bytes with the length of a
 * JSON header, the header ({"NAME": {"dtype": "F32", "shape": [...],
 * "data_offsets": [first, end]}, ...}), the elements; all little-endian.
 */
#ifndef FRONTEND_WEIGHTS_H
#define FRONTEND_WEIGHTS_H

#include "frontend/array.h"
#include "ir/graph.h"
#include "ir/options.h"

typedef struct NamedArray {
	const char *name;
	Array array;
} NamedArray;

typedef struct Weights {
	int n;
	NamedArray *item;     /* in the order of the header */
} Weights;

bool weights_write(Unit *, const char *path, const Weights *);
bool weights_read(Unit *, const char *path, Weights *);
bool weights_parse(Unit *, const char *path, const unsigned char *, size_t,
                   Weights *);
const Array *weights_find(const Weights *, const char *name);

/*
 * Writes a copy of the ONNX file u->path in which the initializers have these
 * contents. A name that the file gives to an initializer through an Identity
 * becomes an initializer of its own. False after an error.
 */
bool onnx_write_weights(Unit *, const char *out, const Weights *);

/* A training step, for a file that is to say how it is trained. */
typedef struct OnnxStep {
	const Options *options;      /* loss, optimizer */
	const char *output_name;     /* what the loss is of, */
	const Value *output;
	bool probabilities;          /*   and takes that for */
	const Value *target;         /*   and what it compares that with, or NULL */
	int n, nstatistics, ninputs;
	const Variable **parameter;  /* those that train */
	const Variable **statistic;  /* those that a normalization replaces */
	const char **input;          /* of the model */
} OnnxStep;

/* The same copy, with the step as its training_info. */
bool onnx_write_training(Unit *, const char *out, const Weights *,
                         const OnnxStep *);

#endif
