/*
 * The pass split-batch: a training step gives the same loss, gradients and
 * variables with it, and then node by node in parts of the batch.
 */
#include "ir/text.h"
#include "passes/pass.h"
#include "tests/unit/parts_run.h"
#include "tests/unit/random_graph.h"

#include <criterion/criterion.h>
#include <math.h>

/* ---- programs ---- */

typedef struct Net {
	const char *name, *text;
	bool exact;            /* all but the loss, bit for bit */
	LossOptions loss;
} Net;

#define HEAD "graph \"forward\" of \"m\"\n"
#define NORM(n, c) \
	"variable \"s" n "\" parameter f32[" c "] fill 1\n" \
	"variable \"b" n "\" parameter f32[" c "] fill 0\n" \
	"variable \"m" n "\" buffer f32[" c "] mutable fill 0\n" \
	"variable \"v" n "\" buffer f32[" c "] mutable fill 1\n"
#define READ_NORM(n) "read %s" n " \"s" n "\"\nread %b" n " \"b" n "\"\n" \
	"read %m" n " \"m" n "\"\nread %v" n " \"v" n "\"\n"
#define APPLY_NORM(y, x, shape, n, c) \
	"%" y " f32" shape ", %mean" n " f32" c ", %inv" n " f32" c ", " \
	"%rm" n " f32" c " -> \"m" n "\", %rv" n " f32" c " -> \"v" n "\" = " \
	"BatchNormalizationTrain(%" x ", %s" n ", %b" n ", %m" n ", %v" n ") " \
	"{unbiased=1}\n"
#define DENSE "variable \"w\" parameter f32[3,8] fill 0\n" \
	"variable \"b\" parameter f32[3] fill 0\n"
#define READ_DENSE "read %w \"w\"\nread %b \"b\"\n"

static const double class_weights[] = {0.5, 2, 1.25};

static const Net nets[] = {
	{"convolutions", HEAD NORM("1", "4") NORM("2", "4") DENSE
	 "variable \"k1\" parameter f32[4,2,3] fill 0\n"
	 "variable \"k2\" parameter f32[4,4,1] fill 0\n"
	 "input %x data f32[8,2,6]\ninput %seed seed u32[]\n"
	 READ_NORM("1") READ_NORM("2") READ_DENSE
	 "read %k1 \"k1\"\nread %k2 \"k2\"\n"
	 "%c f32[8,4,4] = Conv(%x, %k1)\n"
	 APPLY_NORM("n", "c", "[8,4,4]", "1", "[4]")
	 "%r f32[8,4,4] = Relu(%n)\n%d f32[8,4,4] = Conv(%r, %k2)\n"
	 APPLY_NORM("o", "d", "[8,4,4]", "2", "[4]")
	 "%a f32[8,4,4] = Add(%o, %r)\n"
	 "%p f32[8,4,2] = MaxPool(%a) {kernel_shape=[2], strides=[2]}\n"
	 "%f f32[8,8] = Reshape(%p) {shape=[8, 8]}\n"
	 "%q f32[8,8] = Dropout(%f, %seed) {ratio=0.25, id=1}\n"
	 "%y f32[8,3] = Gemm(%q, %w, %b) {transB=1}\n"
	 "output \"y\" data %y\n", false,
	 {.kind = LOSS_CROSS_ENTROPY, .axis = 1, .ignore_index = 1,
	  .label_smoothing = 0.1}},
	{"labels ignored, classes weighted", HEAD DENSE
	 "input %x data f32[8,8]\n" READ_DENSE
	 "%t f32[8,8] = Tanh(%x)\n"
	 "%y f32[8,3] = Gemm(%t, %w, %b) {transB=1}\n"
	 "output \"y\" data %y\n", true,
	 {.kind = LOSS_CROSS_ENTROPY, .axis = 1, .ignore_index = 2,
	  .nweights = 3, .weights = class_weights}},
	{"labels of places", HEAD NORM("1", "8") DENSE
	 "input %x data f32[4,8,5]\n" READ_NORM("1") READ_DENSE
	 APPLY_NORM("n", "x", "[4,8,5]", "1", "[8]")
	 "%u f32[4,3,5] = MatMul(%w, %n)\n"
	 "%c f32[3,1] = Reshape(%b) {shape=[3, 1]}\n"
	 "%y f32[4,3,5] = Add(%u, %c)\n"
	 "output \"y\" data %y\n", false,
	 {.kind = LOSS_CROSS_ENTROPY, .axis = 1, .ignore_index = -100}},
	{"a mean of squares", HEAD DENSE
	 "input %x data f32[8,8]\n" READ_DENSE
	 "%h f32[8,3] = MatMul(%x, %w) {transB=1}\n"
	 "%s f32[8,3] = Softmax(%h)\n%y f32[8,3] = Sub(%s, %b)\n"
	 "output \"y\" data %y\n", true, {.kind = LOSS_MSE}},
};

enum { NNETS = (int)(sizeof nets / sizeof nets[0]) };

static Program *program_for(Unit *u, const Net *net, int64_t parts)
{
	Graph *g = graph_parse(u, NULL, net->text);
	cr_assert(g, "%s", net->name);
	Random r = {3};
	for (int i = 0; i < g->model->nvars; i++) {
		Variable *v = g->model->var[i];
		float *x = arena_array(u->arena, float, numel(v->shape));
		for (int64_t e = 0; e < numel(v->shape); e++)
			x[e] = (float)v->fill + random_float(&r) / 4;
		v->data = x;
	}
	static const char *no_scans[] = {"scan"};
	Options o = {
		.loss = net->loss, .parts = parts, .keep_gradients = true,
		.disable = {1, no_scans},
		.optimizer = {.kind = OPT_MOMENTUM, .lr = 0.1, .momentum = 0.9},
	};
	Program *p = build_program(g, &o);
	cr_assert(p, "%s", net->name);
	return p;
}

static int count_nodes(const Graph *g, const char *prefix)
{
	int count = 0;
	for (const Node *n = g->first; n; n = n->next)
		count += !strncmp(n->op->name, prefix, strlen(prefix));
	return count;
}

/* ---- comparing ---- */

static void same_numbers(const char *net, const char *name, const float *got,
                         const float *want, int64_t n, double tolerance)
{
	for (int64_t i = 0; i < n; i++)
		cr_expect(fabs((double)got[i] - (double)want[i]) <=
		          tolerance * fmax(1, fabs((double)want[i])),
		          "%s: %s %lld is %.9g, expected %.9g", net, name,
		          (long long)i, (double)got[i], (double)want[i]);
}

static void same_step(const Net *net, const Graph *g, Results got,
                      Results want, double tolerance)
{
	for (int i = 0; i < g->noutputs; i++)
		same_numbers(net->name, g->output[i].name, got.output[i],
		             want.output[i], numel(g->output[i].value->shape),
		             g->output[i].role == OUT_LOSS ? 1e-6 : tolerance);
	for (int i = 0; i < g->model->nvars; i++) {
		const Variable *v = g->model->var[i];
		same_numbers(net->name, v->name, got.state[i], want.state[i],
		             numel(v->shape), tolerance);
	}
}

static void check_pass(const Net *net)
{
	Unit u = test_unit(), v = test_unit();
	Plan *whole = program_for(&u, net, 0)->train;
	Plan *split = program_for(&v, net, 2)->train;
	cr_expect_eq(count_nodes(whole->graph, "ClassWeightTotal"), 0);
	cr_expect_eq(count_nodes(split->graph, "ClassWeightTotal"),
	             net->loss.kind == LOSS_CROSS_ENTROPY, "%s", net->name);
	cr_expect_eq(count_nodes(split->graph, "BatchNormalizationStatistics"),
	             0);
	cr_expect_eq(count_nodes(split->graph, "BatchNormalizationFinish"),
	             count_nodes(whole->graph, "BatchNormalizationStatistics"));
	same_step(net, whole->graph, run_planned(split, 0),
	          run_planned(whole, 0), net->exact ? 0 : 1e-5);
	arena_destroy(u.arena);
	arena_destroy(v.arena);
}

Test(split_batch, changes_no_step)
{
	for (int i = 0; i < NNETS; i++)
		check_pass(&nets[i]);
}

/* ---- the whole step, each node in parts ---- */

typedef struct Parts {
	const Graph *g;
	void **buf;           /* by value id */
	bool *batch;          /* by value id: it is in rows of the batch */
	int64_t parts;
	int divided, refused;
} Parts;

/* All at once if nothing it reads is in rows, or if it refuses. */
static void run_divided(Parts *r, Node *n)
{
	Division d = {.g = (Graph *)(uintptr_t)r->g, .n = n, .parts = r->parts};
	bool any = false;
	for (int i = 0; i < n->nin; i++) {
		d.part[i] = n->in[i] && r->batch[n->in[i]->id];
		any |= d.part[i];
	}
	bool yes = any && node_divide(n, d.part, d.parts, d.kind);
	r->divided += yes;
	r->refused += any && !yes;
	for (int o = 0; o < n->nout; o++)
		r->batch[n->out[o]->id] = yes && d.kind[o] == PART_ROWS;
	if (yes)
		run_division(&d, r->buf);
	else
		run_node(n, r->buf);
}

static void *contents(const Graph *g, const Value *v)
{
	Arena *a = g->unit->arena;
	if (v->kind == V_CONST)
		return (void *)(uintptr_t)v->data;
	if (v->kind == V_VARIABLE)
		return first_contents(a, v->var);
	return arena_calloc(a, (size_t)bytes_of(v), 1);
}

static Results run_in_parts(Parts *r)
{
	const Graph *g = r->g;
	Arena *a = g->unit->arena;
	Results s = {arena_array(a, void *, g->noutputs + 1),
	             arena_array(a, void *, g->model->nvars + 1)};
	r->buf = arena_array(a, void *, g->nvalues);
	r->batch = arena_array(a, bool, g->nvalues);
	for (int i = 0; i < g->model->nvars; i++)
		s.state[i] = first_contents(a, g->model->var[i]);
	for (int i = 0; i < g->ninputs; i++) {
		const Value *v = g->input[i];
		r->buf[v->id] = contents(g, v);
		fill_input(v, r->buf[v->id]);
		r->batch[v->id] = v->role == IN_DATA || v->role == IN_TARGET;
	}
	for (Node *n = g->first; n; n = n->next) {
		for (int i = 0; i < n->nin; i++)
			if (n->in[i] && !r->buf[n->in[i]->id])
				r->buf[n->in[i]->id] = contents(g, n->in[i]);
		for (int o = 0; o < n->nout; o++)
			r->buf[n->out[o]->id] = contents(g, n->out[o]);
		run_divided(r, n);
		for (int o = 0; o < n->nout; o++)
			if (n->out[o]->var)
				s.state[n->out[o]->var->id] =
					r->buf[n->out[o]->id];
	}
	for (int i = 0; i < g->noutputs; i++)
		s.output[i] = r->buf[g->output[i].value->id];
	return s;
}

/* What reads the labels for all of the batch is computed once. */
static void check_in_parts(const Net *net, int64_t parts)
{
	Unit u = test_unit();
	Plan *plan = program_for(&u, net, parts)->train;
	Parts r = {.g = plan->graph, .parts = parts};
	Results got = run_in_parts(&r);
	cr_expect_eq(r.refused, count_nodes(r.g, "ClassWeightTotal"),
	             "%s: %d nodes refuse", net->name, r.refused);
	cr_expect_geq(r.divided, 6, "%s: %d are divided", net->name, r.divided);
	same_step(net, r.g, got, run_planned(plan, 0), 1e-5);
	arena_destroy(u.arena);
}

Test(split_batch, runs_in_parts)
{
	for (int i = 0; i < NNETS; i++) {
		check_in_parts(&nets[i], 2);
		check_in_parts(&nets[i], 4);
	}
}

/* ---- batch statistics far from zero ---- */

enum { ROWS = 64, CHANNELS = 3, SPACE = 5 };

static const char *const statistics[] = {
	HEAD "input %x data f32[64,3,5]\ninput %m data f32[3]\n"
	"input %v data f32[3]\n"
	"%mean f32[3], %inv f32[3], %m2 f32[3], %v2 f32[3] = "
	"BatchNormalizationStatistics(%x, %m, %v) {epsilon=1e-9}\n"
	"output \"mean\" data %mean\noutput \"inv\" data %inv\n",
	HEAD "input %x data f32[64,3,5]\ninput %m data f32[3]\n"
	"input %v data f32[3]\n"
	"%k f64[2,3] = BatchNormalizationMoments(%x)\n"
	"%mean f32[3], %inv f32[3], %m2 f32[3], %v2 f32[3] = "
	"BatchNormalizationFinish(%k, %m, %v) {epsilon=1e-9, count=320}\n"
	"output \"mean\" data %mean\noutput \"inv\" data %inv\n",
};

/* The largest error of 1 / deviation, relative, by the graph in parts. */
static double worst_error(int which, double mean, int64_t parts)
{
	Unit u = test_unit();
	Graph *g = graph_parse(&u, NULL, statistics[which]);
	static float x[ROWS * CHANNELS * SPACE];
	Random random = {1};
	double worst = 0;
	for (int i = 0; i < ROWS * CHANNELS * SPACE; i++)
		x[i] = (float)mean + random_float(&random);
	Parts r = {.g = g, .parts = parts};
	r.buf = arena_array(u.arena, void *, g->nvalues);
	r.batch = arena_array(u.arena, bool, g->nvalues);
	for (int i = 0; i < g->ninputs; i++)
		r.buf[g->input[i]->id] = contents(g, g->input[i]);
	r.buf[g->input[0]->id] = x;
	r.batch[g->input[0]->id] = which == 1;
	for (Node *n = g->first; n; n = n->next) {
		for (int o = 0; o < n->nout; o++)
			r.buf[n->out[o]->id] = contents(g, n->out[o]);
		run_divided(&r, n);
	}
	for (int c = 0; c < CHANNELS; c++) {
		double m = 0, v = 0;
		for (int i = 0; i < ROWS * SPACE; i++)
			m += (double)x[(i / SPACE * CHANNELS + c) * SPACE +
			               i % SPACE] / (ROWS * SPACE);
		for (int i = 0; i < ROWS * SPACE; i++) {
			double d = (double)x[(i / SPACE * CHANNELS + c) *
			                     SPACE + i % SPACE] - m;
			v += d * d / (ROWS * SPACE);
		}
		const float *inverse = r.buf[g->output[1].value->id];
		const float *got = r.buf[g->output[0].value->id];
		if (which)
			cr_expect_float_eq((double)got[c] / m, 1, 1e-7);
		worst = fmax(worst, fabs((double)inverse[c] * sqrt(v + 1e-9)
		                         - 1));
	}
	arena_destroy(u.arena);
	return worst;
}

Test(split_batch, moments_far_from_zero)
{
	static const double mean[] = {0.5, 100, 1e4, 1e5};
	for (int i = 0; i < 4; i++)
		for (int64_t parts = 1; parts <= 16; parts *= 4) {
			double e = worst_error(1, mean[i], parts);
			cr_expect_leq(e, 5e-6, "mean %g, %lld parts: %g",
			              mean[i], (long long)parts, e);
			cr_expect_leq(e, worst_error(0, mean[i], 1) + 1e-6);
		}
}
