// The FFmpeg libraries, with inline functions for what Swift cannot import:
// function-like macros, computed constants and variadic functions.
#ifndef VITVIDEO_CFFMPEG_SHIM_H
#define VITVIDEO_CFFMPEG_SHIM_H

#include <libavcodec/avcodec.h>
#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavformat/avformat.h>
#include <libavutil/avutil.h>
#include <libavutil/display.h>
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

#endif
