#ifndef VITVIDEO_RESIZE_KERNELS_H
#define VITVIDEO_RESIZE_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/// The vertical pass of a resize: out[i] = Σ_t weights[t] · rows[t · stride + i], i < count.
/// `rows` points at the first of `taps` rows of 8-bit samples.
void vv_resize_vertical(float *out, const uint8_t *rows, size_t stride, const float *weights,
                        size_t taps, size_t count);

/// The horizontal pass over one row of RGB triples, made planar and normalized:
/// out_c[x] = scale[c] · Σ_t weights[x · max_taps + t] · row[(first[x] + t) · 3 + c] + offset[c].
/// The planes of `out` [3, width] lie `plane_stride` floats apart. Weights beyond a pixel's own
/// taps are 0 and `row` must be readable there: first[x] + max_taps ≤ the row's width.
void vv_resize_horizontal(float *out, size_t plane_stride, const float *row, const int32_t *first,
                          const float *weights, size_t max_taps, size_t width,
                          const float scale[3], const float offset[3]);

/// An affine map of a picture of three planes [3, height, width], bilinear, mirrored at its outer edges (dcba|abcd|dcba):
/// out_c[y, x] = in_c at column m[0] · x + m[1] · y + m[2] and row m[3] · x + m[4] · y + m[5].
/// Whatever the numbers of `map` are, only the picture is read.
void vv_map_planes(float *out, const float *in, size_t height, size_t width, const float map[6]);

#endif
