/* The names of an ONNX graph: a hash table from text to what is known. */
#ifndef FRONTEND_IMPORT_NAMES_H
#define FRONTEND_IMPORT_NAMES_H

#include "ir/graph.h"

typedef enum Declared {
	DECLARED_NOTHING, DECLARED_PARAMETER, DECLARED_CONSTANT,
} Declared;

typedef struct Name {
	const char *text;
	Value *value;        /* once it exists */
	int producer;        /* index of its node; -1: none */
	int init;            /* index of the initializer; -1: none */
	bool input;          /* of the graph, and not an initializer */
	bool output;         /* of the graph */
	bool updated;        /* a binding of the training step names it */
	bool failed;         /* an error was reported: readers are skipped */
	unsigned uses;       /* a set of USE_... */
	Declared declared;   /* by the exporter */
	const char *alias;   /* of a body's: in the flattened graph */
	int64_t inner;       /* the batch's stride within its dimension; 0: ? */
} Name;

typedef struct Names Names;

Names *names_create(Arena *, size_t expected);
Name *names_find(const Names *, const char *text);   /* NULL: unknown */
Name *names_add(Names *, const char *text);          /* found or made */

#endif
