// libjpeg-turbo, for one still picture at a time. libjpeg reports an error by a jump over its caller's frames,
// which only C can receive.
#ifndef VITVIDEO_CJPEG_H
#define VITVIDEO_CJPEG_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    int32_t height;
    int32_t width;
    // 1 for gray, 3 for color, 4 for inks.
    int32_t components;
    // Whether samples had to be made up for missing or broken data.
    int32_t damaged;
} cjpeg_picture;

// Reads a picture's header. Returns 0, or -1 where libjpeg does not read the picture.
int cjpeg_read_header(const uint8_t *bytes, size_t count, cjpeg_picture *picture);

// Decodes a picture into rows of width × 3 bytes of RGB, row_bytes apart, with libjpeg's defaults: the accurate
// integer transform and smooth ("fancy") upsampling of chroma. Inks are taken to be inverted, as Adobe writes
// them, and become RGB by light = black - black * (255 - ink) / 255.
// Returns the number of rows that were decoded; the others are left as they were. -1 where the header is not read.
int cjpeg_decode(const uint8_t *bytes, size_t count, uint8_t *rgb, size_t row_bytes, cjpeg_picture *picture);

#endif
