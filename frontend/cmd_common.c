#include "frontend/cmd_common.h"

#include "frontend/files.h"
#include "frontend/help.h"
#include "frontend/report_budget.h"
#include "frontend/report_svg.h"
#include "passes/pass.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void command_parse(const struct argp *argp, int argc, char **argv, void *input)
{
	const struct argp_child children[] = {
		{argp, 0, 0, 0}, {&args_help, 0, 0, 0}, {0}
	};
	const struct argp root = {.children = children};
	argp_err_exit_status = EXIT_USAGE;
	error_t why = argp_parse(&root, argc, argv, ARGP_NO_HELP, NULL, input);
	if (why == ENOMEM)
		out_of_memory(0);
	if (why)
		exit(EXIT_USAGE);
}

void session_open(Session *s, Args *args, const char *model)
{
	*s = (Session){
		.unit = {.path = model, .arena = args->arena,
		         .messages = stderr},
		.args = args,
	};
	s->emit = (EmitOptions){
		.weights = args->weights_bin ? WEIGHTS_BIN : WEIGHTS_C,
		.openblas = args->openblas,
		.slices = args->slices,
		.version = THIMBLE_VERSION,
	};
}

/* Passes are known here and not where the arguments are parsed. */
static void check_pass(const char *option, const char *name, bool optional)
{
	const Pass *p = pass_find(name);
	if (p && (optional ? !p->required : p->run != NULL))
		return;
	fprintf(stderr, "thimble: %s: %s pass '%s'; there are:\n", option,
	        !p ? "there is no" : optional ? "cannot do without the"
	                           : "there is no graph after the", name);
	for (int i = 0; (p = pass_at(i)); i++)
		fprintf(stderr, "  %-12s %s%s\n", p->name,
		        p->help,
		        p->required ? " (always)" : "");
	exit(EXIT_USAGE);
}

static void check_budget(Session *s)
{
	const Program *p = s->program;
	const Target *t = target_or_host(s->args->options.target);
	const char *whose = p && p->ram == t->ram_bytes ? t->name : "--ram";
	if (p && !p->fits)
		error_at(&s->unit, (Loc){0}, "%s: %lld bytes are too few: the "
		         "smallest that was found to fit is %lld bytes, and "
		         "less than %lld cannot be: %s", whose,
		         (long long)p->ram, (long long)p->smallest_ram,
		         (long long)p->ram_floor, report_what_binds(p));
}

/* ---- flash ---- */

static const char *whose_flash(const Session *s)
{
	const Target *t = target_or_host(s->args->options.target);
	return s->args->flash == t->flash_bytes ? t->name : "--flash";
}

static void check_weights(Session *s)
{
	int64_t flash = s->args->flash, bytes;
	if (!s->program || !flash || s->args->weights_bin)
		return;
	bytes = weights_image_bytes(s->program);
	if (bytes > flash)
		error_at(&s->unit, (Loc){0}, "%s: %lld bytes of flash are too "
		         "few: constants and first weights take %lld. With "
		         "--weights=bin they are a file that can lie "
		         "elsewhere", whose_flash(s), (long long)flash,
		         (long long)bytes);
}

bool session_fits_flash(Session *s)
{
	int64_t flash = s->args->flash;
	const CodeSize *size = &s->code;
	if (!flash || size->code + size->constants <= flash)
		return true;
	error_at(&s->unit, (Loc){0}, "%s: %lld bytes of flash are too few: "
	         "code takes %lld, constants and first weights %lld",
	         whose_flash(s), (long long)flash, (long long)size->code,
	         (long long)size->constants);
	return false;
}

/* A C compiler makes less of it, or more; a linker drops what nobody calls. */
static void doubt_flash(Session *s)
{
	int64_t flash = s->args->flash;
	const CodeSize *size = &s->code;
	if (flash && size->code + size->constants > flash)
		warn_at(&s->unit, (Loc){0}, "%s: %lld bytes of flash may be "
		        "too few: code takes about %lld, constants and first "
		        "weights %lld", whose_flash(s), (long long)flash,
		        (long long)size->code, (long long)size->constants);
}

bool session_knows_code(const Session *s)
{
	const Core *c = target_or_host(s->args->options.target)->core;
	return c->plain && c->triple && code_size_is_known();
}

bool session_measure(Session *s)
{
	return code_size(s->program, &s->emit, &s->code);
}

bool session_estimate(Session *s)
{
	if (!s->args->flash || !session_knows_code(s))
		return true;
	if (!session_measure(s))
		return false;
	doubt_flash(s);
	return true;
}

/* ---- what trains ---- */

void session_usage(const Session *s, const char *option, const char *needs)
{
	fprintf(stderr, "thimble: %s needs %s: %s has no training step of its "
	        "own\n", option, needs, s->unit.path);
	exit(EXIT_USAGE);
}

static bool has_step(const Graph *g)
{
	for (int i = 0; i < g->noutputs; i++)
		if (g->output[i].role == OUT_LOSS)
			return true;
	return false;
}

static void take_default(Args *a)
{
	const char *why;
	a->loss = a->default_loss;
	a->optimizer = a->optimizer ? a->optimizer : "sgd";
	if (!loss_parse(a->arena, a->loss, &a->options.loss, &why) ||
	    !optimizer_parse(a->arena, a->optimizer, &a->options.optimizer,
	                     &why))
		BUG("%s", why);
}

static void check_allow(const Options *o)
{
	if (!o->allow || o->ram || o->sweep)
		return;
	fprintf(stderr, "thimble: --allow needs --ram, --sweep, or a --target "
	        "that is a part: without a budget there is nothing to choose\n");
	exit(EXIT_USAGE);
}

void session_settle(Session *s, const Graph *g)
{
	Args *a = s->args;
	Options *o = &a->options;
	check_allow(o);
	if (has_step(g)) {
		o->loss.kind = LOSS_FILE;
		a->loss = FILE_STEP;
		a->optimizer = a->optimizer ? a->optimizer : FILE_STEP;
	} else if (!a->loss && a->default_loss) {
		take_default(a);
	}
	if (o->loss.kind != LOSS_NONE)
		return;
	if (a->optimizer)
		session_usage(s, "--optimizer", "--loss");
	if (o->limited)
		session_usage(s, "--max-recompute", "--loss");
	if (o->sweep)
		session_usage(s, "--sweep", "--loss");
	if (o->allow)
		session_usage(s, "--allow", "--loss");
	if (o->micro_batch)
		session_usage(s, "--micro-batch", "--loss");
	if (o->ncarries)
		session_usage(s, "--carry", "--loss");
}

/* ---- from file to program ---- */

bool session_build(Session *s)
{
	const Options *o = &s->args->options;
	OnnxInfo info;
	for (int i = 0; i < o->disable.n; i++)
		check_pass("--disable", o->disable.name[i], true);
	if (o->dump_after && strcmp(o->dump_after, "all"))
		check_pass("--dump-after", o->dump_after, false);
	Graph *g = load_onnx(&s->unit, o);
	if (!g || s->unit.nerrors || !onnx_info(&s->unit, &info))
		return false;
	session_settle(s, g);
	s->emit.sha256 = arena_printf(s->unit.arena, "%s", info.sha256);
	s->program = build_program(g, o);
	check_budget(s);
	check_weights(s);
	return s->program && !s->unit.nerrors;
}

ReportInfo session_info(const Session *s)
{
	return (ReportInfo){
		.target = target_or_host(s->args->options.target)->name,
		.optimizer = s->args->optimizer ? s->args->optimizer : "none",
		.loss = s->args->loss ? s->args->loss : "none",
		.code_bytes = s->code.code,
		.rodata_bytes = s->code.constants,
	};
}

bool session_page(Session *s, const char *path)
{
	ReportInfo info = session_info(s);
	OutFile out;
	if (!out_open(&s->unit, path, &out))
		return false;
	report_html(out.f, s->program, &info);
	return out_close(&out);
}

bool session_report(Session *s, const char *dir)
{
	ReportInfo info = session_info(s);
	OutFile out;
	const char *base = arena_printf(s->unit.arena, "%s/%s.report", dir,
	                                s->program->model->name);
	if (!out_open(&s->unit, arena_printf(s->unit.arena, "%s.json", base),
	              &out))
		return false;
	json_print(out.f, report_json(s->program, &info));
	return out_close(&out) &&
	       session_page(s, arena_printf(s->unit.arena, "%s.html", base));
}

bool session_picture(Session *s)
{
	OutFile out;
	if (!s->args->picture)
		return true;
	if (!out_open(&s->unit, s->args->picture, &out))
		return false;
	report_svg(out.f, s->program);
	return out_close(&out);
}

static bool emit(void *user, const Program *p, const char *dir)
{
	Session *s = user;
	OutFile glue;
	EmitOptions o = s->emit;
	o.no_weights = true;
	char *path = arena_printf(s->unit.arena, "%s/%s", dir, GLUE_FILE);
	if (!emit_c(p, &o, dir) || !out_open(&s->unit, path, &glue))
		return false;
	emit_glue(glue.f, p);
	return out_close(&glue);
}

static void *image_of(Session *s, size_t *size)
{
	*size = (size_t)weights_image_bytes(s->program);
	void *image = arena_alloc(s->unit.arena, *size + 1);
	weights_image(s->program, image);
	return image;
}

static Executor *open_c(Session *s)
{
	size_t size;
	void *image = image_of(s, &size);
	EmitHook hook = {emit, s, image, size, s->emit.openblas};
	return executor_c(&s->unit, s->program, &hook);
}

static FrameFunction *jit(void *user, const Plan *plan)
{
	return jit_function(user, plan);
}

static void end_jit(void *user)
{
	jit_close(user);
}

/* For a device, the device's numbers; else what is fastest here. */
static Executor *open_llvm(Session *s, const Plan *first)
{
	const Program *p = s->program;
	size_t size;
	Jit *j = jit_open(&s->unit, p, !target_or_host(p->target)->core->plain);
	if (!j)
		return NULL;
	if (!jit_function(j, first)) {
		jit_close(j);
		return NULL;
	}
	JitHook hook = {jit, end_jit, j, image_of(s, &size)};
	return executor_llvm(&s->unit, p, &hook);
}

/* LLVM begins sooner than a C compiler, and needs none; C alone calls BLAS. */
static ExecutorChoice choose_executor(const Session *s, int64_t work)
{
	enum { WORTH_COMPILING = 20000000 };   /* scalar operations */
	if (work < WORTH_COMPILING)
		return EXECUTOR_INTERPRETER;
	if (jit_available() && !s->emit.openblas)
		return EXECUTOR_LLVM;
	return executor_has_compiler() ? EXECUTOR_C : EXECUTOR_INTERPRETER;
}

Executor *session_executor(Session *s, const Plan *plan, int64_t calls)
{
	ExecutorChoice choice = s->args->executor;
	int64_t work = plan->cost.flops > INT64_MAX / (calls + 1)
	               ? INT64_MAX : plan->cost.flops * calls;
	if (choice == EXECUTOR_AUTO)
		choice = choose_executor(s, work);
	Executor *e = choice == EXECUTOR_C ? open_c(s)
	            : choice == EXECUTOR_LLVM ? open_llvm(s, plan)
	            : executor_interpreter(&s->unit, s->program);
	if (e && s->args->seeded)
		e->seed = s->args->seed;
	return e;
}

int session_close(Session *s)
{
	int status = s->unit.nerrors ? EXIT_FAILURE : EXIT_SUCCESS;
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "thimble: cannot write to standard output\n");
		status = EXIT_FAILURE;
	}
	arena_destroy(s->unit.arena);
	return status;
}
