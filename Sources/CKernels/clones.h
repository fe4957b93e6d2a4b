#ifndef VITVIDEO_CLONES_H
#define VITVIDEO_CLONES_H

// VV_CLONES compiles a function for AVX-512, AVX2 and the baseline; the loader resolves it once to
// the widest set the CPU has. Helpers that such a function calls must be inlined into every copy.
//
// The thread sanitizer instruments the resolvers too, which the loader calls before its runtime is ready: with it
// there is the baseline alone.
#if defined(__x86_64__) && defined(__linux__) && !__has_feature(thread_sanitizer)
#define VV_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define VV_CLONES
#endif

#define VV_INLINE static inline __attribute__((always_inline))

#endif
