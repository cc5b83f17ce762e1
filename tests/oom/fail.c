/*
 * The OOM_AT-th allocation of the process, from 1, and, unless OOM_ONCE is set,
 * all behind it find no memory. With OOM_COUNT=FILE their number is written
 * there at the end.
 *
 * Linked to thimble's own calls (-Wl,--wrap=malloc,...), also under a sanitizer;
 * or preloaded (-DPRELOAD): then also those of the C library and zlib fail.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef PRELOAD
#define HERE(name) name
#define REAL(name) __libc_##name
#else
#define HERE(name) __wrap_##name
#define REAL(name) __real_##name
#endif

void *HERE(malloc)(size_t);
void *HERE(calloc)(size_t, size_t);
void *HERE(realloc)(void *, size_t);
void *REAL(malloc)(size_t);
void *REAL(calloc)(size_t, size_t);
void *REAL(realloc)(void *, size_t);

static long at, count;
static int once, ready;

/* Before main(), but behind what the loader and libraries take. */
__attribute__((constructor)) static void start(void)
{
	const char *n = getenv("OOM_AT");
	at = n ? atol(n) : 0;
	once = getenv("OOM_ONCE") != NULL;
	ready = 1;
}

static int fails(void)
{
	if (!ready)
		return 0;
	count++;
	if (!at || count < at || (once && count > at))
		return 0;
	errno = ENOMEM;
	return 1;
}

void *HERE(malloc)(size_t size)
{
	return fails() ? NULL : REAL(malloc)(size);
}

void *HERE(calloc)(size_t n, size_t size)
{
	return fails() ? NULL : REAL(calloc)(n, size);
}

void *HERE(realloc)(void *p, size_t size)
{
	return fails() ? NULL : REAL(realloc)(p, size);
}

__attribute__((destructor)) static void end(void)
{
	const char *path = getenv("OOM_COUNT");
	char text[32];
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666) : -1;
	int len = snprintf(text, sizeof text, "%ld\n", count);
	if (fd >= 0 && write(fd, text, (size_t)len) == len)
		close(fd);
}
