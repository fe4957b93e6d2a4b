#include "int8_kernels.h"

#include <math.h>

#include "bfloat16.h"
#include "clones.h"

VV_INLINE float largest_magnitude(const uint16_t *x, size_t width) {
    // Several running maxima: the order of a single one would stop the vectorizer.
    float lanes[16] = {0};
    size_t whole = width / 16 * 16;
    for (size_t i = 0; i < whole; i += 16)
        for (size_t j = 0; j < 16; j++) {
            float magnitude = fabsf(vv_float(x[i + j]));
            lanes[j] = magnitude > lanes[j] ? magnitude : lanes[j];
        }
    for (size_t i = whole; i < width; i++) {
        float magnitude = fabsf(vv_float(x[i]));
        lanes[0] = magnitude > lanes[0] ? magnitude : lanes[0];
    }
    float largest = 0;
    for (size_t j = 0; j < 16; j++) largest = lanes[j] > largest ? lanes[j] : largest;
    return largest;
}

VV_CLONES
void vv_quantize_bf16(uint8_t *out, float *scales, const uint16_t *x, size_t rows, size_t width) {
    for (size_t row = 0; row < rows; row++, out += width, x += width) {
        float largest = largest_magnitude(x, width);
        scales[row] = largest / 127.0f;
        float inverse = largest > 0 ? 127.0f / largest : 0;
        // Towards zero from a positive number rounds down: the half makes that to the nearest.
        for (size_t i = 0; i < width; i++) out[i] = (uint8_t)(int32_t)(vv_float(x[i]) * inverse + 128.5f);
    }
}

VV_INLINE float dequantized(int32_t sum, float scale, const vv_dequantization *outputs, size_t i) {
    return (float)(sum - outputs->offsets[i]) * (scale * outputs->weight_scales[i]) + outputs->bias[i];
}

VV_CLONES
void vv_dequantize(float *y, const int32_t *sums, const float *scales, const vv_dequantization *outputs,
                   size_t rows, size_t width) {
    for (size_t row = 0; row < rows; row++, y += width, sums += width)
        for (size_t i = 0; i < width; i++) y[i] = dequantized(sums[i], scales[row], outputs, i);
}

VV_CLONES
void vv_dequantize_bf16(uint16_t *y, const int32_t *sums, const float *scales,
                        const vv_dequantization *outputs, size_t rows, size_t width) {
    for (size_t row = 0; row < rows; row++, y += width, sums += width)
        for (size_t i = 0; i < width; i++) y[i] = vv_bfloat16(dequantized(sums[i], scales[row], outputs, i));
}

VV_CLONES
void vv_dequantize_add(float *y, const int32_t *sums, const float *scales, const vv_dequantization *outputs,
                       size_t rows, size_t width) {
    for (size_t row = 0; row < rows; row++, y += width, sums += width)
        for (size_t i = 0; i < width; i++) y[i] += dequantized(sums[i], scales[row], outputs, i);
}
