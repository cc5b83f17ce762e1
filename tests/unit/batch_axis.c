/*
 * Which dimension is the batch: data with time first, as PyTorch exports its
 * recurrent layers, are found out, their target has the batch where they have
 * it, and their training step runs in parts all the same. That its results stay
 * the same, `micro_batch` and `exact` compare with recorded runs (gru-sgd).
 */
#include "ir/batch_axis.h"

#include "ir/op.h"
#include "ir/scan.h"
#include "ir/text.h"
#include "passes/pass.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>

enum { STEPS = 6, BATCH = 4 };

#define VARIABLES \
	"variable \"e\" parameter f32[9,5] fill 0.1\n" \
	"variable \"w\" parameter f32[8,5] fill 0.2\n" \
	"variable \"r\" parameter f32[8,2] fill 0.3\n" \
	"variable \"d\" parameter f32[9,2] fill -0.2\n"
#define READS \
	"read %e \"e\"\nread %w \"w\"\nread %r \"r\"\nread %d \"d\"\n"
#define LAYER \
	"%m f32[24,5] = Reshape(%i) {shape=[24, 5]}\n" \
	"%g f32[24,8] = Gemm(%m, %w) {transB=1}\n" \
	"%z f32[6,4,8] = Reshape(%g) {shape=[6, 4, 8]}\n" \
	"%h f32[4,2], %c f32[4,2], %s f32[6,4,2], %p f32[4,8] = " \
	"LSTMRecurrence(%z, %r, _, _, _, _)\n"

/* Words, T before B, as the label of each the next. */
#define LANGUAGE(read) \
	"graph \"forward\" of \"net\"\n" VARIABLES \
	"input %x data i32[6,4]\n" READS \
	"%i f32[6,4,5] = Gather(%e, %x)\n" LAYER read

static const char language[] = LANGUAGE(
	"%y f32[6,4,9] = MatMul(%s, %d) {transB=1}\n"
	"output \"y\" data %y\n");
static const char flat[] = LANGUAGE(
	"%f f32[24,2] = Reshape(%s) {shape=[24, 2]}\n"
	"%y f32[24,9] = Gemm(%f, %d) {transB=1}\n"
	"output \"y\" data %y\n");
static const char last[] = LANGUAGE(
	"%y f32[4,9] = Gemm(%h, %d) {transB=1}\n"
	"output \"y\" data %y\n");
/* The batch first, and transposed for the layer. */
static const char series[] =
	"graph \"forward\" of \"net\"\n" VARIABLES
	"input %x data f32[4,6,5]\n" READS
	"%i f32[6,4,5] = Transpose(%x) {perm=[1, 0, 2]}\n" LAYER
	"%y f32[4,9] = Gemm(%h, %d) {transB=1}\n"
	"output \"y\" data %y\n";
/* The batch first, and none of it a recurrence. */
static const char plain[] =
	"graph \"forward\" of \"net\"\n" VARIABLES
	"input %x data f32[4,6,5]\n" READS
	"%y f32[4,6,8] = MatMul(%x, %w) {transB=1}\n"
	"output \"y\" data %y\n";

static Graph *parse(Unit *u, const char *text)
{
	*u = (Unit){.path = "test", .arena = arena_create(), .messages = stderr};
	Graph *g = graph_parse(u, NULL, text);
	cr_assert(g, "the text is no graph");
	cr_assert(graph_find_batch(g, 0));
	return g;
}

static int axis_of_data(const char *text)
{
	Unit u;
	int axis = parse(&u, text)->input[0]->batch_axis;
	arena_destroy(u.arena);
	return axis;
}

Test(batch_axis, is_where_the_recurrence_has_it)
{
	cr_expect_eq(axis_of_data(language), 1);
	cr_expect_eq(axis_of_data(flat), 1);
	cr_expect_eq(axis_of_data(last), 1);
	cr_expect_eq(axis_of_data(series), 0);
	cr_expect_eq(axis_of_data(plain), 0);
}

static Program *build(Unit *u, const char *text, Options o)
{
	Graph *g = parse(u, text);
	o.target = target_find("generic");
	o.loss = (LossOptions){.kind = LOSS_CROSS_ENTROPY, .axis = -1,
	                       .ignore_index = -100};
	o.optimizer = (OptimizerOptions){.kind = OPT_SGD, .lr = 0.1};
	Program *p = build_program(g, &o);
	cr_assert(p, "no program");
	return p;
}

static const Value *input(const Plan *p, InputRole role)
{
	for (int i = 0; i < p->graph->ninputs; i++)
		if (p->graph->input[i]->role == role)
			return p->graph->input[i];
	return NULL;
}

static void expect_target(const char *text, Shape shape, int axis)
{
	Unit u;
	const Program *p = build(&u, text, (Options){0});
	const Value *t = input(p->train, IN_TARGET);
	cr_expect(shape_equal(t->shape, shape), "%s", text);
	cr_expect_eq(t->batch_axis, axis, "%s", text);
	cr_expect_eq(graph_batch(p->train->graph), BATCH);
	arena_destroy(u.arena);
}

/* Labels of all steps, flat or not, are the same in memory. */
Test(batch_axis, the_target_has_it_too)
{
	expect_target(language, (Shape){2, {STEPS, BATCH}}, 1);
	expect_target(flat, (Shape){2, {STEPS, BATCH}}, 1);
	expect_target(last, (Shape){1, {BATCH}}, 0);
	expect_target(series, (Shape){1, {BATCH}}, 0);
}

static bool holds(const Plan *p, const OpDef *op, bool in_parts)
{
	for (int i = 0; i < p->nsteps; i++) {
		const Node *n = p->step[i];
		if (n->scan ? in_parts && holds(n->scan->plan, op, false)
		            : !in_parts && n->op == op)
			return true;
	}
	return false;
}

static void expect_divided(const char *text, bool feed)
{
	Unit u;
	const Program *p = build(&u, text, (Options){.micro_batch = 1,
	                                             .feed = feed});
	const OpDef *ops[] = {&op_LSTMRecurrence, &op_LSTMRecurrenceGrad,
	                      &op_SoftmaxCrossEntropyGrad};
	for (int i = 0; i < 3; i++) {
		cr_expect(holds(p->train, ops[i], true), "%s of %s",
		          ops[i]->name, text);
		cr_expect_not(holds(p->train, ops[i], false), "%s of %s",
		              ops[i]->name, text);
	}
	cr_expect(holds(p->evaluate, &op_LSTMRecurrence, true));
	for (int r = IN_DATA; feed && r <= IN_TARGET; r++) {
		const Value *v = input(p->train, (InputRole)r);
		cr_expect_eq(v->shape.dim[0], BATCH);
		cr_expect_eq(v->batch_axis, 0);
	}
	arena_destroy(u.arena);
}

Test(batch_axis, the_step_is_divided)
{
	for (int feed = 0; feed < 2; feed++) {
		expect_divided(language, feed);
		expect_divided(flat, feed);
		expect_divided(last, feed);
		expect_divided(series, feed);
	}
}

/* What the text says of a graph is all there is to know. */
Test(batch_axis, is_printed)
{
	Unit u, v;
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	graph_print(f, parse(&u, language), true);
	fclose(f);
	v = (Unit){.path = "test", .arena = arena_create(), .messages = stderr};
	Graph *g = graph_parse(&v, NULL, text);
	cr_assert(g);
	cr_expect_eq(g->input[0]->batch_axis, 1);
	free(text);
	arena_destroy(u.arena);
	arena_destroy(v.arena);
}
