#ifndef VITVIDEO_PRODUCT_KERNELS_H
#define VITVIDEO_PRODUCT_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

// Matrix products in 32-bit floats of factors that change, small enough for the second-level cache: what training multiplies.
// The right factor is packed first.

/// Floats of a packed right factor [k, n].
size_t vv_product_packed_count(size_t k, size_t n);

/// Packs b [k, n], or where `transposed` what is stored as its transpose [n, k]; rows lie `stride` floats apart.
void vv_product_pack(float *packed, const float *b, size_t stride, size_t k, size_t n, bool transposed);

/// c [m, n] = a [m, k] · b, or that added to what is in `c`. Where `a_transposed`, `a` is stored as its transpose [k, m].
void vv_product(float *c, size_t c_stride, const float *a, size_t a_stride, bool a_transposed, const float *packed,
                size_t m, size_t n, size_t k, bool adds);

#endif
