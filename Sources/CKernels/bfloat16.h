#ifndef VITVIDEO_BFLOAT16_H
#define VITVIDEO_BFLOAT16_H

#include <stdint.h>
#include <string.h>

#include "clones.h"

// The upper half of a float, rounded to nearest even. NaN does not occur in what is converted here.
VV_INLINE uint16_t vv_bfloat16(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (uint16_t)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

VV_INLINE float vv_float(uint16_t x) {
    uint32_t bits = (uint32_t)x << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

#endif
