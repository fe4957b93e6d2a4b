// The FFmpeg libraries, with inline functions for what Swift cannot import:
// function-like macros, computed constants and variadic functions.
#ifndef VITVIDEO_CFFMPEG_SHIM_H
#define VITVIDEO_CFFMPEG_SHIM_H

#include <errno.h>

#include <libavcodec/avcodec.h>
#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavformat/avformat.h>
#include <libavutil/avutil.h>
#include <libavutil/display.h>
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libavutil/parseutils.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

// AVERROR() and the AVERROR_ constants are function-like macros.
static inline int cff_averror(int posix_errno) { return AVERROR(posix_errno); }
static inline int cff_error_end_of_file(void) { return AVERROR_EOF; }
static inline int cff_error_invalid_data(void) { return AVERROR_INVALIDDATA; }

// AV_NOPTS_VALUE is computed with a cast.
static inline int64_t cff_no_timestamp(void) { return AV_NOPTS_VALUE; }

// A bit-wise or of macros of differing integer types.
static inline int cff_sws_exact_flags(void) {
    return SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP | SWS_BITEXACT;
}

// A pixel format Swift would import as a macro alias of another enumerator.
static inline enum AVPixelFormat cff_pixel_format_none(void) { return AV_PIX_FMT_NONE; }

// MKTAG is a function-like macro; Apple's players ask for 'hvc1' on HEVC.
static inline unsigned cff_tag(char a, char b, char c, char d) { return MKTAG(a, b, c, d); }

// libavfilter is opened at run time, of the version that the headers are of.
static inline const char *cff_avfilter_file(void) {
    return "libavfilter.so." AV_STRINGIFY(LIBAVFILTER_VERSION_MAJOR);
}
typedef __typeof__(&avfilter_graph_alloc) cff_avfilter_graph_alloc;
typedef __typeof__(&avfilter_graph_free) cff_avfilter_graph_free;
typedef __typeof__(&avfilter_get_by_name) cff_avfilter_get_by_name;
typedef __typeof__(&avfilter_graph_create_filter) cff_avfilter_graph_create_filter;
typedef __typeof__(&avfilter_inout_alloc) cff_avfilter_inout_alloc;
typedef __typeof__(&avfilter_inout_free) cff_avfilter_inout_free;
typedef __typeof__(&avfilter_graph_parse_ptr) cff_avfilter_graph_parse_ptr;
typedef __typeof__(&avfilter_graph_config) cff_avfilter_graph_config;
typedef __typeof__(&av_buffersrc_add_frame_flags) cff_av_buffersrc_add_frame_flags;
typedef __typeof__(&av_buffersink_get_frame) cff_av_buffersink_get_frame;

#endif
