/*
 * One example at a time and SGD, with weight decay or without, which is a number
 * that is set between steps: the step has no gradient of a parameter in memory,
 * neither whole nor a tile of it. Planned from models as they are exported. What
 * stays elsewhere is listed with the reason. With momentum and Adam it has no more
 * than a tile of each.
 */
#include "ir/plan.h"
#include "ir/target.h"
#include "passes/pass.h"
#include "tests/unit/onnx_test.h"

#define SHIPPED SOURCE_DIR "/tests/models/"

static Options options_of(LossKind loss, OptimizerKind optimizer)
{
	return (Options){.batch = 1, .loss = {.kind = loss, .axis = 1},
	                 .optimizer = {.kind = optimizer, .lr = 0.1}};
}

static Loaded *load_to_train(const char *path, const Options *o)
{
	Loaded *l = load_with(path, *o);
	cr_assert(l->g, "%s: %s", path, l->said);
	l->u.path = arena_strndup(l->u.arena, path, strlen(path));
	return l;
}

static const Plan *plan_of(Loaded *l, const Options *o)
{
	Program *p = build_program(l->g, o);
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
		char path[256];
		snprintf(path, sizeof path, SHIPPED "%s.onnx", models[i].name);
		Options o = options_of(models[i].loss, OPT_SGD);
		Loaded *l = load_to_train(path, &o);
		int count = count_gradients(plan_of(l, &o), models[i].whole,
		                            &other);
		cr_expect(!other, "%s keeps %s", models[i].name, other);
		cr_expect_eq(count > 0, models[i].whole != NULL,
		             "%s: %d gradients", models[i].name, count);
		unload(l);
	}
}

/* ---- the models that figures are given of, and other optimizers ---- */

/* Is there, of the gradient that n computes, no more than a part in memory, or
 * what is no larger than a tile? */
static bool is_tile(const Node *n)
{
	enum { TILE_BYTES = 4096 };
	int64_t bytes = value_bytes(n->out[0]);
	if (n->op == &op_FusedConvGrad)   /* with the old weights */
		return bytes / 2 < value_bytes(n->body[1]->out[0]);
	if (fused_update_rows(n))
		return bytes < value_bytes(n->body[0]->out[0]);
	return bytes <= TILE_BYTES;
}

static void check_tiles(const char *path, OptimizerKind optimizer,
                        const Target *target)
{
	Options o = options_of(LOSS_CROSS_ENTROPY, optimizer);
	o.target = target;
	Loaded *l = load_to_train(path, &o);
	const Plan *p = plan_of(l, &o);
	for (int s = 0; s < p->nsteps; s++) {
		const Value *v = p->step[s]->out[0];
		if (v->memory != MEM_GRADIENT || v->var)
			continue;
		cr_expect(is_tile(p->step[s]), "%s, %s: %s is whole", path,
		          target->name, v->name);
	}
	unload(l);
}

static void check_none(const char *path, const Target *target)
{
	Options o = options_of(LOSS_CROSS_ENTROPY, OPT_SGD);
	const char *first = NULL;
	o.target = target;
	Loaded *l = load_to_train(path, &o);
	cr_expect_eq(count_gradients(plan_of(l, &o), NULL, &first), 0,
	             "%s, %s: keeps %s", path, target->name, first);
	unload(l);
}

static void check_reference(const char *dir, const char *name)
{
	static const char *const targets[] = {"host", "cortex-m4"};
	char path[8192];
	snprintf(path, sizeof path, "%s/%s_b1_op17_train.onnx", dir, name);
	for (int t = 0; t < 2; t++) {
		const Target *target = target_find(targets[t]);
		check_none(path, target);
		check_tiles(path, OPT_MOMENTUM, target);
		check_tiles(path, OPT_ADAM, target);
	}
}

Test(no_gradients, tiles_of_reference_models, .timeout = 300)
{
	static const char *const names[] = {"resnet8", "ds_cnn", "mbv1_025",
	                                    "mbv2_035_96", "lenet5"};
	const char *dir = reference_models();
	for (size_t i = 0; dir && i < sizeof names / sizeof *names; i++)
		check_reference(dir, names[i]);
}

Test(no_gradients, tiles)
{
	static const char *const names[] = {
		"exports/dynamo-mobile", "exports/dynamo-dense",
		"exports/dynamo-lstm", "exports/dynamo-encoder-23",
		"exports/dynamo-residual", "parity/residual-momentum",
	};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char path[256];
		snprintf(path, sizeof path, SHIPPED "%s.onnx", names[i]);
		check_tiles(path, OPT_MOMENTUM, &all_targets[0]);
		check_tiles(path, OPT_ADAM, &all_targets[0]);
	}
}
