#ifndef VITVIDEO_REGISTER_BLOCK_H
#define VITVIDEO_REGISTER_BLOCK_H

#include <stdbool.h>
#include <stddef.h>

#include "clones.h"

// The inner part of matrix products in 32-bit floats. The right factor is packed in panels [depth, PANEL] (panels.h). A
// register block of ROWS × PANEL sums, twelve of AVX2's sixteen registers, does more multiplications than it loads values.

#define LANES 8
#define VECTORS 2
#define PANEL (VECTORS * LANES)
#define ROWS 6

typedef float vector __attribute__((ext_vector_type(LANES), aligned(4)));

// out [rows, PANEL] = start + x [rows, depth] · panel [depth, PANEL], where start is `start` [PANEL], or what is in
// `out` plus that. Rows of x lie `x_stride` and columns `x_step` floats apart. `rows`, at most ROWS, and x_step are constants
// where this is inlined.
VV_INLINE void block(float *out, size_t out_stride, const float *x, size_t x_stride, const size_t x_step,
                     const float *panel, const float *start, size_t depth, bool accumulates, const size_t rows) {
    vector sum[ROWS][VECTORS];
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++)
#pragma clang loop unroll(full)
        for (size_t j = 0; j < VECTORS; j++) {
            sum[i][j] = *(const vector *)(start + j * LANES);
            if (accumulates) sum[i][j] += *(const vector *)(out + i * out_stride + j * LANES);
        }
#pragma clang loop unroll_count(4)
    for (size_t k = 0; k < depth; k++) {
        vector weight[VECTORS];
#pragma clang loop unroll(full)
        for (size_t j = 0; j < VECTORS; j++) weight[j] = *(const vector *)(panel + k * PANEL + j * LANES);
#pragma clang loop unroll(full)
        for (size_t i = 0; i < rows; i++) {
            vector input = (vector)(x[i * x_stride + k * x_step]);
#pragma clang loop unroll(full)
            for (size_t j = 0; j < VECTORS; j++) sum[i][j] += input * weight[j];
        }
    }
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++)
#pragma clang loop unroll(full)
        for (size_t j = 0; j < VECTORS; j++) *(vector *)(out + i * out_stride + j * LANES) = sum[i][j];
}

// Calls BLOCK(rows) for a number of rows below ROWS, as a constant.
#define LAST_ROWS(rows)        \
    switch (rows) {            \
    case 1: BLOCK(1); break;   \
    case 2: BLOCK(2); break;   \
    case 3: BLOCK(3); break;   \
    case 4: BLOCK(4); break;   \
    case 5: BLOCK(5); break;   \
    }

#endif
