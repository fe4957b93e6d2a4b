// Cairo, for labels and figures. cairo-svg.h is a header of its own, not part of cairo.h.
#ifndef VITVIDEO_CCAIRO_SHIM_H
#define VITVIDEO_CCAIRO_SHIM_H

#include <cairo/cairo.h>
#include <cairo/cairo-svg.h>

#endif
