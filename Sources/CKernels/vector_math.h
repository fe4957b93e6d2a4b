#ifndef VITVIDEO_VECTOR_MATH_H
#define VITVIDEO_VECTOR_MATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "clones.h"

// Exponential and error function without branches or calls, so that loops over them are vectorized.

// e^x by 2^n · e^r with |r| ≤ ln2/2. The polynomial is a minimax fit of (e^r − 1 − r) / r², relative
// error 3e-9 before rounding. Arguments outside ±87 saturate: no infinities, no denormals.
VV_INLINE float vv_exp(float x) {
    const float round_to_integer = 12582912.0f;  // 1.5 · 2^23: adding it leaves n in the low mantissa bits
    x = x < -87.0f ? -87.0f : x;
    x = x > 87.0f ? 87.0f : x;
    float shifted = x * 1.44269504088896341f + round_to_integer;
    float n = shifted - round_to_integer;
    float r = (x - n * 0.693145751953125f) - n * 1.428606820309417e-6f;  // ln2 in two parts
    float p = 0.0013950485736131668f;
    p = p * r + 0.008368887938559055f;
    p = p * r + 0.04166620597243309f;
    p = p * r + 0.166665181517601f;
    p = p * r + 0.5f;
    p = p * r * r + r + 1.0f;
    int32_t bits, exponent;
    memcpy(&exponent, &shifted, sizeof exponent);
    memcpy(&bits, &p, sizeof bits);
    bits += (int32_t)((uint32_t)exponent << 23);
    memcpy(&p, &bits, sizeof p);
    return p;
}

// erf(x) = sign(x) · (1 − e^(−|x| · q(|x|))), q a minimax fit of −ln(erfc t) / t over [0, 4], beyond
// which erf is 1 in single precision. Absolute error 1.4e-7, most of it rounding.
VV_INLINE float vv_erf(float x) {
    float t = fabsf(x);
    t = t > 4.0f ? 4.0f : t;
    float q = 3.144011861877516e-05f;
    q = q * t + -0.00030880188569426537f;
    q = q * t + 0.0010324009926989675f;
    q = q * t + 0.0005369341233745217f;
    q = q * t + -0.019583960995078087f;
    q = q * t + 0.10291961580514908f;
    q = q * t + 0.636597752571106f;
    q = q * t + 1.128380298614502f;
    return copysignf(1.0f - vv_exp(-t * q), x);
}

// SiLU(gate) · value.
VV_INLINE float vv_gated(float gate, float value) { return gate / (1.0f + vv_exp(-gate)) * value; }

#endif
