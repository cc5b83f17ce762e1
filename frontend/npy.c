/*
 * NumPy's .npy files: the magic "\x93NUMPY", a version, the length of a header,
 * the header (a Python dictionary of three entries), the elements.
 *
 * The header is read by looking for its three keys; what NumPy itself writes is
 * all that has to be understood. Elements in the other byte order and in
 * column-major order are rearranged.
 */
#include "frontend/array.h"
#include "frontend/files.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *descr;   /* without the byte order */
	DType dtype;
} descrs[] = {
	{"f4", DT_F32}, {"f8", DT_F64}, {"f2", DT_F16}, {"b1", DT_BOOL},
	{"i1", DT_I8}, {"i2", DT_I16}, {"i4", DT_I32}, {"i8", DT_I64},
	{"u1", DT_U8}, {"u2", DT_U16}, {"u4", DT_U32}, {"u8", DT_U64},
};

enum { NDESCRS = sizeof descrs / sizeof descrs[0] };

typedef struct Header {
	bool swapped, fortran;
} Header;

static const char *find_key(const char *header, const char *key)
{
	const char *at = strstr(header, key);
	if (!at)
		return NULL;
	at += strlen(key);
	at += strspn(at, " ");
	if (*at++ != ':')
		return NULL;
	return at + strspn(at, " ");
}

static bool parse_descr(Unit *u, const char *path, const char *header,
                        Array *a, Header *h)
{
	const char *at = find_key(header, "'descr'");
	size_t len = at && *at == '\'' ? strcspn(++at, "'") : 0;
	if (len < 3 || !strchr("<>|=", at[0])) {
		file_error(u, path, "the .npy header has no plain 'descr'");
		return false;
	}
	h->swapped = at[0] == '>';
	for (int i = 0; i < NDESCRS; i++)
		if (len == 3 && !strncmp(at + 1, descrs[i].descr, 2)) {
			a->dtype = descrs[i].dtype;
			return true;
		}
	file_error(u, path, "element type '%.*s' is not supported; expected "
	           "a boolean, integer or real type", (int)len, at);
	return false;
}

static bool parse_shape(Unit *u, const char *path, const char *header,
                        Array *a)
{
	const char *at = find_key(header, "'shape'");
	Shape s = {0};
	bool good = at && *at++ == '(';
	while (good) {
		at += strspn(at, " ,");
		if (*at == ')')
			break;
		char *end;
		long long dim = strtoll(at, &end, 10);
		good = end != at && dim >= 0 && s.rank < MAX_RANK;
		if (good)
			s.dim[s.rank++] = dim;
		at = end;
	}
	if (good && shape_valid(s)) {
		a->shape = s;
		return true;
	}
	file_error(u, path, "the .npy header's shape is not one of at most %d "
	           "dimensions that fit the memory", MAX_RANK);
	return false;
}

static bool parse_header(Unit *u, const char *path, const char *header,
                         Array *a, Header *h)
{
	const char *fortran = find_key(header, "'fortran_order'");
	if (!fortran) {
		file_error(u, path, "the .npy header has no 'fortran_order'");
		return false;
	}
	h->fortran = !strncmp(fortran, "True", 4);
	return parse_descr(u, path, header, a, h) &&
	       parse_shape(u, path, header, a);
}

/* Where the header begins, and its length; 0: not a .npy file. */
static size_t find_header(const unsigned char *b, size_t size, size_t *len)
{
	if (size < 10 || memcmp(b, "\x93NUMPY", 6))
		return 0;
	size_t at = b[6] == 1 ? 10 : 12;
	if (size < at)
		return 0;
	*len = (size_t)b[8] | (size_t)b[9] << 8;
	if (b[6] != 1)
		*len |= (size_t)b[10] << 16 | (size_t)b[11] << 24;
	return *len <= size - at ? at : 0;
}

static void swap_bytes(Array *a)
{
	size_t n = (size_t)numel(a->shape), size = (size_t)dtype_size(a->dtype);
	for (unsigned char *p = a->data; n--; p += size)
		for (size_t i = 0; i < size / 2; i++) {
			unsigned char c = p[i];
			p[i] = p[size - 1 - i];
			p[size - 1 - i] = c;
		}
}

/* Column-major elements, read in order, to their row-major places. */
static void from_fortran(Unit *u, Array *a)
{
	int64_t n = numel(a->shape), stride[MAX_RANK], at[MAX_RANK] = {0};
	size_t size = (size_t)dtype_size(a->dtype);
	char *to = arena_array(u->arena, char, array_nbytes(a));
	shape_strides(a->shape, stride);
	for (int64_t i = 0, o = 0; i < n; i++) {
		memcpy(to + (size_t)o * size,
		       (char *)a->data + (size_t)i * size, size);
		for (int d = 0; d < a->shape.rank; d++) {
			o += stride[d];
			if (++at[d] < a->shape.dim[d])
				break;
			o -= at[d] * stride[d];
			at[d] = 0;
		}
	}
	a->data = to;
}

bool npy_parse(Unit *u, const char *path, const void *bytes, size_t size,
               Array *a)
{
	const unsigned char *b = bytes;
	Header h;
	size_t len = 0, start = find_header(b, size, &len);
	if (!start) {
		file_error(u, path, "not a .npy file, or its header is "
		           "truncated");
		return false;
	}
	char *header = arena_strndup(u->arena, (const char *)b + start, len);
	if (!parse_header(u, path, header, a, &h))
		return false;
	size_t have = size - start - len;
	int64_t want = array_nbytes(a);
	if ((uint64_t)want != have) {
		file_error(u, path, "has %zu bytes of elements; %s%s needs "
		           "%lld", have, dtype_name(a->dtype),
		           shape_text(u->arena, a->shape), (long long)want);
		return false;
	}
	a->data = arena_alloc(u->arena, have + 1);
	memcpy(a->data, b + start + len, have);
	if (h.swapped)
		swap_bytes(a);
	if (h.fortran && a->shape.rank > 1)
		from_fortran(u, a);
	return true;
}

bool npy_read(Unit *u, const char *path, Array *a)
{
	size_t size;
	unsigned char *bytes = file_read(u, path, &size);
	return bytes && npy_parse(u, path, bytes, size, a);
}

/* The header padded with spaces so that the elements begin at a multiple of
 * 64, as NumPy does it. */
static void write_header(FILE *f, Arena *arena, const Array *a)
{
	const char *descr = "f4";
	for (int i = 0; i < NDESCRS; i++)
		if (descrs[i].dtype == a->dtype)
			descr = descrs[i].descr;
	char *dims = arena_printf(arena, "%s", "");
	for (int d = 0; d < a->shape.rank; d++)
		dims = arena_printf(arena, "%s%s%lld", dims, d ? ", " : "",
		                    (long long)a->shape.dim[d]);
	char *text = arena_printf(
		arena, "{'descr': '%c%s', 'fortran_order': False, "
		"'shape': (%s%s), }", dtype_size(a->dtype) == 1 ? '|' : '<',
		descr, dims, a->shape.rank == 1 ? "," : "");
	int len = (int)strlen(text) + 1;
	len += (64 - (10 + len) % 64) % 64;
	fwrite("\x93NUMPY\1\0", 1, 8, f);
	fputc(len & 255, f);
	fputc(len >> 8, f);
	fprintf(f, "%-*s\n", len - 1, text);
}

/* NumPy has no bf16: the same values as f32. */
static void widen_bf16(Unit *u, Array *a)
{
	Array wide = {DT_F32, a->shape, NULL};
	int64_t bad, n = numel(a->shape);
	wide.data = arena_alloc(u->arena, (size_t)array_nbytes(&wide) + 1);
	array_convert(a, 0, n, DT_F32, wide.data, &bad);
	*a = wide;
}

bool npy_write(Unit *u, const char *path, const Array *array)
{
	OutFile out;
	Array a = *array;
	if (a.dtype == DT_BF16)
		widen_bf16(u, &a);
	if (!out_open(u, path, &out))
		return false;
	write_header(out.f, u->arena, &a);
	fwrite(a.data, 1, (size_t)array_nbytes(&a), out.f);
	return out_close(&out);
}
