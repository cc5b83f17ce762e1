/*
 * A device that learns gestures: 960 recordings of an accelerometer lie in flash
 * as bytes; each step is fed those of its batch that it asks for. Prints the
 * mean loss of each epoch, and at the end a checksum of all that was learned,
 * which must be the same on every machine. Status 0 if it learned: the last
 * loss is below half of the first.
 */
#include "gestures.h"

#include "board.h"
#include "log.h"

#include <stddef.h>

enum { BATCH = GESTURES_BATCH, SAMPLE = 3 * 64, TRAIN = 960, EPOCHS = 3 };

extern const int8_t samples[TRAIN * SAMPLE];
extern const uint8_t labels[TRAIN];

/* The memory is ours to give: all that the model needs. */
#define ALIGNED __attribute__((aligned(GESTURES_ALIGN)))
static unsigned char arena[GESTURES_ARENA_BYTES] ALIGNED;
static unsigned char state[GESTURES_STATE_BYTES] ALIGNED;

/* user: where the batch begins. */
static void feed_acceleration(void *user, float *to, size_t first, size_t count)
{
	const int8_t *from = samples + (*(const size_t *)user + first) * SAMPLE;
	for (size_t i = 0; i < count * SAMPLE; i++)
		to[i] = (float)from[i] / 32.0f;
}

static void feed_target(void *user, int32_t *to, size_t first, size_t count)
{
	const uint8_t *from = labels + *(const size_t *)user + first;
	for (size_t i = 0; i < count; i++)
		to[i] = from[i];
}

/* The mean loss before each step's update; negative after an error. */
static float train_epoch(gestures_t *k)
{
	size_t at;
	const gestures_feed feed = {&at, feed_acceleration, feed_target};
	float loss, sum = 0;
	for (at = 0; at < TRAIN; at += BATCH) {
		gestures_status status;
		while ((status = gestures_train_slice(k, &feed, &loss)) ==
		       GESTURES_MORE)
			board_breathe();
		if (status != GESTURES_OK)
			return -1;
		sum += loss;
	}
	return sum / (TRAIN / BATCH);
}

/* FNV-1a, 32 bits. */
static uint32_t checksum(const unsigned char *p, size_t n)
{
	uint32_t h = 2166136261u;
	while (n--)
		h = (h ^ *p++) * 16777619u;
	return h;
}

static void log_memory(void)
{
	log_text("arena ");
	log_whole(GESTURES_ARENA_BYTES);
	log_text(", state ");
	log_whole(GESTURES_STATE_BYTES);
	log_text(", stack ");
	log_whole(board_stack_used());
	log_text(" bytes\n");
}

int main(void)
{
	gestures_t k;
	float first = 0, loss = 0;
	if (gestures_init(&k, arena, sizeof arena, state, sizeof state) !=
	    GESTURES_OK)
		return 1;
	for (int epoch = 0; epoch < EPOCHS; epoch++) {
		k.lr = 0.05f * (float)(EPOCHS - epoch) / EPOCHS;
		loss = train_epoch(&k);
		if (loss < 0)
			return 1;
		first = epoch ? first : loss;
		log_text("epoch ");
		log_whole((uint32_t)epoch + 1);
		log_text(": loss ");
		log_fraction(loss);
		log_text("\n");
	}
	log_text("learned ");
	log_hex(checksum(state, sizeof state));
	log_text("\n");
	log_memory();
	return loss * 2 < first ? 0 : 1;
}
