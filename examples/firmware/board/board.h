/*
 * What the program needs of a board. Ours are emulated ones that log through
 * the debugger (semihosting); on a real one it would be a UART.
 */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

void board_puts(const char *text);

/* Called between two slices of training: kick the watchdog, serve the radio. */
void board_breathe(void);

/* Most bytes of the stack that were ever used: it was painted before the first
 * call. 0: unknown. */
uint32_t board_stack_used(void);

#endif
