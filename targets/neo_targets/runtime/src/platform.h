/* Memory, files and shared libraries: what differs between POSIX and Windows. Threads: threads.h. */
#ifndef NEO_PLATFORM_H_
#define NEO_PLATFORM_H_
#include <stddef.h>
#include <stdint.h>

/* aligned to ALIGNMENT, not cleared; NULL when there is no memory */
void* aligned_new(size_t bytes);
void aligned_delete(void* memory);

typedef struct {
  char* data; /* aligned to ALIGNMENT; NULL for a file that was not loaded */
  size_t size;
  int mapped;
} File;

/* A whole file, not to be written to. 0, or -1 with an error. */
int file_map(File* file, const char* path);
/* A whole file in memory of its own, with a 0 after its last byte. 0, or -1 with an error. */
int file_read(File* file, const char* path);
void file_close(File* file);
int file_exists(const char* path);

/* NULL with an error when it cannot be loaded */
void* library_open(const char* path);
void* library_symbol(void* library, const char* name);
void library_close(void* library);

int cpu_count(void); /* that this process may use */
#endif
