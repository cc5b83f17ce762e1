/* From samples to batches: the order of an epoch, conversion and scaling. */
#include "frontend/data.h"
#include "frontend/files.h"
#include "ir/splitmix.h"

#include <string.h>

/* A good hash of a counter, so no state is kept. */
static uint64_t hash(uint64_t x)
{
	return splitmix64(&x);
}

void data_order(int64_t n, bool shuffle, uint64_t seed, int64_t epoch,
                int64_t *row)
{
	uint64_t key = hash(hash(seed) + (uint64_t)epoch);
	for (int64_t i = 0; i < n; i++)
		row[i] = i;
	for (int64_t i = n - 1; shuffle && i > 0; i--) {
		uint64_t r = hash(key + (uint64_t)i) % ((uint64_t)i + 1);
		int64_t t = row[i];
		row[i] = row[r];
		row[r] = t;
	}
}

/* `n` elements of a sample of `size` from number `first` on, scaled; channel c
 * is elements range c * size/channels. */
static void fill_scaled(const Array *a, int64_t row, int64_t size,
                        int64_t first, int64_t n, const Scaling *s, DType type,
                        void *to)
{
	int64_t channel = s->n > 1 ? size / s->n : size;
	for (int64_t i = 0; i < n; i++) {
		Scalar x = dtype_get(a->dtype, a->data, row * size + first + i);
		double v = dtype_is_float(a->dtype) ? x.f : (double)x.i;
		v *= s->scale;
		if (s->n) {
			int64_t c = s->n > 1 ? (first + i) / channel : 0;
			v = (v - s->mean[c]) / s->std[c];
		}
		dtype_put(type, to, i, (Scalar){.f = v});
	}
}

bool data_fill(Unit *u, const Array *a, const Batch *b, const Scaling *s,
               DType type, void *to, const char *what)
{
	int64_t size = numel(a->shape) / a->shape.dim[0], bad = 0;
	int64_t n = size / b->outer;
	size_t part = (size_t)(n * dtype_size(type));
	bool scaled = s && dtype_is_float(type) && (s->scale != 1 || s->n);
	for (int64_t i = 0; i < b->n * b->outer; i++) {
		int64_t row = b->row[i % b->n], first = i / b->n * n;
		char *at = (char *)to + (size_t)i * part;
		if (scaled) {
			fill_scaled(a, row, size, first, n, s, type, at);
		} else if (!array_convert(a, row * size + first, n, type, at,
		                          &bad)) {
			file_error(u, what, "element %lld of sample %lld is "
			           "no %s", (long long)(bad % size),
			           (long long)row, dtype_name(type));
			return false;
		}
	}
	return true;
}

/* Window w of stream s becomes sample w * streams + s. */
static void side_by_side(Arena *arena, Array *x, int64_t streams, int64_t each)
{
	int64_t length = x->shape.dim[1];
	size_t size = (size_t)(length * dtype_size(x->dtype));
	char *to = arena_alloc(arena, (size_t)array_nbytes(x) + 1);
	for (int64_t i = 0; i < x->shape.dim[0]; i++) {
		int64_t w = i / streams, s = i % streams;
		const char *from = (const char *)x->data +
		                   (s * each + w * length) *
		                   dtype_size(x->dtype);
		memcpy(to + (size_t)i * size, from, size);
	}
	x->data = to;
}

bool data_windows(Unit *u, const char *name, int64_t length, int64_t streams,
                  DataSet *d)
{
	Array *x = &d->column[0];
	if (d->ncolumns != 1 || x->shape.rank != 1) {
		file_error(u, name, "is no stream, which is one array of one "
		           "dimension");
		return false;
	}
	int64_t each = x->shape.dim[0] / streams;
	if (!length || each <= length) {
		file_error(u, name, "has %lld elements; a window and what "
		           "comes next are %lld%s", (long long)x->shape.dim[0],
		           (long long)length + 1, streams > 1
		           ? ", for each sample of a batch" : "");
		return false;
	}
	d->rows = (each - 1) / length * streams;
	x->shape = (Shape){2, {d->rows, length}};
	d->column[1] = *x;
	d->column[1].data = (char *)x->data + dtype_size(x->dtype);
	d->ncolumns = 2;
	for (int i = 0; i < 2 && streams > 1; i++)
		side_by_side(u->arena, &d->column[i], streams, each);
	return true;
}
