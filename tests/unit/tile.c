/*
 * Spatial tiling: random networks of windows, sums, branches and what is
 * elementwise give the same bits in bands, for no more operations, in as many
 * dimensions as there may be; and a frozen front of a network that trains needs
 * less memory.
 */
#include "ir/feed.h"
#include "ir/text.h"
#include "passes/pass.h"
#include "tests/unit/random_graph.h"

#include <criterion/criterion.h>

static const Loc loc = {0};

/* ---- random networks ---- */

typedef struct Net {
	Random random;
	Graph *g;
	int spatial, n;
	Value *value[40];
} Net;

static int draw(Net *t, int from, int to)
{
	return from + random_int(&t->random, to - from + 1);
}

static Value *parameter(Net *t, Shape s)
{
	Model *m = t->g->model;
	Variable *v = model_variable(m, arena_printf(m->unit->arena, "w%d",
	                                             m->nvars),
	                             VAR_PARAMETER, DT_F32, s);
	float *x = arena_array(m->unit->arena, float, numel(s));
	for (int64_t i = 0; i < numel(s); i++)
		x[i] = random_float(&t->random);
	v->data = x;
	return graph_variable(t->g, v);
}

static Value *some(Net *t)
{
	int back = draw(t, 0, draw(t, 0, 2) ? 1 : 5);
	return t->value[back < t->n ? t->n - 1 - back : 0];
}

/* Cells, strides, dilations and padding at both ends, none of it alike. Windows
 * that would not fit are made smaller. */
static void set_window(Net *t, Node *n, Shape x, int64_t cells[])
{
	int64_t stride[3], dilation[3], pads[6];
	for (int d = 0; d < t->spatial; d++) {
		stride[d] = draw(t, 1, 2);
		dilation[d] = draw(t, 1, 4) == 1 ? 2 : 1;
		cells[d] = draw(t, 1, 3);
		while ((cells[d] - 1) * dilation[d] + 1 > x.dim[2 + d])
			cells[d]--;
		int most = (int)((cells[d] - 1) * dilation[d]);
		pads[d] = draw(t, 0, most);
		pads[t->spatial + d] = draw(t, 0, most);
	}
	node_set_ints(t->g, n, "kernel_shape", t->spatial, cells);
	node_set_ints(t->g, n, "strides", t->spatial, stride);
	node_set_ints(t->g, n, "dilations", t->spatial, dilation);
	node_set_ints(t->g, n, "pads", 2 * t->spatial, pads);
}

static Value *conv(Net *t, Value *x)
{
	int64_t channels = x->shape.dim[1];
	int64_t group = draw(t, 0, 2) ? 1 : channels;
	Node *n = NEW(t->g, loc, op_Conv, x, x, NULL);
	Shape w = {2 + t->spatial, {group * draw(t, 1, 2), channels / group}};
	set_window(t, n, x->shape, w.dim + 2);
	node_set_int(t->g, n, "group", group);
	n->in[1] = parameter(t, w);
	if (draw(t, 0, 1))
		n->in[2] = parameter(t, (Shape){1, {w.dim[0]}});
	return node_done(t->g, n);
}

static Value *pool(Net *t, Value *x)
{
	int64_t cells[3];
	bool mean = draw(t, 0, 1);
	Node *n = mean ? NEW(t->g, loc, op_AveragePool, x)
	               : NEW(t->g, loc, op_MaxPool, x);
	set_window(t, n, x->shape, cells);
	node_set_int(t->g, n, "ceil_mode", draw(t, 0, 1));
	if (mean)
		node_set_int(t->g, n, "count_include_pad", draw(t, 0, 1));
	return node_done(t->g, n);
}

static Value *norm(Net *t, Value *x)
{
	Shape c = {1, {x->shape.dim[1]}};
	return APPLY(t->g, loc, op_BatchNormalization, x, parameter(t, c),
	             parameter(t, c), parameter(t, c),
	             APPLY(t->g, loc, op_Abs, parameter(t, c)));
}

static Value *scaled(Net *t, Value *x)
{
	Shape s = {1 + t->spatial, {x->shape.dim[1], 1, 1, 1}};
	return APPLY(t->g, loc, op_Mul, x, parameter(t, s));
}

/* A residual, or branches side by side. */
static Value *joined(Net *t, Value *x)
{
	for (int i = 0; i < 4; i++) {
		Value *y = some(t);
		if (y == x || !shape_equal(x->shape, y->shape))
			continue;
		if (draw(t, 0, 2))
			return APPLY(t->g, loc, op_Add, x, y);
		Node *n = NEW(t->g, loc, op_Concat, x, y);
		node_set_int(t->g, n, "axis", 1);
		return node_done(t->g, n);
	}
	return APPLY(t->g, loc, op_Tanh, x);
}

static Value *next(Net *t)
{
	Value *x = some(t);
	switch (draw(t, 0, 7)) {
	case 0: case 1: case 2:
		return conv(t, x);
	case 3:
		return pool(t, x);
	case 4:
		return norm(t, x);
	case 5:
		return scaled(t, x);
	case 6:
		return joined(t, x);
	}
	return APPLY(t->g, loc, op_Relu, x);
}

static Graph *random_net(Unit *u, uint64_t seed)
{
	Net t = {{seed}, graph_create(model_create(u, "m"), "infer"), 0, 1,
	         {NULL}};
	t.spatial = draw(&t, 1, 3);
	Shape x = {2 + t.spatial, {draw(&t, 1, 2), draw(&t, 1, 3)}};
	for (int d = 0; d < t.spatial; d++)
		x.dim[2 + d] = d ? draw(&t, 2, 4) : draw(&t, 8, 16);
	t.value[0] = graph_input(t.g, "x", IN_DATA, DT_F32, x);
	for (int count = draw(&t, 3, 12); count > 0; count--) {
		Value *y = next(&t);
		t.value[t.n++] = y;
	}
	graph_output(t.g, "y", OUT_DATA, t.value[t.n - 1]);
	graph_have(t.g, FACT_USES);
	graph_drop_unread(t.g);
	return t.g;
}

/* ---- the same bits ---- */

/* Without the factor per channel that a normalization computes in each band. */
static int64_t count_flops(const Graph *g)
{
	int64_t flops = 0;
	for (const Node *n = g->first; n; n = n->next)
		if (n->op != &op_BatchNormalization)
			flops += node_cost(n).flops;
	return flops;
}

static bool check_net(uint64_t seed)
{
	Unit u = test_unit();
	Graph *g = random_net(&u, seed);
	const TileSpec tile = {g->output[0].value->name, NULL,
	                       2 + (int64_t)seed % 4};
	const Options o = {.ntiles = 1, .tile = &tile};
	Graph *h = graph_clone(g, "tiled", NULL);
	graph_have(h, FACT_USES);
	bool tiled = pass_tile.run(h, &o);
	if (tiled) {
		graph_verify(h);
		Results want = run_apart(g);
		Results got = run_planned(plan_memory(h, &o), 0);
		cr_expect(same_results(g, &want, &got), "seed %llu",
		          (unsigned long long)seed);
		cr_expect_leq(count_flops(h), count_flops(g), "seed %llu",
		              (unsigned long long)seed);
	}
	arena_destroy(u.arena);
	return tiled;
}

Test(tile, changes_no_bit)
{
	enum { SEEDS = 400 };
	int tiled = 0;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		tiled += check_net(seed);
	cr_expect_geq(tiled, SEEDS / 2, "%d were tiled", tiled);
}

/* ---- a front that is frozen ---- */

#define FRONT \
	"graph \"forward\" of \"net\"\n" \
	"variable \"a\" parameter f32[8,3,3,3] fill 0.1\n" \
	"variable \"b\" parameter f32[8,8,3,3] fill 0.05\n" \
	"variable \"c\" parameter f32[4,8,3,3] fill 0.02\n" \
	"variable \"f\" parameter f32[3,4] fill -0.3\n" \
	"input %x data f32[1,3,32,16]\n" \
	"read %a \"a\"\nread %b \"b\"\nread %c \"c\"\nread %f \"f\"\n" \
	"%p f32[1,8,32,16] = Conv(%x, %a) {pads=[1, 1, 1, 1]}\n" \
	"%q f32[1,8,32,16] = Relu(%p)\n" \
	"%r f32[1,8,32,16] = Conv(%q, %b) {pads=[1, 1, 1, 1]}\n" \
	"%s f32[1,8,32,16] = Add(%q, %r)\n" \
	"%t f32[1,4,16,8] = Conv(%s, %c) {strides=[2, 2], pads=[1, 1, 1, 1]}\n" \
	"%g f32[1,4,1,1] = GlobalAveragePool(%t)\n" \
	"%h f32[1,4] = Reshape(%g) {shape=[1, 4]}\n" \
	"%y f32[1,3] = Gemm(%h, %f) {transB=1}\n" \
	"output \"y\" data %y\n"

static Program *build(Unit *u, Options o, const char *train)
{
	*u = test_unit();
	o.target = target_find("generic");
	o.loss = (LossOptions){.kind = LOSS_CROSS_ENTROPY, .axis = 1,
	                       .ignore_index = -100};
	o.optimizer = (OptimizerOptions){.kind = OPT_SGD, .lr = 0.1};
	o.train = (NameList){1, &train};
	Graph *g = graph_parse(u, NULL, FRONT);
	cr_assert(g, "the text is no graph");
	Program *p = build_program(g, &o);
	cr_assert(p, "no program");
	return p;
}

enum { MAP = 8 * 32 * 16 * 4, DATA = 3 * 32 * 16 * 4 };

Test(tile, a_frozen_front_takes_rows)
{
	Unit u, v;
	const TileSpec tile = {"t", NULL, 8};
	const Program *whole = build(&u, (Options){0}, "f");
	const Program *bands = build(&v, (Options){.ntiles = 1, .tile = &tile},
	                             "f");
	cr_expect_geq(whole->train->arena_bytes, 2 * MAP);
	cr_expect_leq(bands->train->arena_bytes, DATA + MAP / 2);
	cr_expect_leq(bands->infer->arena_bytes, DATA + MAP / 2);
	cr_expect_leq(bands->evaluate->arena_bytes, DATA + MAP / 2);
	cr_expect_leq(bands->train->cost.flops, whole->train->cost.flops);
	Results a = run_planned(whole->train, 0);
	Results b = run_planned(bands->train, 0);
	cr_expect(same_results(whole->train->graph, &a, &b));
	arena_destroy(u.arena);
	arena_destroy(v.arena);
}

/* A budget finds them itself, and says so. */
Test(tile, is_found_by_a_budget)
{
	Unit u, v;
	const Program *whole = build(&u, (Options){0}, "f");
	int64_t ram = DATA + MAP / 2 + whole->state_bytes;
	const Program *p = build(&v, (Options){.ram = ram}, "f");
	cr_expect(p->fits);
	cr_expect_leq(p->arena_bytes + p->state_bytes, ram);
	cr_assert_eq(p->ntechniques, 1);
	cr_expect(strstr(p->technique[0].name, "bands"), "%s",
	          p->technique[0].name);
	cr_expect_eq(p->technique[0].bytes, whole->train->arena_bytes -
	             p->train->arena_bytes);
	Results a = run_planned(whole->train, 0);
	Results b = run_planned(p->train, 0);
	cr_expect(same_results(whole->train->graph, &a, &b));
	arena_destroy(u.arena);
	arena_destroy(v.arena);
}

/* Also where nothing trains. */
Test(tile, is_found_for_inference)
{
	static const char *const targets[] = {"generic", "x86-64-v3"};
	for (int i = 0; i < 2; i++) {   /* kernels of the latter have workspace */
		Unit u = test_unit();
		Graph *g = graph_parse(&u, NULL, FRONT);
		Options o = {.target = target_find(targets[i]),
		             .ram = DATA + MAP};
		const Program *p = build_program(g, &o);
		cr_assert(p);
		cr_expect(p->fits, "%s", targets[i]);
		cr_expect_leq(p->arena_bytes, o.ram);
		arena_destroy(u.arena);
	}
}

/* What gradients read is not in bands; what leads to it is. */
Test(tile, what_trains_stays_whole)
{
	Unit u, v;
	const TileSpec tile = {"t", NULL, 8};
	const Program *whole = build(&u, (Options){0}, "*");
	const Program *bands = build(&v, (Options){.ntiles = 1, .tile = &tile},
	                             "*");
	cr_expect_eq(bands->train->arena_bytes, whole->train->arena_bytes);
	cr_expect_lt(bands->infer->arena_bytes, whole->infer->arena_bytes);
	Results a = run_planned(whole->train, 0);
	Results b = run_planned(bands->train, 0);
	cr_expect(same_results(whole->train->graph, &a, &b));
	arena_destroy(u.arena);
	arena_destroy(v.arena);
}

/* What is fed is asked for row by row, and no row twice. */
Test(tile, asks_for_rows)
{
	enum { ROWS = 3 * 32, ROW = 16 };
	int times[ROWS] = {0};
	Unit u, v;
	const TileSpec tile = {"t", NULL, 8};
	const Program *p = build(&u, (Options){.ntiles = 1, .tile = &tile,
	                                       .feed = true}, "f");
	const Program *whole = build(&v, (Options){.feed = true}, "f");
	cr_expect_eq(feed_unit(whole, "x"), ROWS * ROW);
	cr_assert_eq(feed_unit(p, "x"), ROW);
	for (const Node *n = p->train->graph->first; n; n = n->next) {
		if (n->op != &op_Feed || n->in[0]->role != IN_DATA)
			continue;
		Ask ask = feed_ask(n, ROW);
		cr_expect_eq(ask.calls * ask.count * ROW,
		             numel(n->out[0]->shape));
		for (int64_t i = 0; i < ask.calls * ask.count; i++)
			times[ask.first + i / ask.count * ask.apart +
			      i % ask.count]++;
	}
	for (int i = 0; i < ROWS; i++)
		cr_expect_eq(times[i], 1, "row %d: %d times", i, times[i]);
	cr_expect_leq(p->train->arena_bytes, MAP);
	arena_destroy(u.arena);
	arena_destroy(v.arena);
}

/* ---- words ---- */

Test(tile, is_written_so)
{
	Arena *a = arena_create();
	TileSpec t;
	const char *why;
	cr_expect(tile_parse(a, "4:conv:0", &t, &why));
	cr_expect(t.bands == 4 && !strcmp(t.to, "conv:0") && !t.from);
	cr_expect(tile_parse(a, "2,from=a:b", &t, &why));
	cr_expect(t.bands == 2 && !strcmp(t.to, "b") && !strcmp(t.from, "a"));
	static const char *const bad[] = {"4", "0:a", "x:a", "2,to=a:b", ""};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		cr_expect_not(tile_parse(a, bad[i], &t, &why), "%s", bad[i]);
		cr_expect(why && *why);
	}
	arena_destroy(a);
}
