/*
 * The gradient of every operator on every one of its examples, against finite
 * differences of the interpreter, both in f64.
 */
#include "tests/unit/op_gradient.h"

enum { MAX_POINTS = 100 };

/* FakeQuantize's is checked below: a slope that is 0 or infinite is no use. */
static void check_gradient(Case *c)
{
	Loss f = {.c = c, .most = MAX_POINTS};
	int ninputs = c->g->ninputs;
	if ((!c->op->grad && !c->op->stops) || c->op == &op_FakeQuantize)
		return;
	gradients_are_right(&f);
	for (int i = 0; i < ninputs; i++)
		cr_expect(2 * f.checked[i] >= f.points[i], "%s, example %d: only "
		          "%d of %d gradients of %%%s could be checked",
		          c->op->name, c->index, f.checked[i], f.points[i],
		          c->g->input[i]->name);
}
FOR_EACH_OPERATOR(gradient)

/* The gradient of a product where factors are 0: what divides by them is no
 * use. */
Test(ops, factors_of_zero)
{
	static const OpDef *const products[] = {
		&op_Mul, &op_ReduceProd, &op_CumProd, &op_ScatterElements,
		&op_ScatterND,
	};
	for (size_t p = 0; p < sizeof products / sizeof *products; p++)
		for (int i = 0; i < products[p]->nexamples; i++) {
			Case *c = case_make(products[p], i);
			Loss f = {.c = c, .most = MAX_POINTS, .zeros = true};
			gradients_are_right(&f);
			case_free(c);
		}
}

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
		Case *c = case_make(&op_FakeQuantize, i);
		Loss f = {.c = c};
		Value **grad = run_with_gradients(&f);
		check_straight_through(&f, grad[c->n->in[0]->id]);
		case_free(c);
	}
}
