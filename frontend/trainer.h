/*
 * Training here: batches from a data set through an Executor, and what came of
 * it. The command parses and prints; this runs.
 */
#ifndef FRONTEND_TRAINER_H
#define FRONTEND_TRAINER_H

#include "frontend/data.h"
#include "frontend/executor.h"
#include "frontend/weights.h"

typedef enum ScheduleKind {
	SCHEDULE_CONSTANT, SCHEDULE_STEP, SCHEDULE_COSINE
} ScheduleKind;

/* The learning rate's course, as a factor of the optimizer's. */
typedef struct Schedule {
	ScheduleKind kind;
	int64_t every;        /* STEP: epochs between two reductions */
	double gamma;         /* STEP: the factor of each */
} Schedule;

/* "constant", "cosine", "step:every=N,gamma=G". */
bool schedule_parse(const char *text, Schedule *);
double schedule_factor(const Schedule *, int64_t step, int64_t total,
                       int64_t steps_per_epoch);

typedef struct Trainer {
	Unit *unit;
	Executor *executor;
	const Program *program;
	const LossOptions *loss;
	Scaling scaling;
	Schedule schedule;
	DataSet train, val;          /* val.rows 0: none */
	bool stream;                 /* they are streams, not samples */
	int ncarries;
	const Carry *carry;          /* zero when an epoch begins */
	void **carried;              /* what goes into each one's input */
	bool shuffle;
	uint64_t seed;
	int64_t steps;               /* to do: see trainer_plan() */
	const char *rate;            /* the hyper-parameter that is scheduled */
	double base_lr;
	int64_t batch, steps_per_epoch;
	int64_t done;                /* steps done */
	double *curve;               /* the loss of each */
	const char *train_name, *val_name;   /* for messages */
} Trainer;

/* Checks the data against the program's inputs, and the labels against the
 * classes; moves the last part of the training data to `val` if val_split. */
bool trainer_check(Trainer *, double val_split);
/* Sets `steps` from a number of epochs and a limit (0: none). */
void trainer_plan(Trainer *, int64_t epochs, int64_t max_steps);
/*
 * Runs the steps, or until a signal that ends the program (files.h), which waits for
 * a whole step. after_step is called for each. False after an error.
 */
bool trainer_run(Trainer *, void (*after_step)(void *user, const Trainer *),
                 void *user);

/* The data set through the inference and the loss. */
typedef struct Score {
	bool has_accuracy;           /* the loss is a cross-entropy */
	int64_t right, counted;
	double loss;                 /* mean over the samples */
} Score;
bool trainer_score(Trainer *, const DataSet *, const char *name, Score *);

/* What is worth keeping: parameters and running statistics. */
void trainer_weights(const Trainer *, Weights *);

/* Fills the inputs of a function with the samples `row`, or what is carried,
 * and its target if there is one. */
bool trainer_fill(Trainer *, const Plan *, const DataSet *, const char *name,
                  const int64_t *row);
/* Before the first batch of a sequence; after a call. */
void trainer_forget(const Trainer *);
void trainer_carry(const Trainer *, const Plan *);
/* The column that the loss compares with; NULL if the graph has no target. */
const Array *trainer_target(const Trainer *, const DataSet *);

/* The output of the inference that the loss reads; NULL: none. */
const Value *trainer_logits(const Trainer *);

/* The loss by step as a picture in text. */
void curve_plot(FILE *, const double *loss, int64_t n);

#endif
