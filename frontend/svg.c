#include "frontend/svg.h"

#include <math.h>
#include <string.h>

const char *svg_colour(MemoryClass c)
{
	static const char *const colour[NMEMCLASS] = {
		[MEM_ACTIVATION] = "#6ab0e8", [MEM_GRADIENT] = "#ee7f45",
		[MEM_WORKSPACE] = "#f3c94f", [MEM_IO] = "#4fb893",
		[MEM_PARAMETER] = "#c793d4", [MEM_OPTIMIZER] = "#9ba7b3",
	};
	return colour[c];
}

void svg_open(FILE *f, double width, double height, const char *title)
{
	fprintf(f, "<svg xmlns=\"http://www.w3.org/2000/svg\" "
	        "viewBox=\"0 0 %g %g\" width=\"%g\" height=\"%g\" role=\"img\" "
	        "font-family=\"sans-serif\" font-size=\"12\">\n<title>",
	        width, height, width, height);
	svg_escape(f, title);
	fprintf(f, "</title>\n<rect class=\"paper\" width=\"%g\" height=\"%g\" "
	        "fill=\"#ffffff\"/>\n", width, height);
}

void svg_close(FILE *f)
{
	fputs("</svg>\n", f);
}

/* XML has no control characters, not even escaped. */
void svg_escape(FILE *f, const char *text)
{
	for (; *text; text++)
		if (strchr("<>&\"", *text))
			fprintf(f, "&#%d;", *text);
		else
			fputc((unsigned char)*text < ' ' ? '?' : *text, f);
}

static void put_text(FILE *f, double x, double y, const char *attributes,
                     const char *text)
{
	fprintf(f, "<text class=\"ink\" x=\"%.1f\" y=\"%.1f\" "
	        "fill=\"#17202a\"%s>", x, y, attributes);
	svg_escape(f, text);
	fputs("</text>\n", f);
}

void svg_text(FILE *f, double x, double y, Anchor anchor, const char *text)
{
	static const char *const attributes[] = {
		"", " text-anchor=\"middle\"", " text-anchor=\"end\"",
	};
	put_text(f, x, y, attributes[anchor], text);
}

void svg_heading(FILE *f, double x, double y, const char *text)
{
	put_text(f, x, y, " font-size=\"16\" font-weight=\"bold\"", text);
}

void svg_line(FILE *f, double x0, double y0, double x1, double y1,
              const char *class, const char *colour)
{
	fprintf(f, "<path class=\"%s\" d=\"M%.1f %.1fL%.1f %.1f\" fill=\"none\" "
	        "stroke=\"%s\"/>\n", class, x0, y0, x1, y1, colour);
}

/* ---- axes ---- */

double svg_tick(double top, double n, bool binary)
{
	static const double of_ten[] = {1, 2, 5, 10};
	double least = fmax(top / n, binary ? 1 : 1e-9);
	if (binary)
		return exp2(ceil(log2(least)));
	double ten = pow(10, floor(log10(least)));
	for (int i = 0; i < 3; i++)
		if (of_ten[i] * ten >= least)
			return of_ten[i] * ten;
	return 10 * ten;
}

char *svg_bytes(Arena *a, double bytes)
{
	static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	int i = 0;
	for (; bytes >= 1024 && i < 4; i++)
		bytes /= 1024;
	return arena_printf(a, bytes < 1000 ? "%.3g %s" : "%.0f %s", bytes,
	                    unit[i]);
}

void svg_axis_left(FILE *f, Frame at, double top, bool binary,
                   char *write(Arena *, double))
{
	Arena *scratch = arena_create();
	double tick = svg_tick(top, at.height / 40, binary);
	for (int i = 0; i * tick <= top; i++) {
		double y = at.y + at.height * (1 - i * tick / top);
		svg_line(f, at.x, y, at.x + at.width, y, "grid", "#e0e4e8");
		svg_text(f, at.x - 6, y + 4, ANCHOR_END,
		         write(scratch, i * tick));
	}
	arena_destroy(scratch);
}

void svg_axis_below(FILE *f, Frame at, double top, bool binary,
                    char *write(Arena *, double))
{
	Arena *scratch = arena_create();
	double tick = svg_tick(top, at.width / 80, binary);
	double y = at.y + at.height;
	for (int i = 0; i * tick <= top; i++) {
		double x = at.x + at.width * i * tick / top;
		svg_line(f, x, y, x, y + 4, "axis", "#5a6673");
		svg_text(f, x, y + 17, ANCHOR_MIDDLE, write(scratch, i * tick));
	}
	svg_line(f, at.x, y, at.x + at.width, y, "axis", "#5a6673");
	arena_destroy(scratch);
}
