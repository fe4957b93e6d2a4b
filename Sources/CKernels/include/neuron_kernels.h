#ifndef VITVIDEO_NEURON_KERNELS_H
#define VITVIDEO_NEURON_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/// sums[i] += Σ x[:, i] and squares[i] += Σ x[:, i]², over rows × width.
void vv_add_column_moments(float *sums, float *squares, const float *x, size_t rows, size_t width);

/// The same of bfloat16, summed in 32-bit floats.
void vv_add_column_moments_bf16(float *sums, float *squares, const uint16_t *x, size_t rows, size_t width);

/// out[r] = x[r, column], over rows of x that are `width` wide.
void vv_column(float *out, const float *x, size_t rows, size_t width, size_t column);

/// The same of bfloat16.
void vv_column_bf16(float *out, const uint16_t *x, size_t rows, size_t width, size_t column);

#endif
