/* A Cortex-M4 begins here: the FPU is switched on, main() is called, and the
 * debugger's calls (semihosting) print and end. */
	.syntax unified
	.cpu cortex-m4
	.thumb
	.section .vectors, "a"
	.word	0x20010000, reset
	.text

	.thumb_func
	.global	reset
reset:
	ldr	r0, =0xe000ed88		/* CPACR: full access to CP10, CP11 */
	ldr	r1, =0x00f00000
	str	r1, [r0]
	dsb
	isb
	bl	main
	movs	r0, #0x18		/* SYS_EXIT */
	ldr	r1, =0x20026		/* an exit of the application's own */
	bkpt	0xab

	.thumb_func
	.global	puts
puts:
	mov	r1, r0
	movs	r0, #4			/* SYS_WRITE0 */
	bkpt	0xab
	ldr	r1, =newline
	movs	r0, #4
	bkpt	0xab
	bx	lr
	.pool
newline:
	.asciz	"\n"
