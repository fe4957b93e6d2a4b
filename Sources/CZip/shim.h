// libzip, for NumPy archives and zipped PyTorch checkpoints.
#ifndef VITVIDEO_CZIP_SHIM_H
#define VITVIDEO_CZIP_SHIM_H

#include <zip.h>

#endif
