/*
 * One example at a time and SGD, with weight decay or without, which is a number
 * that is set between steps: the step has no gradient of a parameter in memory,
 * neither whole nor a tile of it. Planned from models as they are exported. What
 * stays elsewhere is listed with the reason.
 */
#include "ir/plan.h"
#include "passes/pass.h"
#include "tests/unit/onnx_test.h"

#define SHIPPED SOURCE_DIR "/tests/models/"

static Loaded *load_to_train(const char *name, LossKind loss)
{
	char path[256];
	snprintf(path, sizeof path, SHIPPED "%s.onnx", name);
	Options o = {.batch = 1, .loss = {.kind = loss, .axis = 1},
	             .optimizer = {.kind = OPT_SGD, .lr = 0.1}};
	Loaded *l = load_with(path, o);
	cr_assert(l->g, "%s: %s", name, l->said);
	l->u.path = arena_strndup(l->u.arena, path, strlen(path));
	return l;
}

static const Plan *plan_of(Loaded *l, LossKind loss)
{
	Options o = {.loss = {.kind = loss, .axis = 1},
	             .optimizer = {.kind = OPT_SGD, .lr = 0.1}};
	Program *p = build_program(l->g, &o);
	cr_assert(p && p->train, "%s", l->said);
	return p->train;
}

/* Buffers of gradients; the first of them that is not `known`. */
static int count_gradients(const Plan *p, const char *known, const char **other)
{
	int count = 0;
	for (int b = 0; b < p->nbuffers; b++) {
		if (p->buffer[b].memory != MEM_GRADIENT)
			continue;
		count++;
		if (!known || !strstr(p->buffer[b].name, known))
			*other = p->buffer[b].name;
	}
	return count;
}

static const struct {
	const char *name;
	LossKind loss;
	const char *whole;   /* what is left, NULL: nothing */
} models[] = {
	{"parity/mlp-sgd-decay", LOSS_CROSS_ENTROPY, NULL},
	{"parity/gates-sgd", LOSS_CROSS_ENTROPY, NULL},
	{"parity/attention-adam", LOSS_CROSS_ENTROPY, NULL},
	{"parity/algebra-huber", LOSS_HUBER, NULL},
	{"exports/dynamo-gates", LOSS_CROSS_ENTROPY, NULL},
	{"exports/dynamo-attention", LOSS_CROSS_ENTROPY, NULL},
	{"exports/dynamo-causal", LOSS_CROSS_ENTROPY, NULL},
	{"exports/dynamo-dense", LOSS_CROSS_ENTROPY, NULL},
	{"exports/dynamo-lstm", LOSS_CROSS_ENTROPY, NULL},
	{"exports/dynamo-styles-21", LOSS_CROSS_ENTROPY, NULL},
	{"exports/script-causal", LOSS_CROSS_ENTROPY, NULL},
	{"parity/dense-momentum", LOSS_CROSS_ENTROPY, NULL},
	{"../../examples/gestures/gestures", LOSS_CROSS_ENTROPY, NULL},
	{"exports/optimized-lstm", LOSS_CROSS_ENTROPY, NULL},
	{"exports/dynamo-encoder-23", LOSS_CROSS_ENTROPY, NULL},
	{"parity/lstm-momentum", LOSS_CROSS_ENTROPY, NULL},
	/* The input's gradient is computed from the two sums. */
	{"exports/dynamo-mobile", LOSS_CROSS_ENTROPY, "features.0.1"},
	/* At the peak: what they are computed from is larger, and the input's
	 * gradient lies over it where it does not have to wait for the update,
	 * which that gradient has to come before: it reads the parameter. */
	{"exports/dynamo-residual", LOSS_CROSS_ENTROPY, "weight"},
	{"parity/residual-momentum", LOSS_CROSS_ENTROPY, "weight"},
};

Test(no_gradients, at_batch_one)
{
	for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
		const char *other = NULL;
		Loaded *l = load_to_train(models[i].name, models[i].loss);
		int count = count_gradients(plan_of(l, models[i].loss),
		                            models[i].whole, &other);
		cr_expect(!other, "%s keeps %s", models[i].name, other);
		cr_expect_eq(count > 0, models[i].whole != NULL,
		             "%s: %d gradients", models[i].name, count);
		unload(l);
	}
}
