// Row kernels. Most functions are compiled for several instruction sets, and the loader chooses the widest
// that the CPU has (clones.h). Those of attention_bf16_kernels.h and gelu_bf16_kernel.h are compiled for
// AVX-512 with bfloat16 alone and check nothing themselves.
#ifndef VITVIDEO_CKERNELS_H
#define VITVIDEO_CKERNELS_H

#include "attention_bf16_kernels.h"
#include "attention_kernels.h"
#include "cpu_features.h"
#include "gelu_bf16_kernel.h"
#include "gradient_kernels.h"
#include "int8_kernels.h"
#include "linear_kernels.h"
#include "neuron_kernels.h"
#include "resize_kernels.h"
#include "training_kernels.h"
#include "transformer_kernels.h"
#include "pixel_kernels.h"
#include "product_bf16_kernels.h"
#include "product_kernels.h"
#include "reuse_kernels.h"

#endif
