/* What LLVM's code for some targets calls and their C library does not have: linked into compiled.so / compiled.dll.
 *
 * 32-bit Android and Windows have no libgcc_s: 64-bit division, 64-bit integers from and to floating point, half
 * precision. Windows' C library has no sincos, for 32-bit x86 no float forms of the old functions (acosf, expf, ...),
 * and the stack probe is a matter of each compiler.
 * Source: names and meanings as in GCC's libgcc manual and Arm's run-time ABI (IHI 0043). */

typedef unsigned long long u64;
typedef long long s64;
typedef unsigned int u32;
typedef unsigned short u16;

#define USED __attribute__((used))
#define TWO_32 4294967296.0

#if !defined(__x86_64__)
static u64 divide(u64 dividend, u64 divisor, u64* rest) {
  u64 quotient = 0, remainder = 0;
  if (!divisor) {
    *rest = 0; /* undefined; no trap, as on ARM64 */
    return 0;
  }
  for (int bit = 63; bit >= 0; bit--) {
    int carry = (int)(remainder >> 63);
    remainder = remainder << 1 | (dividend >> bit & 1);
    if (carry || remainder >= divisor) {
      remainder -= divisor;
      quotient |= 1ull << bit;
    }
  }
  *rest = remainder;
  return quotient;
}

static u64 magnitude(s64 x) { return x < 0 ? 0 - (u64)x : (u64)x; }

USED u64 __udivdi3(u64 a, u64 b) {
  u64 rest;
  return divide(a, b, &rest);
}

USED u64 __umoddi3(u64 a, u64 b) {
  u64 rest;
  divide(a, b, &rest);
  return rest;
}

USED s64 __divdi3(s64 a, s64 b) {
  u64 rest, quotient = divide(magnitude(a), magnitude(b), &rest);
  return (s64)((a < 0) != (b < 0) ? 0 - quotient : quotient);
}

USED s64 __moddi3(s64 a, s64 b) {
  u64 rest;
  divide(magnitude(a), magnitude(b), &rest);
  return (s64)(a < 0 ? 0 - rest : rest);
}
#endif

/* the bits of the half nearest to x, ties to even */
static u16 half_of(double x) {
  u64 bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  u16 sign = (u16)(bits >> 48 & 0x8000);
  int exponent = (int)(bits >> 52 & 0x7ff) - 1023;
  u64 fraction = bits & 0xfffffffffffffull;
  if (exponent == 1024) return (u16)(sign | 0x7c00 | (fraction ? 0x200 | fraction >> 42 : 0));
  if (exponent >= 16) return sign | 0x7c00;
  if (exponent < -25) return sign;
  int drop = exponent < -14 ? 42 - 14 - exponent : 42; /* bits below the half's last */
  fraction |= 1ull << 52;
  u64 kept = fraction >> drop, below = fraction & ((1ull << drop) - 1), tie = 1ull << (drop - 1);
  kept += below > tie || (below == tie && (kept & 1));
  /* the hidden bit adds itself to the exponent */
  return (u16)(sign | ((exponent < -14 ? 0 : ((u32)(exponent + 14) << 10)) + (u32)kept));
}

#if defined(__arm__)
static float float_of(u16 half) {
  u32 sign = (u32)(half & 0x8000) << 16, exponent = half >> 10 & 31, fraction = half & 0x3ff, bits;
  float result;
  if (!exponent) {
    result = (float)fraction * 0x1p-24f;
    return sign ? -result : result;
  }
  bits = sign | (exponent == 31 ? 0x7f800000 : (exponent + 112) << 23) | fraction << 13;
  __builtin_memcpy(&result, &bits, sizeof result);
  return result;
}

static u64 whole(double x) { /* of 0 <= x < 2^64; more and NaN as the VFP does */
  u32 high = (u32)(x / TWO_32);
  return (u64)high << 32 | (u32)(x - (double)high * TWO_32);
}

static double double_of(u64 x) { return (double)(u32)(x >> 32) * TWO_32 + (double)(u32)x; }

/* 53 bits are exact in double; of more bits the last stands for all below it, so that only one rounding counts */
static u64 sticky(u64 x) { return x >> 53 ? (x | ((x & 0x7ff) ? 0x800 : 0)) & ~0x7ffull : x; }

USED float __gnu_h2f_ieee(u16 x) { return float_of(x); }
USED u16 __gnu_f2h_ieee(float x) { return half_of((double)x); }
USED u16 __truncdfhf2(double x) { return half_of(x); }
USED u64 __fixunsdfdi(double x) { return x > 0 ? whole(x) : 0; }
USED u64 __fixunssfdi(float x) { return __fixunsdfdi((double)x); }
USED s64 __fixdfdi(double x) { return x < 0 ? -(s64)whole(-x) : (s64)whole(x); }
USED s64 __fixsfdi(float x) { return __fixdfdi((double)x); }
USED double __floatundidf(u64 x) { return double_of(x); }
USED double __floatdidf(s64 x) { return x < 0 ? -double_of(magnitude(x)) : double_of(magnitude(x)); }
USED float __floatundisf(u64 x) { return (float)double_of(sticky(x)); }
USED float __floatdisf(s64 x) { return x < 0 ? -__floatundisf(magnitude(x)) : __floatundisf(magnitude(x)); }

USED int __divsi3(int a, int b) { return (int)__divdi3(a, b); }
USED int __modsi3(int a, int b) { return (int)__moddi3(a, b); }
USED u32 __udivsi3(u32 a, u32 b) { return (u32)__udivdi3(a, b); }
USED u32 __umodsi3(u32 a, u32 b) { return (u32)__umoddi3(a, b); }
/* the run-time ABI's own names, which C compilers call */
USED double __aeabi_l2d(s64 x) { return __floatdidf(x); }
USED double __aeabi_ul2d(u64 x) { return __floatundidf(x); }
USED float __aeabi_l2f(s64 x) { return __floatdisf(x); }
USED float __aeabi_ul2f(u64 x) { return __floatundisf(x); }
USED s64 __aeabi_d2lz(double x) { return __fixdfdi(x); }
USED s64 __aeabi_f2lz(float x) { return __fixsfdi(x); }
USED u64 __neo_udivmod(u64 a, u64 b, u64* rest) { return divide(a, b, rest); }
USED s64 __neo_divmod(s64 a, s64 b, s64* rest) {
  *rest = __moddi3(a, b);
  return __divdi3(a, b);
}
/* the quotient comes back in r0, r1 and the remainder in r2, r3 */
#define DIVMOD(name, function)   \
  __asm__(".text\n"              \
          ".arm\n"               \
          ".p2align 2\n"         \
          ".globl " name "\n"    \
          ".hidden " name "\n"   \
          ".type " name ", %function\n" \
          name ":\n"             \
          "  push {r6, lr}\n"    \
          "  sub sp, sp, #16\n"  \
          "  add r6, sp, #8\n"   \
          "  str r6, [sp]\n"     \
          "  bl " function "\n"  \
          "  ldr r2, [sp, #8]\n" \
          "  ldr r3, [sp, #12]\n" \
          "  add sp, sp, #16\n"  \
          "  pop {r6, pc}\n")
DIVMOD("__aeabi_uldivmod", "__neo_udivmod");
DIVMOD("__aeabi_ldivmod", "__neo_divmod");

USED void __aeabi_unwind_cpp_pr0(void) {} /* named by unwind tables; nothing is thrown through kernels */
USED void __aeabi_unwind_cpp_pr1(void) {}
#else
USED _Float16 __truncdfhf2(double x) {
  u16 bits = half_of(x);
  _Float16 result;
  __builtin_memcpy(&result, &bits, sizeof result);
  return result;
}
#endif

#if defined(_WIN32)
#define DOUBLE_OF(name) double name(double)
DOUBLE_OF(sin);
DOUBLE_OF(cos);
double ldexp(double, int);

USED void sincos(double x, double* sine, double* cosine) {
  *sine = sin(x);
  *cosine = cos(x);
}

USED void sincosf(float x, float* sine, float* cosine) {
  *sine = (float)sin((double)x);
  *cosine = (float)cos((double)x);
}

double hypot(double, double);
USED float hypotf(float x, float y) { return (float)hypot((double)x, (double)y); }
USED float ldexpf(float x, int exponent) { return (float)ldexp((double)x, exponent); }

#if defined(__i386__)
double atan2(double, double);
double pow(double, double);
double fmod(double, double);
#define FLOAT_FORM(name) \
  DOUBLE_OF(name);       \
  USED float name##f(float x) { return (float)name((double)x); }
FLOAT_FORM(acos)
FLOAT_FORM(asin)
FLOAT_FORM(atan)
FLOAT_FORM(ceil)
FLOAT_FORM(cos)
FLOAT_FORM(cosh)
FLOAT_FORM(exp)
FLOAT_FORM(floor)
FLOAT_FORM(log)
FLOAT_FORM(log10)
FLOAT_FORM(sin)
FLOAT_FORM(sinh)
FLOAT_FORM(sqrt)
FLOAT_FORM(tan)
FLOAT_FORM(tanh)
USED float atan2f(float y, float x) { return (float)atan2((double)y, (double)x); }
USED float powf(float x, float y) { return (float)pow((double)x, (double)y); }
USED float fmodf(float x, float y) { return (float)fmod((double)x, (double)y); }

/* eax: bytes of a new frame; touches each page, then moves the stack pointer */
__asm__(
    ".globl __alloca\n"
    "__alloca:\n"
    "  pushl %ecx\n"
    "  leal 8(%esp), %ecx\n"
    "1: cmpl $0x1000, %eax\n"
    "  jb 2f\n"
    "  subl $0x1000, %ecx\n"
    "  orl $0, (%ecx)\n"
    "  subl $0x1000, %eax\n"
    "  jmp 1b\n"
    "2: subl %eax, %ecx\n"
    "  orl $0, (%ecx)\n"
    "  movl %esp, %eax\n"
    "  movl %ecx, %esp\n"
    "  movl (%eax), %ecx\n"
    "  pushl 4(%eax)\n"
    "  ret\n");
#else
/* rax: bytes of a new frame; touches each page, keeps every register */
__asm__(
    ".globl ___chkstk_ms\n"
    "___chkstk_ms:\n"
    "  pushq %rcx\n"
    "  pushq %rax\n"
    "  leaq 24(%rsp), %rcx\n"
    "1: cmpq $0x1000, %rax\n"
    "  jb 2f\n"
    "  subq $0x1000, %rcx\n"
    "  orq $0, (%rcx)\n"
    "  subq $0x1000, %rax\n"
    "  jmp 1b\n"
    "2: subq %rax, %rcx\n"
    "  orq $0, (%rcx)\n"
    "  popq %rax\n"
    "  popq %rcx\n"
    "  ret\n");
#endif
#endif
