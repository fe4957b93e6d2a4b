// zlib, for files packed by gzip.
#ifndef VITVIDEO_CZLIB_SHIM_H
#define VITVIDEO_CZLIB_SHIM_H

#include <zlib.h>

/// `inflateInit2` for gzip's and zlib's headers, which is a macro.
static inline int vv_inflate_init(z_stream *stream) { return inflateInit2(stream, 15 + 32); }

#endif
