/*
 * The pass recompute: what the backward pass reads through a view is computed
 * again, view and all, to the same bits; a view of what is there anyway is not.
 * What is computed from a value that the backward pass reads too is computed
 * again, even where that would not live so long, if it is no larger; but not from a
 * parameter that has been replaced.
 */
#include "ir/text.h"
#include "passes/pass.h"
#include "tests/unit/random_graph.h"

#include <criterion/criterion.h>

static const Loc loc = {0};
static const Shape flat = {2, {32, 8}};

typedef struct Step {
	Graph *g;
	Value *x, *viewed;   /* tanh of x, as `flat` */
	Node *late;          /* what reads it behind the loss */
} Step;

static Value *reshape(Graph *g, Value *x, Shape to)
{
	Node *n = NEW(g, loc, op_Reshape, x);
	node_set_ints(g, n, "shape", to.rank, to.dim);
	return node_done(g, n);
}

/* A loss of tanh(x), and behind it a reader of tanh(x), as a view, and of x. */
static Step training_step(Unit *u, bool direct)
{
	Step s = {.g = graph_create(model_create(u, "m"), "train")};
	s.x = graph_input(s.g, "x", IN_DATA, DT_F32, (Shape){2, {8, 32}});
	s.viewed = reshape(s.g, direct ? s.x : APPLY(s.g, loc, op_Tanh, s.x),
	                   flat);
	Node *sum = NEW(s.g, loc, op_ReduceSum,
	                APPLY(s.g, loc, op_Exp, s.viewed));
	node_set_int(s.g, sum, "keepdims", 0);
	graph_output(s.g, "loss", OUT_LOSS, node_done(s.g, sum));
	Value *late = APPLY(s.g, loc, op_Mul, s.viewed, s.viewed);
	s.late = late->def;
	graph_output(s.g, "late", OUT_DATA, late);
	graph_output(s.g, "x2", OUT_DATA, APPLY(s.g, loc, op_Neg, s.x));
	return s;
}

Test(recompute, through_a_view)
{
	Unit u = test_unit();
	Step s = training_step(&u, false);
	Results before = run_apart(s.g);
	cr_assert(pass_recompute.run(s.g, &(Options){0}));
	graph_verify(s.g);
	const Value *read = s.late->in[0];
	cr_expect_neq(read, s.viewed);
	cr_expect_eq(read, s.late->in[1]);
	cr_assert_eq(read->def->op, &op_Reshape);
	cr_expect_eq(read->def->again, s.viewed->def->id);
	cr_assert_eq(read->def->in[0]->def->op, &op_Tanh);
	cr_expect_neq(read->def->in[0], s.viewed->def->in[0]);
	Results after = run_apart(s.g);
	cr_expect(same_results(s.g, &before, &after));
	arena_destroy(u.arena);
}

Test(recompute, no_view_of_what_is_there)
{
	Unit u = test_unit();
	Step s = training_step(&u, true);
	cr_expect_not(pass_recompute.run(s.g, &(Options){0}));
	cr_expect_eq(s.late->in[0], s.viewed);
	arena_destroy(u.arena);
}

/* Of m, a product, which is read behind the loss, a value is computed that is
 * read there later: all of tanh(m), or a quarter of m. */
static Value *read_later(Graph *g, bool all, Node **late)
{
	Value *x = graph_input(g, "x", IN_DATA, DT_F32, (Shape){2, {8, 64}});
	Value *w = graph_input(g, "w", IN_DATA, DT_F32, (Shape){2, {64, 64}});
	Value *m = APPLY(g, loc, op_MatMul, x, w);
	Node *part = NEW(g, loc, op_Slice, m);
	node_set_ints(g, part, "starts", 1, (int64_t[]){0});
	node_set_ints(g, part, "ends", 1, (int64_t[]){2});
	Value *v = all ? APPLY(g, loc, op_Tanh, m) : node_done(g, part);
	Node *sum = NEW(g, loc, op_ReduceSum, v);
	node_set_int(g, sum, "keepdims", 0);
	graph_output(g, "loss", OUT_LOSS, node_done(g, sum));
	graph_output(g, "first", OUT_DATA, APPLY(g, loc, op_Neg, m));
	Value *square = APPLY(g, loc, op_Mul, v, v);
	graph_output(g, "later", OUT_DATA, square);
	*late = square->def;
	return v;
}

Test(recompute, from_what_lives_on)
{
	Unit u = test_unit();
	Graph *g = graph_create(model_create(&u, "m"), "train");
	Node *late;
	Value *v = read_later(g, true, &late);
	Results before = run_apart(g);
	cr_assert(pass_recompute.run(g, &(Options){0}));
	graph_verify(g);
	const Value *read = late->in[0];
	cr_expect_neq(read, v);
	cr_expect_eq(read->def->again, v->def->id);
	cr_expect_eq(read->def->in[0], v->def->in[0]);
	Results after = run_apart(g);
	cr_expect(same_results(g, &before, &after));
	arena_destroy(u.arena);
}

/* Rows of a table that ids name, read behind the loss later than the ids are. */
static const char looked_up[] =
	"graph \"train\" of \"m\"\n"
	"variable \"table\" parameter f32[16,64] mutable fill 0.5\n"
	"input %ids data i32[8]\n"
	"read %table \"table\"\n"
	"%v f32[8,64] = Gather(%table, %ids)\n"
	"%square f32[8,64] = Mul(%v, %v)\n"
	"%loss f32[] = ReduceSum(%square) {keepdims=0}\n"
	"%less i32[8] = Neg(%ids)\n"
	"%late f32[8,64] = Exp(%v)\n"
	"output \"loss\" loss %loss\n"
	"output \"less\" data %less\n"
	"output \"late\" data %late\n";

Test(recompute, rows_from_ids_that_live_on)
{
	Unit u = test_unit();
	Graph *g = graph_parse(&u, model_create(&u, "m"), looked_up);
	cr_assert_not_null(g);
	Results before = run_apart(g);
	cr_assert(pass_recompute.run(g, &(Options){0}));
	graph_verify(g);
	const Node *again = g->output[2].value->def->in[0]->def;
	cr_assert_eq(again->op, &op_Gather);
	cr_expect_geq(again->again, 0);
	Results after = run_apart(g);
	cr_expect(same_results(g, &before, &after));
	arena_destroy(u.arena);
}

Test(recompute, from_nothing_larger)
{
	Unit u = test_unit();
	Graph *g = graph_create(model_create(&u, "m"), "train");
	Node *late;
	Value *v = read_later(g, false, &late);
	cr_expect_not(pass_recompute.run(g, &(Options){0}));
	cr_expect_eq(late->in[0], v);
	arena_destroy(u.arena);
}

/* x + w is read behind the loss, and w replaced before that, or after it. */
static void across_an_update(bool before)
{
	Unit u = test_unit();
	Model *m = model_create(&u, "m");
	Graph *g = graph_create(m, "train");
	Variable *w = model_variable(m, "w", VAR_PARAMETER, DT_F32, flat);
	Value *x = graph_input(g, "x", IN_DATA, DT_F32, flat);
	Value *v = APPLY(g, loc, op_Add, x, graph_variable(g, w));
	w->mutable = true;
	Node *sum = NEW(g, loc, op_ReduceSum, v);
	node_set_int(g, sum, "keepdims", 0);
	graph_output(g, "loss", OUT_LOSS, node_done(g, sum));
	Value *late = before ? NULL : APPLY(g, loc, op_Mul, v, v);
	Value *new = APPLY(g, loc, op_Neg, graph_variable(g, w));
	new->var = w;
	late = late ? late : APPLY(g, loc, op_Mul, v, v);
	graph_output(g, "late", OUT_DATA, late);
	graph_output(g, "x2", OUT_DATA, APPLY(g, loc, op_Neg, x));
	cr_expect_eq(pass_recompute.run(g, &(Options){0}), !before);
	cr_expect_eq(late->def->in[0] == v, before);
	graph_verify(g);
	arena_destroy(u.arena);
}

Test(recompute, of_what_is_replaced)
{
	across_an_update(true);
	across_an_update(false);
}
