#include "transformer_kernels.h"
