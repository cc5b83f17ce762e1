/* What the user tells of the model's inputs: sizes, and that they are constants. */
#include "frontend/array.h"
#include "tests/unit/onnx_test.h"

#define GRAPH(name) MODELS "graphs/" name ".onnx"

/* ---- shapes and axes that are inputs ---- */

Test(onnx_told, known_inputs)
{
	static const int64_t shape[] = {4, -1, 1}, axis[] = {1};
	const KnownInput known[] = {
		{"s", DT_I64, {1, {3}}, shape},
		{"axes", DT_I64, {1, {1}}, axis},
	};
	Loaded *l = load_with(GRAPH("known"),
	                      (Options){.nknown = 2, .known = known});
	expect_shape(l, "y", (Shape){2, {4, 1}});
	unload(l);
	l = load_with(GRAPH("known"),
	              (Options){.nknown = 1, .known = known});
	cr_expect_null(l->g);
	cr_expect_not_null(strstr(l->said, "'axes', must be constant"), "%s",
	                   l->said);
	unload(l);
}

Test(onnx_told, known_input_of_another_shape)
{
	static const int64_t shape[] = {4, 3};
	const KnownInput known[] = {{"s", DT_I64, {1, {2}}, shape}};
	Loaded *l = load_with(GRAPH("known"),
	                      (Options){.nknown = 1, .known = known});
	cr_expect_null(l->g);
	cr_expect_not_null(strstr(l->said, "'s', must be constant"), "%s",
	                   l->said);
	unload(l);
}

Test(onnx_told, known_to_be_empty)
{
	const KnownInput known[] = {{"axes", DT_I64, {1, {0}}, ""}};
	Loaded *l = load_with(GRAPH("known_empty"),
	                      (Options){.nknown = 1, .known = known});
	expect_shape(l, "y", (Shape){2, {1, 1}});
	unload(l);
}

/* ---- what the user tells of inputs ---- */

Test(onnx_told, input_shapes)
{
	const InputShape shape[] = {{"x", {3, {4, 3, 2}}}, {"z", {1, {5}}}};
	Loaded *l = load_with(GRAPH("unnamed"),
	                      (Options){.nshapes = 2, .shape = shape});
	expect_shape(l, "y", (Shape){2, {4, 3}});
	unload(l);
	l = load_with(GRAPH("unnamed"),
	              (Options){.nshapes = 1, .shape = shape, .batch = 4});
	cr_expect_null(l->g);
	cr_expect_not_null(strstr(l->said, "'z': this input has no shape: give "
	                          "--input-shape z=N"), "%s", l->said);
	unload(l);
}

/* A size that one input is told is that of the dimension, in all of them. */
Test(onnx_told, input_shape_names_a_dimension)
{
	const InputShape shape[] = {{"mask", {2, {2, 7}}}, {"x", {2, {2, 6}}}};
	const InputConstant rate[] = {{"rate", "16000"}};
	Options o = {.nshapes = 1, .shape = shape, .nconstants = 1,
	             .constant = rate};
	Loaded *l = load_with(GRAPH("told"), o);
	expect_shape(l, "y", (Shape){2, {2, 7}});
	unload(l);
	o.nshapes = 2;
	l = load_with(GRAPH("told"), o);
	cr_expect_null(l->g);
	cr_expect_not_null(strstr(l->said, "'mask': dimension 1 of this input "
	                          "is told to be 7, but it is 6 in all inputs "
	                          "that have T"), "%s", l->said);
	unload(l);
}

static int count_ops(const Graph *g, const char *name)
{
	int count = 0;
	for (const Node *n = g->first; n; n = n->next)
		count += !strcmp(n->op->name, name);
	return count;
}

/* A constant decides an If, gives its shape, and is no input. */
static void check_told(const char *rate, const char *mask, bool file,
                       const char *op)
{
	const InputConstant told[] = {{"rate", rate}, {"mask", mask}};
	const DimBinding dim[] = {{"T", 3}};
	Loaded *l = load_with(GRAPH("told"), (Options){
		.nconstants = 2, .constant = told, .ndims = !file, .dim = dim});
	expect_shape(l, "y", (Shape){2, {2, 3}});
	cr_assert_not_null(l->g);
	cr_expect_eq(l->g->ninputs, 1);
	cr_expect_eq(count_ops(l->g, op), 1, "%s", op);
	const Value *m = NULL;
	for (const Node *n = l->g->first; n; n = n->next)
		if (!strcmp(n->op->name, "Mul"))
			m = n->in[1];
	cr_assert(m && m->kind == V_CONST);
	cr_expect_float_eq(dtype_get(m->dtype, m->data, 5).f, file ? 5 : 0.5,
	                   1e-9);
	unload(l);
}

Test(onnx_told, constants)
{
	Unit u = {.arena = arena_create()};
	float mask[] = {0, 1, 2, 3, 4, 5};
	Array a = {DT_F32, {2, {2, 3}}, mask};
	char path[] = "told-test.XXXXXX";
	cr_assert_geq(close(mkstemp(path)), 0);
	cr_assert(npy_write(&u, path, &a));
	check_told("16000", "0.5", false, "Add");
	check_told("8000", path, true, "Sub");
	unlink(path);
	arena_destroy(u.arena);
}

static void check_refused(const char *rate, const char *why)
{
	const InputConstant told[] = {{"rate", rate}, {"mask", "1"}};
	const DimBinding dim[] = {{"T", 3}};
	Loaded *l = load_with(GRAPH("told"), (Options){
		.nconstants = 2, .constant = told, .ndims = 1, .dim = dim});
	cr_expect_null(l->g);
	cr_expect_not_null(strstr(l->said, why), "%s", l->said);
	unload(l);
}

Test(onnx_told, constants_of_another_type)
{
	Unit u = {.arena = arena_create()};
	float half = 0.5f;
	char path[] = "told-test.XXXXXX";
	cr_assert_geq(close(mkstemp(path)), 0);
	cr_assert(npy_write(&u, path, &(Array){DT_F32, {0}, &half}));
	check_refused("0.5", "'rate': this input is i64, which '0.5' does not "
	              "give");
	check_refused(path, "does not give at element 0");
	unlink(path);
	arena_destroy(u.arena);
}

/* ---- weights behind a constant condition ---- */

/* Those of the branch that is taken, and one for all turns of a loop; but not what
 * two bodies call the same. */
static void check_bodies(const char *slow, const char *taken, const char *other)
{
	const InputConstant told[] = {{"slow", slow}};
	Loaded *l = load_with(GRAPH("constant_in_bodies"), (Options){
		.nconstants = 1, .constant = told});
	cr_assert_not_null(l->g, "%s", l->said);
	cr_expect_eq(l->g->model->nvars, 2, "%d", l->g->model->nvars);
	cr_expect_not_null(model_find(l->g->model, taken));
	cr_expect_not_null(model_find(l->g->model, "w3"));
	cr_expect_null(model_find(l->g->model, other));
	unload(l);
}

Test(onnx_told, constants_in_bodies_are_weights)
{
	check_bodies("1", "w1", "w2");
	check_bodies("0", "w2", "w1");
}

