/* Generated code calls its runtime through pointers that it exports: libdlr is loaded RTLD_LOCAL by ctypes, so
 * compiled.so could not see functions of libdlr by name. */
#ifndef NEO_SLOTS_H_
#define NEO_SLOTS_H_
void slots_fill(void* kernels); /* the library's handle */
#endif
