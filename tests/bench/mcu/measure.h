/* What a kernel takes, and a line of it: see bench.c. */
#ifndef MEASURE_H
#define MEASURE_H

#include <stddef.h>
#include <stdint.h>

/* Runs it between the two marks; its stack. With no function, what the marks and
 * the call themselves take. */
uint32_t measure(void (*run)(const void *), const void *);

uint32_t checksum(const void *, size_t bytes);
void put_line(const char *name, int32_t macs, uint32_t stack, uint32_t bits,
	      int32_t wrong);

/* bench_s8.c */
void put_s8_cases(uint32_t stack_before);

#endif
