/*
 * The IDX format of MNIST: two zero bytes, a type, the number of dimensions,
 * the dimensions as big-endian u32, the elements, big-endian.
 */
#include "frontend/data.h"
#include "frontend/files.h"

#include <string.h>

static bool idx_dtype(unsigned char code, DType *t)
{
	static const struct { unsigned char code; DType dtype; } types[] = {
		{8, DT_U8}, {9, DT_I8}, {11, DT_I16},
		{12, DT_I32}, {13, DT_F32}, {14, DT_F64},
	};
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (types[i].code == code) {
			*t = types[i].dtype;
			return true;
		}
	return false;
}

static int64_t big_endian(const unsigned char *b)
{
	return (int64_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
}

static void copy_swapped(unsigned char *to, const unsigned char *from,
                         int64_t n, int size)
{
	for (int64_t i = 0; i < n; i++, to += size, from += size)
		for (int k = 0; k < size; k++)
			to[k] = from[size - 1 - k];
}

bool idx_parse(Unit *u, const char *path, const unsigned char *b, size_t size,
               Array *a)
{
	if (size < 4 || b[0] || b[1] || !idx_dtype(b[2], &a->dtype)) {
		file_error(u, path, "not an IDX file: wrong magic number");
		return false;
	}
	a->shape = (Shape){.rank = b[3]};
	size_t header = 4 + 4 * (size_t)b[3];
	if (b[3] == 0 || b[3] > MAX_RANK || size < header) {
		file_error(u, path, "an IDX header of %d dimensions in a file "
		           "of %zu bytes; expected 1 to %d dimensions and %zu "
		           "bytes", b[3], size, MAX_RANK, header);
		return false;
	}
	for (int d = 0; d < a->shape.rank; d++)
		a->shape.dim[d] = big_endian(b + 4 + 4 * d);
	bool valid = shape_valid(a->shape);
	int64_t want = valid ? array_nbytes(a) : INT64_MAX;
	if (!valid || (uint64_t)want != size - header) {
		file_error(u, path, "has %zu bytes of elements; %s%s needs "
		           "%s%lld", size - header, dtype_name(a->dtype),
		           shape_text(u->arena, a->shape),
		           valid ? "" : "more than ", (long long)want);
		return false;
	}
	a->data = arena_alloc(u->arena, (size_t)want + 1);
	copy_swapped(a->data, b + header, numel(a->shape),
	             dtype_size(a->dtype));
	return true;
}
