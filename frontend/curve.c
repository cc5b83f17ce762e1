/* A loss curve in characters: each column is the mean of a stretch of steps. */
#include "frontend/trainer.h"

#include <math.h>

enum { WIDTH = 64, HEIGHT = 12 };

static int make_columns(const double *loss, int64_t n, double column[WIDTH])
{
	int width = n < WIDTH ? (int)n : WIDTH;
	for (int c = 0; c < width; c++) {
		int64_t first = n * c / width, end = n * (c + 1) / width;
		double sum = 0;
		for (int64_t i = first; i < end; i++)
			sum += loss[i];
		column[c] = sum / (double)(end - first);
	}
	return width;
}

void curve_plot(FILE *f, const double *loss, int64_t n)
{
	double column[WIDTH], lo = INFINITY, hi = -INFINITY;
	int width = make_columns(loss, n, column);
	for (int c = 0; c < width; c++) {
		lo = fmin(lo, column[c]);
		hi = fmax(hi, column[c]);
	}
	if (!isfinite(lo) || !isfinite(hi))
		return;
	double range = hi > lo ? hi - lo : 1;
	for (int row = HEIGHT - 1; row >= 0; row--) {
		fprintf(f, "%10.4g |", lo + range * row / (HEIGHT - 1));
		for (int c = 0; c < width; c++) {
			double y = (column[c] - lo) / range * (HEIGHT - 1);
			fputc((int)lround(y) == row ? '*' : ' ', f);
		}
		fputc('\n', f);
	}
	fprintf(f, "%10s +", "loss");
	for (int c = 0; c < width; c++)
		fputc('-', f);
	fprintf(f, "\n%11s 1%*lld steps\n", "", width > 2 ? width - 2 : 1,
	        (long long)n);
}
