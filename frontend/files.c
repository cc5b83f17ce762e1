#define _XOPEN_SOURCE 700   /* realpath */
#include "frontend/files.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

void file_error(Unit *u, const char *path, const char *fmt, ...)
{
	va_list ap;
	fprintf(u->messages, "%s: error: ", path);
	va_start(ap, fmt);
	vfprintf(u->messages, fmt, ap);
	va_end(ap);
	fputc('\n', u->messages);
	u->nerrors++;
}

static void system_error(Unit *u, const char *path, const char *what)
{
	file_error(u, path, "%s: %s", what, strerror(errno));
}

/* Of what has no length beforehand: a pipe, a gzip file. */
static const size_t MOST_UNKNOWN = (size_t)1 << 30;

/* Reads until the end into a buffer that doubles, for a length that is not
 * known before the end; or until it is more than is allowed. */
static unsigned char *read_all(gzFile f, Arena *scratch, size_t guess,
                               size_t *size)
{
	size_t capacity = guess + 1;
	size_t most = guess > MOST_UNKNOWN ? guess : MOST_UNKNOWN;
	unsigned char *data = arena_alloc(scratch, capacity);
	for (*size = 0;;) {
		size_t room = capacity - *size;
		int n = gzread(f, data + *size,
		               room > 1 << 30 ? 1u << 30 : (unsigned)room);
		if (n <= 0)
			return n < 0 ? NULL : data;
		*size += (size_t)n;
		if (*size > most)
			return data;
		if (*size < capacity)
			continue;
		unsigned char *bigger = arena_alloc(scratch, capacity * 2);
		memcpy(bigger, data, *size);
		data = bigger;
		capacity *= 2;
	}
}

static unsigned char *read_open(Unit *u, const char *path, gzFile f,
                                size_t guess, size_t *size)
{
	Arena *scratch = arena_create();
	unsigned char *copy = NULL, *data = read_all(f, scratch, guess, size);
	if (data && *size > guess && *size > MOST_UNKNOWN) {
		file_error(u, path, "has more than %zu bytes, which is only "
		           "allowed of a file that is not packed", MOST_UNKNOWN);
	} else if (data) {
		copy = arena_alloc(u->arena, *size + 1);
		memcpy(copy, data, *size);
	} else {
		int code;
		const char *why = gzerror(f, &code);
		file_error(u, path, "cannot read: %s",
		           code == Z_ERRNO ? strerror(errno) : why);
	}
	arena_destroy(scratch);
	return copy;
}

unsigned char *file_read(Unit *u, const char *path, size_t *size)
{
	struct stat s;
	*size = 0;
	if (stat(path, &s)) {
		system_error(u, path, "cannot open");
		return NULL;
	}
	if (S_ISDIR(s.st_mode)) {
		file_error(u, path, "is a directory, expected a file");
		return NULL;
	}
	gzFile f = gzopen(path, "rb");
	if (!f) {
		system_error(u, path, "cannot open");
		return NULL;
	}
	size_t guess = S_ISREG(s.st_mode) ? (size_t)s.st_size : 1 << 16;
	unsigned char *data = read_open(u, path, f, guess, size);
	/* A gzip file that stops early reads well and closes badly. */
	if (gzclose(f) != Z_OK && data) {
		file_error(u, path, "the gzip file is truncated");
		return NULL;
	}
	return data;
}

/* ---- what must not stay behind ---- */

typedef struct Leftover {
	const char *path;
	DIR *dir;           /* open from the start: at the end there may be no
	                     * memory for it. NULL: it is a file */
	sigset_t before;    /* the signals that were blocked without any */
	struct Leftover *next;
} Leftover;

/* The one global there is, because exit() hands nothing over; and where memory
 * runs out, the program ends at once. */
static Leftover *leftovers;

void ending_signals(sigset_t *set)
{
	static const int ending[] = {SIGHUP, SIGINT, SIGTERM};
	sigemptyset(set);
	for (size_t i = 0; i < sizeof ending / sizeof *ending; i++) {
		struct sigaction now;
		if (!sigaction(ending[i], NULL, &now) &&
		    now.sa_handler != SIG_IGN)
			sigaddset(set, ending[i]);
	}
}

/* The directory and the files in it, if it is still there: it may have been moved
 * to its place. */
static void remove_dir(const char *path, DIR *d)
{
	struct stat now, then;
	if (stat(path, &now) || fstat(dirfd(d), &then) ||
	    now.st_dev != then.st_dev || now.st_ino != then.st_ino)
		return;
	rewinddir(d);
	for (struct dirent *e; (e = readdir(d));)
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			unlinkat(dirfd(d), e->d_name, 0);
	rmdir(path);
}

static void remove_leftover(const Leftover *l)
{
	if (l->dir)
		remove_dir(l->path, l->dir);
	else
		unlink(l->path);
}

static void remove_leftovers(void)
{
	for (Leftover *l = leftovers; l; l = l->next)
		remove_leftover(l);
}

/* All that may fail, before there is anything to remove. From here to its drop or
 * its cancelling, no signal ends the program. */
static Leftover *leftover_reserve(Arena *a)
{
	static bool registered;
	if (!registered && atexit(remove_leftovers))
		out_of_memory(0);
	registered = true;
	Leftover *l = arena_new(a, Leftover);
	sigset_t ending;
	ending_signals(&ending);
	sigprocmask(SIG_BLOCK, &ending, &l->before);
	if (leftovers)
		l->before = leftovers->before;
	return l;
}

static void leftover_cancel(const Leftover *l)
{
	if (!leftovers)
		sigprocmask(SIG_SETMASK, &l->before, NULL);
}

static void leftover_add(Leftover *l, const char *path, DIR *dir)
{
	l->path = path;
	l->dir = dir;
	l->next = leftovers;
	leftovers = l;
}

/* Removes it, if it is not in its place by now. */
static void leftover_drop(const char *path)
{
	Leftover **at = &leftovers, *l;
	while (strcmp((*at)->path, path))
		at = &(*at)->next;
	l = *at;
	remove_leftover(l);
	if (l->dir)
		closedir(l->dir);
	*at = l->next;
	leftover_cancel(l);
}

/* ---- writing ---- */

static const char *without_links(Unit *u, const char *path)
{
	char real[PATH_MAX];
	return realpath(path, real) ? arena_printf(u->arena, "%s", real) : path;
}

static bool is_device(const char *path)
{
	struct stat s;
	return !stat(path, &s) && !S_ISREG(s.st_mode) && !S_ISDIR(s.st_mode);
}

static bool open_in_place(OutFile *out)
{
	out->f = fopen(out->path, "wb");
	if (!out->f)
		system_error(out->unit, out->path, "cannot write");
	return out->f;
}

bool out_open(Unit *u, const char *path, OutFile *out)
{
	*out = (OutFile){.unit = u, .path = path,
	                 .place = without_links(u, path)};
	if (is_device(path))
		return open_in_place(out);
	char *name = arena_printf(u->arena, "%s.XXXXXX", out->place);
	Leftover *l = leftover_reserve(u->arena);
	mode_t mask = umask(0);
	umask(mask);
	int fd = mkstemp(name);
	if (fd >= 0)
		leftover_add(l, name, NULL);
	out->temporary = name;
	if (fd < 0 || fchmod(fd, 0666 & ~mask) ||
	    !(out->f = fdopen(fd, "wb"))) {
		system_error(u, path, "cannot write");
		if (fd < 0) {
			leftover_cancel(l);
		} else {
			close(fd);
			leftover_drop(name);
		}
		return false;
	}
	return true;
}

void out_abandon(OutFile *out)
{
	fclose(out->f);
	if (out->temporary)
		leftover_drop(out->temporary);
}

bool out_close(OutFile *out)
{
	bool bad = fflush(out->f) || ferror(out->f);
	bad |= fclose(out->f) != 0;
	if (out->temporary && !bad)
		bad = rename(out->temporary, out->place);
	if (bad)
		system_error(out->unit, out->path, "cannot write");
	if (out->temporary)
		leftover_drop(out->temporary);
	return !bad;
}

bool file_write(Unit *u, const char *path, const void *data, size_t size)
{
	OutFile out;
	if (!out_open(u, path, &out))
		return false;
	fwrite(data, 1, size, out.f);
	return out_close(&out);
}

bool dir_make(Unit *u, const char *path)
{
	char *part = arena_printf(u->arena, "%s", path);
	for (char *c = part + 1; part[0]; c++) {
		char end = *c;
		if (end && end != '/')
			continue;
		*c = '\0';
		if (mkdir(part, 0777) && errno != EEXIST)
			break;
		*c = end;
		if (!end) {
			struct stat s;
			if (!stat(path, &s) && S_ISDIR(s.st_mode))
				return true;
			errno = ENOTDIR;
			break;
		}
	}
	system_error(u, path, "cannot make the directory");
	return false;
}

char *dir_make_unique(Unit *u, const char *prefix)
{
	char *name = arena_printf(u->arena, "%s.XXXXXX", prefix);
	Leftover *l = leftover_reserve(u->arena);
	bool made = mkdtemp(name);
	DIR *d = made ? opendir(name) : NULL;
	if (d) {
		leftover_add(l, name, d);
		return name;
	}
	system_error(u, prefix, "cannot make a directory beside it");
	if (made)
		rmdir(name);
	leftover_cancel(l);
	return NULL;
}

void dir_remove(const char *path)
{
	leftover_drop(path);
}

/* Every part is an ordinary name: not empty at the end, not ".", not "..". */
static bool name_stays_inside(const char *name)
{
	for (const char *part = name;; part++) {
		size_t len = strcspn(part, "/");
		if ((len == 1 || len == 2) && !strncmp(part, "..", len))
			return false;
		part += len;
		if (!*part)
			return len > 0;
	}
}

char *file_for_name(Unit *u, const char *dir, const char *name,
                    const char *suffix)
{
	if (!name_stays_inside(name)) {
		file_error(u, dir, "tensor '%s': the name cannot be a file's "
		           "name", name);
		return NULL;
	}
	while (*name == '/')
		name++;
	char *path = arena_printf(u->arena, "%s/%s%s", dir, name, suffix);
	char *slash = strrchr(path, '/');
	*slash = '\0';
	bool made = dir_make(u, path);
	*slash = '/';
	return made ? path : NULL;
}

char *file_stem(Arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	const char *dot = strrchr(name, '.');
	return arena_strndup(a, name, dot && dot > name ? (size_t)(dot - name)
	                                                : strlen(name));
}

bool path_has_suffix(const char *path, const char *suffix)
{
	size_t n = strlen(path), m = strlen(suffix);
	return n >= m && !strcmp(path + n - m, suffix);
}
