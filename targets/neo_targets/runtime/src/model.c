#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "pool.h"
#include "slots.h"

#define PLAN "compiled_model.json"
enum { MAX_PATH_BYTES = 4096, PLAN_VERSION = 1 };

static int join(char* path, const char* folder, const char* name) {
  NEED(!strpbrk(name, "/\\"), PLAN ": %s is not a plain file name", name);
  int length = snprintf(path, MAX_PATH_BYTES, "%s/%s", folder, name);
  NEED(length > 0 && length < MAX_PATH_BYTES, "the path of the model is too long");
  return 0;
}

static int read_plan(Model* model, const char* folder) {
  char path[MAX_PATH_BYTES];
  if (join(path, folder, "compiled.meta")) return -1;
  model->has_metadata = file_exists(path);
  if (join(path, folder, PLAN) || file_read(&model->text, path)) return -1;
  model->plan = json_parse(model->text.data, model->text.size);
  NEED(model->plan, "%s cannot be read", path);
  return 0;
}

static int check_form(const Model* model, int device_type) {
  const Json *format = json_get(model->plan, "format", JSON_STRING), *reason = json_get(model->plan, "reason", JSON_STRING);
  const Json* version = json_get(model->plan, "version", JSON_INT);
  NEED(format, PLAN " names no format");
  NEED(!strcmp(format->string, "static-plan"), "this model is not for libdlr: %s. The manifest names its runtime",
       reason ? reason->string : format->string);
  NEED(version && version->integer == PLAN_VERSION, PLAN " is of another version than this library");
  NEED(device_type == DEVICE_CPU, "this model is compiled for the CPU");
  return 0;
}

static int load_files(Model* model, const char* folder) {
  char path[MAX_PATH_BYTES];
  const Json *library = json_get(model->plan, "lib", JSON_STRING), *params = json_get(model->plan, "params", JSON_STRING);
  const Json* arena = json_get(model->plan, "arena", JSON_INT);
  NEED(library && params && arena, PLAN " is incomplete");
  NEED(arena->integer >= 0 && (uint64_t)arena->integer < SIZE_MAX / 2, PLAN ": the arena's size is wrong");
  if (join(path, folder, params->string) || file_map(&model->params, path)) return -1;
  model->arena_bytes = arena->integer;
  model->arena = aligned_new((size_t)arena->integer + ALIGNMENT);
  NEED(model->arena, "out of memory: the model needs %lld bytes", (long long)arena->integer);
  if (join(path, folder, library->string)) return -1;
  model->kernels = library_open(path);
  if (!model->kernels) return -1;
  slots_fill(model->kernels);
  return 0;
}

/* inputs that are never set are zeros */
static void clear_inputs(Model* model) {
  for (int i = 0; i < model->inputs.count; i++) {
    Tensor* tensor = &model->tensor[model->inputs.item[i].tensor];
    memset(tensor->data, 0, tensor_bytes(tensor));
  }
}

Model* model_open(const char* folder, int device_type) {
  Model* model = calloc(1, sizeof *model);
  if (!model) {
    error_set("out of memory");
    return NULL;
  }
  pool_retain();
  if (read_plan(model, folder) || check_form(model, device_type) || load_files(model, folder) || plan_load(model)) {
    model_close(model);
    return NULL;
  }
  clear_inputs(model);
  return model;
}

void model_close(Model* model) {
  for (int i = 0; model->tensor && i < model->tensors; i++) free(model->tensor[i].shape);
  for (int i = 0; model->call && i < model->calls; i++) free(model->call[i].args);
  free(model->call);
  free(model->tensor);
  free(model->dtype);
  free(model->inputs.item);
  free(model->outputs.item);
  free(model->weights.item);
  aligned_delete(model->arena);
  json_free(model->plan);
  file_close(&model->params);
  file_close(&model->text);
  pool_release(); /* before the kernels go: no thread may be in them */
  if (model->kernels) library_close(model->kernels);
  free(model);
}

int model_run(const Model* model) {
  error_clear();
  for (int i = 0; i < model->calls; i++) {
    const Call* call = &model->call[i];
    Any result = {.type_index = ANY_NONE};
    if (!call->function(NULL, call->args, call->count, &result)) continue;
    if (!*error_text()) error_set("kernel %s failed", call->name);
    return -1;
  }
  return 0;
}

int64_t tensor_elements(const Tensor* tensor) {
  int64_t count = 1;
  for (int i = 0; i < tensor->ndim; i++) count *= tensor->shape[i];
  return count;
}

size_t tensor_bytes(const Tensor* tensor) { return (size_t)tensor_elements(tensor) * (tensor->bits / 8); }
