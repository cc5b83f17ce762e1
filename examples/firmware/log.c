#include "log.h"

#include "board.h"

static void put_digits(uint32_t x, uint32_t base, int least)
{
	char text[12];
	int at = sizeof text - 1;
	text[at] = '\0';
	for (; x || least > 0; x /= base, least--)
		text[--at] = "0123456789abcdef"[x % base];
	board_puts(text + at);
}

void log_text(const char *text)
{
	board_puts(text);
}

void log_whole(uint32_t x)
{
	put_digits(x, 10, 1);
}

void log_hex(uint32_t x)
{
	put_digits(x, 16, 8);
}

void log_fraction(float x)
{
	uint32_t tenthousandths = (uint32_t)(x * 10000.0f);
	put_digits(tenthousandths / 10000, 10, 1);
	board_puts(".");
	put_digits(tenthousandths % 10000, 10, 4);
}
