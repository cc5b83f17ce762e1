/*
 * What the user asked for: the command line as data. The driver fills it; the
 * reader and the passes obey it. All zero is a valid request: inference only.
 */
#ifndef IR_OPTIONS_H
#define IR_OPTIONS_H

#include "ir/target.h"
#include "ir/type.h"
#include "ir/unit.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct NameList {
	int n;
	const char **name;
} NameList;

typedef struct DimBinding {
	const char *name;     /* dim_param of the ONNX file */
	int64_t size;
} DimBinding;

/* The sizes of an input of the ONNX file. */
typedef struct InputShape {
	const char *name;
	Shape shape;
} InputShape;

/* An input of the ONNX file that is none: it is always this. */
typedef struct InputConstant {
	const char *name;
	const char *is;             /* a number, for every element; or a file */
} InputConstant;

/* What an input of the ONNX file will be in all calls, which may give a shape. */
typedef struct KnownInput {
	const char *name;
	DType dtype;
	Shape shape;
	const void *data;
} KnownInput;

/* An output that is an input of the next step: a recurrent state. */
typedef struct Carry {
	const char *input, *output;
} Carry;

typedef enum LossKind {
	LOSS_NONE, LOSS_GRAPH,   /* GRAPH: an output of the model is the loss */
	LOSS_FILE,   /* the file has a training step: its loss and, if there is
	              * no other optimizer, its updates */
	LOSS_CROSS_ENTROPY, LOSS_MSE, LOSS_BCE_WITH_LOGITS, LOSS_L1, LOSS_HUBER,
} LossKind;

/* Nearer to 0 or 1 a probability has lost what the logarithm asks for: Keras
 * stops there, too. */
#define LEAST_PROBABILITY 1e-7

/* What the output is that a cross-entropy is of. */
typedef enum LossFrom {
	FROM_EITHER,          /* probabilities where a Softmax, a Sigmoid or a
	                       * division by the sum made it, else logits */
	FROM_LOGITS, FROM_PROBABILITIES,
} LossFrom;

typedef struct LossOptions {
	LossKind kind;
	int64_t axis;               /* cross-entropy: the class axis; default 1 */
	bool axis_given;
	int64_t ignore_index;       /* rows with this label count for nothing */
	double label_smoothing;
	int nweights;               /* cross-entropy: one weight per class */
	const double *weights;
	double delta;               /* huber */
	LossFrom from;              /* both kinds of cross-entropy */
	bool sum;                   /* reduction: sum, not mean */
	const char *output;         /* the model output it applies to; NULL: the
	                             * first. GRAPH: the output that is the loss */
} LossOptions;

typedef enum OptimizerKind {
	OPT_NONE, OPT_SGD, OPT_MOMENTUM, OPT_NESTEROV, OPT_ADAM, OPT_ADAMW,
	OPT_RMSPROP, OPT_ADAGRAD, OPT_LION, OPT_SM3, OPT_ADAFACTOR,
} OptimizerKind;

/* Named and defined as in torch.optim, or in the papers; 0 where the optimizer
 * has no such thing. Those that are numbers become run-time inputs of the train
 * step. */
typedef struct OptimizerOptions {
	OptimizerKind kind;
	bool blockwise;             /* state in 8-bit codes, by blocks */
	double lr, momentum, dampening, weight_decay;
	double beta1, beta2, eps;
	double alpha;               /* rmsprop */
	double lr_decay, initial_accumulator_value;   /* adagrad */
	double clip_threshold, decay_rate;            /* adafactor */
	double clip_norm;           /* 0: no clipping by global norm */
} OptimizerOptions;

/* As many segments as each has steps; or twice as many. */
enum { SEGMENT_AUTO = -1, SEGMENT_SHORT = -2 };

typedef enum LowRankForm {
	LOW_RANK_PROJECTION,   /* the gradient in a subspace that follows it */
	LOW_RANK_FACTORS,      /* two factors that are trained */
	LOW_RANK_STREAMING,    /* their sum, of which the largest part is kept */
	LOW_RANK_MOFASGD,      /* the momentum in that form */
} LowRankForm;

/* Gradients of a low rank: see passes/low_rank.c. */
typedef struct LowRank {
	const char *pattern;        /* glob over ONNX names; NULL: all */
	int64_t rank;
	LowRankForm form;
	int64_t refresh;            /* steps from one renewal to the next */
	double rate;                /* projection: how much of it is new */
	double scale;               /* projection: times the learning rate */
} LowRank;

/* Optimizer state in count sketches: see passes/sketch.c. */
typedef struct SketchSpec {
	const char *pattern;        /* glob over ONNX names; NULL: all */
	double ratio;               /* of the elements that one state would have */
	int64_t clean;              /* every so many steps, 0: never, */
	double keep;                /*   what is there counts only so much */
	int64_t seed;               /* of the hashes */
} SketchSpec;

/* Whose gradient is never whole in memory, of those that only an update reads.
 * See passes/fuse_update.c. */
typedef enum GradientRule {
	GRADIENTS_LEAST,     /* where what must wait for it is no larger; */
	GRADIENTS_OVERLAID,  /* if another result lies over that otherwise, and
	                      * saves more, it stays, too; */
	GRADIENTS_GONE,      /* wherever it can be */
} GradientRule;

/* Of one parameter, where all gradients are to be gone. */
typedef enum GradientStay {
	GRADIENT_GOES,
	GRADIENT_TAKES_INPUT,  /* with that of the convolution's input, by
	                        * channels: see passes/fuse_conv_grad.c */
	GRADIENT_STAYS,        /* as at the least */
} GradientStay;

/* What a budget may change of what is learned. */
typedef enum Allow {
	ALLOW_LOW_RANK = 1, ALLOW_SKETCH = 2,
} Allow;

/* A value that is computed in horizontal bands: see passes/tile.c. Names are of
 * values, or of the nodes that compute them. */
typedef struct TileSpec {
	const char *to;
	const char *from;           /* what it is computed from; NULL: from as
	                             * far back as possible */
	int64_t bands;
} TileSpec;

typedef struct Options {
	/* reading */
	const char *name;           /* C prefix; NULL: from the file's name */
	int64_t batch;              /* 0: as exported */
	int batch_axis;             /* dimension of the data; 0: find out */
	int ndims;
	const DimBinding *dim;
	int nshapes;
	const InputShape *shape;
	int nconstants;
	const InputConstant *constant;
	int nknown;
	const KnownInput *known;

	/* training */
	LossOptions loss;
	OptimizerOptions optimizer;
	int nlow_ranks;             /* the last that matches a parameter counts */
	const LowRank *low_rank;
	bool whole;                 /* gradients are, until they are projected,
	                             * where what passes otherwise is more */
	int nsketches;              /* the same */
	const SketchSpec *sketch;
	bool sketch_first_moment;   /* Adam's, too; else there is none */
	bool ignore_step;           /* that of the file: there is another loss */
	NameList train, freeze;     /* globs over ONNX names; train is applied
	                             * first: only those; then freeze: not those */
	bool freeze_bn, train_bn;
	int ncarries;
	const Carry *carry;         /* the step, too, gives these outputs */
	bool keep_gradients;        /* gradients become outputs of the step */
	bool no_update;             /* ... and parameters stay */

	/* passes and planning */
	int64_t micro_batch;        /* examples whose activations live at a
	                             * time; 0: all of the batch */
	int64_t loss_parts;         /* the rows of what the loss is of, so many
	                             * parts of them one after the other; 0 or
	                             * 1: all at once */
	bool feed;                  /* the caller keeps the data: a step asks
	                             * for examples when it wants them */
	bool given_outputs;         /* inference computes its outputs where the
	                             * caller has room for them */
	int ntiles;
	const TileSpec *tile;
	const Target *target;       /* NULL: all_targets[0] */
	int64_t parts;              /* so many of the batch may be computed one
	                             * after the other; 0 or 1: all at once */
	bool in_order;              /* ... if no sum over the batch is added
	                             * up in another order for it */
	bool batch_first;           /* ... and is therefore to be the first
	                             * dimension all the way */
	int64_t segment;            /* steps of time that recurrences run before
	                             * the next part of them begins, which are
	                             * computed again for their gradient; 0: all
	                             * of them, or one of the above */
	int64_t sums;               /* then updates come early: as soon as
	                             * sums of so many bytes are complete, or
	                             * part by part; 0: when all are */
	GradientRule gradients;     /* which are whole in memory before a */
	const GradientStay *stays;  /*   parameter is updated; GONE: which
	                             *   are not, by variable id; or NULL */
	int64_t ram;                /* arena and state must fit; 0: any size */
	unsigned allow;             /* so that they do: a set of Allow */
	bool limited;               /* the least memory that takes at most */
	double limit;               /*   so many percent more operations */
	bool sweep;                 /* and what would fit less is wanted too */
	bool explain;               /* what each technique saves is wanted too */
	bool weigh;                 /* what --low-rank and --sketch save, too */
	NameList disable;           /* passes not to run */
	const char *dump_after;     /* a pass, or "all" */
	FILE *dump;
} Options;

/* "momentum:lr=0.01,weight_decay=1e-4", "cross-entropy:axis=-1". False: *why is
 * a message (in the arena) that names what was found and what is allowed. */
bool loss_parse(Arena *, const char *text, LossOptions *, const char **why);
bool optimizer_parse(Arena *, const char *text, OptimizerOptions *,
                     const char **why);
/* "0.2", "0.1:emb.*", "0.2,clean=125,keep=0.2"; and "4", "8:fc.*", "4,form=factors,refresh=50:*.weight"; the rest as above. */
bool sketch_parse(Arena *, const char *text, SketchSpec *, const char **why);
/* "4:conv5", "4,from=pool1:conv5" */
bool tile_parse(Arena *, const char *text, TileSpec *, const char **why);
bool low_rank_parse(Arena *, const char *text, LowRank *, const char **why);
/* What is not said: */
SketchSpec sketch_default(const char *pattern, double ratio);
LowRank low_rank_default(const char *pattern, int64_t rank);
/* "low-rank,sketch". */
bool allow_parse(Arena *, const char *text, unsigned *allow, const char **why);

#endif
