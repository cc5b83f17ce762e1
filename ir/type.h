/* Element types and shapes. Shapes are static: every dimension is a number. */
#ifndef IR_TYPE_H
#define IR_TYPE_H

#include "ir/arena.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum DType {
#define D(id, name, ctype, bytes, class, onnx) DT_##id,
#include "ir/dtypes.def"
#undef D
	NDTYPE
} DType;

typedef enum DClass { DC_FLOAT, DC_INT } DClass;

const char *dtype_name(DType);        /* "f32" */
const char *dtype_ctype(DType);       /* "float" */
int dtype_size(DType);                /* bytes of one element; of a bit: 1 */
bool dtype_is_float(DType);
bool dtype_from_name(const char *, DType *out);
bool dtype_from_onnx(int32_t, DType *out);   /* false: not a type we store */
int dtype_to_onnx(DType);

/* One element as a number: f for float types, i for integers and bool. */
typedef union Scalar {
	double f;
	int64_t i;
} Scalar;

int64_t int64_of(double);   /* towards 0; saturates, and NaN is 0 */

/* Reads and writes element `i` of an array of `t`; writing rounds to nearest
 * (floats) or wraps (integers). */
Scalar dtype_get(DType t, const void *data, int64_t i);
void dtype_put(DType t, void *data, int64_t i, Scalar x);
float f16_to_f32(uint16_t);
uint16_t f32_to_f16(float);

enum { MAX_RANK = 8 };

typedef struct Shape {
	int rank;
	int64_t dim[MAX_RANK];
} Shape;

int64_t numel(Shape);
int64_t shape_bytes(Shape, DType);    /* that many elements, as stored */
bool shape_equal(Shape, Shape);
/* Numpy's rule: align at the right, 1 stretches. False: they do not fit. */
bool shape_broadcast(Shape a, Shape b, Shape *out);
const char *shape_text(Arena *, Shape);   /* "[4,1,28,28]" */
/* False if a dimension is negative or the elements, 8 bytes each, take more than
 * 1 TiB: sums over all that a graph has then fit an int64_t. Dimensions of 0
 * count as 1. */
bool shape_valid(Shape);
/* Row-major strides in elements. */
void shape_strides(Shape, int64_t stride[MAX_RANK]);

#endif
