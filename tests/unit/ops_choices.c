/*
 * What operators choose where random examples do not look: ties, NaN, padding,
 * bad indices, gradients that are missing, and what their errors say.
 */
#include "ir/op.h"
#include "ir/verify.h"
#include "passes/autodiff.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ELEMENTS = 64 };

static Unit unit;
static Graph *g;
static FILE *messages;
static char *text;
static size_t length;

static void open_unit(void)
{
	messages = open_memstream(&text, &length);
	unit = (Unit){.path = "m", .arena = arena_create(),
	              .messages = messages};
	g = graph_create(model_create(&unit, "m"), "g");
}

static void close_unit(void)
{
	fclose(messages);
	free(text);
	arena_destroy(unit.arena);
}

TestSuite(choices, .init = open_unit, .fini = close_unit);

static const Loc here = {"node", "Op"};

static Value *input(const char *name, DType t, Shape s)
{
	return graph_input(g, name, IN_DATA, t, s);
}

static void **buffers(void)
{
	void **buf = arena_array(unit.arena, void *, g->nvalues);
	for (int i = 0; i < g->nvalues; i++)
		buf[i] = arena_calloc(unit.arena, MAX_ELEMENTS, 8);
	return buf;
}

static void run(void **buf)
{
	graph_verify(g);
	for (const Node *n = g->first; n; n = n->next)
		kernel_eval(kernel_of(unit.arena, n), buf, false);
}

/* Numbers as the value's type stores them. */
static void fill(void **buf, const Value *v, const double *x)
{
	for (int64_t i = 0; i < numel(v->shape); i++)
		dtype_put(v->dtype, buf[v->id], i, dtype_is_float(v->dtype)
		          ? (Scalar){.f = x[i]}
		          : (Scalar){.i = (int64_t)x[i]});
}

static void expect(void *const *buf, const Value *v, const double *want)
{
	for (int64_t i = 0; i < numel(v->shape); i++) {
		Scalar s = dtype_get(v->dtype, buf[v->id], i);
		double got = dtype_is_float(v->dtype) ? s.f : (double)s.i;
		cr_expect(got == want[i] || (isnan(got) && isnan(want[i])),
		          "element %d is %g, expected %g", (int)i, got, want[i]);
	}
}

#define NUMBERS(...) ((double[]){__VA_ARGS__})
#define SET_INTS(n, attr, ...) \
	node_set_ints(g, (n), (attr), \
	              (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), \
	              (int64_t[]){__VA_ARGS__})

/* Gradients of the inputs, for a gradient of y that is an input itself. */
static Value *gradient(Value *y, Value *dy, Value *x)
{
	bool *wanted = arena_array(unit.arena, bool, g->nvalues);
	wanted[x->id] = true;
	return differentiate(g, &y, &dy, 1, wanted)[x->id];
}

/* ---- TopK ---- */

static void expect_top(int64_t largest, const double value[],
                       const double place[])
{
	Value *x = input("x", DT_F32, (Shape)DIMS(6));
	Node *n = NEW(g, here, op_TopK, x);
	node_set_int(g, n, "k", 6);
	node_set_int(g, n, "largest", largest);
	node_set_outputs(g, n, 2);
	node_done(g, n);
	void **buf = buffers();
	fill(buf, x, NUMBERS(1, NAN, 5, 1, NAN, -INFINITY));
	run(buf);
	expect(buf, n->out[0], value);
	expect(buf, n->out[1], place);
}

Test(choices, equal_elements_keep_their_order)
{
	expect_top(1, NUMBERS(NAN, NAN, 5, 1, 1, -INFINITY),
	           NUMBERS(1, 4, 2, 0, 3, 5));
	close_unit();
	open_unit();
	expect_top(0, NUMBERS(-INFINITY, 1, 1, 5, NAN, NAN),
	           NUMBERS(5, 0, 3, 2, 1, 4));
}

/* ---- MaxPool ---- */

static Node *pool_of(Value *x, int64_t begin)
{
	Node *n = NEW(g, here, op_MaxPool, x);
	SET_INTS(n, "kernel_shape", 2);
	SET_INTS(n, "strides", 2);
	SET_INTS(n, "pads", begin, 0);
	node_done(g, n);
	return n;
}

Test(choices, first_maximum_wins)
{
	Value *x = input("x", DT_F32, (Shape)DIMS(1, 1, 6));
	Value *dy = input("dy", DT_F32, (Shape)DIMS(1, 1, 3));
	Node *n = pool_of(x, 0);
	Value *dx = gradient(n->out[0], dy, x);
	void **buf = buffers();
	fill(buf, x, NUMBERS(1, 1, NAN, 5, 7, NAN));
	fill(buf, dy, NUMBERS(1, 2, 3));
	run(buf);
	expect(buf, n->out[0], NUMBERS(1, NAN, NAN));
	expect(buf, dx, NUMBERS(1, 0, 2, 0, 0, 3));
}

Test(choices, padding_never_wins)
{
	Value *x = input("x", DT_F32, (Shape)DIMS(1, 1, 3));
	Value *dy = input("dy", DT_F32, (Shape)DIMS(1, 1, 2));
	Node *n = pool_of(x, 1);
	Value *dx = gradient(n->out[0], dy, x);
	void **buf = buffers();
	fill(buf, x, NUMBERS(-INFINITY, -3, -2));
	fill(buf, dy, NUMBERS(1, 2));
	run(buf);
	expect(buf, n->out[0], NUMBERS(-INFINITY, -2));
	expect(buf, dx, NUMBERS(1, 0, 2));
}

/* ---- indices ---- */

Test(choices, bad_index_touches_nothing)
{
	Value *x = input("x", DT_F32, (Shape)DIMS(3, 2));
	Value *at = input("at", DT_I64, (Shape)DIMS(4));
	Value *dy = input("dy", DT_F32, (Shape)DIMS(4, 2));
	Value *y = APPLY(g, here, op_Gather, x, at);
	Value *dx = gradient(y, dy, x);
	void **buf = buffers();
	fill(buf, x, NUMBERS(1, 2, 3, 4, 5, 6));
	fill(buf, at, NUMBERS(-1, 3, -4, 2));
	fill(buf, dy, NUMBERS(1, 2, 3, 4, 5, 6, 7, 8));
	run(buf);
	expect(buf, y, NUMBERS(5, 6, 0, 0, 0, 0, 5, 6));
	expect(buf, dx, NUMBERS(0, 0, 0, 0, 8, 10));
}

/* ---- Split ---- */

/* Only some outputs are used; the others count as zeros. */
static void split_with(int mask, const double *want)
{
	Value *x = input("x", DT_F32, (Shape)DIMS(2, 6));
	Value *of[4], *seed[4];
	int nseeds = 0;
	Node *n = NEW(g, here, op_Split, x);
	node_set_int(g, n, "axis", 1);
	SET_INTS(n, "split", 1, 2, 1, 2);
	node_set_outputs(g, n, 4);
	node_done(g, n);
	for (int o = 0; o < 4; o++)
		if (mask >> o & 1) {
			const char *name = arena_printf(unit.arena, "dy%d", o);
			of[nseeds] = n->out[o];
			seed[nseeds++] = input(name, DT_F32, n->out[o]->shape);
		}
	bool *wanted = arena_array(unit.arena, bool, g->nvalues);
	wanted[x->id] = true;
	Value *dx = differentiate(g, of, seed, nseeds, wanted)[x->id];
	void **buf = buffers();
	for (int i = 0; i < nseeds; i++)
		fill(buf, seed[i], NUMBERS(1, 2, 3, 4));
	run(buf);
	expect(buf, dx, want);
}

Test(choices, split_without_the_first)
{
	split_with(6, NUMBERS(0, 1, 2, 1, 0, 0, 0, 3, 4, 2, 0, 0));
}

Test(choices, split_with_gaps)
{
	split_with(9, NUMBERS(1, 0, 0, 0, 1, 2, 2, 0, 0, 0, 3, 4));
}

Test(choices, split_with_one)
{
	split_with(4, NUMBERS(0, 0, 0, 1, 0, 0, 0, 0, 0, 2, 0, 0));
}

/* ---- MatMul ---- */

/* The weight's gradient over a batch is one product, not a batch of them. */
Test(choices, weight_gradient_is_one_product)
{
	Value *x = input("x", DT_F32, (Shape)DIMS(2, 3, 4));
	Value *w = input("w", DT_F32, (Shape)DIMS(4, 5));
	Value *dy = input("dy", DT_F32, (Shape)DIMS(2, 3, 5));
	Value *y = APPLY(g, here, op_MatMul, x, w);
	Value *dw = gradient(y, dy, w);
	cr_expect(shape_equal(dw->shape, w->shape));
	cr_expect(dw->def->op == &op_MatMul);
	for (const Node *n = g->first; n; n = n->next)
		cr_expect(n->op == &op_MatMul || n->op == &op_Reshape,
		          "there is a %s", n->op->name);
}

/* ---- messages ---- */

static void expect_error(Node *n, const char *want)
{
	cr_expect_null(node_done(g, n));
	fflush(messages);
	cr_expect(strstr(text, want), "expected '%s', found '%s'", want, text);
}

Test(choices, conv_names_both_channels)
{
	expect_error(NEW(g, here, op_Conv,
	                 input("x", DT_F32, (Shape)DIMS(1, 2, 4, 4)),
	                 input("w", DT_F32, (Shape)DIMS(3, 7, 3, 3))),
	             "weight has 7 input channels, input has 2");
}

Test(choices, conv_window_too_large)
{
	expect_error(NEW(g, here, op_Conv,
	                 input("x", DT_F32, (Shape)DIMS(1, 2, 4, 4)),
	                 input("w", DT_F32, (Shape)DIMS(3, 2, 5, 3))),
	             "a window of 5 cells, dilation 1, does not fit into 4");
}

Test(choices, matmul_names_both_shapes)
{
	expect_error(NEW(g, here, op_MatMul,
	                 input("a", DT_F32, (Shape)DIMS(2, 3)),
	                 input("b", DT_F32, (Shape)DIMS(4, 5))),
	             "cannot multiply [2,3] by [4,5]");
}

/* Numbers that overflow when added or multiplied are refused, not used. */
Test(choices, hostile_windows)
{
	Value *x = input("x", DT_F32, (Shape)DIMS(1, 1, 4, 4, 4));
	Node *n = NEW(g, here, op_MaxPool, x);
	SET_INTS(n, "kernel_shape", INT32_MAX, INT32_MAX, INT32_MAX);
	SET_INTS(n, "pads", INT32_MAX - 1, INT32_MAX - 1, INT32_MAX - 1, 0, 0, 0);
	expect_error(n, "more than 2147483647 cells");
	n = NEW(g, here, op_MaxPool, x);
	SET_INTS(n, "kernel_shape", 1, 1, 1);
	SET_INTS(n, "strides", 1, INT64_MAX, 1);
	expect_error(n, "strides[1] is 9223372036854775807");
	n = NEW(g, here, op_Slice, x);
	SET_INTS(n, "starts", 3);
	SET_INTS(n, "ends", INT64_MAX);
	SET_INTS(n, "steps", INT64_MIN);
	expect_error(n, "cannot take 3 to 9223372036854775807");
	n = NEW(g, here, op_Pad, x);
	SET_INTS(n, "pads", 0, 0, 0, 0, INT64_MIN, 0, 0, 0, 0, INT64_MAX);
	expect_error(n, "cannot pad 4 elements");
	n = NEW(g, here, op_Reshape, x);
	SET_INTS(n, "shape", INT64_MAX, INT64_MAX, 4);
	expect_error(n, "cannot reshape [1,1,4,4,4]");
}
