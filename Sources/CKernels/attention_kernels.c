#include "attention_kernels.h"
#include "attention_blocks.h"
#include "cpu_features.h"
#include "panels.h"

// Relative error of the power 9e-8.
#define EXP2_POLYNOMIAL(f)                                                                           \
    ((((0.0013264727f * f + 0.009671513f) * f + 0.055507336f) * f + 0.24022242f) * f + 0.693147f)

// The plain version: four lanes are SSE's and NEON's width.
#define TILE_NAME(name) name##_baseline
#define TILE_LANES 4
#define TILE_STEP 1
#define TILE_QK_ROWS 6
#define TILE_PV_ROWS 6
#define TILE_PV_VECTORS 2
#define TILE_EXP2 EXP2_POLYNOMIAL
#include "attention_tile.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define TILE_NAME(name) name##_avx2
#define TILE_LANES 8
#define TILE_STEP 1
#define TILE_QK_ROWS 6
#define TILE_PV_ROWS 6
#define TILE_PV_VECTORS 2
#define TILE_EXP2 EXP2_POLYNOMIAL
#include "attention_tile.h"
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), \
                             apply_to = function)
#define TILE_NAME(name) name##_avx512
#define TILE_LANES 16
#define TILE_STEP 1
#define TILE_QK_ROWS 12
#define TILE_PV_ROWS 6
#define TILE_PV_VECTORS 4
#define TILE_EXP2 EXP2_POLYNOMIAL
#include "attention_tile.h"
#pragma clang attribute pop
#endif

size_t vv_attention_packed_count(size_t tokens, size_t head_width) {
    return padded_count(tokens) * padded_width(head_width);
}

size_t vv_attention_scratch_count(size_t head_width) {
    return TILE_QUERIES * (head_width + padded_width(head_width) + BLOCK);
}

size_t vv_attention_bias_rows(size_t queries) { return rounded_up(queries, TILE_QUERIES); }

size_t vv_attention_bias_columns(size_t tokens) { return padded_count(tokens); }

void vv_attention_pack(float *packed_keys, float *packed_values, const float *keys,
                       const float *values, size_t stride, size_t tokens, size_t head_width) {
    size_t width = padded_width(head_width);
    pack_panels(packed_keys, keys, stride, tokens, head_width, PANEL);
    for (size_t t = 0; t < tokens; t++) {
        memcpy(packed_values + t * width, values + t * stride, head_width * sizeof *values);
        memset(packed_values + t * width + head_width, 0, (width - head_width) * sizeof *values);
    }
}

void vv_attention_repack(float *packed_keys, float *packed_values, const float *keys, const float *values,
                         size_t stride, const int32_t *tokens, size_t count, size_t head_width) {
    size_t width = padded_width(head_width);
    for (size_t i = 0; i < count; i++) {
        size_t t = (size_t)tokens[i];
        float *column = packed_keys + t / PANEL * PANEL * head_width + t % PANEL;
        for (size_t k = 0; k < head_width; k++) column[k * PANEL] = keys[i * stride + k];
        memcpy(packed_values + t * width, values + i * stride, head_width * sizeof *values);
    }
}

typedef void tile_function(float *, void *, const void *, size_t, const void *, const void *, size_t, size_t,
                           float, const float *, size_t);

static tile_function *widest_tile(void) {
#if defined(__x86_64__)
    if (vv_cpu_has_avx512()) return tile_avx512;
    if (vv_cpu_has_avx2()) return tile_avx2;
#endif
    return tile_baseline;
}

void vv_attention(float *out, size_t out_stride, const float *queries, size_t query_stride,
                  size_t query_count, const float *packed_keys, const float *packed_values,
                  size_t tokens, size_t head_width, float scale, const float *bias, size_t bias_stride,
                  float *scratch) {
    tile_function *tile = widest_tile();
    size_t width = padded_width(head_width);
    float *outputs = scratch;                                 // [TILE_QUERIES, width]
    float *probabilities = outputs + TILE_QUERIES * width;    // [TILE_QUERIES, BLOCK]
    float *transposed = probabilities + TILE_QUERIES * BLOCK; // [head_width, TILE_QUERIES]
    for (size_t first = 0; first < query_count; first += TILE_QUERIES) {
        size_t rows = query_count - first < TILE_QUERIES ? query_count - first : TILE_QUERIES;
        for (size_t k = 0; k < head_width; k++) {
            for (size_t r = 0; r < rows; r++)
                transposed[k * TILE_QUERIES + r] = queries[(first + r) * query_stride + k];
            for (size_t r = rows; r < TILE_QUERIES; r++) transposed[k * TILE_QUERIES + r] = 0;
        }
        tile(outputs, probabilities, transposed, rows, packed_keys, packed_values, tokens, head_width,
             scale * LOG2_E, bias ? bias + first * bias_stride : NULL, bias_stride);
        for (size_t r = 0; r < rows; r++)
            memcpy(out + (first + r) * out_stride, outputs + r * width, head_width * sizeof *out);
    }
}
