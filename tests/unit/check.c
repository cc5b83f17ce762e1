/*
 * The checker of plans, by sabotage: whenever a plan that was tampered with
 * computes something else, the checker must complain.
 */
#include "passes/pass.h"
#include "tests/unit/random_graph.h"

#include <criterion/criterion.h>


static Plan *plan_random(Unit *u, uint64_t seed)
{
	Graph *g = random_graph(u, seed, 30);
	pass_outputs.run(g, NULL);
	return plan_memory(g, NULL);
}

/* Moves a buffer with all values in it. */
static void move_buffer(Plan *p, Random *r)
{
	int b = random_int(r, p->nbuffers);
	int64_t align = p->buffer[b].align;
	int64_t room = (p->arena_bytes - p->buffer[b].bytes) / align;
	int64_t by = align * random_int(r, (int)room + 1) -
	             p->buffer[b].offset;
	p->buffer[b].offset += by;
	for (int v = 0; v < p->graph->nvalues; v++)
		if (p->place[v].region == REGION_ARENA &&
		    p->place[v].buffer == b)
			p->place[v].offset += by;
}

/* One value goes elsewhere. */
static void move_value(Plan *p, Random *r)
{
	const Node *n = p->step[random_int(r, p->nsteps)];
	Place *place = &p->place[n->out[0]->id];
	if (place->region != REGION_ARENA)
		return;
	int b = random_int(r, p->nbuffers);
	if (p->buffer[b].bytes < bytes_of(n->out[0]))
		return;
	place->buffer = b;
	place->offset = p->buffer[b].offset;
}

/* A result of the right size is put into a variable. */
static void misplace_value(Plan *p, Random *r)
{
	const Node *n = p->step[random_int(r, p->nsteps)];
	const Node *other = p->step[random_int(r, p->nsteps)];
	if (bytes_of(n->out[0]) == bytes_of(other->out[0]))
		p->place[n->out[0]->id] = p->place[other->out[0]->id];
}

static void move_step(Plan *p, Random *r)
{
	int from = random_int(r, p->nsteps), to = random_int(r, p->nsteps);
	Node *n = p->step[from];
	for (; from < to; from++)
		p->step[from] = p->step[from + 1];
	for (; from > to; from--)
		p->step[from] = p->step[from - 1];
	p->step[to] = n;
}

static void forget_step(Plan *p, Random *r)
{
	p->step[random_int(r, p->nsteps)] = p->step[random_int(r, p->nsteps)];
}

/* One buffer for the whole run with all values in it: then only the execution
 * on names can find anything. */
static void merge_buffers(Plan *p)
{
	for (int v = 0; v < p->graph->nvalues; v++)
		p->place[v].buffer = 0;
	p->nbuffers = 1;
	p->buffer[0] = (Buffer){
		.name = "all", .bytes = p->arena_bytes, .align = 1,
		.last = p->nsteps - 1,
	};
	p->lower_bound = p->arena_bytes;
}

static void (*const sabotage[])(Plan *, Random *) = {
	move_buffer, move_value, misplace_value, move_step, forget_step,
};

static void sabotage_all(bool merged, int *differ, int *harmless)
{
	for (uint64_t seed = 0; seed < 150; seed++) {
		Unit u = test_unit();
		Random r = {seed};
		for (int kind = 0; kind < 5; kind++) {
			Plan *p = plan_random(&u, seed);
			Results a = run_apart(p->graph);
			sabotage[kind](p, &r);
			if (merged)
				merge_buffers(p);
			Results b = run_planned(p, 4096);
			const char *wrong = plan_check(u.arena, p);
			bool same = same_results(p->graph, &a, &b);
			*harmless += same && !wrong;
			*differ += !same;
			cr_expect(same || wrong, "seed %d, sabotage %d",
			          (int)seed, kind);
		}
		arena_destroy(u.arena);
	}
}

Test(check, complains_when_results_differ)
{
	int differ = 0, harmless = 0;
	sabotage_all(false, &differ, &harmless);
	cr_expect_gt(differ, 150, "only %d differ", differ);
	cr_expect_gt(harmless, 10, "it always complains");
}

Test(check, finds_overwritten_values_without_lifetimes)
{
	int differ = 0, harmless = 0;
	sabotage_all(true, &differ, &harmless);
	cr_expect_gt(differ, 150, "only %d differ", differ);
	cr_expect_gt(harmless, 50, "it always complains");
}

Test(check, accepts_right_plans)
{
	for (uint64_t seed = 0; seed < 100; seed++) {
		Unit u = test_unit();
		Plan *p = plan_random(&u, seed);
		cr_expect_null(plan_check(u.arena, p));
		merge_buffers(p);
		cr_expect_null(plan_check(u.arena, p));
		arena_destroy(u.arena);
	}
}

/* ---- every claim of a plan, made false ---- */

static Plan *good(void)
{
	static Unit u;
	u = test_unit();
	return plan_random(&u, 3);
}

static void complains(const Plan *p, const char *about)
{
	const char *wrong = plan_check(p->graph->unit->arena, p);
	cr_assert(wrong, "no complaint, expected one about %s", about);
	cr_expect(strstr(wrong, about), "it says '%s', expected '%s'", wrong,
	          about);
}

/* A buffer that is written after the first step and read after that. */
static Buffer *later_buffer(Plan *p)
{
	for (int b = 0; b < p->nbuffers; b++)
		if (p->buffer[b].first > 0 &&
		    p->buffer[b].first < p->buffer[b].last)
			return &p->buffer[b];
	cr_assert_fail("no such buffer");
	return NULL;
}

Test(check, arena_too_small)
{
	Plan *p = good();
	p->arena_bytes--;
	complains(p, "not inside the arena");
}

Test(check, offset_below_zero)
{
	Plan *p = good();
	p->buffer[0].offset = -64;
	complains(p, "not inside the arena");
}

Test(check, offset_not_aligned)
{
	Plan *p = good();
	p->buffer[0].offset = 1;
	p->arena_bytes += 64;
	complains(p, "not aligned");
}

Test(check, value_outside_its_buffer)
{
	Plan *p = good();
	p->place[p->graph->input[0]->id].offset += 4096;
	complains(p, "not inside its buffer");
}

/* Claims the sum that the lifetimes give. */
static void claim_sum(Plan *p)
{
	p->lower_bound = 0;
	for (int s = 0; s < p->nsteps; s++) {
		int64_t live = 0;
		for (int i = 0; i < p->nbuffers; i++)
			if (p->buffer[i].first <= s && p->buffer[i].last >= s)
				live += p->buffer[i].bytes;
		if (live > p->lower_bound)
			p->lower_bound = live;
	}
}

Test(check, lifetime_starts_late)
{
	Plan *p = good();
	later_buffer(p)->first++;
	claim_sum(p);
	complains(p, "its buffer lives from");
}

Test(check, lifetime_ends_early)
{
	Plan *p = good();
	later_buffer(p)->last--;
	claim_sum(p);
	complains(p, "its buffer lives from");
}

Test(check, lower_bound_is_the_sum)
{
	Plan *p = good();
	p->lower_bound--;
	complains(p, "live at once");
}

Test(check, a_node_is_missing)
{
	Plan *p = good();
	p->nsteps--;
	merge_buffers(p);
	complains(p, "is not run");
}

Test(check, inputs_overlap)
{
	Plan *p = good();
	const Graph *g = p->graph;
	merge_buffers(p);
	p->place[g->input[0]->id].offset = p->place[g->input[1]->id].offset;
	complains(p, "overlaps another");
}

Test(check, an_output_elsewhere)
{
	Plan *p = good();
	p->place[p->graph->output[0].value->id].region = REGION_CONST;
	complains(p, "is in region");
}
