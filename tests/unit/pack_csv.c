/* The files of `thimble pack`: what is right comes back with a column more,
 * what is wrong is refused with its line. */
#include "frontend/pack_csv.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static bool parse(const char *text, size_t size, PackTable *t, Arena *a,
                  char **messages)
{
	size_t length;
	Unit u = {.path = "test", .arena = a,
	          .messages = open_memstream(messages, &length)};
	bool good = pack_csv_parse(&u, "x.csv", text, size, t);
	cr_assert_eq(good, u.nerrors == 0);
	fclose(u.messages);
	return good;
}

/* Reads and writes; the offsets are 100, 101 ... */
static void comes_back(const char *in, const char *out)
{
	PackTable t;
	char *messages, *text;
	size_t size;
	int64_t offset[8];
	Arena *a = arena_create();
	cr_assert(parse(in, strlen(in), &t, a, &messages), "%s", messages);
	for (int i = 0; i < 8; i++)
		offset[i] = 100 + i;
	FILE *f = open_memstream(&text, &size);
	pack_csv_print(f, &t, offset);
	fclose(f);
	cr_assert_str_eq(text, out);
	free(text);
	free(messages);
	arena_destroy(a);
}

Test(pack_csv, columns_in_any_order)
{
	comes_back("id,lower,upper,size\nb1,0,3,4\nb2,-3,9,0\n",
	           "id,lower,upper,size,offset\nb1,0,3,4,100\nb2,-3,9,0,101\n");
	comes_back("size,upper,note,lower,id\n4,3,\"a,b\"\"\",0,x\n",
	           "size,upper,note,lower,id,offset\n"
	           "4,3,\"a,b\"\"\",0,x,100\n");
}

Test(pack_csv, what_editors_leave_behind)
{
	comes_back("\xef\xbb\xbfid,lower,upper,size\r\n1, 0 ,+3,4\r\n\r\n"
	           "2,1,2,3",
	           "id,lower,upper,size,offset\n1, 0 ,+3,4,100\n"
	           "2,1,2,3,101\n");
	comes_back("id,lower,upper,size\n", "id,lower,upper,size,offset\n");
}

Test(pack_csv, old_offsets_are_replaced)
{
	comes_back("id,offset,lower,upper,size\n1,77,0,3,4\n",
	           "id,lower,upper,size,offset\n1,0,3,4,100\n");
	comes_back("offset,id,lower,upper,size\n,1,0,3,4\n",
	           "id,lower,upper,size,offset\n1,0,3,4,100\n");
}

Test(pack_csv, alignment_is_read)
{
	PackTable t;
	char *messages;
	const char *in = "id,lower,upper,size,alignment\n1,0,1,5,8\n2,0,1,5,\n";
	Arena *a = arena_create();
	cr_assert(parse(in, strlen(in), &t, a, &messages));
	cr_assert(t.n == 2 && t.align[0] == 8 && t.align[1] == 1);
	cr_assert(t.lower[1] == 0 && t.upper[1] == 1 && t.size[1] == 5);
	free(messages);
	arena_destroy(a);
}

static void refuse_bytes(const char *in, size_t size, const char *message)
{
	PackTable t;
	char *messages;
	Arena *a = arena_create();
	cr_assert_not(parse(in, size, &t, a, &messages), "%s", in);
	cr_assert(strstr(messages, message), "'%s' in: %s", message, messages);
	free(messages);
	arena_destroy(a);
}

static void refuse(const char *in, const char *message)
{
	refuse_bytes(in, strlen(in), message);
}

#define HEAD "id,lower,upper,size\n"

Test(pack_csv, bad_headers)
{
	refuse("", "line 1: no column 'id'");
	refuse("id,lower,size\n", "line 1: no column 'upper'");
	refuse("1,0,3,4\n", "no column 'lower'");
	refuse("id,lower,upper,size,size\n", "a second column 'size'");
	refuse("id,lower,upper,size,align,alignment\n",
	       "a second column 'alignment'");
	refuse_bytes("id,lower\0,upper,size\n", 21, "zero bytes");
	char many[1024];
	memset(many, ',', sizeof many - 1);
	many[sizeof many - 1] = '\0';
	refuse(many, "too many columns");
}

Test(pack_csv, bad_rows)
{
	refuse(HEAD "1,0,3,4\n2,5,5,1\n", "line 3: the item ends before");
	refuse(HEAD "1,6,5,1\n", "line 2: the item ends before");
	refuse(HEAD "1,0,3,-4\n", "line 2: size is not");
	refuse(HEAD "1,0,3,\n", "line 2: size is not");
	refuse(HEAD "1,0,3,4x\n", "'4x'");
	refuse(HEAD "1,0,3,4.5\n", "size is not");
	refuse(HEAD "1,0x1,3,4\n", "lower is not");
	refuse(HEAD "1,-,3,4\n", "lower is not");
	refuse(HEAD "1,0,3\n", "not as many columns");
	refuse(HEAD "\n\n1,0,3,4,5\n", "line 4: not as many columns");
	refuse(HEAD "1,0,99999999999999999999999999,4\n", "upper is not");
	refuse(HEAD "1,0,9223372036854775807,4\n", "upper is not");
	refuse(HEAD "1,0,3,2000000000000000000\n2,0,3,2000000000000000000\n",
	       "line 3: sizes and alignments add up");
	refuse("id,lower,upper,size,align\n1,0,3,4,0\n", "alignment is not");
	refuse("id,lower,upper,size,align\n1,0,3,4,-8\n", "alignment is not");
}

Test(pack_csv, many_errors_are_cut_short)
{
	PackTable t;
	char *messages, *in = calloc(1, 100000);
	Arena *a = arena_create();
	strcpy(in, HEAD);
	for (int i = 0; i < 1000; i++)
		strcat(in, "1,2,1,3\n");
	cr_assert_not(parse(in, strlen(in), &t, a, &messages));
	int lines = 0;
	for (const char *c = messages; *c; c++)
		lines += *c == '\n';
	cr_assert_eq(lines, 20);
	free(messages);
	free(in);
	arena_destroy(a);
}
