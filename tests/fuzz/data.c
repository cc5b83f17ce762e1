/*
 * Training data and weights. The first byte says which reader gets the rest;
 * gzip files and raw ones are read by data_load from a file in memory.
 */
#define _GNU_SOURCE   /* memfd_create */
#include "tests/fuzz/fuzz.h"

#include "frontend/data.h"
#include "frontend/files.h"
#include "frontend/onnx_model.h"
#include "frontend/weights.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Every row in two orders, as a batch of each type. */
static void fill(Unit *u, const DataSet *d)
{
	static const Scaling scaling = {1.0 / 255, 1, {0.5}, {0.25}};
	for (int c = 0; c < d->ncolumns; c++) {
		const Array *a = &d->column[c];
		int64_t n = d->rows < 4 ? d->rows : 4, row[4];
		int64_t part = a->shape.dim[0]
		               ? numel(a->shape) / a->shape.dim[0] : 0;
		if (part > 1 << 16)
			continue;
		data_order(n, true, 1, 1, row);
		void *to = arena_calloc(u->arena, (size_t)(n * part) + 1, 8);
		Batch b = {n, part && part % 2 == 0 ? 2 : 1, row};
		data_fill(u, a, &b, &scaling, DT_F32, to, "input");
		data_fill(u, a, &b, &scaling, DT_I32, to, "target");
	}
}

/* As samples; where it is one sequence, its windows too. */
static void use(Unit *u, DataSet *d, size_t size)
{
	fill(u, d);
	if (d->ncolumns == 1 && d->column[0].shape.rank == 1 &&
	    data_windows(u, "stream", 1 + (int64_t)(size % 5),
	                 1 + (int64_t)(size % 3), d))
		fill(u, d);
}

static bool load(Unit *u, const char *suffix, const uint8_t *data, size_t size)
{
	DataSet set = {0};
	DataFormat format = {.label_column = LABEL_LAST};
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		BUG("no file in memory");
	char *spec = arena_printf(u->arena, "/proc/self/fd/%d%s", fd, suffix);
	bool ok = data_load(u, spec, &format, &set);
	close(fd);
	if (ok)
		use(u, &set, size);
	return !u->nerrors;
}

static bool csv(Unit *u, int label, const uint8_t *data, size_t size)
{
	DataSet set = {0};
	char *text = (char *)fuzz_text(u->arena, data, size);
	if (csv_parse(u, "fuzz.csv", text, size, label, &set))
		fill(u, &set);
	return !u->nerrors;
}

static bool read_with(Unit *u, int reader, const uint8_t *data, size_t size)
{
	Array a;
	Weights w;
	unsigned char *bytes = fuzz_text(u->arena, data, size);
	switch (reader) {
	case 0:
		return idx_parse(u, "fuzz.idx", bytes, size, &a);
	case 1:
		return npy_parse(u, "fuzz.npy", bytes, size, &a);
	case 2:
		return weights_parse(u, "fuzz.safetensors", bytes, size, &w);
	case 3:
		return csv(u, LABEL_LAST, data, size);
	case 4:
		return csv(u, LABEL_NONE, data, size);
	case 5:
		return load(u, "", data, size);
	case 6:
		return load(u, ":f32:2x3", data, size);
	default:
		return load(u, ":u8", data, size);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Trial t;
	if (!size)
		return 0;
	trial_begin(&t, "fuzz");
	bool ok = read_with(&t.u, data[0] & 7, data + 1, size - 1);
	trial_end(&t, ok);
	return 0;
}
