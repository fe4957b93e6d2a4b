#include "pixel_kernels.h"

#include <string.h>

#include "clones.h"

// Pixels handled at a time, so that indices and colors between two steps stay in the L1 cache.
enum { CHUNK = 256 };

VV_INLINE int clamp_index(int i, int count) { return i < 0 ? 0 : i >= count ? count - 1 : i; }

// line[-3 ..< columns + 3] <- the map interpolated vertically at output row y, edges repeated.
VV_INLINE void vertical_line(
    float *restrict line, const float *restrict map, int rows, int columns, vv_axis axis, int y) {
    const int first = axis.first[y];
    const float *a = map + (size_t)clamp_index(first, rows) * columns;
    if (axis.taps == 1) {
        memcpy(line, a, (size_t)columns * sizeof *line);
    } else if (axis.taps == 2) {
        const float *b = map + (size_t)clamp_index(first + 1, rows) * columns;
        const float w = axis.weights[y];
        for (int x = 0; x < columns; x++) line[x] = a[x] + w * (b[x] - a[x]);
    } else {
        const float *b = map + (size_t)clamp_index(first + 1, rows) * columns;
        const float *c = map + (size_t)clamp_index(first + 2, rows) * columns;
        const float *d = map + (size_t)clamp_index(first + 3, rows) * columns;
        const float wa = axis.weights[y], wb = axis.weights[y + axis.length];
        const float wc = axis.weights[y + 2 * axis.length], wd = axis.weights[y + 3 * axis.length];
        for (int x = 0; x < columns; x++) line[x] = wa * a[x] + wb * b[x] + wc * c[x] + wd * d[x];
    }
    for (int i = 1; i <= VV_LINE_PADDING; i++) {
        line[-i] = line[0];
        line[columns - 1 + i] = line[columns - 1];
    }
}

// out[0 ..< count] <- the line interpolated horizontally at output columns x0 ...
VV_INLINE void horizontal_samples(
    float *restrict out, const float *restrict line, vv_axis axis, int x0, int count) {
    const int32_t *restrict first = axis.first + x0;
    const float *restrict wa = axis.weights + x0;
    if (axis.taps == 1) {
        for (int i = 0; i < count; i++) out[i] = line[first[i]];
    } else if (axis.taps == 2) {
        for (int i = 0; i < count; i++) {
            const float a = line[first[i]], b = line[first[i] + 1];
            out[i] = a + wa[i] * (b - a);
        }
    } else {
        const float *restrict wb = wa + axis.length, *restrict wc = wb + axis.length;
        const float *restrict wd = wc + axis.length;
        for (int i = 0; i < count; i++) {
            const float *at = line + first[i];
            out[i] = wa[i] * at[0] + wb[i] * at[1] + wc[i] * at[2] + wd[i] * at[3];
        }
    }
}

// index[i] <- min(255, (int)(256 * value[i])), negatives 0, NaN 256.
VV_INLINE void color_indices(int32_t *restrict index, const float *restrict value, int count) {
    for (int i = 0; i < count; i++) {
        const float scaled = value[i] * 256.0f;
        float clamped = scaled > 0.0f ? scaled : 0.0f;  // NaN compares false: 0 here, replaced below
        clamped = clamped < 255.0f ? clamped : 255.0f;
        index[i] = scaled == scaled ? (int32_t)clamped : 256;
    }
}

// out[3 * count] <- colors. Each store writes a fourth byte that the next one overwrites, so `out`
// needs one byte more. Overlapping stores in order are faster than the scatter that clang would make.
VV_INLINE void colors(
    uint8_t *restrict out, const int32_t *restrict index, const uint8_t *restrict lut, int count) {
#pragma clang loop vectorize(disable)
    for (int i = 0; i < count; i++) memcpy(out + 3 * i, lut + 4 * (size_t)index[i], 4);
}

// out[i] <- (1 - alpha) * frame[i] + alpha * color[i], rounded. The sum is at most 255.5 * 2^23,
// which fits 32 bits; a negative difference wraps around and back.
VV_INLINE void blend(
    uint8_t *restrict out, const uint8_t *restrict frame, const uint8_t *restrict color, uint32_t alpha,
    int count) {
    for (int i = 0; i < count; i++) {
        const uint32_t difference = (uint32_t)color[i] - (uint32_t)frame[i];
        out[i] = (uint8_t)((((uint32_t)frame[i] << 23) + alpha * difference + (1u << 22)) >> 23);
    }
}

// out [vertical.length, horizontal.length], map [rows, columns]
VV_CLONES void vv_upsample_rows(
    float *out, const float *map, int rows, int columns, vv_axis vertical, vv_axis horizontal,
    float *line) {
    line += VV_LINE_PADDING;
    for (int y = 0; y < vertical.length; y++) {
        vertical_line(line, map, rows, columns, vertical, y);
        horizontal_samples(out + (size_t)y * horizontal.length, line, horizontal, 0, horizontal.length);
    }
}

// out, frame [vertical.length, horizontal.length, 3], map [rows, columns], lut [257, 4]
VV_CLONES void vv_heat_rows(
    uint8_t *out, ptrdiff_t out_stride, const uint8_t *frame, ptrdiff_t frame_stride,
    const float *map, int rows, int columns, vv_axis vertical, vv_axis horizontal,
    const uint8_t *lut, uint32_t alpha, float *line) {
    float value[CHUNK];
    int32_t index[CHUNK];
    uint8_t color[3 * CHUNK + 1];
    const int width = horizontal.length;
    line += VV_LINE_PADDING;
    for (int y = 0; y < vertical.length; y++) {
        vertical_line(line, map, rows, columns, vertical, y);
        uint8_t *out_row = out + y * out_stride;
        for (int x = 0; x < width; x += CHUNK) {
            const int count = width - x < CHUNK ? width - x : CHUNK;
            horizontal_samples(value, line, horizontal, x, count);
            color_indices(index, value, count);
            colors(color, index, lut, count);
            if (frame) {
                blend(out_row + 3 * x, frame + y * frame_stride + 3 * x, color, alpha, 3 * count);
            } else {
                memcpy(out_row + 3 * x, color, (size_t)(3 * count));
            }
        }
    }
}

// out, frame [width, 3], keep, edge [width]
VV_CLONES void vv_mask_row(
    uint8_t *restrict out, const uint8_t *restrict frame, const uint8_t *restrict keep,
    const uint8_t *restrict edge, uint32_t dim, uint8_t outline, int width) {
    for (int x = 0; x < width; x++) {
        const uint8_t red = frame[3 * x], green = frame[3 * x + 1], blue = frame[3 * x + 2];
        const uint32_t luma = (77u * red + 150u * green + 29u * blue) >> 8;
        const uint8_t gray = (uint8_t)((luma * dim) >> 8);
        const uint8_t kept = keep[x], line = edge[x], dropped = (uint8_t)~kept;
        out[3 * x] = (uint8_t)((((red & kept) | (gray & dropped)) & ~line) | (outline & line));
        out[3 * x + 1] = (uint8_t)((((green & kept) | (gray & dropped)) & ~line) | (outline & line));
        out[3 * x + 2] = (uint8_t)((((blue & kept) | (gray & dropped)) & ~line) | (outline & line));
    }
}

// edge, above, below [width], keep [width + 2 * reach]
VV_CLONES void vv_outline_row(
    uint8_t *restrict edge, const uint8_t *restrict keep, const uint8_t *restrict above,
    const uint8_t *restrict below, int reach, int width) {
    for (int x = 0; x < width; x++) {
        edge[x] = (uint8_t)(keep[x + reach] & ~(keep[x] & keep[x + 2 * reach] & above[x] & below[x]));
    }
}

// out [height, width, 3], frame [?, frame_width, 3], line [frame_width * 3 + 1]
VV_CLONES void vv_resize_rows(
    uint8_t *restrict out, ptrdiff_t out_stride, const uint8_t *restrict frame, int frame_width, int height,
    int width,
    const int32_t *restrict row_first, const float *restrict row_weights, int row_taps,
    const int32_t *restrict column_first, const float *restrict column_weights, int column_taps,
    float *restrict line) {
    const int samples = frame_width * 3;
    line[samples] = 0.0f;
    for (int y = 0; y < height; y++) {
        const uint8_t *row = frame + (size_t)row_first[y] * samples;
        const float *row_weight = row_weights + (size_t)y * row_taps;
        for (int i = 0; i < samples; i++) line[i] = row_weight[0] * row[i];
        for (int tap = 1; tap < row_taps; tap++) {
            if (row_weight[tap] == 0.0f) continue;  // taps are padded with 0 to the longest group
            const uint8_t *restrict source = row + (size_t)tap * samples;
            const float weight = row_weight[tap];
            for (int i = 0; i < samples; i++) line[i] += weight * source[i];
        }
        uint8_t *out_row = out + y * out_stride;
        for (int x = 0; x < width; x++) {
            // Four lanes for three samples: a whole vector register, the fourth lane ignored.
            const float *at = line + 3 * (size_t)column_first[x];
            const float *weight = column_weights + (size_t)x * column_taps;
            float sum[4] = {0.5f, 0.5f, 0.5f, 0.5f};
            for (int tap = 0; tap < column_taps; tap++) {
                for (int lane = 0; lane < 4; lane++) sum[lane] += weight[tap] * at[3 * tap + lane];
            }
            for (int lane = 0; lane < 3; lane++) out_row[3 * x + lane] = (uint8_t)sum[lane];
        }
    }
}
