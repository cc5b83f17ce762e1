/* From reset to main and back, on boards without an operating system: the
 * symbols are those of memory.ld. */
#ifndef IMAGE_H
#define IMAGE_H

#include "board.h"
#include "semihosting.h"

#define PAINT 0xa5a5a5a5u

extern const uint32_t image_data[];
extern uint32_t data_begin[], data_end[], bss_begin[], bss_end[];
extern uint32_t stack_low[], stack_high[];

int main(void);

void board_puts(const char *text)
{
	semihosting(SYS_WRITE0, text);
}

void board_breathe(void)
{
}

uint32_t board_stack_used(void)
{
	const uint32_t *p = stack_low;
	while (p < stack_high && *p == PAINT)
		p++;
	return (uint32_t)(stack_high - p) * 4;
}

/* Called at reset with a painted stack. */
__attribute__((used, noreturn)) void image_start(void)
{
	const uint32_t *from = image_data;
	for (uint32_t *to = data_begin; to < data_end; to++)
		*to = *from++;
	for (uint32_t *to = bss_begin; to < bss_end; to++)
		*to = 0;
	semihosting_exit(main());
	for (;;)
		;
}

#endif
