/* From samples to batches: the order of an epoch, conversion and scaling. */
#include "frontend/data.h"
#include "frontend/files.h"

#include <string.h>

/* splitmix64: a good hash of a counter, so no state is kept. */
static uint64_t hash(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
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

/* One sample, scaled; channel c is element range c * n/channels. */
static void fill_scaled(const Array *a, int64_t first, int64_t n,
                        const Scaling *s, DType type, void *to, int64_t at)
{
	int64_t channel = s->n > 1 ? n / s->n : n;
	for (int64_t i = 0; i < n; i++) {
		Scalar x = dtype_get(a->dtype, a->data, first + i);
		double v = dtype_is_float(a->dtype) ? x.f : (double)x.i;
		v *= s->scale;
		if (s->n) {
			int64_t c = s->n > 1 ? i / channel : 0;
			v = (v - s->mean[c]) / s->std[c];
		}
		dtype_put(type, to, at + i, (Scalar){.f = v});
	}
}

bool data_fill(Unit *u, const Array *a, const int64_t *row, int64_t nrows,
               const Scaling *s, DType type, void *to, const char *what)
{
	int64_t n = numel(a->shape) / a->shape.dim[0], bad = 0;
	size_t part = (size_t)(n * dtype_size(type));
	bool scaled = s && dtype_is_float(type) && (s->scale != 1 || s->n);
	for (int64_t i = 0; i < nrows; i++) {
		char *at = (char *)to + (size_t)i * part;
		if (scaled) {
			fill_scaled(a, row[i] * n, n, s, type, at, 0);
		} else if (!array_convert(a, row[i] * n, n, type, at, &bad)) {
			file_error(u, what, "element %lld of sample %lld is "
			           "no %s", (long long)(bad % n),
			           (long long)row[i], dtype_name(type));
			return false;
		}
	}
	return true;
}
