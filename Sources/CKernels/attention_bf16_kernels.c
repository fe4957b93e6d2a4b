#include "attention_bf16_kernels.h"
#include "attention_blocks.h"

// Keys are packed in panels [head_width / 2, PANEL] of pairs, values [tokens / 2, head_width] in pairs along
// the tokens: what one multiplication sums lies together.

size_t vv_attention_bf16_packed_bytes(size_t tokens, size_t head_width) {
    return padded_count(tokens) * head_width * sizeof(uint16_t);
}

size_t vv_attention_bf16_scratch_bytes(size_t head_width) {
    return TILE_QUERIES * (head_width * (sizeof(uint16_t) + sizeof(float)) + BLOCK * sizeof(uint16_t));
}

void vv_attention_bf16_pack(void *packed_keys, void *packed_values, const uint16_t *keys,
                            const uint16_t *values, size_t stride, size_t tokens, size_t head_width) {
    size_t padded = padded_count(tokens);
    for (size_t t = 0; t < padded; t++) {
        uint16_t *to = (uint16_t *)packed_keys + t / PANEL * PANEL * head_width + t % PANEL * 2;
        for (size_t i = 0; i < head_width; i += 2) {
            if (t < tokens)
                memcpy(to + i * PANEL, keys + t * stride + i, 2 * sizeof *keys);
            else
                memset(to + i * PANEL, 0, 2 * sizeof *keys);
        }
    }
    for (size_t t = 0; t < padded; t += 2) {
        uint32_t *to = (uint32_t *)packed_values + t / 2 * head_width;
        const uint16_t *low = values + t * stride, *high = low + stride;
        // A pair past the end is 0, and so is the second of a last token's.
        if (t + 1 < tokens)
            for (size_t i = 0; i < head_width; i++) to[i] = low[i] | (uint32_t)high[i] << 16;
        else
            for (size_t i = 0; i < head_width; i++) to[i] = t < tokens ? low[i] : 0;
    }
}

void vv_attention_bf16_repack(void *packed_keys, void *packed_values, const uint16_t *keys,
                              const uint16_t *values, size_t stride, const int32_t *tokens, size_t count,
                              size_t head_width) {
    for (size_t r = 0; r < count; r++) {
        size_t t = (size_t)tokens[r];
        uint16_t *key = (uint16_t *)packed_keys + t / PANEL * PANEL * head_width + t % PANEL * 2;
        uint16_t *value = (uint16_t *)packed_values + t / 2 * head_width * 2 + t % 2;
        for (size_t i = 0; i < head_width; i += 2) memcpy(key + i * PANEL, keys + r * stride + i, 2 * sizeof *keys);
        for (size_t i = 0; i < head_width; i++) value[2 * i] = values[r * stride + i];
    }
}

#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(                                                                        \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma"))),               \
    apply_to = function)

typedef float vector_bf16 __attribute__((ext_vector_type(16), aligned(4)));
typedef __m512bh operand_bf16;
typedef uint16_t element_bf16;

VV_INLINE operand_bf16 load_bf16(const uint16_t *from) { return (operand_bf16)_mm512_loadu_si512(from); }
VV_INLINE operand_bf16 broadcast_bf16(const uint16_t *from) {
    int pair;
    memcpy(&pair, from, sizeof pair);
    return (operand_bf16)_mm512_set1_epi32(pair);
}
VV_INLINE vector_bf16 multiply_bf16(operand_bf16 a, operand_bf16 b, vector_bf16 sum) {
    return (vector_bf16)_mm512_dpbf16_ps((__m512)sum, a, b);
}
VV_INLINE void store_bf16(uint16_t *to, vector_bf16 p, vector_bf16 q) {
    _mm512_storeu_si512(to, (__m512i)_mm512_cvtne2ps_pbh((__m512)q, (__m512)p));
}
VV_INLINE uint16_t scaled_bf16(uint16_t element, float factor) {
    uint32_t bits = (uint32_t)element << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    value *= factor;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)(bits >> 16);
}

// Relative error of the power 1e-4, far below bfloat16's 4e-3.
#define EXP2_POLYNOMIAL(f) ((0.05500893f * f + 0.24221095f) * f + 0.6932829f)

#define TILE_NAME(name) name##_bf16
#define TILE_LANES 16
#define TILE_STEP 2
#define TILE_QK_ROWS 12
#define TILE_PV_ROWS 6
#define TILE_PV_VECTORS 4
#define TILE_EXP2 EXP2_POLYNOMIAL
#include "attention_tile.h"

static void round_row(uint16_t *out, const float *values, size_t width) {
    for (size_t i = 0; i < width; i += 16)
        _mm256_storeu_si256((__m256i *)(out + i),
                            (__m256i)_mm512_cvtneps_pbh(_mm512_loadu_ps(values + i)));
}

#pragma clang attribute pop
#else
// vv_cpu_has_bfloat16 is false here, and the kernel not to be called.
static void tile_bf16(float *outputs, void *probabilities, const void *queries, size_t rows,
                      const void *packed_keys, const void *packed_values, size_t tokens,
                      size_t head_width, float factor, const float *bias, size_t bias_stride) {
    __builtin_trap();
}
static void round_row(uint16_t *out, const float *values, size_t width) { __builtin_trap(); }
#endif

void vv_attention_bf16(uint16_t *out, size_t out_stride, const uint16_t *queries, size_t query_stride,
                       size_t query_count, const void *packed_keys, const void *packed_values,
                       size_t tokens, size_t head_width, float scale, const float *bias, size_t bias_stride,
                       void *scratch) {
    float *outputs = scratch;                                               // [TILE_QUERIES, head_width]
    uint16_t *probabilities = (uint16_t *)(outputs + TILE_QUERIES * head_width);  // [TILE_QUERIES, BLOCK]
    uint16_t *transposed = probabilities + TILE_QUERIES * BLOCK;  // [head_width / 2, TILE_QUERIES] pairs
    for (size_t first = 0; first < query_count; first += TILE_QUERIES) {
        size_t rows = query_count - first < TILE_QUERIES ? query_count - first : TILE_QUERIES;
        for (size_t p = 0; p < head_width / 2; p++)
            for (size_t r = 0; r < TILE_QUERIES; r++) {
                uint16_t *pair = transposed + (p * TILE_QUERIES + r) * 2;
                const uint16_t *query = queries + (first + r) * query_stride + 2 * p;
                pair[0] = r < rows ? query[0] : 0;
                pair[1] = r < rows ? query[1] : 0;
            }
        tile_bf16(outputs, probabilities, transposed, rows, packed_keys, packed_values, tokens,
                  head_width, scale * LOG2_E, bias ? bias + first * bias_stride : NULL, bias_stride);
        for (size_t r = 0; r < rows; r++)
            round_row(out + (first + r) * out_stride, outputs + r * head_width, head_width);
    }
}
