#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi.h"
#include "error.h"
#include "file.h"

void* aligned_new(size_t bytes) {
  if (bytes > SIZE_MAX / 2) return NULL;
  char* block = malloc(bytes + ALIGNMENT + sizeof(void*));
  if (!block) return NULL;
  uintptr_t after = (uintptr_t)block + sizeof(void*) + ALIGNMENT - 1;
  void** start = (void**)(after - after % ALIGNMENT);
  start[-1] = block;
  return start;
}

void aligned_delete(void* memory) {
  if (memory) free(((void**)memory)[-1]);
}

int file_read(File* file, const char* path) {
  memset(file, 0, sizeof *file);
  FILE* stream = file_open(path);
  NEED(stream, "cannot open %s", path);
  int64_t size = file_size(stream);
  size_t got = 0;
  if (size >= 0 && (uint64_t)size < SIZE_MAX / 2 && (file->data = aligned_new((size_t)size + 1))) {
    file->size = (size_t)size;
    got = fread(file->data, 1, file->size, stream);
    file->data[got] = 0;
  }
  fclose(stream);
  if (file->data && got == file->size) return 0;
  file_close(file);
  FAIL("cannot read %s", path);
}

int file_exists(const char* path) {
  FILE* stream = file_open(path);
  if (stream) fclose(stream);
  return stream != NULL;
}
