/*
 * Building a graph as protobuf messages: nodes, initializers, ports. Everything
 * lives in the Unit's arena, and strings are not copied. Names that are to be
 * new are made so: build_name().
 */
#ifndef FRONTEND_ONNX_BUILD_H
#define FRONTEND_ONNX_BUILD_H

#include "frontend/import_names.h"
#include "frontend/onnx_proto.h"
#include "frontend/weights.h"

typedef struct Build {
	Unit *u;
	Onnx__GraphProto *g;
	Names *taken;
} Build;

/* A list of names that ends with NULL. */
#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* An empty graph of that name. */
Build build_graph(Unit *, const char *name, Names *taken);
/* `wish`, or with as many underscores as it takes to be new. */
const char *build_name(Build *, const char *wish);

/* The new node has these inputs and outputs ("" for absent ones). */
Onnx__NodeProto *build_node(Build *, const char *domain, const char *op,
                            const char *const in[], const char *const out[]);
/* With one output, of a new name, which is returned. */
const char *build_value(Build *, const char *op, const char *wish,
                        const char *const in[]);
void build_int(Build *, Onnx__NodeProto *, const char *attr, int64_t);
void build_float(Build *, Onnx__NodeProto *, const char *attr, double);
void build_string(Build *, Onnx__NodeProto *, const char *attr, const char *);
void build_strings(Build *, Onnx__NodeProto *, const char *attr,
                   const char *const[]);
void build_ints(Build *, Onnx__NodeProto *, const char *attr, int n,
                const int64_t *);
/* A Constant of one number. */
const char *build_constant(Build *, const char *wish, double);
const char *build_constant_int(Build *, const char *wish, int64_t);

/* All elements are x. */
void build_init(Build *, const char *name, DType, Shape, double x);
void build_input(Build *, const char *name, DType, Shape);
void build_output(Build *, const char *name, DType, Shape);
/* Appends a pair to a list of bindings. */
void build_pair(Unit *, size_t *n, Onnx__StringStringEntryProto ***list,
                const char *key, const char *value);
/* Imports version 1 of a domain, unless the model imports it already. */
void build_opset(Unit *, Onnx__ModelProto *, const char *domain);
/* Appends the loss of the step's output, whose name is returned. target: the
 * input to compare with, or NULL. */
const char *onnx_write_loss(Build *, const OnnxStep *, const char *target);
/* The function of that name in the domain "thimble". */
void onnx_add_function(Unit *, Onnx__ModelProto *, const char *name);
/* Room for one more pointer in a list that is copied when it grows. */
void *build_grow(Unit *, void *list, size_t n);

#endif
