/* Between calls of these two the plugin count.c counts; for one file of a program. */
#ifndef MARK_H
#define MARK_H

void mark_begin(void);
void mark_end(void);

__attribute__((noinline)) void mark_begin(void)
{
	__asm__ volatile("");
}

__attribute__((noinline)) void mark_end(void)
{
	__asm__ volatile("");
}

#endif
