#include "frontend/weights.h"

#include "frontend/files.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	DType dtype;
} types[] = {
	{"F32", DT_F32}, {"F64", DT_F64}, {"F16", DT_F16}, {"BF16", DT_BF16},
	{"BOOL", DT_BOOL}, {"I8", DT_I8}, {"I16", DT_I16}, {"I32", DT_I32},
	{"I64", DT_I64}, {"U8", DT_U8}, {"U16", DT_U16}, {"U32", DT_U32},
	{"U64", DT_U64},
};

enum { NTYPES = (int)(sizeof types / sizeof types[0]) };

static const char *type_name(DType t)
{
	for (int i = 0; i < NTYPES; i++)
		if (types[i].dtype == t)
			return types[i].name;
	BUG("no name for type %d", t);
}

/* ---- writing ---- */

static json_t *entry(const Array *a, int64_t offset)
{
	json_t *shape = json_array();
	for (int d = 0; d < a->shape.rank; d++)
		json_array_append_new(shape, json_integer(a->shape.dim[d]));
	return json_pack("{s:s, s:o, s:[I, I]}", "dtype", type_name(a->dtype),
	                 "shape", shape, "data_offsets", (json_int_t)offset,
	                 (json_int_t)(offset + array_nbytes(a)));
}

/* The header as text, padded to whole 8 bytes; NULL if a name is no UTF-8. */
static char *header_text(Unit *u, const Weights *w)
{
	json_t *o = json_object();
	int64_t offset = 0;
	bool good = true;
	json_object_set_new(o, "__metadata__",
	                    json_pack("{s:s}", "format", "thimble"));
	for (int i = 0; i < w->n; i++) {
		const Array *a = &w->item[i].array;
		good &= !json_object_set_new(o, w->item[i].name,
		                             entry(a, offset));
		offset += array_nbytes(a);
	}
	char *text = json_dumps(o, JSON_COMPACT);
	size_t len = text ? strlen(text) : 0;
	char *padded = arena_printf(u->arena, "%-*s", (int)(len + 7) / 8 * 8,
	                            text ? text : "");
	free(text);
	json_decref(o);
	return good ? padded : NULL;
}

bool weights_write(Unit *u, const char *path, const Weights *w)
{
	OutFile out;
	char *header = header_text(u, w);
	if (!header) {
		file_error(u, path, "cannot write: a name is not UTF-8");
		return false;
	}
	if (!out_open(u, path, &out))
		return false;
	uint64_t len = strlen(header);
	for (int i = 0; i < 8; i++)
		fputc((int)(len >> 8 * i & 255), out.f);
	fputs(header, out.f);
	for (int i = 0; i < w->n; i++)
		fwrite(w->item[i].array.data, 1,
		       (size_t)array_nbytes(&w->item[i].array), out.f);
	return out_close(&out);
}

/* ---- reading ---- */

typedef struct Reader {
	Unit *unit;
	const char *path;
	const unsigned char *data;   /* behind the header */
	size_t size;
} Reader;

static bool read_shape(const json_t *list, Shape *s)
{
	size_t n = json_array_size(list);
	*s = (Shape){0};
	if (!json_is_array(list) || n > MAX_RANK)
		return false;
	for (size_t d = 0; d < n; d++) {
		const json_t *dim = json_array_get(list, d);
		if (!json_is_integer(dim))
			return false;
		s->dim[s->rank++] = json_integer_value(dim);
	}
	return shape_valid(*s);
}

static bool read_dtype(const json_t *name, DType *t)
{
	for (int i = 0; i < NTYPES && json_is_string(name); i++)
		if (!strcmp(types[i].name, json_string_value(name))) {
			*t = types[i].dtype;
			return true;
		}
	return false;
}

static bool read_entry(const Reader *r, const char *name, const json_t *e,
                       Array *a)
{
	const json_t *range = json_object_get(e, "data_offsets");
	json_int_t first = json_integer_value(json_array_get(range, 0));
	json_int_t end = json_integer_value(json_array_get(range, 1));
	if (!read_dtype(json_object_get(e, "dtype"), &a->dtype) ||
	    !read_shape(json_object_get(e, "shape"), &a->shape)) {
		file_error(r->unit, r->path, "tensor '%s' has no valid dtype "
		           "and shape", name);
		return false;
	}
	if (json_array_size(range) != 2 || first < 0 || end < first ||
	    (uint64_t)end > r->size || end - first != array_nbytes(a)) {
		file_error(r->unit, r->path, "tensor '%s' is said to be at "
		           "bytes %lld to %lld of %zu, and %s%s has %lld",
		           name, (long long)first, (long long)end, r->size,
		           dtype_name(a->dtype),
		           shape_text(r->unit->arena, a->shape),
		           (long long)array_nbytes(a));
		return false;
	}
	a->data = arena_alloc(r->unit->arena, (size_t)(end - first) + 1);
	memcpy(a->data, r->data + first, (size_t)(end - first));
	return true;
}

static bool read_header(const Reader *r, json_t *o, Weights *w)
{
	Arena *arena = r->unit->arena;
	const char *name;
	json_t *e;
	*w = (Weights){0};
	w->item = arena_array(arena, NamedArray, json_object_size(o) + 1);
	json_object_foreach(o, name, e) {
		NamedArray *item = &w->item[w->n];
		if (!strcmp(name, "__metadata__"))
			continue;
		if (!read_entry(r, name, e, &item->array))
			return false;
		item->name = arena_printf(arena, "%s", name);
		w->n++;
	}
	return true;
}

bool weights_parse(Unit *u, const char *path, const unsigned char *b,
                   size_t size, Weights *w)
{
	uint64_t len = 0;
	json_error_t why;
	for (int i = 0; size >= 8 && i < 8; i++)
		len |= (uint64_t)b[i] << 8 * i;
	if (size < 8 || len > size - 8) {
		file_error(u, path, "not a safetensors file, or its header is "
		           "truncated");
		return false;
	}
	json_t *o = json_loadb((const char *)b + 8, (size_t)len,
	                       JSON_REJECT_DUPLICATES, &why);
	if (!json_is_object(o)) {
		file_error(u, path, "the safetensors header is no JSON object: "
		           "%s", o ? "another kind of value" : why.text);
		json_decref(o);
		return false;
	}
	Reader r = {u, path, b + 8 + len, size - 8 - (size_t)len};
	bool good = read_header(&r, o, w);
	json_decref(o);
	return good;
}

bool weights_read(Unit *u, const char *path, Weights *w)
{
	size_t size;
	unsigned char *b = file_read(u, path, &size);
	return b && weights_parse(u, path, b, size, w);
}

const Array *weights_find(const Weights *w, const char *name)
{
	for (int i = 0; i < w->n; i++)
		if (!strcmp(w->item[i].name, name))
			return &w->item[i].array;
	return NULL;
}
