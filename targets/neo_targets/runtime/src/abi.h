/* The C ABI of the kernels that TVM 0.27 generates. Source: TVM's tvm/ffi/c_api.h and DLPack's dlpack.h. */
#ifndef NEO_ABI_H_
#define NEO_ABI_H_
#include <stdint.h>

/* DLTensor; strides NULL: compact, row by row */
typedef struct {
  void* data;
  int32_t device_type, device_id, ndim;
  uint8_t code, bits;
  uint16_t lanes;
  int64_t *shape, *strides;
  uint64_t byte_offset;
} Tensor;

/* TVMFFIAny: one argument or result */
typedef struct {
  int32_t type_index;
  uint32_t padding;
  union {
    int64_t i;
    double f;
    void* p;
  } v;
} Any;

typedef int (*Kernel)(void* self, const Any* args, int32_t count, Any* result);

enum { ANY_NONE = 0, ANY_INT = 1, ANY_FLOAT = 3, ANY_TENSOR = 7, ANY_RAW_STRING = 8, ANY_SMALL_STRING = 11 };
enum { DEVICE_CPU = 1 };
enum { TYPE_INT = 0, TYPE_UINT = 1, TYPE_FLOAT = 2, TYPE_BFLOAT = 4, TYPE_BOOL = 6 };
enum { ALIGNMENT = 64 }; /* bytes; kernels load vectors from the start of a tensor */
#endif
