/*
 * The batch in parts under a budget: whatever is computed again, the graph has
 * the loops that were decided, computes the same, and costs what the model says.
 */
#include "passes/batch.h"

#include "frontend/executor.h"
#include "ir/op.h"
#include "ir/scan.h"
#include "ir/text.h"
#include "passes/pass.h"

#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

enum { BATCH = 8, PARTS = 4 };

/* Three convolutions with batch statistics, and two residuals. */
static const char net[] =
	"graph \"forward\" of \"net\"\n"
	"variable \"w\" parameter f32[8,2,3,3] fill 0.1\n"
	"variable \"u\" parameter f32[8,8,3,3] fill 0.02\n"
	"variable \"h\" parameter f32[8,8,3,3] fill -0.03\n"
	"variable \"s\" parameter f32[8] fill 1.5\n"
	"variable \"b\" parameter f32[8] fill 0.25\n"
	"variable \"m\" buffer f32[8] fill 0\n"
	"variable \"v\" buffer f32[8] fill 1\n"
	"variable \"k\" buffer f32[8] fill 0\n"
	"variable \"l\" buffer f32[8] fill 1\n"
	"variable \"f\" parameter f32[3,8] fill -0.3\n"
	"input %x data f32[8,2,10,10]\n"
	"read %w \"w\"\nread %s \"s\"\nread %b \"b\"\nread %m \"m\"\n"
	"read %v \"v\"\nread %u \"u\"\nread %f \"f\"\nread %h \"h\"\n"
	"read %k \"k\"\nread %l \"l\"\n"
	"%c f32[8,8,10,10] = Conv(%x, %w) {pads=[1, 1, 1, 1]}\n"
	"%n f32[8,8,10,10] = BatchNormalization(%c, %s, %b, %m, %v)\n"
	"%r f32[8,8,10,10] = Relu(%n)\n"
	"%d f32[8,8,10,10] = Conv(%r, %u) {pads=[1, 1, 1, 1]}\n"
	"%i f32[8,8,10,10] = BatchNormalization(%d, %s, %b, %k, %l)\n"
	"%a f32[8,8,10,10] = Add(%i, %r)\n"
	"%t f32[8,8,10,10] = Tanh(%a)\n"
	"%e f32[8,8,10,10] = Conv(%t, %h) {pads=[1, 1, 1, 1]}\n"
	"%z f32[8,8,10,10] = Add(%e, %a)\n"
	"%p f32[8,8,1,1] = GlobalAveragePool(%z)\n"
	"%q f32[8,8] = Reshape(%p) {shape=[8, 8]}\n"
	"%y f32[8,3] = Gemm(%q, %f) {transB=1}\n"
	"output \"y\" data %y\n";

typedef struct Net {
	Unit unit;
	Options options;
	Program *program;
	Batch *batch;
} Net;

static Net *open_net(void)
{
	static const char *const off[] = {"recompute", "fuse-update", "scan"};
	Arena *a = arena_create();
	Net *t = arena_new(a, Net);
	t->unit = (Unit){.path = "test", .arena = a, .messages = stderr};
	t->options = (Options){
		.target = target_find("host"), .train_bn = true,
		.micro_batch = BATCH / PARTS,
		.disable = {3, (const char **)off},
		.loss = {.kind = LOSS_CROSS_ENTROPY, .axis = 1,
		         .ignore_index = -100},
		.optimizer = {.kind = OPT_SGD, .lr = 0.1},
	};
	Graph *g = graph_parse(&t->unit, NULL, net);
	cr_assert(g, "the text is no graph");
	t->program = build_program(g, &t->options);
	cr_assert(t->program, "no program");
	t->options.parts = PARTS;
	g = graph_clone(t->program->train->graph, "train", NULL);
	t->batch = batch_create(a, g, &t->options);
	cr_assert(t->batch);
	return t;
}

static uint64_t next(uint64_t *state)
{
	return *state = *state * 6364136223846793005u + 1442695040888963407u;
}

/* One of so many, of all that may be computed again. */
static void choose(Batch *b, uint64_t *random, unsigned share)
{
	for (int v = 0; v < b->nvalues; v++)
		for (int i = 0; b->again[v] && i < b->nitems; i++)
			b->again[v][i] = (next(random) >> 33) % share == 0 &&
			                 batch_may_repeat(b, v, i);
	batch_measure(b);
}

static Plan *plan_choice(Net *t)
{
	return plan_graph(batch_graph(t->batch), STAGE_ARRANGED, &t->options);
}

/* ---- the graph ---- */

static int64_t operations(const Batch *b)
{
	int64_t flops = b->extra_flops;
	for (const Node *n = b->graph->first; n; n = n->next)
		flops += n->op->view ? 0 : node_cost(n).flops;
	return flops;
}

Test(batch, costs_what_the_model_says)
{
	Net *t = open_net();
	uint64_t random = 1;
	for (unsigned share = 1; share < 9; share++) {
		choose(t->batch, &random, share);
		Plan *p = plan_choice(t);
		double flops = (double)operations(t->batch);
		double peak = (double)t->batch->peak;
		cr_expect(fabs((double)p->cost.flops / flops - 1) < 1e-3,
		          "%lld operations, expected %.0f",
		          (long long)p->cost.flops, flops);
		cr_expect(fabs((double)p->lower_bound / peak - 1) < 0.05,
		          "%lld bytes, expected %.0f",
		          (long long)p->lower_bound, peak);
	}
	arena_destroy(t->unit.arena);
}

/* Every loop finds the parameters as they were: none needs a value kept. */
Test(batch, keeps_nothing_for_loops)
{
	Net *t = open_net();
	Batch *b = t->batch;
	uint64_t random = 1;
	choose(b, &random, 1);
	for (int k = 0; k < b->nwholes; k++) {
		const Whole *w = &b->whole[k];
		cr_expect(!b->may_repeat[w->root] || w->last == w->start ||
		          !b->item[w->last].scan,
		          "%%%s is whole from %d to %d",
		          b->value[w->root]->name, w->start, w->last);
	}
	arena_destroy(t->unit.arena);
}

/* ---- what it computes ---- */

static void fill_inputs(Executor *e, const Plan *p, int round)
{
	const Value *x = plan_input(p, IN_DATA, 0);
	const Value *t = plan_input(p, IN_TARGET, 0);
	float *to = executor_value(e, p, x);
	for (int64_t i = 0; i < numel(x->shape); i++)
		to[i] = (float)((i * 37 + round * 11) % 101 - 50) / 40;
	for (int64_t i = 0; i < numel(t->shape); i++)
		((int32_t *)executor_value(e, p, t))[i] =
			(int32_t)(i + round) % 3;
}

/* The losses of some steps. */
static void train(Net *t, Plan *plan, double loss[], int steps)
{
	Program *p = t->program;
	p->train = plan;
	program_layout(p);
	Executor *e = executor_interpreter(&t->unit, p);
	for (int i = 0; i < steps; i++) {
		fill_inputs(e, plan, i);
		cr_assert(executor_call(e, plan));
		loss[i] = *(float *)executor_value(e, plan,
		                                   plan_output(plan, OUT_LOSS, 0));
	}
	executor_close(e);
}

/* Does output o of the loop lie over a part of input i? */
static bool overlaps(const Plan *p, const Node *n, int i, int o)
{
	const Place *in = &p->place[n->in[i]->id];
	const Place *out = &p->place[n->out[o]->id];
	int64_t ahead = in->offset - out->offset;
	return in->region == REGION_ARENA && out->region == REGION_ARENA &&
	       ahead > 0 && ahead < value_bytes(n->out[o]);
}

/* An output of a loop that does; NULL: there is none. */
static const Value *find_overlap(const Plan *p)
{
	for (int s = 0; s < p->nsteps; s++) {
		const Node *n = p->step[s];
		for (int i = 0; n->scan && i < n->nin; i++)
			for (int o = 0; o < n->nout; o++)
				if (overlaps(p, n, i, o))
					return n->out[o];
	}
	return NULL;
}

Test(batch, same_training)
{
	enum { STEPS = 2 };
	Net *t = open_net();
	uint64_t random = 7;
	int found = 0;
	double want[STEPS], got[STEPS];
	train(t, t->program->train, want, STEPS);
	for (unsigned share = 1; share < 9; share++) {
		choose(t->batch, &random, share);
		Plan *plan = plan_choice(t);
		found += find_overlap(plan) != NULL;
		train(t, plan, got, STEPS);
		for (int i = 0; i < STEPS; i++)
			cr_expect(fabs(want[i] - got[i]) < 1e-5, "%g, got %g",
			          want[i], got[i]);
	}
	cr_expect_gt(found, 0);
	arena_destroy(t->unit.arena);
}

/* Any nearer, and an output overwrites what a later part reads. */
Test(batch, checker_sees_overwritten_input)
{
	enum { STEP = 64 };
	Net *t = open_net();
	uint64_t random = 7;
	int found = 0;
	for (unsigned share = 1; share < 9; share++) {
		choose(t->batch, &random, share);
		Plan *plan = plan_choice(t);
		const Value *v = find_overlap(plan);
		if (!v)
			continue;
		found++;
		plan->place[v->id].offset += STEP;
		const char *wrong = plan_check(t->unit.arena, plan);
		cr_expect(wrong && strstr(wrong, "overwrites"), "%s",
		          wrong ? wrong : "nothing");
	}
	cr_expect_gt(found, 0);
	arena_destroy(t->unit.arena);
}

/* ---- the search ---- */

enum { MOST_PAIRS = 64, SOME = 13, TARGETS = 6 };

/* Pairs that matter: what an item reads, or what leads to that. */
static int find_pairs(Batch *b, BatchPair pair[])
{
	int n = 0;
	for (int v = 0; v < b->nvalues; v++)
		for (int i = 0; b->again[v] && i < b->nitems; i++)
			b->again[v][i] = batch_may_repeat(b, v, i);
	batch_measure(b);
	for (int t = 0; t < b->nticks; t++)
		for (int k = 0; k < b->tick[t].node->nin; k++) {
			const Value *v = b->tick[t].node->in[k];
			int r = v ? b->root[v->id] : -1, i = b->tick[t].item;
			if (r < 0 || !b->again[r] || !b->again[r][i])
				continue;
			b->again[r][i] = false;
			cr_assert_lt(n, MOST_PAIRS);
			pair[n++] = (BatchPair){r, i};
		}
	return n;
}

static void shuffle(BatchPair pair[], int n, uint64_t *random)
{
	for (int i = n - 1; i > 0; i--) {
		int k = (int)((next(random) >> 33) % (unsigned)(i + 1));
		BatchPair p = pair[i];
		pair[i] = pair[k];
		pair[k] = p;
	}
}

/* The fewest operations for each target, with these pairs. */
static void enumerate(Batch *b, const BatchPair pair[], const int64_t target[],
                      int64_t best[])
{
	for (unsigned mask = 0; mask < 1u << SOME; mask++) {
		for (int i = 0; i < SOME; i++)
			b->again[pair[i].root][pair[i].item] = mask >> i & 1;
		batch_measure(b);
		for (int k = 0; k < TARGETS; k++)
			if (b->peak <= target[k] && b->extra_flops < best[k])
				best[k] = b->extra_flops;
	}
}

/* Of some of the pairs, all choices: none is better than what is found. */
Test(batch, search_finds_no_less_than_brute_force)
{
	enum { ROUNDS = 8 };
	Net *t = open_net();
	Batch *b = t->batch;
	BatchPair pair[MOST_PAIRS];
	int64_t best[TARGETS], target[TARGETS];
	uint64_t random = 3;
	int n = find_pairs(b, pair), reached = 0;
	cr_assert_gt(n, SOME);
	batch_load(b, &(Choice){0});
	for (int k = 0; k < TARGETS; k++) {
		best[k] = INT64_MAX;
		target[k] = b->peak * (17 - 2 * k) / 18;
	}
	for (int i = 0; i < ROUNDS; i++) {
		shuffle(pair, n, &random);
		batch_load(b, &(Choice){0});
		enumerate(b, pair, target, best);
	}
	for (int k = 0; k < TARGETS; k++) {
		bool found = batch_search(b, target[k], 2000000);
		reached += best[k] < INT64_MAX;
		cr_expect(best[k] == INT64_MAX ||
		          (found && b->extra_flops <= best[k]),
		          "%lld operations for %lld bytes, found %lld",
		          (long long)best[k], (long long)target[k],
		          (long long)b->extra_flops);
	}
	cr_expect_gt(reached, 2);
	arena_destroy(t->unit.arena);
}
