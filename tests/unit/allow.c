/*
 * --allow: that a budget changes what is learned only where it must, no more than
 * it must, only where it may, and says so.
 */
#include "ir/text.h"
#include "passes/pass.h"
#include "passes/train.h"
#include "tests/unit/random_graph.h"

#include <criterion/criterion.h>

#include <string.h>

static const char tables[] =
	"graph \"forward\" of \"m\"\n"
	"variable \"emb[0]*\" parameter f32[300,16] fill 0.02\n"
	"variable \"w\" parameter f32[64,128] fill 0.1\n"
	"variable \"last\" parameter f32[3,64] fill 0.1\n"
	"input %i data i64[8,8]\nread %e \"emb[0]*\"\nread %w \"w\"\n"
	"read %l \"last\"\n%x f32[8,8,16] = Gather(%e, %i)\n"
	"%f f32[8,128] = Reshape(%x) {shape=[8, 128]}\n"
	"%h f32[8,64] = Gemm(%f, %w) {transB=1}\n%a f32[8,64] = Relu(%h)\n"
	"%y f32[8,3] = Gemm(%a, %l) {transB=1}\noutput \"y\" data %y\n";

typedef struct Try {
	Unit unit;
	Options options;
	Program *program;
} Try;

/* No search, so that it is quick. */
static Options adam(void)
{
	static const char *disable[] = {"recompute", "scan"};
	return (Options){
		.disable = {2, disable},
		.loss = {.kind = LOSS_CROSS_ENTROPY, .axis = 1},
		.optimizer = {.kind = OPT_ADAM, .lr = 0.1, .beta1 = 0.9,
		              .beta2 = 0.99, .eps = 1e-8},
	};
}

static Try *attempt(const char *text, Options o)
{
	Unit u = test_unit();
	Try *t = arena_new(u.arena, Try);
	t->unit = u;
	t->options = o;
	t->program = build_program(graph_parse(&t->unit, NULL, text),
	                           &t->options);
	return t;
}

static int64_t ram_of(const Program *p)
{
	return p->arena_bytes + p->state_bytes;
}

/* What it takes as it is. */
static int64_t exact_ram(const char *text, Options o)
{
	o.ram = 1;
	o.allow = 0;
	Try *t = attempt(text, o);
	cr_assert(t->program && !t->program->fits);
	int64_t ram = t->program->smallest_ram;
	arena_destroy(t->unit.arena);
	return ram;
}

static const Thin *thin_of(const Try *t, const char *name)
{
	return model_find(t->program->model, name)->thin;
}

static const Technique *technique(const Program *p, const char *name)
{
	for (int i = 0; i < p->ntechniques; i++)
		if (!strncmp(p->technique[i].name, name, strlen(name)))
			return &p->technique[i];
	return NULL;
}

Test(allow, not_without_need)
{
	Options o = adam();
	o.ram = exact_ram(tables, o);
	o.allow = ALLOW_LOW_RANK | ALLOW_SKETCH;
	Try *t = attempt(tables, o);
	cr_assert(t->program && t->program->fits);
	cr_expect_null(thin_of(t, "w"));
	cr_expect_null(thin_of(t, "emb[0]*"));
	cr_expect_null(technique(t->program, "low rank"));
	arena_destroy(t->unit.arena);
}

static int64_t train_ram(Options o)
{
	Try *t = attempt(tables, o);
	const Program *p = t->program;
	int64_t bytes = p->train->arena_bytes + p->state_bytes;
	arena_destroy(t->unit.arena);
	return bytes;
}

/* A sketch of the table is enough; a wider one is not. */
Test(allow, table_first)
{
	Options o = adam();
	o.ram = exact_ram(tables, o) - 2 * 300 * 16 * 4 * 2 / 3;
	o.allow = ALLOW_LOW_RANK | ALLOW_SKETCH;
	o.weigh = true;
	Try *t = attempt(tables, o);
	cr_assert(t->program && t->program->fits);
	cr_expect_leq(ram_of(t->program), o.ram);
	const Thin *thin = thin_of(t, "emb[0]*");
	cr_assert(thin && !thin->why);
	cr_expect_null(thin_of(t, "w"));
	const Technique *by = technique(t->program, "sketch 0.5");
	cr_assert(by);
	SketchSpec half = sketch_default("emb*", 0.5);
	o.ram = 0;
	int64_t whole = train_ram(o);
	o.nsketches = 1;
	o.sketch = &half;
	cr_expect_eq(by->bytes, whole - train_ram(o));
	const ThinTotal *total = t->program->thin;
	cr_assert(total && total->n == 1 && total->of[0].name);
	cr_expect_str_eq(total->of[0].name, "sketch");
	cr_expect_eq(total->of[0].ram, by->bytes);
	/* In the state, tables are where they are aligned. */
	cr_expect_leq(total->of[0].optimizer, thin->saved);
	cr_expect_gt(total->of[0].optimizer, thin->saved - 256);
	cr_expect_eq(total->of[0].flops, by->flops);
	arena_destroy(t->unit.arena);
}

/* The rank that is chosen fits, and twice that does not. */
static void check_rank(Options o, int64_t ram)
{
	o.ram = ram;
	o.allow = ALLOW_LOW_RANK;
	Try *t = attempt(tables, o);
	cr_assert(t->program && t->program->fits, "%lld", (long long)ram);
	cr_expect_leq(ram_of(t->program), ram);
	int64_t rank = thin_of(t, "w")->rank;
	cr_assert_gt(rank, 0);
	cr_assert(technique(t->program, arena_printf(
		t->unit.arena, "low rank %lld", (long long)rank)));
	LowRank twice = low_rank_default(NULL, 2 * rank);
	o.allow = 0;
	o.nlow_ranks = 1;
	o.low_rank = &twice;
	Try *u = attempt(tables, o);
	cr_expect(!u->program->fits, "rank %lld, but %lld fits",
	          (long long)rank, (long long)twice.rank);
	arena_destroy(t->unit.arena);
	arena_destroy(u->unit.arena);
}

Test(allow, least_rank)
{
	Options o = adam();
	int64_t ram = exact_ram(tables, o), w = 64 * 128 * 4;
	check_rank(o, ram - w);
	check_rank(o, ram - 2 * w);
}

/* State in codes gets smaller by a low rank, too; no sketch has codes. */
Test(allow, codes)
{
	Options o = adam();
	o.optimizer.blockwise = true;
	o.ram = exact_ram(tables, o) - 64 * 128;
	o.allow = ALLOW_LOW_RANK | ALLOW_SKETCH;
	Try *t = attempt(tables, o);
	cr_assert(t->program && t->program->fits);
	cr_expect_gt(thin_of(t, "w")->rank, 0);
	cr_expect_null(technique(t->program, "sketch"));
	o.allow = ALLOW_SKETCH;
	Try *none = attempt(tables, o);
	cr_expect_null(none->program);
	arena_destroy(t->unit.arena);
	arena_destroy(none->unit.arena);
}

Test(allow, both)
{
	Options o = adam();
	o.ram = exact_ram(tables, o) - 2 * (64 * 128 + 300 * 16) * 4 * 9 / 10;
	o.allow = ALLOW_LOW_RANK;
	Try *t = attempt(tables, o);
	o.allow = ALLOW_LOW_RANK | ALLOW_SKETCH;
	Try *u = attempt(tables, o);
	cr_assert(u->program && u->program->fits);
	cr_expect_gt(thin_of(u, "w")->rank, 0);
	cr_expect_gt(thin_of(u, "emb[0]*")->width, 0);
	cr_expect(technique(u->program, "sketch"));
	cr_expect(technique(u->program, "low rank"));
	cr_expect(t->program);
	arena_destroy(t->unit.arena);
	arena_destroy(u->unit.arena);
}

/* What the user has said of a parameter holds. */
Test(allow, obeys)
{
	static const LowRank mine = {"w", 2, .refresh = 1, .rate = 0.2,
	                             .scale = 1};
	Options o = adam();
	o.nlow_ranks = 1;
	o.low_rank = &mine;
	o.ram = exact_ram(tables, o) - 2 * 300 * 16 * 4 / 2;
	o.allow = ALLOW_LOW_RANK;
	Try *t = attempt(tables, o);
	cr_assert(t->program && t->program->fits);
	cr_expect_eq(thin_of(t, "w")->rank, 2);
	cr_expect_gt(thin_of(t, "emb[0]*")->rank, 2);
	arena_destroy(t->unit.arena);
}

/* The smallest is smaller, and it is said what it owes that to. */
Test(allow, nothing_fits)
{
	Options o = adam();
	int64_t exact = exact_ram(tables, o);
	o.ram = 1;
	o.allow = ALLOW_LOW_RANK | ALLOW_SKETCH;
	Try *t = attempt(tables, o);
	cr_assert(t->program && !t->program->fits);
	cr_expect_lt(t->program->smallest_ram, exact);
	cr_expect_geq(t->program->smallest_ram, t->program->ram_floor);
	cr_expect(technique(t->program, "low rank 1"));
	cr_expect(technique(t->program, "sketch 0.01"));
	arena_destroy(t->unit.arena);
}

/* What a budget of that much chooses is what the point says. */
static void check_point(Options o, const SweepPoint *s)
{
	o.sweep = false;
	o.ram = s->ram;
	Try *t = attempt(tables, o);
	cr_assert(t->program && t->program->fits, "%lld", (long long)s->ram);
	cr_expect(technique(t->program, s->technique[0].name), "%s at %lld",
	          s->technique[0].name, (long long)s->ram);
	arena_destroy(t->unit.arena);
}

/* The curve goes on where what is exact ends. */
Test(allow, curve)
{
	Options o = adam();
	o.sweep = true;
	o.allow = ALLOW_LOW_RANK | ALLOW_SKETCH;
	Try *t = attempt(tables, o);
	const Program *p = t->program;
	int nexact = 0, nsketches = 0, nranks = 0;
	cr_assert(p && p->fits && p->npoints > 2);
	cr_expect_null(thin_of(t, "w"));
	for (int i = 0; i < p->npoints; i++) {
		const SweepPoint *s = &p->point[i];
		cr_expect(i == 0 || s->ram < s[-1].ram);
		cr_expect(s->changes ? s->ram - s->arena_bytes < p->state_bytes
		                     : s->ram - s->arena_bytes == p->state_bytes);
		nexact += !s->changes;
		cr_expect(!s->changes || i >= nexact);
		if (!s->changes)
			continue;
		nsketches += !strncmp(s->technique[0].name, "sketch", 6);
		nranks += !strncmp(s->technique[0].name, "low rank", 8);
		check_point(o, s);
	}
	cr_expect(nexact && nsketches > 1 && nranks + nsketches == p->npoints -
	          nexact, "%d exact, %d sketches, %d ranks of %d", nexact,
	          nsketches, nranks, p->npoints);
	cr_expect_lt(p->point[p->npoints - 1].ram, p->point[nexact - 1].ram * 2 / 3);
	arena_destroy(t->unit.arena);
}
