#include "packed.h"

#include <stddef.h>
#include <string.h>

#include "error.h"

enum { MAX_TENSORS = 3 };

static int call_sort(const Tensor** tensor, int tensors, const Any* rest, int count) {
  NEED(tensors == 2 && count == 2, "sort: unexpected arguments");
  return sort_rows(&(SortJob){tensor[0], tensor[1], NULL, NULL, 0, rest[0].v.i, rest[1].v.i != 0});
}

static int call_argsort(const Tensor** tensor, int tensors, const Any* rest, int count) {
  NEED(tensors == 2 && count == 2, "argsort: unexpected arguments");
  return sort_rows(&(SortJob){tensor[0], NULL, tensor[1], NULL, 0, rest[0].v.i, rest[1].v.i != 0});
}

static int call_argsort_nms(const Tensor** tensor, int tensors, const Any* rest, int count) {
  NEED(tensors == 3 && count == 2, "argsort_nms: unexpected arguments");
  NEED(tensor[1]->code == TYPE_INT && tensor[1]->bits == 32, "argsort_nms: counts must be int32");
  return sort_rows(
      &(SortJob){tensor[0], NULL, tensor[2], tensor[1]->data, 0, rest[0].v.i, rest[1].v.i != 0});
}

/* the third of `rest` says which outputs there are: "both", "values" or "indices" */
static int call_topk(const Tensor** tensor, int tensors, const Any* rest, int count) {
  NEED((tensors == 2 || tensors == 3) && count == 4, "topk: unexpected arguments");
  const Any* what = &rest[2];
  const char* text = what->type_index == ANY_SMALL_STRING ? (const char*)&what->v
                     : what->type_index == ANY_RAW_STRING ? (const char*)what->v.p
                                                          : "";
  int both = tensors == 3, values = both || text[0] == 'v';
  SortJob job = {tensor[0], values ? tensor[1] : NULL, NULL, NULL, rest[0].v.i, rest[1].v.i, rest[3].v.i != 0};
  job.index = both ? tensor[2] : values ? NULL : tensor[1];
  return sort_rows(&job);
}

static const struct {
  const char* name;
  int (*call)(const Tensor** tensor, int tensors, const Any* rest, int count);
} functions[] = {
    {"tvm.contrib.sort.sort", call_sort},
    {"tvm.contrib.sort.argsort", call_argsort},
    {"tvm.contrib.sort.argsort_nms", call_argsort_nms},
    {"tvm.contrib.sort.topk", call_topk},
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };
static char handle[FUNCTIONS]; /* the address of handle[i] stands for functions[i] */

int packed_lookup(void* context, const char* name, void** function) {
  (void)context;
  for (int i = 0; i < FUNCTIONS; i++) {
    if (strcmp(name, functions[i].name)) continue;
    *function = &handle[i];
    return 0;
  }
  FAIL("a kernel needs TVM's function %s, which libdlr does not have", name);
}

int packed_call(void* function, const Any* args, int32_t count, Any* result) {
  const Tensor* tensor[MAX_TENSORS] = {0};
  int tensors = 0;
  while (tensors < count && args[tensors].type_index == ANY_TENSOR) {
    NEED(tensors < MAX_TENSORS, "a sort function was called with too many tensors");
    tensor[tensors] = args[tensors].v.p;
    tensors++;
  }
  *result = (Any){.type_index = ANY_NONE};
  return functions[(char*)function - handle].call(tensor, tensors, args + tensors, count - tensors);
}
