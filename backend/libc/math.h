/* What runtime/ and programs ask of <math.h>, for machines whose C library is
 * not here. */
#ifndef MATH_H
#define MATH_H

#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")
#define sqrtf(x) __builtin_sqrtf(x)
#define fabsf(x) __builtin_fabsf(x)
#define floorf(x) __builtin_floorf(x)
#define rintf(x) __builtin_rintf(x)

#endif
