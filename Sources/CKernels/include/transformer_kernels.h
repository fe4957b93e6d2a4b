#ifndef VITVIDEO_TRANSFORMER_KERNELS_H
#define VITVIDEO_TRANSFORMER_KERNELS_H

#include <stddef.h>
#include <stdint.h>

// All matrices are row-major. `stride` is the distance between two rows in floats.

/// out[r, :] = (x[r, :] − mean) / √(variance + epsilon) · gamma + beta, over rows × width.
/// `out` may be `x`.
void vv_layer_norm(float *out, const float *x, const float *gamma, const float *beta, size_t rows,
                   size_t width, float epsilon);

/// The same to bfloat16, rounded to nearest even.
void vv_layer_norm_bf16(uint16_t *out, const float *x, const float *gamma, const float *beta,
                        size_t rows, size_t width, float epsilon);

/// In place: each row of scores [rows, columns] becomes softmax(scale · row).
void vv_softmax_rows(float *scores, size_t rows, size_t columns, size_t stride, float scale);

/// In place: x[r, :] += bias over rows × width.
void vv_add_bias(float *x, const float *bias, size_t rows, size_t width);

/// In place: x = GELU(x + bias), with GELU(v) = v · (1 + erf(v / √2)) / 2, over rows × width.
void vv_bias_gelu(float *x, const float *bias, size_t rows, size_t width);

/// out [rows, width] = SiLU(x[:, :width]) · x[:, width:] for x [rows, 2·width].
void vv_swiglu(float *out, const float *x, size_t rows, size_t width);

/// The same to bfloat16, rounded to nearest even.
void vv_swiglu_bf16(uint16_t *out, const float *x, size_t rows, size_t width);

#endif
