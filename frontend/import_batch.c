/*
 * --batch N on a file that was exported with another batch. Sizes that the
 * exporter computed from the data follow by themselves; those that it wrote
 * down (the target [2,32,2,32] of a Reshape) have to be found and scaled.
 *
 * The idea: elements of one sample are a fixed distance apart, so the batch is
 * known by its stride, and a reshape keeps every stride. The first import, at
 * the old batch, gives all old shapes; the batch is the dimension whose size
 * changed. Where it was merged with others (batch x heads), `inner` is its
 * stride within that dimension.
 */
#include "frontend/import.h"

#include <string.h>

static const Value *before(const Site *s, const char *name)
{
	const Name *n = names_find(s->im->before, name);
	return n ? n->value : NULL;
}

/* The one dimension whose size changed; -1: none, or more than one. */
static int changed_axis(Shape old, Shape new)
{
	int axis = -1;
	if (old.rank != new.rank)
		return -1;
	for (int i = 0; i < old.rank; i++) {
		if (old.dim[i] == new.dim[i])
			continue;
		if (axis >= 0)
			return -1;
		axis = i;
	}
	return axis;
}

static bool same_constant(const Value *a, const Value *b)
{
	if (!a || a->kind != V_CONST || b->kind != V_CONST ||
	    !shape_equal(a->shape, b->shape))
		return false;
	return !memcmp(a->data, b->data, (size_t)numel(a->shape) *
	                                 (size_t)dtype_size(a->dtype));
}

/* Gives it elements of its first input, as they are. */
static bool hands_on(const OnnxNode *n)
{
	static const char *const ops[] = {
		"Cast", "Expand", "Gather", "Identity", "Reshape", "Slice",
		"Squeeze", "Unsqueeze",
	};
	for (size_t i = 0; n->nin && i < sizeof ops / sizeof ops[0]; i++)
		if (!strcmp(n->op, ops[i]))
			return true;
	return false;
}

/* Is it from the shape of a tensor? That would have followed, if the batch were
 * in it. */
static bool is_shape(const Site *s, const char *name)
{
	for (int steps = s->im->m->nnodes; steps > 0; steps--) {
		const Name *n = names_find(s->im->names, name);
		if (!n || n->producer < 0)
			return false;
		const OnnxNode *by = &s->im->m->node[n->producer];
		if (!strcmp(by->op, "Shape"))
			return true;
		if (!hands_on(by))
			return false;
		name = by->in[0];
	}
	return false;
}

bool batch_is_baked(const Site *s, int i)
{
	return s->im->before && s->in[i] && !is_shape(s, s->n->in[i]) &&
	       same_constant(before(s, s->n->in[i]), s->in[i]);
}

/* ---- following the batch ---- */

static int64_t inner_of(const Site *s, const char *name, int64_t old_size)
{
	const Name *n = names_find(s->im->names, name);
	if (n && n->inner)
		return n->inner;
	/* Unknown: the batch is usually the outer part. */
	return old_size / s->im->old_batch;
}

static int64_t inherit(const Site *s, int64_t old_size)
{
	if (old_size == s->im->old_batch)
		return 1;
	for (int i = 0; i < s->nin; i++) {
		const Value *old = s->in[i] ? before(s, s->n->in[i]) : NULL;
		int p = old ? changed_axis(old->shape, s->in[i]->shape) : -1;
		if (p >= 0 && old->shape.dim[p] == old_size)
			return inner_of(s, s->n->in[i], old_size);
	}
	return 0;
}

void batch_follow(Site *s)
{
	for (int o = 0; s->im->before && o < s->nout; o++) {
		const Value *old = *s->n->out[o] ? before(s, s->n->out[o]) : NULL;
		if (!old || !s->out[o])
			continue;
		Name *n = names_find(s->im->names, s->n->out[o]);
		int p = changed_axis(old->shape, s->out[o]->shape);
		if (p >= 0 && !n->inner)
			n->inner = inherit(s, old->shape.dim[p]);
	}
}

/* ---- Reshape ---- */

typedef struct Candidates {
	int inside;   /* the dimension that has the batch strictly within it, */
	int alone;    /* that is the batch and no more, */
	int left, right;   /* that may have it as its inner, its outer part */
} Candidates;

static Candidates find_candidates(Shape to, int64_t stride, int64_t batch)
{
	Candidates c = {-1, -1, -1, -1};
	int64_t step[MAX_RANK];
	shape_strides(to, step);
	for (int i = 0; i < to.rank; i++) {
		int64_t lo = step[i], hi = lo * to.dim[i], end = stride * batch;
		if (lo < 1 || lo > stride || hi < end || stride % lo ||
		    hi % end)
			continue;
		if (lo == stride && hi == end)
			c.alone = c.alone < 0 ? i : c.alone;
		else if (batch == 1 && lo == stride)
			c.left = i;
		else if (batch == 1 && hi == end)
			c.right = i;
		else
			c.inside = i;
	}
	return c;
}

/* With batch 1 nothing but custom says whether [T,1,E] to [T,E] is [T*B,E] or
 * [T,B*E]: rows are merged, features are split into heads. */
static int choose(Site *s, const Candidates *c, bool merges)
{
	int sure = c->alone >= 0 ? c->alone : c->inside;
	if (sure >= 0)
		return sure;
	if (c->left < 0 || c->right < 0)
		return c->left >= 0 ? c->left : c->right;
	if (!s->im->guessed)
		warn_at(s->im->u, s->loc, "the file's batch is 1, so --batch %lld "
		        "goes by custom to tell samples from time steps and heads "
		        "here; a file exported with batch 2 or more leaves no "
		        "doubt", (long long)s->im->new_batch);
	s->im->guessed = true;
	return merges ? c->left : c->right;
}

static bool lost(Site *s, Shape from, Shape to)
{
	Arena *a = s->im->u->arena;
	site_error(s, "reshapes %s to %s, and --batch %lld cannot tell where in "
	           "that the batch of %lld is; export the model with the batch "
	           "you want, or with dynamic_axes", shape_text(a, from),
	           shape_text(a, to), (long long)s->im->new_batch,
	           (long long)s->im->old_batch);
	return false;
}

bool batch_reshape(Site *s, Shape *target)
{
	const Import *im = s->im;
	Name *result = names_find(im->names, s->n->out[0]);
	Shape from = before(s, s->n->in[0])->shape, now = s->in[0]->shape;
	*target = before(s, s->n->out[0])->shape;
	if (shape_equal(from, now))
		return true;
	int p = changed_axis(from, now);
	if (p < 0 || from.dim[p] % im->old_batch ||
	    now.dim[p] / im->new_batch != from.dim[p] / im->old_batch)
		return lost(s, from, *target);
	int64_t stride = inner_of(s, s->n->in[0], from.dim[p]);
	for (int i = p + 1; i < from.rank; i++)
		stride *= from.dim[i];
	Candidates c = find_candidates(*target, stride, im->old_batch);
	int axis = choose(s, &c, target->rank < from.rank);
	if (axis < 0)
		return lost(s, from, *target);
	int64_t step[MAX_RANK];
	shape_strides(*target, step);
	result->inner = stride / step[axis];
	target->dim[axis] = target->dim[axis] / im->old_batch * im->new_batch;
	return true;
}

/* ---- Expand ---- */

/* A dimension that is the batch of the input stays it; the first dimension of
 * something that has no batch yet, if it is as large as the batch, becomes
 * it. */
void batch_expand(Site *s, Shape *target)
{
	const Import *im = s->im;
	Shape from = before(s, s->n->in[0])->shape, now = s->in[0]->shape;
	int p = changed_axis(from, now);
	int axis = p < 0 ? 0 : p + target->rank - from.rank;
	int64_t old = p < 0 ? im->old_batch : from.dim[p];
	if (axis < 0 || axis >= target->rank || old < 2 ||
	    target->dim[axis] != old)
		return;
	target->dim[axis] = p < 0 ? im->new_batch : now.dim[p];
}

/* ---- constants ---- */

/* One of those along the axis, if they are all the same. */
static const void *only_slice(Arena *a, const Value *x, int axis)
{
	int64_t run = dtype_size(x->dtype), n = x->shape.dim[axis], outer = 1;
	for (int i = axis + 1; i < x->shape.rank; i++)
		run *= x->shape.dim[i];
	for (int i = 0; i < axis; i++)
		outer *= x->shape.dim[i];
	char *slice = arena_alloc(a, (size_t)(outer * run) + 1);
	for (int64_t o = 0; o < outer; o++) {
		const char *from = (const char *)x->data + o * n * run;
		memcpy(slice + o * run, from, (size_t)run);
		for (int64_t i = 1; i < n; i++)
			if (memcmp(from, from + i * run, (size_t)run))
				return NULL;
	}
	return slice;
}

Value *batch_constant(Site *s, Value *x, Shape target)
{
	Arena *arena = s->im->u->arena;
	for (int i = 1; s->im->before && x->kind == V_CONST &&
	     i <= x->shape.rank && i <= target.rank; i++) {
		int axis = x->shape.rank - i;
		if (x->shape.dim[axis] != s->im->old_batch ||
		    target.dim[target.rank - i] != s->im->new_batch)
			continue;
		const void *slice = only_slice(arena, x, axis);
		Shape one = x->shape;
		one.dim[axis] = 1;
		if (slice)
			return graph_const(s->im->g, NULL, x->dtype, one, slice);
	}
	return x;
}

/* An attention mask that the exporter made for its batch. */
void batch_broadcast(Site *s)
{
	if (!s->im->before || s->im->old_batch < 2)
		return;
	for (int i = 0; i < s->nin; i++)
		for (int j = 0; j < s->nin; j++)
			if (i != j && s->in[i] && s->in[j])
				s->in[i] = batch_constant(s, s->in[i],
				                          s->in[j]->shape);
}
