#include "naive.h"

void naive_gemm(int ta, int tb, int32_t m, int32_t n, int32_t k, const float *a,
		const float *b, float *y)
{
	for (int32_t i = 0; i < m; i++)
		for (int32_t j = 0; j < n; j++) {
			float sum = 0;
			for (int32_t p = 0; p < k; p++)
				sum += a[ta ? p * m + i : i * k + p] *
				       b[tb ? j * k + p : p * n + j];
			y[i * n + j] = sum;
		}
}

typedef struct Tap {
	float *x, *w, *y;
} Tap;

static void tap(ConvWhat what, Tap t)
{
	if (what == CONV_FORWARD)
		*t.y += *t.x * *t.w;
	else if (what == CONV_GRAD_INPUT)
		*t.x += *t.y * *t.w;
	else
		*t.w += *t.x * *t.y;
}

/* All taps of an output of channel o of an image. */
static void output(ConvWhat what, const rt_conv *d, Tap t, int32_t r, int32_t q)
{
	for (int32_t c = 0; c < d->c / d->groups; c++)
		for (int32_t j = 0; j < d->kh; j++)
			for (int32_t l = 0; l < d->kw; l++, t.w++) {
				int32_t u = r * d->sh - d->ph + j * d->dh;
				int32_t v = q * d->sw - d->pw + l * d->dw;
				Tap at = t;
				at.x += (c * d->h + u) * d->w + v;
				if (u >= 0 && u < d->h && v >= 0 && v < d->w)
					tap(what, at);
			}
}

static void clear(float *p, int32_t n)
{
	for (int32_t i = 0; i < n; i++)
		p[i] = 0;
}

void naive_conv(ConvWhat what, const rt_conv *d, float *x, float *w, float *y)
{
	int32_t cg = d->c / d->groups, og = d->o / d->groups;
	if (what == CONV_FORWARD)
		clear(y, d->n * d->o * d->oh * d->ow);
	else if (what == CONV_GRAD_INPUT)
		clear(x, d->n * d->c * d->h * d->w);
	else
		clear(w, d->o * cg * d->kh * d->kw);
	for (int32_t n = 0; n < d->n; n++)
		for (int32_t o = 0; o < d->o; o++)
			for (int32_t i = 0; i < d->oh * d->ow; i++) {
				Tap t = {
				    x + (n * d->c + o / og * cg) * d->h * d->w,
				    w + o * cg * d->kh * d->kw,
				    y + (n * d->o + o) * d->oh * d->ow + i,
				};
				output(what, d, t, i / d->ow, i % d->ow);
			}
}
