/*
 * One example of an operator as a graph of one node, with data for its inputs
 * and memory for the interpreter. Nothing here knows an operator: an OpDef
 * brings the inputs it wants to be tested on.
 */
#ifndef TESTS_UNIT_OP_CASE_H
#define TESTS_UNIT_OP_CASE_H

#include "ir/op.h"
#include "ir/splitmix.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

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

static inline double random_unit(uint64_t *state)
{
	return (double)(splitmix64(state) >> 11) / 9007199254740992.0;
}

/* f32 values, so that the narrow and the wide run see the same; integers
 * include both ends. */
static inline Scalar random_scalar(Case *c, DType t, double lo, double hi)
{
	double u = random_unit(&c->random);
	if (t == DT_BOOL)
		return (Scalar){.i = u < 0.5};
	if (dtype_is_float(t))
		return (Scalar){.f = (double)(float)(lo + u * (hi - lo))};
	return (Scalar){.i = (int64_t)floor(lo + u * (hi - lo + 1))};
}

static inline Value *add_input(Case *c, const char *kind, DType dtype,
                               Shape shape, double lo, double hi)
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
static inline Value *example_input(Case *c, const ExampleIn *x)
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

static inline void set_attr(Case *c, const ExampleAttr *a)
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

static inline Case *case_of(const OpDef *op, const Example *e, int index,
                            uint64_t random)
{
	Arena *a = arena_create();
	Case *c = arena_new(a, Case);
	Value *in[EXAMPLE_INPUTS];
	int nin = e->nin ? e->nin : op->min_in;
	Loc loc = {arena_printf(a, "example %d", index), op->name};
	*c = (Case){.unit = {op->name, a, stderr, 0, 0}, .op = op, .example = e,
	            .index = index, .random = random};
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

static inline Case *case_make(const OpDef *op, int index)
{
	return case_of(op, &op->examples[index], index, (uint64_t)index + 1);
}

static inline void case_free(Case *c)
{
	arena_destroy(c->unit.arena);
}

/* ---- the interpreter ---- */

static inline DType stored(const Value *v, bool wide)
{
	return wide && dtype_is_float(v->dtype) ? DT_F64 : v->dtype;
}

static inline void **buffers_make(Case *c, bool wide)
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
static inline void node_buffers(Case *c, const Node *n, void **buf, bool wide)
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

static inline void run_node(Case *c, const Node *n, void **buf, bool wide)
{
	node_buffers(c, n, buf, wide);
	kernel_eval(kernel_of(c->unit.arena, n), buf, wide);
}

static inline Scalar element(const Value *v, void *const buf[], bool wide,
                             int64_t e)
{
	return dtype_get(stored(v, wide), buf[v->id], e);
}

static inline bool close_to(double got, double want, double tolerance)
{
	return fabs(got - want) <= tolerance * fmax(1, fabs(want));
}

/* Integers exactly, floats within the tolerance, relative above 1. */
static inline void expect_same(const Case *c, const char *what,
                               const Value *got, void *const gotbuf[],
                               const Value *want, void *const wantbuf[],
                               double tolerance)
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

/* ---- one test per property, one parameter per so many operators ---- */

enum { TOGETHER = 16 };   /* to begin a process takes longer than most checks */

static inline void free_params(struct criterion_test_params *p)
{
	cr_free(p->params);
}

/* 0, TOGETHER .. below n: the first of those that are in one process. */
static inline struct criterion_test_params params_of(int n)
{
	int *first = cr_malloc(sizeof *first * (size_t)n), k = 0;
	for (int i = 0; i < n; i += TOGETHER)
		first[k++] = i;
	return cr_make_param_array(int, first, (size_t)k, free_params);
}

static inline void for_examples(const OpDef *op, void (*check)(Case *))
{
	for (int i = 0; i < op->nexamples; i++) {
		Case *c = case_make(op, i);
		check(c);
		case_free(c);
	}
}

#define FOR_EACH_OPERATOR(check) \
	ParameterizedTestParameters(ops, check) { return params_of(nops); } \
	ParameterizedTest(int *first, ops, check) \
	{ \
		for (int i = *first; i < nops && i < *first + TOGETHER; i++) \
			for_examples(all_ops[i], check_##check); \
	}

#endif
