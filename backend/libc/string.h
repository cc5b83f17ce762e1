/* What runtime/ calls of <string.h>, for machines whose C library is not here. */
#ifndef STRING_H
#define STRING_H

#include <stddef.h>

void *memcpy(void *restrict, const void *restrict, size_t);
void *memset(void *, int, size_t);
int memcmp(const void *, const void *, size_t);
size_t strlen(const char *);

#endif
