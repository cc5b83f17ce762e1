/*
 * Resize and Upsample: what ONNX says by modes of coordinates and of
 * interpolation becomes, for each axis, a table of places and weights.
 */
#include "frontend/import_rules.h"

#include <math.h>
#include <string.h>

enum { MAX_TAPS = 64 };

typedef struct Resize {
	const char *mode, *coordinates, *nearest;
	double cubic;            /* the coefficient a */
	bool exclude_outside, antialias, crop;
	double outside;
	int naxes, axis[MAX_RANK];
	double scale[MAX_RANK];  /* by place in `axis` */
	int64_t to[MAX_RANK];
	double roi[2 * MAX_RANK];
} Resize;

/* ---- where a place of the result lies along the input's axis ---- */

static double origin(const Resize *r, int i, int64_t from, int64_t at)
{
	double x = (double)at, in = (double)from, scale = r->scale[i];
	double out = scale * in;
	if (!strcmp(r->coordinates, "asymmetric"))
		return x / scale;
	if (!strcmp(r->coordinates, "align_corners"))
		return out == 1 ? 0 : x * (in - 1) / (out - 1);
	if (!strcmp(r->coordinates, "tf_half_pixel_for_nn"))
		return (x + 0.5) / scale;
	if (!strcmp(r->coordinates, "pytorch_half_pixel") && r->to[i] <= 1)
		return 0;
	if (r->crop) {
		double start = r->roi[i], end = r->roi[r->naxes + i];
		return out > 1 ? start * (in - 1) +
		                 x * (end - start) * (in - 1) / (out - 1)
		               : 0.5 * (start + end) * (in - 1);
	}
	if (!strcmp(r->coordinates, "half_pixel_symmetric")) {
		double adjust = (double)r->to[i] / out;
		return in / 2 * (1 - adjust) + (x + 0.5) / scale - 0.5;
	}
	return (x + 0.5) / scale - 0.5;
}

static double nearest(const Resize *r, double x)
{
	if (!strcmp(r->nearest, "floor"))
		return floor(x);
	if (!strcmp(r->nearest, "ceil"))
		return ceil(x);
	return !strcmp(r->nearest, "round_prefer_ceil") ? floor(x + 0.5)
	                                                : ceil(x - 0.5);
}

/* As a place: what is no number or far away is somewhere outside. */
static int64_t whole(double x)
{
	const double far = (double)(INT64_C(1) << 40);
	return (int64_t)(x > -far ? x < far ? x : far : -far);
}

/* ---- weights ---- */

static double cubic(double a, double x)
{
	x = fabs(x);
	if (x <= 1)
		return ((a + 2) * x - (a + 3)) * x * x + 1;
	return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

static double linear(double x)
{
	x = fabs(x);
	return x < 1 ? 1 - x : 0;
}

/* How far the filter reaches, in places of the input, and what its argument is
 * multiplied by: antialiased, it is stretched where the result is smaller. */
static double stretch(const Resize *r, int i)
{
	return r->antialias && r->scale[i] < 1 ? r->scale[i] : 1;
}

static int64_t taps_of(const Resize *r, int i)
{
	double reach = !strcmp(r->mode, "linear") ? 1 : 2;
	if (!strcmp(r->mode, "nearest"))
		return 1;
	return 2 * whole(ceil(reach / stretch(r, i)));
}

static int32_t clamped(int64_t at, int64_t dim)
{
	return (int32_t)(at < 0 ? 0 : at >= dim ? dim - 1 : at);
}

/* Places around x and their weights, which add up to 1. */
static void weigh(const Resize *r, int i, int64_t from, double x, int64_t taps,
                  int32_t place[], float weight[])
{
	int64_t first = whole(floor(x)) - taps / 2 + 1;
	double w[MAX_TAPS], sum = 0, narrow = stretch(r, i);
	for (int64_t t = 0; t < taps; t++) {
		double d = (x - (double)(first + t)) * narrow;
		bool inside = first + t >= 0 && first + t < from;
		w[t] = !strcmp(r->mode, "linear") ? linear(d)
		                                  : cubic(r->cubic, d);
		w[t] = inside || !r->exclude_outside ? w[t] : 0;
		sum += w[t];
	}
	bool scaled = r->antialias || r->exclude_outside;
	for (int64_t t = 0; t < taps; t++) {
		place[t] = clamped(first + t, from);
		weight[t] = (float)(scaled && sum != 0 ? w[t] / sum : w[t]);
	}
}

/* Outside of a crop, the first tap stands for the value there. */
static void tabulate(const Resize *r, int i, int64_t from, int64_t taps,
                     int32_t place[], float weight[])
{
	for (int64_t o = 0; o < r->to[i]; o++) {
		double x = origin(r, i, from, o);
		int32_t *p = place + o * taps;
		float *w = weight + o * taps;
		if (r->crop && (x < 0 || x > (double)(from - 1))) {
			for (int64_t t = 0; t < taps; t++) {
				p[t] = t ? 0 : -1;
				w[t] = t ? 0 : 1;
			}
		} else if (taps == 1) {
			p[0] = clamped(whole(nearest(r, x)), from);
			w[0] = 1;
		} else
			weigh(r, i, from, x, taps, p, w);
	}
}

/* ---- the node ---- */

static bool is_kept(const Resize *r, int i, int64_t from)
{
	return !r->crop && r->to[i] == from && r->scale[i] == 1;
}

static bool add_tables(Site *s, const Resize *r, int i, int64_t from,
                       int64_t taps, Value *in[2])
{
	Graph *g = s->im->g;
	Shape shape = {1, {r->to[i] * taps}};
	int32_t *place = site_constant(s, DT_I32, shape);
	float *weight = place ? site_constant(s, DT_F32, shape) : NULL;
	if (!weight)
		return false;
	tabulate(r, i, from, taps, place, weight);
	in[0] = graph_const(g, NULL, DT_I32, shape, place);
	if (taps > 1)
		in[1] = graph_const(g, NULL, DT_F32, shape, weight);
	return true;
}

static bool give_resized(Site *s, const Resize *r)
{
	Value *x = s->in[0], *in[1 + 2 * MAX_RANK] = {x};
	int64_t axes[MAX_RANK], taps[MAX_RANK];
	int n = 0;
	for (int i = 0; i < r->naxes; i++) {
		int64_t from = x->shape.dim[r->axis[i]];
		if (is_kept(r, i, from))
			continue;
		axes[n] = r->axis[i];
		taps[n] = taps_of(r, i);
		if (taps[n] > MAX_TAPS || from < 1 || from > INT32_MAX) {
			site_error(s, "scales %lld elements by %g, which takes "
			           "%lld for each; at most %d are supported",
			           (long long)from, r->scale[i],
			           (long long)taps[n], MAX_TAPS);
			return false;
		}
		if (!add_tables(s, r, i, from, taps[n], in + 1 + 2 * n))
			return false;
		n++;
	}
	s->out[0] = x;
	if (!n)
		return true;
	const OpDef *op = site_op(s, "Resize");
	if (!op)
		return false;
	Node *node = node_new(s->im->g, s->loc, op, 1 + 2 * n, in);
	node_set_ints(s->im->g, node, "axes", n, axes);
	node_set_ints(s->im->g, node, "taps", n, taps);
	node_set_float(s->im->g, node, "outside", r->outside);
	return site_result(s, node);
}

/* ---- sizes and scales ---- */

static bool has_elements(const Site *s, int i)
{
	const Value *v = site_in(s, i);
	return v && numel(v->shape) > 0;
}

static bool sizes_from_scales(Site *s, Resize *r)
{
	for (int i = 0; i < r->naxes; i++) {
		double in = (double)s->in[0]->shape.dim[r->axis[i]];
		double out = floor(in * r->scale[i]);
		if (!(r->scale[i] > 0) || !(out >= 1 && out <= INT32_MAX)) {
			site_error(s, "scales dimension %d, %g elements, by "
			           "%g, expected a result of at least one",
			           r->axis[i], in, r->scale[i]);
			return false;
		}
		r->to[i] = (int64_t)out;
	}
	return true;
}

/* not_larger, not_smaller: one scale for all axes. */
static void keep_aspect(Site *s, Resize *r, const char *policy)
{
	bool larger = !strcmp(policy, "not_smaller");
	double scale = r->scale[0];
	for (int i = 1; i < r->naxes; i++)
		if (larger ? r->scale[i] > scale : r->scale[i] < scale)
			scale = r->scale[i];
	for (int i = 0; i < r->naxes; i++) {
		double in = (double)s->in[0]->shape.dim[r->axis[i]];
		r->scale[i] = scale;
		r->to[i] = whole(floor(in * scale + 0.5));
	}
}

static bool scales_from_sizes(Site *s, Resize *r, int input)
{
	const char *policy = site_string(s, "keep_aspect_ratio_policy",
	                                 "stretch");
	const int64_t *size;
	int n;
	if (!site_const_ints(s, input, "sizes", &n, &size))
		return false;
	for (int i = 0; i < r->naxes; i++) {
		int64_t in = s->in[0]->shape.dim[r->axis[i]];
		if (n != r->naxes || size[i] < 1 || size[i] > INT32_MAX ||
		    in < 1) {
			site_error(s, "has %d sizes, expected %d of at least 1",
			           n, r->naxes);
			return false;
		}
		r->to[i] = size[i];
		r->scale[i] = (double)size[i] / (double)in;
	}
	if (strcmp(policy, "stretch"))
		keep_aspect(s, r, policy);
	return true;
}

static bool resized_axes(Site *s, Resize *r)
{
	int n, rank = s->in[0]->shape.rank;
	const int64_t *axes = site_ints(s, "axes", &n);
	r->naxes = axes ? n : rank;
	for (int i = 0; i < rank; i++)
		r->axis[i] = i;
	return !axes || site_axes(s, n, axes, rank, r->axis);
}

static bool one_of(Site *s, const char *what, const char *is, int n,
                   const char *const known[])
{
	for (int i = 0; i < n; i++)
		if (!strcmp(known[i], is))
			return true;
	const char *list = known[0];
	for (int i = 1; i < n; i++)
		list = arena_printf(s->im->u->arena, "%s, %s", list, known[i]);
	site_error(s, "%s is '%s', expected one of %s", what, is, list);
	return false;
}

static bool read_modes(Site *s, Resize *r)
{
	static const char *const modes[] = {"nearest", "linear", "cubic"};
	static const char *const coordinates[] = {
		"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel",
		"align_corners", "asymmetric", "tf_crop_and_resize",
		"tf_half_pixel_for_nn",
	};
	static const char *const roundings[] = {
		"round_prefer_floor", "round_prefer_ceil", "floor", "ceil",
	};
	bool old = s->opset < 11;
	r->mode = site_string(s, "mode", "nearest");
	if (old && !strcmp(r->mode, "bilinear"))
		r->mode = "linear";
	r->coordinates = old ? "asymmetric"
	                     : site_string(s, "coordinate_transformation_mode",
	                                   "half_pixel");
	r->nearest = old ? "floor" : site_string(s, "nearest_mode",
	                                         "round_prefer_floor");
	r->cubic = site_float(s, "cubic_coeff_a", -0.75);
	r->exclude_outside = site_int(s, "exclude_outside", 0) != 0;
	r->antialias = site_int(s, "antialias", 0) != 0;
	r->outside = site_float(s, "extrapolation_value", 0);
	r->crop = !strcmp(r->coordinates, "tf_crop_and_resize");
	return one_of(s, "mode", r->mode, 3, modes) &&
	       one_of(s, "coordinate_transformation_mode", r->coordinates, 7,
	              coordinates) &&
	       one_of(s, "nearest_mode", r->nearest, 4, roundings);
}

bool convert_resize(Site *s)
{
	Resize r = {0};
	int scales = s->opset < 11 ? 1 : 2;
	if (!site_in(s, 0)) {
		site_error(s, "input 0 is missing");
		return false;
	}
	if (!read_modes(s, &r) || !resized_axes(s, &r))
		return false;
	if (r.crop && !site_const_floats(s, 1, "roi", 2 * r.naxes, r.roi))
		return false;
	if (has_elements(s, scales)
	    ? !site_const_floats(s, scales, "scales", r.naxes, r.scale) ||
	      !sizes_from_scales(s, &r)
	    : !scales_from_sizes(s, &r, 3))
		return false;
	return give_resized(s, &r);
}

/* Opset 7 and 8: scales as an attribute; 9: as an input; then it is Resize. */
bool convert_upsample(Site *s)
{
	const OnnxAttr *a = site_attr(s, "scales");
	Resize r = {0};
	if (!site_in(s, 0)) {
		site_error(s, "input 0 is missing");
		return false;
	}
	if (!read_modes(s, &r) || !resized_axes(s, &r))
		return false;
	if (a && (a->kind != OA_FLOATS || a->n != r.naxes)) {
		site_error(s, "attribute 'scales' is not a list of %d numbers",
		           r.naxes);
		return false;
	}
	for (int i = 0; a && i < r.naxes; i++)
		r.scale[i] = a->floats[i];
	return (a || site_const_floats(s, 1, "scales", r.naxes, r.scale)) &&
	       sizes_from_scales(s, &r) && give_resized(s, &r);
}
