#include "slots.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "error.h"
#include "packed.h"
#include "platform.h"
#include "pool.h"

/* TVMFFIErrorSetRaisedFromCStr */
static void raise_error(const char* kind, const char* message) { error_set("%s: %s", kind, message); }

/* TVMFFIHandleInitOnce: a kernel's look-up of a packed function */
static int init_once(void** address, int (*init)(void**)) { return *address ? 0 : init(address); }

typedef void (*AnyFunction)(void);

static const struct {
  const char* name;
  AnyFunction function;
} slots[] = {
    {"__TVMBackendAllocWorkspace", (AnyFunction)workspace_new},
    {"__TVMBackendFreeWorkspace", (AnyFunction)workspace_delete},
    {"__TVMBackendParallelLaunch", (AnyFunction)parallel_launch},
    {"__TVMBackendParallelBarrier", (AnyFunction)parallel_barrier},
    {"__TVMFFIErrorSetRaisedFromCStr", (AnyFunction)raise_error},
    {"__TVMFFIEnvModLookupFromImports", (AnyFunction)packed_lookup},
    {"__TVMFFIFunctionCall", (AnyFunction)packed_call},
    {"__TVMFFIHandleInitOnce", (AnyFunction)init_once},
};

void slots_fill(void* kernels) {
  for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) {
    void* slot = library_symbol(kernels, slots[i].name);
    if (slot) memcpy(slot, &slots[i].function, sizeof slots[i].function);
  }
}
