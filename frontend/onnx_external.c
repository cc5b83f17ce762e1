/*
 * External data: a tensor's bytes in a file beside the model. The name comes
 * from an untrusted file, so it is checked as text (relative, no "..") and
 * again after links are resolved (still inside the model's folder).
 */
#define _XOPEN_SOURCE 700   /* realpath */
#include "frontend/onnx_external.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool has_parent_step(const char *path)
{
	for (const char *p = path; *p;) {
		size_t n = strcspn(p, "/\\");
		if (n == 2 && p[0] == '.' && p[1] == '.')
			return true;
		p += n + (p[n] != 0);
	}
	return false;
}

static const char *check_text(const char *location)
{
	if (!*location)
		return "has no location";
	if (location[0] == '/' || location[0] == '\\')
		return "has an absolute location";
	if (has_parent_step(location))
		return "leaves the model's folder by '..'";
	return NULL;
}

/* The path without links, if it lies in the folder. */
static const char *resolve(Unit *u, const char *dir, const char *location,
                     const char **why)
{
	char *folder = realpath(dir, NULL);
	char *file = realpath(arena_printf(u->arena, "%s/%s", dir, location),
	                      NULL);
	size_t n = folder ? strlen(folder) : 0;
	*why = NULL;
	if (!folder || !file)
		*why = strerror(errno);
	else if (strncmp(file, folder, n) || (n > 1 && file[n] && file[n] != '/'))
		*why = "leaves the model's folder by a link";
	char *kept = *why ? NULL : arena_printf(u->arena, "%s", file);
	free(folder);
	free(file);
	return kept;
}

enum { MOST_READ = 16 };   /* times the file's size */

External external_open(Unit *u, const char *dir)
{
	return (External){u, dir, table_create(u->arena)};
}

static bool spend(External *x, const char *path, int64_t file, int64_t size)
{
	int64_t *sum = table_find(x->read, path);
	if (!sum) {
		sum = arena_new(x->unit->arena, int64_t);
		table_add(x->read, arena_printf(x->unit->arena, "%s", path), sum);
	}
	*sum += size;
	return *sum / MOST_READ <= file;
}

static const void *read_fd(External *x, const char *path, int fd,
                           int64_t offset, int64_t size, const char **why)
{
	Unit *u = x->unit;
	struct stat st;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		*why = "is not a file";
		return NULL;
	}
	if (offset < 0 || size < 0 || offset > st.st_size ||
	    size > st.st_size - offset) {
		*why = arena_printf(u->arena, "has %lld bytes, but %lld at "
		                    "offset %lld are wanted",
		                    (long long)st.st_size, (long long)size,
		                    (long long)offset);
		return NULL;
	}
	if (!spend(x, path, st.st_size, size)) {
		*why = arena_printf(u->arena, "has %lld bytes, of which tensors "
		                    "take more than %d times as many",
		                    (long long)st.st_size, MOST_READ);
		return NULL;
	}
	char *data = arena_alloc(u->arena, (size_t)size + 1);
	for (int64_t done = 0; done < size;) {
		ssize_t n = pread(fd, data + done, (size_t)(size - done),
		                  offset + done);
		if (n <= 0) {
			*why = n ? strerror(errno) : "ended early";
			return NULL;
		}
		done += n;
	}
	return data;
}

const void *external_read(External *x, const char *location, int64_t offset,
                          int64_t size, const char **why)
{
	*why = check_text(location);
	const char *path = *why ? NULL : resolve(x->unit, x->dir, location, why);
	if (!path)
		return NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	if (fd < 0) {
		*why = strerror(errno);
		return NULL;
	}
	const void *data = read_fd(x, path, fd, offset, size, why);
	close(fd);
	return data;
}
