#include "resize_kernels.h"
#include "clones.h"

VV_CLONES
void vv_resize_vertical(float *out, const uint8_t *rows, size_t stride, const float *weights,
                        size_t taps, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = weights[0] * (float)rows[i];
    for (size_t t = 1; t < taps; t++) {
        const uint8_t *row = rows + t * stride;
        float weight = weights[t];
        for (size_t i = 0; i < count; i++) out[i] += weight * (float)row[i];
    }
}

VV_CLONES
void vv_resize_horizontal(float *out, size_t plane_stride, const float *row, const int32_t *first,
                          const float *weights, size_t max_taps, size_t width,
                          const float scale[3], const float offset[3]) {
    float *red = out, *green = out + plane_stride, *blue = out + 2 * plane_stride;
    for (size_t x = 0; x < width; x++) {
        const float *in = row + 3 * (size_t)first[x];
        const float *w = weights + x * max_taps;
        float r = 0, g = 0, b = 0;
        for (size_t t = 0; t < max_taps; t++) {
            r += w[t] * in[3 * t];
            g += w[t] * in[3 * t + 1];
            b += w[t] * in[3 * t + 2];
        }
        red[x] = r * scale[0] + offset[0];
        green[x] = g * scale[1] + offset[1];
        blue[x] = b * scale[2] + offset[2];
    }
}
