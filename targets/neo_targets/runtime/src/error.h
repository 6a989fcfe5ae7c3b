/* The text of this thread's last error. */
#ifndef NEO_ERROR_H_
#define NEO_ERROR_H_

void error_set(const char* format, ...) __attribute__((format(printf, 1, 2)));
void error_clear(void);
const char* error_text(void); /* "" when there is none */

/* in a function that gives back 0 or -1 */
#define FAIL(...)           \
  do {                      \
    error_set(__VA_ARGS__); \
    return -1;              \
  } while (0)
#define NEED(condition, ...)             \
  do {                                   \
    if (!(condition)) FAIL(__VA_ARGS__); \
  } while (0)
#endif
