/*
 * Random graphs as programs: what the emitted C leaves in outputs and variables
 * is what the interpreter leaves with memory for every value; for a device, to
 * the last bit.
 */
#include "ir/target.h"
#include "tests/unit/emitted.h"
#include "tests/unit/random_graph.h"

#include <math.h>

static Program *random_program(Unit *u, int seed)
{
	Options o = {.target = target_find(seed % 2 ? "host" : "generic")};
	Graph *g = random_graph(u, (uint64_t)seed, 10 + 5 * seed);
	g->model->name = arena_printf(u->arena, "model%d", seed);
	pass_outputs.run(g, &o);
	pass_workspace.run(g, &o);
	graph_verify(g);
	return program_of(plan_memory(g, &o), NULL, NULL);
}

static void compare(const char *what, int number, const float *got,
                    const float *want, int64_t n, double tolerance)
{
	for (int64_t i = 0; i < n; i++) {
		double x = (double)got[i], y = (double)want[i];
		bool same = fabs(x - y) <= tolerance * fmax(1, fabs(y)) ||
		            (isnan(x) && isnan(y)) || x == y;
		cr_expect(same, "%s %d, element %lld: %g, expected %g", what,
		          number, (long long)i, x, y);
	}
}

static void compare_run(const Program *p, Instance i, const Results *want)
{
	const Graph *g = p->train->graph;
	double tolerance = target_or_host(p->target)->core->plain ? 0 : 1e-4;
	for (int n = 0; n < g->ninputs; n++) {
		void *x = instance_value(&i, p->train, g->input[n]);
		if (x)
			fill_input(g->input[n], x);
	}
	cr_assert_eq(i.l->call(i.context, 0), 0);
	cr_expect_eq(*i.l->step(i.context), 1);
	for (int n = 0; n < g->noutputs; n++) {
		const Value *v = g->output[n].value;
		compare("output", n, instance_value(&i, p->train, v),
		        want->output[n], numel(v->shape), tolerance);
	}
	for (int n = 0; n < g->model->nvars; n++) {
		const Variable *v = g->model->var[n];
		if (v->mutable)
			compare("variable", n,
			        (float *)(void *)(i.state + p->offset[n]),
			        want->state[n], numel(v->shape), tolerance);
	}
}

static void check_program(int seed)
{
	Unit u = test_unit();
	Program *p = random_program(&u, seed);
	char *dir = new_directory(u.arena);
	Results want = run_apart(p->train->graph);
	EmitOptions o = {.weights = seed % 3 ? WEIGHTS_C : WEIGHTS_BIN,
	                 .no_weights = seed % 4 == 0, .version = "test"};
	const char *compiler = seed % 3 && jit_available()
	                       ? by_llvm : compilers[seed % 2];
	emit_program(p, &o, dir, compiler);
	emit_glue_file(u.arena, p, dir);
	Loaded l = load_program(p, dir, compiler);
	compare_run(p, new_instance(&l), &want);
	dlclose(l.library);
	remove_directory(u.arena, dir);
	arena_destroy(u.arena);
}

Test(backend_random, programs)
{
	for (int seed = 0; seed < 16; seed++)
		check_program(seed);
}
