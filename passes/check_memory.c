#include "passes/check_memory.h"

#include <string.h>

/* The first span that ends after `at`. */
static int find_span(const Memory *m, int64_t at)
{
	int lo = 0, hi = m->nspans;
	while (lo < hi) {
		int mid = lo + (hi - lo) / 2;
		if (m->span[mid].hi <= at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool memory_is_taken(const Memory *m, int64_t lo, int64_t hi)
{
	int i = find_span(m, lo);
	return lo < hi && i < m->nspans && m->span[i].lo < hi;
}

static void open_gap(Arena *a, Memory *m, int at, int by)
{
	if (m->nspans + by > m->maxspans) {
		int max = 2 * (m->nspans + by);
		Span *more = arena_array(a, Span, max);
		if (m->nspans)
			memcpy(more, m->span,
			       sizeof *more * (size_t)m->nspans);
		m->span = more;
		m->maxspans = max;
	}
	if (m->nspans > at)
		memmove(&m->span[at + by], &m->span[at],
		        sizeof *m->span * (size_t)(m->nspans - at));
	m->nspans += by;
}

static void begin_at(Span *s, int64_t lo)
{
	s->from += lo - s->lo;
	s->lo = lo;
}

/* Spans that reach across `at` become two. */
static void split(Arena *a, Memory *m, int64_t at)
{
	int i = find_span(m, at);
	if (i == m->nspans || m->span[i].lo >= at)
		return;
	open_gap(a, m, i, 1);
	m->span[i] = m->span[i + 1];
	m->span[i].hi = at;
	begin_at(&m->span[i + 1], at);
}

/* Nobody has [lo, hi) any more. Returns where a span for it belongs. */
static int cut(Arena *a, Memory *m, int64_t lo, int64_t hi)
{
	split(a, m, lo);
	split(a, m, hi);
	int i = find_span(m, lo), end = i;
	while (end < m->nspans && m->span[end].hi <= hi)
		end++;
	if (end > i) {
		memmove(&m->span[i], &m->span[end],
		        sizeof *m->span * (size_t)(m->nspans - end));
		m->nspans -= end - i;
	}
	return i;
}

void memory_forget(Arena *a, Memory *m, int64_t lo, int64_t hi)
{
	if (lo < hi)
		cut(a, m, lo, hi);
}

void memory_write(Arena *a, Memory *m, Span s)
{
	if (s.lo >= s.hi)
		return;
	int i = cut(a, m, s.lo, s.hi);
	open_gap(a, m, i, 1);
	m->span[i] = s;
}

bool memory_holds(const Memory *m, Span s)
{
	for (int i = find_span(m, s.lo); s.lo < s.hi; i++) {
		const Span *t = &m->span[i];
		if (i == m->nspans || t->lo > s.lo || t->what != s.what ||
		    t->from + s.lo - t->lo != s.from)
			return false;
		begin_at(&s, t->hi);
	}
	return true;
}
