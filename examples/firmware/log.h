/* Numbers as text for board_puts, without stdio. */
#ifndef LOG_H
#define LOG_H

#include <stdint.h>

void log_text(const char *);
void log_whole(uint32_t);
void log_hex(uint32_t);
void log_fraction(float x);   /* four decimals, rounded down; x >= 0 */

#endif
