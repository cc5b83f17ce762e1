#include "passes/gradient_tile.h"

#include "ir/op.h"

enum { TILE_BYTES = 4096 };

/* Is it one result, by loops of its own? A workspace is granted later. */
bool is_gradient(const Node *p)
{
	const Value *g = p->out[0];
	return p->nout == 1 && p->op->lower && !p->nbody && !g->var &&
	       (g->dtype == DT_F32 || g->dtype == DT_F64) &&
	       numel(g->shape) > 0;
}

/* How often elements are stored, or added to. */
typedef struct Stores {
	int64_t plain, adds, others;
	int64_t bare_values, bare_adds;   /* in no call that has an epilogue; */
	                                  /*   values that are not 0 */
	int calls, bare_calls;
} Stores;

/* Is its result v, and what is it times beforehand? */
static const Arg *epilogue_of(const Stmt *call, const Value *v)
{
	const Arg *beta = NULL;
	bool result = false;
	for (int i = 0; i < call->u.call.narg; i++) {
		const Arg *a = &call->u.call.arg[i];
		result |= a->epilogue == EP_RESULT && a->v == v;
		beta = a->epilogue == EP_BETA ? a : beta;
	}
	return result ? beta : NULL;
}

static bool is_zero(const Expr *x)
{
	return x->kind == E_NUM && x->u.num.f == 0;
}

static void count_store(Stores *n, const Stmt *s, int64_t times,
                        const Arg *beta)
{
	bool adds = s->u.store.add || (beta && beta->f != 0);
	if (adds)
		n->adds += times;
	else if (s->u.store.to.nguards)
		n->others += times;
	else
		n->plain += times;
	if (!beta && adds)
		n->bare_adds += times;
	if (!beta && !adds && !is_zero(s->u.store.x))
		n->bare_values += times;
}

/* beta: of the call that the statements are in, if it has an epilogue. */
static void count_stores(Stores *n, const Stmt *s, const Value *v,
                         int64_t times, const Arg *beta)
{
	for (; s; s = s->next)
		switch (s->kind) {
		case ST_FOR:
			count_stores(n, s->u.loop.body, v,
			             times * s->u.loop.extent, beta);
			break;
		case ST_CALL:
			n->calls++;
			n->bare_calls += !epilogue_of(s, v);
			count_stores(n, s->u.call.body, v, times,
			             epilogue_of(s, v));
			break;
		case ST_STORE:
			if (s->u.store.to.v == v)
				count_store(n, s, times, beta);
			if (!beta && statement_reads(s, v))
				n->others += times;
			break;
		case ST_SET:
			if (statement_reads(s, v))
				n->others += times;
			break;
		}
}

/* As many units as fit a small tile; 0 if there is little to win. */
static int64_t tile_rows(const Node *p, bool workspace)
{
	const Value *v = p->out[0];
	int64_t unit = p->op->rows ? p->op->rows->unit(p, workspace) : 0;
	if (!unit || v->shape.rank == 0)
		return 0;
	int64_t all = v->shape.dim[0], row = value_bytes(v) / all;
	int64_t rows = TILE_BYTES / row < all / 2 ? TILE_BYTES / row : all / 2;
	rows = rows > unit ? rows / unit * unit : unit;
	return 2 * rows <= all ? rows : 0;
}

/* About half of the rows, if that is what it takes. */
static int64_t half_of_rows(const Node *p)
{
	const Value *v = p->out[0];
	const RowsDef *by = p->op->rows;
	int64_t unit = by && by->least && v->shape.rank ? by->least(p) : 0;
	if (!unit || value_bytes(v) <= TILE_BYTES)
		return 0;
	int64_t all = v->shape.dim[0], rows = (all / 2 + unit - 1) / unit * unit;
	return rows < all ? rows : 0;
}

/* An operator stores every element before it adds to it; if it stores as often as
 * there are elements, each is stored once. What is added to the parameter itself
 * is rounded more coarsely than a gradient's sum would be: so no more of it than
 * there are elements. */
Tile tile_of(const Node *p, bool workspace, bool must)
{
	Arena *scratch = arena_create();
	const Kernel *k = kernel_of(scratch, p);
	const Value *v = p->out[0];
	Stores n = {0};
	count_stores(&n, k->body, v, 1, NULL);
	bool once = !n.others && n.plain == numel(v->shape);
	bool dear = kernel_cost(k).flops > 2 * numel(v->shape);
	bool slow = n.calls && dear;   /* if loops take the place of a call */
	bool sum = once && !n.bare_values && n.bare_adds <= n.plain &&
	           !(n.bare_calls && dear);
	arena_destroy(scratch);
	Tile t = {.by_element = once && !n.adds && !slow, .by_sum = sum,
	          .rows = tile_rows(p, workspace)};
	if (must && !t.rows)
		t.rows = half_of_rows(p);
	if (t.rows)
		t.bytes = value_bytes(v) / v->shape.dim[0] * t.rows;
	return t;
}

int64_t fused_gradient_bytes(const Node *n, bool workspace)
{
	int64_t whole = value_bytes(n->out[0]);
	if (!is_gradient(n))
		return whole;
	Tile t = tile_of(n, workspace, false);
	return t.by_element || t.by_sum ? 0 : t.rows ? t.bytes : whole;
}
