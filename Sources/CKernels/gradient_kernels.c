#include "gradient_kernels.h"
#include "vector_math.h"

VV_CLONES
void vv_transpose(float *out, const float *x, size_t rows, size_t columns, size_t stride) {
    // Squares that fit the first-level cache: either side alone would miss on every access.
    enum { side = 16 };
    for (size_t r = 0; r < rows; r += side) {
        size_t r_end = r + side < rows ? r + side : rows;
        for (size_t c = 0; c < columns; c += side) {
            size_t c_end = c + side < columns ? c + side : columns;
            for (size_t i = c; i < c_end; i++)
                for (size_t j = r; j < r_end; j++) out[i * rows + j] = x[j * stride + i];
        }
    }
}

// With n = (x − μ)/σ and h = g ⊙ γ: (h − mean(h) − n · mean(h ⊙ n)) / σ.
VV_CLONES
void vv_layer_norm_backward(float *x_gradient, float *gamma_gradient, float *beta_gradient,
                            const float *out_gradient, const float *x, const float *gamma,
                            size_t rows, size_t width, float epsilon) {
    for (size_t row = 0; row < rows; row++) {
#pragma clang fp reassociate(on)
        const float *in = x + row * width;
        const float *g = out_gradient + row * width;
        float *to = x_gradient + row * width;
        float sum = 0;
        for (size_t i = 0; i < width; i++) sum += in[i];
        float mean = sum / (float)width;
        float squares = 0;
        for (size_t i = 0; i < width; i++) squares += (in[i] - mean) * (in[i] - mean);
        float inverse = 1.0f / sqrtf(squares / (float)width + epsilon);
        float total = 0, along = 0;
        for (size_t i = 0; i < width; i++) {
            float h = g[i] * gamma[i];
            total += h;
            along += h * (in[i] - mean) * inverse;
        }
        total /= (float)width;
        along /= (float)width;
        for (size_t i = 0; i < width; i++)
            to[i] += inverse * (g[i] * gamma[i] - total - (in[i] - mean) * inverse * along);
        if (gamma_gradient && beta_gradient)
            for (size_t i = 0; i < width; i++) {
                gamma_gradient[i] += g[i] * (in[i] - mean) * inverse;
                beta_gradient[i] += g[i];
            }
    }
}

VV_CLONES
void vv_softmax_backward_rows(float *gradient, const float *probabilities, size_t rows,
                              size_t columns) {
    for (size_t row = 0; row < rows; row++) {
#pragma clang fp reassociate(on)
        float *g = gradient + row * columns;
        const float *p = probabilities + row * columns;
        float dot = 0;
        for (size_t i = 0; i < columns; i++) dot += p[i] * g[i];
        for (size_t i = 0; i < columns; i++) g[i] = p[i] * (g[i] - dot);
    }
}

// Φ(v), and its density.
VV_INLINE float vv_normal_below(float v) { return 0.5f * (1.0f + vv_erf(v * 0.70710678118654752f)); }
VV_INLINE float vv_normal_density(float v) { return 0.39894228040143268f * vv_exp(-0.5f * v * v); }

VV_CLONES
void vv_gelu_backward(float *gradient, const float *x, const float *bias, size_t rows, size_t width) {
    for (size_t row = 0; row < rows; row++) {
        float *g = gradient + row * width;
        const float *in = x + row * width;
        for (size_t i = 0; i < width; i++) {
            float v = in[i] + bias[i];
            g[i] *= vv_normal_below(v) + v * vv_normal_density(v);
        }
    }
}

VV_CLONES
void vv_gelu_with_slope(float *out, float *x, const float *bias, size_t rows, size_t width) {
    for (size_t row = 0; row < rows; row++) {
        float *to = out + row * width;
        float *in = x + row * width;
        for (size_t i = 0; i < width; i++) {
            float v = in[i] + bias[i];
            float below = vv_normal_below(v);
            to[i] = v * below;
            in[i] = below + v * vv_normal_density(v);
        }
    }
}

VV_CLONES
void vv_logistic_gelu_backward(float *gradient, const float *x, const float *bias, size_t rows, size_t width,
                               vv_logistic_gelu gelu) {
    for (size_t row = 0; row < rows; row++) {
        float *g = gradient + row * width;
        const float *in = x + row * width;
        for (size_t i = 0; i < width; i++) {
            float v = in[i] + bias[i];
            float s = 1.0f / (1.0f + vv_exp(-v * (gelu.linear + gelu.cubic * v * v)));
            g[i] *= s + v * s * (1.0f - s) * (gelu.linear + 3.0f * gelu.cubic * v * v);
        }
    }
}

// With s = σ(gate): SiLU(gate) = gate·s and SiLU'(gate) = s·(1 + gate·(1 − s)).
VV_CLONES
void vv_swiglu_backward(float *x_gradient, const float *out_gradient, const float *x,
                        const float *bias, size_t rows, size_t width) {
    for (size_t row = 0; row < rows; row++) {
        const float *g = out_gradient + row * width;
        const float *in = x + row * 2 * width;
        float *to = x_gradient + row * 2 * width;
        for (size_t i = 0; i < width; i++) {
            float gate = in[i] + bias[i];
            float value = in[width + i] + bias[width + i];
            float s = 1.0f / (1.0f + vv_exp(-gate));
            to[i] = g[i] * value * s * (1.0f + gate * (1.0f - s));
            to[width + i] = g[i] * gate * s;
        }
    }
}

VV_CLONES
void vv_scale_columns(float *out, const float *x, const float *scale, size_t rows, size_t width) {
    for (size_t row = 0; row < rows; row++)
        for (size_t i = 0; i < width; i++) out[row * width + i] = x[row * width + i] * scale[i];
}

VV_CLONES
void vv_add_column_sums(float *sums, const float *x, size_t rows, size_t width) {
    for (size_t row = 0; row < rows; row++)
        for (size_t i = 0; i < width; i++) sums[i] += x[row * width + i];
}

VV_CLONES
void vv_add_column_products(float *sums, const float *a, const float *b, const float *bias,
                            size_t rows, size_t width) {
    for (size_t row = 0; row < rows; row++)
        for (size_t i = 0; i < width; i++)
            sums[i] += a[row * width + i] * (b[row * width + i] + bias[i]);
}

VV_CLONES
void vv_bias_swiglu(float *out, const float *x, const float *bias, size_t rows, size_t width) {
    for (size_t row = 0; row < rows; row++) {
        const float *gate = x + row * 2 * width;
        for (size_t i = 0; i < width; i++)
            out[row * width + i] = vv_gated(gate[i] + bias[i], gate[width + i] + bias[width + i]);
    }
}

VV_CLONES
void vv_add_residual(float *residual, const float *x, const float *bias, const float *scale,
                     size_t rows, size_t width) {
    for (size_t row = 0; row < rows; row++) {
        float *r = residual + row * width;
        const float *v = x + row * width;
        if (scale)
            for (size_t i = 0; i < width; i++) r[i] += scale[i] * (v[i] + bias[i]);
        else
            for (size_t i = 0; i < width; i++) r[i] += v[i] + bias[i];
    }
}
