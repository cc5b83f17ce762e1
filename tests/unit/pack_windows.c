/*
 * Items that give up part of their room before they end, against a brute force
 * over all offsets and a look at every pair.
 */
#include "passes/pack.h"

#include <criterion/criterion.h>

static uint32_t state;

static int64_t below(int64_t n)
{
	state = state * 1664525u + 1013904223u;
	return (int64_t)(state >> 8) % n;
}

enum { WINDOWS = 3 };

/* An item of up to three windows, one after the other. */
static PackItem windowed_item(PackWindow w[])
{
	PackItem item = {0, 0, 0, INT64_C(1) << below(2), 1 + (int)below(WINDOWS),
	                 w};
	int64_t time = item.lower = below(12);
	for (int k = 0; k < item.nwindows; k++) {
		int64_t low = below(4), high = low + 1 + below(6);
		w[k] = (PackWindow){time, time + 1 + below(4), low, high};
		time = w[k].upper;
		item.size = high > item.size ? high : item.size;
	}
	item.upper = time;
	return item;
}

static bool windows_clash(const PackItem *a, int64_t at, const PackItem *b,
                          int64_t bt)
{
	for (int i = 0; i < a->nwindows; i++)
		for (int j = 0; j < b->nwindows; j++) {
			const PackWindow *x = &a->window[i], *y = &b->window[j];
			if (x->lower < y->upper && y->lower < x->upper &&
			    at + x->low < bt + y->high &&
			    bt + y->low < at + x->high)
				return true;
		}
	return false;
}

static int64_t live_at(int n, const PackItem item[], int64_t time)
{
	int64_t sum = 0;
	for (int i = 0; i < n; i++)
		for (int k = 0; k < item[i].nwindows; k++) {
			const PackWindow *w = &item[i].window[k];
			if (w->lower <= time && time < w->upper)
				sum += w->high - w->low;
		}
	return sum;
}

static void judge_windows(int n, const PackItem item[], const int64_t offset[],
                          PackResult r)
{
	int64_t height = 0;
	for (int i = 0; i < n; i++) {
		cr_assert_geq(offset[i], 0);
		cr_assert_eq(offset[i] % item[i].align, 0);
		if (offset[i] + item[i].size > height)
			height = offset[i] + item[i].size;
		for (int j = 0; j < i; j++)
			cr_assert_not(windows_clash(&item[i], offset[i],
			                            &item[j], offset[j]),
			              "items %d and %d", i, j);
	}
	cr_assert_leq(height, r.height);
	cr_assert_leq(r.bound, r.height);
	for (int64_t time = 0; time < 24; time++)
		cr_assert_leq(live_at(n, item, time), r.bound);
}

Test(pack_windows, never_meet_and_save_room)
{
	PackItem item[30];
	PackWindow window[30][WINDOWS];
	int64_t offset[30], windows = 0, hulls = 0;
	state = 9;
	for (int round = 0; round < 600; round++) {
		int n = 1 + (int)below(round % 2 ? 30 : 8);
		for (int i = 0; i < n; i++)
			item[i] = windowed_item(window[i]);
		PackResult r = pack(n, item, (PackLimits){.nodes = 20000},
		                    offset);
		judge_windows(n, item, offset, r);
		windows += r.height;
		for (int i = 0; i < n; i++)
			item[i].nwindows = 0;
		hulls += pack(n, item, (PackLimits){.nodes = 20000},
		              offset).height;
	}
	cr_expect_lt(10 * windows, 9 * hulls, "%lld, %lld", (long long)windows,
	             (long long)hulls);
}

/* ---- a brute force ---- */

/* Of items 0 .. i - 1 the offsets are given; n in all, none above `height`. */
static bool fit_under(int64_t height, int n, const PackItem item[],
                      int64_t offset[], int i)
{
	if (i == n)
		return true;
	for (int64_t at = 0; at + item[i].size <= height; at += item[i].align) {
		bool free = true;
		for (int j = 0; j < i && free; j++)
			free = !windows_clash(&item[i], at, &item[j], offset[j]);
		offset[i] = at;
		if (free && fit_under(height, n, item, offset, i + 1))
			return true;
	}
	return false;
}

/* The tree of all placements is not complete where there are windows. */
Test(pack_windows, small_ones_are_mostly_lowest)
{
	enum { ITEMS = 4, ROUNDS = 300 };
	PackItem item[ITEMS];
	PackWindow window[ITEMS][WINDOWS];
	int64_t offset[ITEMS];
	int higher = 0;
	state = 5;
	for (int round = 0; round < ROUNDS; round++) {
		int n = 2 + (int)below(ITEMS - 1);
		for (int i = 0; i < n; i++)
			item[i] = windowed_item(window[i]);
		PackResult r = pack(n, item, (PackLimits){.nodes = 2000},
		                    offset);
		judge_windows(n, item, offset, r);
		higher += fit_under(r.height - 1, n, item, offset, 0);
	}
	cr_expect_leq(8 * higher, ROUNDS, "%d of %d", higher, ROUNDS);
}

/* What lives with all others would lie at the bottom, but for the room that one
 * of them makes. */
Test(pack_windows, no_bottom_beside_room_that_is_made)
{
	const PackWindow early[] = {{0, 2, 0, 8}, {2, 4, 0, 4}};
	const PackWindow late[] = {{2, 4, 0, 4}};
	const PackItem item[] = {{0, 4, 8, 1, 2, early}, {2, 4, 4, 1, 0, NULL}};
	const PackItem same[] = {item[0], {2, 4, 4, 1, 1, late}};
	int64_t offset[2];
	cr_expect_eq(pack(2, item, (PackLimits){0}, offset).height, 8);
	cr_expect_eq(offset[1], 4);
	cr_expect_eq(pack(2, same, (PackLimits){0}, offset).height, 8);
}
