/*
 * FusedUpdate: a parameter's gradient and the update that consumes it, so that
 * the gradient is never in memory as a whole. Node.body[0] computes the
 * gradient, the rest, views and elementwise, updates; its are all outputs but
 * the tile. Or the last is one update that goes by rows (see UpdateRowsDef).
 * Made by the fuse-update pass only.
 *
 * With `rows` 0 each element of the gradient is used where the loops of
 * body[0] would store it. If it also `adds`, the update is linear in the
 * gradient: the functions that body[0] calls do it in their epilogue (see
 * linear.h), and what it adds to an element later is added to the new
 * parameter. So is what other members compute, behind the first, of a gradient
 * that is a sum. Else so many rows at a time are computed into a tile, the
 * node's own and first output, and used from there.
 *
 * An update element by element or by tiles has the bits of the one that reads
 * the whole gradient, in the same arithmetic. In an epilogue w (1 - lr decay) -
 * lr g is what is rounded, not w - lr (g + decay w): without decay the bits are
 * the same again where the function stores its sums in one piece (see rt.h), as
 * it does on a machine without vectors. What is added later is rounded for
 * itself, as if it were another step's.
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

int fused_update_gradients(const Node *n)
{
	int count = 0;
	while (count < n->nbody && n->body[count]->op->lower &&
	       !n->body[count]->op->view && !n->body[count]->op->update_rows)
		count++;
	return count;
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

/* Is there no update by rows but one that takes those of the tile? */
static bool rows_fit(const Node *n, int64_t rows)
{
	for (int b = 0; b < n->nbody; b++) {
		const Node *c = n->body[b];
		const UpdateRowsDef *by = c->op->update_rows;
		if (by && (b != 1 || n->nbody != 2 || !rows || !by->fits(c) ||
		           c->in[1] != gradient(n)))
			return false;
	}
	return true;
}

/* The members were inferred before they were fused. */
static bool infer(Unit *u, Node *n)
{
	int64_t rows = attr_int(n, ROWS);
	if (n->nbody < 2 || !fused_update_gradients(n) ||
	    (rows != 0 && !divides(n, rows)) || !rows_fit(n, rows)) {
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

/* A call gives way to the loops that say what it computes. */
static void open_call(Stmt **at)
{
	Stmt *call = *at;
	*end_of(&call->u.call.body) = call->next;
	*at = call->u.call.body;
}

static void use_elements(Kernel *k, const Node *n, Stmt **at)
{
	for (Stmt *s; (s = *at);) {
		if (s->kind == ST_STORE && s->u.store.to.v == gradient(n)) {
			at = use_element(k, n, at);
			continue;
		}
		if (s->kind == ST_CALL && stores(s, gradient(n))) {
			open_call(at);
			continue;
		}
		if (s->kind == ST_FOR)
			use_elements(k, n, &s->u.loop.body);
		at = &s->next;
	}
}

static void by_element(Kernel *k, const Node *n)
{
	n->body[0]->op->lower(k, n->body[0]);
	use_elements(k, n, &k->body);
	k->tail = end_of(&k->body);
}

/* ---- where it is added to ---- */

/* One gradient of a linear update. */
typedef struct Addend {
	const Node *node;
	const Value *g;
	const Linear *update;
	Expr *alpha, *beta;   /* numbers, or variables that are set before */
	bool first;           /* of all: the others add to what it stores */
	bool alone;           /* there are no others */
} Addend;

static Expr *bound(Kernel *k, Expr *x)
{
	return x->kind == E_NUM ? x : k_get(k, k_var(k, x));
}

static Arg factor(const Expr *x)
{
	if (x->kind == E_NUM)
		return (Arg){.kind = ARG_FLOAT, .f = x->u.num.f};
	return (Arg){.kind = ARG_SCALAR, .var = x->u.var};
}

/* NULL: it has none. */
static const Arg *find_epilogue(const Stmt *call, int epilogue)
{
	for (int i = 0; i < call->u.call.narg; i++)
		if ((int)call->u.call.arg[i].epilogue == epilogue)
			return &call->u.call.arg[i];
	return NULL;
}

static double own_factor(const Stmt *call, int epilogue)
{
	const Arg *a = find_epilogue(call, epilogue);
	if (!a)
		BUG("%s has no epilogue", call->u.call.fn);
	return a->f;
}

/* In front of the call: alpha, if the call has one of its own. */
static Expr *alpha_of(Kernel *k, const Addend *d, double own, Stmt ***at)
{
	Stmt *call = **at;
	if (own == 1)
		return d->alpha;
	**at = NULL;
	k->tail = *at;
	Expr *alpha = bound(k, k_mul(k, d->alpha, k_num(k, own)));
	*k->tail = call;
	*at = k->tail;
	return alpha;
}

/* The call leaves what comes of the update where that is to be. Returns where
 * it is then. */
static Stmt **set_epilogue(Kernel *k, const Addend *d, Stmt **at)
{
	Stmt *call = *at;
	bool adds = !d->first || own_factor(call, EP_BETA) != 0;
	Expr *alpha = alpha_of(k, d, own_factor(call, EP_ALPHA), &at);
	for (int i = 0; i < call->u.call.narg; i++) {
		Arg *a = &call->u.call.arg[i];
		if (is_result(a, d->g)) {
			a->v = d->update->to;
			a->over = adds ? NULL : d->update->from;
		} else if (a->epilogue == EP_ALPHA) {
			*a = factor(alpha);
		} else if (a->epilogue == EP_BETA) {
			*a = adds ? (Arg){.kind = ARG_FLOAT, .f = 1}
			          : factor(d->beta);
		}
	}
	return at;
}

static bool loads(const Expr *e, const Value *v)
{
	return e->kind == E_LOAD && e->u.load.v == v;
}

/* What a statement adds to the gradient that is there; NULL: it stores. */
static Expr *added(const Stmt *store)
{
	Expr *x = store->u.store.x;
	if (store->u.store.add)
		return x;
	if (x->kind != E_SCALAR || x->u.scalar.op != S_add)
		return NULL;
	for (int i = 0; i < 2; i++)
		if (loads(x->u.scalar.arg[i], store->u.store.to.v))
			return x->u.scalar.arg[1 - i];
	return NULL;
}

static bool is_zero(const Expr *x)
{
	return x->kind == E_NUM && x->u.num.f == 0;
}

/* What the first gradient begins with: alpha x + beta w. */
static Expr *begun(Kernel *k, const Addend *d, Expr *x, Index at)
{
	Expr *w = k_mul(k, d->beta, k_load_flat(k, d->update->from, at));
	return is_zero(x) ? w : k_add(k, k_mul(k, d->alpha, x), w);
}

/* The statement that stores an element, or adds to it. Returns where the next
 * one is. */
static Stmt **use_addend(Kernel *k, const Addend *d, Stmt **at)
{
	Stmt *store = *at;
	Expr *x = added(store), *stored = store->u.store.x;
	if (d->first && !x && d->alone && !is_zero(stored))
		return use_element(k, d->node, at);
	if (!d->first && !x && is_zero(stored)) {
		*at = store->next;
		return at;
	}
	store->u.store.add = x || !d->first;
	store->u.store.x = store->u.store.add
		? k_mul(k, d->alpha, x ? x : stored)
		: begun(k, d, stored, store->u.store.to.at);
	store->u.store.to.v = d->update->to;
	return &store->next;
}

static void use_addends(Kernel *k, const Addend *d, Stmt **at)
{
	for (Stmt *s; (s = *at);) {
		if (s->kind == ST_STORE && s->u.store.to.v == d->g) {
			at = use_addend(k, d, at);
			continue;
		}
		if (s->kind == ST_CALL && stores(s, d->g)) {
			if (!find_epilogue(s, EP_BETA)) {
				open_call(at);
				continue;
			}
			at = set_epilogue(k, d, at);
			use_addends(k, d, &s->u.call.body);
		} else if (s->kind == ST_FOR) {
			use_addends(k, d, &s->u.loop.body);
			if (!s->u.loop.body) {
				*at = s->next;
				continue;
			}
		}
		at = &s->next;
	}
}

static void add_gradient(Kernel *k, const Node *n, const Linear *l, int i,
                         Expr *alpha, Expr *beta)
{
	Stmt *body = NULL, **tail = k->tail;
	const Addend d = {n, n->body[i]->out[0], l, alpha, beta, i == 0,
	                  fused_update_gradients(n) == 1};
	k->tail = &body;
	n->body[i]->op->lower(k, n->body[i]);
	use_addends(k, &d, &body);
	*tail = body;
	k->tail = end_of(tail);
}

/* The factors are set first. */
static void by_addends(Kernel *k, const Node *n)
{
	Linear l;
	Expr *alpha[MOST_GRADIENTS], *beta;
	int count = fused_update_gradients(n);
	if (!linear_update(k, n, count, &l)) {
		k->misfit = "update that is linear in the gradient";
		by_element(k, n);
		return;
	}
	for (int i = 0; i < count; i++)
		alpha[i] = bound(k, l.alpha[i]);
	beta = bound(k, l.beta);
	for (int i = 0; i < count; i++)
		add_gradient(k, n, &l, i, alpha[i], beta);
}

/* ---- row by row ---- */

/* The update, if it is by rows, and what it begins with. */
typedef struct ByRows {
	const Node *update;
	const void *begun;
} ByRows;

static ByRows begin_rows(Kernel *k, const Node *n)
{
	const Node *last = n->body[n->nbody - 1];
	const UpdateRowsDef *by = last->op->update_rows;
	return by ? (ByRows){last, by->begin(k, last)} : (ByRows){NULL, NULL};
}

static void use_elements_of(Kernel *k, const Node *n, Index first, int64_t count)
{
	const Value *g = gradient(n), *tile = n->out[0];
	int64_t row = numel(g->shape) / g->shape.dim[0];
	int i = k_for(k, count * row);
	Index at = k_sum(k_scaled(first, row), k_at(i));
	k_members(k, n, 1, numel(g->shape), at, g,
	          k_load_flat(k, tile, k_at(i)));
	k_end(k);
}

static void use_rows(Kernel *k, const Node *n, const ByRows *by, Index first,
                     int64_t count)
{
	const Value *tile = n->out[0];
	n->body[0]->op->rows->lower(k, n->body[0], first, count, tile);
	if (by->update)
		by->update->op->update_rows->lower(k, by->update, by->begun,
		                                   first, count, tile);
	else
		use_elements_of(k, n, first, count);
}

static void by_tiles(Kernel *k, const Node *n, const ByRows *by, int64_t from,
                     int64_t to)
{
	int64_t rows = attr_int(n, ROWS), whole = (to - from) / rows;
	if (whole) {
		int t = k_for(k, whole);
		use_rows(k, n, by, k_plus(k_scaled(k_at(t), rows), from), rows);
		k_end(k);
	}
	if ((to - from) % rows)
		use_rows(k, n, by, k_const(from + whole * rows),
		         (to - from) % rows);
}

static int64_t seam_of(const Node *p)
{
	return p->op->rows->seam ? p->op->rows->seam(p) : 0;
}

static void by_rows(Kernel *k, const Node *n)
{
	ByRows by = begin_rows(k, n);
	int64_t seam = seam_of(n->body[0]);
	if (seam)
		by_tiles(k, n, &by, 0, seam);
	by_tiles(k, n, &by, seam, gradient(n)->shape.dim[0]);
}

static void lower(Kernel *k, const Node *n)
{
	if (attr_int(n, ROWS))
		by_rows(k, n);
	else if (attr_int(n, ADDS))
		by_addends(k, n);
	else
		by_element(k, n);
	hoist_invariants(k);
}

/* Of all calls: one comes after the other. */
static int64_t addends_workspace(const Node *n)
{
	int64_t most = 0;
	for (int i = 0; i < fused_update_gradients(n); i++) {
		const Node *p = n->body[i];
		int64_t bytes = p->op->workspace ? p->op->workspace(p) : 0;
		most = bytes > most ? bytes : most;
	}
	return most;
}

static int64_t rows_workspace(const Node *n)
{
	const Node *p = n->body[0];
	int64_t rows = attr_int(n, ROWS), most;
	int64_t all = p->out[0]->shape.dim[0], seam = seam_of(p);
	int64_t rest[] = {seam % rows, (all - seam) % rows};
	if (!p->op->rows->workspace)
		return 0;
	most = p->op->rows->workspace(p, rows);
	for (int i = 0; i < 2; i++) {
		int64_t bytes = rest[i] ? p->op->rows->workspace(p, rest[i]) : 0;
		most = bytes > most ? bytes : most;
	}
	return most;
}

static int64_t workspace(const Node *n)
{
	if (attr_int(n, ADDS))
		return addends_workspace(n);
	return attr_int(n, ROWS) ? rows_workspace(n) : 0;
}

const OpDef op_FusedUpdate = {
	.name = "FusedUpdate", .min_in = 0, .max_in = VARIADIC,
	.min_out = 1, .max_out = 1 << 20,
	ATTRS([ROWS] = {"rows", ATTR_INT}, [ADDS] = {"adds", ATTR_INT, true}),
	.infer = infer,
	.lower = lower,
	.workspace = workspace,
};
