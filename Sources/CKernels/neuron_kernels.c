#include "include/neuron_kernels.h"

#include "bfloat16.h"
#include "clones.h"

VV_CLONES
void vv_add_column_moments(float *sums, float *squares, const float *x, size_t rows, size_t width) {
    for (size_t row = 0; row < rows; row++)
        for (size_t i = 0; i < width; i++) {
            float value = x[row * width + i];
            sums[i] += value;
            squares[i] += value * value;
        }
}

VV_CLONES
void vv_add_column_moments_bf16(float *sums, float *squares, const uint16_t *x, size_t rows, size_t width) {
    for (size_t row = 0; row < rows; row++)
        for (size_t i = 0; i < width; i++) {
            float value = vv_float(x[row * width + i]);
            sums[i] += value;
            squares[i] += value * value;
        }
}

void vv_column(float *out, const float *x, size_t rows, size_t width, size_t column) {
    for (size_t row = 0; row < rows; row++) out[row] = x[row * width + column];
}

void vv_column_bf16(float *out, const uint16_t *x, size_t rows, size_t width, size_t column) {
    for (size_t row = 0; row < rows; row++) out[row] = vv_float(x[row * width + column]);
}
