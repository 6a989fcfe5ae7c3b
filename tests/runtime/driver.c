/* driver FOLDER LIBRARY REPEAT PREFIX: what the dlr client does, in C, for machines that are emulated.
 * Reads PREFIX.in0, PREFIX.in1, ... (raw arrays), runs REPEAT times, writes PREFIX.out0, ...
 * Prints "load MILLISECONDS run LEAST_MILLISECONDS". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dlr.h"

#ifdef _WIN32
#include <windows.h>
static void* open_library(const char* path) { return (void*)LoadLibraryA(path); }
static void* find_symbol(void* library, const char* name) { return (void*)GetProcAddress((HMODULE)library, name); }
#else
#include <dlfcn.h>
static void* open_library(const char* path) {
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) fprintf(stderr, "%s\n", dlerror());
  return library;
}
static void* find_symbol(void* library, const char* name) { return dlsym(library, name); }
#endif

static const char mark[] = MARK; /* the hash of this file: a kept build of another one is not used */
enum { MAX_RANK = 32, MAX_PATH_BYTES = 4096 };
static void* library;
#define F(name) ((__typeof__(&name))find_symbol(library, #name))
#define OK(call)                                                    \
  do {                                                              \
    if (call) {                                                     \
      fprintf(stderr, "%s: %s\n", #call, F(DLRGetLastError)());     \
      return 1;                                                     \
    }                                                               \
  } while (0)

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static size_t element_bytes(const char* type) {
  int bits = atoi(type + strcspn(type, "0123456789"));
  return bits ? (size_t)bits / 8 : 1; /* bool */
}

static int set_inputs(DLRModelHandle* model, const char* prefix) {
  int count;
  OK(F(GetDLRNumInputs)(model, &count));
  for (int i = 0; i < count; i++) {
    const char *name, *type;
    int64_t shape[MAX_RANK], size;
    int dim;
    OK(F(GetDLRInputName)(model, i, &name));
    OK(F(GetDLRInputType)(model, i, &type));
    OK(F(GetDLRInputSizeDim)(model, i, &size, &dim));
    OK(F(GetDLRInputShape)(model, i, shape));
    char path[MAX_PATH_BYTES];
    snprintf(path, sizeof path, "%s.in%d", prefix, i);
    FILE* file = fopen(path, "rb");
    char* data = malloc((size_t)size * element_bytes(type));
    if (!file || !data || fread(data, element_bytes(type), (size_t)size, file) != (size_t)size) {
      fprintf(stderr, "cannot read %s\n", path);
      return 1;
    }
    fclose(file);
    OK(F(SetDLRInput)(model, name, shape, data, dim));
    free(data);
  }
  return 0;
}

static int write_outputs(DLRModelHandle* model, const char* prefix) {
  int count;
  OK(F(GetDLRNumOutputs)(model, &count));
  for (int i = 0; i < count; i++) {
    const char* type;
    const void* data;
    int64_t size;
    int dim;
    OK(F(GetDLROutputType)(model, i, &type));
    OK(F(GetDLROutputSizeDim)(model, i, &size, &dim));
    OK(F(GetDLROutputPtr)(model, i, &data));
    char path[MAX_PATH_BYTES];
    snprintf(path, sizeof path, "%s.out%d", prefix, i);
    FILE* file = fopen(path, "wb");
    if (!file || fwrite(data, element_bytes(type), (size_t)size, file) != (size_t)size || fclose(file)) return 1;
  }
  return 0;
}

int main(int argc, char** argv) {
  if (argc != 5) {
    fprintf(stderr, "driver %s: FOLDER LIBRARY REPEAT PREFIX\n", mark);
    return 2;
  }
  char path[MAX_PATH_BYTES];
  snprintf(path, sizeof path, "%s/%s", argv[1], argv[2]);
  library = open_library(path);
  if (!library) {
    fprintf(stderr, "cannot load %s\n", path);
    return 1;
  }
  DLRModelHandle model;
  double begun = now();
  OK(F(CreateDLRModel)(&model, argv[1], 1, 0));
  double load = now() - begun, least = 1e300;
  if (set_inputs(&model, argv[4])) return 1;
  for (int i = 0; i < atoi(argv[3]); i++) {
    begun = now();
    OK(F(RunDLRModel)(&model));
    double run = now() - begun;
    least = run < least ? run : least;
  }
  if (write_outputs(&model, argv[4])) return 1;
  OK(F(DeleteDLRModel)(&model));
  printf("load %.3f run %.3f\n", load, least);
  return 0;
}
