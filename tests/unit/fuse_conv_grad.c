/*
 * Both gradients of a convolution and the update of its weight, block by block:
 * the same as by three nodes, in the interpreter, in memory of their own and in
 * the arena, where the input's gradient lies over the input, and in emitted C.
 * And where that is done.
 */
#include "tests/unit/fused_run.h"

/* Of one image. */
typedef struct Convolution {
	const char *x, *y, *w, *attrs;
	int channels;      /* of a block, for the target it is planned for; 0: it
	                    * has none */
} Convolution;

static const Convolution convolutions[] = {
	{"[1,48,5,7]", "[1,9,5,7]", "[9,48,1,1]", "", 16},
	{"[1,16,9,8]", "[1,12,5,4]", "[12,16,3,3]",
	 "pads=[1, 1, 1, 1], strides=[2, 2], ", 4},
	{"[1,12,6,7]", "[1,10,4,9]", "[10,12,3,2]",
	 "dilations=[2, 1], pads=[1, 1, 1, 2], ", 6},
	{"[1,32,8,8]", "[1,20,4,4]", "[20,32,1,1]", "strides=[2, 2], ", 16},
	{"[1,24,7,6]", "[1,24,4,3]", "[24,1,3,3]",
	 "group=24, pads=[1, 1, 1, 1], strides=[2, 2], ", 4},
	{"[1,10,6,6]", "[1,20,6,6]", "[20,1,5,5]",
	 "group=10, pads=[2, 2, 2, 2], ", 5},
	{"[1,24,5,5]", "[1,18,5,5]", "[18,4,3,3]",
	 "group=6, pads=[1, 1, 1, 1], ", 4},
	{"[1,20,13]", "[1,6,11]", "[6,20,3]", "", 10},
	{"[1,8,3,4,5]", "[1,5,2,3,4]", "[5,8,2,2,2]", "", 4},
	{"[1,3,6,6]", "[1,8,6,6]", "[8,3,3,3]", "pads=[1, 1, 1, 1], ", 0},
	{"[1,14,6,6]", "[1,8,6,6]", "[8,14,1,1]", "", 0},
	{"[2,16,6,6]", "[2,8,6,6]", "[8,16,1,1]", "", 0},
};

enum { NCONVOLUTIONS = (int)(sizeof convolutions / sizeof convolutions[0]) };

/* Behind the weight's gradient; what it replaces beside the weight. */
static const char *const optimizers[] = {
	"%w2 f32%s parameters -> \"w\" = SGDUpdate(%w, %g, %lr, %d)\n",
	"%w2 f32%s parameters -> \"w\", %a2 f32%s optimizer -> \"a\" = "
	"MomentumUpdate(%w, %g, %a, %lr, %d, %d, %d, %n) {nesterov=1}\n",
	"%w2 f32%s parameters -> \"w\", %a2 f32%s optimizer -> \"a\", "
	"%b2 f32%s optimizer -> \"b\" = "
	"AdamUpdate(%w, %g, %a, %b, %lr, %d, %d, %d, %d, %n)\n",
};

enum { SGD, NOPTIMIZERS = (int)(sizeof optimizers / sizeof optimizers[0]) };

/* "%s" is the weight's shape. */
static const char *with_shape(Arena *a, const char *text, const char *shape)
{
	const char *done = "";
	for (const char *at; (at = strstr(text, "%s")); text = at + 2)
		done = arena_printf(a, "%s%.*s%s", done, (int)(at - text),
		                    text, shape);
	return arena_printf(a, "%s%s", done, text);
}

/* The input's gradient is seen in what it makes of a variable. `first`: what
 * comes before the gradients, `last`: after all. */
static const char *text_of(Arena *a, const Convolution *c, int optimizer,
                           const char *first, const char *last)
{
	const char *state = "";
	for (int i = 0; i < optimizer; i++)
		state = arena_printf(
			a, "%svariable \"%c\" optimizer f32%s mutable fill "
			"0.25\nread %%%c \"%c\"\n", state, 'a' + i, c->w,
			'a' + i, 'a' + i);
	return arena_printf(
		a, "graph \"train\" of \"m\"\n"
		"variable \"w\" parameter f32%s mutable fill 0.5\n"
		"variable \"seen\" parameter f32%s mutable fill 0.5\n%s"
		"input %%v data f32%s\ninput %%dy data f32%s\n"
		"input %%lr hyper f32[] initial 0.1\n"
		"input %%d hyper f32[] initial 0.01\n"
		"input %%n step i32[] \n"
		"read %%w \"w\"\nread %%seen \"seen\"\n"
		"%%x f32%s = Tanh(%%v)\n%s"
		"%%g f32%s gradients = ConvGradWeight(%%x, %%dy) {%sshape=%s}\n"
		"%%dx f32%s gradients = ConvGradInput(%%dy, %%w) {%sshape=%s}\n"
		"%s"
		"%%seen2 f32%s parameters -> \"seen\" = SGDUpdate(%%seen, "
		"%%dx, %%lr)\n%s"
		"output \"dy\" data %%dy\n",
		c->w, c->x, state, c->x, c->y, c->x, first, c->w, c->attrs,
		c->w, c->x, c->attrs, c->x,
		with_shape(a, optimizers[optimizer], c->w), c->x, last);
}

/* Weights that tell one from the other. */
static Graph *filled(Unit *u, const char *text)
{
	Graph *g = parsed(u, text);
	Maker m = {.random = {7}, .unit = u};
	for (int i = 0; i < g->model->nvars; i++) {
		Variable *v = g->model->var[i];
		if (v->role == VAR_PARAMETER)
			v->data = random_data(&m, v->shape);
	}
	return g;
}

static Graph *prepared(Unit *u, const char *text, const Options *o)
{
	Options gone = *o;
	GradientStay stays[8] = {GRADIENT_TAKES_INPUT};   /* w */
	Graph *g = filled(u, text);
	gone.gradients = GRADIENTS_GONE;
	gone.stays = stays;
	run_pass(&pass_fuse_conv_grad, g, &gone);
	run_pass(&pass_outputs, g, o);
	run_pass(&pass_workspace, g, o);
	return g;
}

static const Node *fused(const Graph *g)
{
	for (const Node *n = g->first; n; n = n->next)
		if (n->op == &op_FusedConvGrad)
			return n;
	return NULL;
}

static int channels_of(const Graph *g)
{
	const Node *n = fused(g);
	return n ? (int)attr_int(n, op_attr(n->op, "channels")) : 0;
}

/* The input's gradient is over the input; of the weight's, if the update is
 * linear, there is nothing. */
static void check_memory(const char *what, const Plan *plan, bool linear)
{
	const Node *n = fused(plan->graph);
	const Place *x = &plan->place[n->in[0]->id];
	const Place *dx = &plan->place[n->out[fused_conv_grad_own(n)]->id];
	cr_expect_eq(dx->offset, x->offset, "%s: the input's gradient is not "
	             "over the input", what);
	for (int b = 0; b < plan->nbuffers && linear; b++)
		cr_expect_neq(plan->buffer[b].memory, MEM_GRADIENT, "%s", what);
}

static void check_text(const char *what, const char *text, int optimizer,
                       int target, int channels)
{
	Unit u = test_unit(), v = test_unit();
	Options o = {.target = &all_targets[target]};
	Graph *g = prepared(&u, text, &o);
	cr_expect_eq(channels_of(g), channels, "%s: %d channels", what,
	             channels_of(g));
	cr_expect_eq(graph_count(g, &op_Copy), 0, "%s: a copy", what);
	Results want = run_apart(filled(&v, text)), apart = run_apart(g);
	if (optimizer == SGD)
		near_state(what, g, apart, want);
	else
		same_state(what, g, apart, want);
	const Plan *plan = plan_memory(g, &o);
	cr_expect_null(plan_check(u.arena, plan), "%s", what);
	same_state(what, g, run_planned(plan, 0), apart);
	if (channels)
		check_memory(what, plan, optimizer == SGD);
	arena_destroy(u.arena);
	arena_destroy(v.arena);
}

static void check_bits(const Convolution *c, int optimizer, int target)
{
	Arena *a = arena_create();
	const char *what = arena_printf(a, "%s, %s, %d", c->w, c->attrs,
	                                optimizer);
	check_text(what, text_of(a, c, optimizer, "", ""), optimizer, target,
	           c->channels);
	arena_destroy(a);
}

Test(fuse_conv_grad, changes_nothing)
{
	for (int i = 0; i < NCONVOLUTIONS; i++)
		for (int o = 0; o < NOPTIMIZERS; o++)
			check_bits(&convolutions[i], o, i % 2);
}

Test(fuse_conv_grad, emitted_c_agrees)
{
	enum { EMITTED = 5 };   /* of each kind one */
	for (int i = 0; i < EMITTED; i++) {
		Unit u = test_unit();
		Options o = {.target = &all_targets[i / 2 % 2]};
		Graph *g = prepared(&u, text_of(u.arena, &convolutions[i],
		                                i % NOPTIMIZERS, "", ""), &o);
		check_emitted(convolutions[i].w, g, &o, compilers[i % 2]);
		arena_destroy(u.arena);
	}
}

/* ---- two convolutions of one input ---- */

static const struct {
	Convolution first, second;
} pairs[] = {
	{{"[1,16,9,8]", "[1,12,5,4]", "[12,16,3,3]",
	  "pads=[1, 1, 1, 1], strides=[2, 2], ", 4},
	 {"[1,16,9,8]", "[1,10,5,4]", "[10,16,1,1]", "strides=[2, 2], ", 4}},
	{{"[1,32,5,7]", "[1,9,5,7]", "[9,32,1,1]", "", 4},
	 {"[1,32,5,7]", "[1,6,3,6]", "[6,32,3,2]", "", 4}},
	{{"[1,24,5,5]", "[1,18,5,5]", "[18,4,3,3]",
	  "group=6, pads=[1, 1, 1, 1], ", 4},
	 {"[1,24,5,5]", "[1,10,3,3]", "[10,24,3,3]", "", 4}},
	{{"[1,20,13]", "[1,6,11]", "[6,20,3]", "", 10},
	 {"[1,20,13]", "[1,7,13]", "[7,20,1]", "", 10}},
	/* Which group a channel is in is not known in a block. */
	{{"[1,16,6,6]", "[1,8,6,6]", "[8,16,1,1]", "", 0},
	 {"[1,16,6,6]", "[1,8,6,6]", "[8,8,1,1]", "group=2, ", 0}},
};

enum { NPAIRS = (int)(sizeof pairs / sizeof pairs[0]) };

/* `sum`: of both inputs' gradients, %dx and %dz, from "%s". */
static const char *text_of_pair(Arena *a, int pair, int optimizer,
                                const char *sum)
{
	const Convolution *c = &pairs[pair].second;
	const char *x = arena_printf(a, "%%dx f32%s gradients = Conv", c->x);
	const char *state = arena_printf(
		a, "variable \"u\" parameter f32%s mutable fill 0.5\n"
		"variable \"m\" optimizer f32%s mutable fill 0.25\n"
		"read %%u \"u\"\nread %%m \"m\"\ninput %%dyz data f32%s\n",
		c->w, c->w, c->y);
	const char *first = arena_printf(
		a, "%%h f32%s gradients = ConvGradWeight(%%x, %%dyz) "
		"{%sshape=%s}\n%%dz f32%s gradients = ConvGradInput(%%dyz, "
		"%%u) {%sshape=%s}\n%s", c->w, c->attrs, c->w, c->x, c->attrs,
		c->x, with_shape(a, optimizer == SGD
		? "%u2 f32%s parameters -> \"u\" = SGDUpdate(%u, %h, %lr, %d)\n"
		: "%u2 f32%s parameters -> \"u\", %m2 f32%s optimizer -> \"m\" "
		  "= MomentumUpdate(%u, %h, %m, %lr, %d, %d, %d, %n) "
		  "{nesterov=1}\n", c->w));
	const char *text = text_of(a, &pairs[pair].first, optimizer, first, "");
	const char *at = strstr(text, "input %v"), *seen;
	text = arena_printf(a, "%.*s%s%s", (int)(at - text), text, state, at);
	at = strstr(text, x);
	seen = strstr(text, "%seen2");
	return arena_printf(a, "%.*s%%da%.*s%s%s", (int)(at - text), text,
	                    (int)(seen - at - 3), at + 3,
	                    with_shape(a, sum, c->x), seen);
}

static const char plain_sum[] = "%dx f32%s = Add(%da, %dz)\n";

Test(fuse_conv_grad, pairs_change_nothing)
{
	for (int i = 0; i < NPAIRS; i++)
		for (int o = 0; o < NOPTIMIZERS; o++) {
			Arena *a = arena_create();
			check_text(arena_printf(a, "pair %d, %d", i, o),
			           text_of_pair(a, i, o, plain_sum), o,
			           (i + o) % 2, pairs[i].first.channels);
			arena_destroy(a);
		}
}

Test(fuse_conv_grad, emitted_c_of_pairs_agrees)
{
	for (int i = 0; i < 2; i++) {
		Unit u = test_unit();
		Options o = {.target = &all_targets[i]};
		Graph *g = prepared(&u, text_of_pair(u.arena, i, i, plain_sum),
		                    &o);
		cr_expect_eq(channels_of(g), 4);
		check_emitted(pairs[i].first.w, g, &o, compilers[i]);
		arena_destroy(u.arena);
	}
}

/* What one gives is wanted by itself, or more is added. */
Test(fuse_conv_grad, where_pairs)
{
	static const char *const sums[] = {
		"%dx f32%s = Sub(%da, %dz)\n",
		"%dy2 f32%s = Add(%da, %dz)\n%dx f32%s = Add(%dy2, %dz)\n",
		"%dx f32%s = Add(%da, %da)\n",
	};
	for (int i = 0; i < 3; i++) {
		Unit u = test_unit();
		Graph *g = prepared(&u, text_of_pair(u.arena, 0, SGD, sums[i]),
		                    &(Options){.target = &all_targets[1]});
		const Node *n = fused(g);
		cr_expect(!n || fused_conv_grad_own(n) == 1, "%s", sums[i]);
		arena_destroy(u.arena);
	}
}

/* ---- where ---- */

static int channels_with(const char *first, const char *last)
{
	Unit u = test_unit();
	Graph *g = prepared(&u, text_of(u.arena, &convolutions[0], SGD, first,
	                                last), &(Options){0});
	int channels = channels_of(g);
	arena_destroy(u.arena);
	return channels;
}

Test(fuse_conv_grad, where)
{
	cr_expect_eq(channels_with("", ""), 16);
	cr_expect_eq(channels_with("%z f32[1,9,5,7] = Conv(%x, %w)\n",
	             "output \"z\" data %z\n"), 16,
	             "another reads the old weight before");
	cr_expect_eq(channels_with("", "output \"w\" gradient %g\n"), 0,
	             "the caller wants the gradient");
}

/* As text it is the same again. */
static void check_round_trip(Unit *u, const char *described)
{
	Graph *g = prepared(u, described,
	                    &(Options){.target = &all_targets[0]});
	char *text[2];
	cr_expect_not_null(fused(g));
	for (int i = 0; i < g->model->nvars; i++)
		g->model->var[i]->data = NULL;   /* not in the text */
	for (int i = 0; i < 2; i++) {
		size_t size;
		FILE *f = open_memstream(&text[i], &size);
		graph_print(f, g, false);
		fclose(f);
		g = parsed(u, text[i]);
	}
	cr_expect_str_eq(text[0], text[1]);
	free(text[0]);
	free(text[1]);
}

Test(fuse_conv_grad, parses)
{
	Unit u = test_unit();
	check_round_trip(&u, text_of(u.arena, &convolutions[0], SGD, "", ""));
	check_round_trip(&u, text_of_pair(u.arena, 0, SGD, plain_sum));
	arena_destroy(u.arena);
}
