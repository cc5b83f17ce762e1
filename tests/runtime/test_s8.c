/*
 * The kernels on 8-bit integers against naive loops, exactly: random shapes, both
 * kinds of bytes, zero points and scales of all and of channels, sums and what
 * becomes of them.  Results and workspace lie between guard zones; inputs end
 * where their allocation ends.
 */
#include <criterion/criterion.h>

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/s8.h"
#include "tests/runtime/guarded.h"

/* Operands of any kernel, with `rows` rows of weights; NULL where drawn so. */
struct s8_case {
	rt_s8 q;
	uint8_t *x, *xz, *yz;
	int8_t *w, *wz;
	float *xs, *ws, *ys;
	int32_t *bias;
	size_t rows, outputs;
};

static void *s8_bytes(size_t n)
{
	uint8_t *p = malloc(n ? n : 1);

	cr_assert_not_null(p);
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)rng_next();
	return p;
}

static float *s8_scales(size_t n, float about)
{
	float *p = malloc(n * sizeof(float));

	cr_assert_not_null(p);
	for (size_t i = 0; i < n; i++)
		p[i] = about * (1.0f + 0.5f * rng_float());
	return p;
}

static void s8_draw(struct s8_case *c, size_t x, size_t w, size_t rows,
	size_t outputs, size_t taps)
{
	const int sums = rng_below(3) == 0;

	memset(c, 0, sizeof(*c));
	c->rows = rows, c->outputs = outputs;
	c->q.x_unsigned = rng_below(2), c->q.y_unsigned = rng_below(2);
	c->q.w_scales = rng_below(2) ? (int32_t)rows : 1;
	c->q.w_zeros = rng_below(2) ? (int32_t)rows : 1;
	c->x = s8_bytes(x), c->w = s8_bytes(w);
	c->xz = rng_below(4) ? s8_bytes(1) : NULL;
	c->wz = rng_below(2) ? s8_bytes((size_t)c->q.w_zeros) : NULL;
	if (rng_below(2)) {
		c->bias = malloc(rows * sizeof(int32_t));
		for (size_t i = 0; i < rows; i++)
			c->bias[i] = rng_below(20001) - 10000;
	}
	if (sums)
		return;
	c->yz = s8_bytes(1);
	c->xs = s8_scales(1, 0.02f), c->ys = s8_scales(1, 0.5f);
	c->ws = s8_scales((size_t)c->q.w_scales,
		1.0f / (4 * sqrtf((float)taps)));
}

static void s8_free(struct s8_case *c)
{
	free(c->x), free(c->xz), free(c->yz), free(c->w), free(c->wz);
	free(c->xs), free(c->ws), free(c->ys), free(c->bias);
}

static int32_t s8_number(int is_unsigned, uint8_t byte)
{
	return is_unsigned ? byte : (int8_t)byte;
}

static int32_t s8_weight(const struct s8_case *c, size_t at, size_t row)
{
	return c->w[at] - (c->wz ? c->wz[c->q.w_zeros > 1 ? row : 0] : 0);
}

static int32_t s8_input(const struct s8_case *c, size_t at)
{
	return s8_number(c->q.x_unsigned, c->x[at])
		- (c->xz ? s8_number(c->q.x_unsigned, *c->xz) : 0);
}

/* What output i, of a row of weights, must be. */
static int32_t s8_wanted(const struct s8_case *c, int32_t sum, size_t row)
{
	const int32_t lo = c->q.y_unsigned ? 0 : -128;
	float y;

	if (!c->ys)
		return sum;
	y = rintf((float)sum * (*c->xs * c->ws[c->q.w_scales > 1 ? row : 0]
		/ *c->ys)) + (float)s8_number(c->q.y_unsigned, *c->yz);
	return (int32_t)fminf(fmaxf(y, (float)lo), (float)(lo + 255));
}

static int32_t s8_got(const struct s8_case *c, const void *y, size_t i)
{
	return c->ys ? s8_number(c->q.y_unsigned, ((const uint8_t *)y)[i])
		: ((const int32_t *)y)[i];
}

/* Floats that hold what it computes. */
static size_t s8_room(const struct s8_case *c)
{
	return c->ys ? (c->outputs + 3) / 4 : c->outputs;
}

/* ---- convolution ---- */

static int32_t s8_conv_sum(const rt_conv *d, const struct s8_case *c, size_t i)
{
	const int32_t size = d->oh * d->ow, cg = d->c / d->groups;
	const int32_t n = (int32_t)i / size / d->o, o = (int32_t)i / size % d->o;
	const int32_t r = (int32_t)i % size / d->ow, q = (int32_t)i % d->ow;
	int32_t sum = c->bias ? c->bias[o] : 0;

	for (int32_t t = 0; t < cg * d->kh * d->kw; t++) {
		const int32_t u = r * d->sh - d->ph + t / d->kw % d->kh * d->dh;
		const int32_t v = q * d->sw - d->pw + t % d->kw * d->dw;
		const int32_t ch = n * d->c + o / (d->o / d->groups) * cg
			+ t / d->kw / d->kh;
		if (u >= 0 && u < d->h && v >= 0 && v < d->w)
			sum += s8_input(c, (size_t)((ch * d->h + u) * d->w + v))
				* s8_weight(c, (size_t)(o * cg * d->kh * d->kw
					+ t), (size_t)o);
	}
	return sum;
}

static void s8_conv_check(const rt_conv *d)
{
	const size_t taps = (size_t)(d->c / d->groups * d->kh * d->kw);
	const size_t size = (size_t)(d->oh * d->ow);
	const size_t nws = (size_t)rt_conv_s8_workspace(d) / sizeof(float);
	float *y, *columns = guarded_new(nws, NAN);
	struct s8_case c;

	s8_draw(&c, (size_t)(d->n * d->c * d->h * d->w), (size_t)d->o * taps,
		(size_t)d->o, (size_t)(d->n * d->o) * size, taps);
	y = guarded_new(s8_room(&c), NAN);
	if (rt_conv_kind(d) == RT_CONV_DEPTHWISE)
		rt_depth_s8(d, &c.q, c.x, c.xz, c.xs, c.w, c.wz, c.ws, c.bias,
			c.ys, c.yz, y);
	else
		rt_conv_s8(d, &c.q, c.x, c.xz, c.xs, c.w, c.wz, c.ws, c.bias,
			c.ys, c.yz, y, columns);
	cr_assert(guards_intact(y, s8_room(&c)));
	cr_assert(guards_intact(columns, nws));
	for (size_t i = 0; i < c.outputs; i++) {
		const int32_t want = s8_wanted(&c, s8_conv_sum(d, &c, i),
			i / size % c.rows);
		cr_assert_eq(s8_got(&c, y, i), want, "n=%d c=%d %dx%d o=%d "
			"%dx%d k=%dx%d s=%dx%d p=%dx%d d=%dx%d g=%d: [%zu] is "
			"%d, expected %d", d->n, d->c, d->h, d->w, d->o, d->oh,
			d->ow, d->kh, d->kw, d->sh, d->sw, d->ph, d->pw, d->dh,
			d->dw, d->groups, i, s8_got(&c, y, i), want);
	}
	guarded_free(y), guarded_free(columns);
	s8_free(&c);
}

static int32_t s8_outputs_of(int32_t size, int32_t pads, int32_t k,
	int32_t dilation, int32_t stride)
{
	const int32_t room = size + pads - (k - 1) * dilation - 1;

	return room < 0 ? 0 : room / stride + 1;
}

static rt_conv s8_conv_random(void)
{
	const int small = rng_below(2);
	rt_conv d = { .n = 1 + rng_below(2), .h = 1 + rng_below(9),
		.w = 1 + rng_below(12), .kh = 1 + rng_below(4),
		.kw = small ? 3 : 1 + rng_below(5), .sh = 1 + rng_below(3),
		.sw = small ? 1 : 1 + rng_below(3), .dh = 1 + rng_below(2),
		.dw = small ? 1 : 1 + rng_below(3), .ph = rng_below(4),
		.pw = rng_below(4) };

	d.groups = rng_below(3) ? 1 : 1 + rng_below(4);
	d.c = d.groups * (rng_below(2) ? 1 + rng_below(9) : 1);
	d.o = d.groups * (1 + rng_below(5));
	if (rng_below(2))
		d.kh = d.kw = 3, d.sh = d.sw = 1 + rng_below(2), d.dh = d.dw = 1;
	if (rng_below(4) == 0)
		d.kh = d.kw = d.sh = d.sw = 1, d.ph = d.pw = 0;
	d.oh = s8_outputs_of(d.h, d.ph + rng_below(3), d.kh, d.dh, d.sh);
	d.ow = s8_outputs_of(d.w, d.pw + rng_below(3), d.kw, d.dw, d.sw);
	return d;
}

Test(s8, random_convolutions)
{
	for (int done = 0; done < 1500;) {
		const rt_conv d = s8_conv_random();
		if (d.oh > 0 && d.ow > 0)
			s8_conv_check(&d), done++;
	}
}

/* ---- products ---- */

static int32_t s8_product_sum(const struct s8_case *c, int32_t n, int32_t k,
	size_t i)
{
	const size_t row = i / (size_t)n, column = i % (size_t)n;
	int32_t sum = 0;

	for (size_t p = 0; p < (size_t)k; p++)
		sum += s8_input(c, row * (size_t)k + p)
			* s8_weight(c, p * (size_t)n + column, column);
	return sum;
}

static void s8_product_check(int32_t m, int32_t n, int32_t k)
{
	const size_t nws = (size_t)rt_gemm_s8_workspace(k) / sizeof(float);
	float *y, *row = guarded_new(nws, NAN);
	struct s8_case c;

	s8_draw(&c, (size_t)(m * k), (size_t)(k * n), (size_t)n,
		(size_t)(m * n), (size_t)k);
	free(c.bias), c.bias = NULL;
	y = guarded_new(s8_room(&c), NAN);
	rt_gemm_s8(&c.q, m, n, k, c.x, c.xz, c.xs, c.w, c.wz, c.ws, c.ys, c.yz,
		y, row);
	cr_assert(guards_intact(y, s8_room(&c)));
	cr_assert(guards_intact(row, nws));
	for (size_t i = 0; i < c.outputs; i++) {
		const int32_t want = s8_wanted(&c, s8_product_sum(&c, n, k, i),
			i % c.rows);
		cr_assert_eq(s8_got(&c, y, i), want, "m=%d n=%d k=%d: [%zu] is "
			"%d, expected %d", m, n, k, i, s8_got(&c, y, i), want);
	}
	guarded_free(y), guarded_free(row);
	s8_free(&c);
}

Test(s8, random_products)
{
	for (int i = 0; i < 600; i++)
		s8_product_check(1 + rng_below(5), 1 + rng_below(40),
			1 + rng_below(40));
}
