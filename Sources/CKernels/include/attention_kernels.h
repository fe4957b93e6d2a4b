#ifndef VITVIDEO_ATTENTION_KERNELS_H
#define VITVIDEO_ATTENTION_KERNELS_H

#include <stddef.h>
#include <stdint.h>

// Attention of one head, softmax(scale · Q·Kᵀ)·V, in tiles that stay in cache: the tokens × tokens
// matrix is never in memory. A tile of queries meets the keys block by block; the running maximum and
// sum of each row are corrected as the blocks go by (Milakov & Gimelshein 2018; Dao et al. 2022).

/// Floats that one head's packed keys and packed values each take.
size_t vv_attention_packed_count(size_t tokens, size_t head_width);

/// Floats of scratch that vv_attention needs.
size_t vv_attention_scratch_count(size_t head_width);

/// Rows and columns that a bias must have for so many queries and tokens.
size_t vv_attention_bias_rows(size_t queries);
size_t vv_attention_bias_columns(size_t tokens);

/// Arranges one head's keys and values [tokens, head_width], rows `stride` floats apart, for vv_attention.
void vv_attention_pack(float *packed_keys, float *packed_values, const float *keys,
                       const float *values, size_t stride, size_t tokens, size_t head_width);

/// Replaces the packed keys and values of `count` tokens by keys and values [count, head_width], rows `stride` floats
/// apart.
void vv_attention_repack(float *packed_keys, float *packed_values, const float *keys, const float *values,
                         size_t stride, const int32_t *tokens, size_t count, size_t head_width);

/// out [query_count, head_width], rows `out_stride` apart = softmax(scale · (Q·Kᵀ + bias))·V for queries
/// [query_count, head_width], rows `query_stride` apart, against all packed keys and values. `bias` [query_count,
/// tokens], rows `bias_stride` apart, is finite in whole tiles: of vv_attention_bias_rows(query_count) rows and
/// vv_attention_bias_columns(tokens) columns; NULL for none.
void vv_attention(float *out, size_t out_stride, const float *queries, size_t query_stride,
                  size_t query_count, const float *packed_keys, const float *packed_values,
                  size_t tokens, size_t head_width, float scale, const float *bias, size_t bias_stride,
                  float *scratch);

#endif
