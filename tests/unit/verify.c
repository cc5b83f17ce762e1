/* The verifier: each thing it promises to find, done once. */
#include "ir/op.h"
#include "tests/unit/random_graph.h"

#include <criterion/criterion.h>
#include <signal.h>

typedef struct Made {
	Graph *g;
	Value *x, *w, *y, *z, *new;
} Made;

/* y = x + w, z = relu(y), w <- w - y */
static Made made(void)
{
	Made m;
	Unit u = test_unit(), *unit = arena_new(u.arena, Unit);
	*unit = u;
	m.g = graph_create(model_create(unit, "m"), "g");
	m.x = graph_input(m.g, "x", IN_DATA, DT_F32, (Shape){1, {4}});
	Variable *var = model_variable(m.g->model, "w", VAR_PARAMETER, DT_F32,
	                               (Shape){1, {4}});
	var->mutable = true;
	m.w = graph_variable(m.g, var);
	Loc loc = {"a", "Add"};
	m.y = APPLY(m.g, loc, op_Add, m.x, m.w);
	m.z = APPLY(m.g, loc, op_Relu, m.y);
	m.new = APPLY(m.g, loc, op_Sub, m.w, m.y);
	m.new->var = var;
	graph_output(m.g, "z", OUT_DATA, m.z);
	return m;
}

Test(verify, accepts)
{
	Graph *g = made().g;
	graph_verify(g);
	arena_destroy(g->unit->arena);
	for (uint64_t seed = 0; seed < 50; seed++) {
		Unit u = test_unit();
		graph_verify(random_graph(&u, seed, 50));
		arena_destroy(u.arena);
	}
}

/* VIOLATION(name, what to do to m) */
#define VIOLATION(name, ...) \
	Test(verify, name, .signal = SIGABRT) \
	{ \
		Made m = made(); \
		__VA_ARGS__ \
		graph_verify(m.g); \
	}

VIOLATION(id_out_of_range, m.x->id = 99;)
VIOLATION(id_negative, m.z->id = -1;)
VIOLATION(id_shared, m.z->id = m.y->id;)
VIOLATION(read_before_defined,
	Node *n = m.y->def;
	m.y->def->in[0] = m.z;
	n->in[1] = m.x;)
VIOLATION(read_of_removed_node, graph_remove(m.g, m.y->def);)
VIOLATION(read_after_replaced,
	APPLY(m.g, (Loc){0}, op_Relu, m.w);)
VIOLATION(constant_without_data,
	m.z->def->in[0] = graph_const(m.g, "c", DT_F32, m.x->shape, NULL);)
VIOLATION(constant_variable_is_written, m.w->var->mutable = false;)
VIOLATION(variable_replaced_twice,
	APPLY(m.g, (Loc){0}, op_Relu, m.y)->var = m.w->var;)
VIOLATION(variable_of_another_size,
	m.w->var->shape = (Shape){1, {5}};)
VIOLATION(variable_of_another_type, m.w->var->dtype = DT_I32;)
VIOLATION(defined_twice,
	m.new->def->out[0] = m.z;)
VIOLATION(an_input_is_defined, m.z->kind = V_INPUT;)
VIOLATION(wrong_shape, m.z->shape.dim[0] = 5;)
VIOLATION(wrong_type, m.z->dtype = DT_F64;)
VIOLATION(no_longer_infers,
	m.y->def->in[1] = graph_input(m.g, "i", IN_DATA, DT_F32,
	                              (Shape){1, {3}});)
VIOLATION(too_many_inputs,
	m.z->def->in = (Value *[]){m.y, m.y};
	m.z->def->nin = 2;)
VIOLATION(missing_input, m.z->def->in[0] = NULL;)
VIOLATION(broken_list, m.z->def->prev = NULL;)
VIOLATION(result_of_another_node, m.z->def = m.y->def;)
VIOLATION(same_name, m.z->name = "x";)
VIOLATION(output_not_computed,
	graph_remove(m.g, m.z->def);)
VIOLATION(fused_without_a_loop_body,
	Node *n = m.z->def;
	n->op = &op_Fused;
	Node *body = node_new(m.g, (Loc){0}, &op_MatMul, 0, NULL);
	n->nbody = 1;
	n->body = &body;)
