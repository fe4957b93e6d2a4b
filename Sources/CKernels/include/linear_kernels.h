#ifndef VITVIDEO_LINEAR_KERNELS_H
#define VITVIDEO_LINEAR_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

// Linear layers in 32-bit floats, y = x·Wᵀ + b, over weights that are packed once.

/// Floats of a packed weight [outputs, inputs].
size_t vv_linear_packed_count(size_t outputs, size_t inputs);

/// Packs a row-major weight [outputs, inputs] into `packed`.
void vv_linear_pack(float *packed, const float *weight, size_t outputs, size_t inputs);

/// out [rows, outputs] = x [rows, inputs] · Wᵀ + bias, or that added to what is in `out`. `bias` [outputs] may be null
/// for none.
void vv_linear(float *out, const float *x, const float *packed, const float *bias, size_t rows, size_t outputs,
               size_t inputs, bool accumulates);

#endif
