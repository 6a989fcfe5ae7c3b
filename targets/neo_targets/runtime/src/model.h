/* A loaded model. */
#ifndef NEO_MODEL_H_
#define NEO_MODEL_H_
#include <stdbool.h>

#include "abi.h"
#include "json.h"
#include "platform.h"

typedef struct {
  const char* name;
  int tensor;
} NamedTensor;

typedef struct {
  NamedTensor* item;
  int count;
} NamedTensors;

typedef struct {
  const char* name;
  Kernel function;
  Any* args;
  int count;
} Call;

typedef struct {
  File text, params; /* compiled_model.json, which `plan` points into; compiled.params */
  Json* plan;
  void* kernels; /* compiled.so */
  char* arena;
  int64_t arena_bytes;
  Tensor* tensor;
  const char** dtype; /* of each tensor, numpy's name */
  int tensors;
  NamedTensors inputs, outputs, weights;
  Call* call;
  int calls;
  bool has_metadata;
} Model;

/* The model in `folder` for DEVICE_CPU. NULL with an error when there is none that this library can run. */
Model* model_open(const char* folder, int device_type);
void model_close(Model* model);
/* every call of the plan in order; 0, or -1 with an error */
int model_run(const Model* model);

int64_t tensor_elements(const Tensor* tensor);
size_t tensor_bytes(const Tensor* tensor);

/* plan.c: fills in all that comes from compiled_model.json, checking every number. 0, or -1 with an error. */
int plan_load(Model* model);
#endif
