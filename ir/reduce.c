#include "ir/reduce.h"

#include "ir/build.h"

static bool find_axes(Unit *u, const Node *n, bool reduced[])
{
	const Attr *axes = &n->attr[REDUCE_AXES];
	int rank = n->in[0]->shape.rank, axis;
	bool all = axes->n == 0 && !attr_int(n, REDUCE_NOOP);
	for (int a = 0; a < rank; a++)
		reduced[a] = all;
	for (int i = 0; i < axes->n; i++) {
		if (!infer_axis(u, n, axes->ints[i], rank, &axis))
			return false;
		reduced[axis] = true;
	}
	return true;
}

bool reduce_infer(Unit *u, Node *n)
{
	bool reduced[MAX_RANK];
	Shape from = n->in[0]->shape, to = {0};
	if (!find_axes(u, n, reduced))
		return false;
	for (int a = 0; a < from.rank; a++)
		if (!reduced[a] || attr_int(n, REDUCE_KEEPDIMS))
			to.dim[to.rank++] = reduced[a] ? 1 : from.dim[a];
	n->out[0]->dtype = n->in[0]->dtype;
	n->out[0]->shape = to;
	return true;
}

Shape reduce_kept(const Node *n)
{
	bool reduced[MAX_RANK];
	Shape s = n->in[0]->shape;
	find_axes(NULL, n, reduced);
	for (int a = 0; a < s.rank; a++)
		if (reduced[a])
			s.dim[a] = 1;
	return s;
}

int64_t reduce_count(const Node *n)
{
	Shape s = n->in[0]->shape, kept = reduce_kept(n);
	int64_t count = 1;
	for (int a = 0; a < s.rank; a++)
		count *= s.dim[a] / (kept.dim[a] ? kept.dim[a] : 1);
	return count;
}

Value *reduce_align(Graph *g, const Node *n, Value *v)
{
	return build_reshape(g, n->loc, v, reduce_kept(n));
}

void reduce_open_kept(Kernel *k, const Node *n, ReduceLoops *l)
{
	Shape x = n->in[0]->shape;
	find_axes(NULL, n, l->reduced);
	l->nkept = 0;
	for (int a = 0; a < x.rank; a++)
		if (!l->reduced[a]) {
			l->loop[a] = k_for(k, x.dim[a]);
			l->nkept++;
		}
}

void reduce_open_reduced(Kernel *k, const Node *n, ReduceLoops *l)
{
	Shape x = n->in[0]->shape;
	l->nreduced = 0;
	for (int a = 0; a < x.rank; a++)
		if (l->reduced[a]) {
			l->loop[a] = k_for(k, x.dim[a]);
			l->nreduced++;
		}
}

Index reduce_output_at(const Node *n, const ReduceLoops *l)
{
	Index at = {0};
	int64_t stride = 1;
	for (int a = n->in[0]->shape.rank - 1; a >= 0; a--)
		if (!l->reduced[a]) {
			at = k_sum(at, k_scaled(k_at(l->loop[a]), stride));
			stride *= n->in[0]->shape.dim[a];
		}
	return at;
}

static Expr *start(Kernel *k, const Node *n, const ReduceLoops *l,
                   ReduceFrom from)
{
	const Value *x = n->in[0];
	Index at[MAX_RANK];
	if (from != FROM_FIRST)
		return k_typed(k, compute_type(x->dtype), from == FROM_ONE);
	for (int a = 0; a < x->shape.rank; a++)
		at[a] = l->reduced[a] ? k_const(0) : k_at(l->loop[a]);
	return k_load_at(k, x, at);
}

void reduce_lower(Kernel *k, const Node *n, ReduceFrom from, Combine *combine,
                  Finish *finish)
{
	ReduceLoops l;
	reduce_open_kept(k, n, &l);
	int r = k_var(k, start(k, n, &l, from));
	reduce_open_reduced(k, n, &l);
	k_set(k, r, combine(k, k_get(k, r), k_load(k, n->in[0], l.loop)));
	k_end_n(k, l.nreduced);
	Expr *y = k_get(k, r);
	k_store_flat(k, n->out[0], reduce_output_at(n, &l),
	             finish ? finish(k, n, y) : y);
	k_end_n(k, l.nkept);
}

Expr *reduce_add_square(Kernel *k, Expr *sum, Expr *x)
{
	Expr *once = k_get(k, k_var(k, x));
	return k_add(k, sum, k_mul(k, once, once));
}

bool reduce_infer_nonempty(Unit *u, Node *n)
{
	if (!reduce_infer(u, n))
		return false;
	if (numel(n->in[0]->shape))
		return true;
	error_at(u, n->loc, "reduces %s, which has no elements",
	         shape_text(u->arena, n->in[0]->shape));
	return false;
}

void reduce_grad_ties(Graph *g, Node *n, Value *const dy[], const bool want[],
                      Value *dx[])
{
	Value *is = APPLY(g, n->loc, op_Equal, n->in[0],
	                  reduce_align(g, n, n->out[0]));
	Node *cast = NEW(g, n->loc, op_Cast, is);
	node_set_int(g, cast, "to", dtype_to_onnx(n->in[0]->dtype));
	Value *mask = node_done(g, cast);
	Node *count = NEW(g, n->loc, op_ReduceSum, mask);
	node_copy_attrs(g, count, n);
	Value *share = APPLY(g, n->loc, op_Div, dy[0], node_done(g, count));
	dx[0] = APPLY(g, n->loc, op_Mul, mask, reduce_align(g, n, share));
}

static bool reduces_first(const Node *n)
{
	bool reduced[MAX_RANK];
	return find_axes(NULL, n, reduced) && reduced[0];
}

bool reduce_parts_kept(const Node *n, const bool part[], PartKind out[])
{
	return !reduces_first(n) && parts_give(n, PART_ROWS, out);
}

bool reduce_parts_sum(const Node *n, const bool part[], PartKind out[])
{
	return parts_give(n, reduces_first(n) ? PART_SUM : PART_ROWS, out);
}

/* A quotient of integers is rounded in each part. */
bool reduce_parts_mean(const Node *n, const bool part[], PartKind out[])
{
	bool first = reduces_first(n);
	return (!first || dtype_is_float(n->out[0]->dtype)) &&
	       parts_give(n, first ? PART_MEAN : PART_ROWS, out);
}
