#ifndef VITVIDEO_TRANSFORMER_KERNELS_H
#define VITVIDEO_TRANSFORMER_KERNELS_H

#include <stddef.h>
#include <stdint.h>

// All matrices are row-major. `stride` is the distance between two rows in floats.

/// out[r, :] = (x[r, :] − mean) / √(variance + epsilon) · gamma + beta, over rows × width.
/// `out` may be `x`.
void vv_layer_norm(float *out, const float *x, const float *gamma, const float *beta, size_t rows,
                   size_t width, float epsilon);

/// The same to bfloat16, rounded to nearest even.
void vv_layer_norm_bf16(uint16_t *out, const float *x, const float *gamma, const float *beta,
                        size_t rows, size_t width, float epsilon);

/// In place, of bfloat16 to bfloat16: the LayerNorm of each of `rows` rows.
void vv_layer_norm_of_bf16(uint16_t *x, const float *gamma, const float *beta, size_t rows, size_t width,
                           float epsilon);

/// How many values at the beginning of x [count] are finite: `count` where all are.
size_t vv_finite_prefix(const float *x, size_t count);

/// In place: each row of scores [rows, columns] becomes softmax(scale · row).
void vv_softmax_rows(float *scores, size_t rows, size_t columns, size_t stride, float scale);

/// In place: x[r, :] += bias over rows × width.
void vv_add_bias(float *x, const float *bias, size_t rows, size_t width);

/// In place: x = GELU(x + bias), with GELU(v) = v · (1 + erf(v / √2)) / 2, over rows × width.
void vv_bias_gelu(float *x, const float *bias, size_t rows, size_t width);

/// Rounds count floats to bfloat16, to nearest even.
void vv_round_bf16(uint16_t *out, const float *x, size_t count);

/// The argument of a GELU by the logistic function, x · σ(linear·x + cubic·x³). By tanh:
/// linear = 2·√(2/π) and cubic = 0.044715 · linear, since (1 + tanh u) / 2 = σ(2u). QuickGELU: 1.702 and 0.
typedef struct {
    float linear;
    float cubic;
} vv_logistic_gelu;

/// In place: x = v · σ(linear·v + cubic·v³) with v = x + bias, over rows × width.
void vv_bias_logistic_gelu(float *x, const float *bias, size_t rows, size_t width, vv_logistic_gelu gelu);

/// The same over bfloat16; the sum and the function are in 32-bit floats.
void vv_bias_logistic_gelu_bf16(uint16_t *x, const float *bias, size_t rows, size_t width,
                                vv_logistic_gelu gelu);

/// In place, rotary positions: in each row, `heads` runs (x₁, x₂) of two halves of head_width become
/// (x₁·cos − x₂·sin, x₂·cos + x₁·sin), with cosines and sines [rows, head_width / 2]. A direction of −1
/// rotates back, which is the transpose; 1 rotates forward.
void vv_rotate_halves(float *x, size_t stride, const float *cosines, const float *sines, size_t rows,
                      size_t heads, size_t head_width, float direction);

/// The same forward over bfloat16, computed in 32-bit floats.
void vv_rotate_halves_bf16(uint16_t *x, size_t stride, const float *cosines, const float *sines,
                           size_t rows, size_t heads, size_t head_width);

/// The same for the pairs (x₂ᵢ, x₂ᵢ₊₁) in place of the halves' (xᵢ, x_{i + head_width / 2}).
void vv_rotate_neighbors(float *x, size_t stride, const float *cosines, const float *sines, size_t rows,
                         size_t heads, size_t head_width, float direction);

/// The same forward over bfloat16, computed in 32-bit floats.
void vv_rotate_neighbors_bf16(uint16_t *x, size_t stride, const float *cosines, const float *sines,
                              size_t rows, size_t heads, size_t head_width);

/// out [rows, width] = SiLU(x[:, :width]) · x[:, width:] for x [rows, 2·width].
void vv_swiglu(float *out, const float *x, size_t rows, size_t width);

/// The same to bfloat16, rounded to nearest even.
void vv_swiglu_bf16(uint16_t *out, const float *x, size_t rows, size_t width);

#endif
