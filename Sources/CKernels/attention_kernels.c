#include "attention_kernels.h"
#include "clones.h"
#include "cpu_features.h"

#include <math.h>
#include <string.h>

// Queries in a tile and keys in a block: their scores, 48 KiB, stay close to the core.
#define TILE_QUERIES 48
#define BLOCK 256
// Keys are packed in panels [head_width, PANEL] so that one broadcast query value meets whole vectors.
#define PANEL 32
// The head's width is padded to this many floats, the widest vector of values.
#define WIDTH_UNIT 16

VV_INLINE size_t rounded_up(size_t count, size_t unit) { return (count + unit - 1) / unit * unit; }
VV_INLINE size_t padded_width(size_t head_width) { return rounded_up(head_width, WIDTH_UNIT); }
VV_INLINE size_t padded_count(size_t tokens) { return rounded_up(tokens, PANEL); }

typedef float quad __attribute__((ext_vector_type(4)));
typedef float pair __attribute__((ext_vector_type(2)));

#define EXP2_POLYNOMIAL(f)                                                                           \
    (((((0.00015353340131696314f * f + 0.0013398900628089905f) * f + 0.009618437848985195f) * f +   \
       0.055503323674201965f) * f + 0.24022647738456726f) * f + 0.6931471824645996f)

// The plain version: four lanes are SSE's and NEON's width.
#define TILE_NAME(name) name##_baseline
#define TILE_LANES 4
#define TILE_QK_ROWS 6
#define TILE_QK_VECTORS 2
#define TILE_PV_ROWS 6
#define TILE_PV_VECTORS 2
#include "attention_tile.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define TILE_NAME(name) name##_avx2
#define TILE_LANES 8
#define TILE_QK_ROWS 6
#define TILE_QK_VECTORS 2
#define TILE_PV_ROWS 6
#define TILE_PV_VECTORS 2
#include "attention_tile.h"
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), \
                             apply_to = function)
#define TILE_NAME(name) name##_avx512
#define TILE_LANES 16
#define TILE_QK_ROWS 12
#define TILE_QK_VECTORS 2
#define TILE_PV_ROWS 6
#define TILE_PV_VECTORS 4
#include "attention_tile.h"
#pragma clang attribute pop
#endif

size_t vv_attention_packed_count(size_t tokens, size_t head_width) {
    return padded_count(tokens) * padded_width(head_width);
}

size_t vv_attention_scratch_count(size_t head_width) {
    return TILE_QUERIES * (head_width + padded_width(head_width) + BLOCK);
}

void vv_attention_pack(float *packed_keys, float *packed_values, const float *keys,
                       const float *values, size_t stride, size_t tokens, size_t head_width) {
    size_t width = padded_width(head_width);
    for (size_t first = 0; first < tokens; first += PANEL) {
        size_t count = tokens - first < PANEL ? tokens - first : PANEL;
        float *panel = packed_keys + first * head_width;
        for (size_t k = 0; k < head_width; k++) {
            for (size_t i = 0; i < count; i++) panel[k * PANEL + i] = keys[(first + i) * stride + k];
            for (size_t i = count; i < PANEL; i++) panel[k * PANEL + i] = 0;
        }
    }
    for (size_t t = 0; t < tokens; t++) {
        memcpy(packed_values + t * width, values + t * stride, head_width * sizeof *values);
        memset(packed_values + t * width + head_width, 0, (width - head_width) * sizeof *values);
    }
}

typedef void tile_function(float *, size_t, const float *, size_t, const float *, const float *, size_t,
                           size_t, float *);

static tile_function *widest_tile(void) {
#if defined(__x86_64__)
    if (vv_cpu_has_avx512()) return tile_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return tile_avx2;
#endif
    return tile_baseline;
}

void vv_attention(float *out, size_t out_stride, const float *queries, size_t query_stride,
                  size_t query_count, const float *packed_keys, const float *packed_values,
                  size_t tokens, size_t head_width, float scale, float *scratch) {
    tile_function *tile = widest_tile();
    // With log2(e) in the scale the softmax is one of powers of two.
    float factor = scale * 1.44269504088896341f;
    float *transposed = scratch;  // [head_width, TILE_QUERIES]
    for (size_t first = 0; first < query_count; first += TILE_QUERIES) {
        size_t rows = query_count - first < TILE_QUERIES ? query_count - first : TILE_QUERIES;
        for (size_t k = 0; k < head_width; k++) {
            for (size_t r = 0; r < rows; r++)
                transposed[k * TILE_QUERIES + r] = queries[(first + r) * query_stride + k] * factor;
            for (size_t r = rows; r < TILE_QUERIES; r++) transposed[k * TILE_QUERIES + r] = 0;
        }
        tile(out + first * out_stride, out_stride, transposed, rows, packed_keys, packed_values, tokens,
             head_width, scratch + TILE_QUERIES * head_width);
    }
}
