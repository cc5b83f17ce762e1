#include "frontend/array.h"

#include <math.h>
#include <string.h>

int64_t array_nbytes(const Array *a)
{
	return numel(a->shape) * dtype_size(a->dtype);
}

static bool integer_fits(DType t, int64_t i)
{
	switch (t) {
	case DT_BOOL:
		return i == 0 || i == 1;
	case DT_U8:
		return i >= 0 && i <= UINT8_MAX;
	case DT_I8:
		return i >= INT8_MIN && i <= INT8_MAX;
	case DT_U16:
		return i >= 0 && i <= UINT16_MAX;
	case DT_I16:
		return i >= INT16_MIN && i <= INT16_MAX;
	case DT_U32:
		return i >= 0 && i <= UINT32_MAX;
	case DT_I32:
		return i >= INT32_MIN && i <= INT32_MAX;
	case DT_U64:
		return i >= 0;
	default:
		return true;
	}
}

/* One value from type to type; false if it would change. */
static bool convert(DType from, DType to, Scalar *x)
{
	bool f = dtype_is_float(from), t = dtype_is_float(to);
	if (f && t)
		return true;
	if (f) {
		if (!(fabs(x->f) < 9.2e18) || x->f != floor(x->f))
			return false;
		x->i = (int64_t)x->f;
	} else if (t) {
		int64_t i = x->i;
		x->f = to == DT_F64 ? (double)i : (double)(float)i;
		return (to == DT_F32 || to == DT_F64) &&
		       fabs(x->f) < 9.2e18 && (int64_t)x->f == i;
	}
	/* A u64 above INT64_MAX reads as negative. */
	return integer_fits(to, x->i) &&
	       (from != DT_U64 || to == DT_U64 || x->i >= 0);
}

bool array_convert(const Array *a, int64_t first, int64_t count, DType type,
                   void *to, int64_t *bad)
{
	size_t size = (size_t)dtype_size(type);
	/* NumPy has no bf16, and who writes it does so as what it is made of. */
	bool bits = a->dtype == DT_U16 && type == DT_BF16;
	if (a->dtype == type || bits) {
		memcpy(to, (const char *)a->data + (size_t)first * size,
		       (size_t)count * size);
		return true;
	}
	for (int64_t i = 0; i < count; i++) {
		Scalar x = dtype_get(a->dtype, a->data, first + i);
		if (!convert(a->dtype, type, &x)) {
			*bad = first + i;
			return false;
		}
		dtype_put(type, to, i, x);
	}
	return true;
}

bool array_give(const Array *a, const Value *v, void *to, int64_t *bad)
{
	int64_t n = numel(a->shape);
	if (v->batch_axis == v->model_axis || !n)
		return array_convert(a, 0, n, v->dtype, to, bad);
	int64_t rows = v->shape.dim[0], run = n / rows;
	for (int i = 0; i < v->model_axis; i++)
		run /= v->shape.dim[i + 1];
	for (int64_t i = 0; i < n / run; i++) {
		int64_t at = i % rows * (n / rows) + i / rows * run;
		if (!array_convert(a, i * run, run, v->dtype, (char *)to +
		                   at * dtype_size(v->dtype), bad))
			return false;
	}
	return true;
}
