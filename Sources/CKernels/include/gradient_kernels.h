#ifndef VITVIDEO_GRADIENT_KERNELS_H
#define VITVIDEO_GRADIENT_KERNELS_H

#include <stddef.h>

// Row kernels of the reverse pass and of the forward pass it records. All matrices are row-major; a `gradient` is that of one number (a
// class's logit) by the value it is named after.

/// out [columns, rows] = the transpose of x [rows, columns], whose rows lie `stride` floats apart.
void vv_transpose(float *out, const float *x, size_t rows, size_t columns, size_t stride);

/// LayerNorm: adds to x_gradient [rows, width] what reaches x from out_gradient [rows, width].
/// gamma_gradient and beta_gradient [width] are added to as well; both may be null.
void vv_layer_norm_backward(float *x_gradient, float *gamma_gradient, float *beta_gradient,
                            const float *out_gradient, const float *x, const float *gamma,
                            size_t rows, size_t width, float epsilon);

/// In place: from the gradient by softmax's output to that by its input, for each row of
/// [rows, columns]: p ⊙ (g − Σ_j p_j g_j), p being softmax's output.
void vv_softmax_backward_rows(float *gradient, const float *probabilities, size_t rows,
                              size_t columns);

/// In place: gradient ⊙= GELU'(x + bias), over rows × width. GELU'(v) = Φ(v) + v·φ(v).
void vv_gelu_backward(float *gradient, const float *x, const float *bias, size_t rows, size_t width);

/// out [rows, width] = SiLU(x[:, :width]) · x[:, width:] after adding bias [2·width] to x [rows, 2·width].
void vv_bias_swiglu(float *out, const float *x, const float *bias, size_t rows, size_t width);

/// In place: residual += scale ⊙ (x + bias), over rows × width. `scale` [width] may be null for 1.
void vv_add_residual(float *residual, const float *x, const float *bias, const float *scale,
                     size_t rows, size_t width);

/// x_gradient [rows, 2·width] of vv_bias_swiglu's input from out_gradient [rows, width].
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
