/*
 * The checker of plans, by sabotage: whenever a plan that was tampered with
 * computes something else, the checker must complain.
 */
#include "passes/pass.h"
#include "tests/unit/sabotage.h"

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

static void forget_step(Plan *p, Random *r)
{
	p->step[random_int(r, p->nsteps)] = p->step[random_int(r, p->nsteps)];
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

/* ---- outputs that lie over a part of their input ---- */

enum { IMAGES = 8, PART = 4 * 3 * 16 * 16 };   /* bytes of an image */

/* Convolved, image by image: the result starts one image before what it is made
 * of, and both are in a buffer of three windows. */
static Plan *overlapped(void)
{
	static Unit u;
	u = test_unit();
	Graph *g = graph_create(model_create(&u, "m"), "infer");
	Value *x = graph_input(g, "x", IN_DATA, DT_F32,
	                       (Shape){4, {IMAGES, 3, 16, 16}});
	float *data = arena_array(u.arena, float, 81);
	for (int i = 0; i < 81; i++)
		data[i] = (float)(i % 7) - 3;
	Value *w = graph_const(g, "w", DT_F32, (Shape){4, {3, 3, 3, 3}}, data);
	Node *n = NEW(g, (Loc){0}, op_Conv, APPLY(g, (Loc){0}, op_Relu, x), w);
	node_set_ints(g, n, "pads", 4, (int64_t[]){1, 1, 1, 1});
	Value *y = APPLY(g, (Loc){0}, op_Relu, node_done(g, n));
	graph_output(g, "y", OUT_DATA, y);
	return plan_memory(g, NULL);
}

static Buffer *windowed_buffer(Plan *p)
{
	for (int b = 0; b < p->nbuffers; b++)
		if (p->buffer[b].nwindows)
			return &p->buffer[b];
	cr_assert_fail("no such buffer");
	return NULL;
}

Test(check, accepts_an_overlap)
{
	Plan *p = overlapped();
	Results a = run_apart(p->graph), b = run_planned(p, 0);
	cr_expect_eq(p->arena_bytes, (IMAGES + 1) * PART);
	cr_expect_eq(windowed_buffer(p)->nwindows, 3);
	cr_expect_null(plan_check(p->graph->unit->arena, p));
	cr_expect(same_results(p->graph, &a, &b));
}

/* One element nearer, in a buffer that is large enough for anything. */
Test(check, an_overlap_too_near)
{
	Plan *p = overlapped();
	const Value *y = p->step[1]->out[0];
	p->arena_bytes += 64;
	merge_buffers(p);
	cr_expect_null(plan_check(p->graph->unit->arena, p));
	p->place[y->id].offset += 4;
	p->place[p->graph->output[0].value->id].offset += 4;
	complains(p, "while it reads it");
}

Test(check, a_window_that_ends_early)
{
	Plan *p = overlapped();
	windowed_buffer(p)->window[0].last--;
	complains(p, "a window of the buffer");
}

Test(check, a_window_outside_its_buffer)
{
	Plan *p = overlapped();
	windowed_buffer(p)->window[1].high += 4;
	complains(p, "is not inside it");
}

Test(check, windows_for_less_than_its_life)
{
	Plan *p = overlapped();
	windowed_buffer(p)->nwindows--;
	complains(p, "it lives to");
}

Test(check, a_window_too_small_for_its_value)
{
	Plan *p = overlapped();
	Buffer *b = windowed_buffer(p);
	b->window[0].low += 64;
	complains(p, "not inside of what its buffer takes");
}

/* Another buffer in what one of the windows takes. */
Test(check, windows_overlap)
{
	Plan *p = overlapped();
	Buffer *more = arena_array(p->graph->unit->arena, Buffer, 2);
	more[0] = *windowed_buffer(p);
	more[1] = (Buffer){.name = "other", .bytes = PART, .align = 4,
	                   .first = 0, .last = 0};
	p->buffer = more;
	p->nbuffers = 2;
	cr_expect_null(plan_check(p->graph->unit->arena, p));
	more[1].offset = PART;
	complains(p, "overlaps another");
}
