#ifndef VITVIDEO_TRAINING_KERNELS_H
#define VITVIDEO_TRAINING_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Row kernels of training: dropout, the attention that keeps which of its values were dropped, and the optimizer's
// step.

/// Which values of an array are dropped: a pure function of key and index, so that it depends on no thread and no
/// order. Value i is dropped where the upper 31 bits of h are below `threshold`:
///
///     h = i + key[0];  h ^= h >> 16;  h *= 0x7feb352d;  h ^= key[1];  h ^= h >> 15;  h *= 0x846ca68b;  h ^= h >> 16
///
/// (Wellons's "lowbias32" with a second key in its middle.) What is kept is multiplied by `scale`, 1 / (1 − rate).
typedef struct {
    uint32_t key[2];
    uint32_t threshold;
    float scale;
} vv_dropout;

/// In place: x[i] = 0 where value first + i is dropped, else x[i] · scale; i < count.
void vv_drop(float *x, size_t count, size_t first, vv_dropout dropout);

/// out = m ⊙ GELU(x + bias), and in place x = m ⊙ GELU'(x + bias), over rows × width, where m is 0 for what is
/// dropped, else the scale; value (r, i) has the index r · width + i.
void vv_gelu_dropped_with_slope(float *out, float *x, const float *bias, size_t rows, size_t width,
                                vv_dropout dropout);

/// The attention of one head, in place: each row of scores [tokens, tokens] becomes p = softmax(scale · row), without
/// the diagonal where `skips_diagonal`. What is dropped keeps its magnitude with the sign turned, −p; value (r, i) has
/// the index first + r · tokens + i. `dropped` [tokens, tokens] = m ⊙ p.
void vv_attention_rows(float *scores, float *dropped, size_t tokens, float scale, bool skips_diagonal, size_t first,
                       vv_dropout dropout);

/// dropped = m ⊙ p of what vv_attention_rows has left, `count` values.
void vv_attention_dropped(float *dropped, const float *signed_probabilities, size_t count, float dropout_scale);

/// The backward pass of vv_attention_rows, in place: from the gradient g with respect to m ⊙ p to that with respect to
/// the scores, scale · p ⊙ (m ⊙ g − Σ_j p_j m_j g_j), over rows of [tokens, tokens].
void vv_attention_rows_backward(float *gradient, const float *signed_probabilities, size_t tokens, float scale,
                                float dropout_scale);

/// Settings of one step of AdamW.
typedef struct {
    float rate;
    /// Decay rates of the two moments.
    float beta1, beta2;
    /// 1 − beta^step of either.
    float correction1, correction2;
    float epsilon;
    /// What gradients are multiplied by first: of clipping.
    float gradient_scale;
    /// Of the weights, or 0.
    float weight_decay;
} vv_adamw;

/// A step of AdamW (Loshchilov & Hutter 2019, as PyTorch computes it) over `count` parameters p with gradients g and
/// moments m and v:
///
///     p −= rate · weight_decay · p
///     m = beta1 · m + (1 − beta1) · g;  v = beta2 · v + (1 − beta2) · g²
///     p −= rate · (m / correction1) / (√(v / correction2) + epsilon)
void vv_adamw_step(float *p, float *m, float *v, const float *g, size_t count, vv_adamw settings);

#endif
