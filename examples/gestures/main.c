/*
 * Training with the emitted C, by hand: what firmware would do, with files in
 * place of the sensor. Build it beside the output of
 *
 *   thimble compile gestures.onnx -o out --loss cross-entropy --optimizer momentum
 *   cc -std=c99 -O2 -Iout main.c out/gestures.c out/gestures_weights.c -lm
 *
 * and run it in this folder, where the data is. It ends with status 0 if the
 * accuracy on the test data is above 80 %.
 */
#include "gestures.h"

#include <stdio.h>
#include <string.h>

enum { BATCH = GESTURES_BATCH };
enum { CLASSES = 5, SAMPLE = 3 * 64, TRAIN = 960, TEST = 320, EPOCHS = 12 };

/* The memory is the caller's: any array that is aligned. */
#if defined(__GNUC__)
#define ALIGNED __attribute__((aligned(GESTURES_ALIGN)))
#else
#define ALIGNED
#endif
static unsigned char arena[GESTURES_ARENA_BYTES] ALIGNED;
static unsigned char state[GESTURES_STATE_BYTES] ALIGNED;

static signed char train_x[TRAIN * SAMPLE], test_x[TEST * SAMPLE];
static unsigned char train_y[TRAIN], test_y[TEST];

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

static void fill(float *x, const signed char *from)
{
	int i;
	for (i = 0; i < BATCH * SAMPLE; i++)
		x[i] = (float)from[i] / 32.0f;
}

static float train_epoch(gestures_t *k, int epoch)
{
	static float x[BATCH * SAMPLE];
	int32_t label[BATCH];
	float loss = 0, sum = 0;
	int i, b;
	k->lr = 0.05f * (float)(EPOCHS - epoch) / EPOCHS;
	for (b = 0; b < TRAIN / BATCH; b++) {
		fill(x, train_x + b * BATCH * SAMPLE);
		for (i = 0; i < BATCH; i++)
			label[i] = train_y[b * BATCH + i];
		if (gestures_train_step(k, x, label, &loss) != GESTURES_OK)
			return -1;
		sum += loss;
	}
	return sum / (float)b;
}

static int argmax(const float *y)
{
	int i, best = 0;
	for (i = 1; i < CLASSES; i++)
		if (y[i] > y[best])
			best = i;
	return best;
}

static int count_right(gestures_t *k)
{
	static float x[BATCH * SAMPLE], y[BATCH * CLASSES];
	int b, i, right = 0;
	for (b = 0; b < TEST / BATCH; b++) {
		fill(x, test_x + b * BATCH * SAMPLE);
		if (gestures_infer(k, x, y) != GESTURES_OK)
			return -1;
		for (i = 0; i < BATCH; i++)
			right += argmax(y + i * CLASSES) ==
			         test_y[b * BATCH + i];
	}
	return right;
}

int main(void)
{
	gestures_t k;
	int epoch, right;
	if (!read_npy("train-x.npy", train_x, sizeof train_x) ||
	    !read_npy("train-y.npy", train_y, sizeof train_y) ||
	    !read_npy("test-x.npy", test_x, sizeof test_x) ||
	    !read_npy("test-y.npy", test_y, sizeof test_y))
		return 1;
	if (gestures_init(&k, arena, sizeof arena, state, sizeof state) !=
	    GESTURES_OK)
		return 1;
	for (epoch = 0; epoch < EPOCHS; epoch++)
		printf("epoch %d: loss %.4f\n", epoch + 1,
		       (double)train_epoch(&k, epoch));
	right = count_right(&k);
	printf("%d of %d right\n", right, TEST);
	return right * 5 > TEST * 4 ? 0 : 1;
}
