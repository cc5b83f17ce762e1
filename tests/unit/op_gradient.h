/*
 * The gradient of one case against finite differences of the interpreter, both
 * in f64. What is differentiated is sum w y, with random weights w.
 */
#ifndef TESTS_UNIT_OP_GRADIENT_H
#define TESTS_UNIT_OP_GRADIENT_H

#include "ir/verify.h"
#include "passes/autodiff.h"
#include "tests/unit/op_case.h"

typedef struct Loss {
	Case *c;
	unsigned inputs;    /* which of the graph's are wanted: bit i; 0: all */
	unsigned outputs;   /* which of the node's it is of: bit o; 0: all */
	int most;           /* points of one input; spread evenly if it has more */
	bool zeros;         /* every third element of an input is 0 */
	void **buf;
	Value *of[16], *seed[16];
	int nseeds;
	const Kernel *forward;
	int points[16], checked[16];   /* by the graph's input */
} Loss;

static inline bool has_bit(unsigned set, int i)
{
	return set == 0 || (set >> i & 1);
}

static inline Value **seed_outputs(Loss *f)
{
	Case *c = f->c;
	const Graph *g = c->g;
	int active = c->op->active ? c->op->active : c->n->nout;
	for (int o = 0; o < active; o++) {
		Value *y = c->n->out[o];
		if (!dtype_is_float(y->dtype) || !has_bit(f->outputs, o))
			continue;
		f->of[f->nseeds] = y;
		f->seed[f->nseeds++] = add_input(c, "w", y->dtype, y->shape, -1,
		                                 1);
	}
	bool *wanted = arena_array(c->unit.arena, bool, g->nvalues);
	for (int i = 0; i < g->ninputs; i++)
		wanted[g->input[i]->id] = g->input[i]->name[0] == 'x' &&
		                          dtype_is_float(g->input[i]->dtype) &&
		                          has_bit(f->inputs, i);
	return differentiate(c->g, f->of, f->seed, f->nseeds, wanted);
}

static inline double weighted_sum(const Loss *f)
{
	double sum = 0;
	kernel_eval(f->forward, f->buf, true);
	for (int s = 0; s < f->nseeds; s++)
		for (int64_t e = 0; e < numel(f->of[s]->shape); e++)
			sum += element(f->of[s], f->buf, true, e).f *
			       element(f->seed[s], f->buf, true, e).f;
	return sum;
}

static inline double slope(const Loss *f, double *x, double h)
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
static inline bool derivative(const Loss *f, double *x, double *out)
{
	double h = 1e-4, coarse = slope(f, x, h), fine = slope(f, x, h / 2);
	*out = (4 * fine - coarse) / 3;
	return close_to(coarse, fine, 1e-6);
}

/* False if a gradient is wrong. */
static inline bool compare_gradient(Loss *f, int input, const Value *dx)
{
	const Case *c = f->c;
	const Value *x = c->g->input[input];
	int64_t count = numel(x->shape), step = count / f->most + 1;
	bool right = true;
	for (int64_t e = 0; e < count; e += step) {
		double want, got = dx ? element(dx, f->buf, true, e).f : 0;
		f->points[input]++;
		if (!derivative(f, (double *)f->buf[x->id] + e, &want))
			continue;
		f->checked[input]++;
		bool same = close_to(got, want, 1e-6);
		cr_expect(same, "%s, example %d: the gradient of element %lld "
		          "of %%%s is %.9g, expected %.9g", c->op->name,
		          c->index, (long long)e, x->name, got, want);
		right &= same;
	}
	return right;
}

static inline void put_zeros(const Loss *f)
{
	const Graph *g = f->c->g;
	for (int i = 0; i < g->ninputs; i++) {
		const Value *x = g->input[i];
		bool real = x->name[0] == 'x' && dtype_is_float(x->dtype);
		for (int64_t e = i % 3; real && e < numel(x->shape); e += 3)
			((double *)f->buf[x->id])[e] = 0;
	}
}

/* Runs the node and its gradients, which are by value id. */
static inline Value **run_with_gradients(Loss *f)
{
	Case *c = f->c;
	int ninputs = c->g->ninputs;
	Value **grad = seed_outputs(f);
	cr_assert_eq(c->unit.nerrors, 0);
	for (int i = 0; i < ninputs; i++)
		if (grad[c->g->input[i]->id])
			graph_output(c->g, "gradient", OUT_GRADIENT,
			             grad[c->g->input[i]->id]);
	graph_verify(c->g);
	f->buf = buffers_make(c, true);
	if (f->zeros)
		put_zeros(f);
	for (const Node *n = c->g->first; n; n = n->next)
		run_node(c, n, f->buf, true);
	return grad;
}

/* False if a gradient is wrong. */
static inline bool gradients_are_right(Loss *f)
{
	const Graph *g = f->c->g;
	int ninputs = g->ninputs;
	bool right = true;
	Value **grad = run_with_gradients(f);
	f->forward = kernel_of(f->c->unit.arena, f->c->n);
	for (int i = 0; i < ninputs; i++)
		if (dtype_is_float(g->input[i]->dtype) && has_bit(f->inputs, i))
			right &= compare_gradient(f, i, grad[g->input[i]->id]);
	return right;
}

#endif
