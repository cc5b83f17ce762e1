/*
 * Training data: files become columns of samples, samples become batches.
 *
 * A column is an array whose first dimension counts the samples. Columns are
 * the model's inputs in order, then the target; a CSV file gives two of them.
 * Elements stay as the file has them until a batch is filled.
 */
#ifndef FRONTEND_DATA_H
#define FRONTEND_DATA_H

#include "frontend/array.h"

enum { MAX_COLUMNS = 8, MAX_CHANNELS = 64 };

enum { LABEL_NONE = -1, LABEL_LAST = -2 };   /* or a column from 0 */

typedef struct DataFormat {
	bool raw;           /* raw_dtype and raw_shape are given */
	DType raw_dtype;
	Shape raw_shape;    /* of one sample */
	bool raw_label;     /* each raw record begins with one byte, the label */
	int label_column;   /* CSV */
} DataFormat;

typedef struct DataSet {
	int64_t rows;
	int ncolumns;
	Array column[MAX_COLUMNS];
} DataSet;

/*
 * The files of a specification: FILE[,FILE...], each FILE or
 * FILE:DTYPE[:DIMxDIM...] (raw binary). False after errors with the file's
 * name.
 */
bool data_load(Unit *, const char *spec, const DataFormat *, DataSet *);
/* "1x28x28"; false if it is not that. */
bool shape_parse(const char *text, Shape *);

bool idx_parse(Unit *, const char *path, const unsigned char *, size_t,
               Array *);
/* Gives one column, or two if there is a label column. */
bool csv_parse(Unit *, const char *path, const char *text, size_t,
               int label_column, DataSet *);

/* x -> (x * scale - mean) / std; mean and std by channel, or one for all. */
typedef struct Scaling {
	double scale;
	int n;              /* 0: no normalisation */
	double mean[MAX_CHANNELS], std[MAX_CHANNELS];
} Scaling;

/* Which samples of a column are wanted, and how they lie in a batch: as
 * [outer, n, ...], whose first dimensions are those of a sample. */
typedef struct Batch {
	int64_t n, outer;
	const int64_t *row;
} Batch;

/* Integer types are not scaled. False after an error that names `what`. */
bool data_fill(Unit *, const Array *, const Batch *, const Scaling *, DType,
               void *to, const char *what);

/*
 * The data set is one stream: an array of one dimension. Its windows of
 * `length` elements, one behind the other, become the samples, and as many
 * elements from the second of each on their targets: what comes next. With
 * `streams` above 1 it is first cut into so many of one length; their first
 * windows are the first samples, so a batch of them goes on where the last one
 * ended.
 */
bool data_windows(Unit *, const char *name, int64_t length, int64_t streams,
                  DataSet *);

/*
 * The order of the samples in an epoch: 0..n-1, shuffled if asked by a
 * generator that depends on the seed and the epoch only.
 */
void data_order(int64_t n, bool shuffle, uint64_t seed, int64_t epoch,
                int64_t *row);

#endif
