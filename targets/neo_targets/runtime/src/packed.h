/* The packed functions that CPU kernels may call: tvm.contrib.sort.{sort,argsort,topk,argsort_nms}. */
#ifndef NEO_PACKED_H_
#define NEO_PACKED_H_
#include "abi.h"

/* TVMFFIEnvModLookupFromImports: 0 and the function, or -1 with an error */
int packed_lookup(void* context, const char* name, void** function);
/* TVMFFIFunctionCall */
int packed_call(void* function, const Any* args, int32_t count, Any* result);

/* sort.c: sorts `in` along `axis`, stable, and writes the first k of each row (all of them when k is below 1).
 * `values` and `index` may be NULL; `limit` too, else so many of each row take part. 0, or -1 with an error. */
typedef struct {
  const Tensor *in, *values, *index;
  const int32_t* limit;
  int64_t k, axis;
  int ascend;
} SortJob;
int sort_rows(const SortJob* job);
#endif
