/*
 * RandomUniform, RandomNormal, and their forms that are like a tensor. In a
 * training's initialization graph they are random contents. What is drawn is not
 * specified; here the same file gives the same numbers: a node without a seed
 * takes one from its output's name. In the model each step draws: import_draw.c.
 */
#include "frontend/import_rules.h"
#include "ir/splitmix.h"

#include <math.h>
#include <string.h>

typedef struct Random {
	uint64_t state;
} Random;

/* FNV-1a. */
static uint64_t hash(uint64_t h, const void *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ ((const unsigned char *)bytes)[i]) * 0x100000001b3u;
	return h;
}

static Random random_of(const Site *s)
{
	const OnnxAttr *a = site_attr(s, "seed");
	uint64_t h = 0xcbf29ce484222325u;
	if (a)
		return (Random){hash(h, &a->f, sizeof a->f)};
	return (Random){hash(h, s->n->out[0], strlen(s->n->out[0]))};
}

/* In (0, 1). */
static double draw(Random *r)
{
	return ((double)(splitmix64(&r->state) >> 12) + 0.5) / 4503599627370496.0;
}

/* Box and Muller. */
static double draw_normal(Random *r)
{
	const double pi = 3.14159265358979323846;
	double radius = sqrt(-2 * log(draw(r)));
	return radius * cos(2 * pi * draw(r));
}

/* From `shape`, or from the tensor to be like; false after an error. */
static bool find_shape(Site *s, DType *t, Shape *shape)
{
	const Value *like = site_in(s, 0);
	int n;
	const int64_t *dims = site_ints(s, "shape", &n);
	*t = like ? like->dtype : DT_F32;
	int64_t given = site_int(s, "dtype", dtype_to_onnx(*t));
	bool good = n <= MAX_RANK && dtype_from_onnx((int)given, t) &&
	            dtype_is_float(*t);
	if (like)
		*shape = like->shape;
	else
		for (int i = 0; good && i < n; i++)
			shape->dim[i] = dims[shape->rank++];
	good = good && (like || n >= 0) && shape_valid(*shape);
	if (!good)
		site_error(s, "has no possible shape, or no floating-point "
		           "dtype");
	return good;
}

bool convert_random(Site *s)
{
	DType t;
	Shape shape = {0};
	if (!find_shape(s, &t, &shape))
		return false;
	bool normal = !strncmp(s->n->op, "RandomNormal", 12);
	double a = normal ? site_float(s, "mean", 0) : site_float(s, "low", 0);
	double b = normal ? site_float(s, "scale", 1)
	                  : site_float(s, "high", 1) - a;
	if (!s->im->initializing)
		return draw_random(s, normal, b, a, t, shape);
	Random r = random_of(s);
	int64_t n = numel(shape);
	char *data = arena_alloc(s->im->u->arena,
	                         (size_t)(n * dtype_size(t)) + 1);
	for (int64_t i = 0; i < n; i++) {
		double x = normal ? draw_normal(&r) : draw(&r);
		dtype_put(t, data, i, (Scalar){.f = a + b * x});
	}
	s->out[0] = graph_const(s->im->g, NULL, t, shape, data);
	return true;
}
