/*
 * The packer against computations that share nothing with it: a brute force
 * over all offsets, rectangles cut into items (so the lowest height is known),
 * and a sweep that looks for overlaps in every answer.
 */
#include "passes/pack.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

enum { MOST = 20000 };

static uint32_t state;

static int64_t below(int64_t n)
{
	state = state * 1664525u + 1013904223u;
	return (int64_t)(state >> 8) % n;
}

/* ---- the judge ---- */

typedef struct Event {
	int64_t time;
	int item;
	bool begins;
} Event;

static int in_time(const void *pa, const void *pb)
{
	const Event *a = pa, *b = pb;
	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	return a->begins - b->begins;
}

static int sorted_events(int n, const PackItem item[], Event e[])
{
	int m = 0;
	for (int i = 0; i < n; i++) {
		if (!item[i].size)
			continue;
		e[m++] = (Event){item[i].lower, i, true};
		e[m++] = (Event){item[i].upper, i, false};
	}
	qsort(e, (size_t)m, sizeof *e, in_time);
	return m;
}

/* Where the item belongs among those that live, sorted by offset. */
static int position(const int live[], int n, const int64_t offset[], int v)
{
	int lo = 0, hi = n;
	while (lo < hi) {
		int mid = (lo + hi) / 2;
		if (offset[live[mid]] < offset[v])
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void check_neighbours(const PackItem item[], const int64_t offset[],
                             const int live[], int n, int at)
{
	for (int i = at > 0 ? at : 1; i < n && i <= at + 1; i++) {
		int a = live[i - 1], b = live[i];
		cr_assert_leq(offset[a] + item[a].size, offset[b],
		              "items %d and %d overlap", a, b);
	}
}

/* The placement is right and has the height that is claimed; returns the
 * largest sum of sizes. */
static int64_t judge(int n, const PackItem item[], const int64_t offset[],
                     PackResult r)
{
	static Event e[2 * MOST];
	static int live[MOST];
	int64_t sum = 0, most = 0, height = 0;
	int nlive = 0, m = sorted_events(n, item, e);
	for (int k = 0; k < m; k++) {
		int v = e[k].item, at = position(live, nlive, offset, v);
		sum += e[k].begins ? item[v].size : -item[v].size;
		most = sum > most ? sum : most;
		if (!e[k].begins) {
			cr_assert_eq(live[at], v);
			memmove(live + at, live + at + 1,
			        sizeof *live * (size_t)(--nlive - at));
			continue;
		}
		memmove(live + at + 1, live + at,
		        sizeof *live * (size_t)(nlive++ - at));
		live[at] = v;
		check_neighbours(item, offset, live, nlive, at);
	}
	for (int i = 0; i < n; i++) {
		cr_assert_geq(offset[i], 0);
		cr_assert(item[i].align < 2 || !item[i].size ||
		          offset[i] % item[i].align == 0);
		if (item[i].size && offset[i] + item[i].size > height)
			height = offset[i] + item[i].size;
	}
	cr_assert_eq(r.height, height);
	cr_assert_leq(r.bound, r.height);
	cr_assert_geq(r.bound, most);
	return most;
}

/* ---- brute force ---- */

static bool clash(const PackItem *a, int64_t at, const PackItem *b, int64_t bt)
{
	return a->lower < b->upper && b->lower < a->upper &&
	       at < bt + b->size && bt < at + a->size;
}

static bool fits(int n, const PackItem item[], int64_t height, int i,
                 int64_t offset[])
{
	if (i == n)
		return true;
	int64_t step = item[i].align ? item[i].align : 1;
	for (int64_t at = 0; at + item[i].size <= height; at += step) {
		bool free = true;
		for (int j = 0; j < i && free; j++)
			free = !clash(&item[i], at, &item[j], offset[j]);
		offset[i] = at;
		if (free && fits(n, item, height, i + 1, offset))
			return true;
	}
	return false;
}

/* None is below `height`. */
static int64_t lowest_height(int n, const PackItem item[], int64_t height)
{
	int64_t offset[40];
	while (!fits(n, item, height, 0, offset))
		height++;
	return height;
}

static int split(PackItem item[], int n, int64_t lower, int64_t size)
{
	while (size > 0) {
		int64_t part = 1 + below(size);
		item[n++] = (PackItem){lower, 100, part, 0, 0, NULL};
		size -= part;
	}
	return n;
}

/* At every time the sizes add up to 7; now and then two items end, and others
 * take their room. So the room is often in two places. */
static int crowded_items(PackItem item[])
{
	int n = split(item, 0, 0, 7);
	for (int time = 1; n < 28; time++) {
		int64_t room = 0;
		for (int ended = 0, i = 0; i < n && ended < 2; i++)
			if (item[i].upper == 100 && below(2)) {
				item[i].upper = time;
				room += item[i].size;
				ended++;
			}
		n = split(item, n, time, room);
	}
	return n;
}

static int aligned_items(PackItem item[])
{
	int n = 3 + (int)below(6);
	for (int i = 0; i < n; i++) {
		int64_t lower = below(9);
		item[i] = (PackItem){lower, lower + 1 + below(5), 1 + below(4),
		                     INT64_C(1) << below(3), 0, NULL};
	}
	item[0].align = 1;   /* so that no size is rounded up */
	return n;
}

static void compare_with_brute_force(int make(PackItem *))
{
	PackItem item[40];
	int64_t offset[40];
	int above_live = 0;
	for (int round = 0; round < 400; round++) {
		int n = make(item);
		PackResult r = pack(n, item, (PackLimits){0}, offset);
		int64_t live = judge(n, item, offset, r);
		int64_t lowest = lowest_height(n, item, live);
		cr_assert_eq(r.height, lowest, "round %d", round);
		cr_assert_eq(r.bound, lowest, "round %d", round);
		above_live += lowest > live;
		if (lowest == live)
			continue;
		/* not even one unit lower, and that is known for certain */
		r = pack(n, item, (PackLimits){.capacity = lowest - 1}, offset);
		cr_assert_eq(r.bound, lowest, "round %d", round);
	}
	cr_assert_gt(above_live, 8, "only %d are hard", above_live);
}

Test(pack, small_ones_are_lowest)
{
	state = 1;
	compare_with_brute_force(crowded_items);
}

Test(pack, small_aligned_ones_are_lowest)
{
	state = 2;
	compare_with_brute_force(aligned_items);
}

/* ---- rectangles that were cut ---- */

/* Cuts [lower, upper) x size into n items, without waste. */
static void cut(PackItem item[], int n, int64_t lower, int64_t upper,
                int64_t size)
{
	int m = n / 3 + (int)below(n / 3 + 1);
	m = m > 0 ? m : 1;
	int64_t time = upper - lower;
	if (n == 1) {
		*item = (PackItem){lower, upper, size, 0, 0, NULL};
	} else if (below(time + 4 * size) < time ? time > 1 : size < 2) {
		int64_t at = lower + 1 + below(time - 1);
		cut(item, m, lower, at, size);
		cut(item + m, n - m, at, upper, size);
	} else {
		int64_t at = 1 + below(size - 1);
		cut(item, m, lower, upper, at);
		cut(item + m, n - m, lower, upper, size - at);
	}
}

static void shuffle(PackItem item[], int n)
{
	for (int i = n - 1; i > 0; i--) {
		int j = (int)below(i + 1);
		PackItem x = item[i];
		item[i] = item[j];
		item[j] = x;
	}
}

static void make_rectangle(PackItem item[], int n, uint32_t seed)
{
	state = seed;
	cut(item, n, 0, INT64_C(1) << 20, INT64_C(1) << 20);
	shuffle(item, n);
}

Test(pack, cut_rectangles_are_put_together)
{
	static PackItem item[200];
	static int64_t offset[200];
	const int64_t size = INT64_C(1) << 20;
	for (int n = 10; n <= 200; n += 10) {
		make_rectangle(item, n, (uint32_t)n);
		PackResult r = pack(n, item, (PackLimits){.capacity = size},
		                    offset);
		cr_assert_eq(judge(n, item, offset, r), size);
		cr_assert_eq(r.height, size, "%d items", n);
		r = pack(n, item, (PackLimits){.capacity = size - 1}, offset);
		cr_assert_eq(r.bound, size);
	}
}

Test(pack, the_order_of_items_does_not_matter_much)
{
	static PackItem item[60];
	static int64_t offset[60];
	make_rectangle(item, 60, 7);
	for (int round = 0; round < 20; round++) {
		shuffle(item, 60);
		PackResult r = pack(60, item, (PackLimits){0}, offset);
		judge(60, item, offset, r);
		cr_assert_eq(r.height, INT64_C(1) << 20, "round %d", round);
	}
}

/* ---- large ---- */

Test(pack, many_items_in_little_effort)
{
	static PackItem item[MOST];
	static int64_t offset[MOST];
	state = 3;
	for (int i = 0; i < MOST; i++) {
		int64_t lower = below(100000);
		item[i] = (PackItem){lower, lower + 1 + below(400),
		                     64 + 64 * below(1000), 64, 0, NULL};
	}
	PackLimits limits = {.nodes = 30 * MOST};
	PackResult r = pack(MOST, item, limits, offset);
	int64_t live = judge(MOST, item, offset, r);
	cr_assert_leq(r.height, live + live / 8);
	cr_assert_leq(r.nodes, 40 * MOST);
}

/* A comb: each item is within the one before it, beside a tooth. */
Test(pack, nested_items_do_not_nest_the_packer)
{
	static PackItem item[MOST];
	static int64_t offset[MOST];
	for (int i = 0; i < MOST; i += 2) {
		item[i] = (PackItem){i, 4 * MOST - i, 1 + i % 7, 0, 0, NULL};
		item[i + 1] = (PackItem){i, i + 1, 1, 0, 0, NULL};
	}
	PackResult r = pack(MOST, item, (PackLimits){.nodes = MOST}, offset);
	judge(MOST, item, offset, r);
}

Test(pack, same_items_same_offsets)
{
	static PackItem item[1500];
	static int64_t first[1500], second[1500];
	for (int n = 150; n <= 1500; n += 1350) {
		state = 4;
		for (int i = 0; i < n; i++) {
			int64_t lower = below(300);
			item[i] = (PackItem){lower, lower + 1 + below(90),
			                     1 + below(1000), 0, 0, NULL};
		}
		PackLimits limits = {.nodes = 100000};
		PackResult a = pack(n, item, limits, first);
		PackResult b = pack(n, item, limits, second);
		judge(n, item, first, a);
		cr_assert_arr_eq(first, second, sizeof *first * (size_t)n);
		cr_assert(a.height == b.height && a.bound == b.bound &&
		          a.nodes == b.nodes);
	}
}

/* ---- the odd ones ---- */

static PackResult packed(int n, const PackItem item[], int64_t offset[])
{
	PackResult r = pack(n, item, (PackLimits){0}, offset);
	judge(n, item, offset, r);
	cr_assert_eq(r.height, r.bound);
	return r;
}

Test(pack, none_one_and_empty_ones)
{
	int64_t offset[4];
	PackItem empty[] = {{0, 5, 0, 0, 0, NULL}, {2, 9, 0, 16, 0, NULL}, {-3, 1, 7, 0, 0, NULL}};
	cr_assert_eq(packed(0, NULL, offset).height, 0);
	cr_assert_eq(packed(1, empty, offset).height, 0);
	cr_assert_eq(packed(2, empty, offset).height, 0);
	cr_assert_eq(packed(3, empty, offset).height, 7);
	cr_assert_eq(packed(1, empty + 2, offset).height, 7);
}

Test(pack, equal_lifetimes_stack_up)
{
	PackItem item[50];
	int64_t offset[50];
	for (int i = 0; i < 50; i++)
		item[i] = (PackItem){10, 20, i, 0, 0, NULL};
	cr_assert_eq(packed(50, item, offset).height, 49 * 50 / 2);
	for (int i = 0; i < 50; i++)
		item[i].align = 16;
	int64_t rounded = 0;
	for (int i = 0; i < 50; i++)
		rounded += (i + 15) / 16 * 16;
	PackResult r = pack(50, item, (PackLimits){0}, offset);
	cr_assert_eq(r.height, rounded);
	cr_assert_eq(r.bound, rounded);
}

Test(pack, lifetimes_that_only_touch_share)
{
	PackItem item[] = {{0, 5, 8, 0, 0, NULL}, {5, 9, 8, 0, 0, NULL}, {9, 10, 8, 0, 0, NULL}};
	int64_t offset[3];
	cr_assert_eq(packed(3, item, offset).height, 8);
}

Test(pack, large_numbers_stay_exact)
{
	const int64_t big = INT64_C(1) << 59, time = INT64_C(1) << 61;
	PackItem item[] = {
		{-time, 0, big + 1, 0, 0, NULL}, {-1, time, big, 0, 0, NULL}, {0, time, big, 0, 0, NULL},
		{-time, -1, 3, 0, 0, NULL}, {1, 2, 1, 0, 0, NULL},
	};
	int64_t offset[5];
	cr_assert_eq(packed(5, item, offset).height, 2 * big + 1);
}
