#include "error.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local char text[1024];

void error_set(const char* format, ...) {
  va_list args;
  va_start(args, format);
  (void)vsnprintf(text, sizeof text, format, args);
  va_end(args);
  for (char* at = text; *at; at++)
    if ((unsigned char)*at >= 0x80) *at = '?'; /* the client decodes ASCII */
}

void error_clear(void) { text[0] = 0; }

const char* error_text(void) { return text; }
