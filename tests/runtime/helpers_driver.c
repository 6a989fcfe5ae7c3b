/* Reads "name bits bits" lines of hexadecimal, calls the helper of that name, prints its result's bits. */
#include <stdio.h>
#include <string.h>

typedef unsigned long long u64;
typedef long long s64;

static double to_double(u64 bits) {
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static float to_float(u64 bits) {
  unsigned low = (unsigned)bits;
  float x;
  memcpy(&x, &low, sizeof x);
  return x;
}

static u64 of_double(double x) {
  u64 bits;
  memcpy(&bits, &x, sizeof x);
  return bits;
}

static u64 of_float(float x) {
  unsigned bits;
  memcpy(&bits, &x, sizeof x);
  return bits;
}

u64 __udivdi3(u64, u64);
u64 __umoddi3(u64, u64);
s64 __divdi3(s64, s64);
s64 __moddi3(s64, s64);
#if defined(__arm__)
float __gnu_h2f_ieee(unsigned short);
unsigned short __gnu_f2h_ieee(float);
unsigned short __truncdfhf2(double);
u64 __fixunsdfdi(double);
u64 __fixunssfdi(float);
s64 __fixdfdi(double);
s64 __fixsfdi(float);
double __floatundidf(u64);
double __floatdidf(s64);
float __floatundisf(u64);
float __floatdisf(s64);
int __divsi3(int, int);
int __modsi3(int, int);
#else
_Float16 __truncdfhf2(double);
#endif

static u64 call(const char* name, u64 a, u64 b) {
#define CASE(function, ...) \
  if (!strcmp(name, #function)) return (u64)(__VA_ARGS__)
  CASE(__udivdi3, __udivdi3(a, b));
  CASE(__umoddi3, __umoddi3(a, b));
  CASE(__divdi3, __divdi3((s64)a, (s64)b));
  CASE(__moddi3, __moddi3((s64)a, (s64)b));
#if defined(__arm__)
  CASE(__gnu_h2f_ieee, of_float(__gnu_h2f_ieee((unsigned short)a)));
  CASE(__gnu_f2h_ieee, __gnu_f2h_ieee(to_float(a)));
  CASE(__truncdfhf2, __truncdfhf2(to_double(a)));
  CASE(__fixunsdfdi, __fixunsdfdi(to_double(a)));
  CASE(__fixunssfdi, __fixunssfdi(to_float(a)));
  CASE(__fixdfdi, __fixdfdi(to_double(a)));
  CASE(__fixsfdi, __fixsfdi(to_float(a)));
  CASE(__floatundidf, of_double(__floatundidf(a)));
  CASE(__floatdidf, of_double(__floatdidf((s64)a)));
  CASE(__floatundisf, of_float(__floatundisf(a)));
  CASE(__floatdisf, of_float(__floatdisf((s64)a)));
  CASE(__divsi3, (unsigned)__divsi3((int)a, (int)b));
  CASE(__modsi3, (unsigned)__modsi3((int)a, (int)b));
#else
  if (!strcmp(name, "__truncdfhf2")) {
    _Float16 half = __truncdfhf2(to_double(a));
    unsigned short bits;
    memcpy(&bits, &half, sizeof bits);
    return bits;
  }
#endif
  fprintf(stderr, "no helper %s\n", name);
  return 0;
}

int main(void) {
  char name[32];
  u64 a, b;
  while (scanf("%31s %llx %llx", name, &a, &b) == 3) printf("%llx\n", call(name, a, b));
  return 0;
}
