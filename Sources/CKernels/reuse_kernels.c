#include "reuse_kernels.h"
#include "clones.h"

VV_CLONES
void vv_row_distances(float *out, const float *x, const float *reference, size_t rows, size_t width) {
#pragma clang fp reassociate(on)
    for (size_t row = 0; row < rows; row++) {
        const float *a = x + row * width, *b = reference + row * width;
        float sum = 0;
        for (size_t i = 0; i < width; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
        out[row] = sum;
    }
}

VV_CLONES
void vv_row_squares(float *out, const float *x, size_t rows, size_t width) {
#pragma clang fp reassociate(on)
    for (size_t row = 0; row < rows; row++) {
        const float *a = x + row * width;
        float sum = 0;
        for (size_t i = 0; i < width; i++) sum += a[i] * a[i];
        out[row] = sum;
    }
}

VV_CLONES
void vv_subtract(float *out, const float *a, const float *b, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = a[i] - b[i];
}

VV_CLONES
void vv_add(float *x, const float *y, size_t count) {
    for (size_t i = 0; i < count; i++) x[i] += y[i];
}
