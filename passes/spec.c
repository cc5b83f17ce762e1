/*
 * What the user writes for a loss or an optimizer: NAME:KEY=VALUE,KEY=VALUE.
 * Each kind is a row: its name, its keys, its defaults (PyTorch's, or those
 * of the papers' code).
 */
#include "ir/options.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct Key {
	const char *name;
	size_t offset;     /* of a double in the options */
	double lo, hi;     /* allowed range, both included */
} Key;

enum { MAX_KEYS = 9 };

typedef struct OptimizerSpec {
	const char *name;
	OptimizerOptions defaults;
	Key key[MAX_KEYS];
} OptimizerSpec;

#define KEY(field, lo, hi) {#field, offsetof(OptimizerOptions, field), lo, hi}
#define ANY_LR KEY(lr, 0, 1e9)
#define DECAY KEY(weight_decay, 0, 1e9)
#define CLIP KEY(clip_norm, 0, 1e30)
#define EPS KEY(eps, 0, 1e9)

static const OptimizerSpec optimizers[] = {
	{"sgd", {OPT_SGD, .lr = 0.01}, {ANY_LR, DECAY, CLIP}},
	{"momentum", {OPT_MOMENTUM, .lr = 0.01, .momentum = 0.9},
	 {ANY_LR, KEY(momentum, 0, 1), KEY(dampening, -1e9, 1), DECAY, CLIP}},
	{"nesterov", {OPT_NESTEROV, .lr = 0.01, .momentum = 0.9},
	 {ANY_LR, KEY(momentum, 0, 1), DECAY, CLIP}},
	{"adam", {OPT_ADAM, .lr = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8},
	 {ANY_LR, KEY(beta1, 0, 1), KEY(beta2, 0, 1), EPS, DECAY, CLIP}},
	{"adamw", {OPT_ADAMW, .lr = 1e-3, .beta1 = 0.9, .beta2 = 0.999,
	           .eps = 1e-8, .weight_decay = 0.01},
	 {ANY_LR, KEY(beta1, 0, 1), KEY(beta2, 0, 1), EPS, DECAY, CLIP}},
	{"rmsprop", {OPT_RMSPROP, .lr = 0.01, .alpha = 0.99, .eps = 1e-8},
	 {ANY_LR, KEY(alpha, 0, 1), EPS, KEY(momentum, 0, 1), DECAY, CLIP}},
	{"adagrad", {OPT_ADAGRAD, .lr = 0.01, .eps = 1e-10},
	 {ANY_LR, KEY(lr_decay, 0, 1e9), EPS,
	  KEY(initial_accumulator_value, 0, 1e9), DECAY, CLIP}},
	{"lion", {OPT_LION, .lr = 1e-4, .beta1 = 0.9, .beta2 = 0.99},
	 {ANY_LR, KEY(beta1, 0, 1), KEY(beta2, 0, 1), DECAY, CLIP}},
	{"momentum8bit", {OPT_MOMENTUM, .blockwise = true, .lr = 0.01,
	                  .momentum = 0.9},
	 {ANY_LR, KEY(momentum, 0, 1), KEY(dampening, -1e9, 1), DECAY, CLIP}},
	{"adam8bit", {OPT_ADAM, .blockwise = true, .lr = 1e-3, .beta1 = 0.9,
	              .beta2 = 0.999, .eps = 1e-8},
	 {ANY_LR, KEY(beta1, 0, 1), KEY(beta2, 0, 1), EPS, DECAY, CLIP}},
	{"adamw8bit", {OPT_ADAMW, .blockwise = true, .lr = 1e-3, .beta1 = 0.9,
	               .beta2 = 0.999, .eps = 1e-8, .weight_decay = 0.01},
	 {ANY_LR, KEY(beta1, 0, 1), KEY(beta2, 0, 1), EPS, DECAY, CLIP}},
	{"lion8bit", {OPT_LION, .blockwise = true, .lr = 1e-4, .beta1 = 0.9,
	              .beta2 = 0.99},
	 {ANY_LR, KEY(beta1, 0, 1), KEY(beta2, 0, 1), DECAY, CLIP}},
	{"sm3", {OPT_SM3, .lr = 0.1}, {ANY_LR, DECAY, CLIP}},
	{"adafactor", {OPT_ADAFACTOR, .lr = 1e-3, .eps = 1e-30,
	               .clip_threshold = 1, .decay_rate = -0.8},
	 {ANY_LR, KEY(clip_threshold, 1e-6, 1e30), KEY(decay_rate, -10, 0), EPS,
	  DECAY, CLIP}},
};

enum { NOPTIMIZERS = (int)(sizeof optimizers / sizeof optimizers[0]) };

static const struct {
	const char *name, *keys;
	LossKind kind;
} losses[] = {
	{"cross-entropy", "axis, ignore_index, label_smoothing, weights, "
	 "from_logits, reduction, output", LOSS_CROSS_ENTROPY},
	{"mse", "reduction, output", LOSS_MSE},
	{"bce-with-logits", "from_logits, reduction, output", LOSS_BCE_WITH_LOGITS},
	{"l1", "reduction, output", LOSS_L1},
	{"huber", "delta, reduction, output", LOSS_HUBER},
	{"graph", "output", LOSS_GRAPH},
};

enum { NLOSSES = (int)(sizeof losses / sizeof losses[0]) };

/* The text up to the delimiter or the end; *rest: behind it, NULL at the end. */
static char *cut(Arena *a, const char *text, char delimiter, const char **rest)
{
	const char *end = strchr(text, delimiter);
	*rest = end ? end + 1 : NULL;
	return arena_strndup(a, text, end ? (size_t)(end - text) : strlen(text));
}

static bool number(Arena *a, const char *key, const char *text, double lo,
                   double hi, double *x, const char **why)
{
	char *end;
	*x = strtod(text, &end);
	if (end == text || *end) {
		*why = arena_printf(a, "%s is '%s', expected a number", key, text);
		return false;
	}
	if (!(*x >= lo && *x <= hi)) {
		*why = arena_printf(a, "%s is %s, expected %g to %g", key, text,
		                    lo, hi);
		return false;
	}
	return true;
}

static bool integer(Arena *a, const char *key, const char *text, int64_t *x,
                    const char **why)
{
	char *end;
	*x = strtoll(text, &end, 10);
	if (end != text && !*end)
		return true;
	*why = arena_printf(a, "%s is '%s', expected an integer", key, text);
	return false;
}

/* Up to the largest i32. */
static bool at_least(Arena *a, const char *key, const char *text, int least,
                     int64_t *x, const char **why)
{
	if (!integer(a, key, text, x, why))
		return false;
	if (*x >= least && *x <= INT32_MAX)
		return true;
	*why = arena_printf(a, "%s is %s, expected %d to %d", key, text, least,
	                    INT32_MAX);
	return false;
}

/* ---- optimizers ---- */

static const char *key_names(Arena *a, const Key *key)
{
	const char *names = "";
	for (int i = 0; i < MAX_KEYS && key[i].name; i++)
		names = arena_printf(a, "%s%s%s", names, i ? ", " : "",
		                     key[i].name);
	return names;
}

static const Key *find_key(const Key *key, const char *name)
{
	for (int i = 0; i < MAX_KEYS && key[i].name; i++)
		if (!strcmp(key[i].name, name))
			return &key[i];
	return NULL;
}

static bool optimizer_set(Arena *a, const OptimizerSpec *s, OptimizerOptions *o,
                          const char *key, const char *value, const char **why)
{
	/* Recorded PyTorch settings carry this flag; the kind says it already. */
	if (s->defaults.kind == OPT_NESTEROV && !strcmp(key, "nesterov"))
		return true;
	const Key *k = find_key(s->key, key);
	if (!k) {
		*why = arena_printf(a, "optimizer %s has no '%s'; it has %s",
		                    s->name, key, key_names(a, s->key));
		return false;
	}
	double *field = (double *)(void *)((char *)o + k->offset);
	return number(a, key, value, k->lo, k->hi, field, why);
}

/* Calls `set` for each KEY=VALUE of the list. */
#define FOR_EACH_KEY(a, list, key, value, why) \
	for (const char *rest_ = (list), *value = NULL, *key; \
	     rest_ && (key = next_key((a), &rest_, &value, (why)));)

static const char *next_key(Arena *a, const char **rest, const char **value,
                            const char **why)
{
	char *item = cut(a, *rest, ',', rest);
	char *key = cut(a, item, '=', value);
	if (!*value)
		*why = arena_printf(a, "'%s' is not KEY=VALUE", item);
	return *value ? key : NULL;
}

bool optimizer_parse(Arena *a, const char *text, OptimizerOptions *o,
                     const char **why)
{
	const char *keys, *names = "";
	char *name = cut(a, text, ':', &keys);
	*why = NULL;
	for (int i = 0; i < NOPTIMIZERS; i++) {
		const OptimizerSpec *s = &optimizers[i];
		names = arena_printf(a, "%s%s%s", names, i ? ", " : "", s->name);
		if (strcmp(s->name, name))
			continue;
		*o = s->defaults;
		FOR_EACH_KEY(a, keys, key, value, why)
			if (!optimizer_set(a, s, o, key, value, why))
				return false;
		return !*why;
	}
	*why = arena_printf(a, "unknown optimizer '%s'; there are %s", name,
	                    names);
	return false;
}

/* ---- losses ---- */

static bool set_weights(Arena *a, LossOptions *l, const char *text,
                        const char **why)
{
	int n = 1;
	for (const char *s = text; *s; s++)
		n += *s == ';';
	double *w = arena_array(a, double, n);
	const char *rest = text;
	for (int i = 0; i < n; i++)
		if (!number(a, "a class weight", cut(a, rest, ';', &rest), 0,
		            1e30, &w[i], why))
			return false;
	l->nweights = n;
	l->weights = w;
	return true;
}

static bool set_reduction(Arena *a, LossOptions *l, const char *text,
                          const char **why)
{
	l->sum = !strcmp(text, "sum");
	if (l->sum || !strcmp(text, "mean"))
		return true;
	*why = arena_printf(a, "reduction is '%s', expected mean or sum", text);
	return false;
}

static bool set_from(Arena *a, LossOptions *l, const char *text,
                     const char **why)
{
	int64_t logits;
	if (!integer(a, "from_logits", text, &logits, why))
		return false;
	l->from = logits ? FROM_LOGITS : FROM_PROBABILITIES;
	if (logits == 0 || logits == 1)
		return true;
	*why = arena_printf(a, "from_logits is %s, expected 0 or 1", text);
	return false;
}

static bool loss_set(Arena *a, LossOptions *l, const char *key,
                     const char *value, const char **why)
{
	if (!strcmp(key, "output")) {
		l->output = value;
		return true;
	}
	if (!strcmp(key, "axis"))
		return l->axis_given = integer(a, key, value, &l->axis, why);
	if (!strcmp(key, "ignore_index"))
		return integer(a, key, value, &l->ignore_index, why);
	if (!strcmp(key, "label_smoothing"))
		return number(a, key, value, 0, 1, &l->label_smoothing, why);
	if (!strcmp(key, "delta"))
		return number(a, key, value, 1e-30, 1e30, &l->delta, why);
	if (!strcmp(key, "weights"))
		return set_weights(a, l, value, why);
	if (!strcmp(key, "from_logits"))
		return set_from(a, l, value, why);
	return set_reduction(a, l, value, why);
}

/* Is `key` one of the comma-separated names? */
static bool listed(const char *names, const char *key)
{
	size_t len = strlen(key);
	for (const char *s = names; (s = strstr(s, key)); s += len)
		if ((s == names || s[-1] == ' ') && (!s[len] || s[len] == ','))
			return len > 0;
	return false;
}

bool loss_parse(Arena *a, const char *text, LossOptions *l, const char **why)
{
	const char *keys, *names = "";
	char *name = cut(a, text, ':', &keys);
	*why = NULL;
	for (int i = 0; i < NLOSSES; i++) {
		names = arena_printf(a, "%s%s%s", names, i ? ", " : "",
		                     losses[i].name);
		if (strcmp(losses[i].name, name))
			continue;
		*l = (LossOptions){losses[i].kind, .axis = 1, .delta = 1,
		                   .ignore_index = -100};
		FOR_EACH_KEY(a, keys, key, value, why) {
			if (!listed(losses[i].keys, key)) {
				*why = arena_printf(a, "loss %s has no '%s'; it "
				                    "has %s", name, key,
				                    losses[i].keys);
				return false;
			}
			if (!loss_set(a, l, key, value, why))
				return false;
		}
		return !*why;
	}
	*why = arena_printf(a, "unknown loss '%s'; there are %s", name, names);
	return false;
}

/* ---- low-rank gradients, sketches ---- */

static bool set_form(Arena *a, LowRank *l, const char *text, const char **why)
{
	static const char *const names[] = {
		[LOW_RANK_PROJECTION] = "projection",
		[LOW_RANK_FACTORS] = "factors",
		[LOW_RANK_STREAMING] = "streaming",
		[LOW_RANK_MOFASGD] = "mofasgd",
	};
	for (int i = 0; i < (int)(sizeof names / sizeof names[0]); i++) {
		l->form = (LowRankForm)i;
		if (!strcmp(text, names[i]))
			return true;
	}
	*why = arena_printf(a, "form is '%s', expected projection, factors, "
	                    "streaming or mofasgd", text);
	return false;
}

static bool low_rank_set(Arena *a, LowRank *l, const char *key,
                         const char *value, const char **why)
{
	if (!strcmp(key, "form"))
		return set_form(a, l, value, why);
	if (!strcmp(key, "refresh"))
		return at_least(a, key, value, 1, &l->refresh, why);
	if (!strcmp(key, "rate"))
		return number(a, key, value, 0, 1, &l->rate, why);
	if (!strcmp(key, "scale"))
		return number(a, key, value, 0, 1e9, &l->scale, why);
	*why = arena_printf(a, "there is no '%s'; there are form, refresh, "
	                    "rate, scale", key);
	return false;
}

static bool sketch_set(Arena *a, SketchSpec *s, const char *key,
                       const char *value, const char **why)
{
	if (!strcmp(key, "clean"))
		return at_least(a, key, value, 0, &s->clean, why);
	if (!strcmp(key, "keep"))
		return number(a, key, value, 0, 1, &s->keep, why);
	if (!strcmp(key, "seed"))
		return at_least(a, key, value, 0, &s->seed, why);
	*why = arena_printf(a, "there is no '%s'; there are clean, keep, seed",
	                    key);
	return false;
}

SketchSpec sketch_default(const char *pattern, double ratio)
{
	return (SketchSpec){pattern, ratio, .keep = 0.2};
}

LowRank low_rank_default(const char *pattern, int64_t rank)
{
	return (LowRank){pattern, rank, .refresh = 1, .rate = 0.2, .scale = 1};
}

bool sketch_parse(Arena *a, const char *text, SketchSpec *s, const char **why)
{
	const char *keys;
	const char *settings = cut(a, text, ':', &s->pattern);
	const char *ratio = cut(a, settings, ',', &keys);
	*why = NULL;
	*s = sketch_default(s->pattern, 0);
	if (!number(a, "the ratio", ratio, 1e-6, 1, &s->ratio, why))
		return false;
	FOR_EACH_KEY(a, keys, key, value, why)
		if (!sketch_set(a, s, key, value, why))
			return false;
	return !*why;
}

bool tile_parse(Arena *a, const char *text, TileSpec *t, const char **why)
{
	const char *keys;
	const char *settings = cut(a, text, ':', &t->to);
	const char *bands = cut(a, settings, ',', &keys);
	*why = NULL;
	*t = (TileSpec){t->to, .from = NULL};
	if (!at_least(a, "the number of bands", bands, 1, &t->bands, why))
		return false;
	if (!t->to) {
		*why = arena_printf(a, "'%s' names no value: BANDS:VALUE",
		                    text);
		return false;
	}
	FOR_EACH_KEY(a, keys, key, value, why) {
		if (!strcmp(key, "from")) {
			t->from = value;
			continue;
		}
		*why = arena_printf(a, "there is no '%s'; there is from", key);
		return false;
	}
	return !*why;
}

bool low_rank_parse(Arena *a, const char *text, LowRank *l, const char **why)
{
	const char *keys;
	const char *settings = cut(a, text, ':', &l->pattern);
	const char *rank = cut(a, settings, ',', &keys);
	*why = NULL;
	*l = low_rank_default(l->pattern, 0);
	l->refresh = 0;
	if (!at_least(a, "the rank", rank, 1, &l->rank, why))
		return false;
	FOR_EACH_KEY(a, keys, key, value, why)
		if (!low_rank_set(a, l, key, value, why))
			return false;
	if (!l->refresh)
		l->refresh = l->form == LOW_RANK_FACTORS ||
		             l->form == LOW_RANK_STREAMING ? 100 : 1;
	return !*why;
}

bool allow_parse(Arena *a, const char *text, unsigned *allow, const char **why)
{
	*why = NULL;
	for (const char *rest = text; rest;) {
		const char *name = cut(a, rest, ',', &rest);
		unsigned is = !strcmp(name, "low-rank") ? ALLOW_LOW_RANK
		            : !strcmp(name, "sketch") ? ALLOW_SKETCH : 0;
		if (!is) {
			*why = arena_printf(a, "there is no '%s'; there are "
			                    "low-rank, sketch", name);
			return false;
		}
		*allow |= is;
	}
	return true;
}
