#include "cpu_features.h"

bool vv_cpu_has_avx512(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#else
    return false;
#endif
}

bool vv_cpu_has_avx2(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return false;
#endif
}

bool vv_cpu_has_bfloat16(void) {
#if defined(__x86_64__)
    return vv_cpu_has_avx512() && __builtin_cpu_supports("avx512bf16");
#else
    return false;
#endif
}

bool vv_cpu_has_int8(void) {
#if defined(__x86_64__)
    return vv_cpu_has_bfloat16() && __builtin_cpu_supports("avx512vnni");
#else
    return false;
#endif
}
