// OpenBLAS's C interface: types only. The library is opened with dlopen, after the kernel set has
// been chosen, because it reads OPENBLAS_CORETYPE in its constructor.
#ifndef VITVIDEO_COPENBLAS_SHIM_H
#define VITVIDEO_COPENBLAS_SHIM_H

#include <cblas.h>

typedef __typeof__(&cblas_sgemm) vv_cblas_sgemm;
typedef __typeof__(&openblas_set_num_threads) vv_openblas_set_num_threads;
typedef __typeof__(&openblas_get_corename) vv_openblas_get_corename;

// __builtin_cpu_supports wants a string literal, which Swift cannot pass. These are the sets that
// OpenBLAS's SkylakeX kernels use.
static inline int vv_cpu_has_avx512(void) {
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#else
    return 0;
#endif
}

#endif
