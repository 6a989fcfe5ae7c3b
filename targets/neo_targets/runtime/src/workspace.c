#include <stdatomic.h>
#include <stdlib.h>

#include "platform.h"
#include "pool.h"
#include "threads.h"

typedef struct {
  void* memory;
  size_t bytes;
  int used;
} Block;

/* kernels ask for scratch memory on every run: fresh pages each time would cost more than many a kernel */
static struct {
  atomic_flag busy;
  Block* block;
  int count, room;
} space = {ATOMIC_FLAG_INIT, NULL, 0, 0};

static void lock(void) {
  while (atomic_flag_test_and_set(&space.busy)) cpu_relax();
}

static void unlock(void) { atomic_flag_clear(&space.busy); }

/* the smallest free block that is large enough */
static Block* find_free(size_t bytes) {
  Block* best = NULL;
  for (Block* block = space.block; block < space.block + space.count; block++)
    if (!block->used && block->bytes >= bytes && (!best || block->bytes < best->bytes)) best = block;
  return best;
}

static Block* add_block(size_t bytes) {
  if (space.count == space.room) {
    int room = space.room + 32;
    Block* grown = realloc(space.block, (size_t)room * sizeof *grown);
    if (!grown) return NULL;
    space.block = grown;
    space.room = room;
  }
  void* memory = aligned_new(bytes);
  if (!memory) return NULL;
  space.block[space.count] = (Block){memory, bytes, 0};
  return &space.block[space.count++];
}

void* workspace_new(int device_type, int device_id, uint64_t bytes, int type_code, int type_bits) {
  (void)device_type, (void)device_id, (void)type_code, (void)type_bits;
  if (bytes > SIZE_MAX / 2) return NULL;
  lock();
  Block* block = find_free((size_t)bytes);
  if (!block) block = add_block((size_t)bytes);
  if (block) block->used = 1;
  void* memory = block ? block->memory : NULL; /* another thread may move the table after unlock */
  unlock();
  return memory;
}

int workspace_delete(int device_type, int device_id, void* memory) {
  (void)device_type, (void)device_id;
  lock();
  for (int i = 0; i < space.count; i++)
    if (space.block[i].memory == memory) space.block[i].used = 0;
  unlock();
  return 0;
}

void workspace_clear(void) {
  lock();
  for (int i = 0; i < space.count; i++) aligned_delete(space.block[i].memory);
  free(space.block);
  space.block = NULL;
  space.count = space.room = 0;
  unlock();
}
