/*
 * The gradient of every operator on every one of its examples, against finite
 * differences of the interpreter, both in f64.
 */
#include "ir/verify.h"
#include "passes/autodiff.h"
#include "tests/unit/op_case.h"

enum { MAX_POINTS = 100 };   /* of one input; spread evenly if there are more */

/* Random weights for the outputs: what is differentiated is sum w y. */
static Value **seed_outputs(Case *c, Value *of[], Value *seed[], int *nseeds)
{
	const Graph *g = c->g;
	*nseeds = 0;
	int active = c->op->active ? c->op->active : c->n->nout;
	for (int o = 0; o < active; o++) {
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

/* Runs the node and its gradients, which are by value id. */
static Value **run_with_gradients(Loss *f)
{
	Case *c = f->c;
	int ninputs = c->g->ninputs;
	Value **grad = seed_outputs(c, f->of, f->seed, &f->nseeds);
	cr_assert_eq(c->unit.nerrors, 0);
	for (int i = 0; i < ninputs; i++)
		if (grad[c->g->input[i]->id])
			graph_output(c->g, "gradient", OUT_GRADIENT,
			             grad[c->g->input[i]->id]);
	graph_verify(c->g);
	f->buf = buffers_make(c, true);
	for (const Node *n = c->g->first; n; n = n->next)
		run_node(c, n, f->buf, true);
	return grad;
}

/* FakeQuantize's is checked below: a slope that is 0 or infinite is no use. */
static void check_gradient(Case *c)
{
	Value *of[16], *seed[16];
	Loss f = {.c = c, .of = of, .seed = seed};
	int ninputs = c->g->ninputs;
	if ((!c->op->grad && !c->op->stops) || c->op == &op_FakeQuantize)
		return;
	Value **grad = run_with_gradients(&f);
	f.forward = kernel_of(c->unit.arena, c->n);
	for (int i = 0; i < ninputs; i++)
		if (dtype_is_float(c->g->input[i]->dtype))
			compare_gradient(&f, c->g->input[i],
			                 grad[c->g->input[i]->id]);
}
FOR_EACH_OPERATOR(gradient)

/* A gradient goes straight through where the result is as near as the steps
 * are, and stops where the range was left. */
static void check_straight_through(const Loss *f, const Value *dx)
{
	const Value *x = f->c->n->in[0], *scale = f->c->n->in[1];
	int64_t run = x->shape.dim[x->shape.rank - 1];
	for (int64_t e = 0; e < numel(x->shape); e++) {
		double step = element(scale, f->buf, true,
		                      e / run % numel(scale->shape)).f;
		double off = fabs(element(f->of[0], f->buf, true, e).f -
		                  element(x, f->buf, true, e).f);
		double dy = element(f->seed[0], f->buf, true, e).f;
		double want = off <= step / 2 * (1 + 1e-9) ? dy : 0;
		cr_expect(close_to(element(dx, f->buf, true, e).f, want, 1e-9));
	}
}

Test(ops, straight_through)
{
	for (int i = 0; i < op_FakeQuantize.nexamples; i++) {
		Value *of[16], *seed[16];
		Case *c = case_make(&op_FakeQuantize, i);
		Loss f = {.c = c, .of = of, .seed = seed};
		Value **grad = run_with_gradients(&f);
		check_straight_through(&f, grad[c->n->in[0]->id]);
		case_free(c);
	}
}
