/* Matrices that an exporter has written twice, the other time transposed. */
#include "frontend/onnx_model.h"
#include "ir/splitmix.h"

#include <string.h>

enum { FEW = 3 };   /* zeros, ones or an identity are equal by chance */

static const char *at(const OnnxTensor *t, int64_t i)
{
	return (const char *)t->data + (size_t)i * (size_t)dtype_size(t->dtype);
}

/* Are there so many different elements? */
static bool is_telling(const OnnxTensor *t)
{
	size_t size = (size_t)dtype_size(t->dtype);
	int64_t seen[FEW] = {0}, n = numel(t->shape);
	int found = n > 0;
	for (int64_t i = 1; i < n && found < FEW; i++) {
		bool known = false;
		for (int k = 0; k < found; k++)
			known |= !memcmp(at(t, i), at(t, seen[k]), size);
		if (!known)
			seen[found++] = i;
	}
	return found == FEW;
}

const char *onnx_fingerprint(Arena *a, const OnnxTensor *t, bool transposed)
{
	if (t->shape.rank != 2 || !t->data || !dtype_is_float(t->dtype) ||
	    !is_telling(t))
		return NULL;
	uint64_t sum = 0;
	int64_t n = numel(t->shape);
	for (int64_t i = 0; i < n; i++) {
		uint64_t bits = 0;
		memcpy(&bits, at(t, i), (size_t)dtype_size(t->dtype));
		sum += splitmix64(&bits);   /* whatever their order */
	}
	return arena_printf(a, "%d %lld %lld %llx", t->dtype,
	                    (long long)t->shape.dim[transposed],
	                    (long long)t->shape.dim[!transposed],
	                    (unsigned long long)sum);
}

bool onnx_transposed(const OnnxTensor *a, const OnnxTensor *b)
{
	if (a->dtype != b->dtype || a->shape.rank != 2 || b->shape.rank != 2 ||
	    a->shape.dim[0] != b->shape.dim[1] ||
	    a->shape.dim[1] != b->shape.dim[0] || !a->data || !b->data)
		return false;
	int64_t rows = a->shape.dim[0], columns = a->shape.dim[1];
	size_t size = (size_t)dtype_size(a->dtype);
	for (int64_t i = 0; i < rows; i++)
		for (int64_t j = 0; j < columns; j++)
			if (memcmp(at(a, i * columns + j), at(b, j * rows + i),
			           size))
				return false;
	return true;
}
