/* Slice, Split, Pad, Trilu, TopK: their numbers may be attributes or inputs, negative, or
 * beyond the end; the internal form has them clamped and complete. */
#include "frontend/import_rules.h"

#include <string.h>

/* ---- Slice ---- */

typedef struct Ranges {
	int n, axis[MAX_RANK];
	int64_t start[MAX_RANK], end[MAX_RANK], step[MAX_RANK];
} Ranges;

static int64_t clamp(int64_t x, int64_t lo, int64_t hi)
{
	return x < lo ? lo : x > hi ? hi : x;
}

static bool same_length(Site *s, const char *what, int n, int expected)
{
	if (n < 0 || n == expected)
		return true;
	site_error(s, "has %d starts but %d %s", expected, n, what);
	return false;
}

static bool read_ranges(Site *s, int rank, Ranges *r)
{
	const int64_t *start, *end, *axes, *steps;
	int nends, naxes, nsteps;
	if (!site_list(s, "starts", 1, &r->n, &start) ||
	    !site_list(s, "ends", 2, &nends, &end) ||
	    !site_list(s, "axes", 3, &naxes, &axes) ||
	    !site_const_ints(s, 4, "steps", &nsteps, &steps))
		return false;
	if (r->n < 0 || r->n > rank || nends < 0) {
		site_error(s, "has %d starts and %d ends for %d dimensions",
		           r->n, nends, rank);
		return false;
	}
	if (!same_length(s, "ends", nends, r->n) ||
	    !same_length(s, "axes", naxes, r->n) ||
	    !same_length(s, "steps", nsteps, r->n))
		return false;
	for (int i = 0; i < r->n; i++) {
		r->start[i] = start[i];
		r->end[i] = end[i];
		r->step[i] = steps ? steps[i] : 1;
		r->axis[i] = i;
	}
	return !axes || site_axes(s, naxes, axes, rank, r->axis);
}

/* Going down, `end` is -1 before element 0: written as -(dim + 1), which is so
 * before and after counting from the end. A step of more than the dimension
 * takes one element, as one of the dimension does. */
static bool clamp_range(Site *s, Ranges *r, int i, int64_t dim)
{
	int64_t step = r->step[i];
	if (!step) {
		site_error(s, "a step is 0");
		return false;
	}
	r->step[i] = step = dim > 0 ? clamp(step, -dim, dim) : 1;
	int64_t lo = step < 0 ? -1 : 0, hi = step < 0 ? dim - 1 : dim;
	int64_t start = r->start[i], end = r->end[i];
	start = clamp(start < 0 ? clamp(start, -dim, 0) + dim : start,
	              0, step < 0 && hi < 0 ? 0 : hi);
	end = clamp(end < 0 ? clamp(end, -dim - 1, 0) + dim : end, lo, hi);
	if (end < 0)
		end = -dim - 1;
	else if (step > 0 && end < start)
		end = start;
	r->start[i] = start;
	r->end[i] = end;
	return true;
}

static bool whole_range(const Ranges *r, int i, int64_t dim)
{
	return r->step[i] == 1 && !r->start[i] && r->end[i] == dim;
}

bool convert_slice(Site *s)
{
	Ranges r;
	int64_t axes[MAX_RANK];
	bool whole = true;
	Value *x = site_in(s, 0);
	if (!x || !read_ranges(s, x->shape.rank, &r))
		return false;
	for (int i = 0; i < r.n; i++) {
		axes[i] = r.axis[i];
		int64_t dim = x->shape.dim[r.axis[i]];
		if (!clamp_range(s, &r, i, dim))
			return false;
		whole &= whole_range(&r, i, dim);
	}
	if (whole) {
		s->out[0] = x;
		return true;
	}
	Node *n = site_node(s, 1);
	if (!n)
		return false;
	node_set_ints(s->im->g, n, "starts", r.n, r.start);
	node_set_ints(s->im->g, n, "ends", r.n, r.end);
	node_set_ints(s->im->g, n, "axes", r.n, axes);
	node_set_ints(s->im->g, n, "steps", r.n, r.step);
	return site_result(s, n);
}

/* ---- Split ---- */

/* Parts of equal size; with num_outputs the last may be smaller. */
static bool equal_parts(Site *s, int64_t dim, int parts, int64_t size[])
{
	int64_t each = (dim + parts - 1) / parts;
	if (dim % parts && !site_attr(s, "num_outputs")) {
		site_error(s, "cannot split %lld into %d equal parts",
		           (long long)dim, parts);
		return false;
	}
	for (int i = 0; i < parts; i++) {
		int64_t left = dim - i * each;
		size[i] = left < 0 ? 0 : left < each ? left : each;
	}
	return true;
}

static bool given_parts(Site *s, int64_t dim, int parts, const int64_t *given)
{
	int64_t sum = 0;
	for (int i = 0; i < parts; i++) {
		if (given[i] < 0 || given[i] > dim - sum) {
			site_error(s, "its parts do not fit %lld elements",
			           (long long)dim);
			return false;
		}
		sum += given[i];
	}
	if (sum != dim)
		site_error(s, "its parts add up to %lld, expected %lld",
		           (long long)sum, (long long)dim);
	return sum == dim;
}

static bool split_sizes(Site *s, int64_t dim, int64_t *size)
{
	const int64_t *given;
	int n;
	if (!site_list(s, "split", 1, &n, &given))
		return false;
	if (n < 0)
		return equal_parts(s, dim, s->nout, size);
	if (n != s->nout) {
		site_error(s, "has %d parts but %d outputs", n, s->nout);
		return false;
	}
	memcpy(size, given, sizeof *size * (size_t)n);
	return given_parts(s, dim, n, given);
}

bool convert_split(Site *s)
{
	Value *x = site_in(s, 0);
	int axis;
	if (!x || !s->nout ||
	    !site_axis(s, site_int(s, "axis", 0), x->shape.rank, &axis))
		return false;
	int64_t *size = arena_array(s->im->u->arena, int64_t, s->nout);
	if (!split_sizes(s, x->shape.dim[axis], size))
		return false;
	Node *n = site_node(s, 1);
	if (!n)
		return false;
	node_set_int(s->im->g, n, "axis", axis);
	node_set_ints(s->im->g, n, "split", s->nout, size);
	node_set_outputs(s->im->g, n, s->nout);
	return site_result(s, n);
}

/* ---- Pad ---- */

/* pads: begins of all dimensions, then ends. */
static bool read_pads(Site *s, int rank, int64_t pads[2 * MAX_RANK])
{
	const int64_t *x, *axes;
	int n, naxes, axis[MAX_RANK];
	if (!site_list(s, "pads", 1, &n, &x) ||
	    !site_const_ints(s, 3, "axes", &naxes, &axes))
		return false;
	if (naxes > rank || n != 2 * (naxes < 0 ? rank : naxes)) {
		site_error(s, "has %d pads for %d dimensions", n,
		           naxes < 0 ? rank : naxes);
		return false;
	}
	for (int i = 0; i < rank; i++)
		axis[i] = i;
	if (naxes >= 0 && !site_axes(s, naxes, axes, rank, axis))
		return false;
	memset(pads, 0, sizeof *pads * 2 * MAX_RANK);
	for (int i = 0; i < n / 2; i++) {
		pads[axis[i]] = x[i];
		pads[rank + axis[i]] = x[n / 2 + i];
	}
	return true;
}

static bool pads_possible(Site *s, int n, const int64_t *pads)
{
	for (int i = 0; i < n; i++)
		if (pads[i] < -INT32_MAX || pads[i] > INT32_MAX) {
			site_error(s, "pads by %lld elements", (long long)pads[i]);
			return false;
		}
	return true;
}

bool convert_pad(Site *s)
{
	Value *x = site_in(s, 0);
	int64_t pads[2 * MAX_RANK];
	double value = site_float(s, "value", 0);
	if (!x || !read_pads(s, x->shape.rank, pads) ||
	    !pads_possible(s, 2 * x->shape.rank, pads) ||
	    !site_const_float(s, 2, "constant_value", &value))
		return false;
	bool any = false;
	for (int i = 0; i < 2 * x->shape.rank; i++)
		any |= pads[i] != 0;
	s->out[0] = x;
	if (!any)
		return true;
	Node *n = site_node(s, 1);
	if (!n)
		return false;
	node_set_ints(s->im->g, n, "pads", 2 * x->shape.rank, pads);
	node_set_string(s->im->g, n, "mode",
	                site_string(s, "mode", "constant"));
	node_set_float(s->im->g, n, "value", value);
	return site_result(s, n);
}

/* ---- Trilu ---- */

bool convert_trilu(Site *s)
{
	const int64_t *k;
	int count;
	if (!site_in(s, 0) || !site_const_ints(s, 1, "k", &count, &k))
		return false;
	Node *n = site_node(s, 1);
	if (!n)
		return false;
	node_set_int(s->im->g, n, "upper", site_int(s, "upper", 1));
	node_set_int(s->im->g, n, "k", count > 0 ? k[0] : 0);
	return site_result(s, n);
}

/* ---- TopK ---- */

/* Sorted, whether that is asked for or not. */
bool convert_top_k(Site *s)
{
	const int64_t *given;
	int count;
	if (!site_in(s, 0) || !site_const_ints(s, 1, "k", &count, &given))
		return false;
	if (count != 1 && (count >= 0 || !site_attr(s, "k"))) {
		site_error(s, "k is %d numbers, expected 1", count < 0 ? 0 : count);
		return false;
	}
	Node *n = site_node(s, 1);
	if (!n)
		return false;
	node_set_int(s->im->g, n, "axis", site_int(s, "axis", -1));
	node_set_int(s->im->g, n, "largest", site_int(s, "largest", 1));
	node_set_int(s->im->g, n, "k",
	             count == 1 ? given[0] : site_int(s, "k", 0));
	node_set_outputs(s->im->g, n, site_wants(s, 1) ? 2 : 1);
	return site_result(s, n);
}
