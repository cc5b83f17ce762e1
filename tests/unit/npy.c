/* .npy files: what NumPy writes is read, what is written reads back, and a
 * damaged file is refused with its name. */
#include "frontend/array.h"
#include "frontend/files.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static Unit *unit_open(char **text, size_t *size)
{
	Unit *u = calloc(1, sizeof *u);
	*u = (Unit){
		.path = "test", .arena = arena_create(),
		.messages = open_memstream(text, size),
	};
	return u;
}

static void unit_close(Unit *u, char **text, const char *part)
{
	fclose(u->messages);
	cr_assert(strstr(*text, part), "'%s' in: %s", part, *text);
	free(*text);
	arena_destroy(u->arena);
	free(u);
}

/* A version 1.0 file with the header as given. */
static unsigned char *file_of(const char *header, const void *data, size_t n,
                              size_t *size)
{
	size_t len = strlen(header);
	unsigned char *b = malloc(10 + len + n);
	memcpy(b, "\x93NUMPY\1\0", 8);
	b[8] = (unsigned char)len;
	b[9] = 0;
	memcpy(b + 10, header, len);
	memcpy(b + 10 + len, data, n);
	*size = 10 + len + n;
	return b;
}

static bool parse(Unit *u, const char *header, const void *data, size_t n,
                  Array *a)
{
	size_t size;
	unsigned char *b = file_of(header, data, n, &size);
	bool good = npy_parse(u, "x.npy", b, size, a);
	free(b);
	return good;
}

#define HEAD(descr, fortran, shape) \
	"{'descr': '" descr "', 'fortran_order': " fortran \
	", 'shape': " shape ", }        \n"

Test(npy, byte_orders_and_scalars)
{
	char *text;
	size_t size;
	Array a;
	Unit *u = unit_open(&text, &size);
	int16_t x[] = {0x0102, 0x0304};
	cr_assert(parse(u, HEAD("<i2", "False", "(2,)"), x, 4, &a));
	cr_assert(a.dtype == DT_I16 && shape_equal(a.shape, (Shape){1, {2}}));
	cr_assert_arr_eq(a.data, x, 4);
	cr_assert(parse(u, HEAD(">i2", "False", "(2, 1)"), x, 4, &a));
	cr_assert_eq(((int16_t *)a.data)[0], 0x0201);
	cr_assert(parse(u, HEAD("|b1", "False", "()"), x, 1, &a));
	cr_assert(a.dtype == DT_BOOL && a.shape.rank == 0);
	cr_assert(parse(u, HEAD("<f8", "False", "(3, 0)"), x, 0, &a));
	cr_assert_eq(numel(a.shape), 0);
	unit_close(u, &text, "");
}

Test(npy, column_major_becomes_row_major)
{
	char *text;
	size_t size;
	Array a;
	Unit *u = unit_open(&text, &size);
	/* element (i, j, k) of shape (2, 3, 2) is 100 i + 10 j + k */
	static const uint8_t in[] = {0, 100, 10, 110, 20, 120,
	                             1, 101, 11, 111, 21, 121};
	static const uint8_t out[] = {0, 1, 10, 11, 20, 21,
	                              100, 101, 110, 111, 120, 121};
	cr_assert(parse(u, HEAD("|u1", "True", "(2, 3, 2)"), in, 12, &a));
	cr_assert_arr_eq(a.data, out, 12);
	unit_close(u, &text, "");
}

static void refuse(const char *header, const char *message)
{
	char *text;
	size_t size;
	Array a;
	Unit *u = unit_open(&text, &size);
	cr_assert_not(parse(u, header, "abcd", 4, &a), "%s", header);
	cr_assert_eq(u->nerrors, 1);
	unit_close(u, &text, message);
}

Test(npy, bad_headers_are_refused)
{
	refuse("", "x.npy: error: ");
	refuse(HEAD("<f4", "False", "(2,)"), "has 4 bytes of elements");
	refuse(HEAD("<c8", "False", "()"), "'<c8' is not supported");
	refuse(HEAD("|O", "False", "()"), "error");
	refuse(HEAD("|S10", "False", "()"), "'|S10' is not supported");
	refuse(HEAD("<f4", "False", "(-1,)"), "shape");
	refuse(HEAD("<f4", "False", "(1,"), "shape");
	refuse(HEAD("<f4", "False", "(1,1,1,1,1,1,1,1,1)"), "shape");
	refuse(HEAD("<f4", "False", "(1099511627776, 1099511627776)"),
	       "shape");
	refuse(HEAD("<f4", "False", "(99999999999999999999,)"), "shape");
	refuse("{'descr': [('a', '<f4')], 'fortran_order': False, "
	       "'shape': ()}", "'descr'");
	refuse("{'descr': '<f4', 'shape': ()}", "'fortran_order'");
}

Test(npy, truncated_at_every_byte)
{
	size_t size;
	unsigned char *b = file_of(HEAD("<f4", "False", "(1,)"), "abcd", 4,
	                           &size);
	for (size_t n = 0; n < size; n++) {
		char *text;
		size_t len;
		Array a;
		unsigned char *cut = malloc(n ? n : 1);
		memcpy(cut, b, n);
		Unit *u = unit_open(&text, &len);
		cr_assert_not(npy_parse(u, "x.npy", cut, n, &a), "%zu", n);
		free(cut);
		unit_close(u, &text, "x.npy: error: ");
	}
	free(b);
}

static void round_trip(DType t, Shape s)
{
	char *text, path[] = "npy-test.XXXXXX";
	size_t size;
	Unit *u = unit_open(&text, &size);
	Array a = {t, s, NULL}, b;
	a.data = arena_alloc(u->arena, (size_t)array_nbytes(&a) + 1);
	for (int64_t i = 0; i < numel(s); i++)
		dtype_put(t, a.data, i, dtype_is_float(t)
		          ? (Scalar){.f = (double)i / 2}
		          : (Scalar){.i = i & 1});
	close(mkstemp(path));
	cr_assert(npy_write(u, path, &a));
	cr_assert(npy_read(u, path, &b));
	unlink(path);
	cr_assert_eq(b.dtype, t == DT_BF16 ? DT_F32 : t);
	cr_assert(shape_equal(a.shape, b.shape));
	for (int64_t i = 0; i < numel(s); i++) {
		Scalar x = dtype_get(t, a.data, i);
		Scalar y = dtype_get(b.dtype, b.data, i);
		cr_assert(dtype_is_float(t) ? x.f == y.f : x.i == y.i);
	}
	unit_close(u, &text, "");
}

Test(npy, every_type_and_rank_round_trips)
{
	for (int t = 0; t < NDTYPE; t++)
		if (t != DT_BIT)   /* NumPy has none */
			round_trip((DType)t, (Shape){2, {2, 3}});
	Shape s = {0};
	for (s.rank = 0; s.rank < MAX_RANK; s.rank++) {
		s.dim[s.rank] = 2;
		round_trip(DT_F32, s);
	}
	round_trip(DT_F32, (Shape){2, {4, 0}});
}

/* NumPy itself reads what we write: an independent reader. */
Test(npy, numpy_agrees)
{
	char *text, path[] = "npy-test.XXXXXX", command[256];
	size_t size;
	if (system("/usr/bin/python3 -c 'import numpy' 2>/dev/null"))
		cr_skip_test("no numpy");
	Unit *u = unit_open(&text, &size);
	float x[] = {1, 2, 3, 4, 5, 6};
	close(mkstemp(path));
	npy_write(u, path, &(Array){DT_F32, {2, {2, 3}}, x});
	snprintf(command, sizeof command, "/usr/bin/python3 -c \"import numpy;"
	         "a = numpy.load('%s'); assert a.dtype == 'float32' and "
	         "a.tolist() == [[1, 2, 3], [4, 5, 6]]\"", path);
	cr_assert_eq(system(command), 0);
	unlink(path);
	unit_close(u, &text, "");
}

static bool converts(DType from, double value, DType to)
{
	unsigned char in[8], out[8];
	int64_t bad;
	dtype_put(from, in, 0, dtype_is_float(from)
	          ? (Scalar){.f = value} : (Scalar){.i = (int64_t)value});
	Array a = {from, {1, {1}}, in};
	if (!array_convert(&a, 0, 1, to, out, &bad))
		return false;
	Scalar y = dtype_get(to, out, 0);
	cr_assert_float_eq(dtype_is_float(to) ? y.f : (double)y.i, value,
	                   1e-3);
	return true;
}

Test(array, conversion_changes_no_value)
{
	cr_assert(converts(DT_I64, 2147483647, DT_I32));
	cr_assert_not(converts(DT_I64, 2147483648.0, DT_I32));
	cr_assert(converts(DT_I64, -5, DT_I32));
	cr_assert_not(converts(DT_I64, -5, DT_U8));
	cr_assert_not(converts(DT_I32, 2, DT_BOOL));
	cr_assert(converts(DT_F64, 1.1, DT_F32));
	cr_assert(converts(DT_F32, 3, DT_I32));
	cr_assert_not(converts(DT_F32, 3.5, DT_I32));
	cr_assert_not(converts(DT_F64, 1e300, DT_I64));
	cr_assert(converts(DT_I32, 16777216, DT_F32));
	cr_assert_not(converts(DT_I32, 16777217, DT_F32));
	cr_assert(converts(DT_U8, 255, DT_I64));
}
