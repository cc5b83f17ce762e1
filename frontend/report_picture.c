/*
 * The arena over time for terminals: a letter per cell of steps and addresses,
 * of the class that fills most of the cell.
 */
#include "frontend/report_plan.h"

#include <inttypes.h>

enum { WIDTH = 68, HEIGHT = 12 };

typedef struct Grid {
	const Plan *plan;
	int width, height;
	double area[HEIGHT][WIDTH][NMEMCLASS];   /* bytes times steps */
} Grid;

/* Where column or row i of n begins, of something that is `size` long. */
static int64_t edge(int64_t size, int i, int n)
{
	return (int64_t)((double)size * i / n);
}

static double overlap(int64_t a0, int64_t a1, int64_t b0, int64_t b1)
{
	int64_t lo = a0 > b0 ? a0 : b0, hi = a1 < b1 ? a1 : b1;
	return hi > lo ? (double)(hi - lo) : 0;
}

static double rows_of(const Grid *g, int y, int64_t from, int64_t to)
{
	int64_t size = g->plan->arena_bytes;
	return overlap(edge(size, y, g->height), edge(size, y + 1, g->height),
	               from, to);
}

static double columns_of(const Grid *g, int x, int64_t from, int64_t to)
{
	int64_t size = g->plan->nsteps;
	return overlap(edge(size, x, g->width), edge(size, x + 1, g->width),
	               from, to);
}

static void add_window(Grid *g, const Buffer *b, BufferWindow w)
{
	for (int y = 0; y < g->height; y++) {
		double bytes = rows_of(g, y, b->offset + w.low,
		                       b->offset + w.high);
		for (int x = 0; bytes > 0 && x < g->width; x++)
			g->area[y][x][b->memory] +=
				bytes * columns_of(g, x, w.first, w.last + 1);
	}
}

static void add_buffer(Grid *g, const Buffer *b)
{
	for (int i = 0; i < buffer_windows(b); i++)
		add_window(g, b, buffer_window(b, i));
}

static char letter(const Grid *g, int y, int x)
{
	double most = 0, rest = rows_of(g, y, 0, g->plan->arena_bytes) *
	                        columns_of(g, x, 0, g->plan->nsteps);
	char best = '.';
	for (int c = 0; c < NMEMCLASS; c++) {
		rest -= g->area[y][x][c];
		if (g->area[y][x][c] > most) {
			most = g->area[y][x][c];
			best = memory_class_name((MemoryClass)c)[0];
		}
	}
	return rest > most ? '.' : best;
}

static void print_legend(FILE *f, const Plan *plan)
{
	bool used[NMEMCLASS] = {0};
	for (int i = 0; i < plan->nbuffers; i++)
		used[plan->buffer[i].memory] = true;
	fputs("           ", f);
	for (int c = 0; c < NMEMCLASS; c++)
		if (used[c])
			fprintf(f, "%c %s, ",
			        memory_class_name((MemoryClass)c)[0],
			        memory_class_name((MemoryClass)c));
	fputs(". free\n", f);
}

/* The first column that is not past the peak's step. */
static int peak_column(const Grid *g)
{
	int x = 0;
	while (edge(g->plan->nsteps, x + 1, g->width) <= g->plan->peak_step)
		x++;
	return x;
}

void plan_picture(FILE *f, const Plan *plan)
{
	if (plan->nsteps == 0 || plan->arena_bytes < HEIGHT)
		return;
	Arena *scratch = arena_create();
	Grid *g = arena_new(scratch, Grid);
	g->plan = plan;
	g->width = plan->nsteps < WIDTH ? plan->nsteps : WIDTH;
	g->height = HEIGHT;
	for (int i = 0; i < plan->nbuffers; i++)
		add_buffer(g, &plan->buffer[i]);
	fprintf(f, "\narena of %s over time: steps to the right, addresses "
	        "upwards\n", plan->graph->name);
	for (int y = g->height - 1; y >= 0; y--) {
		fprintf(f, "%10" PRId64 " ",
		        edge(plan->arena_bytes, y, g->height));
		for (int x = 0; x < g->width; x++)
			fputc(letter(g, y, x), f);
		fputc('\n', f);
	}
	fprintf(f, "%*s^ peak: step %d\n", 11 + peak_column(g), "",
	        plan->peak_step);
	print_legend(f, plan);
	arena_destroy(scratch);
}
