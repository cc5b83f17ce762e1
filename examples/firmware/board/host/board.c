/* This machine in place of a board. */
#include "board.h"

#include <stdio.h>

void board_puts(const char *text)
{
	fputs(text, stdout);
}

void board_breathe(void)
{
}

uint32_t board_stack_used(void)
{
	return 0;
}
