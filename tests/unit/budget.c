/*
 * --ram: what is said to be the smallest that fits does fit when it is asked for,
 * and is the same whatever is asked for below it.
 */
#include "ir/text.h"
#include "passes/pass.h"

#include <criterion/criterion.h>

#include <stdlib.h>

/* Its evaluation takes more than the step, if its kernels have workspaces. */
static const char images[] =
	"graph \"forward\" of \"images\"\n"
	"variable \"w\" parameter f32[6,1,5,5] fill 0.1\n"
	"variable \"k\" parameter f32[16,6,5,5] fill 0.05\n"
	"variable \"f\" parameter f32[10,64] fill -0.3\n"
	"input %x data f32[1,1,20,20]\n"
	"read %w \"w\"\nread %k \"k\"\nread %f \"f\"\n"
	"%c f32[1,6,16,16] = Conv(%x, %w)\n"
	"%r f32[1,6,16,16] = Relu(%c)\n"
	"%p f32[1,6,8,8] = MaxPool(%r) {kernel_shape=[2, 2], strides=[2, 2]}\n"
	"%d f32[1,16,4,4] = Conv(%p, %k)\n"
	"%s f32[1,16,4,4] = Relu(%d)\n"
	"%o f32[1,16,2,2] = MaxPool(%s) {kernel_shape=[2, 2], strides=[2, 2]}\n"
	"%q f32[1,64] = Reshape(%o) {shape=[1, 64]}\n"
	"%y f32[1,10] = Gemm(%q, %f) {transB=1}\n"
	"output \"y\" data %y\n";

static const char layers[] =
	"graph \"forward\" of \"layers\"\n"
	"variable \"a\" parameter f32[48,32] fill 0.1\n"
	"variable \"b\" parameter f32[32,48] fill 0.2\n"
	"variable \"c\" parameter f32[4,32] fill -0.1\n"
	"input %x data f32[2,32]\n"
	"read %a \"a\"\nread %b \"b\"\nread %c \"c\"\n"
	"%h f32[2,48] = Gemm(%x, %a) {transB=1}\n"
	"%t f32[2,48] = Tanh(%h)\n"
	"%g f32[2,32] = Gemm(%t, %b) {transB=1}\n"
	"%u f32[2,32] = Add(%g, %x)\n"
	"%v f32[2,32] = Erf(%u)\n"
	"%z f32[2,32] = Mul(%v, %u)\n"
	"%y f32[2,4] = Gemm(%z, %c) {transB=1}\n"
	"output \"y\" data %y\n";

static Program *build(Unit *u, const char *text, int64_t ram)
{
	Options o = {
		.ram = ram,
		.loss = {.kind = LOSS_CROSS_ENTROPY, .axis = 1,
		         .ignore_index = -100},
		.optimizer = {.kind = OPT_SGD, .lr = 0.1},
	};
	*u = (Unit){.path = "test", .arena = arena_create(), .messages = stderr};
	Graph *g = graph_parse(u, NULL, text);
	cr_assert(g, "the text is no graph");
	Program *p = build_program(g, &o);
	cr_assert(p, "no program");
	return p;
}

static int64_t smallest_of(const char *text, int64_t ram)
{
	Unit u;
	Program *p = build(&u, text, ram);
	cr_expect(!p->fits, "in %lld bytes", (long long)ram);
	int64_t bytes = p->smallest_ram;
	arena_destroy(u.arena);
	return bytes;
}

static int64_t the_smallest_fits(const char *text)
{
	Unit u;
	int64_t least = smallest_of(text, 1);
	Program *p = build(&u, text, least);
	cr_expect(p->fits, "not in %lld bytes", (long long)least);
	cr_expect_leq(p->arena_bytes + p->state_bytes, least);
	arena_destroy(u.arena);
	return least;
}

Test(budget, the_smallest_fits_although_evaluation_takes_more)
{
	int64_t least = the_smallest_fits(images);
	cr_expect_eq(smallest_of(images, least - 1), least);
}

Test(budget, the_smallest_of_a_batch_fits)
{
	the_smallest_fits(layers);
}
