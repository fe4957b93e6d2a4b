#ifndef VITVIDEO_ATTENTION_BF16_KERNELS_H
#define VITVIDEO_ATTENTION_BF16_KERNELS_H

#include <stddef.h>
#include <stdint.h>

// The attention of attention_kernels.h in bfloat16: products of bfloat16 summed in 32-bit floats, the
// softmax in 32-bit floats. Only for CPUs with vv_cpu_has_bfloat16; the head's width must be a multiple
// of 16.

/// Bytes that one head's packed keys and packed values each take.
size_t vv_attention_bf16_packed_bytes(size_t tokens, size_t head_width);

/// Bytes of scratch, aligned to 64, that vv_attention_bf16 needs.
size_t vv_attention_bf16_scratch_bytes(size_t head_width);

/// Arranges one head's keys and values [tokens, head_width], rows `stride` values apart.
void vv_attention_bf16_pack(void *packed_keys, void *packed_values, const uint16_t *keys,
                            const uint16_t *values, size_t stride, size_t tokens, size_t head_width);

/// Replaces the packed keys and values of `count` tokens by keys and values [count, head_width], rows `stride` values
/// apart.
void vv_attention_bf16_repack(void *packed_keys, void *packed_values, const uint16_t *keys,
                              const uint16_t *values, size_t stride, const int32_t *tokens, size_t count,
                              size_t head_width);

/// out [query_count, head_width], rows `out_stride` apart = softmax(scale · (Q·Kᵀ + bias))·V for queries
/// [query_count, head_width], rows `query_stride` apart, against all packed keys and values. `bias` [query_count,
/// tokens], rows `bias_stride` apart, is finite in whole tiles: of vv_attention_bias_rows(query_count) rows and
/// vv_attention_bias_columns(tokens) columns; NULL for none.
void vv_attention_bf16(uint16_t *out, size_t out_stride, const uint16_t *queries, size_t query_stride,
                       size_t query_count, const void *packed_keys, const void *packed_values,
                       size_t tokens, size_t head_width, float scale, const float *bias, size_t bias_stride,
                       void *scratch);

#endif
