#ifndef VITVIDEO_INT8_KERNELS_H
#define VITVIDEO_INT8_KERNELS_H

#include <stddef.h>
#include <stdint.h>

// The two ends of a product in 8-bit integers. Rows of activations become x ≈ scale · (q − 128), each row with
// a scale of its own; the product Σ q·w over signed weights w leaves 32-bit sums, which become
//
//     y = scale · weight_scale[o] · (sum[o] − 128 · Σ w[o]) + bias[o]

/// Rounds rows × width bfloat16 to 1…255 around 128, the largest magnitude of each row to an end; one scale a
/// row. A row of zeros gets scale 0.
void vv_quantize_bf16(uint8_t *out, float *scales, const uint16_t *x, size_t rows, size_t width);

/// The outputs' part in undoing the rounding, `width` of each.
typedef struct {
    const float *weight_scales;
    /// 128 · Σ w of each output.
    const int32_t *offsets;
    const float *bias;
} vv_dequantization;

/// y = the sums as above, rows × width.
void vv_dequantize(float *y, const int32_t *sums, const float *scales, const vv_dequantization *outputs,
                   size_t rows, size_t width);

/// The same to bfloat16.
void vv_dequantize_bf16(uint16_t *y, const int32_t *sums, const float *scales,
                        const vv_dequantization *outputs, size_t rows, size_t width);

/// y += the sums as above.
void vv_dequantize_add(float *y, const int32_t *sums, const float *scales, const vv_dequantization *outputs,
                       size_t rows, size_t width);

#endif
