/* Reset and traps of a 32-bit RISC-V in machine mode. */
#define MSTATUS_FS_INITIAL 0x2000

	.section .vectors, "ax"
	.global reset
reset:
	la t0, trap
	csrw mtvec, t0
#ifdef __riscv_flen
	li t0, MSTATUS_FS_INITIAL	/* the floating-point unit comes up disabled */
	csrs mstatus, t0
#endif
	.option push
	.option norelax
	la gp, __global_pointer$
	.option pop
	la t0, stack_low
	la sp, stack_high
	li t1, 0xa5a5a5a5
1:	bgeu t0, sp, 2f
	sw t1, 0(t0)
	addi t0, t0, 4
	j 1b
2:	j image_start

	.balign 4
trap:
	la sp, stack_high
	j trap_report
