#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include "error.h"
#include "file.h"

/* UTF-8 -> UTF-16, to be freed; NULL when that fails */
static wchar_t* widen(const char* text) {
  int count = MultiByteToWideChar(CP_UTF8, 0, text, -1, NULL, 0);
  wchar_t* wide = count > 0 ? malloc((size_t)count * sizeof *wide) : NULL;
  if (wide) MultiByteToWideChar(CP_UTF8, 0, text, -1, wide, count);
  return wide;
}

FILE* file_open(const char* path) {
  wchar_t* wide = widen(path);
  FILE* stream = wide ? _wfopen(wide, L"rb") : NULL;
  free(wide);
  return stream;
}

int64_t file_size(FILE* stream) {
  if (_fseeki64(stream, 0, SEEK_END)) return -1;
  int64_t size = _ftelli64(stream);
  return _fseeki64(stream, 0, SEEK_SET) ? -1 : size;
}

int file_map(File* file, const char* path) { return file_read(file, path); }

void file_close(File* file) {
  aligned_delete(file->data);
  memset(file, 0, sizeof *file);
}

void* library_open(const char* path) {
  wchar_t* wide = widen(path);
  HMODULE library = wide ? LoadLibraryExW(wide, NULL, LOAD_WITH_ALTERED_SEARCH_PATH) : NULL;
  if (!library) error_set("cannot load %s: Windows error %lu", path, GetLastError());
  free(wide);
  return library;
}

void* library_symbol(void* library, const char* name) {
  FARPROC found = GetProcAddress(library, name);
  void* symbol;
  memcpy(&symbol, &found, sizeof symbol);
  return symbol;
}

void library_close(void* library) { FreeLibrary(library); }

int cpu_count(void) {
  SYSTEM_INFO info;
  GetSystemInfo(&info);
  return (int)info.dwNumberOfProcessors;
}
#else
typedef int not_empty; /* C forbids a file without declarations */
#endif
