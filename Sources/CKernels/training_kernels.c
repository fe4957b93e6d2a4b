#include "training_kernels.h"
#include "vector_math.h"

// Whether a value is dropped.
VV_INLINE bool vv_is_dropped(uint32_t index, vv_dropout dropout) {
    uint32_t h = index + dropout.key[0];
    h ^= h >> 16;
    h *= 0x7feb352du;
    h ^= dropout.key[1];
    h ^= h >> 15;
    h *= 0x846ca68bu;
    h ^= h >> 16;
    // As signed numbers, which vectors compare.
    return (int32_t)(h >> 1) < (int32_t)dropout.threshold;
}

VV_CLONES
void vv_drop(float *x, size_t count, size_t first, vv_dropout dropout) {
    for (size_t i = 0; i < count; i++)
        x[i] = vv_is_dropped((uint32_t)(first + i), dropout) ? 0 : x[i] * dropout.scale;
}

VV_CLONES
void vv_gelu_dropped_with_slope(float *out, float *x, const float *bias, size_t rows, size_t width,
                                vv_dropout dropout) {
    for (size_t row = 0; row < rows; row++) {
        float *to = out + row * width;
        float *in = x + row * width;
        uint32_t first = (uint32_t)(row * width);
        for (size_t i = 0; i < width; i++) {
            float v = in[i] + bias[i];
            float below = 0.5f * (1.0f + vv_erf(v * 0.70710678118654752f));
            float density = 0.39894228040143268f * vv_exp(-0.5f * v * v);
            float mask = vv_is_dropped(first + (uint32_t)i, dropout) ? 0 : dropout.scale;
            to[i] = mask * v * below;
            in[i] = mask * (below + v * density);
        }
    }
}

VV_CLONES
void vv_attention_rows(float *scores, float *dropped, size_t tokens, float scale, bool skips_diagonal, size_t first,
                       vv_dropout dropout) {
    for (size_t row = 0; row < tokens; row++) {
#pragma clang fp reassociate(on)
        float *s = scores + row * tokens;
        float *to = dropped + row * tokens;
        // Low enough to be no maximum, and finite.
        if (skips_diagonal) s[row] = scale < 0 ? 1e30f : -1e30f;
        // Several running maxima, as in vv_softmax_rows.
        float lanes[16];
        size_t whole = tokens / 16 * 16;
        for (size_t j = 0; j < 16; j++) lanes[j] = -INFINITY;
        for (size_t i = 0; i < whole; i += 16)
            for (size_t j = 0; j < 16; j++) {
                float v = s[i + j] * scale;
                lanes[j] = v > lanes[j] ? v : lanes[j];
            }
        for (size_t i = whole; i < tokens; i++) lanes[0] = s[i] * scale > lanes[0] ? s[i] * scale : lanes[0];
        float largest = lanes[0];
        for (size_t j = 1; j < 16; j++) largest = lanes[j] > largest ? lanes[j] : largest;

        float sum = 0;
        for (size_t i = 0; i < tokens; i++) {
            float e = vv_exp(s[i] * scale - largest);
            s[i] = e;
            sum += e;
        }
        if (skips_diagonal) {
            sum -= s[row];
            s[row] = 0;
        }
        float inverse = 1.0f / sum;
        if (dropout.threshold == 0) {
            for (size_t i = 0; i < tokens; i++) to[i] = s[i] = s[i] * inverse;
            continue;
        }
        uint32_t start = (uint32_t)(first + row * tokens);
        for (size_t i = 0; i < tokens; i++) {
            float p = s[i] * inverse;
            bool drops = vv_is_dropped(start + (uint32_t)i, dropout);
            s[i] = drops ? -p : p;
            to[i] = drops ? 0 : p * dropout.scale;
        }
    }
}

VV_CLONES
void vv_attention_dropped(float *dropped, const float *signed_probabilities, size_t count, float dropout_scale) {
    for (size_t i = 0; i < count; i++) {
        float p = signed_probabilities[i];
        dropped[i] = p > 0 ? p * dropout_scale : 0;
    }
}

VV_CLONES
void vv_attention_rows_backward(float *gradient, const float *signed_probabilities, size_t tokens, float scale,
                                float dropout_scale) {
    for (size_t row = 0; row < tokens; row++) {
#pragma clang fp reassociate(on)
        float *g = gradient + row * tokens;
        const float *s = signed_probabilities + row * tokens;
        float dot = 0;
        for (size_t i = 0; i < tokens; i++) {
            float kept = s[i] > 0 ? s[i] : 0;
            dot += kept * g[i];
        }
        dot *= dropout_scale;
        for (size_t i = 0; i < tokens; i++) {
            float kept = s[i] > 0 ? dropout_scale * g[i] : 0;
            g[i] = scale * fabsf(s[i]) * (kept - dot);
        }
    }
}

VV_CLONES
void vv_adamw_step(float *p, float *m, float *v, const float *g, size_t count, vv_adamw settings) {
    float kept = 1.0f - settings.rate * settings.weight_decay;
    float step = settings.rate / settings.correction1;
    float inverse = 1.0f / settings.correction2;
    for (size_t i = 0; i < count; i++) {
        float gradient = g[i] * settings.gradient_scale;
        float first = settings.beta1 * m[i] + (1.0f - settings.beta1) * gradient;
        float second = settings.beta2 * v[i] + (1.0f - settings.beta2) * gradient * gradient;
        m[i] = first;
        v[i] = second;
        p[i] = p[i] * kept - step * first / (sqrtf(second * inverse) + settings.epsilon);
    }
}
