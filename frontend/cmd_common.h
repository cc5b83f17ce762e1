/*
 * What the commands share: a Session is one model from its file to a Program,
 * and the status that the process ends with.
 */
#ifndef FRONTEND_CMD_COMMON_H
#define FRONTEND_CMD_COMMON_H

#include "backend/backend.h"
#include "backend/jit.h"
#include "frontend/args.h"
#include "frontend/executor.h"
#include "frontend/frontend.h"
#include "frontend/report.h"

/* Each command: main() passes it its own name as argv[0]. */
int cmd_inspect(int argc, char **argv);
int cmd_compile(int argc, char **argv);
int cmd_plan(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_train(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_pack(int argc, char **argv);
int cmd_ops(int argc, char **argv);
int cmd_targets(int argc, char **argv);

enum { EXIT_USAGE = 2 };

/* Parses a command's arguments; on wrong usage the process ends with 2. */
void command_parse(const struct argp *, int argc, char **argv, void *input);

typedef struct Session {
	Unit unit;
	Args *args;
	EmitOptions emit;
	Program *program;
	CodeSize code;             /* zeros: it was not measured */
} Session;

/* In place of a loss or an optimizer: the file's training step has it. */
#define FILE_STEP "the file's"

void session_open(Session *, Args *, const char *model);
/* Decides what trains: the options, the file's own step, or the command's
 * default. Wrong usage ends the process. */
void session_settle(Session *, const Graph *);
/* The option needs another, since the file does not train by itself. */
_Noreturn void session_usage(const Session *, const char *option,
                             const char *needs);
/* Reads the model and makes its functions. False after errors. */
bool session_build(Session *);
/* Is the target a microcontroller whose code LLVM can make here? */
bool session_knows_code(const Session *);
/* Compiles it for the target, for the size of its code. False after an error. */
bool session_measure(Session *);
/* False after an error that says so. */
bool session_fits_flash(Session *);
/* The same for a C compiler's code, where the flash is given: its size is known
 * about, so that there is a warning. False after other errors. */
bool session_estimate(Session *);
ReportInfo session_info(const Session *);
/* Writes the report as a page. False after an error. */
bool session_page(Session *, const char *path);
/* The report into a directory: NAME.report.json and .html. */
bool session_report(Session *, const char *dir);
/* The picture, if one was asked for. */
bool session_picture(Session *);
/* Chooses an executor for about `calls` calls of the plan. */
Executor *session_executor(Session *, const Plan *, int64_t calls);
/* Frees the session; the process's exit status. */
int session_close(Session *);

#endif
