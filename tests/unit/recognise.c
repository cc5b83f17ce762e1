/*
 * The pass recognise: normalizations written out in every form that exporters
 * have become one node of nearly the same values; what only looks like one is
 * left alone.
 */
#include "passes/pass.h"
#include "tests/unit/random_graph.h"

#include <criterion/criterion.h>
#include <math.h>

static const Loc loc = {0};

/* How a normalization is written. */
typedef struct Form {
	bool centered, power, reciprocal, divided, swapped, scale, bias;
	/* What makes it another thing: */
	bool inner;            /* the means are over the middle axis */
	double exponent;
	bool bare_read;        /* the quotient is an output too */
	bool rough;            /* epsilon is an input */
} Form;

static Value *mean(Graph *g, Value *x, int64_t axis)
{
	Node *n = NEW(g, loc, op_ReduceMean, x);
	node_set_ints(g, n, "axes", 1, &axis);
	return node_done(g, n);
}

static Value *either(Graph *g, const OpDef *op, bool swapped, Value *a, Value *b)
{
	return node_done(g, node_new(g, loc, op, 2, swapped
	                             ? (Value *[]){b, a} : (Value *[]){a, b}));
}

static Value *square(Graph *g, const Form *f, Value *c)
{
	if (!f->power)
		return APPLY(g, loc, op_Mul, c, c);
	return APPLY(g, loc, op_Pow, c, graph_scalar(g, DT_F32, f->exponent));
}

static Value *quotient(Graph *g, const Form *f, Value *c, Value *root)
{
	if (f->reciprocal)
		return either(g, &op_Mul, f->swapped, c,
		              APPLY(g, loc, op_Reciprocal, root));
	if (f->divided)
		return either(g, &op_Mul, f->swapped, c,
		              APPLY(g, loc, op_Div, graph_scalar(g, DT_F32, 1),
		                    root));
	return APPLY(g, loc, op_Div, c, root);
}

static Graph *written_out(Unit *u, const Form *f)
{
	Graph *g = graph_create(model_create(u, "m"), "infer");
	Value *x = graph_input(g, "x", IN_DATA, DT_F32, (Shape){3, {2, 5, 5}});
	Value *c = x, *epsilon = graph_scalar(g, DT_F32, 0.01);
	if (f->centered)
		c = APPLY(g, loc, op_Sub, x, mean(g, x, f->inner ? 1 : 2));
	if (f->rough)
		epsilon = graph_input(g, "e", IN_DATA, DT_F32, (Shape){0});
	Value *v = mean(g, square(g, f, c), f->inner ? 1 : 2);
	v = APPLY(g, loc, op_Sqrt,
	          either(g, &op_Add, f->swapped, v, epsilon));
	Value *y = quotient(g, f, c, v);
	if (f->bare_read)
		graph_output(g, "bare", OUT_DATA, y);
	if (f->scale)
		y = either(g, &op_Mul, f->swapped, y, graph_input(
			g, "scale", IN_DATA, DT_F32, (Shape){1, {5}}));
	if (f->bias)
		y = either(g, &op_Add, f->swapped, y, graph_input(
			g, "bias", IN_DATA, DT_F32, (Shape){1, {5}}));
	graph_output(g, "y", OUT_DATA, APPLY(g, loc, op_Tanh, y));
	return g;
}

/* Nodes of one operator; NULL: all. */
static int count(const Graph *g, const OpDef *op)
{
	int n = 0;
	for (const Node *node = g->first; node; node = node->next)
		n += !op || node->op == op;
	return n;
}

static void expect_near(const Graph *g, const Results *a, const Results *b)
{
	for (int i = 0; i < g->noutputs; i++)
		for (int64_t e = 0; e < numel(g->output[i].value->shape); e++) {
			float p = ((const float *)a->output[i])[e];
			float q = ((const float *)b->output[i])[e];
			cr_assert(isfinite(p));
			cr_expect(fabsf(p - q) <= 1e-5f, "%g, expected %g",
			          (double)q, (double)p);
		}
}

/* Runs the pass; true if it changed something, to nearly the same values. */
static bool recognised(Graph *g)
{
	Results before = run_apart(g);
	graph_have(g, FACT_USES);
	bool changed = pass_recognise.run(g, &(Options){0});
	graph_verify(g);
	Results after = run_apart(g);
	expect_near(g, &before, &after);
	return changed;
}

Test(recognise, all_forms)
{
	for (unsigned bits = 0; bits < 1 << 7; bits++) {
		Form f = {
			.centered = bits & 1, .power = bits & 2,
			.reciprocal = bits & 4, .divided = bits & 8,
			.swapped = bits & 16, .scale = bits & 32,
			.bias = bits & 64, .exponent = 2,
		};
		Unit u = test_unit();
		Graph *g = written_out(&u, &f);
		cr_expect(recognised(g), "form %u", bits);
		cr_expect_eq(count(g, &op_LayerNormalization), f.centered);
		cr_expect_eq(count(g, &op_RMSNormalization), !f.centered);
		/* Only LayerNormalization has a bias. */
		cr_expect_eq(count(g, NULL), 2 + (f.bias && (!f.centered ||
		                                        !f.scale)));
		arena_destroy(u.arena);
	}
}

Test(recognise, a_norm_that_others_read_keeps_its_scale)
{
	Form f = {.centered = true, .scale = true, .bias = true,
	          .bare_read = true, .exponent = 2};
	Unit u = test_unit();
	Graph *g = written_out(&u, &f);
	cr_expect(recognised(g));
	cr_expect_eq(count(g, &op_LayerNormalization), 1);
	cr_expect_eq(count(g, &op_Mul), 1);
	cr_expect_eq(count(g, &op_Add), 1);
	arena_destroy(u.arena);
}

Test(recognise, what_only_looks_like_one_stays)
{
	static const Form others[] = {
		{.centered = true, .power = true, .exponent = 4},
		{.centered = true, .inner = true, .exponent = 2},
		{.inner = true, .exponent = 2},
		{.centered = true, .rough = true, .exponent = 2},
	};
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		Unit u = test_unit();
		cr_expect_not(recognised(written_out(&u, &others[i])),
		              "form %d", (int)i);
		arena_destroy(u.arena);
	}
	/* Two means over different axes: what is left is an RMS norm. */
	Form mixed = {.centered = true, .exponent = 2};
	Unit u = test_unit();
	Graph *g = written_out(&u, &mixed);
	int64_t first = 1;
	Node *n = g->first;
	cr_assert_eq(n->op, &op_ReduceMean);
	node_set_ints(g, n, "axes", 1, &first);
	cr_assert(op_infer(&u, n));
	cr_expect(recognised(g));
	cr_expect_eq(count(g, &op_RMSNormalization), 1);
	cr_expect_eq(count(g, &op_Sub), 1);
	arena_destroy(u.arena);
}
