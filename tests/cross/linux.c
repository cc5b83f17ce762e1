/*
 * A Linux process without a C library, in place of a board: for cores that QEMU
 * runs programs of (qemu-riscv64, qemu-aarch64). Here are the entry, a stack of
 * its own, two system calls, and what compilers and kernels call of <string.h>.
 */
#include "board.h"

#include <stddef.h>
#include <string.h>

#define STACK_BYTES 0x10000
#define PAINT 0xa5a5a5a5u
#define WRITE 64
#define EXIT 93

_Alignas(16) uint32_t stack_low[STACK_BYTES / 4];

int main(void);
int bcmp(const void *, const void *, size_t);
_Noreturn void linux_start(void);

#ifdef __riscv
__asm__(".globl _start\n"
	"_start: la sp, stack_low\n"
	"li t0, 0x10000\n"
	"add sp, sp, t0\n"
	"j linux_start\n");

static long call(long number, long a, long b, long c)
{
	register long r0 __asm__("a0") = a, r1 __asm__("a1") = b;
	register long r2 __asm__("a2") = c, r7 __asm__("a7") = number;
	__asm__ volatile("ecall"
			 : "+r"(r0)
			 : "r"(r1), "r"(r2), "r"(r7)
			 : "memory");
	return r0;
}
#else
__asm__(".globl _start\n"
	"_start: adrp x0, stack_low\n"
	"add x0, x0, :lo12:stack_low\n"
	"add sp, x0, 0x10, lsl 12\n"
	"b linux_start\n");

static long call(long number, long a, long b, long c)
{
	register long r0 __asm__("x0") = a, r1 __asm__("x1") = b;
	register long r2 __asm__("x2") = c, r8 __asm__("x8") = number;
	__asm__ volatile("svc 0"
			 : "+r"(r0)
			 : "r"(r1), "r"(r2), "r"(r8)
			 : "memory");
	return r0;
}
#endif

_Noreturn void linux_start(void)
{
	uint32_t here = 0;
	for (volatile uint32_t *p = stack_low; p < &here - 64; p++)
		*p = PAINT;
	int status = main();
	for (;;)
		call(EXIT, status, 0, 0);
}

void board_puts(const char *text)
{
	call(WRITE, 1, (long)text, (long)strlen(text));
}

void board_breathe(void) {}

uint32_t board_stack_used(void)
{
	const uint32_t *p = stack_low;
	while (*p == PAINT)
		p++;
	return (uint32_t)((size_t)(stack_low + STACK_BYTES / 4 - p) * 4);
}

/* ---- <string.h>; LLVM makes no call of a function of what is its loop ---- */

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	unsigned char *p = to;
	for (const unsigned char *s = from; n > 0; n--)
		*p++ = *s++;
	return to;
}

void *memset(void *to, int byte, size_t n)
{
	for (unsigned char *p = to; n > 0; n--)
		*p++ = (unsigned char)byte;
	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *p = a, *q = b;
	for (; n > 0; n--, p++, q++)
		if (*p != *q)
			return *p < *q ? -1 : 1;
	return 0;
}

/* What clang makes of memcmp() where it is but equal or not. */
int bcmp(const void *a, const void *b, size_t n)
{
	return memcmp(a, b, n);
}

size_t strlen(const char *s)
{
	size_t n = 0;
	while (s[n])
		n++;
	return n;
}
