#include "resize_kernels.h"
#include "clones.h"

#include <math.h>

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

// The place in 0 … count − 1 that a place on an endlessly mirrored line of `count` samples shows: from the outer edge of
// the first sample to that of the last and back again is a period. A NaN shows the first.
VV_INLINE float mirrored(float place, float count) {
    float period = 2 * count, last = count - 1;
    float distance = place + 0.5f;
    distance -= period * floorf(distance / period);
    distance = (distance > count ? period - distance : distance) - 0.5f;
    distance = distance > 0 ? distance : 0;
    return distance < last ? distance : last;
}

enum { MAPPED_COLUMNS = 64 };

VV_CLONES
void vv_map_planes(float *out, const float *in, size_t height, size_t width, const float map[6]) {
    // Of a stretch of pixels, where their samples lie in a plane and how far on to the next ones each is.
    int32_t first[MAPPED_COLUMNS], right[MAPPED_COLUMNS], below[MAPPED_COLUMNS];
    float share_right[MAPPED_COLUMNS], share_below[MAPPED_COLUMNS];
    size_t plane = height * width;
    for (size_t y = 0; y < height; y++) {
        float column = map[1] * (float)y + map[2], row = map[4] * (float)y + map[5];
        for (size_t start = 0; start < width; start += MAPPED_COLUMNS) {
            int32_t count = width - start < MAPPED_COLUMNS ? (int32_t)(width - start) : MAPPED_COLUMNS;
            for (int32_t i = 0; i < count; i++) {
                float x = (float)((int32_t)start + i);
                float across = mirrored(map[0] * x + column, (float)width);
                float down = mirrored(map[3] * x + row, (float)height);
                int32_t left = (int32_t)across, top = (int32_t)down;
                first[i] = top * (int32_t)width + left;
                right[i] = left + 1 < (int32_t)width;
                below[i] = top + 1 < (int32_t)height ? (int32_t)width : 0;
                share_right[i] = across - (float)left;
                share_below[i] = down - (float)top;
            }
            for (size_t channel = 0; channel < 3; channel++) {
                const float *from = in + channel * plane;
                float *to = out + channel * plane + y * width + start;
                for (int32_t i = 0; i < count; i++) {
                    const float *above = from + first[i], *under = above + below[i];
                    float upper = above[0] + share_right[i] * (above[right[i]] - above[0]);
                    float lower = under[0] + share_right[i] * (under[right[i]] - under[0]);
                    to[i] = upper + share_below[i] * (lower - upper);
                }
            }
        }
    }
}
