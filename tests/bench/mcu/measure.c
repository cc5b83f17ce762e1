#include "measure.h"

#include "board.h"

/* ---- marks: count.c knows their names ---- */

void mark_begin(void);
void mark_end(void);

__attribute__((noinline)) void mark_begin(void)
{
	__asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) void mark_end(void)
{
	__asm__ volatile("" ::: "memory");
}

/* ---- the stack ---- */

#if defined(__arm__) || defined(__riscv)
#define PAINT 0xa5a5a5a5u
extern uint32_t stack_low[];

/* What was painted at reset, again; not what this function itself uses. */
__attribute__((noinline)) static void paint_stack(void)
{
	volatile uint32_t here = 0;
	for (uint32_t *p = stack_low; p < (uint32_t *)&here - 16; p++)
		*p = PAINT;
}
#else
static void paint_stack(void) {}
#endif

uint32_t measure(void (*run)(const void *), const void *c)
{
	paint_stack();
	mark_begin();
	if (run)
		run(c);
	mark_end();
	return board_stack_used();
}

/* ---- one line ---- */

uint32_t checksum(const void *p, size_t bytes)
{
	const uint8_t *at = p;
	uint32_t sum = 2166136261u;
	for (size_t i = 0; i < bytes; i++)
		sum = (sum ^ at[i]) * 16777619u;
	return sum;
}

static void put_number(uint32_t n, uint32_t base)
{
	char text[12], *p = text + sizeof text - 1;
	*p = 0;
	do
		*--p = "0123456789abcdef"[n % base];
	while (n /= base);
	board_puts(p);
}

void put_line(const char *name, int32_t macs, uint32_t stack, uint32_t bits,
	      int32_t wrong)
{
	board_puts(name), board_puts(",");
	put_number((uint32_t)macs, 10), board_puts(",");
	put_number(stack, 10), board_puts(",");
	put_number(bits, 16), board_puts(",");
	put_number((uint32_t)wrong, 10), board_puts("\n");
}
