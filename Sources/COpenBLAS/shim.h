// OpenBLAS's C interface: types only. The library is opened with dlopen, after the kernel set has
// been chosen, because it reads OPENBLAS_CORETYPE in its constructor.
#ifndef VITVIDEO_COPENBLAS_SHIM_H
#define VITVIDEO_COPENBLAS_SHIM_H

#include <cblas.h>

typedef __typeof__(&cblas_sgemm) vv_cblas_sgemm;
typedef __typeof__(&openblas_set_num_threads) vv_openblas_set_num_threads;
typedef __typeof__(&openblas_get_corename) vv_openblas_get_corename;

#endif
