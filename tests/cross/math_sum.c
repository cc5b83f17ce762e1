/*
 * A checksum of each elementary function over every STEP-th float, and of pow
 * over as many pairs: one line each. The same lines on every machine.
 */
#define RT_API static
#include "runtime/math_arc.c"
#include "runtime/math_area.c"
#include "runtime/math_erf.c"
#include "runtime/math_exp.c"
#include "runtime/math_log.c"
#include "runtime/math_pow.c"
#include "runtime/math_sinh.c"
#include "runtime/math_tanh.c"
#include "runtime/math_trig.c"

int puts(const char *s);

static const struct {
	const char *name;
	float (*f)(float);
} function[] = {
    {"exp   ", rt_expf},   {"expm1 ", rt_expm1f}, {"log   ", rt_logf},
    {"log1p ", rt_log1pf}, {"tanh  ", rt_tanhf},  {"erf   ", rt_erff},
    {"sinh  ", rt_sinhf},  {"cosh  ", rt_coshf},  {"asinh ", rt_asinhf},
    {"acosh ", rt_acoshf}, {"atanh ", rt_atanhf}, {"sin   ", rt_sinf},
    {"cos   ", rt_cosf},   {"tan   ", rt_tanf},   {"asin  ", rt_asinf},
    {"acos  ", rt_acosf},  {"atan  ", rt_atanf},
};

/* FNV-1a by words; which NaN it is does not count. */
static uint32_t add(uint32_t sum, float y)
{
	return (sum ^ (y != y ? 0x7fc00000u : rt_bits(y))) * 16777619u;
}

static void print(const char *name, uint32_t sum)
{
	char line[] = "        00000000";

	for (int i = 0; i < 6; i++)
		line[i] = name[i];
	for (int i = 15; i > 7; i--, sum >>= 4)
		line[i] = "0123456789abcdef"[sum & 15u];
	puts(line);
}

int main(void)
{
	const uint32_t count = 0xffffffffu / STEP;
	uint32_t sum = 1;

	for (unsigned f = 0; f < sizeof(function) / sizeof(function[0]); f++) {
		sum = 1;
		for (uint32_t i = 0; i <= count; i++)
			sum = add(sum, function[f].f(rt_float(i * STEP)));
		print(function[f].name, sum);
	}
	sum = 1;
	for (uint32_t i = 0; i <= count; i++)
		sum = add(sum,
			  rt_powf(rt_float(0x3f000000u + i * STEP % 0x1000000u),
				  rt_float(i * 2654435761u)));
	print("pow   ", sum);
	return 0;
}
