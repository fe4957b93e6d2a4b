#ifndef VITVIDEO_GELU_BF16_KERNEL_H
#define VITVIDEO_GELU_BF16_KERNEL_H

#include <stddef.h>
#include <stdint.h>

/// In place: x = GELU(x + bias), with GELU(v) = v · (1 + erf(v / √2)) / 2, over rows × width bfloat16; the
/// sum and the GELU are in 32-bit floats. Only for CPUs with vv_cpu_has_bfloat16.
void vv_bias_gelu_bf16(uint16_t *x, const float *bias, size_t rows, size_t width);

#endif
