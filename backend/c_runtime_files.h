/* The files of runtime/, put into the compiler by cmake/embed.cmake. */
#ifndef BACKEND_C_RUNTIME_FILES_H
#define BACKEND_C_RUNTIME_FILES_H

typedef struct RuntimeFile {
	const char *name, *text;   /* "runtime/gemm.c"; the last has none */
} RuntimeFile;

extern const RuntimeFile runtime_files[];

#endif
