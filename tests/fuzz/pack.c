/* `thimble pack`: what the table says is placed, and then nothing overlaps. */
#include "tests/fuzz/fuzz.h"

#include "frontend/pack_csv.h"
#include "passes/pack.h"

enum { FEW = 200 };   /* checked pair by pair */

static bool meet(int64_t a, int64_t a_end, int64_t b, int64_t b_end)
{
	return a < b_end && b < a_end;
}

static void check(int n, const PackItem *p, const int64_t *at, int64_t height)
{
	for (int i = 0; i < n; i++) {
		if (at[i] < 0 || at[i] % p[i].align ||
		    at[i] + p[i].size > height)
			BUG("item %d is out of place", i);
		for (int j = 0; j < i; j++)
			if (meet(p[i].lower, p[i].upper, p[j].lower, p[j].upper) &&
			    meet(at[i], at[i] + p[i].size, at[j],
			         at[j] + p[j].size))
				BUG("items %d and %d overlap", i, j);
	}
}

static void place(Arena *a, const PackTable *t)
{
	PackItem *item = arena_array(a, PackItem, t->n);
	int64_t *offset = arena_array(a, int64_t, t->n);
	for (int i = 0; i < t->n; i++)
		item[i] = (PackItem){t->lower[i], t->upper[i], t->size[i],
		                     t->align[i], 0, NULL};
	PackResult r = pack(t->n, item, (PackLimits){.nodes = 2000}, offset);
	if (r.height < r.bound)
		BUG("lower than the bound");
	if (t->n <= FEW)
		check(t->n, item, offset, r.height);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Trial t;
	PackTable table;
	trial_begin(&t, "fuzz.csv");
	char *text = (char *)fuzz_text(t.u.arena, data, size);
	bool ok = pack_csv_parse(&t.u, "fuzz.csv", text, size, &table);
	if (ok)
		place(t.u.arena, &table);
	trial_end(&t, ok);
	return 0;
}
