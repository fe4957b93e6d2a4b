#ifndef VITVIDEO_GRADIENT_KERNELS_H
#define VITVIDEO_GRADIENT_KERNELS_H

#include <stddef.h>

#include "transformer_kernels.h"

// Row kernels of the backward pass and of the forward pass that it records. All matrices are row-major. A
// gradient is that of one number, such as a class's logit, with respect to the value in its name.

/// out [columns, rows] = the transpose of x [rows, columns], whose rows lie `stride` floats apart.
void vv_transpose(float *out, const float *x, size_t rows, size_t columns, size_t stride);

/// Of y = n ⊙ gamma + beta with n = (x − mean) / σ, σ = √(variance + epsilon), and h = out_gradient ⊙ gamma:
///
///     x_gradient [rows, width] += (h − mean(h) − n · mean(h ⊙ n)) / σ
///     gamma_gradient [width]   += Σ_r out_gradient ⊙ n
///     beta_gradient [width]    += Σ_r out_gradient
///
/// gamma_gradient and beta_gradient may both be null.
void vv_layer_norm_backward(float *x_gradient, float *gamma_gradient, float *beta_gradient,
                            const float *out_gradient, const float *x, const float *gamma,
                            size_t rows, size_t width, float epsilon);

/// Of p = softmax(s), in place for each row of [rows, columns]: from the gradient g with respect to p to that
/// with respect to s, p ⊙ (g − Σ_j p_j g_j).
void vv_softmax_backward_rows(float *gradient, const float *probabilities, size_t rows,
                              size_t columns);

/// In place: gradient ⊙= GELU'(x + bias), over rows × width. GELU'(v) = Φ(v) + v·φ(v).
void vv_gelu_backward(float *gradient, const float *x, const float *bias, size_t rows, size_t width);

/// out = GELU(x + bias), and in place x = GELU'(x + bias), over rows × width.
void vv_gelu_with_slope(float *out, float *x, const float *bias, size_t rows, size_t width);

/// In place: gradient ⊙= f'(x + bias) for f of vv_bias_logistic_gelu, over rows × width. With
/// s = σ(linear·v + cubic·v³): f'(v) = s + v · s · (1 − s) · (linear + 3·cubic·v²).
void vv_logistic_gelu_backward(float *gradient, const float *x, const float *bias, size_t rows, size_t width,
                               vv_logistic_gelu gelu);

/// out [rows, width] = SiLU(x[:, :width]) · x[:, width:] after adding bias [2·width] to x [rows, 2·width].
void vv_bias_swiglu(float *out, const float *x, const float *bias, size_t rows, size_t width);

/// In place: residual += scale ⊙ (x + bias), over rows × width. `scale` [width] may be null for 1.
void vv_add_residual(float *residual, const float *x, const float *bias, const float *scale,
                     size_t rows, size_t width);

/// x_gradient [rows, 2·width] of vv_bias_swiglu's input from out_gradient g [rows, width]. With gate and
/// value the two halves of x + bias, of the gate g · value · SiLU'(gate), of the value g · SiLU(gate).
void vv_swiglu_backward(float *x_gradient, const float *out_gradient, const float *x,
                        const float *bias, size_t rows, size_t width);

/// out = scale ⊙ x, over rows × width.
void vv_scale_columns(float *out, const float *x, const float *scale, size_t rows, size_t width);

/// sums [width] += Σ_r x[r, :].
void vv_add_column_sums(float *sums, const float *x, size_t rows, size_t width);

/// sums [width] += Σ_r a[r, :] ⊙ (b[r, :] + bias).
void vv_add_column_products(float *sums, const float *a, const float *b, const float *bias,
                            size_t rows, size_t width);

#endif
