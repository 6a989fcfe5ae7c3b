#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "packed.h"

typedef struct {
  double f;   /* a float's value, else 0 */
  int64_t i;  /* an integer's value, else 0 */
  int64_t at; /* where in its row it was */
} Key;

/* the value of an IEEE half */
static double half_value(uint16_t bits) {
  int exponent = bits >> 10 & 31, fraction = bits & 1023;
  double sign = bits >> 15 ? -1 : 1;
  if (exponent == 31) return fraction ? (double)NAN : sign * (double)INFINITY;
  double value = fraction / 1024.0 + (exponent ? 1 : 0);
  for (int power = exponent ? exponent - 15 : -14; power; power += power > 0 ? -1 : 1) value *= power > 0 ? 2 : 0.5;
  return sign * value;
}

static int read_float(const char* from, int bits, double* value) {
  if (bits == 64) {
    memcpy(value, from, 8);
  } else if (bits == 32) {
    float single;
    memcpy(&single, from, 4);
    *value = (double)single;
  } else if (bits == 16) {
    uint16_t half;
    memcpy(&half, from, 2);
    *value = half_value(half);
  } else {
    return -1;
  }
  return 0;
}

/* little-endian; a uint64 above INT64_MAX is refused at load by nothing and sorts as negative, as in TVM's int64 */
static int read_int(const char* from, int bits, int is_signed, int64_t* value) {
  if (bits != 8 && bits != 16 && bits != 32 && bits != 64) return -1;
  uint64_t raw = 0;
  memcpy(&raw, from, (size_t)bits / 8);
  if (is_signed && bits < 64 && raw >> (bits - 1)) raw |= ~UINT64_C(0) << bits;
  memcpy(value, &raw, sizeof raw);
  return 0;
}

static int read_key(const Tensor* tensor, int64_t at, Key* key) {
  const char* from = (const char*)tensor->data + at * (tensor->bits / 8);
  key->f = 0;
  key->i = 0;
  if (tensor->code == TYPE_FLOAT) return read_float(from, tensor->bits, &key->f);
  if (tensor->code == TYPE_BFLOAT) return -1;
  return read_int(from, tensor->bits, tensor->code == TYPE_INT, &key->i);
}

static int write_index(const Tensor* tensor, int64_t at, int64_t value) {
  char* to = (char*)tensor->data + at * (tensor->bits / 8);
  float single = (float)value;
  double wide = (double)value;
  if (tensor->code == TYPE_INT && (tensor->bits == 32 || tensor->bits == 64))
    memcpy(to, &value, tensor->bits / 8); /* little-endian: the low half first */
  else if (tensor->code == TYPE_FLOAT && tensor->bits == 32)
    memcpy(to, &single, 4);
  else if (tensor->code == TYPE_FLOAT && tensor->bits == 64)
    memcpy(to, &wide, 8);
  else
    return -1;
  return 0;
}

static int is_before(const Key* a, const Key* b, int ascend) {
  const Key *first = ascend ? a : b, *second = ascend ? b : a;
  return first->f < second->f || (first->f == second->f && first->i < second->i);
}

static void merge(const Key* from, Key* to, int64_t low, int64_t middle, int64_t high, int ascend) {
  int64_t left = low, right = middle;
  for (int64_t at = low; at < high; at++) {
    int take_left = left < middle && (right >= high || !is_before(&from[right], &from[left], ascend));
    to[at] = take_left ? from[left++] : from[right++];
  }
}

static void stable_sort(Key* keys, Key* spare, int64_t count, int ascend) {
  for (int64_t width = 1; width < count; width *= 2) {
    for (int64_t low = 0; low < count; low += 2 * width) {
      int64_t middle = low + width < count ? low + width : count;
      int64_t high = low + 2 * width < count ? low + 2 * width : count;
      merge(keys, spare, low, middle, high, ascend);
    }
    memcpy(keys, spare, (size_t)count * sizeof *keys);
  }
}

/* One row: `base` its first element in `in`, `out` in the outputs, `step` from one element to the next. */
static int sort_row(const SortJob* job, Key* keys, int64_t base, int64_t out, int64_t step, int64_t size, int64_t used) {
  int64_t bytes = job->in->bits / 8;
  for (int64_t i = 0; i < used; i++) {
    if (read_key(job->in, base + i * step, &keys[i])) return -1;
    keys[i].at = i;
  }
  stable_sort(keys, keys + size, used, job->ascend);
  for (int64_t i = 0; i < job->k; i++) {
    int64_t at = i < used ? keys[i].at : i, to = out + i * step;
    const char* source = (const char*)job->in->data + (base + at * step) * bytes;
    if (job->values) memcpy((char*)job->values->data + to * bytes, source, (size_t)bytes);
    if (job->index && write_index(job->index, to, at)) return -1;
  }
  return 0;
}

static int64_t clamp(int64_t value, int64_t high) { return value < 0 ? 0 : value > high ? high : value; }

int sort_rows(const SortJob* asked) {
  SortJob job = *asked;
  const Tensor* in = job.in;
  if (job.axis < 0) job.axis += in->ndim;
  NEED(job.axis >= 0 && job.axis < in->ndim, "sort: there is no axis %lld", (long long)job.axis);
  int64_t size = in->shape[job.axis], outer = 1, inner = 1;
  for (int i = 0; i < job.axis; i++) outer *= in->shape[i];
  for (int i = (int)job.axis + 1; i < in->ndim; i++) inner *= in->shape[i];
  if (job.k < 1 || job.k > size) job.k = size;
  Key* keys = malloc((size_t)(size ? size : 1) * 2 * sizeof *keys);
  NEED(keys, "out of memory");
  int failed = 0;
  for (int64_t row = 0; row < outer * inner && !failed; row++) {
    int64_t base = row / inner * size * inner + row % inner, out = row / inner * job.k * inner + row % inner;
    int64_t used = job.limit ? clamp(job.limit[row], size) : size;
    failed = sort_row(&job, keys, base, out, inner, size, used);
  }
  free(keys);
  NEED(!failed, "sort: this data type is not supported");
  return 0;
}
