/*
 * An inference of a model whose input and output are quantized.h's, on a bare-metal
 * board (examples/firmware), or on this machine, between two marks, for the plugin
 * count.c. Prints
 *
 *   infer CHECKSUM STATUS: of the output's bytes
 */
#include "board.h"
#include "log.h"

#include "mark.h"
#include "quantized.h"

static unsigned char arena[M_ARENA_BYTES] __attribute__((aligned(M_ALIGN)));
static unsigned char y[OUTPUT_BYTES];

static uint32_t checksum(const unsigned char *p, size_t n)
{
	uint32_t h = 2166136261u;
	while (n--)
		h = (h ^ *p++) * 16777619u;
	return h;
}

int main(void)
{
	m_t k;
	int status = m_init(&k, arena, sizeof arena, NULL, 0);
	mark_begin();
	if (status == M_OK)
		status = m_infer(&k, input, (void *)y);
	mark_end();
	log_text("infer ");
	log_hex(checksum(y, sizeof y));
	log_text(" ");
	log_whole((uint32_t)status);
	log_text("\n");
	return status != M_OK;
}
