/*
 * Gradients of a low rank: that their products are re-associated to the same
 * numbers.
 */
#include "ir/text.h"
#include "passes/pass.h"
#include "passes/project.h"
#include "tests/unit/random_graph.h"

#include <criterion/criterion.h>

#include <math.h>

/* What computes the gradient %g, a matrix of `shape`, from what inputs. */
typedef struct Gradient {
	const char *shape, *inputs, *nodes;
} Gradient;

static const Gradient gradients[] = {
	{"[6,5]", "input %x data f32[8,6]\ninput %y data f32[8,5]\n",
	 "%g f32[6,5] = MatMul(%x, %y) {transA=1}\n"},
	{"[6,5]", "input %x data f32[6,3]\ninput %y data f32[3,5]\n",
	 "%g f32[6,5] = Gemm(%x, %y) {alpha=0.5}\n"},
	{"[6,5]", "input %x data f32[3,6]\ninput %y data f32[5,3]\n",
	 "%g f32[6,5] = Gemm(%x, %y) {alpha=-2, transA=1, transB=1}\n"},
	{"[4,3,3,2]", "input %x data f32[2,3,6,7]\ninput %y data f32[2,4,3,6]\n",
	 "%g f32[4,3,3,2] = ConvGradWeight(%x, %y) {pads=[1, 0, 0, 0], "
	 "strides=[2, 1], shape=[4, 3, 3, 2]}\n"},
	{"[4,3,3]", "input %x data f32[2,3,9]\ninput %y data f32[2,4,5]\n",
	 "%g f32[4,3,3] = ConvGradWeight(%x, %y) {dilations=[2], "
	 "shape=[4, 3, 3]}\n"},
	{"[7,4]", "input %x data f32[2,3,4]\ninput %i data i32[2,3]\n",
	 "%g f32[7,4] = GatherGrad(%x, %i) {shape=[7, 4]}\n"},
	{"[8,4]", "input %x data f32[3,2,8]\ninput %y data f32[3,2,4]\n",
	 "%g f32[8,4] = RecurrenceGradWeight(%x, %y)\n"},
	{"[8,4]", "input %x data f32[3,2,8]\ninput %y data f32[3,2,4]\n"
	 "input %h data f32[2,4]\n",
	 "%g f32[8,4] = RecurrenceGradWeight(%x, %y, %h) {reverse=1}\n"},
	{"[12,4]", "input %x data f32[2,5,12]\ninput %y data f32[2,5,4]\n"
	 "input %h data f32[2,4]\ninput %r data f32[2,5,4]\n",
	 "%g f32[12,4] = RecurrenceGradWeight(%x, %y, %h, %r) "
	 "{layout=1}\n"},
	{"[6,2]", "input %x data f32[3,2,6]\ninput %y data f32[3,2,2]\n"
	 "input %h data f32[2,2]\ninput %r data f32[3,2,2]\n",
	 "%g f32[6,2] = RecurrenceGradWeight(%x, %y, %h, %r) "
	 "{linear_before_reset=1, reverse=1}\n"},
	{"[5,4]", "input %x data f32[3,5]\ninput %y data f32[3,4]\n"
	 "input %i data i32[3]\n",
	 "%p f32[5,4] = MatMul(%x, %y) {transA=1}\n"
	 "%q f32[5,4] = GatherGrad(%y, %i) {shape=[5, 4]}\n"
	 "%g f32[5,4] = Add(%p, %q)\n"},
	{"[4,6]", "input %x data f32[8,4]\ninput %y data f32[8,6]\n",
	 "%p f32[4,6] = MatMul(%x, %y) {transA=1}\n"
	 "%g f32[4,6] = Reshape(%p) {shape=[4, 6]}\n"},
	{"[4,6]", "input %x data f32[8,4]\ninput %y data f32[8,6]\n"
	 "const %c f32[] = {0.3}\n",
	 "%p f32[4,6] = MatMul(%x, %y) {transA=1}\n"
	 "%g f32[4,6] = Mul(%p, %c)\n"},
	/* As ONNX has weights of recurrences; and some rows of a weight. */
	{"[8,4]", "input %x data f32[3,2,8]\ninput %y data f32[3,2,4]\n",
	 "%p f32[8,4] = RecurrenceGradWeight(%x, %y)\n"
	 "%g f32[1,8,4] = Reshape(%p) {shape=[1, 8, 4]}\n"},
	{"[16,4]", "input %x data f32[3,2,8]\ninput %y data f32[3,2,4]\n"
	 "input %z data f32[3,2,8]\n",
	 "%p f32[8,4] = RecurrenceGradWeight(%x, %y)\n"
	 "%q f32[8,4] = RecurrenceGradWeight(%z, %y) {reverse=1}\n"
	 "%pf f32[32] = Reshape(%p) {shape=[32]}\n"
	 "%qf f32[32] = Reshape(%q) {shape=[32]}\n"
	 "%ps f32[64] = SliceGrad(%pf) {axes=[0], starts=[0], ends=[32], "
	 "shape=[64]}\n"
	 "%qs f32[64] = SliceGrad(%qf) {axes=[0], starts=[32], ends=[64], "
	 "shape=[64]}\n"
	 "%s f32[64] = Add(%ps, %qs)\n"
	 "%g f32[2,8,4] = Reshape(%s) {shape=[2, 8, 4]}\n"},
	{"[9,5]", "input %x data f32[8,3]\ninput %y data f32[8,5]\n",
	 "%p f32[3,5] = MatMul(%x, %y) {transA=1}\n"
	 "%g f32[9,5] = SliceGrad(%p) {axes=[0], starts=[4], ends=[7], "
	 "shape=[9, 5]}\n"},
};

enum { NGRADIENTS = (int)(sizeof gradients / sizeof gradients[0]) };

static Value *value_named(const Graph *g, const char *name)
{
	for (const Node *n = g->first; n; n = n->next)
		if (!strcmp(n->out[0]->name, name))
			return n->out[0];
	return NULL;
}

/* basis G or basis G^T, of the whole gradient. */
static Value *dense(Graph *g, Value *grad, Value *basis, Side side)
{
	Shape s = {2, {gradient_rows(grad), gradient_columns(grad)}};
	Node *flat = NEW(g, ((Loc){0}), op_Reshape, grad);
	node_set_ints(g, flat, "shape", 2, s.dim);
	Node *n = NEW(g, ((Loc){0}), op_Gemm, basis, node_done(g, flat));
	node_set_int(g, n, "transB", side == SIDE_COLUMNS);
	return node_done(g, n);
}

static void check_product(const Gradient *of, Side side)
{
	Unit u = test_unit();
	const char *text = arena_printf(u.arena, "graph \"g\" of \"m\"\n"
		"input %%b data f32[2,64]\n%s%soutput \"g\" data %%g\n",
		of->inputs, of->nodes);
	Graph *g = graph_parse(&u, NULL, text);
	cr_assert(g, "%s", text);
	Value *grad = value_named(g, "g");
	cr_assert_null(project_refuses(grad), "%s", project_refuses(grad));
	cr_assert_eq(gradient_rows(grad), atoi(of->shape + 1), "%s", of->nodes);
	int64_t n = side == SIDE_ROWS ? gradient_rows(grad)
	                              : gradient_columns(grad);
	Node *cut = NEW(g, ((Loc){0}), op_Slice, g->input[0]);
	node_set_ints(g, cut, "axes", 1, (int64_t[]){1});
	node_set_ints(g, cut, "starts", 1, (int64_t[]){0});
	node_set_ints(g, cut, "ends", 1, &n);
	Value *basis = node_done(g, cut);
	Value *thin = project(g, grad, basis, side);
	Value *want = dense(g, grad, basis, side);
	cr_assert(shape_equal(thin->shape, want->shape), "%s: %s, not %s",
	          of->nodes, shape_text(u.arena, thin->shape),
	          shape_text(u.arena, want->shape));
	graph_output(g, "thin", OUT_DATA, thin);
	graph_output(g, "want", OUT_DATA, want);
	graph_verify(g);
	Results r = run_apart(g);
	const float *x = r.output[1], *y = r.output[2];
	for (int64_t i = 0; i < numel(want->shape); i++)
		cr_expect(fabsf(x[i] - y[i]) <= 1e-4f * (1 + fabsf(y[i])),
		          "%s side %d [%lld]: %g, not %g", of->nodes, (int)side,
		          (long long)i, (double)x[i], (double)y[i]);
	arena_destroy(u.arena);
}

/* From within a row on, or every other row. */
static const char *const no_rows[] = {
	"%f f32[15] = Reshape(%p) {shape=[15]}\n%g f32[45] = "
	"SliceGrad(%f) {axes=[0], starts=[4], ends=[19], shape=[45]}\n",
	"%g f32[9,5] = SliceGrad(%p) {axes=[0], starts=[0], ends=[6], "
	"steps=[2], shape=[9, 5]}\n",
};

Test(project, no_rows)
{
	for (int i = 0; i < 2; i++) {
		Unit u = test_unit();
		Graph *g = graph_parse(&u, NULL, arena_printf(
			u.arena, "graph \"g\" of \"m\"\ninput %%x data f32[8,3]\n"
			"input %%y data f32[8,5]\n%%p f32[3,5] = MatMul(%%x, %%y) "
			"{transA=1}\n%soutput \"g\" data %%g\n", no_rows[i]));
		cr_expect(project_refuses(value_named(g, "g")), "%d", i);
		arena_destroy(u.arena);
	}
}

Test(project, products)
{
	for (int i = 0; i < NGRADIENTS; i++) {
		check_product(&gradients[i], SIDE_ROWS);
		check_product(&gradients[i], SIDE_COLUMNS);
	}
}
