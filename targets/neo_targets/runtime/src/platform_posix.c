#ifndef _WIN32
#define _GNU_SOURCE /* sched_getaffinity */
#define _FILE_OFFSET_BITS 64
#include <dlfcn.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "file.h"

FILE* file_open(const char* path) { return fopen(path, "rb"); }

int64_t file_size(FILE* stream) {
  struct stat found;
  return fstat(fileno(stream), &found) || !S_ISREG(found.st_mode) ? -1 : (int64_t)found.st_size;
}

int file_map(File* file, const char* path) {
  memset(file, 0, sizeof *file);
  FILE* stream = file_open(path);
  NEED(stream, "cannot open %s", path);
  int64_t size = file_size(stream);
  void* memory = MAP_FAILED;
  if (size > 0 && (uint64_t)size < SIZE_MAX / 2)
    memory = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fileno(stream), 0);
  fclose(stream);
  if (memory == MAP_FAILED) return file_read(file, path);
  *file = (File){memory, (size_t)size, 1};
  return 0;
}

void file_close(File* file) {
  if (file->mapped)
    (void)munmap(file->data, file->size);
  else
    aligned_delete(file->data);
  memset(file, 0, sizeof *file);
}

void* library_open(const char* path) {
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char* why = dlerror();
    error_set("cannot load %s: %s", path, why ? why : "no reason given");
  }
  return library;
}

void* library_symbol(void* library, const char* name) { return dlsym(library, name); }

void library_close(void* library) { (void)dlclose(library); }

int cpu_count(void) {
#ifdef __linux__
  cpu_set_t usable;
  if (!sched_getaffinity(0, sizeof usable, &usable)) return CPU_COUNT(&usable);
#endif
  return (int)sysconf(_SC_NPROCESSORS_ONLN);
}
#else
typedef int not_empty; /* C forbids a file without declarations */
#endif
