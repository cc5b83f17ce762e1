/*
 * What no schedule can do without, whatever it computes again: a task needs what
 * it reads and what it writes at once, less what it may write over. And when it
 * runs for the first time, nothing that depends on it has run: inputs which that
 * still reads, and which nobody can compute again, are there too. In the end all
 * outputs are.
 */
#include "passes/planner.h"

static int64_t most_saved(const Problem *p, const Task *t, int storage)
{
	int64_t most = 0;
	for (int k = 0; k < t->nreuses; k++) {
		int64_t saved = reuse_saves(p, &t->reuse[k]);
		if (t->reuse[k].write == storage && saved > most)
			most = saved;
	}
	return most;
}

static int64_t bytes_at_once(const Problem *p, const Task *t)
{
	int64_t bytes = 0;
	for (int i = 0; i < t->nreads; i++)
		bytes += p->storage[t->read[i]].bytes;
	for (int i = 0; i < t->nwrites; i++)
		bytes += p->storage[t->write[i]].bytes -
		         most_saved(p, t, t->write[i]);
	return bytes;
}

static bool reads(const Task *t, int storage)
{
	for (int i = 0; i < t->nreads; i++)
		if (t->read[i] == storage)
			return true;
	return false;
}

/* Adds the input to all tasks during which it waits. later[], by task: does
 * anything that depends on it read the input? */
static void add_waiting(const Problem *p, int storage, bool *later,
                        int64_t *bytes)
{
	for (int t = p->ntasks - 1; t >= 0; t--) {
		const Task *task = &p->task[t];
		later[t] = false;
		for (int i = 0; i < task->nafter && !later[t]; i++)
			later[t] = later[task->after[i]] ||
			           reads(&p->task[task->after[i]], storage);
		if (later[t] && !reads(task, storage))
			bytes[t] += p->storage[storage].bytes;
	}
}

static int64_t bytes_of_outputs(const Problem *p)
{
	int64_t bytes = 0;
	for (int s = 0; s < p->nstorages; s++)
		bytes += p->storage[s].output ? p->storage[s].bytes : 0;
	return bytes;
}

int64_t problem_floor(const Problem *p)
{
	Arena *scratch = arena_create();
	int64_t most = bytes_of_outputs(p);
	int64_t *bytes = arena_array(scratch, int64_t, p->ntasks + 1);
	bool *later = arena_array(scratch, bool, p->ntasks + 1);
	for (int t = 0; t < p->ntasks; t++)
		bytes[t] = bytes_at_once(p, &p->task[t]);
	for (int s = 0; s < p->nstorages; s++)
		if (p->storage[s].writer < 0 && p->storage[s].bytes > 0)
			add_waiting(p, s, later, bytes);
	for (int t = 0; t < p->ntasks; t++)
		if (!p->task[t].skipped && bytes[t] > most)
			most = bytes[t];
	arena_destroy(scratch);
	return most;
}

/* All are there before the first step. */
static int64_t bytes_of_inputs(const Problem *p)
{
	int64_t bytes = 0;
	for (int s = 0; s < p->nstorages; s++)
		bytes += p->storage[s].writer < 0 ? p->storage[s].bytes : 0;
	return bytes;
}

int64_t plan_floor(const Plan *plan, bool whole)
{
	Arena *scratch = arena_create();
	Problem *p = problem_create(scratch, (Graph *)plan->graph);
	int64_t bytes = whole ? problem_floor(p) : bytes_of_inputs(p);
	arena_destroy(scratch);
	return bytes;
}
