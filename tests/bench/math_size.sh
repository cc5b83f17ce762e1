#!/bin/sh
# Bytes of flash that each elementary function takes in a Cortex-M4F program
# which calls nothing else: the runtime's at -Os and -O2 beside newlib's, with
# all that is linked for it, as CSV.
#
#   math_size.sh SOURCE_DIR
src=$1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# text EXPRESSION OPTION...: of a program that computes the expression.
text() {
	expression=$1
	shift
	cat >"$work/main.c" <<END
#include <math.h>
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
volatile float x, y;
int main(void) { y = $expression; for (;;) x = y; }
END
	arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -mfloat-abi=hard \
		-mfpu=fpv4-sp-d16 -std=c11 -w -ffp-contract=off \
		-fno-math-errno "$@" -I"$src" -nostartfiles -ffunction-sections -fdata-sections \
		-Wl,--gc-sections,-e,main "$work/main.c" --specs=nosys.specs \
		-lm -lc -lgcc -o "$work/a" 2>"$work/log" || cat "$work/log" >&2
	arm-none-eabi-size "$work/a" | awk 'NR == 2 {print $1 + $2}'
}

small=$(text x -Os) fast=$(text x -O2)
echo "function,-Os,-O2,newlib's"
for f in exp expm1 log log1p tanh erf sinh cosh asinh acosh atanh sin cos tan \
		asin acos atan pow; do
	args=x
	[ $f = pow ] && args=x,y
	echo "$f,$(($(text "rt_${f}f($args)" -Os) - small)),$((
		$(text "rt_${f}f($args)" -O2) - fast)),$((
		$(text "${f}f($args)" -Os) - small))"
done
