/* The runtime's elementary functions beside the C library's in double, and how
 * far one is from the other. */
#ifndef MATH_LIST_H
#define MATH_LIST_H

#include "runtime/math.h"

#include <math.h>

typedef struct Elementary {
	const char *name;
	float (*f)(float);
	double (*exact)(double);
} Elementary;

#define ELEMENTARY(name)                                                       \
	{                                                                      \
#name, rt_##name##f, name                                      \
	}
static const Elementary elementary[] = {
    ELEMENTARY(exp),   ELEMENTARY(expm1), ELEMENTARY(log),   ELEMENTARY(log1p),
    ELEMENTARY(tanh),  ELEMENTARY(erf),   ELEMENTARY(sinh),  ELEMENTARY(cosh),
    ELEMENTARY(asinh), ELEMENTARY(acosh), ELEMENTARY(atanh), ELEMENTARY(sin),
    ELEMENTARY(cos),   ELEMENTARY(tan),   ELEMENTARY(asin),  ELEMENTARY(acos),
    ELEMENTARY(atan),
};
#undef ELEMENTARY

enum { NELEMENTARY = sizeof elementary / sizeof elementary[0] };

/* The distance of y from the exact value, in units of the last place of a
 * float there; infinity for a wrong sign or a special value that is wrong. */
static inline double ulps_off(float y, double exact)
{
	const double limit = ldexp(1, 128);
	if (isnan(exact) || isnan(y))
		return isnan(exact) && isnan(y) ? 0 : INFINITY;
	if (!signbit(y) != !signbit(exact) || (isinf(exact) && !isinf(y)))
		return INFINITY;
	double got = fmin(fabs((double)y), limit);
	double want = fmin(fabs(exact), limit);
	int e;
	frexp(want, &e);
	return fabs(got - want) / ldexp(1, (e < -125 ? -125 : e) - 24);
}

#endif
