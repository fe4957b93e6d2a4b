#ifndef VITVIDEO_PANELS_H
#define VITVIDEO_PANELS_H

#include <stddef.h>

#include "clones.h"

// Packs a matrix [rows, width], whose rows lie `stride` floats apart, in panels [width, panel] of `panel` rows each, so that one
// broadcast value meets whole vectors; the last panel is filled up with zeros.
VV_INLINE void pack_panels(float *packed, const float *matrix, size_t stride, size_t rows, size_t width,
                           const size_t panel) {
    for (size_t first = 0; first < rows; first += panel) {
        size_t count = rows - first < panel ? rows - first : panel;
        float *to = packed + first * width;
        for (size_t k = 0; k < width; k++) {
            for (size_t i = 0; i < count; i++) to[k * panel + i] = matrix[(first + i) * stride + k];
            for (size_t i = count; i < panel; i++) to[k * panel + i] = 0;
        }
    }
}

#endif
