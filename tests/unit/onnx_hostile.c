/*
 * Files made to hurt: cut off anywhere, nested without end, small in the file
 * and large in memory. Each must be refused soon and in words.
 */
#include "passes/pass.h"
#include "tests/unit/onnx_test.h"

#include <time.h>
#include <unistd.h>

/* Of this process: other work on the machine does not count. */
static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- a file being written ---- */

typedef struct File {
	char path[64];
	FILE *f;
} File;

static File file_create(void)
{
	File t;
	strcpy(t.path, "thimble-hostile-XXXXXX");
	int fd = mkstemp(t.path);
	cr_assert_geq(fd, 0);
	t.f = fdopen(fd, "wb");
	return t;
}

static void put(File *t, const void *data, size_t n)
{
	cr_assert_eq(fwrite(data, 1, n, t->f), n);
}

static void put_varint(File *t, uint64_t x)
{
	for (; x > 127; x >>= 7)
		fputc((int)(x & 127) | 128, t->f);
	fputc((int)x, t->f);
}

/* Tag of a length-delimited field, and the length. */
static void put_field(File *t, unsigned number, uint64_t size)
{
	put_varint(t, number << 3 | 2);
	put_varint(t, size);
}

enum { MODEL_GRAPH = 7, GRAPH_NODE = 1, GRAPH_INITIALIZER = 5,
       NODE_ATTRIBUTE = 5, ATTRIBUTE_GRAPH = 6, TENSOR_DIMS = 1,
       TENSOR_INT64 = 7, GRAPH_DOC = 10 };

/* Loads it; removed afterwards. Refused, in words, in time. */
static void refuse(File *t, const char *message)
{
	fclose(t->f);
	double start = now();
	Loaded *l = load(t->path);
	double seconds = now() - start;
	cr_expect_null(l->g);
	cr_expect_geq(l->u.nerrors, 1);
	cr_expect_not_null(strstr(l->said, message), "expected '%s' in '%.500s'",
	                   message, l->said);
	cr_expect_lt(seconds, 2.0, "took %g s", seconds);
	unload(l);
	remove(t->path);
}

/* ---- truncation ---- */

static unsigned char *read_whole(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	cr_assert_not_null(f, "%s", path);
	fseek(f, 0, SEEK_END);
	*size = (size_t)ftell(f);
	rewind(f);
	unsigned char *data = malloc(*size);
	cr_assert_eq(fread(data, 1, *size, f), *size);
	fclose(f);
	return data;
}

/* A cut between two fields of the model leaves a valid file, if a poorer one;
 * all others are errors. Returns how many were accepted. */
static int truncate_at(const char *path, size_t step)
{
	size_t size;
	int accepted = 0;
	unsigned char *data = read_whole(path, &size);
	for (size_t n = 0; n < size; n += step) {
		File t = file_create();
		put(&t, data, n);
		fclose(t.f);
		Loaded *l = load(t.path);
		cr_expect_eq(l->g != NULL, l->u.nerrors == 0, "%zu bytes", n);
		cr_expect(l->g || l->size > 0, "%zu bytes: no message", n);
		accepted += l->g != NULL;
		unload(l);
		remove(t.path);
	}
	free(data);
	return accepted;
}

Test(onnx_hostile, cut_at_every_byte, .timeout = 60)
{
	cr_expect_eq(truncate_at(MODELS "graphs/baked_2.onnx", 1), 0);
	cr_expect_eq(truncate_at(MODELS "graphs/aliases.onnx", 1), 0);
}

Test(onnx_hostile, cut_in_functions, .timeout = 60)
{
	cr_expect_eq(truncate_at(MODELS "values/functions.onnx", 1), 0);
}

/* Every byte in turn has its bits flipped: whatever comes of it, no signal. */
Test(onnx_hostile, flipped_bytes, .timeout = 60)
{
	size_t size;
	unsigned char *data = read_whole(MODELS "graphs/baked_2.onnx", &size);
	for (size_t i = 0; i < size; i++) {
		File t = file_create();
		data[i] ^= 0xff;
		put(&t, data, size);
		data[i] ^= 0xff;
		fclose(t.f);
		Loaded *l = load(t.path);
		cr_expect_eq(l->g != NULL, l->u.nerrors == 0, "byte %zu", i);
		unload(l);
		remove(t.path);
	}
	free(data);
}

/* ---- what is no model ---- */

Test(onnx_hostile, empty)
{
	File t = file_create();
	refuse(&t, "it has no graph");
}

Test(onnx_hostile, wrong_magic)
{
	File t = file_create();
	put(&t, "\x89PNG\r\n\x1a\n0123456789", 18);
	refuse(&t, "is not a valid ONNX file");
}

/* ---- nesting, merging, swelling ---- */

/* graph in attribute in node in graph, 30000 deep, from the inside out. */
Test(onnx_hostile, deep_nesting)
{
	enum { DEPTH = 30001 };
	static unsigned number[DEPTH];
	static uint64_t size[DEPTH];
	uint64_t total = 0;
	static const unsigned cycle[] = {ATTRIBUTE_GRAPH, NODE_ATTRIBUTE,
	                                 GRAPH_NODE};
	for (int i = 0; i < DEPTH; i++) {
		number[i] = i == DEPTH - 1 ? MODEL_GRAPH : cycle[i % 3];
		size[i] = total;
		total += 1;
		for (uint64_t n = size[i]; n > 127; n >>= 7)
			total++;
		total++;
	}
	File t = file_create();
	for (int i = DEPTH - 1; i >= 0; i--)
		put_field(&t, number[i], size[i]);
	refuse(&t, "nested too deeply");
}

Test(onnx_hostile, merge_bomb)
{
	File t = file_create();
	for (int i = 0; i < 100000; i++) {
		put_field(&t, MODEL_GRAPH, 2);
		put_field(&t, GRAPH_NODE, 0);
	}
	refuse(&t, "given twice");
}

Test(onnx_hostile, ten_million_empty_nodes)
{
	enum { N = 10000000 };
	File t = file_create();
	put_field(&t, MODEL_GRAPH, 2 * (uint64_t)N);
	for (int i = 0; i < N; i++)
		put_field(&t, GRAPH_NODE, 0);
	refuse(&t, "too much memory");
}

/* Few enough to be unpacked: the messages end after the first hundred. */
Test(onnx_hostile, thousands_of_empty_nodes)
{
	enum { N = 100000 };
	File t = file_create();
	put_field(&t, MODEL_GRAPH, 2 * (uint64_t)N);
	for (int i = 0; i < N; i++)
		put_field(&t, GRAPH_NODE, 0);
	refuse(&t, "they are not shown");
}

Test(onnx_hostile, unknown_fields)
{
	enum { N = 4000000 };
	File t = file_create();
	for (int i = 0; i < N; i++) {
		put_varint(&t, 1000 << 3);
		fputc(1, t.f);
	}
	refuse(&t, "too much memory");
}

Test(onnx_hostile, a_tensor_longer_than_the_file)
{
	File t = file_create();
	put_field(&t, MODEL_GRAPH, 100);
	put_field(&t, GRAPH_INITIALIZER, (uint64_t)1 << 40);
	put(&t, "0123456789", 10);
	refuse(&t, "ends too early");
}

Test(onnx_hostile, a_number_without_end)
{
	File t = file_create();
	for (int i = 0; i < 100; i++)
		fputc(0xff, t.f);
	refuse(&t, "a number is too long");
}

/* ---- many nodes ---- */

enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_OP = 4, GRAPH_INPUT = 11,
       GRAPH_OUTPUT = 12, MODEL_OPSET = 8 };

static size_t put_text(char *to, unsigned number, const char *text)
{
	size_t n = strlen(text);
	to[0] = (char)(number << 3 | 2);
	to[1] = (char)n;
	memcpy(to + 2, text, n);
	return n + 2;
}

/* Relu after Relu, from x to v0 to v1 ...; the whole in a buffer first, because
 * its length comes before it. */
static double load_chain(int nodes)
{
	char *graph = malloc((size_t)nodes * 40 + 100), *at = graph;
	char name[16], node[40];
	strcpy(name, "x");
	/* f32[2] */
	static const char type[] = "\x12\x0a\x0a\x08\x08\x01\x12\x04\x0a\x02\x08\x02";
	for (int i = 0; i < nodes; i++) {
		size_t n = put_text(node, NODE_INPUT, name);
		snprintf(name, sizeof name, "v%d", i);
		n += put_text(node + n, NODE_OUTPUT, name);
		n += put_text(node + n, NODE_OP, "Relu");
		*at++ = GRAPH_NODE << 3 | 2;
		*at++ = (char)n;
		memcpy(at, node, n);
		at += n;
	}
	for (int out = 0; out < 2; out++) {
		size_t n = put_text(node, 1, out ? name : "x");
		memcpy(node + n, type, sizeof type - 1);
		n += sizeof type - 1;
		*at++ = (char)((out ? GRAPH_OUTPUT : GRAPH_INPUT) << 3 | 2);
		*at++ = (char)n;
		memcpy(at, node, n);
		at += n;
	}
	File t = file_create();
	put_field(&t, MODEL_OPSET, 2);
	put(&t, "\x10\x11", 2);
	put_field(&t, MODEL_GRAPH, (uint64_t)(at - graph));
	put(&t, graph, (size_t)(at - graph));
	fclose(t.f);
	double start = now();
	Loaded *l = load(t.path);
	double seconds = now() - start;
	cr_expect_not_null(l->g, "%s", l->said);
	unload(l);
	remove(t.path);
	free(graph);
	return seconds;
}

/* Time that grew by the square would be 64 times as much. */
Test(onnx_hostile, many_nodes_in_linear_time, .timeout = 100)
{
	double few = load_chain(20000), many = load_chain(160000);
	cr_expect_lt(many, 24 * few + 0.1, "%g s and %g s", few, many);
}

/* A long chain is not one loop: its members would be copied, and searched, by the
 * square of their number. */
Test(onnx_hostile, fused_in_loops_of_hundreds)
{
	Unit u = {.path = "chain", .arena = arena_create(),
	          .messages = stderr};
	Graph *g = graph_create(model_create(&u, "chain"), "forward");
	Value *v = graph_input(g, "x", IN_DATA, DT_F32, (Shape){1, {2}});
	for (int i = 0; i < 5000; i++)
		v = APPLY(g, ((Loc){0}), op_Neg, v);
	graph_output(g, "y", OUT_DATA, v);
	graph_have(g, FACT_USES);
	size_t before = arena_used(u.arena);
	cr_assert(pass_fuse.run(g, NULL));
	int members = 0;
	for (const Node *n = g->first; n; n = n->next) {
		cr_expect_leq(n->nbody, 256);
		members += n->nbody;
	}
	cr_expect_eq(members, 5000);
	cr_expect_lt(arena_used(u.arena) - before, (size_t)16 << 20);
	arena_destroy(u.arena);
}

Test(onnx_hostile, a_link_out_of_the_folder)
{
	char *dir = strcpy((char[]){"thimble-hostile-XXXXXX"},
	                   "thimble-hostile-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	char model[256], link[256];
	snprintf(model, sizeof model, "%s/m.onnx", dir);
	snprintf(link, sizeof link, "%s/nowhere.bin", dir);
	size_t size;
	unsigned char *data =
		read_whole(MODELS "bad/external_missing.onnx", &size);
	FILE *f = fopen(model, "wb");
	cr_assert_eq(fwrite(data, 1, size, f), size);
	fclose(f);
	free(data);
	cr_assert_eq(symlink("/etc/passwd", link), 0);
	Loaded *l = load(model);
	cr_expect_null(l->g);
	cr_expect_not_null(strstr(l->said, "leaves the model's folder by a link"),
	                   "%s", l->said);
	unload(l);
	remove(link);
	remove(model);
	rmdir(dir);
}
