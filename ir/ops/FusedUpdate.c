/*
 * FusedUpdate: a parameter's gradient and the update that consumes it, so that
 * the gradient is never in memory as a whole. Node.body[0] computes the
 * gradient, the rest, views and elementwise, updates; its are all outputs but
 * the tile.
 * Made by the fuse-update pass only.
 *
 * With `rows` 0 each element of the gradient is used where the loops of
 * body[0] would store it. If it also `adds`, the update is linear in the
 * gradient, and the functions that body[0] calls do it in their epilogue (see
 * linear.h); the loops say the same. Else so many rows at a time are computed
 * into a tile, the node's own and first output, and used from there.
 *
 * An update element by element or by tiles has the bits of the one that reads
 * the whole gradient, in the same arithmetic. In an epilogue w (1 - lr decay) -
 * lr g is what is rounded, not w - lr (g + decay w): without decay the bits are
 * the same again where the function stores its sums in one piece (see rt.h), as
 * it does on a machine without vectors.
 */
#include "ir/op.h"

#include "ir/linear.h"

enum { ROWS, ADDS };

int64_t fused_update_rows(const Node *n)
{
	return n->op == &op_FusedUpdate ? attr_int(n, ROWS) : 0;
}

bool fused_update_adds(const Node *n)
{
	return n->op == &op_FusedUpdate && attr_int(n, ADDS);
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

/* ---- where the gradient is stored ---- */

/* What calls are to do; variables for it are set before all else. */
typedef struct Epilogue {
	const Linear *update;
	Stmt **tail;             /* where they are set */
} Epilogue;

static Stmt **end_of(Stmt **at)
{
	while (*at)
		at = &(*at)->next;
	return at;
}

/* The members take the place of the statement that stores an element. Returns
 * where the next one is. */
static Stmt **use_element(Kernel *k, const Node *n, Stmt **at)
{
	const Stmt *store = *at;
	*at = NULL;
	k->tail = at;
	k_members(k, n, 1, numel(gradient(n)->shape), store->u.store.to.at,
	          gradient(n), store->u.store.x);
	*k->tail = store->next;
	return k->tail;
}

static bool is_result(const Arg *a, const Value *v)
{
	return a->kind == ARG_VALUE && a->v == v;
}

static bool stores(const Stmt *call, const Value *v)
{
	for (int i = 0; i < call->u.call.narg; i++)
		if (is_result(&call->u.call.arg[i], v))
			return true;
	return false;
}

/* A number as it is, else a variable. */
static Arg factor(Kernel *k, Epilogue *e, Expr *x)
{
	if (x->kind == E_NUM)
		return (Arg){.kind = ARG_FLOAT, .f = x->u.num.f};
	k->tail = e->tail;
	Arg a = {.kind = ARG_SCALAR, .var = k_var(k, x)};
	e->tail = k->tail;
	return a;
}

/* The factor of a call that has one of its own. */
static Expr *alpha_of(Kernel *k, const Linear *l, double own)
{
	return own == 1 ? l->alpha : k_mul(k, l->alpha, k_num(k, own));
}

/* The call leaves what comes of the update where that is to be. */
static void set_epilogue(Kernel *k, Stmt *call, const Value *g, Epilogue *e)
{
	for (int i = 0; i < call->u.call.narg; i++) {
		Arg *a = &call->u.call.arg[i];
		if (is_result(a, g)) {
			a->v = e->update->to;
			a->over = e->update->from;
		} else if (a->epilogue == EP_ALPHA) {
			*a = factor(k, e, alpha_of(k, e->update, a->f));
		} else if (a->epilogue == EP_BETA) {
			*a = factor(k, e, e->update->beta);
		}
	}
}

/* Without an epilogue, calls that store the gradient give way to the loops that
 * say what they compute. */
static void use_elements(Kernel *k, const Node *n, Stmt **at, Epilogue *e)
{
	for (Stmt *s; (s = *at);) {
		bool call = s->kind == ST_CALL && stores(s, gradient(n));
		if (s->kind == ST_STORE && s->u.store.to.v == gradient(n)) {
			at = use_element(k, n, at);
			continue;
		}
		if (call && !e) {
			*end_of(&s->u.call.body) = s->next;
			*at = s->u.call.body;
			continue;
		}
		if (call) {
			set_epilogue(k, s, gradient(n), e);
			use_elements(k, n, &s->u.call.body, e);
		} else if (s->kind == ST_FOR) {
			use_elements(k, n, &s->u.loop.body, e);
		}
		at = &s->next;
	}
}

static void by_element(Kernel *k, const Node *n)
{
	n->body[0]->op->lower(k, n->body[0]);
	use_elements(k, n, &k->body, NULL);
	k->tail = end_of(&k->body);
}

/* The variables are set first; what they are set from has more. */
static void by_call(Kernel *k, const Node *n)
{
	Linear l;
	if (!linear_update(k, n, 1, gradient(n), &l)) {
		k->misfit = "update that is linear in the gradient";
		by_element(k, n);
		return;
	}
	Stmt *body = NULL;
	Epilogue e = {&l, k->tail};
	k->tail = &body;
	n->body[0]->op->lower(k, n->body[0]);
	use_elements(k, n, &body, &e);
	*e.tail = body;
	k->tail = end_of(&k->body);
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
	if (whole) {
		int t = k_for(k, whole);
		use_rows(k, n, k_plus(k_scaled(k_at(t), rows), from), rows);
		k_end(k);
	}
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
	else if (attr_int(n, ADDS))
		by_call(k, n);
	else
		by_element(k, n);
	hoist_invariants(k);
}

static int64_t workspace(const Node *n)
{
	const Node *p = n->body[0];
	int64_t rows = attr_int(n, ROWS), most;
	if (attr_int(n, ADDS))
		return p->op->workspace ? p->op->workspace(p) : 0;
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
	ATTRS([ROWS] = {"rows", ATTR_INT}, [ADDS] = {"adds", ATTR_INT, true}),
	.infer = infer,
	.lower = lower,
	.workspace = workspace,
};
