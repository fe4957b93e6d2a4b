#include "gelu_bf16_kernel.h"
#include "clones.h"

#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(                                                                        \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma"))),               \
    apply_to = function)

// a · Φ(a), with Φ(t) − 1/2 = t · p(t²), p a minimax fit. Where t·p reaches 1/2, t stays. The absolute error
// of the whole is 1.5e-4, where rounding a GELU of 1 to bfloat16 costs 4e-3.
VV_INLINE __m512 gelu(__m512 a) {
    __m512 t = _mm512_min_ps(_mm512_max_ps(a, _mm512_set1_ps(-4.34807f)), _mm512_set1_ps(4.34807f));
    __m512 u = _mm512_mul_ps(t, t);
    __m512 p = _mm512_set1_ps(-6.04373662e-10f);
    p = _mm512_fmadd_ps(p, u, _mm512_set1_ps(5.87013638e-08f));
    p = _mm512_fmadd_ps(p, u, _mm512_set1_ps(-2.45700448e-06f));
    p = _mm512_fmadd_ps(p, u, _mm512_set1_ps(5.85055277e-05f));
    p = _mm512_fmadd_ps(p, u, _mm512_set1_ps(-0.000884719891f));
    p = _mm512_fmadd_ps(p, u, _mm512_set1_ps(0.00902395137f));
    p = _mm512_fmadd_ps(p, u, _mm512_set1_ps(-0.0649948716f));
    p = _mm512_fmadd_ps(p, u, _mm512_set1_ps(0.398121566f));
    return _mm512_mul_ps(_mm512_fmadd_ps(p, t, _mm512_set1_ps(0.5f)), a);
}

void vv_bias_gelu_bf16(uint16_t *x, const float *bias, size_t rows, size_t width) {
    for (size_t row = 0; row < rows; row++) {
        uint16_t *v = x + row * width;
        for (size_t i = 0; i < width; i += 16) {
            __mmask16 lanes = width - i < 16 ? (__mmask16)((1u << (width - i)) - 1) : 0xFFFF;
            __m512i wide = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(lanes, v + i));
            __m512 a = _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
            a = _mm512_add_ps(a, _mm512_maskz_loadu_ps(lanes, bias + i));
            _mm256_mask_storeu_epi16(v + i, lanes, (__m256i)_mm512_cvtneps_pbh(gelu(a)));
        }
    }
}

#pragma clang attribute pop
#else
// vv_cpu_has_bfloat16 is false here, and the kernel not to be called.
void vv_bias_gelu_bf16(uint16_t *x, const float *bias, size_t rows, size_t width) { __builtin_trap(); }
#endif
