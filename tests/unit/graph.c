/* Building and changing graphs; a clone computes the same and is apart. */
#include "tests/unit/random_graph.h"

#include <criterion/criterion.h>
#include <signal.h>

typedef struct Made {
	Unit *unit;
	Graph *g;
	Value *x, *y, *z;
} Made;

/* z = relu(x + x), output z */
static Made made(void)
{
	Made m;
	Unit u = test_unit();
	m.unit = arena_new(u.arena, Unit);
	*m.unit = u;
	m.g = graph_create(model_create(m.unit, "m"), "g");
	m.x = graph_input(m.g, "x", IN_DATA, DT_F32, (Shape){1, {4}});
	m.y = APPLY(m.g, (Loc){0}, op_Add, m.x, m.x);
	m.z = APPLY(m.g, (Loc){0}, op_Relu, m.y);
	graph_output(m.g, "z", OUT_DATA, m.z);
	return m;
}

static int length(const Graph *g)
{
	int n = 0;
	for (const Node *node = g->first; node; node = node->next)
		n++;
	return n;
}

Test(graph, uses)
{
	Made m = made();
	graph_have(m.g, FACT_USES);
	cr_expect_eq(m.x->nuses, 2);
	cr_expect_eq(m.y->nuses, 1);
	cr_expect_eq(m.z->nuses, 1);
	APPLY(m.g, (Loc){0}, op_Relu, m.y);
	graph_have(m.g, FACT_USES);
	cr_expect_eq(m.y->nuses, 2);
	arena_destroy(m.unit->arena);
}

Test(graph, replace_reaches_nodes_and_outputs)
{
	Made m = made();
	Value *w = APPLY(m.g, (Loc){0}, op_Tanh, m.x);
	graph_replace(m.g, m.z, w);
	cr_expect_eq(m.g->output[0].value, w);
	graph_replace(m.g, m.x, m.x);
	cr_expect_eq(m.y->def->in[1], m.x);
	Value *other = graph_input(m.g, "o", IN_DATA, DT_F32, m.x->shape);
	graph_replace(m.g, m.x, other);
	cr_expect_eq(m.y->def->in[0], other);
	cr_expect_eq(m.y->def->in[1], other);
	graph_verify(m.g);
	arena_destroy(m.unit->arena);
}

Test(graph, remove_at_every_place)
{
	for (int which = 0; which < 3; which++) {
		Made m = made();
		APPLY(m.g, (Loc){0}, op_Tanh, m.z);
		graph_have(m.g, FACT_USES);
		Node *n = m.g->first;
		for (int i = 0; i < which; i++)
			n = n->next;
		graph_replace(m.g, n->out[0], m.x);
		graph_have(m.g, FACT_USES);
		int uses = m.x->nuses, reads = 0;
		for (int i = 0; i < n->nin; i++)
			reads += n->in[i] == m.x;
		graph_remove(m.g, n);
		cr_expect_eq(length(m.g), 2);
		cr_expect_eq(m.x->nuses, uses - reads);
		graph_verify(m.g);
		arena_destroy(m.unit->arena);
	}
}

Test(graph, nodes_go_where_they_are_told)
{
	Made m = made();
	m.g->at = m.z->def;
	Value *v = APPLY(m.g, (Loc){0}, op_Tanh, m.y);
	cr_expect_eq(v->def->next, m.z->def);
	cr_expect_eq(v->def->prev, m.y->def);
	m.g->at = m.g->first;
	v = APPLY(m.g, (Loc){0}, op_Tanh, m.x);
	cr_expect_eq(m.g->first, v->def);
	graph_verify(m.g);
	arena_destroy(m.unit->arena);
}

Test(graph, one_value_per_variable_and_scalar_input)
{
	Made m = made();
	Variable *a = model_variable(m.g->model, "a", VAR_PARAMETER, DT_F32,
	                             m.x->shape);
	cr_expect_eq(graph_variable(m.g, a), graph_variable(m.g, a));
	cr_expect_eq(model_find(m.g->model, "a"), a);
	cr_expect_null(model_find(m.g->model, "b"));
	Value *lr = graph_scalar_input(m.g, "lr", IN_HYPER, DT_F32, 0.1);
	cr_expect_eq(graph_scalar_input(m.g, "lr", IN_HYPER, DT_F32, 0.2), lr);
	cr_expect_eq(lr->initial, 0.1);
	cr_expect_neq(graph_scalar_input(m.g, "mu", IN_HYPER, DT_F32, 0), lr);
	arena_destroy(m.unit->arena);
}

Test(graph, constants)
{
	Made m = made();
	int32_t data[3] = {4, -5, 6};
	int n = 0;
	Value *c = graph_const(m.g, NULL, DT_I32, (Shape){1, {3}}, data);
	const int64_t *x = const_ints(m.g, c, &n);
	cr_assert_eq(n, 3);
	cr_expect_eq(x[1], -5);
	cr_expect_null(const_ints(m.g, m.x, &n));
	cr_expect(value_is_scalar_const(graph_scalar(m.g, DT_F16, 0.5), 0.5));
	cr_expect(value_is_scalar_const(graph_scalar(m.g, DT_I8, -3), -3));
	cr_expect_not(value_is_scalar_const(c, 4));
	cr_expect_not(value_is_scalar_const(m.x, 4));
	arena_destroy(m.unit->arena);
}

/* An input that does not fit is the user's error, not a bug. */
Test(graph, node_that_does_not_infer)
{
	Made m = made();
	m.unit->messages = tmpfile();
	Value *o = graph_input(m.g, "o", IN_DATA, DT_F32, (Shape){1, {3}});
	int before = length(m.g);
	cr_expect_null(APPLY(m.g, (Loc){0}, op_Add, m.x, o));
	cr_expect_eq(m.unit->nerrors, 1);
	cr_expect_eq(length(m.g), before);
	arena_destroy(m.unit->arena);
}

Test(graph, unknown_attribute_is_a_bug, .signal = SIGABRT)
{
	Made m = made();
	node_set_int(m.g, m.y->def, "axis", 1);
}

Test(graph, too_many_outputs_are_a_bug, .signal = SIGABRT)
{
	Made m = made();
	node_set_outputs(m.g, m.y->def, 2);
}

/* ---- clones ---- */

Test(clone, computes_the_same)
{
	for (uint64_t seed = 0; seed < 100; seed++) {
		Unit u = test_unit();
		Graph *g = random_graph(&u, seed, 40);
		Graph *copy = graph_clone(g, "copy", NULL);
		graph_verify(copy);
		Results a = run_apart(g), b = run_apart(copy);
		cr_expect(same_results(g, &a, &b), "seed %d", (int)seed);
		arena_destroy(u.arena);
	}
}

Test(clone, is_apart)
{
	Made m = made();
	Value **map;
	Graph *copy = graph_clone(m.g, "copy", &map);
	cr_expect_str_eq(copy->name, "copy");
	cr_expect_neq(map[m.z->id], m.z);
	cr_expect_eq(copy->output[0].value, map[m.z->id]);
	cr_expect_eq(map[m.z->id]->def, copy->last);
	graph_replace(copy, map[m.y->id], map[m.x->id]);
	APPLY(copy, (Loc){0}, op_Tanh, map[m.x->id]);
	graph_output(copy, "more", OUT_DATA, map[m.x->id]);
	cr_expect_eq(length(m.g), 2);
	cr_expect_eq(m.z->def->in[0], m.y);
	cr_expect_eq(m.g->noutputs, 1);
	graph_verify(m.g);
	graph_verify(copy);
	arena_destroy(m.unit->arena);
}
