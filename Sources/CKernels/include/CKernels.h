// Row kernels. Every function is compiled for several instruction sets and the widest one the CPU
// has is chosen when the program is loaded.
#ifndef VITVIDEO_CKERNELS_H
#define VITVIDEO_CKERNELS_H

#include "attention_bf16_kernels.h"
#include "attention_kernels.h"
#include "cpu_features.h"
#include "gelu_bf16_kernel.h"
#include "gradient_kernels.h"
#include "int8_kernels.h"
#include "resize_kernels.h"
#include "transformer_kernels.h"
#include "pixel_kernels.h"

#endif
