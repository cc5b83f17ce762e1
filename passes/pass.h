/*
 * Passes: graph in, graph out. A pass is one function and one record; the
 * order of passes is the table in pipeline.c; a pass never calls a pass.
 */
#ifndef PASSES_PASS_H
#define PASSES_PASS_H

#include "ir/graph.h"
#include "ir/options.h"
#include "ir/plan.h"
#include "ir/verify.h"

typedef struct Pass {
	const char *name;       /* for --dump-after and --disable */
	const char *help;
	unsigned needs;         /* facts computed before it runs */
	unsigned keeps;         /* facts still true after it changed something */
	bool required;          /* correctness needs it: --disable refuses it */
	/* True: it changed the graph. NULL: a part of the planner, which looks
	 * whether it is disabled. */
	bool (*run)(Graph *, const Options *);
} Pass;

extern const Pass pass_batch_first, pass_checkpoint, pass_fold,
	pass_simplify, pass_cse, pass_dce, pass_fuse,
	pass_fuse_conv_grad, pass_integers, pass_loss_parts,
	pass_fuse_update, pass_join_updates, pass_mask, pass_outputs, pass_recognise,
	pass_recompute, pass_scan, pass_segment, pass_sink, pass_split_batch,
	pass_split_norm, pass_tile, pass_views, pass_workspace;
extern const Pass pass_order, pass_in_place;

const Pass *pass_at(int i);                /* in order; NULL behind the last */
const Pass *pass_find(const char *name);   /* NULL: unknown */
bool pass_is_disabled(const Pass *, const Options *);
/* One more that is not to run. */
void options_disable(Arena *, Options *, const char *pass);

/* The forward graph is cleaned before it is differentiated; a function's graph
 * goes through everything; one that was put into another order, or is to be run
 * in parts after all, through what depends on that; and the graph for one part
 * through what makes its nodes final. From a forward graph that went through
 * the stage DIVIDED, functions are made that run in parts; SEGMENTED, with
 * recurrences in segments of time. */
typedef enum Stage {
	STAGE_FORWARD = 1, STAGE_FUNCTION = 2, STAGE_ARRANGED = 4, STAGE_PART = 8,
	STAGE_DIVIDED = 16, STAGE_SEGMENTED = 32,
} Stage;

/* Runs the passes of the stage in order; verifies the graph after each. */
void run_pipeline(Graph *, Stage, const Options *);

/*
 * The model's functions, made from its forward graph as the reader left it:
 * program->train (if options->loss says how), infer, evaluate (with a loss),
 * each through the pipeline and planned; then the layout. NULL after errors
 * that were reported (no trainable parameter, a loss that does not fit...).
 */
Program *build_program(Graph *forward, const Options *);

/* Runs the passes of the stage, then plans: what a Scan runs for one part first,
 * because it decides the Scan's workspace. */
Plan *plan_graph(Graph *, Stage, const Options *);
/* An execution order and an arena offset for every value; checked. */
Plan *plan_memory(Graph *, const Options *);
/* With more effort, in case the arena then is smaller. */
void plan_place_again(Plan *);
/* The independent checker: NULL if the plan is right, else what is wrong. It
 * shares no code with the planner. */
const char *plan_check(Arena *, const Plan *);

/* Runs the passes on the training step's graph and plans it by the rules for
 * gradients: that with the least memory, and then with the fewest of them. */
Plan *plan_step(Graph *, const Options *);

#endif
