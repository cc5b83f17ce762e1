/*
 * From a path to an unpacked protobuf message: the file is mapped, scanned, and
 * unpacked by an allocator that keeps to the same budget as the scan, so that
 * no file can make the compiler use much more memory than it has bytes.
 */
#include "frontend/frontend.h"
#include "frontend/onnx_proto.h"

#include <errno.h>
#include <fcntl.h>
#include <sha2.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- mapping ---- */

static bool map_fd(Unit *u, const char *path, int fd, OnnxBytes *out)
{
	static const uint8_t nothing[1];
	struct stat st = {0};
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		bool folder = S_ISDIR(st.st_mode);
		error_at(u, (Loc){0}, "%s is not a file%s", path,
		         folder ? ", but a folder: thimble reads one ONNX file, "
		         "the forward model" : "");
		return false;
	}
	*out = (OnnxBytes){nothing, (size_t)st.st_size};
	if (!st.st_size)
		return true;
	void *p = mmap(NULL, out->size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED) {
		error_at(u, (Loc){0}, "cannot read %s: %s", path,
		         strerror(errno));
		return false;
	}
	out->data = p;
	return true;
}

bool onnx_map(Unit *u, const char *path, OnnxBytes *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		error_at(u, (Loc){0}, "cannot open %s: %s", path,
		         strerror(errno));
		return false;
	}
	bool ok = map_fd(u, path, fd, out);
	close(fd);
	return ok;
}

void onnx_unmap(OnnxBytes b)
{
	if (b.size)
		munmap((void *)(uintptr_t)b.data, b.size);
}

/* ---- unpacking ---- */

/* In front of every block of protobuf-c's. */
typedef union BlockHead {
	size_t size;
	alignas(max_align_t) char pad[alignof(max_align_t)];
} BlockHead;

typedef struct Budget {
	size_t left;
} Budget;

static void *budget_alloc(void *budget, size_t size)
{
	Budget *b = budget;
	if (size > b->left)
		return NULL;
	BlockHead *head = memory_alloc(sizeof *head + size);
	head->size = size;
	b->left -= size;
	return head + 1;
}

static void budget_free(void *budget, void *p)
{
	Budget *b = budget;
	if (!p)
		return;
	BlockHead *head = (BlockHead *)p - 1;
	b->left += head->size;
	free(head);
}

/* Well-formed files need 1 to 10 times their size (small numbers are one byte
 * in the file and eight in memory; a node is some 40 bytes and 300). */
static uint64_t budget_for(size_t file)
{
	return ((uint64_t)64 << 20) + 16 * (uint64_t)file;
}

/* The flatbuffer's identifier. */
static bool is_checkpoint(OnnxBytes b)
{
	return b.size >= 8 && !memcmp(b.data + 4, "ODTC", 4);
}

ProtobufCMessage *onnx_unpack(Unit *u, const char *path,
                              const ProtobufCMessageDescriptor *d, OnnxBytes b)
{
	Budget budget = {budget_for(b.size)};
	ProtobufCAllocator alloc = {budget_alloc, budget_free, &budget};
	const char *why = onnx_scan(d, b.data, b.size, budget.left);
	ProtobufCMessage *m = NULL;
	if (is_checkpoint(b))
		why = "it is a checkpoint of ONNX Runtime's training tool, "
		      "parameters without a model: give the forward model as "
		      "it was exported";
	if (!why && !(m = protobuf_c_message_unpack(d, &alloc, b.size, b.data)))
		why = "protobuf cannot decode it";
	if (why)
		error_at(u, (Loc){0}, "%s is not a valid ONNX file: %s", path,
		         why);
	return m;
}

void onnx_unpacked_free(ProtobufCMessage *m)
{
	Budget budget = {0};
	ProtobufCAllocator alloc = {budget_alloc, budget_free, &budget};
	protobuf_c_message_free_unpacked(m, &alloc);
}

/* ---- what inspect shows of the file itself ---- */

static void hash(OnnxBytes b, char out[65])
{
	if (!SHA256Data(b.data, b.size, out))
		out[0] = 0;
}

static const char *keep(Unit *u, const char *s)
{
	return s ? arena_strndup(u->arena, s, strlen(s)) : "";
}

static int64_t default_opset(const Onnx__ModelProto *m)
{
	int64_t version = 0;
	for (size_t i = 0; i < m->n_opset_import; i++) {
		const char *d = m->opset_import[i]->domain;
		if (!d || !*d || !strcmp(d, "ai.onnx"))
			version = m->opset_import[i]->version;
	}
	return version;
}

static const char *op_name(Unit *u, const Onnx__NodeProto *n)
{
	const char *op = n->op_type ? n->op_type : "";
	if (!n->domain || !*n->domain || !strcmp(n->domain, "ai.onnx"))
		return keep(u, op);
	return arena_printf(u->arena, "%s.%s", n->domain, op);
}

static int by_op(const void *a, const void *b)
{
	return strcmp(((const OnnxOpCount *)a)->op, ((const OnnxOpCount *)b)->op);
}

static void count_operators(Unit *u, const Onnx__GraphProto *g, OnnxInfo *info)
{
	OnnxOpCount *op = arena_array(u->arena, OnnxOpCount, g->n_node + 1);
	int n = 0;
	for (size_t i = 0; i < g->n_node; i++)
		op[i] = (OnnxOpCount){op_name(u, g->node[i]), 1};
	qsort(op, g->n_node, sizeof *op, by_op);
	for (size_t i = 0; i < g->n_node; i++)
		if (n && !strcmp(op[n - 1].op, op[i].op))
			op[n - 1].count++;
		else
			op[n++] = op[i];
	info->nops = n;
	info->op = op;
}

static void fill_info(Unit *u, const Onnx__ModelProto *m, OnnxInfo *info)
{
	info->ir_version = m->ir_version;
	info->opset = default_opset(m);
	info->producer = keep(u, m->producer_name);
	info->producer_version = keep(u, m->producer_version);
	if (m->graph)
		count_operators(u, m->graph, info);
}

bool onnx_info(Unit *u, OnnxInfo *info)
{
	OnnxBytes b;
	memset(info, 0, sizeof *info);
	if (!onnx_map(u, u->path, &b))
		return false;
	hash(b, info->sha256);
	ProtobufCMessage *m = onnx_unpack(u, u->path,
	                                  &onnx__model_proto__descriptor, b);
	if (m) {
		fill_info(u, (Onnx__ModelProto *)m, info);
		onnx_unpacked_free(m);
	}
	onnx_unmap(b);
	return m != NULL;
}
