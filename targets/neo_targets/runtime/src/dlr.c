#include "dlr.h"

#include <string.h>

#include "error.h"
#include "model.h"
#include "pool.h"

#ifndef NEO_SOURCES /* given by the build: neo_targets.runtime.build */
#define NEO_SOURCES "unknown"
#endif
#define NEO_VERSION "1.0.0"
#define CLIENT_VERSION "1.10.0" /* of the dlr client whose functions these are */

#define MODEL(handle)                                          \
  Model* model = (handle) ? (Model*)*(handle) : (Model*)NULL;  \
  NEED(model, "there is no model behind this handle")
#define NOT_NULL(pointer) NEED(pointer, "a pointer is null")

const char* DLRGetLastError(void) { return error_text(); }

const char* NeoEmulatorLibdlr(void) {
  return "neo-emulator libdlr " NEO_VERSION ", Apache-2.0, sources " NEO_SOURCES;
}

int GetDLRVersion(const char** version) {
  NOT_NULL(version);
  *version = CLIENT_VERSION;
  return 0;
}

int GetDLRDeviceType(const char* model_path) {
  (void)model_path;
  return DEVICE_CPU;
}

int CreateDLRModel(DLRModelHandle* handle, const char* model_path, int dev_type, int dev_id) {
  (void)dev_id;
  NOT_NULL(handle && model_path);
  *handle = model_open(model_path, dev_type);
  return *handle ? 0 : -1;
}

int DeleteDLRModel(DLRModelHandle* handle) {
  if (!handle || !*handle) return 0;
  model_close(*handle);
  *handle = NULL;
  return 0;
}

int RunDLRModel(DLRModelHandle* handle) {
  MODEL(handle);
  return model_run(model);
}

int SetDLRNumThreads(DLRModelHandle* handle, int threads) {
  MODEL(handle);
  pool_set_threads(threads);
  return 0;
}

int GetDLRHasMetadata(DLRModelHandle* handle, bool* has_metadata) {
  MODEL(handle);
  NOT_NULL(has_metadata);
  *has_metadata = model->has_metadata;
  return 0;
}

int GetDLRBackend(DLRModelHandle* handle, const char** name) {
  MODEL(handle);
  NOT_NULL(name);
  *name = "tvm"; /* to the client: shapes are known before a run */
  return 0;
}

/* the tensor behind entry `index` of `names`, NULL with an error */
static const Tensor* at(const Model* model, const NamedTensors* names, int index) {
  if (index >= 0 && index < names->count) return &model->tensor[names->item[index].tensor];
  error_set("index %d is out of range: there are %d", index, names->count);
  return NULL;
}

/* the tensor of that name, NULL when there is none */
static const Tensor* find(const Model* model, const NamedTensors* names, const char* name) {
  for (int i = 0; i < names->count; i++)
    if (!strcmp(names->item[i].name, name)) return &model->tensor[names->item[i].tensor];
  return NULL;
}

static int get_size(const Tensor* tensor, int64_t* size, int* dim) {
  if (!tensor) return -1;
  NOT_NULL(size && dim);
  *size = tensor_elements(tensor);
  *dim = tensor->ndim;
  return 0;
}

static int get_shape(const Tensor* tensor, int64_t* shape) {
  if (!tensor) return -1;
  NOT_NULL(shape);
  memcpy(shape, tensor->shape, (size_t)tensor->ndim * sizeof *shape);
  return 0;
}

static int get_data(const Tensor* tensor, void* data) {
  if (!tensor) return -1;
  NOT_NULL(data);
  memcpy(data, tensor->data, tensor_bytes(tensor));
  return 0;
}

static int get_type(const Model* model, const Tensor* tensor, const char** type) {
  if (!tensor) return -1;
  NOT_NULL(type);
  *type = model->dtype[tensor - model->tensor];
  return 0;
}

static int get_name(const Model* model, const NamedTensors* names, int index, const char** name) {
  if (!at(model, names, index)) return -1;
  NOT_NULL(name);
  *name = names->item[index].name;
  return 0;
}

static int get_count(const NamedTensors* names, int* count) {
  NOT_NULL(count);
  *count = names->count;
  return 0;
}

/* one of the client's functions: finds the model, then answers */
#define DEFINE(name, parameter, answer)                               \
  int name(DLRModelHandle* handle, parameter) {                       \
    MODEL(handle);                                                    \
    return answer;                                                    \
  }
#define DEFINE_AT(name, parameter, answer)                            \
  int name(DLRModelHandle* handle, int index, parameter) {            \
    MODEL(handle);                                                    \
    return answer;                                                    \
  }

DEFINE(GetDLRNumInputs, int* num_inputs, get_count(&model->inputs, num_inputs))
DEFINE(GetDLRNumOutputs, int* num_outputs, get_count(&model->outputs, num_outputs))
DEFINE(GetDLRNumWeights, int* num_weights, get_count(&model->weights, num_weights))
DEFINE_AT(GetDLRInputName, const char** name, get_name(model, &model->inputs, index, name))
DEFINE_AT(GetDLROutputName, const char** name, get_name(model, &model->outputs, index, name))
DEFINE_AT(GetDLRWeightName, const char** name, get_name(model, &model->weights, index, name))
DEFINE_AT(GetDLRInputType, const char** type, get_type(model, at(model, &model->inputs, index), type))
DEFINE_AT(GetDLROutputType, const char** type, get_type(model, at(model, &model->outputs, index), type))
DEFINE_AT(GetDLRInputShape, int64_t* shape, get_shape(at(model, &model->inputs, index), shape))
DEFINE_AT(GetDLROutputShape, int64_t* shape, get_shape(at(model, &model->outputs, index), shape))
DEFINE_AT(GetDLROutput, void* data, get_data(at(model, &model->outputs, index), data))

int GetDLRInputSizeDim(DLRModelHandle* handle, int index, int64_t* size, int* dim) {
  MODEL(handle);
  return get_size(at(model, &model->inputs, index), size, dim);
}

int GetDLROutputSizeDim(DLRModelHandle* handle, int index, int64_t* size, int* dim) {
  MODEL(handle);
  return get_size(at(model, &model->outputs, index), size, dim);
}

int GetDLROutputIndex(DLRModelHandle* handle, const char* name, int* index) {
  MODEL(handle);
  NOT_NULL(name && index);
  for (*index = 0; *index < model->outputs.count; ++*index)
    if (!strcmp(model->outputs.item[*index].name, name)) return 0;
  FAIL("there is no output named %s", name);
}

int GetDLROutputPtr(DLRModelHandle* handle, int index, const void** data) {
  MODEL(handle);
  const Tensor* tensor = at(model, &model->outputs, index);
  if (!tensor) return -1;
  NOT_NULL(data);
  *data = tensor->data;
  return 0;
}

int SetDLRInput(DLRModelHandle* handle, const char* name, const int64_t* shape, const void* data, int dim) {
  MODEL(handle);
  NOT_NULL(name && data && (shape || dim == 0));
  const Tensor* tensor = find(model, &model->inputs, name);
  NEED(tensor, "there is no input named %s", name);
  int64_t expected = tensor_elements(tensor), given = 1;
  for (int i = 0; i < dim; i++) {
    NEED(shape[i] >= 0 && (shape[i] == 0 || given <= INT64_MAX / shape[i]), "the shape of input %s is wrong", name);
    given *= shape[i];
  }
  /* the number of elements decides, not the shape. Source: the text and the rule of Amazon's DLR 1.10 */
  NEED(given == expected, "InputError: Mismatch found in input data size. Value read: %lld, Expected: %lld",
       (long long)given, (long long)expected);
  memcpy(tensor->data, data, tensor_bytes(tensor));
  return 0;
}

/* the client reads weights this way too */
int GetDLRInput(DLRModelHandle* handle, const char* name, void* data) {
  MODEL(handle);
  NOT_NULL(name);
  const Tensor* tensor = find(model, &model->inputs, name);
  if (!tensor) tensor = find(model, &model->weights, name);
  NEED(tensor, "there is no input named %s", name);
  return get_data(tensor, data);
}
