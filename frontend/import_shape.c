/* Operators that keep the elements in order, or repeat them: the targets that
 * ONNX gives as inputs become attributes. */
#include "frontend/import_rules.h"

static Value *first(Site *s)
{
	Value *x = site_in(s, 0);
	if (!x)
		site_error(s, "has no input");
	return x;
}

bool site_shape(Site *s, int i, Shape *out)
{
	const int64_t *x;
	int n;
	if (!site_const_ints(s, i, "shape", &n, &x))
		return false;
	if (n < 0 || n > MAX_RANK) {
		site_error(s, n < 0 ? "has no shape" : "its shape has more than "
		           "%d dimensions", MAX_RANK);
		return false;
	}
	*out = (Shape){.rank = n};
	for (int a = 0; a < n; a++)
		out->dim[a] = x[a];
	if (shape_valid(*out))
		return true;
	site_error(s, "its shape %s is impossible",
	           shape_text(s->im->u->arena, *out));
	return false;
}

static bool give_reshaped(Site *s, Shape to)
{
	s->out[0] = site_reshape(s, s->in[0], to);
	return s->out[0] != NULL;
}

/* PyTorch's exporter writes one Identity per parameter whose initial contents
 * happen to be equal to another's: a variable of its own. Not so where a body
 * passes on what it was given, and in a training algorithm, which has no
 * parameters. */
static bool is_parameter(const Site *s)
{
	bool algorithm = s->n - s->im->m->node >= s->im->m->own.nodes;
	return !algorithm && !s->n->in_body && torch_made(s->im);
}

bool convert_identity(Site *s)
{
	Value *x = first(s);
	if (x && x->kind == V_VARIABLE && is_parameter(s))
		x = import_own_variable(s->im, x, s->n->out[0]);
	s->out[0] = x;
	return x != NULL;
}

/* ---- Reshape ---- */

static bool reshape_failed(Site *s, Shape from, const int64_t *x, int n)
{
	Shape to = {.rank = n};
	for (int i = 0; i < n; i++)
		to.dim[i] = x[i];
	site_error(s, "cannot reshape %s to %s",
	           shape_text(s->im->u->arena, from),
	           shape_text(s->im->u->arena, to));
	return false;
}

/* 0 copies the input's dimension (unless allowzero), -1 is what is left. */
static bool resolve(Site *s, Shape from, const int64_t *x, int n, Shape *to)
{
	bool allowzero = site_int(s, "allowzero", 0) != 0;
	int64_t known = 1;
	int free_axis = -1;
	*to = (Shape){.rank = n};
	for (int i = 0; i < n; i++) {
		to->dim[i] = x[i];
		if (x[i] == 0 && !allowzero)
			to->dim[i] = i < from.rank ? from.dim[i] : -2;
		if (x[i] == -1 && free_axis < 0)
			free_axis = i;
		else if (to->dim[i] < 0)
			return reshape_failed(s, from, x, n);
		else if (to->dim[i] && known > INT64_MAX / 8 / to->dim[i])
			return reshape_failed(s, from, x, n);
		else
			known *= to->dim[i];
	}
	if (free_axis < 0)
		return true;
	if (!known || numel(from) % known)
		return reshape_failed(s, from, x, n);
	to->dim[free_axis] = numel(from) / known;
	return true;
}

bool convert_reshape(Site *s)
{
	const int64_t *x;
	int n;
	Shape to;
	Value *v = first(s);
	if (!v || !site_const_ints(s, 1, "shape", &n, &x))
		return false;
	if (n < 0 || n > MAX_RANK) {
		site_error(s, n < 0 ? "has no shape" : "its shape has more than "
		           "%d dimensions", MAX_RANK);
		return false;
	}
	bool baked = batch_is_baked(s, 1);
	if (baked ? !batch_reshape(s, &to) : !resolve(s, v->shape, x, n, &to))
		return false;
	if (numel(to) != numel(v->shape))
		return reshape_failed(s, v->shape, to.dim, to.rank);
	return give_reshaped(s, to);
}

bool convert_flatten(Site *s)
{
	Value *x = first(s);
	if (!x)
		return false;
	int64_t axis = site_int(s, "axis", 1), rank = x->shape.rank;
	if (axis < -rank || axis > rank) {
		site_error(s, "axis is %lld, but there are %lld dimensions",
		           (long long)axis, (long long)rank);
		return false;
	}
	axis += axis < 0 ? rank : 0;
	return give_reshaped(s, site_rows(x->shape, axis));
}

bool convert_squeeze(Site *s)
{
	Value *x = first(s);
	const int64_t *axes;
	int n, axis[MAX_RANK];
	bool drop[MAX_RANK] = {false};
	if (!x || !site_list(s, "axes", 1, &n, &axes))
		return false;
	if (n >= 0 && !site_axes(s, n, axes, x->shape.rank, axis))
		return false;
	for (int i = 0; i < n; i++)
		drop[axis[i]] = true;
	Shape to = {0};
	for (int i = 0; i < x->shape.rank; i++) {
		if (drop[i] && x->shape.dim[i] != 1) {
			site_error(s, "cannot squeeze dimension %d of %s", i,
			           shape_text(s->im->u->arena, x->shape));
			return false;
		}
		if (n < 0 ? x->shape.dim[i] != 1 : !drop[i])
			to.dim[to.rank++] = x->shape.dim[i];
	}
	return give_reshaped(s, to);
}

bool convert_unsqueeze(Site *s)
{
	Value *x = first(s);
	const int64_t *axes;
	int n, axis[MAX_RANK];
	if (!x || !site_list(s, "axes", 1, &n, &axes))
		return false;
	Shape to = {.rank = x->shape.rank + (n > 0 ? n : 0)};
	if (n < 0 || to.rank > MAX_RANK) {
		site_error(s, n < 0 ? "has no axes" : "gives more than %d "
		           "dimensions", MAX_RANK);
		return false;
	}
	if (!site_axes(s, n, axes, to.rank, axis))
		return false;
	for (int i = 0; i < n; i++)
		to.dim[axis[i]] = -1;
	for (int i = 0, from = 0; i < to.rank; i++)
		to.dim[i] = to.dim[i] < 0 ? 1 : x->shape.dim[from++];
	return give_reshaped(s, to);
}

/* ---- Expand, Tile ---- */

static Value *expand(Site *s, Value *x, Shape to)
{
	if (shape_equal(x->shape, to))
		return x;
	const OpDef *op = site_op(s, "Expand");
	if (!op)
		return NULL;
	Node *n = node_new(s->im->g, s->loc, op, 1, &x);
	node_set_ints(s->im->g, n, "shape", to.rank, to.dim);
	return site_done(s, n);
}

bool convert_expand(Site *s)
{
	Value *x = first(s);
	Shape target, to;
	if (!x || !site_shape(s, 1, &target))
		return false;
	if (batch_is_baked(s, 1))
		batch_expand(s, &target);
	x = batch_constant(s, x, target);
	if (!shape_broadcast(x->shape, target, &to)) {
		site_error(s, "cannot expand %s to %s",
		           shape_text(s->im->u->arena, x->shape),
		           shape_text(s->im->u->arena, target));
		return false;
	}
	s->out[0] = expand(s, x, to);
	return s->out[0] != NULL;
}

/* [a,b] repeated r and s times is [1,a,1,b] expanded to [r,a,s,b], as
 * [r a, s b]. */
bool convert_tile(Site *s)
{
	Value *x = first(s);
	Shape times, apart = {0}, wide = {0}, to;
	if (!x || !site_shape(s, 1, &times))
		return false;
	if (times.rank != x->shape.rank) {
		site_error(s, "has %d repeats for %d dimensions", times.rank,
		           x->shape.rank);
		return false;
	}
	to = x->shape;
	for (int i = 0; i < times.rank; i++) {
		int more = times.dim[i] != 1 ? 2 : 1;
		if (apart.rank + more > MAX_RANK) {
			site_error(s, "repeats too many of %d dimensions: at "
			           "most %d are supported, and each takes two",
			           times.rank, MAX_RANK);
			return false;
		}
		if (more == 2) {
			apart.dim[apart.rank++] = 1;
			wide.dim[wide.rank++] = times.dim[i];
		}
		apart.dim[apart.rank++] = x->shape.dim[i];
		wide.dim[wide.rank++] = x->shape.dim[i];
		to.dim[i] *= times.dim[i];
	}
	if (!shape_valid(wide) || !shape_valid(to)) {
		site_error(s, "its result is too large");
		return false;
	}
	Value *y = site_reshape(s, x, apart);
	y = y ? expand(s, y, wide) : NULL;
	s->out[0] = y ? site_reshape(s, y, to) : NULL;
	return s->out[0] != NULL;
}
