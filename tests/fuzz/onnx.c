/*
 * An ONNX file, all the way: read, verified, made into functions, planned (the
 * plan is checked by passes/check.c), and where that is little work, emitted
 * and run. What is asked for on the command line depends on a hash of the file.
 */
#define _GNU_SOURCE   /* memfd_create */
#include "tests/fuzz/fuzz.h"

#include "backend/backend.h"
#include "frontend/executor.h"
#include "frontend/frontend.h"
#include "frontend/report.h"
#include "ir/verify.h"
#include "passes/pass.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What is run by the interpreter, and only below. */
enum { FEW_FLOPS = 20000, FEW_BYTES = 1 << 20 };

static Options choose(Arena *a, uint64_t h)
{
	static const char *const losses[] = {
		NULL, "mse", "cross-entropy", "l1", "huber", "bce-with-logits",
		"cross-entropy:axis=-1,label_smoothing=0.1", "graph:output=loss",
	};
	static const char *const optimizers[] = {
		"sgd", "momentum:lr=0.1", "adam", "sgd:clip_norm=1",
	};
	static const DimBinding dims[] = {{"N", 2}, {"batch", 3}};
	Options o = {.name = "fuzz"};
	const char *why, *loss = losses[h & 7];
	if (loss && !loss_parse(a, loss, &o.loss, &why))
		BUG("%s", why);
	if (loss && !optimizer_parse(a, optimizers[h >> 3 & 3], &o.optimizer,
	                             &why))
		BUG("%s", why);
	o.batch = (h >> 5 & 3) == 3 ? 4 : 0;
	o.micro_batch = (h >> 7 & 7) == 7 ? 1 : 0;
	o.keep_gradients = (h >> 10 & 7) == 7;
	if ((h >> 13 & 7) == 7) {
		o.dim = dims;
		o.ndims = 2;
	}
	return o;
}

static void run(Unit *u, const Program *p, const Plan *plan)
{
	if (!plan || plan->cost.flops > FEW_FLOPS ||
	    plan->cost.bytes > FEW_BYTES || p->arena_bytes > FEW_BYTES ||
	    p->state_bytes > FEW_BYTES)
		return;
	Executor *e = executor_interpreter(u, p);
	executor_call(e, plan);
	executor_close(e);
}

/* Into nowhere: what is wrong with the C, the other tests tell. */
static void emit(Unit *u, const Program *p)
{
	char dir[] = "thimble-fuzz-XXXXXX";
	static const char *const ending[] = {".h", ".c", "_rt.h", "_weights.c"};
	ReportInfo info = {.target = "generic", .optimizer = "none",
	                   .loss = "none"};
	EmitOptions o = {.version = THIMBLE_VERSION, .sha256 = "0"};
	if (p->const_bytes > FEW_BYTES || p->state_bytes > FEW_BYTES)
		return;
	json_decref(report_json(p, &info));
	if (!mkdtemp(dir) || !emit_c(p, &o, dir))
		BUG("cannot write into %s", dir);
	for (size_t i = 0; i < sizeof ending / sizeof *ending; i++)
		remove(arena_printf(u->arena, "%s/fuzz%s", dir, ending[i]));
	rmdir(dir);
}

static void build(Unit *u, Graph *g, const Options *o, uint64_t h)
{
	graph_verify(g);
	Program *p = build_program(g, o);
	if (!p != (u->nerrors > 0))
		BUG("a program with %d errors", u->nerrors);
	if (!p)
		return;
	run(u, p, p->train);
	run(u, p, p->infer);
	if ((h >> 16 & 15) == 15)
		emit(u, p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t h = fuzz_hash(data, size);
	char path[64];
	int fd = memfd_create("fuzz.onnx", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		BUG("no file in memory");
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	Trial t;
	trial_begin(&t, path);
	Options o = choose(t.u.arena, h);
	Graph *g = load_onnx(&t.u, &o);
	if (!g != (t.u.nerrors > 0))
		BUG("a graph with %d errors", t.u.nerrors);
	if (g)
		build(&t.u, g, &o, h);
	trial_end(&t, !t.u.nerrors);
	close(fd);
	return 0;
}
