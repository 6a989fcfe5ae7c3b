/* Calls the parts of libdlr that no model of the test set calls: the pool, its barrier, scratch memory, the sorts.
 * selftest          runs every check, prints "ok"
 * selftest FOLDER   loads every FOLDER/<number>/ until there is none, as a model; prints how many were taken */
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dlr.h"
#include "error.h"
#include "json.h"
#include "packed.h"
#include "pool.h"

#define CHECK(condition)                                                   \
  do {                                                                     \
    if (!(condition)) {                                                    \
      fprintf(stderr, "line %d: %s (%s)\n", __LINE__, #condition, error_text()); \
      exit(1);                                                             \
    }                                                                      \
  } while (0)

enum { STEPS = 50, MAX_TASKS = 256 };
static atomic_int arrived[STEPS], ran, early;

static int nested(int task, ParallelEnv* env, void* data) {
  (void)data;
  atomic_fetch_add(&ran, task == 0 && env->num_task == 1);
  return 0;
}

static int with_barriers(int task, ParallelEnv* env, void* data) {
  for (int step = 0; step < STEPS; step++) {
    atomic_fetch_add(&arrived[step], 1);
    if (parallel_barrier(task, env)) return -1;
    if (atomic_load(&arrived[step]) != env->num_task) atomic_fetch_add(&early, 1);
  }
  void* scratch = workspace_new(1, 0, 1000, 2, 32);
  memset(scratch, task, 1000);
  if (scratch && workspace_delete(1, 0, scratch)) return -1;
  return parallel_launch(nested, data, 0);
}

static int failing(int task, ParallelEnv* env, void* data) {
  (void)data;
  return task == env->num_task - 1 ? -1 : 0;
}

static void check_pool(int threads) {
  pool_retain();
  pool_set_threads(threads);
  for (int round = 0; round < 60; round++) {
    memset(arrived, 0, sizeof arrived);
    atomic_store(&ran, 0);
    CHECK(!parallel_launch(with_barriers, NULL, 0));
    CHECK(atomic_load(&early) == 0 && atomic_load(&ran) == threads);
  }
  CHECK(parallel_launch(failing, NULL, 0) == -1);
  pool_release();
}

static Tensor tensor(void* data, uint8_t code, uint8_t bits, int32_t rank, int64_t* shape) {
  return (Tensor){data, DEVICE_CPU, 0, rank, code, bits, 1, shape, NULL, 0};
}

static Any of(const Tensor* value) { return (Any){.type_index = ANY_TENSOR, .v.p = (void*)(uintptr_t)value}; }
static Any number(int64_t value) { return (Any){.type_index = ANY_INT, .v.i = value}; }

static int call(const char* name, const Any* args, int count) {
  void* function;
  Any result;
  CHECK(!packed_lookup(NULL, name, &function));
  return packed_call(function, args, count, &result);
}

static void check_sorts(void) {
  float in[2][4] = {{3, 1, 2, 1}, {-1, INFINITY, 0, -2}}, out[2][4];
  int64_t shape[] = {2, 4}, top_shape[] = {2, 2}, index[2][4];
  int32_t counts[] = {3, 9}, order[2][4];
  int64_t two[] = {2};
  Tensor x = tensor(in, TYPE_FLOAT, 32, 2, shape), y = tensor(out, TYPE_FLOAT, 32, 2, shape);
  Tensor i64 = tensor(index, TYPE_INT, 64, 2, shape), i32 = tensor(order, TYPE_INT, 32, 2, shape);
  Tensor valid = tensor(counts, TYPE_INT, 32, 1, two), top = tensor(out, TYPE_FLOAT, 32, 2, top_shape);
  CHECK(!call("tvm.contrib.sort.sort", (Any[]){of(&x), of(&y), number(1), number(1)}, 4));
  CHECK(out[0][0] == 1 && out[0][3] == 3 && out[1][0] == -2 && isinf(out[1][3]));
  CHECK(!call("tvm.contrib.sort.argsort", (Any[]){of(&x), of(&i64), number(-1), number(0)}, 4));
  CHECK(index[0][0] == 0 && index[0][2] == 1 && index[0][3] == 3); /* ties keep their order */
  CHECK(!call("tvm.contrib.sort.argsort", (Any[]){of(&x), of(&i64), number(0), number(1)}, 4));
  CHECK(index[0][0] == 1 && index[1][0] == 0 && index[0][1] == 0);
  /* only the first three of row 0 take part, the fourth keeps its place; all of row 1 */
  CHECK(!call("tvm.contrib.sort.argsort_nms", (Any[]){of(&x), of(&valid), of(&i32), number(1), number(0)}, 5));
  CHECK(order[0][0] == 0 && order[0][1] == 2 && order[0][2] == 1 && order[0][3] == 3 && order[1][0] == 1);
  Any both = {.type_index = ANY_RAW_STRING, .v.p = (void*)(uintptr_t) "both"};
  Tensor top_index = tensor(index, TYPE_INT, 64, 2, top_shape);
  CHECK(!call("tvm.contrib.sort.topk", (Any[]){of(&x), of(&top), of(&top_index), number(2), number(1), both, number(0)}, 7));
  CHECK(out[0][0] == 3 && out[0][1] == 2 && index[0][1] == 2);
  uint16_t halves[] = {0x3c00, 0xc000, 0x0001, 0x7c00}, sorted[4]; /* 1, -2, the least above 0, infinity */
  int64_t four[] = {4};
  Tensor h = tensor(halves, TYPE_FLOAT, 16, 1, four), hs = tensor(sorted, TYPE_FLOAT, 16, 1, four);
  CHECK(!call("tvm.contrib.sort.sort", (Any[]){of(&h), of(&hs), number(0), number(1)}, 4));
  CHECK(sorted[0] == 0xc000 && sorted[1] == 0x0001 && sorted[2] == 0x3c00 && sorted[3] == 0x7c00);
  int8_t bytes[] = {5, -3, 0, 127}, ordered[4];
  Tensor b = tensor(bytes, TYPE_INT, 8, 1, four), bs = tensor(ordered, TYPE_INT, 8, 1, four);
  CHECK(!call("tvm.contrib.sort.sort", (Any[]){of(&b), of(&bs), number(0), number(0)}, 4));
  CHECK(ordered[0] == 127 && ordered[3] == -3);
  CHECK(call("tvm.contrib.sort.sort", (Any[]){of(&x), of(&y), number(7), number(1)}, 4) == -1);
  CHECK(call("tvm.contrib.sort.sort", (Any[]){of(&x), number(7)}, 2) == -1);
  void* none;
  CHECK(packed_lookup(NULL, "tvm.contrib.random.uniform", &none) == -1 && strstr(error_text(), "random.uniform"));
}

static Json* parse(const char* text, char* copy) {
  strcpy(copy, text);
  return json_parse(copy, strlen(copy));
}

static void check_json(void) {
  char copy[100];
  Json* tree = parse(" {\"a\\u00e9\\ud83d\\ude00\\n\": [1, -2, []], \"b\":{}} ", copy);
  CHECK(tree && tree->count == 2);
  const Json* list = json_get(tree, "a\xc3\xa9\xf0\x9f\x98\x80\n", JSON_ARRAY);
  CHECK(list && list->count == 3 && list->item[1]->integer == -2);
  CHECK(!json_get(tree, "b", JSON_ARRAY) && json_get(tree, "b", JSON_OBJECT) && !json_get(list, "b", JSON_OBJECT));
  json_free(tree);
  static const char* const wrong[] = {"", "[", "[1,]", "1.5", "1e3", "{\"a\"}", "{1:2}", "[1 2]", "\"\\ud800\"", "\"\\u00\"",
                                      "\"\\x\"", "true", "[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]", "1 2", "\"open", "\"\\"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) CHECK(!parse(wrong[i], copy));
}

/* nothing but the answer of CreateDLRModel is wanted: a plan that fits its memory need not fit its kernels */
static int load_all(const char* folder) {
  int taken = 0;
  for (int i = 0;; i++) {
    char path[4000], plan[4100];
    snprintf(path, sizeof path, "%s/%d", folder, i);
    snprintf(plan, sizeof plan, "%s/compiled_model.json", path);
    FILE* file = fopen(plan, "rb");
    if (!file) break;
    fclose(file);
    DLRModelHandle model;
    if (CreateDLRModel(&model, path, 1, 0)) {
      CHECK(*DLRGetLastError());
      continue;
    }
    taken++;
    int count;
    CHECK(!GetDLRNumInputs(&model, &count));
    for (int k = 0; k < count; k++) {
      const char* name;
      int64_t shape[32], size;
      int dim;
      CHECK(!GetDLRInputName(&model, k, &name) && !GetDLRInputSizeDim(&model, k, &size, &dim) && dim <= 32);
      CHECK(!GetDLRInputShape(&model, k, shape));
      void* data = calloc((size_t)size + 1, 8);
      CHECK(data && !SetDLRInput(&model, name, shape, data, dim) && !GetDLRInput(&model, name, data));
      free(data);
    }
    CHECK(!DeleteDLRModel(&model));
  }
  printf("%d\n", taken);
  return 0;
}

int main(int argc, char** argv) {
  if (argc > 1) return load_all(argv[1]);
  check_json();
  check_sorts();
  for (int threads = 1; threads <= 5; threads++) check_pool(threads);
  puts("ok");
  return 0;
}
