// Kernels on pictures: heat overlays, masks and resizing.
//
// Pictures are packed RGB24 (3 bytes a pixel, red first); a `stride` is the distance in bytes from
// one row to the next, so a kernel can write a tile of a larger picture. Maps are row-major floats.
// No kernel allocates: scratch is the caller's, its size given with each function.
#pragma once

#include <stddef.h>
#include <stdint.h>

/// How many cells `vv_heat_rows` and `vv_upsample_rows` keep before and after a line of the map.
#define VV_LINE_PADDING 3

/// Where the samples of one axis lie on a map and how they are weighed.
///
/// first    [length]         index of the first of `taps` neighboring cells; from -2 to cells,
///                           cells outside the map repeat its edge
/// weights  [taps * length]  tap-major. taps 1 (nearest): unused. taps 2 (linear): the second cell's
///                           share alone, first * (1 - w) + second * w, in the first `length`
///                           entries. taps 4 (cubic): all four.
typedef struct {
    const int32_t *first;
    const float *weights;
    int taps;
    int length;
} vv_axis;

/// Upsamples a map.
///
/// out   [vertical.length, horizontal.length]
/// map   [rows, columns]
/// line  scratch [columns + 2 * VV_LINE_PADDING]
void vv_upsample_rows(
    float *out, const float *map, int rows, int columns, vv_axis vertical, vv_axis horizontal,
    float *line);

/// Upsamples a map, colors it and blends it over a picture, row by row.
///
/// out    [vertical.length, horizontal.length] pixels, `out_stride` bytes a row
/// frame  same shape; NULL for the opaque colors
/// map    [rows, columns], scaled so that 0...1 spans the color map
/// lut    [257] colors as bytes red, green, blue, 0 in memory; the last one is for NaN
/// alpha  share of the color in units of 2^-23, at most 2^23
/// line   scratch [columns + 2 * VV_LINE_PADDING]
///
/// color = lut[min(255, (int)(256 * n))], n below 0 counting as 0;
/// out = (1 - alpha) * frame + alpha * color to the nearest integer, halves up.
void vv_heat_rows(
    uint8_t *out, ptrdiff_t out_stride, const uint8_t *frame, ptrdiff_t frame_stride,
    const float *map, int rows, int columns, vv_axis vertical, vv_axis horizontal,
    const uint8_t *lut, uint32_t alpha, float *line);

/// Keeps some pixels of a row in color, dims the others to gray, and draws a line along the border.
///
/// out, frame   [width] pixels
/// keep         [width] 255 where the pixel is kept, else 0
/// edge         [width] 255 where the outline runs, else 0
/// dim          brightness of the dropped pixels in units of 1/256
/// outline      gray level of the line
///
/// A dropped pixel becomes gray: (77 R + 150 G + 29 B) / 256 (BT.601 luma), times dim / 256, rounded down.
void vv_mask_row(
    uint8_t *out, const uint8_t *frame, const uint8_t *keep, const uint8_t *edge, uint32_t dim,
    uint8_t outline, int width);

/// Marks the kept pixels of a row that have a dropped pixel within reach in the same row or column.
///
/// edge            [width] 255 or 0
/// keep            [width + 2 * reach], the row's pixel 0 at index `reach`, ends repeated
/// above, below    [width] the rows `reach` pixels away
void vv_outline_row(
    uint8_t *edge, const uint8_t *keep, const uint8_t *above, const uint8_t *below, int reach,
    int width);

/// Resizes a picture with an antialiasing filter, separably: rows first, then columns.
///
/// out             [height, width] pixels, `out_stride` bytes a row
/// frame           [any, frame_width] pixels, packed
/// row_first       [height] first source row of each output row
/// row_weights     [height, row_taps] weights of the source rows from there on; each group sums to 1
/// column_first    [width]
/// column_weights  [width, column_taps]
/// line            scratch [frame_width * 3 + 1]
///
/// Every tap lies inside the picture, also those that are padding with weight 0. Rounded to the
/// nearest integer.
void vv_resize_rows(
    uint8_t *out, ptrdiff_t out_stride, const uint8_t *frame, int frame_width, int height, int width,
    const int32_t *row_first, const float *row_weights, int row_taps, const int32_t *column_first,
    const float *column_weights, int column_taps, float *line);
