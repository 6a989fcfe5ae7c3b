/* What libdlr uses of Android's C library, declared by hand: zig brings no Android headers, and the NDK is not needed
 * for thirty functions. Every name is in bionic since API level 21.
 * Source: POSIX for the functions; Android's ABI guide and Linux' struct stat (stat64 on 32 bits) for the layouts. */
#ifndef NEO_BIONIC_H_
#define NEO_BIONIC_H_
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

typedef intptr_t ssize_t;
typedef int64_t off_t; /* as with _FILE_OFFSET_BITS=64 */

void* malloc(size_t bytes);
void* calloc(size_t count, size_t bytes);
void* realloc(void* memory, size_t bytes);
void free(void* memory);
char* getenv(const char* name);
int atoi(const char* text);
long strtol(const char* text, char** end, int base);
long long strtoll(const char* text, char** end, int base);
unsigned long long strtoull(const char* text, char** end, int base);
double strtod(const char* text, char** end);

void* memcpy(void* to, const void* from, size_t bytes);
void* memmove(void* to, const void* from, size_t bytes);
void* memset(void* memory, int byte, size_t bytes);
int memcmp(const void* a, const void* b, size_t bytes);
void* memchr(const void* memory, int byte, size_t bytes);
size_t strlen(const char* text);
int strcmp(const char* a, const char* b);
int strncmp(const char* a, const char* b, size_t bytes);
char* strchr(const char* text, int byte);
char* strpbrk(const char* text, const char* bytes);
char* strrchr(const char* text, int byte);
char* strdup(const char* text);
char* strcpy(char* to, const char* from);
char* strncpy(char* to, const char* from, size_t bytes);

#define NAN __builtin_nanf("")
#define INFINITY __builtin_inff()

typedef struct __sFILE FILE;
#define SEEK_END 2
FILE* fopen(const char* path, const char* mode);
size_t fread(void* to, size_t size, size_t count, FILE* stream);
int fclose(FILE* stream);
int fileno(FILE* stream);
int snprintf(char* to, size_t bytes, const char* format, ...) __attribute__((format(printf, 3, 4)));
int vsnprintf(char* to, size_t bytes, const char* format, va_list args);

/* At least as large as bionic's, which are 4 bytes each where pointers have 32 bits, and as glibc's, under which tests run. */
typedef struct {
  int32_t opaque[10];
} pthread_mutex_t;
typedef struct {
  int32_t opaque[12];
} pthread_cond_t;
typedef long pthread_t;
typedef int pthread_key_t;
typedef int pthread_once_t;
#define PTHREAD_MUTEX_INITIALIZER {{0}}
#define PTHREAD_COND_INITIALIZER {{0}}
#define PTHREAD_ONCE_INIT 0
int pthread_mutex_init(pthread_mutex_t* mutex, const void* attributes);
int pthread_mutex_lock(pthread_mutex_t* mutex);
int pthread_mutex_unlock(pthread_mutex_t* mutex);
int pthread_cond_init(pthread_cond_t* condition, const void* attributes);
int pthread_cond_wait(pthread_cond_t* condition, pthread_mutex_t* mutex);
int pthread_cond_broadcast(pthread_cond_t* condition);
int pthread_create(pthread_t* thread, const void* attributes, void* (*body)(void*), void* argument);
int pthread_join(pthread_t thread, void** result);
int pthread_once(pthread_once_t* once, void (*body)(void));
int pthread_key_create(pthread_key_t* key, void (*destroy)(void*));
void* pthread_getspecific(pthread_key_t key);
int pthread_setspecific(pthread_key_t key, const void* value);

typedef struct {
  unsigned long bits[1024 / 8 / sizeof(unsigned long)];
} cpu_set_t;
int sched_getaffinity(int process, size_t bytes, cpu_set_t* set);
int sched_yield(void);
static inline int CPU_COUNT(const cpu_set_t* set) {
  int count = 0;
  for (size_t i = 0; i < sizeof set->bits / sizeof *set->bits; i++) count += __builtin_popcountl(set->bits[i]);
  return count;
}

int getpid(void);
long sysconf(int name);
#define _SC_NPROCESSORS_ONLN 0x61

#define RTLD_LOCAL 0
#ifdef __LP64__
#define RTLD_NOW 2
#define RTLD_GLOBAL 0x100
#else
#define RTLD_NOW 1 /* really RTLD_LAZY, which bionic takes as RTLD_NOW; RTLD_NOW is 0 there, which glibc refuses */
#define RTLD_GLOBAL 2
#endif
void* dlopen(const char* path, int flags);
void* dlsym(void* library, const char* name);
int dlclose(void* library);
char* dlerror(void);

#define PROT_READ 1
#define MAP_PRIVATE 2
#define MAP_FAILED ((void*)-1)
#ifdef __LP64__
void* mmap(void* at, size_t bytes, int protection, int flags, int file, off_t offset);
#else
void* mmap(void* at, size_t bytes, int protection, int flags, int file, off_t offset) __asm__("mmap64");
#endif
int munmap(void* at, size_t bytes);

struct stat {
  uint64_t st_dev;
#if defined(__aarch64__)
  uint64_t st_ino;
  uint32_t st_mode, st_nlink, st_uid, st_gid;
  uint64_t st_rdev, padding;
#elif defined(__x86_64__)
  uint64_t st_ino, st_nlink;
  uint32_t st_mode, st_uid, st_gid, padding;
  uint64_t st_rdev;
#else
  uint32_t padding, low_ino, st_mode, st_nlink, st_uid, st_gid;
  uint64_t st_rdev;
  uint32_t more_padding;
#endif
  int64_t st_size;
  char rest[128]; /* more than any layout has */
};
#ifdef __LP64__
int fstat(int file, struct stat* found);
#else
int fstat(int file, struct stat* found) __asm__("fstat64");
#endif
#define S_ISREG(mode) (((mode)&0170000) == 0100000)
#endif
