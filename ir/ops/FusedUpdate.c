/*
 * FusedUpdate: a parameter's gradient and the update that consumes it, so that
 * the gradient is never in memory as a whole. Node.body[0] computes the
 * gradient, the rest, views and elementwise, updates; its are all outputs but
 * the tile.
 * Made by the fuse-update pass only.
 *
 * With `rows` 0 each element of the gradient is used where the loops of
 * body[0] would store it. Else so many rows at a time are computed into a tile,
 * the node's own and first output, and used from there.
 */
#include "ir/op.h"

enum { ROWS };

int64_t fused_update_rows(const Node *n)
{
	return n->op == &op_FusedUpdate ? attr_int(n, ROWS) : 0;
}

static const Value *gradient(const Node *n)
{
	return n->body[0]->out[0];
}

static bool divides(const Node *n, int64_t rows)
{
	const Node *p = n->body[0];
	return rows > 0 && p->op->rows && p->op->rows->unit(p, false) &&
	       p->out[0]->shape.rank > 0 && rows <= p->out[0]->shape.dim[0];
}

/* The members were inferred before they were fused. */
static bool infer(Unit *u, Node *n)
{
	int64_t rows = attr_int(n, ROWS);
	if (n->nbody < 2 || (rows != 0 && !divides(n, rows))) {
		error_at(u, n->loc, "%lld rows of no gradient that has them",
		         (long long)rows);
		return false;
	}
	if (rows == 0)
		return true;
	n->out[0]->dtype = gradient(n)->dtype;
	n->out[0]->shape = gradient(n)->shape;
	n->out[0]->shape.dim[0] = rows;
	return true;
}

/* ---- element by element ---- */

/* Where the statement is that stores v. Calls on the way give way to the loops
 * that say what they compute. */
static Stmt **find_store(Stmt **at, const Value *v)
{
	for (Stmt *s; (s = *at);) {
		if (s->kind == ST_STORE && s->u.store.to.v == v)
			return at;
		if (s->kind == ST_CALL) {
			Stmt **end = &s->u.call.body;
			while (*end)
				end = &(*end)->next;
			*end = s->next;
			*at = s->u.call.body;
			continue;
		}
		Stmt **found = s->kind == ST_FOR
		             ? find_store(&s->u.loop.body, v) : NULL;
		if (found)
			return found;
		at = &s->next;
	}
	return NULL;
}

static void by_element(Kernel *k, const Node *n)
{
	const Value *g = gradient(n);
	n->body[0]->op->lower(k, n->body[0]);
	Stmt **at = find_store(&k->body, g);
	if (!at)
		BUG("%s stores no gradient", n->body[0]->op->name);
	const Stmt *store = *at;
	*at = NULL;
	k->tail = at;
	k_members(k, n, 1, numel(g->shape), store->u.store.to.at, g,
	          store->u.store.x);
	*k->tail = store->next;
	for (k->tail = &k->body; *k->tail; k->tail = &(*k->tail)->next)
		;
}

/* ---- row by row ---- */

static void use_rows(Kernel *k, const Node *n, Index first, int64_t count)
{
	const Value *g = gradient(n), *tile = n->out[0];
	int64_t row = numel(g->shape) / g->shape.dim[0];
	n->body[0]->op->rows->lower(k, n->body[0], first, count, tile);
	int i = k_for(k, count * row);
	Index at = k_sum(k_scaled(first, row), k_at(i));
	k_members(k, n, 1, numel(g->shape), at, g,
	          k_load_flat(k, tile, k_at(i)));
	k_end(k);
}

static void by_tiles(Kernel *k, const Node *n, int64_t from, int64_t to)
{
	int64_t rows = attr_int(n, ROWS), whole = (to - from) / rows;
	int t = k_for(k, whole);
	use_rows(k, n, k_plus(k_scaled(k_at(t), rows), from), rows);
	k_end(k);
	if ((to - from) % rows)
		use_rows(k, n, k_const(from + whole * rows), (to - from) % rows);
}

static int64_t seam_of(const Node *p)
{
	return p->op->rows->seam ? p->op->rows->seam(p) : 0;
}

static void by_rows(Kernel *k, const Node *n)
{
	int64_t seam = seam_of(n->body[0]);
	if (seam)
		by_tiles(k, n, 0, seam);
	by_tiles(k, n, seam, gradient(n)->shape.dim[0]);
}

static void lower(Kernel *k, const Node *n)
{
	if (attr_int(n, ROWS))
		by_rows(k, n);
	else
		by_element(k, n);
	hoist_invariants(k);
}

static int64_t workspace(const Node *n)
{
	const Node *p = n->body[0];
	int64_t rows = attr_int(n, ROWS), most;
	if (!rows || !p->op->rows->workspace)
		return 0;
	int64_t all = p->out[0]->shape.dim[0], seam = seam_of(p);
	int64_t rest[] = {seam % rows, (all - seam) % rows};
	most = p->op->rows->workspace(p, rows);
	for (int i = 0; i < 2; i++) {
		int64_t bytes = rest[i] ? p->op->rows->workspace(p, rest[i]) : 0;
		most = bytes > most ? bytes : most;
	}
	return most;
}

const OpDef op_FusedUpdate = {
	.name = "FusedUpdate", .min_in = 0, .max_in = VARIADIC,
	.min_out = 1, .max_out = 1 << 20,
	ATTRS([ROWS] = {"rows", ATTR_INT}),
	.infer = infer,
	.lower = lower,
	.workspace = workspace,
};
