#include "backend/c_steps.h"

#include "ir/lanes.h"
#include "ir/memo.h"
#include "ir/op.h"
#include "ir/scan.h"

#include <ctype.h>
#include <string.h>

typedef struct Printed {
	const char *name, *text;   /* the text without the parameters' names */
} Printed;

typedef struct Kernels {
	CProgram *c;
	Writer *w;
	int n;
	Printed *printed;
} Kernels;

/* ConvGradInput is conv_grad_input. */
static const char *snake_case(Arena *a, const char *s)
{
	char *to = arena_alloc(a, 2 * strlen(s) + 1), *start = to;
	for (; *s; s++) {
		if (isupper((unsigned char)*s) && to > start && to[-1] != '_')
			*to++ = '_';
		*to++ = (char)tolower((unsigned char)*s);
	}
	return start;
}

/* The ONNX node's name, with what of its computation this is: conv1,
 * conv1_grad_input, conv1_sum_to, conv1_matmul_grad. */
static const char *kernel_name(CProgram *c, const Node *n)
{
	const char *op = n->op->name, *onnx = n->loc.op ? n->loc.op : "";
	const char *node = n->loc.node && *n->loc.node ? n->loc.node : NULL;
	size_t same = strlen(onnx);
	if (!node)
		node = snake_case(c->arena, op), op = "";
	else if (same && !strncmp(op, onnx, same))
		op += same;
	bool grad = n->out[0]->memory == MEM_GRADIENT && !strstr(op, "Grad");
	const char *wish = arena_printf(
		c->arena, "%s%s%s%s", c_identifier(c->arena, node),
		*op ? "_" : "", snake_case(c->arena, op), grad ? "_grad" : "");
	return arena_printf(c->arena, "%s_%s", c->name,
	                    names_unique(&c->names, wish));
}

static const char *body_text(CProgram *c, CKernel *kernel)
{
	Memo m;
	memo_open(&m);
	c_put_kernel_body(&(Writer){.out = m.f, .arena = c->arena}, kernel);
	return memo_close(&m, c->arena);
}

/* All of the function but what it and its parameters are called. */
static const char *nameless_text(CProgram *c, const CKernel *kernel)
{
	CKernel nameless = *kernel;
	nameless.param = arena_array(c->arena, CParam, kernel->nparams);
	for (int p = 0; p < kernel->nparams; p++) {
		nameless.param[p] = kernel->param[p];
		nameless.param[p].name = arena_printf(c->arena, "p%d", p);
	}
	return arena_printf(c->arena, "(%s)\n%s", c_kernel_params(&nameless),
	                    body_text(c, &nameless));
}

static const char *find_printed(const Kernels *ks, const char *text)
{
	for (int i = 0; i < ks->n; i++)
		if (!strcmp(ks->printed[i].text, text))
			return ks->printed[i].name;
	return NULL;
}

static const char *print_kernel(Kernels *ks, CKernel *kernel)
{
	const char *text = nameless_text(ks->c, kernel);
	const char *name = find_printed(ks, text);
	if (name)
		return name;
	name = kernel_name(ks->c, kernel->k->node);
	ks->printed[ks->n++] = (Printed){name, text};
	w_comment(ks->w, c_kernel_comment(kernel));
	c_put_kernel_head(ks->w, kernel, name);
	w_raw(ks->w, "%s\n", body_text(ks->c, kernel));
	return name;
}

/* The plan has proved what it wanted to of the loops; now they may sum in the
 * order that suits the target. */
static Kernel *lowered(const CProgram *c, const Plan *plan, const Node *n)
{
	Kernel *k = plan_kernel(c->arena, plan, n);
	int lanes = target_or_host(c->p->target)->core->lanes;
	if (lanes > 1)
		kernel_split_sums(k, lanes);
	return k;
}

static CStep *print_kernels(Kernels *ks, const Plan *plan)
{
	CProgram *c = ks->c;
	CStep *step = arena_array(c->arena, CStep, plan->nsteps + 1);
	for (int i = 0; i < plan->nsteps; i++) {
		const Node *n = plan->step[i];
		if (n->scan)
			step[i].scan = print_kernels(ks, n->scan->plan);
		step[i].feed = n->op == &op_Feed;
		if (n->scan || step[i].feed || plan_skips(plan, n))
			continue;
		CKernel *kernel = c_kernel(c->arena, lowered(c, plan, n), plan);
		kernel->blas = c->o->openblas;
		kernel->stays = target_or_host(c->p->target)->core->plain;
		if (!c_emits(kernel, kernel->k->body))
			continue;
		step[i].kernel = kernel;
		step[i].name = print_kernel(ks, kernel);
	}
	return step;
}

static int count_steps(const Plan *plan)
{
	int n = plan->nsteps;
	for (int i = 0; i < plan->nsteps; i++)
		if (plan->step[i]->scan)
			n += count_steps(plan->step[i]->scan->plan);
	return n;
}

void c_put_kernels(Writer *w, CProgram *c, CStep *step[])
{
	int n = 0;
	for (int f = 0; f < c->nfns; f++)
		n += count_steps(c->fn[f].plan);
	Kernels ks = {.c = c, .w = w,
	              .printed = arena_array(c->arena, Printed, n)};
	for (int f = 0; f < c->nfns; f++)
		step[f] = print_kernels(&ks, c->fn[f].plan);
}
