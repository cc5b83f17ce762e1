#include "frontend/data.h"

#include "frontend/files.h"

#include <stdlib.h>
#include <string.h>

typedef struct Spec {
	const char *path;
	bool raw, typed;    /* typed: the file's own type, whatever its name */
	DType dtype;
	Shape shape;
} Spec;

bool shape_parse(const char *text, Shape *s)
{
	*s = (Shape){0};
	for (;;) {
		char *end;
		if (*text < '0' || *text > '9' || s->rank == MAX_RANK)
			return false;
		s->dim[s->rank++] = strtoll(text, &end, 10);
		if (!*end)
			return shape_valid(*s);
		if (*end != 'x')
			return false;
		text = end + 1;
	}
}

/* FILE[:DTYPE[:SHAPE]]. What follows a colon and is no type belongs to the
 * file's name. */
static bool parse_part(Unit *u, char *part, const DataFormat *f, Spec *s)
{
	char *first = strchr(part, ':');
	*s = (Spec){part, f->raw, false, f->raw_dtype, f->raw_shape};
	if (!first)
		return true;
	char *second = strchr(first + 1, ':');
	DType dtype;
	*first = '\0';
	if (second)
		*second = '\0';
	if (!dtype_from_name(first + 1, &dtype)) {
		*first = ':';
		if (second)
			*second = ':';
		return true;
	}
	s->raw = s->typed = true;
	s->dtype = dtype;
	s->shape = (Shape){0};
	if (!second || shape_parse(second + 1, &s->shape))
		return true;
	file_error(u, part, "'%s' is not a shape; expected something like "
	           "1x28x28", second + 1);
	return false;
}

static bool is_idx(const char *path, const unsigned char *b, size_t size)
{
	return strstr(path, "ubyte") || path_has_suffix(path, ".idx") ||
	       path_has_suffix(path, ".idx.gz") ||
	       (size >= 4 && !b[0] && !b[1] && b[2] >= 8 && b[2] <= 14 && b[3]);
}

static bool is_csv(const char *path)
{
	static const char *const suffixes[] = {".csv", ".tsv", ".txt",
	                                       ".csv.gz", ".tsv.gz", ".txt.gz"};
	for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
		if (path_has_suffix(path, suffixes[i]))
			return true;
	return false;
}

/* The label bytes of records of `size` bytes each, taken out of them. */
static Array split_labels(Unit *u, unsigned char *b, int64_t rows, int64_t size)
{
	Array y = {DT_U8, {1, {rows}}, NULL};
	unsigned char *label = arena_alloc(u->arena, (size_t)rows + 1);
	for (int64_t i = 0; i < rows; i++) {
		label[i] = b[i * (size + 1)];
		memmove(b + i * size, b + i * (size + 1) + 1, (size_t)size);
	}
	y.data = label;
	return y;
}

static bool load_raw(Unit *u, const Spec *s, bool label, unsigned char *b,
                     size_t bytes, DataSet *d)
{
	int64_t size = numel(s->shape) * dtype_size(s->dtype);
	int64_t record = size + label;
	if (s->shape.rank == MAX_RANK || size == 0 ||
	    bytes % (uint64_t)record) {
		file_error(u, s->path, "%zu bytes are not whole samples of "
		           "%lld bytes (%s%s%s)", bytes, (long long)record,
		           dtype_name(s->dtype),
		           shape_text(u->arena, s->shape),
		           label ? " after a label" : "");
		return false;
	}
	Array x = {s->dtype, {s->shape.rank + 1, {0}}, b};
	int64_t rows = (int64_t)bytes / record;
	x.shape.dim[0] = rows;
	memcpy(x.shape.dim + 1, s->shape.dim,
	       (size_t)s->shape.rank * sizeof x.shape.dim[0]);
	d->ncolumns = 1 + label;
	if (label)
		d->column[1] = split_labels(u, b, rows, size);
	d->column[0] = x;
	return true;
}

static bool load_file(Unit *u, const Spec *s, const DataFormat *f, bool first,
                      DataSet *d)
{
	size_t size;
	unsigned char *b = file_read(u, s->path, &size);
	*d = (DataSet){.ncolumns = 1};
	if (!b)
		return false;
	if (path_has_suffix(s->path, ".npy") ||
	    path_has_suffix(s->path, ".npy.gz"))
		return npy_parse(u, s->path, b, size, &d->column[0]);
	if (is_csv(s->path) && !s->typed)
		return csv_parse(u, s->path, (char *)b, size,
		                 first ? f->label_column : LABEL_NONE, d);
	if (s->raw)
		return load_raw(u, s, f->raw_label && first, b, size, d);
	if (is_idx(s->path, b, size))
		return idx_parse(u, s->path, b, size, &d->column[0]);
	file_error(u, s->path, "unknown format; expected .npy, .csv, IDX, or "
	           "raw binary as FILE:DTYPE:SHAPE");
	return false;
}

static bool add_columns(Unit *u, const char *path, const DataSet *from,
                        DataSet *to)
{
	for (int i = 0; i < from->ncolumns; i++) {
		const Array *a = &from->column[i];
		if (to->ncolumns == MAX_COLUMNS || !a->shape.rank ||
		    !a->shape.dim[0]) {
			file_error(u, path, "%s", to->ncolumns == MAX_COLUMNS
			           ? "one file too many" : "has no samples");
			return false;
		}
		if (to->ncolumns && to->rows != a->shape.dim[0]) {
			file_error(u, path, "has %lld samples, the files "
			           "before it have %lld",
			           (long long)a->shape.dim[0],
			           (long long)to->rows);
			return false;
		}
		to->rows = a->shape.dim[0];
		to->column[to->ncolumns++] = *a;
	}
	return true;
}

bool data_load(Unit *u, const char *spec, const DataFormat *f, DataSet *d)
{
	char *copy = arena_printf(u->arena, "%s", spec);
	*d = (DataSet){0};
	for (char *part = copy, *next; part; part = next) {
		Spec s;
		DataSet one;
		next = strchr(part, ',');
		if (next)
			*next++ = '\0';
		if (!parse_part(u, part, f, &s) ||
		    !load_file(u, &s, f, part == copy, &one) ||
		    !add_columns(u, s.path, &one, d))
			return false;
	}
	return true;
}
