/*
 * Where updates are fused into the gradients they consume, and where not: what
 * else reads the gradient, what the update computes, what would have to wait.
 */
#include "tests/unit/fused.h"

/* ---- where it must not happen ---- */

/* What is made of the update: ROWS of a tile, or 0; ADDS: it is a call's
 * epilogue; APART: it is not fused. */
enum { APART = -1, ROWS = 16, ADDS = 1 };

static int fused_in(const char *inputs, const char *body)
{
	Unit u = test_unit();
	const char *text = arena_printf(
		u.arena, "graph \"train\" of \"m\"\n"
		"variable \"w\" parameter f32[64,64] mutable fill 0.5\n%s"
		"input %%y data f32[8,64]\n"
		"input %%lr hyper f32[] initial 0.1\nread %%w \"w\"\n%s",
		inputs, body);
	Graph *g = parsed(&u, text);
	run_pass(&pass_fuse_update, g, &(Options){0});
	const Node *n = fused_update(g);
	int made = !n ? APART : fused_update_adds(n) ? ADDS
	         : (int)fused_update_rows(n);
	arena_destroy(u.arena);
	return made;
}

#define X "input %x data f32[8,64]\n"
#define GRADIENT "%g f32[64,64] gradients = MatMul(%x, %y) {transA=1}\n"
#define UPDATE "%w2 f32[64,64] parameters -> \"w\" = " \
	"SGDUpdate(%w, %g, %lr, %lr)\n"

Test(fuse_update_where, one_reader)
{
	cr_expect_eq(fused_in(X, GRADIENT UPDATE "output \"y\" data %y\n"),
	             ADDS);
	cr_expect_eq(fused_in(X, GRADIENT UPDATE "output \"w\" gradient %g\n"),
	             APART, "the caller wants the gradient");
	cr_expect_eq(fused_in(X, GRADIENT
	             "%n f32[] = ReduceSumSquare(%g) {keepdims=0}\n" UPDATE
	             "output \"n\" data %n\n"), APART, "two readers");
	cr_expect_eq(fused_in(X, GRADIENT
	             "%n f32[] = ReduceSumSquare(%g) {keepdims=0}\n"
	             "%w2 f32[64,64] parameters -> \"w\" = "
	             "Fused(%g, %n, %w, %lr) {\n"
	             "  %c f32[64,64] = Mul(%g, %n)\n"
	             "  %w2 f32[64,64] parameters = "
	             "SGDUpdate(%w, %c, %lr, %lr)\n}\n"
	             "output \"y\" data %y\n"), APART, "clipped by its norm");
}

/* An update of the file's own. */
#define OWN(inputs, members) GRADIENT "%w2 f32[64,64] parameters -> \"w\" = Fused(" inputs ") {\n" members \
	"}\noutput \"y\" data %y\n"
#define T " f32[64,64] = "
#define W2 "  %w2 f32[64,64] parameters = "

/* Whatever it is called: the epilogue is found from the arithmetic. */
Test(fuse_update_where, linear_in_the_gradient)
{
	cr_expect_eq(fused_in(X, OWN("%g, %w, %lr", "  %a" T "Mul(%lr, %g)\n"
	             W2 "Sub(%w, %a)\n")), ADDS);
	cr_expect_eq(fused_in(X, OWN("%g, %w, %lr", "  %a" T "Div(%g, %lr)\n"
	             "  %b" T "Neg(%a)\n  %c" T "Mul(%w, %lr)\n"
	             W2 "Add(%b, %c)\n")), ADDS);
	cr_expect_eq(fused_in(X, OWN("%g, %w, %lr", "  %e f32[] = Exp(%lr)\n"
	             "  %a" T "Mul(%g, %e)\n" W2 "Add(%a, %w)\n")), ADDS,
	             "a factor of any scalars");
	cr_expect_eq(fused_in(X, OWN("%g, %lr", W2 "Mul(%g, %lr)\n")), ROWS,
	             "nothing is left of the old parameter");
	cr_expect_eq(fused_in(X, OWN("%g, %w, %lr", "  %a" T "Min(%g, %lr)\n"
	             W2 "Sub(%w, %a)\n")), ROWS, "clipped by value");
	cr_expect_eq(fused_in(X, OWN("%g, %w", "  %a" T "Mul(%g, %g)\n"
	             W2 "Sub(%w, %a)\n")), ROWS, "squared");
	cr_expect_eq(fused_in(X, OWN("%g, %w", "  %a" T "Mul(%w, %g)\n"
	             W2 "Sub(%w, %a)\n")), ROWS, "by the parameter");
	cr_expect_eq(fused_in(X, OWN("%g, %w, %lr", "  %a" T "Add(%g, %lr)\n"
	             W2 "Sub(%w, %a)\n")), ROWS, "a term of its own");
	cr_expect_eq(fused_in(X, OWN("%g, %w, %lr", "  %a" T "Div(%lr, %g)\n"
	             W2 "Sub(%w, %a)\n")), ROWS, "divided by it");
}

/* A product that reads the parameter comes first, and meanwhile %x, which
 * nothing else reads, would have to wait. */
#define RIVAL(n) "input %v data f32[" n ",64]\n" \
	"%x f32[" n ",64] = Tanh(%v)\n%y f32[" n ",64] = Relu(%v)\n" \
	"%g f32[64,64] gradients = MatMul(%x, %y) {transA=1}\n" \
	"%z f32[" n ",64] = MatMul(%y, %w) {transB=1}\n" UPDATE \
	"output \"z\" data %z\n"

static int fused_rival(const char *body)
{
	Unit u = test_unit();
	Graph *g = parsed(&u, arena_printf(
		u.arena, "graph \"train\" of \"m\"\n"
		"variable \"w\" parameter f32[64,64] mutable fill 0.5\n"
		"input %%lr hyper f32[] initial 0.1\nread %%w \"w\"\n%s",
		body));
	run_pass(&pass_fuse_update, g, &(Options){0});
	int rows = rows_of(g);
	arena_destroy(u.arena);
	return rows;
}

Test(fuse_update_where, only_where_it_saves)
{
	cr_expect_eq(fused_rival(RIVAL("8")), 0, "2 KB wait for 16 saved");
	cr_expect_eq(fused_rival(RIVAL("72")), -1, "18 KB wait for 16 saved");
}

/* What waits costs nothing where other steps need more: here what %e is summed
 * from. Whole gradients stay if that is not so. */
static int plan_rival(const char *rows)
{
	Unit u = test_unit();
	Options o = {.target = target_find("generic")};
	Graph *g = parsed(&u, arena_printf(
		u.arena, "graph \"train\" of \"m\"\n"
		"variable \"w\" parameter f32[64,64] mutable fill 0.5\n"
		"input %%lr hyper f32[] initial 0.1\nread %%w \"w\"\n"
		"input %%a data f32[%s,64]\n%%s f32[%s,64] = Softmax(%%a)\n"
		"%%e f32[] = ReduceSum(%%s) {keepdims=0}\n"
		"output \"e\" data %%e\n%s", rows, rows, RIVAL("72")));
	Plan *p = plan_step(g, &o);
	int made = rows_of(p->graph);
	arena_destroy(u.arena);
	return made;
}

Test(fuse_update_where, where_it_costs_nothing)
{
	cr_expect_eq(plan_rival("8"), -1);
	cr_expect_eq(plan_rival("800"), 0);
}

/* ---- whole, so that another result may lie over what it is made from ---- */

/* The gradient of a small weight, and that of a large input, both from %e. */
static const char convolved[] =
	"graph \"train\" of \"m\"\n"
	"variable \"w\" parameter f32[16,16,3,3] mutable fill 0.5\n"
	"input %x data f32[8,16,12,12]\ninput %y data f32[8,16,12,12]\n"
	"input %lr hyper f32[] initial 0.1\ninput %d hyper f32[] initial 0.01\n"
	"read %w \"w\"\n"
	"%e f32[8,16,12,12] = Relu(%y)\n"
	"%dx f32[8,16,12,12] gradients = ConvGradInput(%e, %w) "
	"{pads=[1, 1, 1, 1], shape=[8, 16, 12, 12]}\n"
	"%z f32[8,16,12,12] = Add(%dx, %x)\n"
	"%g f32[16,16,3,3] gradients = ConvGradWeight(%x, %e) "
	"{pads=[1, 1, 1, 1], shape=[16, 16, 3, 3]}\n"
	"%w2 f32[16,16,3,3] parameters -> \"w\" = SGDUpdate(%w, %g, %lr, %d)\n"
	"output \"z\" data %z\n";

Test(fuse_update_where, leaves_gradients_whole_for_an_overlap)
{
	Unit u = test_unit();
	Options o = {.target = target_find("generic")}, whole = o;
	whole.gradients = GRADIENTS_OVERLAID;
	Graph *at_once = parsed(&u, convolved), *apart = parsed(&u, convolved);
	run_pipeline(at_once, STAGE_FUNCTION, &o);
	run_pipeline(apart, STAGE_FUNCTION, &whole);
	cr_expect_eq(rows_of(at_once), 0);
	cr_expect_eq(rows_of(apart), -1);
	int64_t more = plan_memory(at_once, &o)->arena_bytes;
	Plan *p = plan_step(parsed(&u, convolved), &o);
	/* %e but for an image, and the gradient */
	int64_t saved = 4 * 7 * 16 * 144 - 4 * 16 * 144;
	cr_expect_leq(more - p->arena_bytes, saved);
	cr_expect_geq(more - p->arena_bytes, saved - 64);
	Results a = run_apart(apart), b = run_planned(p, 0);
	cr_expect(same_results(p->graph, &a, &b));
	arena_destroy(u.arena);
}
