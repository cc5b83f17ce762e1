/*
 * A target without libFuzzer: runs it on files, and on so many mutations of
 * each.
 *
 *   replay_TARGET MUTATIONS FILE...
 *
 * The mutations follow from their number, so that what fails fails again. The
 * one at work is in the file replay-TARGET.last, to be looked at after a crash.
 */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <string.h>

enum { ROOM = 1 << 18 };

#ifdef CUSTOM_MUTATOR
#define MUTATE LLVMFuzzerCustomMutator
#else
static size_t mutate_bytes(uint8_t *data, size_t size, size_t room,
                           unsigned seed)
{
	(void)seed;
	return LLVMFuzzerMutate(data, size, room);
}
#define MUTATE mutate_bytes
#endif

/* Some bytes are set, cut out, or doubled: by a hash of what is there. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t room)
{
	uint64_t random = fuzz_hash(data, size);
	size_t at = size ? fuzz_below(&random, (uint32_t)size) : 0;
	size_t n = 1 + fuzz_below(&random, 8);
	uint32_t how = fuzz_below(&random, 4);
	if (how == 0 && size + n <= room) {
		memmove(data + at + n, data + at, size - at);
		return size + n;
	}
	if (how == 1 && at + n < size) {
		memmove(data + at, data + at + n, size - at - n);
		return size - n;
	}
	if (size)
		data[at] ^= (uint8_t)(1 + fuzz_below(&random, 255));
	return size;
}

static size_t read_file(const char *path, uint8_t *data)
{
	FILE *f = fopen(path, "rb");
	if (!f) {
		perror(path);
		exit(1);
	}
	size_t n = fread(data, 1, ROOM, f);
	fclose(f);
	return n;
}

static void try(const char *name, const uint8_t *data, size_t size)
{
	FILE *f = fopen(name, "wb");
	if (!f || fwrite(data, 1, size, f) != size || fclose(f)) {
		perror(name);
		exit(1);
	}
	/* At its exact size, for the sanitizer. */
	uint8_t *exact = malloc(size + !size);
	memcpy(exact, data, size);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

int main(int argc, char **argv)
{
	static uint8_t seed[ROOM], data[ROOM];
	char last[256];
	const char *slash = strrchr(argv[0], '/');
	unsigned mutations = argc > 1 ? (unsigned)atoi(argv[1]) : 0, count = 0;
	snprintf(last, sizeof last, "%s.last", slash ? slash + 1 : argv[0]);
	for (int i = 2; i < argc; i++) {
		size_t size = read_file(argv[i], seed), n = size;
		try(last, seed, size);
		for (unsigned k = 0; k < mutations; k++, count++) {
			if (k % 4 == 0) {
				memcpy(data, seed, size);
				n = size;
			}
			n = MUTATE(data, n, ROOM, count);
			try(last, data, n);
		}
	}
	remove(last);
	printf("%d files, %u mutations\n", argc > 2 ? argc - 2 : 0, count);
	return 0;
}
