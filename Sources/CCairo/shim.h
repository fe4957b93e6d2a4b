// Cairo, for labels and figures.
#ifndef VITVIDEO_CCAIRO_SHIM_H
#define VITVIDEO_CCAIRO_SHIM_H

#include <cairo/cairo.h>

#endif
