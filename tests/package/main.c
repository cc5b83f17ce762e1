/* Two models from one file: one that learns and one that does not. */
#include "frozen.h"
#include "net.h"

static unsigned char arena[NET_ARENA_BYTES] __attribute__((aligned(64)));
static unsigned char state[NET_STATE_BYTES] __attribute__((aligned(64)));

int main(void)
{
	net_t k;
	frozen_t f;
	float first = 0, loss = 0;

	if (net_init(&k, arena, sizeof(arena), state, sizeof(state)) != NET_OK)
		return 1;
	for (int i = 0; i < 20; i++) {
		for (unsigned j = 0; j < sizeof(arena); j++)
			arena[j] = 0;
		if (net_train_step(&k, NULL, NULL, &loss) != NET_OK)
			return 2;
		if (i == 0)
			first = loss;
	}
	return !(loss < first) || k.step != 20 ||
	       frozen_init(&f, NULL, 0, NULL, 0, NULL, 0) != FROZEN_ERROR_NULL;
}
