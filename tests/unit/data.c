/*
 * The loaders of training data: what they read, and that no truncated or
 * damaged file does more than fail with its name. Buffers end exactly where
 * their allocation ends, so that the sanitizers see a read past them.
 */
#include "frontend/data.h"
#include "frontend/files.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

typedef struct Messages {
	Unit unit;
	char *text;
	size_t size;
} Messages;

static Unit *unit_open(Messages *m)
{
	memset(m, 0, sizeof *m);
	m->unit = (Unit){
		.path = "test", .arena = arena_create(),
		.messages = open_memstream(&m->text, &m->size),
	};
	return &m->unit;
}

/* What was reported, and the end of the unit. */
static bool unit_said(Messages *m, const char *part)
{
	fclose(m->unit.messages);
	const char *text = m->text ? m->text : "";
	bool said = strstr(text, part) != NULL;
	if (!said)
		fprintf(stderr, "said: %s\n", text);
	free(m->text);
	arena_destroy(m->unit.arena);
	return said;
}

/* A copy that ends where its allocation ends. */
static void *exact(const void *data, size_t size)
{
	void *copy = malloc(size ? size : 1);
	memcpy(copy, data, size);
	return copy;
}

static const unsigned char idx[] = {
	0, 0, 11, 2, 0, 0, 0, 2, 0, 0, 0, 3,
	0, 1, 0, 2, 0, 3, 255, 255, 1, 0, 127, 255,
};

Test(data, idx_is_read_in_big_endian)
{
	Messages m;
	Array a;
	Unit *u = unit_open(&m);
	unsigned char *b = exact(idx, sizeof idx);
	cr_assert(idx_parse(u, "x.idx", b, sizeof idx, &a));
	cr_assert_eq(a.dtype, DT_I16);
	cr_assert(shape_equal(a.shape, (Shape){2, {2, 3}}));
	static const int16_t want[] = {1, 2, 3, -1, 256, 32767};
	cr_assert_arr_eq(a.data, want, sizeof want);
	free(b);
	cr_assert(unit_said(&m, ""));
}

Test(data, truncated_idx_is_refused_at_every_byte)
{
	for (size_t size = 0; size < sizeof idx; size++) {
		Messages m;
		Array a;
		Unit *u = unit_open(&m);
		unsigned char *b = exact(idx, size);
		cr_assert_not(idx_parse(u, "x.idx", b, size, &a), "%zu", size);
		cr_assert_eq(u->nerrors, 1);
		free(b);
		cr_assert(unit_said(&m, "x.idx: error: "));
	}
}

Test(data, idx_dimensions_that_overflow_are_refused)
{
	Messages m;
	Array a;
	unsigned char huge[20] = {0, 0, 8, 4};
	memset(huge + 4, 0xff, 16);
	Unit *u = unit_open(&m);
	cr_assert_not(idx_parse(u, "x.idx", huge, sizeof huge, &a));
	cr_assert(unit_said(&m, "x.idx: error: "));
}

static bool parse_csv(Unit *u, const char *text, int label, DataSet *d)
{
	char *copy = exact(text, strlen(text) + 1);
	bool good = csv_parse(u, "x.csv", copy, strlen(text), label, d);
	free(copy);
	return good;
}

static void check_csv(const char *text)
{
	static const double x[] = {1, 2.5, -3, 4}, y[] = {7, 8};
	Messages m;
	DataSet d;
	Unit *u = unit_open(&m);
	cr_assert(parse_csv(u, text, LABEL_LAST, &d), "%s", text);
	cr_assert_eq(d.ncolumns, 2);
	cr_assert(shape_equal(d.column[0].shape, (Shape){2, {2, 2}}));
	cr_assert(shape_equal(d.column[1].shape, (Shape){1, {2}}));
	cr_assert_arr_eq(d.column[0].data, x, sizeof x, "%s", text);
	cr_assert_arr_eq(d.column[1].data, y, sizeof y, "%s", text);
	cr_assert(unit_said(&m, ""));
}

Test(data, csv_in_every_dialect)
{
	check_csv("1,2.5,7\n-3,4,8\n");
	check_csv("1,2.5,7\r\n-3,4,8");
	check_csv("\xef\xbb\xbf" "a,\"b\",label\n1 , 2.5, \"7\"\n\n-3,4,8\n\n");
	check_csv("a;b;c\n1;2.5;7\n-3;+4;8e0\n");
	check_csv("1\t2.5\t7\n-3\t4\t8 \n");
	check_csv("  1 2.5   7 \n -3 4\t8\n");
}

Test(data, csv_label_first_none_and_missing)
{
	Messages m;
	DataSet d;
	Unit *u = unit_open(&m);
	cr_assert(parse_csv(u, "7,1,2\n8,3,4\n", 0, &d));
	cr_assert_eq(((double *)d.column[0].data)[2], 3);
	cr_assert_eq(((double *)d.column[1].data)[1], 8);
	cr_assert(parse_csv(u, "7,1,2\n8,3,4\n", LABEL_NONE, &d));
	cr_assert_eq(d.ncolumns, 1);
	cr_assert_eq(d.column[0].shape.dim[1], 3);
	cr_assert_not(parse_csv(u, "7,1,2\n", 3, &d));
	cr_assert_not(parse_csv(u, "7\n8\n", LABEL_LAST, &d));
	cr_assert(unit_said(&m, "x.csv: error: has 3 columns"));
}

static void refuse_csv(const char *text, const char *message)
{
	Messages m;
	DataSet d;
	Unit *u = unit_open(&m);
	cr_assert_not(parse_csv(u, text, LABEL_LAST, &d), "%s", text);
	cr_assert(unit_said(&m, message), "%s", text);
}

Test(data, csv_errors_name_the_line)
{
	refuse_csv("1,2\n3\n", "x.csv: error: line 2 has 1 columns, expected 2");
	refuse_csv("1,2\n3,4,5\n", "line 2 has 3 columns");
	refuse_csv("a,b\n\n1,2\n3,x\n", "line 4: 'x' is not a number");
	refuse_csv("1,2\n3,\n", "line 2: '' is not a number");
	refuse_csv("1,2\n,3\n", "line 2: '' is not a number");
	refuse_csv("1,2\n3,4z\n", "line 2: '4z' is not a number");
	refuse_csv("1,2\n3,\"4\n", "line 2");
	refuse_csv("", "no line of numbers");
	refuse_csv("a,b\n", "no line of numbers");
	refuse_csv("\n\n \n", "no line of numbers");
}

/* A cut inside a number leaves a shorter number: that cannot be seen. But
 * nothing is read past the end, and nothing but errors and tables come out. */
Test(data, truncated_csv_fails_or_is_shorter)
{
	static const char text[] = "a,\"b\",c\n1,\"2.5\",7\n-3,4,8\n1e2,5,6\n";
	for (size_t size = 0; size < sizeof text; size++) {
		Messages m;
		DataSet d;
		char *copy = exact(text, size + 1);
		copy[size] = '\0';
		Unit *u = unit_open(&m);
		bool good = csv_parse(u, "x.csv", copy, size, LABEL_LAST, &d);
		cr_assert_eq(u->nerrors, !good, "%zu", size);
		free(copy);
		cr_assert(unit_said(&m, good ? "" : "x.csv: error: "));
	}
}

Test(data, zero_bytes_are_no_csv)
{
	Messages m;
	DataSet d;
	Unit *u = unit_open(&m);
	cr_assert_not(csv_parse(u, "x.csv", "1,2\0003,4\n", 8, 0, &d));
	cr_assert(unit_said(&m, "x.csv: error: is not text"));
}

/* Files, in a directory that goes away with the test. */
static const char *dir;

static void make_dir(void)
{
	static Messages m;
	dir = dir_make_unique(unit_open(&m), "data-test");
	cr_assert(dir);
}

static void remove_dir(void)
{
	dir_remove(dir);
}

static char *put(Unit *u, const char *name, const void *data, size_t size)
{
	char *path = arena_printf(u->arena, "%s/%s", dir, name);
	cr_assert(file_write(u, path, data, size));
	return path;
}

static char *put_gz(Unit *u, const char *name, const void *data, size_t size)
{
	char *path = arena_printf(u->arena, "%s/%s", dir, name);
	gzFile f = gzopen(path, "wb");
	gzwrite(f, data, (unsigned)size);
	gzclose(f);
	return path;
}

TestSuite(files, .init = make_dir, .fini = remove_dir);

Test(files, a_specification_joins_files)
{
	Messages m;
	DataSet d;
	Unit *u = unit_open(&m);
	char *x = put_gz(u, "x-idx2-ubyte.gz", idx, sizeof idx);
	char *y = put(u, "labels", "\3\4", 2);
	DataFormat f = {.label_column = LABEL_NONE};
	char *spec = arena_printf(u->arena, "%s,%s:u8", x, y);
	cr_assert(data_load(u, spec, &f, &d));
	cr_assert_eq(d.rows, 2);
	cr_assert_eq(d.ncolumns, 2);
	cr_assert_eq(((int16_t *)d.column[0].data)[5], 32767);
	cr_assert_eq(((uint8_t *)d.column[1].data)[1], 4);
	cr_assert(unit_said(&m, ""));
}

Test(files, raw_records_with_a_label_byte)
{
	Messages m;
	DataSet d;
	Unit *u = unit_open(&m);
	char *x = put(u, "cifar.bin", "\1abcd\2efgh", 10);
	DataFormat f = {true, DT_U8, {2, {2, 2}}, true, LABEL_NONE};
	cr_assert(data_load(u, x, &f, &d));
	cr_assert_eq(d.ncolumns, 2);
	cr_assert(shape_equal(d.column[0].shape, (Shape){3, {2, 2, 2}}));
	cr_assert_arr_eq(d.column[0].data, "abcdefgh", 8);
	cr_assert_arr_eq(d.column[1].data, "\1\2", 2);
	cr_assert(unit_said(&m, ""));
}

static void refuse(const char *name, const void *data, size_t size,
                   const char *suffix, const char *message)
{
	Messages m;
	DataSet d;
	Unit *u = unit_open(&m);
	DataFormat f = {.label_column = LABEL_LAST};
	char *path = put(u, name, data, size);
	path = arena_printf(u->arena, "%s%s", path, suffix);
	cr_assert_not(data_load(u, path, &f, &d), "%s", name);
	cr_assert(unit_said(&m, message), "%s", name);
}

Test(files, errors_name_the_file)
{
	refuse("a.bin", "abc", 3, "", "a.bin: error: unknown format");
	refuse("a.bin", "abc", 3, ":u8:2", "a.bin: error: 3 bytes are not");
	refuse("a.bin", "abc", 3, ":f32:0", "a.bin: error: 3 bytes are not");
	refuse("a.bin", "", 0, ":u8", "a.bin: error: has no samples");
	refuse("a.bin", "abc", 3, ":u8:2y", "'2y' is not a shape");
	refuse("a.bin", "abc", 3, ":u8,b", "b: error: cannot open");
	refuse("a.npy", "abc", 3, "", "a.npy: error: not a .npy file");
	refuse("a", "", 0, "/b", "error: cannot open");
}

Test(files, truncated_gzip_is_refused)
{
	Messages m;
	unsigned char random[4096];
	size_t size, cut;
	for (size_t i = 0; i < sizeof random; i++)
		random[i] = (unsigned char)(i * i * 2654435761u >> 11);
	Unit *u = unit_open(&m);
	char *path = put_gz(u, "x.gz", random, sizeof random);
	unsigned char *back = file_read(u, path, &size);
	cr_assert(back && size == sizeof random);
	cr_assert_arr_eq(back, random, size);
	FILE *f = fopen(path, "rb");
	unsigned char packed[8192];
	cut = fread(packed, 1, sizeof packed, f);
	fclose(f);
	for (size_t n = 20; n < cut; n += 97) {
		put(u, "x.gz", packed, n);
		cr_assert_null(file_read(u, path, &size), "%zu", n);
	}
	cr_assert(unit_said(&m, "x.gz: error: "));
}

Test(files, directories_are_no_files)
{
	Messages m;
	size_t size;
	Unit *u = unit_open(&m);
	cr_assert_null(file_read(u, dir, &size));
	cr_assert(unit_said(&m, "is a directory"));
}

Test(files, names_stay_in_their_directory)
{
	Messages m;
	Unit *u = unit_open(&m);
	static const char *const bad[] = {
		"..", "../x", "a/../../x", "a/..", ".", "", "/", "a/",
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		cr_assert_null(file_for_name(u, dir, bad[i], ".npy"), "%s",
		               bad[i]);
	char *path = file_for_name(u, dir, "/a/b..c", ".npy");
	cr_assert_str_eq(path + strlen(dir), "/a/b..c.npy");
	cr_assert(file_write(u, path, "", 0));
	unlink(path);
	rmdir(arena_printf(u->arena, "%s/a", dir));
	cr_assert(unit_said(&m, "cannot be a file's name"));
}

Test(files, an_abandoned_file_leaves_the_old_one)
{
	Messages m;
	OutFile out;
	size_t size;
	Unit *u = unit_open(&m);
	char *path = put(u, "x", "old", 3);
	cr_assert(out_open(u, path, &out));
	fputs("new", out.f);
	out_abandon(&out);
	cr_assert_str_eq((char *)file_read(u, path, &size), "old");
	unlink(path);
	cr_assert_eq(rmdir(dir), 0, "something else was left behind");
	make_dir();
	cr_assert(unit_said(&m, ""));
}

Test(data, shuffling_is_a_permutation_of_the_seed)
{
	enum { N = 1000 };
	int64_t a[N], b[N];
	char seen[N] = {0};
	data_order(N, true, 1, 0, a);
	data_order(N, true, 1, 0, b);
	cr_assert_arr_eq(a, b, sizeof a);
	int same = 0, fixed = 0;
	data_order(N, true, 1, 1, b);
	for (int i = 0; i < N; i++) {
		cr_assert(a[i] >= 0 && a[i] < N && !seen[a[i]]);
		seen[a[i]] = 1;
		same += a[i] == b[i];
		fixed += a[i] == i;
	}
	cr_assert(same < 10 && fixed < 10, "%d %d", same, fixed);
	data_order(N, false, 1, 1, b);
	for (int i = 0; i < N; i++)
		cr_assert_eq(b[i], i);
}

Test(data, batches_are_scaled_by_channel)
{
	Messages m;
	Unit *u = unit_open(&m);
	uint8_t bytes[] = {0, 255, 51, 102, 153, 204, 0, 255};
	Array a = {DT_U8, {3, {2, 2, 2}}, bytes};
	Batch b = {2, 1, (int64_t[]){1, 0}};
	float x[8];
	Scaling s = {1 / 255.0, 2, {0, 0.5}, {1, 0.5}};
	cr_assert(data_fill(u, &a, &b, &s, DT_F32, x, "x"));
	static const float want[] = {0.6f, 0.8f, -1, 1, 0, 1, -0.6f, -0.2f};
	for (int i = 0; i < 8; i++)
		cr_assert_float_eq(x[i], want[i], 1e-6, "%d", i);
	int32_t labels[8];
	cr_assert(data_fill(u, &a, &b, &s, DT_I32, labels, "y"));
	cr_assert_eq(labels[0], 153);
	cr_assert(unit_said(&m, ""));
}

/* Time first: the first elements of all samples, then the second ones. */
Test(data, the_batch_may_be_an_inner_dimension)
{
	Messages m;
	Unit *u = unit_open(&m);
	uint8_t bytes[] = {10, 11, 12, 13, 14, 15, 20, 21, 22, 23, 24, 25};
	Array a = {DT_U8, {3, {2, 3, 2}}, bytes};
	Batch b = {2, 3, (int64_t[]){1, 0}};
	static const int want[] = {20, 21, 10, 11, 22, 23, 12, 13, 24, 25, 14,
	                           15};
	int32_t y[12];
	float x[12];
	Scaling half = {.scale = 0.5};
	cr_assert(data_fill(u, &a, &b, NULL, DT_I32, y, "y"));
	cr_assert(data_fill(u, &a, &b, &half, DT_F32, x, "x"));
	for (int i = 0; i < 12; i++) {
		cr_assert_eq(y[i], want[i], "%d", i);
		cr_assert_eq(x[i], (float)want[i] / 2, "%d", i);
	}
	Scaling channels = {1, 3, {10, 12, 14}, {1, 1, 1}};
	cr_assert(data_fill(u, &a, &b, &channels, DT_F32, x, "x"));
	for (int i = 0; i < 12; i++)
		cr_assert_eq(x[i], (float)(want[i] % 2 + want[i] / 20 * 10),
		             "%d", i);
	cr_assert(unit_said(&m, ""));
}

Test(data, a_stream_is_cut_into_windows)
{
	Messages m;
	Unit *u = unit_open(&m);
	uint16_t ids[] = {5, 6, 7, 8, 9, 10, 11, 12, 13}, x[8], y[8];
	for (int64_t n = 5; n <= 9; n++) {
		DataSet d = {n, 1, {{DT_U16, {1, {n}}, ids}}};
		cr_assert(data_windows(u, "ids", 4, 1, &d));
		/* The last element is nothing but a target. */
		cr_assert_eq(d.rows, n < 9 ? 1 : 2);
		Batch b = {d.rows, 1, (int64_t[]){0, 1}};
		cr_assert(data_fill(u, &d.column[0], &b, NULL, DT_U16, x, ""));
		cr_assert(data_fill(u, &d.column[1], &b, NULL, DT_U16, y, ""));
		for (int i = 0; i < 4 * (int)d.rows; i++)
			cr_assert(x[i] == ids[i] && y[i] == ids[i + 1]);
	}
	cr_assert(unit_said(&m, ""));
}

/* Two streams of nine and what is left over; each batch of two goes on where
 * the one before it ended. */
Test(data, streams_lie_side_by_side)
{
	Messages m;
	Unit *u = unit_open(&m);
	uint8_t ids[19], x[16], y[16];
	for (uint8_t i = 0; i < 19; i++)
		ids[i] = i;
	DataSet d = {19, 1, {{DT_U8, {1, {19}}, ids}}};
	Batch b = {4, 1, (int64_t[]){0, 1, 2, 3}};
	static const uint8_t want[] = {0, 1, 2, 3, 9, 10, 11, 12,
	                               4, 5, 6, 7, 13, 14, 15, 16};
	cr_assert(data_windows(u, "ids", 4, 2, &d));
	cr_assert_eq(d.rows, 4);
	cr_assert(data_fill(u, &d.column[0], &b, NULL, DT_U8, x, ""));
	cr_assert(data_fill(u, &d.column[1], &b, NULL, DT_U8, y, ""));
	for (int i = 0; i < 16; i++)
		cr_assert(x[i] == want[i] && y[i] == want[i] + 1, "%d", i);
	cr_assert(unit_said(&m, ""));
}

static void refuse_windows(DataSet d, int64_t length, const char *message)
{
	Messages m;
	Unit *u = unit_open(&m);
	cr_assert_not(data_windows(u, "ids", length, 1, &d));
	cr_assert(unit_said(&m, message));
}

Test(data, what_is_no_stream_is_refused)
{
	uint16_t ids[8] = {0};
	Array line = {DT_U16, {1, {8}}, ids}, flat = {DT_U16, {2, {4, 2}}, ids};
	refuse_windows((DataSet){8, 2, {line, line}}, 2, "is no stream");
	refuse_windows((DataSet){4, 1, {flat}}, 2, "is no stream");
	refuse_windows((DataSet){8, 1, {line}}, 8, "has 8 elements; a window "
	               "and what comes next are 9");
	refuse_windows((DataSet){8, 1, {line}}, 0, "has 8 elements");
}

Test(data, labels_that_are_no_integers_are_refused)
{
	Messages m;
	Unit *u = unit_open(&m);
	double values[] = {3, 1.5};
	Array a = {DT_F64, {1, {2}}, values};
	Batch b = {2, 1, (int64_t[]){0, 1}};
	int32_t y[2];
	cr_assert_not(data_fill(u, &a, &b, NULL, DT_I32, y, "y.csv"));
	cr_assert(unit_said(&m, "y.csv: error: element 0 of sample 1"));
}
