/* Reset and faults of a Cortex-M. */
#include "image.h"

#define STATUS_FAULT 99
#define CFSR (*(const volatile uint32_t *)0xe000ed28u)

void reset(void);
void fault(void);

/* The floating-point unit (also that of Helium) comes up disabled, and the
 * compiler may use it anywhere: so before any C. */
__attribute__((naked)) void reset(void)
{
	__asm__ volatile(
		".syntax unified\n"
#ifdef __ARM_FP
		"ldr r0, =0xe000ed88\n"	/* CPACR: full access to CP10, CP11 */
		"ldr r1, [r0]\n"
		"orr r1, r1, #0xf00000\n"
		"str r1, [r0]\n"
		"dsb\n"
		"isb\n"
#endif
		"ldr r0, =stack_low\n"
		"ldr r1, =stack_high\n"
		"ldr r2, =0xa5a5a5a5\n"
		"1: cmp r0, r1\n"
		"bhs 2f\n"
		"str r2, [r0]\n"
		"adds r0, #4\n"
		"b 1b\n"
		"2: b image_start\n"
		".ltorg\n");
}

__attribute__((used, noreturn)) void fault_report(void)
{
	board_puts(CFSR & 0xff00 ? "bus fault\n" : "fault\n");
	semihosting_exit(STATUS_FAULT);
	for (;;)
		;
}

/* The stack may be what is broken. */
__attribute__((naked)) void fault(void)
{
	__asm__ volatile("ldr r0, =stack_high\n"
	                 "mov sp, r0\n"
	                 "b fault_report\n"
	                 ".ltorg\n");
}

typedef void handler(void);

/* The initial stack pointer, then reset, NMI and the faults. */
__attribute__((section(".vectors"), used)) static const struct {
	uint32_t *stack;
	handler *handler[15];
} vectors = {
	stack_high, {reset, fault, fault, fault, fault, fault, fault}
};
