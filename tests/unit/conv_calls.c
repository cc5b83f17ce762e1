/*
 * Which function of the runtime a convolution calls, and what of the runtime
 * its program carries for that: depthwise kernels only where one is depthwise,
 * and nothing of the others where all are.
 */
#include "backend/c_runtime.h"
#include "tests/unit/op_case.h"

typedef struct Tally {
	int depthwise, other;
} Tally;

static const Stmt *call_of(const Kernel *k)
{
	const Stmt *s = k->body;
	while (s->kind == ST_FOR)
		s = s->u.loop.body;
	return s->kind == ST_CALL ? s : NULL;
}

/* One input channel a group, of several, few outputs of each; and not 1x1 at
 * stride 1, which is a product. The numbers are those of rt_conv. */
static bool is_depthwise(const int64_t f[])
{
	bool product = f[7] * f[8] * f[9] * f[10] == 1 && f[11] + f[12] == 0 &&
	               f[2] == f[5] && f[3] == f[6];
	return f[1] > 1 && f[15] == f[1] && f[4] < 8 * f[1] && !product;
}

static bool starts(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

/* Programs that LLVM makes for this machine find only these. */
static bool is_native(const char *fn)
{
	static const char *const names[] = {
#define CALL(name) #name,
#include "backend/native/calls.def"
#undef CALL
	};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!strcmp(fn, names[i]))
			return true;
	return false;
}

static void check_call(Case *c, Tally *t)
{
	int64_t bytes = c->op->needs_workspace ? c->op->workspace(c->n) : 0;
	if (bytes)
		node_add_output(c->g, c->n, DT_U8, (Shape){1, {bytes}})
			->memory = MEM_WORKSPACE;
	const Stmt *s = call_of(kernel_of(c->unit.arena, c->n));
	if (!s)
		return;
	const char *fn = s->u.call.fn;
	const char *text = runtime_text(c->unit.arena, fn);
	bool depthwise = is_depthwise(s->u.call.arg[0].field);
	*(depthwise ? &t->depthwise : &t->other) += 1;
	cr_expect(starts(fn, depthwise ? "rt_depth_" : "rt_conv_"),
	          "%s, example %d: %s", c->op->name, c->index, fn);
	cr_expect(is_native(fn), "%s", fn);
	cr_expect_not_null(strstr(text, fn));
	cr_expect_null(strstr(text, depthwise ? "void rt_conv_"
	                                      : "void rt_depth_"), "%s", fn);
}

static void check_operator(const char *name)
{
	const OpDef *op = op_find(name);
	Tally t = {0};
	cr_assert(op, "%s", name);
	for (int e = 0; e < op->nexamples; e++) {
		Case *c = case_make(op, e);
		check_call(c, &t);
		case_free(c);
	}
	cr_expect_gt(t.depthwise, 0, "%s", name);
	cr_expect_gt(t.other, 0, "%s", name);
}

Test(conv_calls, depthwise_is_apart)
{
	check_operator("Conv");
	check_operator("ConvGradInput");
	check_operator("ConvGradWeight");
	check_operator("QLinearConv");
}
