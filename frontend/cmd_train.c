/* thimble train: compile, build and train on this machine. */
#include "frontend/cmd_common.h"
#include "frontend/cmd_saves.h"
#include "frontend/files.h"
#include "frontend/trainer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	KEY_DATA = 512, KEY_VAL_DATA, KEY_VAL_SPLIT, KEY_EPOCHS, KEY_STEPS,
	KEY_SHUFFLE, KEY_NO_SHUFFLE, KEY_SCALE, KEY_NORMALIZE, KEY_SCHEDULE,
	KEY_LOG, KEY_EXPORT, KEY_LABEL, KEY_RAW_DTYPE, KEY_RAW_SHAPE,
	KEY_RAW_LABEL, KEY_REPORT, KEY_STREAM, KEY_SAVE, KEY_RESUME, KEY_PAGE
};

typedef struct Train {
	Args args;
	Session session;
	Trainer trainer;
	DataFormat format;
	const char *data, *val_data, *log, *weights, *export, *report;
	const char *save, *resume;
	uint32_t page;              /* of the storage that `save` is for */
	double val_split;
	int64_t epochs, steps;
	OutFile log_file;
	double began, shown;        /* seconds */
	bool terminal;
} Train;

/* ---- arguments ---- */

static double number(struct argp_state *state, const char *option,
                     const char *text, char **end)
{
	double x = strtod(text, end);
	if (*end == text)
		argp_error(state, "%s: '%s' is not a number", option, text);
	return x;
}

/* "0.5" or "1/255". */
static double fraction(struct argp_state *state, const char *option,
                       const char *text)
{
	char *end;
	double x = number(state, option, text, &end);
	if (*end == '/')
		x /= number(state, option, end + 1, &end);
	if (*end)
		argp_error(state, "%s: '%s' is not a number", option, text);
	return x;
}

/* Numbers between colons; returns how many, *rest behind them. */
static int channels(struct argp_state *state, const char *text,
                    double list[MAX_CHANNELS], char **rest)
{
	for (int n = 0;; text = *rest + 1) {
		if (n == MAX_CHANNELS)
			argp_error(state, "--normalize: more than %d channels",
			           MAX_CHANNELS);
		list[n++] = number(state, "--normalize", text, rest);
		if (**rest != ':')
			return n;
	}
}

static void set_normalize(struct argp_state *state, Scaling *s,
                          const char *text)
{
	char *rest;
	int n = channels(state, text, s->mean, &rest);
	if (*rest == ',')
		s->n = channels(state, rest + 1, s->std, &rest);
	if (*rest || s->n != n)
		argp_error(state, "--normalize: '%s' is not MEAN,STD or "
		           "MEAN:MEAN:...,STD:STD:...", text);
	for (int i = 0; i < s->n; i++)
		if (!(s->std[i] > 0))
			argp_error(state, "--normalize: the deviation %g is not "
			           "above 0", s->std[i]);
}

static int label_column(struct argp_state *state, const char *text)
{
	if (!strcmp(text, "none"))
		return LABEL_NONE;
	if (!strcmp(text, "last"))
		return LABEL_LAST;
	if (!strcmp(text, "first"))
		return 0;
	return (int)args_number(state, "--label-column", text, 1, INT32_MAX) - 1;
}

static bool parse_data(int key, char *text, struct argp_state *state, Train *t)
{
	DataFormat *f = &t->format;
	switch (key) {
	case KEY_DATA:
		t->data = text;
		return true;
	case KEY_VAL_DATA:
		t->val_data = text;
		return true;
	case KEY_VAL_SPLIT:
		t->val_split = fraction(state, "--val-split", text);
		if (!(t->val_split > 0 && t->val_split < 1))
			argp_error(state, "--val-split: '%s' is not between 0 "
			           "and 1", text);
		return true;
	case KEY_SCALE:
		t->trainer.scaling.scale = fraction(state, "--scale", text);
		return true;
	case KEY_NORMALIZE:
		set_normalize(state, &t->trainer.scaling, text);
		return true;
	case KEY_STREAM:
		t->trainer.stream = true;
		return true;
	case KEY_LABEL:
		f->label_column = label_column(state, text);
		return true;
	case KEY_RAW_DTYPE:
		f->raw = true;
		if (!dtype_from_name(text, &f->raw_dtype))
			argp_error(state, "--raw-dtype: '%s' is not an element "
			           "type such as f32 or u8", text);
		return true;
	case KEY_RAW_SHAPE:
		f->raw = true;
		if (!shape_parse(text, &f->raw_shape))
			argp_error(state, "--raw-shape: '%s' is not something "
			           "like 1x28x28", text);
		return true;
	case KEY_RAW_LABEL:
		f->raw = f->raw_label = true;
		return true;
	default:
		return false;
	}
}

static bool parse_saves(int key, char *text, struct argp_state *state, Train *t)
{
	switch (key) {
	case KEY_SAVE:
		t->save = args_path(state, "--save", text);
		return true;
	case KEY_RESUME:
		t->resume = args_path(state, "--resume", text);
		return true;
	case KEY_PAGE:
		t->page = (uint32_t)args_number(state, "--page", text, 1, 4096);
		return true;
	default:
		return false;
	}
}

static void check_usage(struct argp_state *state, Train *t)
{
	if (t->page && !t->save)
		argp_error(state, "--page needs --save");
	if (!t->data)
		argp_error(state, "no --data is given");
	t->args.default_loss = "cross-entropy";
}

static const struct argp_child children[] = {
	{&args_json, 0, 0, 0}, ARGS_READING, ARGS_TRAINING, ARGS_BUDGET,
	ARGS_TARGET, {&args_executor, 0, 0, 0}, {&args_blas, 0, 0, 0},
	ARGS_PASSES, {0}
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	Train *t = state->input;
	switch (key) {
	case ARGP_KEY_INIT:
		args_share(state, children, &t->args);
		return 0;
	case KEY_EPOCHS:
		t->epochs = args_number(state, "--epochs", text, 1, INT32_MAX);
		return 0;
	case KEY_STEPS:
		t->steps = args_number(state, "--steps", text, 1, INT32_MAX);
		return 0;
	case KEY_SHUFFLE:
	case KEY_NO_SHUFFLE:
		t->trainer.shuffle = key == KEY_SHUFFLE;
		return 0;
	case KEY_SCHEDULE:
		if (!schedule_parse(text, &t->trainer.schedule))
			argp_error(state, "--lr-schedule: '%s' is not constant, "
			           "cosine or step:every=EPOCHS,gamma=FACTOR",
			           text);
		return 0;
	case KEY_LOG:
		t->log = text;
		return 0;
	case 'o':
		t->weights = args_path(state, "-o", text);
		return 0;
	case KEY_EXPORT:
		t->export = args_path(state, "--export", text);
		return 0;
	case KEY_REPORT:
		t->report = args_path(state, "--report", text);
		return 0;
	case ARGP_KEY_SUCCESS:
		check_usage(state, t);
		return 0;
	default:
		if (parse_data(key, text, state, t) ||
		    parse_saves(key, text, state, t))
			return 0;
		return args_model(key, text, state, &t->args);
	}
}

static const struct argp_option options[] = {
	{0, 0, 0, 0, "Data:", 0},
	{"data", KEY_DATA, "X[,Y]", 0, "The training data: a file for each "
	 "input, then one for the target. IDX (.gz too), .npy, CSV (the label "
	 "in a column), or raw binary as FILE:DTYPE:SHAPE", 0},
	{"train-data", KEY_DATA, "X[,Y]", OPTION_HIDDEN, 0, 0},
	{"val-data", KEY_VAL_DATA, "X[,Y]", 0, "Data to measure the result on",
	 0},
	{"val-split", KEY_VAL_SPLIT, "PART", 0, "Keep this part of the "
	 "training data for that", 0},
	{"stream", KEY_STREAM, 0, 0, "The data is one sequence, e.g. of "
	 "tokens: a sample is its next window, of the model's length, and the "
	 "target what comes next after each element", 0},
	{"scale", KEY_SCALE, "FACTOR", 0, "Multiply the inputs, e.g. by 1/255",
	 0},
	{"normalize", KEY_NORMALIZE, "MEAN,STD", 0, "After scaling: subtract, "
	 "divide; by channel: M:M:M,S:S:S", 0},
	{"label-column", KEY_LABEL, "first|last|none|N", 0, "CSV: where the "
	 "label is (default last)", 0},
	{"raw-dtype", KEY_RAW_DTYPE, "TYPE", 0, "Raw binary: f32, u8, ...", 0},
	{"raw-shape", KEY_RAW_SHAPE, "SHAPE", 0, "Raw binary: of one sample, "
	 "e.g. 1x28x28", 0},
	{"raw-label", KEY_RAW_LABEL, 0, 0, "Raw binary: each sample begins with "
	 "its label, a byte", 0},
	{0, 0, 0, 0, "Run:", 0},
	{"epochs", KEY_EPOCHS, "N", 0, "Passes over the data (default 1)", 0},
	{"steps", KEY_STEPS, "N", 0, "Stop after N steps", 0},
	{"shuffle", KEY_SHUFFLE, 0, 0, "Each epoch in another order (the "
	 "default), which --seed decides", 0},
	{"no-shuffle", KEY_NO_SHUFFLE, 0, 0, "In the order of the file", 0},
	{"lr-schedule", KEY_SCHEDULE, "SPEC", 0, "constant, cosine, or "
	 "step:every=EPOCHS,gamma=FACTOR", 0},
	{"resume", KEY_RESUME, "FILE", 0, "Begin with the newest save in the "
	 "file, which may be a dump of a device's storage", 0},
	{0, 0, 0, 0, "Results:", 0},
	{"output", 'o', "FILE", 0, "The weights at the end, as safetensors", 0},
	{"export", KEY_EXPORT, "FILE", 0, "The model with them, as ONNX", 0},
	{"save", KEY_SAVE, "FILE", 0, "The state at the end as the emitted "
	 "NAME_save saves it, to be programmed where its storage begins", 0},
	{"page", KEY_PAGE, "N", 0, "Of that storage: the bytes that are "
	 "programmed at once, if more than 64", 0},
	{"report", KEY_REPORT, "FILE.html", 0, "The memory of a step, as a "
	 "page to look at", 0},
	{"log", KEY_LOG, "FILE", 0, "The loss of each step, as CSV", 0},
	{0}
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "MODEL --data X[,Y]",
	.children = children,
	.doc = "Compiles an ONNX model, by LLVM or through this "
	       "machine's C compiler, and trains it here; the default is the training step "
	       "in the file, or else cross-entropy with sgd. Ctrl-C ends the training after a whole step, and the "
	       "results are written.\v"
	       "Examples:\n"
	       "  thimble train lenet5.onnx --batch 32 --epochs 2 \\\n"
	       "    --data train-images-idx3-ubyte.gz,"
	       "train-labels-idx1-ubyte.gz \\\n"
	       "    --val-data t10k-images-idx3-ubyte.gz,"
	       "t10k-labels-idx1-ubyte.gz \\\n"
	       "    --scale 1/255 --normalize 0.2860,0.3530 \\\n"
	       "    --optimizer momentum:lr=0.01 --loss cross-entropy "
	       "-o w.safetensors\n"
	       "  thimble train model.onnx --data table.csv --val-split 0.2 "
	       "\\\n"
	       "    --loss mse --optimizer adam --export tuned.onnx\n"
	       "  thimble train resnet8.onnx --data cifar.bin --raw-dtype u8 "
	       "\\\n"
	       "    --raw-shape 3x32x32 --raw-label --scale 1/255\n"
	       "  thimble train gpt.onnx --data text.txt:u8 --stream \\\n"
	       "    --loss cross-entropy:axis=-1 --optimizer adam\n",
};

/* ---- progress ---- */

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void show(Train *t, const Trainer *r, double time)
{
	int64_t n = r->done < 50 ? r->done : 50;
	double mean = 0, each = (time - t->began) / (double)r->done;
	for (int64_t i = r->done - n; i < r->done; i++)
		mean += r->curve[i] / (double)n;
	fprintf(stderr, "%sstep %" PRId64 "/%" PRId64 "  epoch %" PRId64
	        "  loss %.4f  %.3g ms/step  %.0f s left%s",
	        t->terminal ? "\r" : "", r->done, r->steps,
	        1 + (r->done - 1) / r->steps_per_epoch, mean, each * 1e3,
	        each * (double)(r->steps - r->done),
	        t->terminal ? "   " : "\n");
}

/* A line that changes on a terminal, twenty lines elsewhere. */
static void after_step(void *user, const Trainer *r)
{
	Train *t = user;
	bool last = r->done == r->steps;
	if (t->log)
		fprintf(t->log_file.f, "%" PRId64 ",%.9g\n", r->done,
		        r->curve[r->done - 1]);
	double time = now();
	int64_t stride = r->steps / 20 + 1;
	if (last || (t->terminal ? time - t->shown > 0.1
	                         : r->done % stride == 0)) {
		t->shown = time;
		show(t, r, time);
	}
}

/* ---- the command ---- */

static bool load_data(Train *t)
{
	Trainer *r = &t->trainer;
	Unit *u = &t->session.unit;
	r->train_name = t->data;
	r->val_name = t->val_data;
	return data_load(u, t->data, &t->format, &r->train) &&
	       (!t->val_data ||
	        data_load(u, t->val_data, &t->format, &r->val));
}

static bool prepare(Train *t)
{
	Trainer *r = &t->trainer;
	Session *s = &t->session;
	if (!load_data(t) || !session_build(s))
		return false;
	r->unit = &s->unit;
	r->program = s->program;
	r->loss = &t->args.options.loss;
	r->ncarries = t->args.options.ncarries;
	r->carry = t->args.options.carry;
	r->seed = t->args.seeded ? t->args.seed : 1;
	if (!trainer_check(r, t->val_split))
		return false;
	trainer_plan(r, t->epochs ? t->epochs : t->steps ? 0 : 1, t->steps);
	int64_t calls = r->steps + r->val.rows / r->batch;
	r->executor = session_executor(s, s->program->train, calls);
	if (!r->executor || (t->resume && !saves_resume(
		&s->unit, t->resume, s->emit.sha256, r->executor)))
		return false;
	if (t->args.seeded)
		r->executor->seed = t->args.seed;
	return true;
}

static bool train(Train *t)
{
	Trainer *r = &t->trainer;
	if (t->log && !out_open(&t->session.unit, t->log, &t->log_file))
		return false;
	if (t->log)
		fprintf(t->log_file.f, "step,loss\n");
	t->terminal = isatty(STDERR_FILENO);
	t->began = now();
	bool good = trainer_run(r, after_step, t);
	if (t->terminal)
		fputc('\n', stderr);
	if (good && r->done < r->steps)
		fprintf(stderr, "interrupted after step %" PRId64 "\n",
		        r->done);
	return (!t->log || out_close(&t->log_file)) && good;
}

static bool write_results(Train *t)
{
	Unit *u = &t->session.unit;
	Weights w;
	trainer_weights(&t->trainer, &w);
	return (!t->weights || weights_write(u, t->weights, &w)) &&
	       (!t->export || onnx_write_weights(u, t->export, &w)) &&
	       (!t->save || saves_write(u, t->save, t->session.emit.sha256,
	                                t->page ? t->page : 1,
	                                t->trainer.executor)) &&
	       (!t->report || session_page(&t->session, t->report));
}

static void print_text(Train *t, const Score *score, double seconds)
{
	const Trainer *r = &t->trainer;
	ReportInfo info = session_info(&t->session);
	curve_plot(stdout, r->curve, r->done);
	printf("\n%" PRId64 " steps of %" PRId64 " samples in %.1f s, "
	       "%.3g ms each\n", r->done, r->batch, seconds,
	       seconds * 1e3 / (double)(r->done ? r->done : 1));
	if (r->val.rows && score->has_accuracy)
		printf("validation accuracy %.2f %% (%" PRId64 " of %" PRId64
		       ")\n", 100.0 * (double)score->right /
		       (double)(score->counted ? score->counted : 1),
		       score->right, score->counted);
	if (r->val.rows)
		printf("validation loss %.6g\n", score->loss);
	printf("\n");
	report_table(stdout, t->session.program, &info, 0);
}

static void print_json(Train *t, const Score *score, double seconds)
{
	const Trainer *r = &t->trainer;
	ReportInfo info = session_info(&t->session);
	json_t *losses = json_array(), *o = json_object();
	for (int64_t i = 0; i < r->done; i++)
		json_array_append_new(losses, json_real(r->curve[i]));
	json_object_set_new(o, "steps", json_integer(r->done));
	json_object_set_new(o, "seconds", json_real(seconds));
	json_object_set_new(o, "loss", losses);
	if (r->val.rows && score->has_accuracy && score->counted)
		json_object_set_new(o, "validation_accuracy", json_real(
			(double)score->right / (double)score->counted));
	if (r->val.rows)
		json_object_set_new(o, "validation_loss",
		                    json_real(score->loss));
	json_object_set_new(o, "report",
	                    report_json(t->session.program, &info));
	json_print(stdout, o);
}

static void run(Train *t)
{
	Trainer *r = &t->trainer;
	Score score = {0};
	if (!prepare(t) || !train(t))
		return;
	double seconds = now() - t->began;
	if (!write_results(t))
		return;
	if (r->val.rows && !trainer_score(r, &r->val, r->val_name, &score))
		return;
	if (t->args.json)
		print_json(t, &score, seconds);
	else
		print_text(t, &score, seconds);
}

int cmd_train(int argc, char **argv)
{
	Train t = {
		.args = {.arena = arena_create()},
		.trainer = {.shuffle = true, .scaling = {.scale = 1}},
		.format = {.label_column = LABEL_LAST},
	};
	command_parse(&argp, argc, argv, &t);
	session_open(&t.session, &t.args, t.args.model);
	run(&t);
	executor_close(t.trainer.executor);
	return session_close(&t.session);
}
