/*
 * Every operator on every one of its examples. Nothing here knows an operator:
 * an OpDef brings the inputs it wants to be tested on, and each check compares
 * two computations that share no code.
 */
#include "backend/backend.h"
#include "ir/lanes.h"
#include "ir/op.h"
#include "ir/verify.h"
#include "passes/autodiff.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One example as a graph of one node, with data for its inputs. */
typedef struct Case {
	Unit unit;
	const OpDef *op;
	const Example *example;
	int index;
	Graph *g;
	Node *n;
	Scalar *data[16];   /* by graph input */
	uint64_t random;
} Case;

/* splitmix64 */
static double random_unit(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (double)((z ^ z >> 31) >> 11) / 9007199254740992.0;
}

/* f32 values, so that the narrow and the wide run see the same; integers
 * include both ends. */
static Scalar random_scalar(Case *c, DType t, double lo, double hi)
{
	double u = random_unit(&c->random);
	if (t == DT_BOOL)
		return (Scalar){.i = u < 0.5};
	if (dtype_is_float(t))
		return (Scalar){.f = (double)(float)(lo + u * (hi - lo))};
	return (Scalar){.i = (int64_t)floor(lo + u * (hi - lo + 1))};
}

static Value *add_input(Case *c, const char *kind, DType dtype, Shape shape,
                        double lo, double hi)
{
	int i = c->g->ninputs;
	const char *name = arena_printf(c->unit.arena, "%s%d", kind, i);
	Value *v = graph_input(c->g, name, IN_DATA, dtype, shape);
	int64_t count = numel(shape);
	cr_assert_lt(i, 16);
	c->data[i] = arena_array(c->unit.arena, Scalar, count);
	for (int64_t e = 0; e < count; e++)
		c->data[i][e] = random_scalar(c, dtype, lo, hi);
	return v;
}

/* An input of the example: of the graph too, or a constant. */
static Value *example_input(Case *c, const ExampleIn *x)
{
	if (x->absent)
		return NULL;
	if (x->lo == 0 && x->hi == 0)
		return add_input(c, "x", x->dtype, x->shape, -2, 2);
	if (!x->constant)
		return add_input(c, "x", x->dtype, x->shape, x->lo, x->hi);
	int64_t count = numel(x->shape);
	void *data = arena_calloc(c->unit.arena, (size_t)count, 8);
	for (int64_t e = 0; e < count; e++)
		dtype_put(x->dtype, data, e,
		          random_scalar(c, x->dtype, x->lo, x->hi));
	return graph_const(c->g, NULL, x->dtype, x->shape, data);
}

static void set_attr(Case *c, const ExampleAttr *a)
{
	int which = op_attr(c->op, a->name);
	double floats[2 * MAX_RANK];
	cr_assert_geq(which, 0, "%s has no attribute %s", c->op->name, a->name);
	switch (c->op->attrs[which].kind) {
	case ATTR_INT:
		node_set_int(c->g, c->n, a->name, a->i);
		break;
	case ATTR_FLOAT:
		node_set_float(c->g, c->n, a->name, a->f);
		break;
	case ATTR_STRING:
		node_set_string(c->g, c->n, a->name, a->s);
		break;
	case ATTR_INTS:
		node_set_ints(c->g, c->n, a->name, a->n, a->ints);
		break;
	case ATTR_FLOATS:
		for (int i = 0; i < a->n; i++)
			floats[i] = (double)a->ints[i];
		node_set_floats(c->g, c->n, a->name, a->n, floats);
	}
}

static Case *case_make(const OpDef *op, int index)
{
	Arena *a = arena_create();
	Case *c = arena_new(a, Case);
	const Example *e = &op->examples[index];
	Value *in[10];
	int nin = e->nin ? e->nin : op->min_in;
	Loc loc = {arena_printf(a, "example %d", index), op->name};
	*c = (Case){.unit = {op->name, a, stderr, 0, 0}, .op = op, .example = e,
	            .index = index, .random = (uint64_t)index + 1};
	c->g = graph_create(model_create(&c->unit, "m"), "test");
	for (int i = 0; i < nin; i++)
		in[i] = example_input(c, &e->in[i]);
	c->n = node_new(c->g, loc, op, nin, in);
	for (const ExampleAttr *x = e->attr; x->name; x++)
		set_attr(c, x);
	if (e->nout)
		node_set_outputs(c->g, c->n, e->nout);
	cr_assert_not_null(node_done(c->g, c->n), "%s, example %d", op->name,
	                   index);
	for (int o = 0; o < c->n->nout; o++)
		graph_output(c->g, c->n->out[o]->name, OUT_DATA, c->n->out[o]);
	return c;
}

static void case_free(Case *c)
{
	arena_destroy(c->unit.arena);
}

/* ---- the interpreter ---- */

static DType stored(const Value *v, bool wide)
{
	return wide && dtype_is_float(v->dtype) ? DT_F64 : v->dtype;
}

static void **buffers_make(Case *c, bool wide)
{
	Arena *a = c->unit.arena;
	void **buf = arena_array(a, void *, c->g->nvalues);
	for (int i = 0; i < c->g->ninputs; i++) {
		const Value *v = c->g->input[i];
		DType t = stored(v, wide);
		int64_t n = numel(v->shape);
		buf[v->id] = arena_calloc(a, (size_t)n, (size_t)dtype_size(t));
		for (int64_t e = 0; e < n; e++)
			dtype_put(t, buf[v->id], e, c->data[i][e]);
	}
	return buf;
}

/* Results start as rubbish: a kernel must not count on zeros. Constants are
 * converted here. */
static void node_buffers(Case *c, const Node *n, void **buf, bool wide)
{
	Arena *a = c->unit.arena;
	for (int i = 0; i < n->nin; i++) {
		const Value *v = n->in[i];
		if (!v || v->kind != V_CONST || buf[v->id])
			continue;
		int64_t count = numel(v->shape);
		buf[v->id] = arena_calloc(a, (size_t)count, 8);
		for (int64_t e = 0; e < count; e++)
			dtype_put(stored(v, wide), buf[v->id], e,
			          dtype_get(v->dtype, v->data, e));
	}
	for (int o = 0; o < n->nout; o++) {
		const Value *v = n->out[o];
		size_t bytes = (size_t)numel(v->shape) * 8;
		if (buf[v->id])
			continue;
		buf[v->id] = arena_alloc(a, bytes);
		memset(buf[v->id], 0x7b, bytes);
	}
}

static void run_node(Case *c, const Node *n, void **buf, bool wide)
{
	node_buffers(c, n, buf, wide);
	kernel_eval(kernel_of(c->unit.arena, n), buf, wide);
}

static Scalar element(const Value *v, void *const buf[], bool wide, int64_t e)
{
	return dtype_get(stored(v, wide), buf[v->id], e);
}

static bool close_to(double got, double want, double tolerance)
{
	return fabs(got - want) <= tolerance * fmax(1, fabs(want));
}

/* Integers exactly, floats within the tolerance, relative above 1. */
static void expect_same(const Case *c, const char *what, const Value *got,
                        void *const gotbuf[], const Value *want,
                        void *const wantbuf[], double tolerance)
{
	for (int64_t e = 0; e < numel(want->shape); e++) {
		Scalar x = element(got, gotbuf, false, e);
		Scalar y = element(want, wantbuf, false, e);
		bool floats = dtype_is_float(want->dtype);
		bool same = floats ? close_to(x.f, y.f, tolerance) : x.i == y.i;
		cr_expect(same, "%s, example %d, %s: element %lld of %%%s is "
		          "%.9g, expected %.9g", c->op->name, c->index, what,
		          (long long)e, want->name,
		          floats ? x.f : (double)x.i,
		          floats ? y.f : (double)y.i);
		if (!same)
			return;
	}
}

/* ---- one test per property, one parameter per operator ---- */

static void free_params(struct criterion_test_params *p)
{
	cr_free(p->params);
}

static struct criterion_test_params each_operator(void)
{
	int *which = cr_malloc(sizeof *which * (size_t)nops);
	for (int i = 0; i < nops; i++)
		which[i] = i;
	return cr_make_param_array(int, which, (size_t)nops, free_params);
}

static void for_examples(const OpDef *op, void (*check)(Case *))
{
	for (int i = 0; i < op->nexamples; i++) {
		Case *c = case_make(op, i);
		check(c);
		case_free(c);
	}
}

#define FOR_EACH_OPERATOR(check) \
	ParameterizedTestParameters(ops, check) { return each_operator(); } \
	ParameterizedTest(int *which, ops, check) \
	{ \
		for_examples(all_ops[*which], check_##check); \
	}

Test(ops, all_have_examples)
{
	for (int i = 0; i < nops; i++)
		cr_expect(all_ops[i]->nexamples > 0 || all_ops[i] == &op_Fused,
		          "%s has no example", all_ops[i]->name);
}

static void check_verifies_and_is_finite(Case *c)
{
	void **buf = buffers_make(c, false);
	graph_verify(c->g);
	run_node(c, c->n, buf, false);
	for (int o = 0; o < c->n->nout; o++) {
		const Value *v = c->n->out[o];
		for (int64_t e = 0; e < numel(v->shape); e++)
			cr_expect(!dtype_is_float(v->dtype) ||
			          (isfinite(element(v, buf, false, e).f) &&
			           fabs(element(v, buf, false, e).f) < 1e30),
			          "%s, example %d: element %lld of output %d is "
			          "%g", c->op->name, c->index, (long long)e, o,
			          element(v, buf, false, e).f);
	}
}
FOR_EACH_OPERATOR(verifies_and_is_finite)

static void check_costs_something(Case *c)
{
	Cost cost = kernel_cost(kernel_of(c->unit.arena, c->n));
	cr_expect(cost.flops > 0 || cost.bytes > 0,
	          "%s, example %d costs nothing", c->op->name, c->index);
}
FOR_EACH_OPERATOR(costs_something)

static void compare_in_place(Case *c, const Value *in, const Value *out)
{
	void **apart = buffers_make(c, false);
	void **shared = buffers_make(c, false);
	run_node(c, c->n, apart, false);
	shared[out->id] = shared[in->id];
	run_node(c, c->n, shared, false);
	for (int o = 0; o < c->n->nout; o++)
		expect_same(c, "in place", c->n->out[o], shared, c->n->out[o],
		            apart, 0);
}

static void check_in_place(Case *c)
{
	const Kernel *k = kernel_of(c->unit.arena, c->n);
	for (int i = 0; i < c->n->nin; i++)
		for (int o = 0; o < c->n->nout; o++)
			if (c->n->in[i] &&
			    kernel_in_place(k, c->n->in[i], c->n->out[o]))
				compare_in_place(c, c->n->in[i], c->n->out[o]);
}
FOR_EACH_OPERATOR(in_place)

static void compare_lanes(Case *c, int lanes)
{
	void **plain = buffers_make(c, false), **split = buffers_make(c, false);
	Kernel *k = kernel_of(c->unit.arena, c->n);
	run_node(c, c->n, plain, false);
	node_buffers(c, c->n, split, false);
	kernel_split_sums(k, lanes);
	kernel_eval(k, split, false);
	for (int o = 0; o < c->n->nout; o++)
		expect_same(c, "with sums in lanes", c->n->out[o], split,
		            c->n->out[o], plain, 1e-5);
}

static void check_lanes(Case *c)
{
	compare_lanes(c, 2);
	compare_lanes(c, 4);
}
FOR_EACH_OPERATOR(lanes)

/* ---- emitted C against the interpreter ---- */

enum { MAX_RUNS = 1000 };

/* Some kernels call the runtime and say in loops what the call computes. The
 * interpreter runs the loops, the emitted C the call: so this compares the two,
 * with a workspace and without. */
typedef struct Run {
	Case *c;
	bool workspace;
} Run;

static void grant_workspace(Case *c)
{
	Shape bytes = {1, {c->op->workspace(c->n)}};
	node_add_output(c->g, c->n, DT_U8, bytes)->memory = MEM_WORKSPACE;
}

static int add_runs(Run *runs, int n, const OpDef *op)
{
	for (int i = 0; i < op->nexamples; i++) {
		runs[n++] = (Run){case_make(op, i), false};
		if (!op->workspace || !op->workspace(runs[n - 1].c->n))
			continue;
		runs[n++] = (Run){case_make(op, i), true};
		grant_workspace(runs[n - 1].c);
	}
	cr_assert_lt(n, MAX_RUNS - 16);
	return n;
}

/* The values that emit_c_kernel() makes parameters of: each once, without the
 * constants that are printed as numbers. */
static int find_params(const Node *n, const Value *param[])
{
	int count = 0;
	for (int i = 0; i < n->nin + n->nout; i++) {
		const Value *v = i < n->nin ? n->in[i] : n->out[i - n->nin];
		bool skip = !v || (v->kind == V_CONST && numel(v->shape) == 1);
		for (int p = 0; p < count; p++)
			skip |= param[p] == v;
		if (!skip)
			param[count++] = v;
	}
	return count;
}

/* The kernel, and run_N(), which calls it on an array of pointers. */
static void emit_run(FILE *out, const Run *run, int number)
{
	const Value *param[32];
	int nparams = find_params(run->c->n, param);
	char name[32];
	snprintf(name, sizeof name, "kernel_%d", number);
	emit_c_kernel(out, kernel_of(run->c->unit.arena, run->c->n), name);
	fprintf(out, "void run_%d(void *const p[])\n{\n\t%s(", number, name);
	for (int i = 0; i < nparams; i++)
		fprintf(out, "%sp[%d]", i ? ", " : "", i);
	fprintf(out, ");\n}\n\n");
}

static void *compile_runs(const Run *runs, int n)
{
	FILE *out = fopen(BUILD_DIR "/op_kernels.c", "w");
	cr_assert_not_null(out);
	fprintf(out, "#include <math.h>\n#include \"runtime/rt.h\"\n"
	        "#include \"runtime/scalar.h\"\n\n");
	for (int i = 0; i < n; i++)
		emit_run(out, &runs[i], i);
	fclose(out);
	cr_assert_eq(system(
		"cd " BUILD_DIR " && cc -std=c99 -pedantic -Wall -Wextra "
		"-Wconversion -Wshadow -Werror -O1 -fPIC -I" SOURCE_DIR
		" -c op_kernels.c && cc -O1 -fPIC -shared -I" SOURCE_DIR
		" -o op_kernels.so op_kernels.o "
		"$(ls " SOURCE_DIR "/runtime/*.c | grep -v openblas) -lm"), 0);
	void *library = dlopen(BUILD_DIR "/op_kernels.so", RTLD_NOW);
	cr_assert_not_null(library, "%s", dlerror());
	return library;
}

static void compare_run(void *library, const Run *run, int number)
{
	Case *c = run->c;
	void **want = buffers_make(c, false), **got = buffers_make(c, false);
	const Value *param[32];
	void *p[32], (*f)(void *const p[]);
	char name[32];
	snprintf(name, sizeof name, "run_%d", number);
	void *symbol = dlsym(library, name);
	cr_assert_not_null(symbol);
	memcpy(&f, &symbol, sizeof f);
	run_node(c, c->n, want, false);
	node_buffers(c, c->n, got, false);
	int nparams = find_params(c->n, param);
	for (int i = 0; i < nparams; i++)
		p[i] = got[param[i]->id];
	f(p);
	for (int o = 0; o < c->n->nout; o++)
		if (c->n->out[o]->memory != MEM_WORKSPACE)
			expect_same(c, run->workspace ? "in C with workspace"
			                              : "in C",
			            c->n->out[o], got, c->n->out[o], want, 1e-5);
}

Test(ops, emitted_c)
{
	static Run runs[MAX_RUNS];
	int n = 0;
	for (int i = 0; i < nops; i++)
		n = add_runs(runs, n, all_ops[i]);
	void *library = compile_runs(runs, n);
	for (int i = 0; i < n; i++)
		compare_run(library, &runs[i], i);
	dlclose(library);
	for (int i = 0; i < n; i++)
		case_free(runs[i].c);
}

/* ---- gradients against finite differences, in f64 ---- */

enum { MAX_POINTS = 100 };   /* of one input; spread evenly if there are more */

/* Random weights for the outputs: what is differentiated is sum w y. */
static Value **seed_outputs(Case *c, Value *of[], Value *seed[], int *nseeds)
{
	const Graph *g = c->g;
	*nseeds = 0;
	for (int o = 0; o < c->n->nout - c->op->statistics; o++) {
		Value *y = c->n->out[o];
		if (!dtype_is_float(y->dtype))
			continue;
		of[*nseeds] = y;
		seed[(*nseeds)++] = add_input(c, "w", y->dtype, y->shape, -1, 1);
	}
	bool *wanted = arena_array(c->unit.arena, bool, g->nvalues);
	for (int i = 0; i < g->ninputs; i++)
		wanted[g->input[i]->id] = g->input[i]->name[0] == 'x' &&
		                          dtype_is_float(g->input[i]->dtype);
	return differentiate(c->g, of, seed, *nseeds, wanted);
}

typedef struct Loss {
	Case *c;
	void **buf;
	Value **of, **seed;
	int nseeds;
	const Kernel *forward;
} Loss;

static double weighted_sum(const Loss *f)
{
	double sum = 0;
	kernel_eval(f->forward, f->buf, true);
	for (int s = 0; s < f->nseeds; s++)
		for (int64_t e = 0; e < numel(f->of[s]->shape); e++)
			sum += element(f->of[s], f->buf, true, e).f *
			       element(f->seed[s], f->buf, true, e).f;
	return sum;
}

static double slope(const Loss *f, double *x, double h)
{
	double at = *x;
	*x = at + h;
	double right = weighted_sum(f);
	*x = at - h;
	double left = weighted_sum(f);
	*x = at;
	return (right - left) / (2 * h);
}

/* False near a kink, where the slope depends on the step. Else extrapolated to
 * a step of zero: the error is of the fourth order. */
static bool derivative(const Loss *f, double *x, double *out)
{
	double h = 1e-4, coarse = slope(f, x, h), fine = slope(f, x, h / 2);
	*out = (4 * fine - coarse) / 3;
	return close_to(coarse, fine, 1e-5);
}

static void compare_gradient(const Loss *f, const Value *x, const Value *dx)
{
	const Case *c = f->c;
	int64_t count = numel(x->shape), step = count / MAX_POINTS + 1;
	int points = 0, checked = 0;
	for (int64_t e = 0; e < count; e += step) {
		double want, got = dx ? element(dx, f->buf, true, e).f : 0;
		points++;
		if (!derivative(f, (double *)f->buf[x->id] + e, &want))
			continue;
		checked++;
		cr_expect(close_to(got, want, 1e-6),
		          "%s, example %d: the gradient of element %lld of "
		          "%%%s is %.9g, expected %.9g", c->op->name, c->index,
		          (long long)e, x->name, got, want);
	}
	cr_expect(2 * checked >= points, "%s, example %d: only %d of %d "
	          "gradients of %%%s could be checked", c->op->name, c->index,
	          checked, points, x->name);
}

static void check_gradient(Case *c)
{
	Value *of[16], *seed[16];
	Loss f = {.c = c, .of = of, .seed = seed};
	int ninputs = c->g->ninputs;
	if (!c->op->grad && !c->op->stops)
		return;
	Value **grad = seed_outputs(c, of, seed, &f.nseeds);
	cr_assert_eq(c->unit.nerrors, 0);
	for (int i = 0; i < ninputs; i++)
		if (grad[c->g->input[i]->id])
			graph_output(c->g, "gradient", OUT_GRADIENT,
			             grad[c->g->input[i]->id]);
	graph_verify(c->g);
	f.buf = buffers_make(c, true);
	for (const Node *n = c->g->first; n; n = n->next)
		run_node(c, n, f.buf, true);
	f.forward = kernel_of(c->unit.arena, c->n);
	for (int i = 0; i < ninputs; i++)
		if (dtype_is_float(c->g->input[i]->dtype))
			compare_gradient(&f, c->g->input[i],
			                 grad[c->g->input[i]->id]);
}
FOR_EACH_OPERATOR(gradient)
