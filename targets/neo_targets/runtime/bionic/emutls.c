/* Thread-local variables without ELF TLS, which Android's loader knows only since API level 29.
 * Source: the interface that GCC and Clang call with -femulated-tls. */
#include "bionic.h"

typedef struct {
  size_t size, align;
  pthread_key_t* key; /* NULL until first used */
  const void* value;  /* NULL: zeros */
} Variable;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static pthread_key_t* key_of(Variable* variable) {
  pthread_key_t* key = __atomic_load_n(&variable->key, __ATOMIC_ACQUIRE);
  if (key) return key;
  (void)pthread_mutex_lock(&lock);
  key = variable->key;
  if (!key && (key = malloc(sizeof *key)) && pthread_key_create(key, free)) {
    free(key);
    key = NULL;
  }
  __atomic_store_n(&variable->key, key, __ATOMIC_RELEASE);
  (void)pthread_mutex_unlock(&lock);
  return key;
}

__attribute__((visibility("hidden"))) void* __emutls_get_address(Variable* variable) {
  pthread_key_t* key = key_of(variable);
  void* memory = key ? pthread_getspecific(*key) : NULL;
  if (memory) return memory;
  memory = malloc(variable->size); /* malloc's alignment suffices for an int and a text */
  if (!memory || !key) __builtin_trap();
  if (variable->value)
    (void)memcpy(memory, variable->value, variable->size);
  else
    (void)memset(memory, 0, variable->size);
  (void)pthread_setspecific(*key, memory);
  return memory;
}
