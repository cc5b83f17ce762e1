/* The safetensors files: they read back, and damage is refused. */
#include "frontend/files.h"
#include "frontend/weights.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static Unit unit;
static char *messages;
static size_t messages_size;

static void open_unit(void)
{
	unit = (Unit){
		.path = "test", .arena = arena_create(),
		.messages = open_memstream(&messages, &messages_size),
	};
}

static void close_unit(void)
{
	fclose(unit.messages);
	free(messages);
	arena_destroy(unit.arena);
}

TestSuite(weights, .init = open_unit, .fini = close_unit);

static unsigned char *sample_file(size_t *size)
{
	char path[] = "weights-test.XXXXXX";
	float a[] = {1, 2, 3, 4, 5, 6};
	int64_t b = -7;
	NamedArray item[] = {
		{"conv/weight", {DT_F32, {2, {2, 3}}, a}},
		{"\xc3\xa9", {DT_I64, {0}, &b}},
		{"empty", {DT_U8, {1, {0}}, a}},
	};
	close(mkstemp(path));
	cr_assert(weights_write(&unit, path, &(Weights){3, item}));
	unsigned char *bytes = file_read(&unit, path, size);
	unlink(path);
	cr_assert(bytes);
	return bytes;
}

Test(weights, what_is_written_reads_back)
{
	size_t size;
	Weights w;
	unsigned char *bytes = sample_file(&size);
	cr_assert(weights_parse(&unit, "w", bytes, size, &w));
	cr_assert_eq(w.n, 3);
	cr_assert_str_eq(w.item[0].name, "conv/weight");
	const Array *a = weights_find(&w, "conv/weight");
	cr_assert(shape_equal(a->shape, (Shape){2, {2, 3}}));
	cr_assert_eq(((float *)a->data)[5], 6);
	cr_assert_eq(*(int64_t *)weights_find(&w, "\xc3\xa9")->data, -7);
	cr_assert_eq(numel(weights_find(&w, "empty")->shape), 0);
	cr_assert_null(weights_find(&w, "conv"));
	cr_assert_eq((size_t)bytes[0] % 8, 0, "the elements are not aligned");
}

Test(weights, truncated_at_every_byte)
{
	size_t size;
	Weights w;
	unsigned char *bytes = sample_file(&size);
	for (size_t n = 0; n < size; n++) {
		unsigned char *cut = malloc(n ? n : 1);
		memcpy(cut, bytes, n);
		int before = unit.nerrors;
		cr_assert_not(weights_parse(&unit, "w", cut, n, &w), "%zu", n);
		cr_assert_eq(unit.nerrors, before + 1);
		free(cut);
	}
}

static void refuse(const char *header)
{
	Weights w;
	size_t len = strlen(header);
	unsigned char *b = calloc(1, 8 + len + 8);
	b[0] = (unsigned char)len;
	memcpy(b + 8, header, len);
	cr_assert_not(weights_parse(&unit, "w", b, 8 + len + 8, &w), "%s",
	              header);
	free(b);
}

Test(weights, damaged_headers_are_refused)
{
	refuse("[]");
	refuse("{\"a\":1}");
	refuse("{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}");
	refuse("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],"
	       "\"data_offsets\":[8,16]}}");
	refuse("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],"
	       "\"data_offsets\":[-8,0]}}");
	refuse("{\"a\":{\"dtype\":\"F32\",\"shape\":[3],"
	       "\"data_offsets\":[0,8]}}");
	refuse("{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],"
	       "\"data_offsets\":[0,8]}}");
	refuse("{\"a\":{\"dtype\":\"F32\",\"shape\":[1099511627776,"
	       "1099511627776],\"data_offsets\":[0,8]}}");
	refuse("{\"a\":{\"dtype\":\"F33\",\"shape\":[2],"
	       "\"data_offsets\":[0,8]}}");
	refuse("{\"a\":{\"dtype\":\"U8\",\"shape\":[8],"
	       "\"data_offsets\":[0,8]},\"a\":{}}");
}

Test(weights, absurd_header_lengths_are_refused)
{
	Weights w;
	unsigned char b[16];
	memset(b, 0xff, sizeof b);
	cr_assert_not(weights_parse(&unit, "w", b, sizeof b, &w));
	memset(b, 0, sizeof b);
	cr_assert_not(weights_parse(&unit, "w", b, sizeof b, &w));
}
