/* What is drawn in each step: RandomNormal, RandomUniform, Bernoulli. */
#include "tests/unit/onnx_test.h"

#include "passes/train.h"

#include <math.h>

enum { COUNT = 4000 };

typedef struct Drawn {
	Loaded *l;
	const float *normal, *uniform;
	const int32_t *chance;
} Drawn;

/* The model on x = 0.3 everywhere. */
static Drawn draw(uint32_t seed)
{
	Drawn d = {.l = load(MODELS "graphs/random.onnx")};
	cr_assert_not_null(d.l->g, "%s", d.l->said);
	Graph *g = d.l->g;
	float *x = arena_array(d.l->u.arena, float, COUNT);
	for (int i = 0; i < COUNT; i++)
		x[i] = 0.3f;
	const void *input[] = {x, &seed};
	cr_assert_eq(g->ninputs, 2);
	cr_assert_eq(g->input[1]->role, IN_SEED);
	void **buf = run_graph(g, input);
	d.normal = buf[g->output[0].value->id];
	d.uniform = buf[g->output[1].value->id];
	d.chance = buf[g->output[2].value->id];
	return d;
}

/* Within 4 standard errors of the moment; the draws are the same each time. */
static double moment(const float *x, double around, int power)
{
	double sum = 0;
	for (int i = 0; i < COUNT; i++)
		sum += pow(x[i] - around, power);
	return sum / COUNT;
}

Test(onnx_draw, numbers_are_distributed_as_they_say)
{
	Drawn d = draw(1);
	cr_expect_float_eq(moment(d.normal, 0, 1), 1, 4 * 2 / sqrt(COUNT));
	cr_expect_float_eq(moment(d.normal, 1, 2), 4, 4 * 5.7 / sqrt(COUNT));
	cr_expect_float_eq(moment(d.normal, 1, 3), 0, 4 * 31 / sqrt(COUNT));
	cr_expect_float_eq(moment(d.normal, 1, 4), 48, 4 * 157 / sqrt(COUNT));
	cr_expect_float_eq(moment(d.uniform, 0, 1), 1, 4 * 1.16 / sqrt(COUNT));
	cr_expect_float_eq(moment(d.uniform, 1, 2), 4. / 3,
	                   4 * 1.2 / sqrt(COUNT));
	int ones = 0;
	for (int i = 0; i < COUNT; i++) {
		cr_assert(d.uniform[i] >= -1 && d.uniform[i] < 3);
		cr_assert(d.chance[i] == 0 || d.chance[i] == 1);
		ones += d.chance[i];
	}
	cr_expect_float_eq(ones, 0.3 * COUNT, 4 * sqrt(0.21 * COUNT));
	unload(d.l);
}

/* Neighbours, and nodes, know nothing of each other. */
Test(onnx_draw, numbers_are_independent)
{
	Drawn d = draw(1);
	double next = 0, other = 0, chance = 0;
	for (int i = 0; i < COUNT; i++) {
		double x = (d.normal[i] - 1) / 2;
		next += i ? x * (d.normal[i - 1] - 1) / 2 : 0;
		other += x * (d.uniform[i] - 1) / 1.155;
		chance += x * (d.chance[i] - 0.3) / 0.458;
	}
	cr_expect_float_eq(next, 0, 4 * sqrt(COUNT));
	cr_expect_float_eq(other, 0, 4 * sqrt(COUNT));
	cr_expect_float_eq(chance, 0, 4 * sqrt(COUNT));
	unload(d.l);
}

Test(onnx_draw, a_step_draws_other_numbers_and_a_seed_the_same)
{
	Drawn a = draw(1), again = draw(1), b = draw(2);
	size_t size = COUNT * sizeof *a.normal;
	cr_expect(!memcmp(a.normal, again.normal, size));
	cr_expect(!memcmp(a.chance, again.chance, size));
	cr_expect(memcmp(a.normal, b.normal, size));
	cr_expect(memcmp(a.uniform, b.uniform, size));
	cr_expect(memcmp(a.chance, b.chance, size));
	unload(a.l);
	unload(again.l);
	unload(b.l);
}

Test(onnx_draw, inference_has_no_seed)
{
	Loaded *l = load(MODELS "graphs/random.onnx");
	set_mode(l->g, MODE_INFER, &(Options){0});
	for (Node *n = l->g->first; n; n = n->next)
		for (int i = 0; i < n->nin; i++)
			cr_expect(n->in[i]->role != IN_SEED ||
			          n->in[i]->kind != V_INPUT, "%s", n->op->name);
	unload(l);
}
