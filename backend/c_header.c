/* NAME.h: all that a firmware needs to know of a model. */
#include "backend/c_place.h"
#include "backend/c_program.h"
#include "backend/c_slice.h"

#include <string.h>

/* ---- sizes and places ---- */

static int64_t batch_of(const CProgram *c)
{
	for (int f = 0; f < c->nfns; f++) {
		int64_t batch = graph_batch(c->fn[f].plan->graph);
		if (batch)
			return batch;
	}
	return 1;
}

static void put_size(Writer *w, const CProgram *c, const char *what,
                     int64_t bytes)
{
	w_raw(w, "#define %s_%s %s\n", c->upper, what, c_bytes(c, bytes));
}

static void put_slices(Writer *w, const CProgram *c)
{
	if (!c_has_slices(c))
		return;
	CSlice longest = c_longest_slice(c);
	w_comment(w, arena_printf(c->arena, "The operations of the longest "
	          "slice, which is one of '%s', and of a whole step.",
	          c_comment(c->arena, longest.node)));
	put_size(w, c, "SLICE_FLOPS", longest.flops);
	put_size(w, c, "STEP_FLOPS", c->p->train->cost.flops);
	w_raw(w, "\n");
}

static void put_sizes(Writer *w, const CProgram *c)
{
	w_comment(w, "Memory that the program wants, in bytes, and how it must "
	             "be aligned. The arena is scratch: it may be used for other "
	             "things between two calls. The state is what is learned: it "
	             "must stay. The stack has a bound, which the C compiler "
	             "knows: see STACK of thimble_add_model.");
	put_size(w, c, "ARENA_BYTES", c->p->arena_bytes);
	put_size(w, c, "STATE_BYTES", c->p->state_bytes);
	put_size(w, c, "ALIGN", c->p->align);
	if (c_weights_bin(c)) {
		w_raw(w, "\n");
		w_comment(w, arena_printf(c->arena,
		          "%s_weights.bin: the first contents of what trains, "
		          "and all that is constant. Little-endian, arrays in "
		          "row-major order; %s_params says where each is.",
		          c->name, c->name));
		put_size(w, c, "WEIGHTS_BYTES", c->image_bytes);
		put_size(w, c, "WEIGHTS_ALIGN", WEIGHTS_ALIGN);
	}
	w_raw(w, "\n");
	put_slices(w, c);
	put_size(w, c, "BATCH", batch_of(c));
	w_raw(w, "#define %s_NPARAMS %du\n", c->upper, c->p->model->nvars);
	w_raw(w, "#define %s_MODEL_SHA256 \"%s\"\n\n", c->upper,
	      c->o->sha256 ? c->o->sha256 : "");
}

static void put_places(Writer *w, const CProgram *c)
{
	w_comment(w, "Where inputs and outputs lie in the arena. Data that is "
	             "written there before the call need not be passed to it; "
	             "outputs stay there until the next call.");
	for (int f = 0; f < c->nfns; f++)
		for (int i = 0; i < c->fn[f].nargs; i++) {
			const CArg *a = &c->fn[f].arg[i];
			const Place *p = &c->fn[f].plan->place[a->v->id];
			if (p->region == REGION_ARENA)
				w_raw(w, "#define %s %s\n", a->macro,
				      c_bytes(c, p->offset));
		}
	w_raw(w, "\n");
}

/* ---- types ---- */

static void put_status(Writer *w, const CProgram *c)
{
	const char *u = c->upper;
	w_raw(w, "typedef enum %s_status {\n"
	      "\t%s_OK,\n"
	      "\t%s_ERROR_NULL,\t\t/* a pointer is missing, or no init */\n"
	      "\t%s_ERROR_SIZE,\t\t/* memory or storage is too small */\n"
	      "\t%s_ERROR_ALIGN,\t/* memory is not aligned */\n"
	      "\t%s_ERROR_STORAGE,\t/* a function of the storage failed */\n"
	      "\t%s_ERROR_CORRUPT,\t/* what was saved is damaged */\n"
	      "\t%s_ERROR_MODEL,\t/* what was saved is of another model */\n"
	      "\t%s_ERROR_LAYOUT,\t/* it trains other parameters, or otherwise */\n"
	      "\t%s_ERROR_VERSION,\t/* it has another format */\n"
	      "\t%s_ERROR_EMPTY,\t/* nothing has been saved */\n"
	      "\t%s_LOADED_WEIGHTS\t/* no error: loaded, as weights_only says */",
	      c->name, u, u, u, u, u, u, u, u, u, u, u);
	if (c_has_slices(c))
		w_raw(w, ",\n\t%s_MORE,\t\t/* the step is not done yet */\n"
		      "\t%s_ERROR_BUSY\t/* not before the step is done */", u,
		      u);
	w_raw(w, "\n} %s_status;\n\n", c->name);
}

static void put_context(Writer *w, const CProgram *c)
{
	w_comment(w, "One instance of the model. It points to memory that the "
	             "caller owns; instances share nothing. lr and the like may "
	             "be set between two steps.");
	w_raw(w, "typedef struct %s_t {\n"
	      "\tunsigned char *arena;\n"
	      "\tunsigned char *state;\n", c->name);
	if (c_weights_bin(c))
		w_raw(w, "\tconst unsigned char *weights;\n");
	w_raw(w, "\tuint32_t step;\t\t/* steps done so far */\n"
	      "\tuint32_t seed;\t\t/* of all randomness; 1 after init */\n"
	      "\tuint32_t step_seed;\t/* this step's, made of the two */\n");
	c_put_slice_fields(w, c);
	for (int i = 0; i < c->nhypers; i++) {
		char initial[32];
		c_decimal((float)c->hyper[i].initial, initial);
		w_raw(w, "\tfloat %s;\t\t/* %s after init */\n",
		      c->hyper[i].name, initial);
	}
	w_raw(w, "} %s_t;\n\n", c->name);
}

/* ---- functions ---- */

static const char *const function_help[] = {
	"train_step", "One step of training: forward, backward and update, on "
	"one batch. step becomes one more; *loss is the batch's loss before "
	"the update.",
	"train_slice", "The next slice of a step of training, with the same "
	"arguments for all slices of a step. MORE: there is more to do; OK: "
	"the step is done, and *loss is there. Until then the arena is in use, "
	"and parameters may be of this step or of the one before.",
	"infer", "The model's outputs for one batch. Changes neither parameters "
	"nor step. Links without the code for training.",
	"evaluate", "The loss of one batch, as inference computes it. Changes "
	"neither parameters nor step.",
};

static void put_arg_help(Writer *w, const CProgram *c, const CFunction *f)
{
	const char *text = "";
	for (size_t i = 0; i < sizeof function_help / sizeof function_help[0]; i += 2)
		if (!strcmp(function_help[i], f->name))
			text = function_help[i + 1];
	for (int i = 0; i < f->nargs; i++) {
		const CArg *a = &f->arg[i];
		text = arena_printf(c->arena, "%s\n%s%s: %s '%s', %s%s", text,
		                    a->fed && c_feeds(c, f) ? "feed->" : "",
		                    a->name, a->input ? "input" : "output",
		                    c_comment(c->arena, a->onnx),
		                    dtype_name(a->v->dtype),
		                    shape_text(c->arena, a->v->shape));
	}
	w_comment(w, text);
}

static bool any_fed(const CProgram *c, bool input)
{
	for (int f = 0; f < c->nfns; f++)
		for (int i = 0; i < c->fn[f].nargs; i++)
			if (c->fn[f].arg[i].fed &&
			    c->fn[f].arg[i].input == input)
				return true;
	return false;
}

static void put_prototype(Writer *w, const CProgram *c, const CFunction *f)
{
	put_arg_help(w, c, f);
	c_put_signature(w, c, f);
	w_line(w, ";");
	w_raw(w, "\n");
}

static void put_prototypes(Writer *w, const CProgram *c)
{
	const char *u = c->upper;
	w_comment(w, arena_printf(c->arena,
	          "Makes k a new instance in the caller's memory, which must "
	          "live as long as it: arena of %s_ARENA_BYTES, state of "
	          "%s_STATE_BYTES%s. Variables get the contents they have in the "
	          "model.", u, u,
	          c_weights_bin(c) ? ", weights the contents of the .bin file"
	                           : ""));
	c_put_init_signature(w, c);
	w_line(w, ";");
	w_raw(w, "\n");
	w_comment(w, arena_printf(c->arena, "Inputs and outputs are dense "
	          "arrays in row-major order. %s %s", any_fed(c, true)
	          ? "An input is read where it is, and must be there."
	          : "A NULL input: the data is already at its place in the "
	            "arena.", any_fed(c, false)
	          ? "An output of infer is computed where it is wanted, which "
	            "must be there, and apart from the inputs; another that is "
	            "NULL is not wanted, or read from the arena."
	          : "A NULL output: not wanted, or read from the arena."));
	w_raw(w, "\n");
	for (int f = 0; f < c->nfns; f++) {
		put_prototype(w, c, &c->fn[f]);
		if (c_is_sliced(c, &c->fn[f])) {
			CFunction step = c->fn[f];
			step.name = "train_step";
			put_prototype(w, c, &step);
		}
	}
	c_put_save_prototypes(w, c);
}

static void put_example(Writer *w, const CProgram *c)
{
	const char *n = c->name, *u = c->upper;
	w_raw(w, "/*\n * Use:\n *\n"
	      " *\tstatic unsigned char arena[%s_ARENA_BYTES]"
	      " __attribute__((aligned(%s_ALIGN)));\n", u, u);
	if (c->p->state_bytes)
		w_raw(w, " *\tstatic unsigned char state[%s_STATE_BYTES]"
		      " __attribute__((aligned(%s_ALIGN)));\n", u, u);
	w_raw(w, " *\t%s_t k;\n"
	      " *\tif (%s_init(&k, arena, sizeof arena, %s%s) != %s_OK)\n"
	      " *\t\treturn;\n", n, n,
	      c->p->state_bytes ? "state, sizeof state" : "NULL, 0",
	      c_weights_bin(c) ? ", weights, sizeof weights" : "", u);
	for (int f = 0; f < c->nfns; f++) {
		bool feeds = c_feeds(c, &c->fn[f]);
		w_raw(w, " *\t%s_%s(&k%s", n, c->fn[f].name,
		      feeds ? ", &feed" : "");
		for (int i = 0; i < c->fn[f].nargs; i++)
			if (!feeds || !c->fn[f].arg[i].fed)
				w_raw(w, ", %s%s",
				      c->fn[f].arg[i].v->shape.rank ? "" : "&",
				      c->fn[f].arg[i].name);
		w_raw(w, ");\n");
	}
	w_raw(w, " */\n\n");
}

void c_put_header(Writer *w, const CProgram *c)
{
	const char *n = c->name, *u = c->upper;
	w_raw(w, "%s\n#ifndef %s_H\n#define %s_H\n\n", c->model_comment, u, u);
	w_raw(w, "#include <stddef.h>\n#include <stdint.h>\n\n");
	w_raw(w, "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n");
	put_example(w, c);
	put_sizes(w, c);
	put_places(w, c);
	put_status(w, c);
	put_context(w, c);
	c_put_store_type(w, c);
	c_put_feed_type(w, c);
	c_put_param_type(w, c);
	if (c->p->model->nvars)
		w_raw(w, "extern const %s_param %s_params[%s_NPARAMS];\n\n", n, n,
		      u);
	put_prototypes(w, c);
	w_raw(w, "#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
}
