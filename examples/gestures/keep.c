/*
 * Training that goes on where it stopped: what is learned is kept in a file, as
 * firmware keeps it in flash. Build it as main.c, and run it in this folder:
 *
 *   keep FILE
 *
 * loads the file if there is one, trains 20 batches, and saves. A file that
 * `thimble train --save FILE` made may be the first; `thimble export
 * gestures.onnx FILE -o learned.onnx` takes the weights back.
 */
#include "gestures.h"

#include <stdio.h>
#include <string.h>

enum { BATCH = GESTURES_BATCH, SAMPLE = 3 * 64, BATCHES = 20 };

#if defined(__GNUC__)
#define ALIGNED __attribute__((aligned(GESTURES_ALIGN)))
#else
#define ALIGNED
#endif
static unsigned char arena[GESTURES_ARENA_BYTES] ALIGNED;
static unsigned char state[GESTURES_STATE_BYTES] ALIGNED;

/* ---- a file as storage ---- */

static int file_read(void *user, uint32_t at, void *dst, size_t n)
{
	FILE *f = user;
	size_t got;
	if (fseek(f, (long)at, SEEK_SET))
		return 1;
	got = fread(dst, 1, n, f);
	/* What is behind the end has not been written yet. */
	memset((unsigned char *)dst + got, 0xff, n - got);
	return ferror(f);
}

static int file_program(void *user, uint32_t at, const void *src, size_t n)
{
	FILE *f = user;
	return fseek(f, (long)at, SEEK_SET) || fwrite(src, 1, n, f) != n ||
	       fflush(f);
}

static gestures_store file_store(FILE *f)
{
	gestures_store st = {0};
	st.user = f;
	st.read = file_read;
	st.program = file_program;   /* and no erase: a file is overwritten */
	st.sector_bytes = 64;
	st.sectors = 4096;
	st.unit = 1;
	return st;
}

static FILE *open_file(const char *path)
{
	FILE *f = fopen(path, "r+b");
	return f ? f : fopen(path, "w+b");
}

/* ---- training ---- */

static int train(gestures_t *k)
{
	static signed char sample[BATCHES * BATCH * SAMPLE];
	static unsigned char label[BATCHES * BATCH];
	static float x[BATCH * SAMPLE];
	int32_t y[BATCH];
	float loss = 0;
	FILE *fx = fopen("train-x.npy", "rb"), *fy = fopen("train-y.npy", "rb");
	int i, b;
	int ok = fx && fy && !fseek(fx, 128, SEEK_SET) &&
	         !fseek(fy, 128, SEEK_SET) &&
	         fread(sample, 1, sizeof sample, fx) == sizeof sample &&
	         fread(label, 1, sizeof label, fy) == sizeof label;
	if (fx)
		fclose(fx);
	if (fy)
		fclose(fy);
	for (b = 0; ok && b < BATCHES; b++) {
		for (i = 0; i < BATCH * SAMPLE; i++)
			x[i] = (float)sample[b * BATCH * SAMPLE + i] / 32.0f;
		for (i = 0; i < BATCH; i++)
			y[i] = label[b * BATCH + i];
		ok = gestures_train_step(k, x, y, &loss) == GESTURES_OK;
	}
	printf("step %u: loss %.4f\n", (unsigned)k->step, (double)loss);
	return ok;
}

static int keep(gestures_t *k, const gestures_store *st)
{
	gestures_status s = gestures_load(k, st);
	gestures_store_info info;
	if (s != GESTURES_OK && s != GESTURES_ERROR_EMPTY) {
		fprintf(stderr, "cannot load: status %d\n", (int)s);
		return 0;
	}
	printf("begins at step %u\n", (unsigned)k->step);
	if (!train(k) || gestures_save(k, st) != GESTURES_OK ||
	    gestures_inspect(k, st, &info) != GESTURES_OK)
		return 0;
	printf("save %u, in slot %u of %u\n", (unsigned)info.saves,
	       (unsigned)info.slot, (unsigned)info.slots);
	return 1;
}

int main(int argc, char **argv)
{
	gestures_t k;
	gestures_store st;
	FILE *f = argc == 2 ? open_file(argv[1]) : NULL;
	int ok;
	if (!f) {
		fprintf(stderr, "usage: keep FILE\n");
		return 2;
	}
	st = file_store(f);
	ok = gestures_init(&k, arena, sizeof arena, state, sizeof state) ==
	     GESTURES_OK && keep(&k, &st);
	return fclose(f) || !ok;
}
