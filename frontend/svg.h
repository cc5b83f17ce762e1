/*
 * What pictures in SVG share: colours, axes, marks and text. The colours are
 * attributes, which any viewer and printer knows; the classes let a page with a
 * dark scheme set others.
 */
#ifndef FRONTEND_SVG_H
#define FRONTEND_SVG_H

#include "ir/graph.h"

#include <stdio.h>

/* Told apart with any kind of colour vision, and in grey by their names. */
const char *svg_colour(MemoryClass);

typedef enum Anchor { ANCHOR_START, ANCHOR_MIDDLE, ANCHOR_END } Anchor;

/* Begins a picture of that size; an area to draw in is at x, y in it. */
typedef struct Frame {
	double x, y, width, height;
} Frame;

void svg_open(FILE *, double width, double height, const char *title);
void svg_close(FILE *);

/* Text as it may stand in XML. */
void svg_escape(FILE *, const char *);
void svg_text(FILE *, double x, double y, Anchor, const char *);
void svg_heading(FILE *, double x, double y, const char *);
void svg_line(FILE *, double x0, double y0, double x1, double y1,
              const char *class, const char *colour);

/* 0 < at most about n round numbers <= top: the distance between them. Of bytes a
 * power of two. */
double svg_tick(double top, double n, bool binary);
/* 1536: "1.5 KiB". */
char *svg_bytes(Arena *, double bytes);

/* A grid with numbers from 0 to top, upwards; write() makes text of one. */
void svg_axis_left(FILE *, Frame, double top, bool binary,
                   char *write(Arena *, double));
/* The same to the right; no grid. */
void svg_axis_below(FILE *, Frame, double top, bool binary,
                    char *write(Arena *, double));

#endif
