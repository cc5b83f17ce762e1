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

/* How often elements are stored. */
typedef struct Stores {
	int64_t plain, others;   /* is it all that is done to an element? */
	int64_t bare;            /* in no call that has an epilogue */
	int calls;
} Stores;

static bool has_epilogue(const Stmt *call, const Value *v)
{
	for (int i = 0; i < call->u.call.narg; i++)
		if (call->u.call.arg[i].epilogue == EP_RESULT)
			return call->u.call.arg[i].v == v;
	return false;
}

static void count_stores(Stores *n, const Stmt *s, const Value *v,
                         int64_t times, bool bare)
{
	for (; s; s = s->next)
		switch (s->kind) {
		case ST_FOR:
			count_stores(n, s->u.loop.body, v,
			             times * s->u.loop.extent, bare);
			break;
		case ST_CALL:
			n->calls++;
			count_stores(n, s->u.call.body, v, times,
			             !has_epilogue(s, v));
			break;
		case ST_STORE:
			if (s->u.store.to.v != v)
				break;
			if (s->u.store.add || s->u.store.to.nguards)
				n->others += times;
			else
				n->plain += times;
			n->bare += bare ? times : 0;
			break;
		case ST_SET:
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

/* An operator stores every element; if it stores as often as there are elements,
 * each is stored once. */
Tile tile_of(const Node *p, bool workspace)
{
	Arena *scratch = arena_create();
	const Kernel *k = kernel_of(scratch, p);
	const Value *v = p->out[0];
	Stores n = {0};
	count_stores(&n, k->body, v, 1, true);
	bool once = !n.others && n.plain == numel(v->shape);
	bool slow = n.calls && kernel_cost(k).flops > 2 * numel(v->shape);
	arena_destroy(scratch);
	Tile t = {.by_element = once && !slow, .by_call = once && !n.bare,
	          .rows = tile_rows(p, workspace)};
	if (t.rows)
		t.bytes = value_bytes(v) / v->shape.dim[0] * t.rows;
	return t;
}

int64_t fused_gradient_bytes(const Node *n, bool workspace)
{
	int64_t whole = value_bytes(n->out[0]);
	if (!is_gradient(n))
		return whole;
	Tile t = tile_of(n, workspace);
	return t.by_element || t.by_call ? 0 : t.rows ? t.bytes : whole;
}
