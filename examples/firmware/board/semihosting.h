/*
 * Semihosting: the debugger, or QEMU, does what it is asked for at a certain
 * breakpoint. Arm's document IHI 0050 for Arm, the RISC-V semihosting
 * specification for the three instructions there.
 */
#ifndef SEMIHOSTING_H
#define SEMIHOSTING_H

#include <stdint.h>

enum { SYS_WRITE0 = 0x04, SYS_EXIT_EXTENDED = 0x20 };
enum { ADP_STOPPED_APPLICATION_EXIT = 0x20026 };

static inline long semihosting(long operation, const void *argument)
{
#ifdef __riscv
	register long a0 __asm__("a0") = operation;
	register const void *a1 __asm__("a1") = argument;
	__asm__ volatile(".balign 16\n.option push\n.option norvc\n"
	                 "slli zero, zero, 0x1f\nebreak\nsrai zero, zero, 7\n"
	                 ".option pop" : "+r"(a0) : "r"(a1) : "memory");
	return a0;
#else
	register long r0 __asm__("r0") = operation;
	register const void *r1 __asm__("r1") = argument;
	__asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
	return r0;
#endif
}

static inline void semihosting_exit(int status)
{
	const uint32_t reason[2] = {
		ADP_STOPPED_APPLICATION_EXIT, (uint32_t)status
	};
	semihosting(SYS_EXIT_EXTENDED, reason);
	for (;;)
		;
}

#endif
