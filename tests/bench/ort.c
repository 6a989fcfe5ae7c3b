/* ort LIBRARY MODEL REPEAT PREFIX INPUT=DxDx...:TYPE ... OUTPUT ...: ONNX Runtime on one thread, by its C API.
 * Reads PREFIX.in0, PREFIX.in1, ... (raw arrays; TYPE is ONNX's number), runs REPEAT times, writes float32 outputs to
 * PREFIX.out0, ...
 * The API is a table of functions whose places never change: what is needed of it is declared here.
 * Source: ONNX Runtime's documentation of its C API, struct OrtApi. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ARRAYS = 16, MAX_RANK = 8, MAX_PATH_BYTES = 4096, API_VERSION = 1, CPU_ARENA = 1, CPU_DEFAULT = 0, WARNING = 2 };
enum { FLOAT = 1 };

typedef void* Status;
typedef struct {
  void** (*api)(uint32_t version);
  const char* (*version)(void);
} Base;

/* Places in struct OrtApi, and what the functions there take. */
#define FUNCTION(name, place, ...)             \
  typedef Status (*name##Function)(__VA_ARGS__); \
  enum { name = place };
FUNCTION(CreateEnv, 3, int severity, const char* id, void** environment)
FUNCTION(CreateSession, 7, void* environment, const char* path, void* options, void** session)
FUNCTION(Run, 9, void* session, void* options, const char** names, void** inputs, size_t count, const char** output_names,
         size_t output_count, void** outputs)
FUNCTION(CreateSessionOptions, 10, void** options)
FUNCTION(SetIntraOpNumThreads, 24, void* options, int count)
FUNCTION(SetInterOpNumThreads, 25, void* options, int count)
FUNCTION(CreateTensorWithDataAsOrtValue, 49, void* memory, void* data, size_t bytes, const int64_t* shape, size_t rank,
         int type, void** value)
FUNCTION(GetTensorMutableData, 51, void* value, void** data)
FUNCTION(GetTensorElementType, 60, void* facts, int* type)
FUNCTION(GetTensorShapeElementCount, 64, void* facts, size_t* count)
FUNCTION(GetTensorTypeAndShape, 65, void* value, void** facts)
FUNCTION(CreateCpuMemoryInfo, 69, int allocator, int type, void** memory)
enum { GetErrorMessage = 2 };

static void** api;
#define CALL(name, ...)                                                                            \
  do {                                                                                             \
    Status status = ((name##Function)api[name])(__VA_ARGS__);                                      \
    if (status) {                                                                                  \
      fprintf(stderr, "%s: %s\n", #name, ((const char* (*)(Status))api[GetErrorMessage])(status)); \
      exit(1);                                                                                     \
    }                                                                                              \
  } while (0)

static void* input(const char* path, const char* shape, void* memory) {
  int64_t dims[MAX_RANK];
  size_t rank = 0;
  char* end = (char*)shape;
  do dims[rank++] = strtoll(end, &end, 10);
  while (*end++ == 'x' && rank < MAX_RANK);
  int type = atoi(end);
  FILE* file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END)) {
    fprintf(stderr, "cannot read %s\n", path);
    exit(1);
  }
  size_t bytes = (size_t)ftell(file);
  char* data = malloc(bytes);
  rewind(file);
  if (!data || fread(data, 1, bytes, file) != bytes) exit(1);
  fclose(file);
  void* value = NULL;
  CALL(CreateTensorWithDataAsOrtValue, memory, (void*)data, bytes, dims, rank, type, &value);
  return value;
}

static void output(const char* path, void* value) {
  void *facts, *data;
  int type = 0;
  size_t count = 0;
  CALL(GetTensorTypeAndShape, value, &facts);
  CALL(GetTensorElementType, facts, &type);
  CALL(GetTensorShapeElementCount, facts, &count);
  CALL(GetTensorMutableData, value, &data);
  FILE* file = fopen(path, "wb");
  if (type != FLOAT || !file || fwrite(data, sizeof(float), count, file) != count || fclose(file)) {
    fprintf(stderr, "cannot write %s: element type %d\n", path, type);
    exit(1);
  }
}

int main(int argc, char** argv) {
  if (argc < 6) return 2;
  void* library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  const Base* base = ((const Base* (*)(void))dlsym(library, "OrtGetApiBase"))();
  api = base->api(API_VERSION);
  void *environment, *options, *session, *memory, *inputs[MAX_ARRAYS], *outputs[MAX_ARRAYS] = {NULL};
  const char *input_names[MAX_ARRAYS], *output_names[MAX_ARRAYS];
  size_t input_count = 0, output_count = 0;
  CALL(CreateEnv, WARNING, "count", &environment);
  CALL(CreateSessionOptions, &options);
  CALL(SetIntraOpNumThreads, options, 1);
  CALL(SetInterOpNumThreads, options, 1);
  CALL(CreateSession, environment, argv[2], options, &session);
  CALL(CreateCpuMemoryInfo, CPU_ARENA, CPU_DEFAULT, &memory);
  char path[MAX_PATH_BYTES];
  for (int i = 5; i < argc && input_count < MAX_ARRAYS && output_count < MAX_ARRAYS; i++) {
    char* shape = strrchr(argv[i], '=');
    if (!shape) {
      output_names[output_count++] = argv[i];
      continue;
    }
    *shape++ = 0;
    snprintf(path, sizeof path, "%s.in%zu", argv[4], input_count);
    inputs[input_count] = input(path, shape, memory);
    input_names[input_count++] = argv[i];
  }
  for (int i = 0; i < atoi(argv[3]); i++)
    CALL(Run, session, NULL, input_names, inputs, input_count, output_names, output_count, outputs);
  for (size_t i = 0; i < output_count; i++) {
    snprintf(path, sizeof path, "%s.out%zu", argv[4], i);
    output(path, outputs[i]);
  }
  printf("%s\n", base->version());
  fflush(stdout);
  _Exit(0); /* what is left to do at the end is not measured */
}
