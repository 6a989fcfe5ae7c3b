#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "model.h"

#define PLAN "compiled_model.json"
enum { MAX_DIMENSIONS = 32, MAX_SYMBOL = 512 };

static const struct {
  const char* name;
  uint8_t code, bits;
} types[] = {
    {"float32", TYPE_FLOAT, 32}, {"float64", TYPE_FLOAT, 64}, {"float16", TYPE_FLOAT, 16}, {"bfloat16", TYPE_BFLOAT, 16},
    {"int8", TYPE_INT, 8},       {"int16", TYPE_INT, 16},     {"int32", TYPE_INT, 32},     {"int64", TYPE_INT, 64},
    {"uint8", TYPE_UINT, 8},     {"uint16", TYPE_UINT, 16},   {"uint32", TYPE_UINT, 32},   {"uint64", TYPE_UINT, 64},
    {"bool", TYPE_BOOL, 8},
};

static int set_type(Tensor* tensor, const char* name) {
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    if (strcmp(name, types[i].name)) continue;
    tensor->code = types[i].code;
    tensor->bits = types[i].bits;
    tensor->lanes = 1;
    return 0;
  }
  FAIL(PLAN ": data type %s is not known", name);
}

/* item `index` of an array when it is of that kind, else NULL */
static const Json* item(const Json* array, int index, JsonKind kind) {
  const Json* found = array->kind == JSON_ARRAY && index < array->count ? array->item[index] : NULL;
  return found && found->kind == kind ? found : NULL;
}

static int is_index(const Json* value, int count) { return value && value->integer >= 0 && value->integer < count; }

static int set_shape(Tensor* tensor, const Json* shape, int64_t limit, int64_t* bytes) {
  tensor->shape = calloc((size_t)shape->count + 1, sizeof *tensor->shape);
  NEED(tensor->shape, "out of memory");
  tensor->ndim = shape->count;
  *bytes = tensor->bits / 8;
  for (int i = 0; i < shape->count; i++) {
    const Json* size = item(shape, i, JSON_INT);
    NEED(size && size->integer >= 0, PLAN ": a shape is wrong");
    NEED(size->integer == 0 || *bytes <= limit / size->integer, PLAN ": a tensor does not fit into its memory");
    tensor->shape[i] = size->integer;
    *bytes *= size->integer;
  }
  return 0;
}

/* ["a" or "p", byte offset, type, shape]: in the arena, or in the file of parameters */
static int load_tensor(Model* model, int index, const Json* entry) {
  const Json *where = item(entry, 0, JSON_STRING), *offset = item(entry, 1, JSON_INT);
  const Json *type = item(entry, 2, JSON_STRING), *shape = item(entry, 3, JSON_ARRAY);
  NEED(where && offset && type && shape && shape->count <= MAX_DIMENSIONS, PLAN ": tensor %d is wrong", index);
  int in_params = !strcmp(where->string, "p");
  NEED(in_params || !strcmp(where->string, "a"), PLAN ": tensor %d has no memory", index);
  Tensor* tensor = &model->tensor[index];
  tensor->device_type = DEVICE_CPU;
  model->dtype[index] = type->string;
  int64_t limit = in_params ? (int64_t)model->params.size : model->arena_bytes, bytes;
  if (set_type(tensor, type->string) || set_shape(tensor, shape, limit, &bytes)) return -1;
  NEED(offset->integer >= 0 && offset->integer % ALIGNMENT == 0 && bytes <= limit && offset->integer <= limit - bytes,
       PLAN ": tensor %d lies outside its memory", index);
  tensor->data = (in_params ? model->params.data : model->arena) + offset->integer;
  return 0;
}

static int load_tensors(Model* model, const Json* list) {
  model->tensor = calloc((size_t)list->count + 1, sizeof *model->tensor);
  model->dtype = calloc((size_t)list->count + 1, sizeof *model->dtype);
  NEED(model->tensor && model->dtype, "out of memory");
  model->tensors = list->count;
  for (int i = 0; i < list->count; i++)
    if (load_tensor(model, i, list->item[i])) return -1;
  return 0;
}

static int is_in_arena(const Model* model, const Tensor* tensor) {
  const char* data = tensor->data;
  return data >= model->arena && data <= model->arena + model->arena_bytes;
}

/* [name, tensor] each */
static int load_names(Model* model, const char* key, NamedTensors* names, bool writable) {
  const Json* list = json_get(model->plan, key, JSON_ARRAY);
  NEED(list, PLAN ": there are no %s", key);
  names->item = calloc((size_t)list->count + 1, sizeof *names->item);
  NEED(names->item, "out of memory");
  for (int i = 0; i < list->count; i++) {
    const Json *name = item(list->item[i], 0, JSON_STRING), *index = item(list->item[i], 1, JSON_INT);
    NEED(name && is_index(index, model->tensors), PLAN ": entry %d of %s is wrong", i, key);
    names->item[i] = (NamedTensor){name->string, (int)index->integer};
    NEED(!writable || is_in_arena(model, &model->tensor[index->integer]), PLAN ": %s %s is read-only", key, name->string);
  }
  names->count = list->count;
  return 0;
}

/* a tensor's index, {"i": integer} or {"f": the bits of a double, as an integer} */
static int load_argument(Model* model, const Json* entry, Any* argument) {
  if (entry->kind == JSON_INT) {
    NEED(is_index(entry, model->tensors), PLAN ": an argument names no tensor");
    argument->type_index = ANY_TENSOR;
    argument->v.p = &model->tensor[entry->integer];
    return 0;
  }
  const Json *integer = json_get(entry, "i", JSON_INT), *bits = json_get(entry, "f", JSON_INT);
  NEED(integer || bits, PLAN ": an argument is neither tensor nor number");
  argument->type_index = integer ? ANY_INT : ANY_FLOAT;
  argument->v.i = integer ? integer->integer : bits->integer;
  return 0;
}

/* [kernel, argument, ...] */
static int load_call(Model* model, const Json* entry, Call* call) {
  char symbol[MAX_SYMBOL];
  const Json* name = item(entry, 0, JSON_STRING);
  NEED(name, PLAN ": a call names no kernel");
  int length = snprintf(symbol, sizeof symbol, "__tvm_ffi_%s", name->string);
  NEED(length > 0 && length < MAX_SYMBOL, PLAN ": a kernel's name is too long");
  void* function = library_symbol(model->kernels, symbol);
  NEED(function, "the compiled library has no kernel %s", name->string);
  memcpy(&call->function, &function, sizeof function);
  call->name = name->string;
  call->args = calloc((size_t)entry->count, sizeof *call->args);
  NEED(call->args, "out of memory");
  const Tensor* last = NULL;
  for (call->count = 0; call->count < entry->count - 1; call->count++) {
    Any* argument = &call->args[call->count];
    if (load_argument(model, entry->item[call->count + 1], argument)) return -1;
    if (argument->type_index == ANY_TENSOR) last = argument->v.p;
  }
  /* a kernel's results stand behind its inputs */
  NEED(!last || is_in_arena(model, last), PLAN ": kernel %s writes into the parameters", name->string);
  return 0;
}

static int load_calls(Model* model, const Json* list) {
  model->call = calloc((size_t)list->count + 1, sizeof *model->call);
  NEED(model->call, "out of memory");
  model->calls = list->count;
  for (int i = 0; i < list->count; i++)
    if (load_call(model, list->item[i], &model->call[i])) return -1;
  return 0;
}

int plan_load(Model* model) {
  const Json *tensors = json_get(model->plan, "tensors", JSON_ARRAY), *calls = json_get(model->plan, "calls", JSON_ARRAY);
  NEED(tensors && calls, PLAN " is incomplete");
  if (load_tensors(model, tensors)) return -1;
  if (load_names(model, "inputs", &model->inputs, true)) return -1;
  if (load_names(model, "outputs", &model->outputs, false)) return -1;
  if (load_names(model, "weights", &model->weights, false)) return -1;
  return load_calls(model, calls);
}
