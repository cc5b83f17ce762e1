/*
 * Making the training step fit: of the ways to compile it, the cheapest whose
 * placed arena is within a budget.
 */
#ifndef PASSES_BUDGET_H
#define PASSES_BUDGET_H

#include "ir/options.h"
#include "ir/plan.h"

typedef struct Budget Budget;

/* The training step's graph before the passes, in the forms in which it can be
 * compiled. */
typedef struct StepForms {
	const Graph *train;
	const Graph *divided;     /* for a batch in parts; it may be the same */
	const Graph *segmented;   /* with recurrences in segments of time;
	                           * NULL: it has none; */
	const Graph *shorter;     /*   in shorter ones */
	const Graph *rows;        /* with the loss of rows of a matrix, so many */
	int64_t nrows;            /*   of them; NULL: in parts it gains nothing */
	const Graph *both;        /* that in segments of time, or NULL; */
	const Graph *both_shorter;   /* and in shorter ones */
} StepForms;

Budget *budget_create(Arena *, const StepForms *, const Options *);
/* As it is compiled without a budget. */
Plan *budget_plain(const Budget *);
/* The cheapest plan found with an arena of at most that; NULL: none. */
Plan *budget_fit(Budget *, int64_t arena_bytes);
/* As budget_fit(), among plans that are looked for whatever is asked for: the
 * smallest, and where the curve (budget_sweep()) may reach further down, those of
 * it. So what is then said to be the smallest fits when it is asked for. */
Plan *budget_fit_swept(Budget *, int64_t arena_bytes, int64_t other);
/* Forgets what was found. */
void budget_restart(Budget *);
/* The plan with the smallest arena that was found. */
Plan *budget_smallest(Budget *);
/* Bytes of the arena that no plan of any variant can do without. */
int64_t budget_floor(const Budget *);
/* Operations that it takes more than the plan that computes nothing twice. */
int64_t budget_extra(const Budget *, const Plan *);
/* What the plan, one of the above, owes to which technique. */
void budget_techniques(const Budget *, const Plan *, int *n, Technique **);
/* Looks for such plans with a tenth of the effort; they count as found. */
void budget_try(Budget *, int64_t arena_bytes);
/* Of all that were found until now; NULL: none has so small an arena. */
Plan *budget_cheapest(const Budget *, int64_t arena_bytes);

/* The curve from the plan that computes nothing twice to the smallest, into the
 * Program. Its other functions need `other` bytes in the arena. */
void budget_sweep(Budget *, Program *, int64_t other);
/* The plan with the smallest arena, or one of at most `other` bytes, that takes
 * at most so many percent more operations than computing nothing twice. */
Plan *budget_least(Budget *, double percent, int64_t other);

#endif
