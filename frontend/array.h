/* Array: elements that came from a file or go to one. */
#ifndef FRONTEND_ARRAY_H
#define FRONTEND_ARRAY_H

#include "ir/graph.h"
#include "ir/type.h"
#include "ir/unit.h"

typedef struct Array {
	DType dtype;
	Shape shape;
	void *data;     /* row-major, in this machine's byte order */
} Array;

int64_t array_nbytes(const Array *);

/* An element type that files have no name for is written as a wider one. */
bool npy_read(Unit *, const char *path, Array *);
bool npy_parse(Unit *, const char *path, const void *bytes, size_t, Array *);
bool npy_write(Unit *, const char *path, const Array *);

/* A .npy file, or an ONNX TensorProto if the name ends in .pb. */
bool array_read(Unit *, const char *path, Array *);

/*
 * Copies elements first..first+count-1 to `to`, of another type, if no value
 * changes (rounding from one floating-point type to another is allowed).
 * False: *bad is the first element that does not fit.
 */
bool array_convert(const Array *, int64_t first, int64_t count, DType type,
                   void *to, int64_t *bad);
/* The same with all of them: an array as the model has that input, to the
 * storage of the input, where examples may come first. */
bool array_give(const Array *, const Value *input, void *to, int64_t *bad);

#endif
