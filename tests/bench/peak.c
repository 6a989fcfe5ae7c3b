/* What the machine can at most: multiply-adds of float32 on registers alone, one thread. Prints GFLOP/s, best of 20. */
#include <stdio.h>
#include <time.h>

#if defined(__AVX512F__)
enum { LANES = 16, SUMS = 24 };
#elif defined(__AVX__)
enum { LANES = 8, SUMS = 12 };
#else
enum { LANES = 4, SUMS = 12 };
#endif
enum { ROUNDS = 2000000 };

typedef float Vector __attribute__((vector_size(LANES * sizeof(float))));

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

int main(void) {
  double best = 0;
  for (int turn = 0; turn < 20; turn++) {
    Vector sum[SUMS] = {{0}}, factor = {0}, term = {0};
    for (int lane = 0; lane < LANES; lane++) factor[lane] = 0.999f, term[lane] = 0.001f;
    double begun = seconds();
    for (int round = 0; round < ROUNDS; round++) {
#pragma clang loop unroll(full)
      for (int i = 0; i < SUMS; i++) sum[i] = sum[i] * factor + term;
      __asm__ volatile("" : : : "memory");
    }
    double rate = 2.0 * LANES * SUMS * ROUNDS / (seconds() - begun) * 1e-9;
    volatile float kept = 0;
    for (int i = 0; i < SUMS; i++) kept = kept + sum[i][0];
    if (rate > best) best = rate;
  }
  printf("%.1f\n", best);
  return 0;
}
