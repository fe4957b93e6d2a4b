#ifndef VITVIDEO_REUSE_KERNELS_H
#define VITVIDEO_REUSE_KERNELS_H

#include <stddef.h>

// How far rows have moved since something was computed of them, and what is taken over where they have not.

/// out[r] = Σ (x[r, :] − reference[r, :])², over rows × width.
void vv_row_distances(float *out, const float *x, const float *reference, size_t rows, size_t width);

/// out[r] = Σ x[r, :]², over rows × width.
void vv_row_squares(float *out, const float *x, size_t rows, size_t width);

/// out = a − b, count values each.
void vv_subtract(float *out, const float *a, const float *b, size_t count);

/// x += y, count values each.
void vv_add(float *x, const float *y, size_t count);

#endif
