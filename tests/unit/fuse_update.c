/*
 * Updates fused into the gradients they consume change no bit: the interpreter on
 * the fused and the unfused graph, in memory of their own and in the planned
 * arena, and the emitted C beside both. Where they are fused: fuse_update_where.c.
 */
#include "tests/unit/fused_run.h"

/* What computes the gradient %g of `shape`, from what inputs. */
typedef struct Gradient {
	const char *shape, *inputs, *node;
	int rows[2];   /* of the tile: host, generic; -1: not fused */
	enum { NOT, BY_CALL, ADDED } linear;   /* updates: by a function that
	                * has an epilogue; or with rounding of their own */
} Gradient;

static const Gradient gradients[] = {
	{"[36,32]", "input %x data f32[8,36]\ninput %y data f32[8,32]\n",
	 "MatMul(%x, %y) {transA=1}", {16, 16}, BY_CALL},
	{"[50,70]", "input %x data f32[70,9]\ninput %y data f32[9,50]\n",
	 "Gemm(%y, %x) {alpha=0.5, transA=1, transB=1}", {16, 8}, BY_CALL},
	{"[37,129]", "input %x data f32[37,3]\ninput %y data f32[3,129]\n",
	 "Gemm(%x, %y)", {16, 8}, BY_CALL},
	{"[40,30]", "input %x data f32[1,40]\ninput %y data f32[1,30]\n",
	 "Gemm(%x, %y) {transA=1}", {0, 0}, NOT},
	{"[40,12,3,3]", "input %x data f32[2,12,6,7]\n"
	 "input %y data f32[2,40,6,7]\n", "ConvGradWeight(%x, %y) "
	 "{pads=[1, 1, 1, 1], shape=[40, 12, 3, 3]}", {-1, 8}, BY_CALL},
	{"[100,7,3]", "input %x data f32[3,7,11]\ninput %y data f32[3,100,5]\n",
	 "ConvGradWeight(%x, %y) {strides=[2], shape=[100, 7, 3]}",
	 {48, 48}, BY_CALL},
	{"[36,30,1,1]", "input %x data f32[2,30,4,4]\n"
	 "input %y data f32[2,36,4,4]\n",
	 "ConvGradWeight(%x, %y) {shape=[36, 30, 1, 1]}", {-1, 16}, BY_CALL},
	{"[66,40,3,3]", "input %x data f32[1,80,5,5]\n"
	 "input %y data f32[1,66,3,3]\n",
	 "ConvGradWeight(%x, %y) {group=2, shape=[66, 40, 3, 3]}", {33, 33}, BY_CALL},
	{"[60,1,5,5]", "input %x data f32[1,60,5,5]\n"
	 "input %y data f32[1,60,5,5]\n", "ConvGradWeight(%x, %y) "
	 "{group=60, pads=[2, 2, 2, 2], shape=[60, 1, 5, 5]}", {16, 24}, BY_CALL},
	/* Fewer rows behind the seam than a tile has. */
	{"[18,6]", "input %x data f32[7,3,18]\ninput %h data f32[7,3,6]\n"
	 "input %h0 data f32[7,6]\ninput %r data f32[7,3,6]\n",
	 "RecurrenceGradWeight(%x, %h, %h0, %r) {layout=1}", {-1, 8}, NOT},
	{"[32]", "input %x data f32[8,32]\n", "SumTo(%x) {shape=[32]}", {0, 0}, NOT},
	{"[3,1,5]", "input %x data f32[3,7,5]\n", "ReduceSum(%x) {axes=[1]}",
	 {0, 0}, NOT},
	{"[5,3]", "input %x data f32[2,4,3]\ninput %i data i32[2,4]\n",
	 "GatherGrad(%x, %i) {shape=[5, 3]}", {-1, -1}, NOT},
	{"[1100,3]", "input %x data f32[2,4,3]\ninput %i data i32[2,4]\n",
	 "GatherGrad(%x, %i) {shape=[1100, 3]}", {336, 336}, ADDED},
	{"[50,300]", "input %x data f32[7,300]\ninput %i data i32[7]\n",
	 "GatherGrad(%x, %i) {shape=[50, 300]}", {7, 7}, ADDED},
	{"[50,300]", "input %x data f32[50,7]\ninput %i data i32[7]\n",
	 "GatherGrad(%x, %i) {axis=1, shape=[50, 300]}", {-1, -1}, ADDED},
	{"[64,16]", "input %x data f32[3,2,64]\ninput %h data f32[3,2,16]\n"
	 "input %h0 data f32[2,16]\n", "RecurrenceGradWeight(%x, %h, %h0)",
	 {32, 32}, ADDED},
	{"[120,40]", "input %x data f32[3,2,120]\n"
	 "input %h data f32[3,2,40]\ninput %r data f32[3,2,40]\n",
	 "RecurrenceGradWeight(%x, %h, _, %r) {reverse=1}", {16, 24}, BY_CALL},
	{"[120,40]", "input %x data f32[2,3,120]\n"
	 "input %h data f32[2,3,40]\ninput %h0 data f32[2,40]\n"
	 "input %r data f32[2,3,40]\n", "RecurrenceGradWeight(%x, %h, %h0, "
	 "%r) {linear_before_reset=1, layout=1}", {16, 24}, NOT},
};

enum { NGRADIENTS = (int)(sizeof gradients / sizeof gradients[0]) };

/* The state, the update's text behind the gradient, its results. */
typedef struct Optimizer {
	const char *node, *state[2];
	int nstate;
} Optimizer;

static const Optimizer optimizers[] = {
	{"SGDUpdate(%w, %g, %lr, %d)", {0}, 0},
	{"MomentumUpdate(%w, %g, %a, %lr, %m, %d, %d, %n) {nesterov=1}",
	 {"a"}, 1},
	{"AdamUpdate(%w, %g, %a, %b, %lr, %m, %m, %d, %d, %n)", {"a", "b"}, 2},
	{"LionUpdate(%w, %g, %a, %lr, %m, %d, %d)", {"a"}, 1},
	{"RMSpropUpdate(%w, %g, %a, _, %lr, %m, %d, %d, %m)", {"a"}, 1},
	{"AdagradUpdate(%w, %g, %a, %lr, %d, %d, %d, %n)", {"a"}, 1},
};

enum { SGD, NOPTIMIZERS = (int)(sizeof optimizers / sizeof optimizers[0]) };

static const char *text_of(Arena *a, const Gradient *g, const Optimizer *o)
{
	const char *vars = "", *reads = "", *outs = "";
	for (int i = 0; i < o->nstate; i++) {
		const char *s = o->state[i];
		vars = arena_printf(a, "%svariable \"%s\" optimizer f32%s "
		                    "mutable fill 0.25\n", vars, s, g->shape);
		reads = arena_printf(a, "%sread %%%s \"%s\"\n", reads, s, s);
		outs = arena_printf(a, "%s, %%%s2 f32%s optimizer -> \"%s\"",
		                    outs, s, g->shape, s);
	}
	return arena_printf(
		a, "graph \"train\" of \"m\"\n"
		"variable \"w\" parameter f32%s mutable fill 0.5\n%s%s"
		"input %%lr hyper f32[] initial 0.1\n"
		"input %%m hyper f32[] initial 0.75\n"
		"input %%d hyper f32[] initial 0.01\n"
		"input %%n step i32[] \nread %%w \"w\"\n%s"
		"%%g f32%s gradients = %s\n"
		"%%w2 f32%s parameters -> \"w\"%s = %s\n"
		"%%l f32[] = ReduceSum(%%x) {keepdims=0}\n"
		"output \"l\" loss %%l\n",
		g->shape, vars, g->inputs, reads, g->shape, g->node, g->shape,
		outs, o->node);
}

static Graph *prepared(Unit *u, const char *text, const Options *o)
{
	Graph *g = parsed(u, text);
	run_pass(&pass_fuse_update, g, o);
	run_pass(&pass_outputs, g, o);
	run_pass(&pass_workspace, g, o);
	return g;
}

static void check_bits(const Gradient *d, int optimizer, int target,
                       GradientRule rule)
{
	Unit u = test_unit(), v = test_unit();
	const char *text = text_of(u.arena, d, &optimizers[optimizer]);
	Options o = {.target = &all_targets[target], .gradients = rule};
	Graph *g = prepared(&u, text, &o);
	const char *what = arena_printf(u.arena, "%s, %s, %s", d->node,
	                                optimizers[optimizer].node,
	                                o.target->name);
	bool adds = d->linear && optimizer == SGD;
	cr_expect_eq(rows_of(g), adds ? 0 : d->rows[target],
	             "%s: tile of %d rows", what, rows_of(g));
	cr_expect(!adds || fused_update_adds(fused_update(g)), "%s", what);
	cr_expect_eq(graph_count(g, &op_Copy), 0, "%s: a copy, as it is not "
	             "proved to work in place", what);
	Results want = run_apart(parsed(&v, text)), apart = run_apart(g);
	if (adds && d->linear == ADDED)
		near_state(what, g, apart, want);
	else
		same_state(what, g, apart, want);
	const Plan *plan = plan_memory(g, &o);
	cr_expect_null(plan_check(u.arena, plan), "%s", what);
	same_state(what, g, run_planned(plan, 0), apart);
	arena_destroy(u.arena);
	arena_destroy(v.arena);
}

Test(fuse_update, changes_no_bit)
{
	for (int g = 0; g < NGRADIENTS; g++)
		for (int o = 0; o < NOPTIMIZERS; o++)
			for (int t = 0; t < 2; t++)
				check_bits(&gradients[g], o, t,
				           GRADIENTS_LEAST);
}

/* As above, where half of them is taken for want of what costs no time. */
static const Gradient halves[] = {
	{"[20,90,3,3]", "input %x data f32[1,90,5,5]\n"
	 "input %y data f32[1,20,5,5]\n", "ConvGradWeight(%x, %y) "
	 "{pads=[1, 1, 1, 1], shape=[20, 90, 3, 3]}", {16, 8}, BY_CALL},
	{"[24,60,1,1]", "input %x data f32[1,60,4,4]\n"
	 "input %y data f32[1,24,4,4]\n",
	 "ConvGradWeight(%x, %y) {shape=[24, 60, 1, 1]}", {16, 8}, BY_CALL},
	{"[24,40,3,3]", "input %x data f32[1,120,5,5]\n"
	 "input %y data f32[1,24,3,3]\n", "ConvGradWeight(%x, %y) "
	 "{group=3, shape=[24, 40, 3, 3]}", {16, 8}, BY_CALL},
	{"[2,700]", "input %x data f32[9,700]\ninput %i data i32[9]\n",
	 "GatherGrad(%x, %i) {shape=[2, 700]}", {1, 1}, NOT},
	{"[2,300]", "input %x data f32[9,300]\ninput %i data i32[9]\n",
	 "GatherGrad(%x, %i) {shape=[2, 300]}", {-1, -1}, NOT},
};

Test(fuse_update, half_changes_no_bit)
{
	for (size_t g = 0; g < sizeof halves / sizeof halves[0]; g++)
		for (int o = 0; o < NOPTIMIZERS; o++)
			for (int t = 0; t < 2; t++)
				check_bits(&halves[g], o, t, GRADIENTS_GONE);
}

/* ---- one gradient, two parameters ---- */

static const char shared[] =
	"graph \"train\" of \"m\"\n"
	"variable \"b\" parameter f32[32] mutable fill 0.5\n"
	"variable \"c\" parameter f32[32] mutable fill 0.25\n"
	"variable \"m\" optimizer f32[32] mutable fill 0.125\n"
	"input %x data f32[8,32]\ninput %lr hyper f32[] initial 0.1\n"
	"input %d hyper f32[] initial 0.01\ninput %n step i32[] \n"
	"read %b \"b\"\nread %c \"c\"\nread %m \"m\"\n"
	"%g f32[32] gradients = SumTo(%x) {shape=[32]}\n"
	"%b2 f32[32] parameters -> \"b\" = SGDUpdate(%b, %g, %lr, %d)\n"
	"%y f32[8,32] = Add(%x, %c)\n"
	"%c2 f32[32] parameters -> \"c\", %m2 f32[32] optimizer -> \"m\" = "
	"MomentumUpdate(%c, %g, %m, %lr, %d, %d, %d, %n) {nesterov=1}\n"
	"output \"y\" data %y\n";

Test(fuse_update, shared_by_two)
{
	Unit u = test_unit();
	Graph *plain = parsed(&u, shared), *g = parsed(&u, shared);
	cr_expect(run_pass(&pass_join_updates, g, &(Options){0}));
	cr_expect_not(run_pass(&pass_join_updates, g, &(Options){0}));
	run_pass(&pass_fuse_update, g, &(Options){0});
	cr_expect_eq(rows_of(g), 0);
	cr_expect_eq(graph_count(g, NULL), 2);
	Results want = run_apart(plain), apart = run_apart(g);
	same_state("apart", g, apart, want);
	const Plan *plan = plan_memory(g, &(Options){0});
	cr_expect_null(plan_check(u.arena, plan));
	same_state("in place", g, run_planned(plan, 0), want);
	arena_destroy(u.arena);
}

/* The caller wants the gradient, or its norm is of it. */
Test(fuse_update, shared_by_others)
{
	const char *more[] = {"output \"b\" gradient %g\n",
	                      "%e f32[] = ReduceSumSquare(%g) {keepdims=0}\n"
	                      "output \"e\" data %e\n"};
	for (int i = 0; i < 2; i++) {
		Unit u = test_unit();
		Graph *g = parsed(&u, arena_printf(u.arena, "%s%s", shared,
		                                   more[i]));
		cr_expect_not(run_pass(&pass_join_updates, g, &(Options){0}));
		arena_destroy(u.arena);
	}
}

static void check_gradient(int which, int optimizer, int target)
{
	Unit u = test_unit();
	const Gradient *d = &gradients[which];
	Options o = {.target = &all_targets[target]};
	Graph *g = prepared(&u, text_of(u.arena, d, &optimizers[optimizer]),
	                    &o);
	check_emitted(d->node, g, &o, compilers[which % 2]);
	arena_destroy(u.arena);
}

Test(fuse_update, emitted_c_agrees)
{
	for (int g = 0; g < NGRADIENTS; g++) {
		check_gradient(g, g % NOPTIMIZERS, g / 2 % 2);
		if (gradients[g].linear && g % NOPTIMIZERS != SGD)
			check_gradient(g, SGD, !(g / 2 % 2));
	}
}

/* ---- several gradients, one parameter ---- */

/* A table that is read by rows and as a matrix, and what is added to it by
 * columns; one term of the sum is seen through a view. */
static const char tied[] =
	"graph \"train\" of \"m\"\n"
	"variable \"w\" parameter f32[40,16] mutable fill 0.5\n"
	"input %x data f32[6,16]\ninput %y data f32[6,40]\n"
	"input %i data i32[6]\ninput %z data f32[640,2]\n"
	"input %lr hyper f32[] initial 0.1\n"
	"input %d hyper f32[] initial 0.01\nread %w \"w\"\n"
	"%a f32[40,16] = GatherGrad(%x, %i) {shape=[40, 16]}\n"
	"%b f32[40,16] = MatMul(%y, %x) {transA=1}\n"
	"%c f32[640] = ReduceSum(%z) {axes=[1], keepdims=0}\n"
	"%e f32[40,16] = Reshape(%c) {shape=[40, 16]}\n"
	"%s f32[6,40] = MatMul(%x, %w) {transB=1}\n"
	"%w2 f32[40,16] parameters -> \"w\" = "
	"Fused(%a, %b, %e, %w, %lr, %d) {\n"
	"  %f f32[40,16] = Add(%b, %a)\n  %g f32[40,16] = Sub(%f, %e)\n"
	"  %w2 f32[40,16] parameters = SGDUpdate(%w, %g, %lr, %d)\n}\n"
	"output \"s\" data %s\n";

Test(fuse_update, sum_of_several)
{
	Unit u = test_unit();
	Graph *g = prepared(&u, tied, &(Options){0});
	const Node *n = fused_update(g);
	cr_assert(n && fused_update_adds(n));
	cr_expect_eq(fused_update_gradients(n), 3);
	cr_expect_eq(graph_count(g, NULL), 2);
	Results want = run_apart(parsed(&u, tied)), apart = run_apart(g);
	near_state("apart", g, apart, want);
	const Plan *plan = plan_memory(g, &(Options){0});
	cr_expect_null(plan_check(u.arena, plan));
	same_state("in place", g, run_planned(plan, 0), apart);
	check_emitted("tied", g, &(Options){0}, compilers[0]);
	arena_destroy(u.arena);
}
