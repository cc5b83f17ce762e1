/* What a kernel costs: scalar operations and bytes moved, counted from its
 * loops. Index arithmetic and guards are free. One node counts at most 2^46 of
 * either, so that sums over graphs do not overflow. */
#include "ir/scan.h"

static int64_t times(int64_t x, int64_t n)
{
	const int64_t most = INT64_C(1) << 46;
	return n > 0 && x > most / n ? most : x * n;
}

static Cost expr_cost(const Expr *e)
{
	Cost sum = {0, 0};
	switch (e->kind) {
	case E_NUM: case E_VAR: case E_INDEX:
		break;
	case E_LOAD:
		sum.bytes = dtype_size(e->u.load.v->dtype);
		break;
	case E_CAST:
		return expr_cost(e->u.cast);
	case E_SCALAR:
		sum.flops = 1;
		for (int i = 0; i < scalar_arity(e->u.scalar.op); i++) {
			Cost c = expr_cost(e->u.scalar.arg[i]);
			sum.flops += c.flops;
			sum.bytes += c.bytes;
		}
	}
	return sum;
}

static Cost stmt_cost(const Stmt *s)
{
	Cost sum = {0, 0};
	for (; s; s = s->next) {
		Cost c = {0, 0};
		switch (s->kind) {
		case ST_FOR:
			c = stmt_cost(s->u.loop.body);
			c.flops = times(c.flops, s->u.loop.extent);
			c.bytes = times(c.bytes, s->u.loop.extent);
			break;
		case ST_CALL:
			c = stmt_cost(s->u.call.body);
			break;
		case ST_SET:
			c = expr_cost(s->u.set.x);
			break;
		case ST_STORE:
			c = expr_cost(s->u.store.x);
			c.bytes += dtype_size(s->u.store.to.v->dtype);
			c.flops += s->u.store.add;
			break;
		}
		sum.flops += c.flops;
		sum.bytes += c.bytes;
	}
	return sum;
}

Cost kernel_cost(const Kernel *k)
{
	return stmt_cost(k->body);
}

/* Views that the plan leaves in place cost nothing. */
static Cost scan_cost(const Scan *s)
{
	Cost one = s->plan ? s->plan->cost : graph_cost(s->graph);
	return (Cost){times(one.flops, s->parts), times(one.bytes, s->parts)};
}

Cost node_cost(const Node *n)
{
	if (n->scan)
		return scan_cost(n->scan);
	Arena *scratch = arena_create();
	Cost c = kernel_cost(kernel_of(scratch, n));
	arena_destroy(scratch);
	return c;
}

Cost graph_cost(const Graph *g)
{
	Cost sum = {0, 0};
	for (const Node *n = g->first; n; n = n->next) {
		Cost c = node_cost(n);
		sum.flops += c.flops;
		sum.bytes += c.bytes;
	}
	return sum;
}
