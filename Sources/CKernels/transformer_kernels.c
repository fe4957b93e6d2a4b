#include "transformer_kernels.h"
#include "bfloat16.h"
#include "vector_math.h"

#include <string.h>

// A row's mean and 1 / √(variance + epsilon).
VV_INLINE void vv_moments(const float *x, size_t width, float epsilon, float *mean, float *inverse) {
#pragma clang fp reassociate(on)
    float sum = 0;
    for (size_t i = 0; i < width; i++) sum += x[i];
    *mean = sum / (float)width;
    // The variance is taken around the mean: E[x²] − mean² would cancel for large offsets.
    float squares = 0;
    for (size_t i = 0; i < width; i++) squares += (x[i] - *mean) * (x[i] - *mean);
    *inverse = 1.0f / sqrtf(squares / (float)width + epsilon);
}

VV_CLONES
void vv_layer_norm(float *out, const float *x, const float *gamma, const float *beta, size_t rows,
                   size_t width, float epsilon) {
    for (size_t row = 0; row < rows; row++) {
        const float *in = x + row * width;
        float *to = out + row * width;
        float mean, inverse;
        vv_moments(in, width, epsilon, &mean, &inverse);
        for (size_t i = 0; i < width; i++) to[i] = (in[i] - mean) * inverse * gamma[i] + beta[i];
    }
}

VV_CLONES
void vv_layer_norm_bf16(uint16_t *out, const float *x, const float *gamma, const float *beta,
                        size_t rows, size_t width, float epsilon) {
    for (size_t row = 0; row < rows; row++) {
        const float *in = x + row * width;
        uint16_t *to = out + row * width;
        float mean, inverse;
        vv_moments(in, width, epsilon, &mean, &inverse);
        for (size_t i = 0; i < width; i++)
            to[i] = vv_bfloat16((in[i] - mean) * inverse * gamma[i] + beta[i]);
    }
}

VV_CLONES
void vv_layer_norm_of_bf16(uint16_t *x, const float *gamma, const float *beta, size_t rows, size_t width,
                           float epsilon) {
    for (size_t row = 0; row < rows; row++) {
        uint16_t *in = x + row * width;
        float values[width], mean, inverse;
        for (size_t i = 0; i < width; i++) values[i] = vv_float(in[i]);
        vv_moments(values, width, epsilon, &mean, &inverse);
        for (size_t i = 0; i < width; i++)
            in[i] = vv_bfloat16((values[i] - mean) * inverse * gamma[i] + beta[i]);
    }
}

VV_CLONES
void vv_round_bf16(uint16_t *out, const float *x, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = vv_bfloat16(x[i]);
}

VV_CLONES
size_t vv_finite_prefix(const float *x, size_t count) {
    const size_t piece = 4096;
    for (size_t start = 0; start < count; start += piece) {
        size_t end = count - start < piece ? count : start + piece;
        // The exponent of infinities and NaN is all ones.
        uint32_t found = 0;
        for (size_t i = start; i < end; i++) {
            uint32_t bits;
            memcpy(&bits, x + i, sizeof bits);
            found |= (bits & 0x7f800000u) == 0x7f800000u;
        }
        if (!found) continue;
        while (isfinite(x[start])) start++;
        return start;
    }
    return count;
}

VV_CLONES
void vv_softmax_rows(float *scores, size_t rows, size_t columns, size_t stride, float scale) {
    for (size_t row = 0; row < rows; row++) {
#pragma clang fp reassociate(on)
        float *s = scores + row * stride;
        // Several running maxima, since a float maximum carries NaN and order rules that stop the
        // vectorizer.
        float lanes[16];
        size_t whole = columns / 16 * 16;
        for (size_t j = 0; j < 16; j++) lanes[j] = -INFINITY;
        for (size_t i = 0; i < whole; i += 16)
            for (size_t j = 0; j < 16; j++) lanes[j] = s[i + j] > lanes[j] ? s[i + j] : lanes[j];
        for (size_t i = whole; i < columns; i++) lanes[0] = s[i] > lanes[0] ? s[i] : lanes[0];
        float largest = lanes[0];
        for (size_t j = 1; j < 16; j++) largest = lanes[j] > largest ? lanes[j] : largest;

        float sum = 0;
        for (size_t i = 0; i < columns; i++) {
            float e = vv_exp((s[i] - largest) * scale);
            s[i] = e;
            sum += e;
        }
        float inverse = 1.0f / sum;
        for (size_t i = 0; i < columns; i++) s[i] *= inverse;
    }
}

VV_CLONES
void vv_add_bias(float *x, const float *bias, size_t rows, size_t width) {
    for (size_t row = 0; row < rows; row++)
        for (size_t i = 0; i < width; i++) x[row * width + i] += bias[i];
}

VV_CLONES
void vv_bias_gelu(float *x, const float *bias, size_t rows, size_t width) {
    for (size_t row = 0; row < rows; row++) {
        float *v = x + row * width;
        for (size_t i = 0; i < width; i++) {
            float a = v[i] + bias[i];
            v[i] = 0.5f * a * (1.0f + vv_erf(a * 0.70710678118654752f));
        }
    }
}

// v · σ(linear·v + cubic·v³).
VV_INLINE float vv_logistic(float v, vv_logistic_gelu gelu) {
    return v / (1.0f + vv_exp(-v * (gelu.linear + gelu.cubic * v * v)));
}

VV_CLONES
void vv_bias_logistic_gelu(float *x, const float *bias, size_t rows, size_t width, vv_logistic_gelu gelu) {
    for (size_t row = 0; row < rows; row++) {
        float *v = x + row * width;
        for (size_t i = 0; i < width; i++) v[i] = vv_logistic(v[i] + bias[i], gelu);
    }
}

VV_CLONES
void vv_bias_logistic_gelu_bf16(uint16_t *x, const float *bias, size_t rows, size_t width,
                                vv_logistic_gelu gelu) {
    for (size_t row = 0; row < rows; row++) {
        uint16_t *v = x + row * width;
        for (size_t i = 0; i < width; i++)
            v[i] = vv_bfloat16(vv_logistic(vv_float(v[i]) + bias[i], gelu));
    }
}

// Pair i of a head is the values at i · step and i · step + gap, both constants where this is inlined.
VV_INLINE void vv_rotate(float *x, size_t stride, const float *cosines, const float *sines, size_t rows,
                         size_t heads, size_t head_width, float direction, const size_t step, const size_t gap) {
    size_t half = head_width / 2;
    for (size_t row = 0; row < rows; row++) {
        const float *c = cosines + row * half;
        const float *s = sines + row * half;
        for (size_t head = 0; head < heads; head++) {
            float *first = x + row * stride + head * head_width;
            float *second = first + gap;
            for (size_t i = 0; i < half; i++) {
                float a = first[i * step], b = second[i * step], sine = direction * s[i];
                first[i * step] = a * c[i] - b * sine;
                second[i * step] = b * c[i] + a * sine;
            }
        }
    }
}

VV_INLINE void vv_rotate_bf16(uint16_t *x, size_t stride, const float *cosines, const float *sines,
                              size_t rows, size_t heads, size_t head_width, const size_t step,
                              const size_t gap) {
    size_t half = head_width / 2;
    for (size_t row = 0; row < rows; row++) {
        const float *c = cosines + row * half;
        const float *s = sines + row * half;
        for (size_t head = 0; head < heads; head++) {
            uint16_t *first = x + row * stride + head * head_width;
            uint16_t *second = first + gap;
            for (size_t i = 0; i < half; i++) {
                float a = vv_float(first[i * step]), b = vv_float(second[i * step]);
                first[i * step] = vv_bfloat16(a * c[i] - b * s[i]);
                second[i * step] = vv_bfloat16(b * c[i] + a * s[i]);
            }
        }
    }
}

VV_CLONES
void vv_rotate_halves(float *x, size_t stride, const float *cosines, const float *sines, size_t rows,
                      size_t heads, size_t head_width, float direction) {
    vv_rotate(x, stride, cosines, sines, rows, heads, head_width, direction, 1, head_width / 2);
}

VV_CLONES
void vv_rotate_halves_bf16(uint16_t *x, size_t stride, const float *cosines, const float *sines,
                           size_t rows, size_t heads, size_t head_width) {
    vv_rotate_bf16(x, stride, cosines, sines, rows, heads, head_width, 1, head_width / 2);
}

VV_CLONES
void vv_rotate_neighbors(float *x, size_t stride, const float *cosines, const float *sines, size_t rows,
                         size_t heads, size_t head_width, float direction) {
    vv_rotate(x, stride, cosines, sines, rows, heads, head_width, direction, 2, 1);
}

VV_CLONES
void vv_rotate_neighbors_bf16(uint16_t *x, size_t stride, const float *cosines, const float *sines,
                              size_t rows, size_t heads, size_t head_width) {
    vv_rotate_bf16(x, stride, cosines, sines, rows, heads, head_width, 2, 1);
}

VV_CLONES
void vv_swiglu(float *out, const float *x, size_t rows, size_t width) {
    for (size_t row = 0; row < rows; row++) {
        const float *gate = x + row * 2 * width;
        for (size_t i = 0; i < width; i++) out[row * width + i] = vv_gated(gate[i], gate[width + i]);
    }
}

VV_CLONES
void vv_swiglu_bf16(uint16_t *out, const float *x, size_t rows, size_t width) {
    for (size_t row = 0; row < rows; row++) {
        const float *gate = x + row * 2 * width;
        for (size_t i = 0; i < width; i++)
            out[row * width + i] = vv_bfloat16(vv_gated(gate[i], gate[width + i]));
    }
}
