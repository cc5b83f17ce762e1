/*
 * What NAME_save leaves in a device's storage, on this side of the cable: a
 * dump of the region is read, wherever in it the saves are, and a save is made
 * that can be programmed where the region begins.
 */
#ifndef FRONTEND_CMD_SAVES_H
#define FRONTEND_CMD_SAVES_H

#include "frontend/executor.h"
#include "frontend/weights.h"

/* The whole heads of saves in these bytes; 0: they are something else. */
int saves_count(const unsigned char *, size_t);

/* The newest whole save that is of the model: parameters and running
 * statistics under their names, with the shapes that they have in the graph.
 * False after an error. */
bool saves_weights(Unit *, const char *path, const unsigned char *, size_t,
                   const char *sha256, const Graph *, Weights *);

/* Sets what the program trains, step and seed to what is in the file. If the
 * optimizer's state is not in it, a warning says so. */
bool saves_resume(Unit *, const char *path, const char *sha256, Executor *);

/* The executor's state as the first save of a region whose program unit is
 * `unit` bytes. */
bool saves_write(Unit *, const char *path, const char *sha256, uint32_t unit,
                 const Executor *);

#endif
