#include "product_bf16_kernels.h"
#include "bfloat16.h"
#include "clones.h"
#include "cpu_features.h"

#include <string.h>

// Both factors are rounded to bfloat16 and stored in pairs along what is summed: what one multiplication takes lies together.
// The right factor is packed in panels [pairs, PANEL], of which DEPTH pairs (24 KB) stay in the first-level cache while the
// rows of a tile, [ROW_TILE, DEPTH] or its transpose (101 KB, in the second-level cache), go past them.

#define LANES 16
#define PANEL 32
#define DEPTH 192
#define ROW_TILE 132

typedef float floats __attribute__((ext_vector_type(LANES), aligned(4), may_alias));
typedef uint32_t pairs_of_bf16 __attribute__((ext_vector_type(LANES), aligned(2), may_alias));

size_t vv_product_bf16_packed_count(size_t k, size_t n) { return (n + PANEL - 1) / PANEL * PANEL * ((k + 1) / 2); }

// Pairs of one row: to[i · step] = x[i].
VV_INLINE void round_pairs(uint16_t *to, const size_t step, const float *x, size_t values) {
    for (size_t i = 0; i < values; i++) to[i / 2 * step * 2 + i % 2] = vv_bfloat16(x[i]);
    if (values % 2) to[values / 2 * step * 2 + 1] = 0;
}

// Pairs of two rows, of which the second may be missing: what lies below one another comes side by side.
VV_INLINE void interleave(uint16_t *to, const float *upper, const float *lower, size_t count) {
    if (lower)
        for (size_t i = 0; i < count; i++) {
            uint32_t pair = vv_bfloat16(upper[i]) | (uint32_t)vv_bfloat16(lower[i]) << 16;
            memcpy(to + 2 * i, &pair, sizeof pair);
        }
    else
        for (size_t i = 0; i < count; i++) {
            uint32_t pair = vv_bfloat16(upper[i]);
            memcpy(to + 2 * i, &pair, sizeof pair);
        }
}

VV_CLONES
void vv_product_bf16_pack(void *packed, const float *b, size_t stride, size_t k, size_t n, bool transposed) {
    size_t pairs = (k + 1) / 2;
    for (size_t first = 0; first < n; first += PANEL) {
        size_t width = n - first < PANEL ? n - first : PANEL;
        uint16_t *panel = (uint16_t *)packed + 2 * first * pairs;
        if (width < PANEL) memset(panel, 0, 2 * pairs * PANEL * sizeof *panel);
        if (transposed) {
            for (size_t i = 0; i < width; i++) round_pairs(panel + 2 * i, PANEL, b + (first + i) * stride, k);
            continue;
        }
        for (size_t p = 0; p < pairs; p++) {
            const float *row = b + 2 * p * stride + first;
            interleave(panel + 2 * p * PANEL, row, 2 * p + 1 < k ? row + stride : NULL, width);
        }
    }
}

// left [ROW_TILE, DEPTH] of pairs, up to `padded` rows = a [rows, values], and zeros.
VV_CLONES
static void round_rows(uint16_t *left, const float *a, size_t a_stride, size_t rows, size_t padded, size_t values) {
    for (size_t r = 0; r < rows; r++) round_pairs(left + 2 * r * DEPTH, 1, a + r * a_stride, values);
    for (size_t r = rows; r < padded; r++) memset(left + 2 * r * DEPTH, 0, (values + 1) / 2 * 2 * sizeof *left);
}

// left [DEPTH, ROW_TILE] of pairs, up to `padded` columns = what is stored as its transpose a [values, rows], and zeros.
VV_CLONES
static void round_columns(uint16_t *left, const float *a, size_t a_stride, size_t rows, size_t padded, size_t values) {
    for (size_t p = 0; 2 * p < values; p++) {
        const float *row = a + 2 * p * a_stride;
        uint16_t *to = left + 2 * p * ROW_TILE;
        interleave(to, row, 2 * p + 1 < values ? row + a_stride : NULL, rows);
        memset(to + 2 * rows, 0, 2 * (padded - rows) * sizeof *to);
    }
}

#define TILE_NAME(name) name##_any
#define TILE_ROWS 3
#define TILE_SUM(sum, a, b) \
    ((sum + vv_float((uint16_t)(a >> 16)) * (floats)(b & 0xFFFF0000u)) + vv_float((uint16_t)a) * (floats)(b << 16))
#include "product_bf16_tile.h"

VV_CLONES
void vv_product_bf16_anywhere(float *c, size_t c_stride, const float *a, size_t a_stride, bool a_transposed,
                              const void *packed, size_t m, size_t n, size_t k, bool adds) {
    product_any(c, c_stride, a, a_stride, a_transposed, packed, m, n, k, adds);
}

#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(                                                                        \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma"))),               \
    apply_to = function)

#define TILE_NAME(name) name##_native
#define TILE_ROWS 12
#define TILE_SUM(sum, a, b) \
    (floats) _mm512_dpbf16_ps((__m512)sum, (__m512bh)_mm512_set1_epi32((int)a), (__m512bh)b)
#include "product_bf16_tile.h"

static void native(float *c, size_t c_stride, const float *a, size_t a_stride, bool a_transposed, const void *packed,
                   size_t m, size_t n, size_t k, bool adds) {
    product_native(c, c_stride, a, a_stride, a_transposed, packed, m, n, k, adds);
}

#pragma clang attribute pop
#else
#define native vv_product_bf16_anywhere
#endif

void vv_product_bf16(float *c, size_t c_stride, const float *a, size_t a_stride, bool a_transposed, const void *packed,
                     size_t m, size_t n, size_t k, bool adds) {
    if (vv_cpu_has_bfloat16())
        native(c, c_stride, a, a_stride, a_transposed, packed, m, n, k, adds);
    else
        vv_product_bf16_anywhere(c, c_stride, a, a_stride, a_transposed, packed, m, n, k, adds);
}
