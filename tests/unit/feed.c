/*
 * Data that stays with the caller: it takes no memory, every loop over the parts
 * of the batch asks for its own, and the checker sees when it is looked for in
 * the arena. That training stays the same, tests/exact.py compares.
 */
#include "ir/op.h"
#include "ir/scan.h"
#include "ir/text.h"
#include "passes/pass.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static const char net[] =
	"graph \"forward\" of \"net\"\n"
	"variable \"w\" parameter f32[6,2,3,3] fill 0.1\n"
	"variable \"s\" parameter f32[6] fill 1.5\n"
	"variable \"b\" parameter f32[6] fill 0.25\n"
	"variable \"m\" buffer f32[6] fill 0\n"
	"variable \"v\" buffer f32[6] fill 1\n"
	"variable \"f\" parameter f32[3,6] fill -0.3\n"
	"input %x data f32[8,2,9,9]\n"
	"read %w \"w\"\nread %s \"s\"\nread %b \"b\"\nread %m \"m\"\n"
	"read %v \"v\"\nread %f \"f\"\n"
	"%c f32[8,6,9,9] = Conv(%x, %w) {pads=[1, 1, 1, 1]}\n"
	"%n f32[8,6,9,9] = BatchNormalization(%c, %s, %b, %m, %v)\n"
	"%r f32[8,6,9,9] = Relu(%n)\n"
	"%p f32[8,6,1,1] = GlobalAveragePool(%r)\n"
	"%q f32[8,6] = Reshape(%p) {shape=[8, 6]}\n"
	"%y f32[8,3] = Gemm(%q, %f) {transB=1}\n"
	"output \"y\" data %y\n";

enum { X_BYTES = 8 * 2 * 9 * 9 * 4 };

static Program *build(Unit *u, Options o)
{
	*u = (Unit){.path = "test", .arena = arena_create(), .messages = stderr};
	o.target = target_find("generic");
	o.train_bn = true;
	o.loss = (LossOptions){.kind = LOSS_CROSS_ENTROPY, .axis = 1,
	                       .ignore_index = -100};
	o.optimizer = (OptimizerOptions){.kind = OPT_SGD, .lr = 0.1};
	Graph *g = graph_parse(u, NULL, net);
	cr_assert(g, "the text is no graph");
	Program *p = build_program(g, &o);
	cr_assert(p, "no program");
	return p;
}

static const Value *data_of(const Plan *p)
{
	return p->graph->input[0];
}

static int count_feeds(const Plan *p, int64_t bytes)
{
	int n = 0;
	for (int i = 0; i < p->nsteps; i++)
		n += p->step[i]->op == &op_Feed &&
		     value_bytes(p->step[i]->out[0]) == bytes;
	return n;
}

Test(feed, takes_no_memory)
{
	Unit u, v;
	const Program *with = build(&u, (Options){.feed = true});
	const Program *without = build(&v, (Options){0});
	cr_expect_eq(with->train->place[data_of(with->train)->id].region,
	             REGION_CALLER);
	cr_expect_eq(without->train->place[data_of(without->train)->id].region,
	             REGION_ARENA);
	/* Twice: the backward pass asks again, instead of keeping it. */
	cr_expect_eq(count_feeds(with->train, X_BYTES), 2);
	cr_expect_leq(with->train->arena_bytes,
	              without->train->arena_bytes - X_BYTES);
	/* Inference reads it where it is, and needs no copy. */
	cr_expect_eq(with->infer->place[data_of(with->infer)->id].region,
	             REGION_CALLER);
	cr_expect_eq(count_feeds(with->infer, X_BYTES), 0);
	cr_expect_lt(with->infer->arena_bytes, without->infer->arena_bytes);
	arena_destroy(u.arena);
	arena_destroy(v.arena);
}

Test(feed, each_loop_asks_for_its_parts)
{
	Unit u;
	const Plan *p = build(&u, (Options){.feed = true, .micro_batch = 2})->train;
	int loops = 0;
	for (int i = 0; i < p->nsteps; i++)
		if (p->step[i]->scan)
			loops += count_feeds(p->step[i]->scan->plan,
			                     X_BYTES / 4) > 0;
	cr_expect_eq(loops, 2, "%d loops", loops);
	cr_expect_eq(count_feeds(p, X_BYTES), 0);
	for (int b = 0; b < p->nbuffers; b++)
		cr_expect(p->buffer[b].memory != MEM_IO ||
		          p->buffer[b].bytes < X_BYTES / 8, "%s is kept",
		          p->buffer[b].name);
	arena_destroy(u.arena);
}

/* Without data in it the arena has no lower bound but what nodes need. */
Test(feed, the_smallest_is_smaller)
{
	int64_t smallest[2];
	for (int feed = 0; feed < 2; feed++) {
		Unit u;
		const Program *p = build(&u, (Options){.feed = feed, .ram = 1});
		cr_expect(!p->fits);
		cr_expect_leq(p->ram_floor, p->smallest_ram);
		smallest[feed] = p->smallest_ram;
		arena_destroy(u.arena);
	}
	cr_expect_leq(smallest[1], smallest[0] - X_BYTES / 2,
	              "%lld and %lld bytes", (long long)smallest[0],
	              (long long)smallest[1]);
}

Test(feed, the_checker_knows_where_data_is)
{
	Unit u;
	const Plan *p = build(&u, (Options){.feed = true})->train;
	Place *at = &p->place[data_of(p)->id];
	cr_expect_null(plan_check(u.arena, p));
	at->region = REGION_ARENA;
	cr_expect_not_null(plan_check(u.arena, p));
	at->region = REGION_CONTEXT;
	cr_expect_not_null(plan_check(u.arena, p));
	at->region = REGION_CALLER;
	/* What is fed is not there before it is asked for. */
	Node *feed = NULL;
	for (int i = 0; i < p->nsteps && !feed; i++)
		if (p->step[i]->op == &op_Feed) {
			feed = p->step[i];
			p->step[i] = p->step[i + 1];
			p->step[i + 1] = feed;
		}
	cr_expect_not_null(plan_check(u.arena, p));
	arena_destroy(u.arena);
}

static bool parses(const char *role)
{
	Arena *a = arena_create();
	Unit u = {.path = "test", .arena = a, .messages = fopen("/dev/null", "w")};
	const char *text = arena_printf(
		a, "graph \"g\" of \"m\"\ninput %%x %s[4]\n"
		"%%y f32[4] = Feed(%%x)\noutput \"y\" data %%y\n", role);
	char *printed = NULL;
	size_t n;
	Graph *g = graph_parse(&u, NULL, text);
	bool same = false;
	if (g) {
		FILE *f = open_memstream(&printed, &n);
		graph_print(f, g, true);
		fclose(f);
		same = !strcmp(printed, text);
		free(printed);
	}
	fclose(u.messages);
	arena_destroy(a);
	return same;
}

Test(feed, as_text)
{
	cr_expect(parses("data fed f32"));
	cr_expect(parses("data f32"));
	cr_expect(!parses("hyper fed f32"));
}
