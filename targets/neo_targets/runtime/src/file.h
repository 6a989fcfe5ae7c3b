/* What memory.c needs of each platform. */
#ifndef NEO_FILE_H_
#define NEO_FILE_H_
#include <stdio.h>

#include "platform.h"

FILE* file_open(const char* path); /* to read; `path` is UTF-8; NULL when that fails */
int64_t file_size(FILE* stream);   /* bytes, -1 when that fails */
#endif
