#include "peak.h"

// Chains in flight: latency (4 cycles for a multiply-add, 6 for a bfloat16 dot product on Zen 5) times two
// units need 8 and 12. 24 leave a few of the 32 registers for the operands.
#define CHAINS 24
#define STEPS 16

#if defined(__x86_64__)
#include <immintrin.h>

/// Keeps the accumulators from being optimized away.
static volatile float sink;

__attribute__((target("avx512f"))) static double float32_avx512(uint64_t rounds) {
    __m512 sums[CHAINS];
    for (int i = 0; i < CHAINS; i++) sums[i] = _mm512_set1_ps((float)i);
    __m512 a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(0.001f);
    // Opaque to the compiler, which could else compute in advance.
    __asm__ volatile("" : "+v"(a), "+v"(b));
    for (uint64_t round = 0; round < rounds; round++)
        for (int step = 0; step < STEPS; step++)
#pragma clang loop unroll(full)
            for (int i = 0; i < CHAINS; i++) sums[i] = _mm512_fmadd_ps(sums[i], a, b);
    __m512 total = sums[0];
    for (int i = 1; i < CHAINS; i++) total = _mm512_add_ps(total, sums[i]);
    sink = _mm512_cvtss_f32(total);
    return (double)rounds * STEPS * CHAINS * 16 * 2;
}

// 16 registers, of which the chains take 12.
#define NARROW_CHAINS 12

__attribute__((target("avx2,fma"))) static double float32_avx2(uint64_t rounds) {
    __m256 sums[NARROW_CHAINS];
    for (int i = 0; i < NARROW_CHAINS; i++) sums[i] = _mm256_set1_ps((float)i);
    __m256 a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(0.001f);
    __asm__ volatile("" : "+x"(a), "+x"(b));
    for (uint64_t round = 0; round < rounds; round++)
        for (int step = 0; step < STEPS; step++)
#pragma clang loop unroll(full)
            for (int i = 0; i < NARROW_CHAINS; i++) sums[i] = _mm256_fmadd_ps(sums[i], a, b);
    __m256 total = sums[0];
    for (int i = 1; i < NARROW_CHAINS; i++) total = _mm256_add_ps(total, sums[i]);
    sink = _mm256_cvtss_f32(total);
    return (double)rounds * STEPS * NARROW_CHAINS * 8 * 2;
}

__attribute__((target("avx512f,avx512bf16"))) static double bfloat16_avx512(uint64_t rounds) {
    __m512 sums[CHAINS];
    for (int i = 0; i < CHAINS; i++) sums[i] = _mm512_set1_ps((float)i);
    __m512i a = _mm512_set1_epi16(0x3c00), b = _mm512_set1_epi16(0x3c00);
    __asm__ volatile("" : "+v"(a), "+v"(b));
    for (uint64_t round = 0; round < rounds; round++)
        for (int step = 0; step < STEPS; step++)
#pragma clang loop unroll(full)
            for (int i = 0; i < CHAINS; i++)
                sums[i] = _mm512_dpbf16_ps(sums[i], (__m512bh)a, (__m512bh)b);
    __m512 total = sums[0];
    for (int i = 1; i < CHAINS; i++) total = _mm512_add_ps(total, sums[i]);
    sink = _mm512_cvtss_f32(total);
    return (double)rounds * STEPS * CHAINS * 32 * 2;
}

double vv_peak_float32(uint64_t rounds) {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f")) return float32_avx512(rounds);
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return float32_avx2(rounds);
    return 0;
}

double vv_peak_bfloat16(uint64_t rounds) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512bf16") ? bfloat16_avx512(rounds) : 0;
}

#else

double vv_peak_float32(uint64_t rounds) {
    (void)rounds;
    return 0;
}

double vv_peak_bfloat16(uint64_t rounds) {
    (void)rounds;
    return 0;
}

#endif
