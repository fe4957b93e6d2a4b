#include "attention_bf16_kernels.h"
#include "clones.h"

#include <math.h>
#include <string.h>

// Queries in a tile and keys in a block: scores and probabilities stay close to the core.
#define TILE_QUERIES 48
#define BLOCK 256
// Keys are packed in panels [head_width / 2, PANEL] of pairs, so that one broadcast pair of query values
// meets whole vectors of keys. Values are packed [tokens / 2, head_width] in pairs along the tokens.
#define PANEL 32
// Register blocks: 12 queries × 32 keys, and 6 queries × 64 values.
#define SCORE_ROWS 12
#define VALUE_ROWS 6

VV_INLINE size_t padded_count(size_t tokens) { return (tokens + PANEL - 1) / PANEL * PANEL; }

size_t vv_attention_bf16_packed_bytes(size_t tokens, size_t head_width) {
    return padded_count(tokens) * head_width * sizeof(uint16_t);
}

size_t vv_attention_bf16_scratch_bytes(size_t head_width) {
    return TILE_QUERIES * (head_width * sizeof(uint16_t) + head_width * sizeof(float) +
                           BLOCK * (sizeof(float) + sizeof(uint16_t)));
}

void vv_attention_bf16_pack(void *packed_keys, void *packed_values, const uint16_t *keys,
                            const uint16_t *values, size_t stride, size_t tokens, size_t head_width) {
    size_t pairs = head_width / 2, padded = padded_count(tokens);
    for (size_t first = 0; first < padded; first += PANEL) {
        uint16_t *panel = (uint16_t *)packed_keys + first * head_width;
        for (size_t p = 0; p < pairs; p++)
            for (size_t i = 0; i < PANEL; i++) {
                size_t token = first + i;
                uint16_t *pair = panel + (p * PANEL + i) * 2;
                pair[0] = token < tokens ? keys[token * stride + 2 * p] : 0;
                pair[1] = token < tokens ? keys[token * stride + 2 * p + 1] : 0;
            }
    }
    for (size_t t = 0; t < padded; t += 2) {
        uint16_t *row = (uint16_t *)packed_values + t * head_width;
        for (size_t i = 0; i < head_width; i++) {
            row[2 * i] = t < tokens ? values[t * stride + i] : 0;
            row[2 * i + 1] = t + 1 < tokens ? values[(t + 1) * stride + i] : 0;
        }
    }
}

#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(                                                                        \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma"))),               \
    apply_to = function)

typedef __m512bh pairs16;

VV_INLINE pairs16 load_pairs(const void *from) { return (pairs16)_mm512_loadu_si512(from); }
VV_INLINE pairs16 broadcast_pair(const void *from) {
    int pair;
    memcpy(&pair, from, sizeof pair);
    return (pairs16)_mm512_set1_epi32(pair);
}

// 2^x for x ≤ 0; a minimax fit of 2^f with relative error 3e-6, far below bfloat16's 4e-3.
VV_INLINE __m512 exp2_16(__m512 x) {
    x = _mm512_max_ps(x, _mm512_set1_ps(-126.0f));
    __m512 n = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m512 f = _mm512_sub_ps(x, n);
    __m512 p = _mm512_set1_ps(0.009582835249602795f);
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.05590658634901047f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.24024100601673126f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.6931241750717163f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.0f));
    return _mm512_scalef_ps(p, n);
}

// scores [SCORE_ROWS, PANEL], rows BLOCK apart = queries · keys. `queries` is [pairs, TILE_QUERIES] pairs
// from its first row on, `keys` one panel.
VV_INLINE void score_panel(float *scores, const uint16_t *queries, const uint16_t *keys, size_t pairs) {
    __m512 sum[SCORE_ROWS][2];
#pragma clang loop unroll(full)
    for (size_t i = 0; i < SCORE_ROWS; i++) sum[i][0] = sum[i][1] = _mm512_setzero_ps();
    for (size_t p = 0; p < pairs; p++) {
        pairs16 low = load_pairs(keys + p * PANEL * 2), high = load_pairs(keys + p * PANEL * 2 + 32);
#pragma clang loop unroll(full)
        for (size_t i = 0; i < SCORE_ROWS; i++) {
            pairs16 query = broadcast_pair(queries + (p * TILE_QUERIES + i) * 2);
            sum[i][0] = _mm512_dpbf16_ps(sum[i][0], query, low);
            sum[i][1] = _mm512_dpbf16_ps(sum[i][1], query, high);
        }
    }
#pragma clang loop unroll(full)
    for (size_t i = 0; i < SCORE_ROWS; i++) {
        _mm512_storeu_ps(scores + i * BLOCK, sum[i][0]);
        _mm512_storeu_ps(scores + i * BLOCK + 16, sum[i][1]);
    }
}

// out [VALUE_ROWS, 16 · vectors], rows `width` apart += probabilities [rows, 2 · pairs] · values.
VV_INLINE void add_values(float *out, const uint16_t *probabilities, const uint16_t *values,
                          size_t pairs, size_t width, const size_t vectors) {
    __m512 sum[VALUE_ROWS][4];
#pragma clang loop unroll(full)
    for (size_t i = 0; i < VALUE_ROWS; i++)
#pragma clang loop unroll(full)
        for (size_t j = 0; j < vectors; j++) sum[i][j] = _mm512_loadu_ps(out + i * width + j * 16);
    for (size_t p = 0; p < pairs; p++) {
        pairs16 value[4];
#pragma clang loop unroll(full)
        for (size_t j = 0; j < vectors; j++) value[j] = load_pairs(values + (p * width + j * 16) * 2);
#pragma clang loop unroll(full)
        for (size_t i = 0; i < VALUE_ROWS; i++) {
            pairs16 probability = broadcast_pair(probabilities + i * BLOCK + 2 * p);
#pragma clang loop unroll(full)
            for (size_t j = 0; j < vectors; j++)
                sum[i][j] = _mm512_dpbf16_ps(sum[i][j], probability, value[j]);
        }
    }
#pragma clang loop unroll(full)
    for (size_t i = 0; i < VALUE_ROWS; i++)
#pragma clang loop unroll(full)
        for (size_t j = 0; j < vectors; j++) _mm512_storeu_ps(out + i * width + j * 16, sum[i][j]);
}

// One row's scores of a block [keys] become probabilities 2^(factor · score − maximum); the row's running
// maximum, sum and output are brought to the new maximum.
VV_INLINE void softmax_row(uint16_t *probabilities, const float *scores, size_t keys, float factor,
                           float *maximum, float *sum, float *out, size_t width) {
    __m512 largest = _mm512_loadu_ps(scores);
    for (size_t i = 16; i < keys; i += 16)
        largest = _mm512_max_ps(largest, _mm512_loadu_ps(scores + i));
    float now = _mm512_reduce_max_ps(largest) * factor;
    if (now > *maximum) {
        float correction = exp2f(*maximum - now);
        *sum *= correction;
        for (size_t i = 0; i < width; i++) out[i] *= correction;
        *maximum = now;
    } else {
        now = *maximum;
    }
    __m512 scale = _mm512_set1_ps(factor), offset = _mm512_set1_ps(-now), total = _mm512_setzero_ps();
    for (size_t i = 0; i < keys; i += 32) {
        __m512 a = exp2_16(_mm512_fmadd_ps(_mm512_loadu_ps(scores + i), scale, offset));
        __m512 b = exp2_16(_mm512_fmadd_ps(_mm512_loadu_ps(scores + i + 16), scale, offset));
        total = _mm512_add_ps(total, _mm512_add_ps(a, b));
        _mm512_storeu_si512(probabilities + i, (__m512i)_mm512_cvtne2ps_pbh(b, a));
    }
    *sum += _mm512_reduce_add_ps(total);
}

static void tile(uint16_t *out, size_t out_stride, const uint16_t *queries, size_t rows,
                 const uint16_t *packed_keys, const uint16_t *packed_values, size_t tokens, size_t width,
                 float factor, float *sums) {
    float *scores = sums + TILE_QUERIES * width;                            // [TILE_QUERIES, BLOCK]
    uint16_t *probabilities = (uint16_t *)(scores + TILE_QUERIES * BLOCK);  // [TILE_QUERIES, BLOCK]
    float maximum[TILE_QUERIES], sum[TILE_QUERIES];
    for (size_t r = 0; r < TILE_QUERIES; r++) {
        maximum[r] = -INFINITY;
        sum[r] = 0;
    }
    memset(sums, 0, TILE_QUERIES * width * sizeof *sums);
    for (size_t first = 0; first < tokens; first += BLOCK) {
        size_t count = tokens - first < BLOCK ? tokens - first : BLOCK;
        size_t padded = padded_count(count);
        for (size_t p = 0; p < padded; p += PANEL)
            for (size_t r = 0; r < rows; r += SCORE_ROWS)
                score_panel(scores + r * BLOCK + p, queries + 2 * r, packed_keys + (first + p) * width,
                            width / 2);
        for (size_t r = 0; r < rows; r++) {
            for (size_t i = count; i < padded; i++) scores[r * BLOCK + i] = -INFINITY;
            softmax_row(probabilities + r * BLOCK, scores + r * BLOCK, padded, factor, maximum + r,
                        sum + r, sums + r * width, width);
        }
        for (size_t r = 0; r < rows; r += VALUE_ROWS) {
            const uint16_t *from = packed_values + first * width;
            size_t j = 0;
            for (; j + 64 <= width; j += 64)
                add_values(sums + r * width + j, probabilities + r * BLOCK, from + 2 * j, padded / 2,
                           width, 4);
            for (; j < width; j += 16)
                add_values(sums + r * width + j, probabilities + r * BLOCK, from + 2 * j, padded / 2,
                           width, 1);
        }
    }
    for (size_t r = 0; r < rows; r++) {
        __m512 inverse = _mm512_set1_ps(1.0f / sum[r]);
        for (size_t i = 0; i < width; i += 16) {
            __m512 value = _mm512_mul_ps(_mm512_loadu_ps(sums + r * width + i), inverse);
            _mm256_storeu_si256((__m256i *)(out + r * out_stride + i), (__m256i)_mm512_cvtneps_pbh(value));
        }
    }
}

#pragma clang attribute pop
#else
static void tile(uint16_t *out, size_t out_stride, const uint16_t *queries, size_t rows,
                 const uint16_t *packed_keys, const uint16_t *packed_values, size_t tokens, size_t width,
                 float factor, float *sums) {
    __builtin_trap();  // vv_cpu_has_bfloat16 is false here
}
#endif

void vv_attention_bf16(uint16_t *out, size_t out_stride, const uint16_t *queries, size_t query_stride,
                       size_t query_count, const void *packed_keys, const void *packed_values,
                       size_t tokens, size_t head_width, float scale, void *scratch) {
    // With log2(e) in the scale the softmax is one of powers of two.
    float factor = scale * 1.44269504088896341f;
    float *sums = scratch;
    // [head_width / 2, TILE_QUERIES] pairs, behind the tile's own space.
    uint16_t *transposed = (uint16_t *)((char *)scratch + vv_attention_bf16_scratch_bytes(head_width)) -
                           TILE_QUERIES * head_width;
    for (size_t first = 0; first < query_count; first += TILE_QUERIES) {
        size_t rows = query_count - first < TILE_QUERIES ? query_count - first : TILE_QUERIES;
        for (size_t p = 0; p < head_width / 2; p++)
            for (size_t r = 0; r < TILE_QUERIES; r++) {
                uint16_t *pair = transposed + (p * TILE_QUERIES + r) * 2;
                const uint16_t *query = queries + (first + r) * query_stride + 2 * p;
                pair[0] = r < rows ? query[0] : 0;
                pair[1] = r < rows ? query[1] : 0;
            }
        tile(out + first * out_stride, out_stride, transposed, rows, packed_keys, packed_values, tokens,
             head_width, factor, sums);
    }
}
