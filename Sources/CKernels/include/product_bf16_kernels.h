#ifndef VITVIDEO_PRODUCT_BF16_KERNELS_H
#define VITVIDEO_PRODUCT_BF16_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

// The products of product_kernels.h with both factors rounded to bfloat16, summed in 32-bit floats.

/// Pairs of values, of 4 bytes, of a packed right factor [k, n].
size_t vv_product_bf16_packed_count(size_t k, size_t n);

/// As vv_product_pack.
void vv_product_bf16_pack(void *packed, const float *b, size_t stride, size_t k, size_t n, bool transposed);

/// As vv_product: fast where vv_cpu_has_bfloat16, and slower than vv_product elsewhere.
void vv_product_bf16(float *c, size_t c_stride, const float *a, size_t a_stride, bool a_transposed, const void *packed,
                     size_t m, size_t n, size_t k, bool adds);

/// What vv_product_bf16 does where not vv_cpu_has_bfloat16.
void vv_product_bf16_anywhere(float *c, size_t c_stride, const float *a, size_t a_stride, bool a_transposed,
                              const void *packed, size_t m, size_t n, size_t k, bool adds);

#endif
