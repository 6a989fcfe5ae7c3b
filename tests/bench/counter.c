/* A plugin for qemu-user 7.2: counts executed aarch64 instructions, block by block.
 * `-plugin counter.so,out=PATH` writes a line per block of code: FILE ADDRESS_IN_FILE TIMES INSTRUCTIONS FMAS MEMORY.
 * Counters are not atomic: for programs of one thread.
 * Source of what is declared here: qemu's docs/devel/tcg-plugins.rst, plugin API 1. Encodings: Arm's ARM DDI 0487, C4.1. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define API __attribute__((visibility("default")))
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef uint64_t plugin_id;
enum { ADD_U64 };

extern void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct qemu_plugin_tb*));
extern void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb*, int, void*, uint64_t);
extern void qemu_plugin_register_atexit_cb(plugin_id, void (*)(plugin_id, void*), void*);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb*);
extern struct qemu_plugin_insn* qemu_plugin_tb_get_insn(const struct qemu_plugin_tb*, size_t);
extern const void* qemu_plugin_insn_data(const struct qemu_plugin_insn*);
extern void* qemu_plugin_insn_haddr(const struct qemu_plugin_insn*);

API int qemu_plugin_version = 1;

struct block {
  struct block* next;
  const char* file;
  uintptr_t address; /* in the file */
  uint64_t times;
  unsigned instructions, fmas, memory;
};
static struct block* blocks;
static const char* out;

static int is_fma(uint32_t code) {
  return (code & 0xBF20FC00) == 0x0E20CC00    /* FMLA, FMLS of vectors */
         || (code & 0xBF80B400) == 0x0F801000 /* by one element */
         || (code & 0xFF000000) == 0x1F000000  /* FMADD and the like of scalars */
         || (code & 0x9FE0FC00) == 0x0E809400 /* SDOT, UDOT of vectors: bytes */
         || (code & 0x9FC0F400) == 0x0F80E000; /* by one word of an element */
}

/* A file mapped into this process. */
struct mapping {
  uintptr_t start, end, offset;
  char file[1024];
};
enum { MOST = 4096 };
static struct mapping mappings[MOST];
static size_t mapping_count;

static void read_mappings(void) {
  FILE* maps = fopen("/proc/self/maps", "r");
  char line[2048];
  mapping_count = 0;
  while (maps && mapping_count < MOST && fgets(line, sizeof line, maps)) {
    struct mapping* m = &mappings[mapping_count];
    if (sscanf(line, "%lx-%lx %*s %lx %*s %*s %1023s", &m->start, &m->end, &m->offset, m->file) == 4) mapping_count++;
  }
  if (maps) fclose(maps);
}

/* Finds where code comes from, when it is translated: a library may be closed before the end. */
static void place(struct block* block) {
  for (int again = 0; again < 2; again++) {
    for (const struct mapping* in = mappings; in < mappings + mapping_count; in++)
      if (block->address >= in->start && block->address < in->end) {
        block->file = strdup(in->file);
        block->address -= in->start - in->offset;
        return;
      }
    read_mappings();
  }
  block->file = "?";
}

static void translated(plugin_id id, struct qemu_plugin_tb* tb) {
  (void)id;
  struct block* block = calloc(1, sizeof *block);
  if (!block) abort();
  block->instructions = (unsigned)qemu_plugin_tb_n_insns(tb);
  block->address = (uintptr_t)qemu_plugin_insn_haddr(qemu_plugin_tb_get_insn(tb, 0));
  for (unsigned i = 0; i < block->instructions; i++) {
    uint32_t code;
    memcpy(&code, qemu_plugin_insn_data(qemu_plugin_tb_get_insn(tb, i)), sizeof code);
    block->fmas += is_fma(code);
    block->memory += (code & 0x0A000000) == 0x08000000; /* loads and stores */
  }
  place(block);
  block->next = blocks;
  blocks = block;
  qemu_plugin_register_vcpu_tb_exec_inline(tb, ADD_U64, &block->times, 1);
}

static void written(plugin_id id, void* data) {
  (void)id, (void)data;
  FILE* file = fopen(out, "w");
  if (!file) abort();
  for (const struct block* block = blocks; block; block = block->next)
    if (block->times)
      fprintf(file, "%s %lx %lu %u %u %u\n", block->file, block->address, block->times, block->instructions, block->fmas,
              block->memory);
  fclose(file);
}

API int qemu_plugin_install(plugin_id id, const void* info, int argc, char** argv) {
  (void)info;
  if (argc != 1 || strncmp(argv[0], "out=", 4)) return 1;
  out = argv[0] + 4;
  qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
  qemu_plugin_register_atexit_cb(id, written, NULL);
  return 0;
}
