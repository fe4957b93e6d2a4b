// utf8proc: Unicode's normalization forms.
#ifndef VITVIDEO_CUTF8PROC_SHIM_H
#define VITVIDEO_CUTF8PROC_SHIM_H

#include <utf8proc.h>

#endif
