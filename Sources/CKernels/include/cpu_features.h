#ifndef VITVIDEO_CPU_FEATURES_H
#define VITVIDEO_CPU_FEATURES_H

#include <stdbool.h>

/// Whether the CPU has the AVX-512 sets that servers have had since Skylake: F, BW, DQ and VL.
bool vv_cpu_has_avx512(void);

/// Whether the CPU has AVX2 with fused multiplication and addition.
bool vv_cpu_has_avx2(void);

/// Whether the CPU multiplies pairs of bfloat16 natively (AVX-512 BF16).
bool vv_cpu_has_bfloat16(void);

/// Whether the CPU has dot products of 8-bit integers as wide as AVX-512's vectors (VNNI), and bfloat16, which
/// everything but the products is in then.
bool vv_cpu_has_int8(void);

#endif
