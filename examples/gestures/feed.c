/*
 * Training from flash, by hand: the samples stay where they are, as bytes, and
 * each step is fed those of its batch that it asks for. Build it beside the
 * output of
 *
 *   thimble compile gestures.onnx -o out --loss cross-entropy \
 *           --optimizer momentum --feed --micro-batch 1
 *   cc -std=c99 -O2 -Iout feed.c out/gestures.c out/gestures_weights.c -lm
 *
 * and run it in this folder. It ends with status 0 if the loss of the last epoch
 * is below a third of the first's, and a feed without functions was refused.
 */
#include "gestures.h"

#include <stdio.h>

enum { BATCH = GESTURES_BATCH, SAMPLE = 3 * 64, TRAIN = 960, EPOCHS = 12 };

#if defined(__GNUC__)
#define ALIGNED __attribute__((aligned(GESTURES_ALIGN)))
#else
#define ALIGNED
#endif
static unsigned char arena[GESTURES_ARENA_BYTES] ALIGNED;
static unsigned char state[GESTURES_STATE_BYTES] ALIGNED;

/* What would be in flash, and where in it the batch begins. */
typedef struct flash {
	signed char x[TRAIN * SAMPLE];
	unsigned char y[TRAIN];
	size_t at;
} flash;

static void feed_x(void *user, float *to, size_t first, size_t count)
{
	const flash *f = user;
	const signed char *from = f->x + (f->at + first) * SAMPLE;
	size_t i;
	for (i = 0; i < count * SAMPLE; i++)
		to[i] = (float)from[i] / 32.0f;
}

static void feed_label(void *user, int32_t *to, size_t first, size_t count)
{
	const flash *f = user;
	size_t i;
	for (i = 0; i < count; i++)
		to[i] = f->y[f->at + first + i];
}

/* The data behind the header of a .npy file, which is 128 bytes here. */
static int read_npy(const char *path, void *data, size_t bytes)
{
	FILE *f = fopen(path, "rb");
	int ok = f && !fseek(f, 128, SEEK_SET) && fread(data, 1, bytes, f) == bytes;
	if (f)
		fclose(f);
	if (!ok)
		fprintf(stderr, "cannot read %s\n", path);
	return ok;
}

/* The mean loss before each step's update; negative after an error. */
static float train_epoch(gestures_t *k, flash *f, const gestures_feed *feed)
{
	float loss, sum = 0;
	for (f->at = 0; f->at < TRAIN; f->at += BATCH) {
		if (gestures_train_step(k, feed, &loss) != GESTURES_OK)
			return -1;
		sum += loss;
	}
	return sum * BATCH / TRAIN;
}

static int refuses_nothing(gestures_t *k)
{
	const gestures_feed nothing = {NULL, NULL, NULL};
	return gestures_train_step(k, NULL, NULL) == GESTURES_ERROR_NULL &&
	       gestures_train_step(k, &nothing, NULL) == GESTURES_ERROR_NULL &&
	       gestures_infer(k, NULL, NULL) == GESTURES_ERROR_NULL;
}

int main(void)
{
	static flash f;
	const gestures_feed feed = {&f, feed_x, feed_label};
	gestures_t k;
	float first = 0, last = 0, after;
	int epoch;
	if (!read_npy("train-x.npy", f.x, sizeof f.x) ||
	    !read_npy("train-y.npy", f.y, sizeof f.y) ||
	    gestures_init(&k, arena, sizeof arena, state, sizeof state) !=
	    GESTURES_OK)
		return 1;
	for (epoch = 0; epoch < EPOCHS; epoch++) {
		last = train_epoch(&k, &f, &feed);
		first = epoch ? first : last;
	}
	f.at = 0;
	if (gestures_evaluate(&k, &feed, &after) != GESTURES_OK)
		return 1;
	printf("loss %.4f, then %.4f; of the first batch %.4f\n", (double)first,
	       (double)last, (double)after);
	return last >= 0 && last * 3 < first && refuses_nothing(&k) ? 0 : 1;
}
