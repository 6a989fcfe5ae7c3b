/* Calls kernels of a compiled library through TVM's C calling convention, with no TVM in the process.
 *
 *   harness <library> <plan>
 *
 * The plan is text: "kernel <symbol> <arguments>", then one line for each argument:
 * "tensor <type code> <bits> <file> <dimensions> <size>...". The file holds the tensor before the call; what it is
 * afterwards goes to <file>.out. Exits 0 when every kernel returned 0.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_ARGUMENTS = 64, MAX_DIMENSIONS = 8, TENSOR_POINTER = 7, CPU = 1 };

typedef struct {
  int32_t type_index;
  uint32_t padding;
  union { int64_t integer; void *pointer; } value;
} Any;

typedef struct {
  void *data;
  int32_t device_type, device_id, dimensions;
  uint8_t code, bits;
  uint16_t lanes;
  int64_t *shape, *strides;
  uint64_t byte_offset;
} Tensor;

typedef int (*Kernel)(void *self, const Any *arguments, int32_t count, Any *result);

static void *allocate(int device_type, int device_id, uint64_t bytes, int code, int bits) {
  void *memory = NULL;
  return posix_memalign(&memory, 64, bytes ? (size_t)bytes : 64) ? NULL : memory;
}

static int release(int device_type, int device_id, void *memory) {
  free(memory);
  return 0;
}

static void fail(const char *what, const char *name) {
  fprintf(stderr, "%s: %s\n", what, name);
  exit(2);
}

static void fill_slot(void *library, const char *name, void *function) {
  void **slot = dlsym(library, name);
  if (slot) *slot = function;
}

static size_t read_tensor(FILE *plan, Tensor *tensor, int64_t *shape, char *path) {
  int code, bits;
  if (fscanf(plan, " tensor %d %d %1023s %d", &code, &bits, path, &tensor->dimensions) != 4) fail("bad plan", path);
  if (tensor->dimensions > MAX_DIMENSIONS) fail("too many dimensions", path);
  size_t bytes = bits < 8 ? 1 : (size_t)bits / 8;
  for (int i = 0; i < tensor->dimensions; i++) {
    long long size;
    if (fscanf(plan, "%lld", &size) != 1) fail("bad shape", path);
    shape[i] = size;
    bytes *= (size_t)size;
  }
  tensor->data = allocate(CPU, 0, bytes, 0, 0);
  tensor->device_type = CPU;
  tensor->code = (uint8_t)code;
  tensor->bits = (uint8_t)bits;
  tensor->lanes = 1;
  tensor->shape = shape;
  FILE *file = fopen(path, "rb");
  if (!file || fread(tensor->data, 1, bytes, file) != bytes) fail("cannot read", path);
  fclose(file);
  return bytes;
}

static void write_tensor(const Tensor *tensor, const char *path, size_t bytes) {
  char name[1100];
  snprintf(name, sizeof name, "%s.out", path);
  FILE *file = fopen(name, "wb");
  if (!file || fwrite(tensor->data, 1, bytes, file) != bytes) fail("cannot write", name);
  fclose(file);
}

static int call(void *library, FILE *plan, const char *symbol, int count) {
  static Any arguments[MAX_ARGUMENTS];
  static char paths[MAX_ARGUMENTS][1024];
  static int64_t shapes[MAX_ARGUMENTS][MAX_DIMENSIONS];
  static size_t bytes[MAX_ARGUMENTS];
  Tensor tensors[MAX_ARGUMENTS] = {0};
  Any result = {0};
  if (count > MAX_ARGUMENTS) fail("too many arguments", symbol);
  for (int i = 0; i < count; i++) {
    bytes[i] = read_tensor(plan, &tensors[i], shapes[i], paths[i]);
    arguments[i] = (Any){TENSOR_POINTER, 0, {0}};
    arguments[i].value.pointer = &tensors[i];
  }
  Kernel kernel = (Kernel)dlsym(library, symbol);
  if (!kernel) fail("no such kernel", symbol);
  int status = kernel(NULL, arguments, count, &result);
  for (int i = 0; i < count; i++) {
    write_tensor(&tensors[i], paths[i], bytes[i]);
    release(CPU, 0, tensors[i].data);
  }
  return status;
}

int main(int count, char **words) {
  if (count != 3) fail("usage", "harness <library> <plan>");
  void *library = dlopen(words[1], RTLD_NOW | RTLD_LOCAL);
  if (!library) fail("dlopen", dlerror());
  fill_slot(library, "__TVMBackendAllocWorkspace", allocate);
  fill_slot(library, "__TVMBackendFreeWorkspace", release);
  FILE *plan = fopen(words[2], "r");
  if (!plan) fail("cannot read", words[2]);
  char symbol[512];
  int arguments, failed = 0;
  while (fscanf(plan, " kernel %511s %d", symbol, &arguments) == 2) {
    if (call(library, plan, symbol, arguments)) {
      fprintf(stderr, "%s failed\n", symbol);
      failed = 1;
    }
  }
  return failed;
}
