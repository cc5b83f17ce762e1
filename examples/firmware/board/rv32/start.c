/* What start.S goes on to. */
#include "image.h"

#define STATUS_FAULT 99

__attribute__((used, noreturn)) void trap_report(void)
{
	board_puts("trap\n");
	semihosting_exit(STATUS_FAULT);
	for (;;)
		;
}
