#include "linear_kernels.h"
#include "panels.h"
#include "register_block.h"

#include <string.h>

// Weights are packed in panels [inputs, PANEL], one for PANEL outputs.
//
// A panel's DEPTH inputs (24 KB) stay in the first-level cache while the rows of a tile go past it, and the tile's
// inputs (203 KB) in the second-level cache while all panels do. The weights of a whole model do not stay in any: a
// panel is fetched while the one before it is at work.

#define DEPTH 384
#define ROW_TILE 132  // a multiple of ROWS

size_t vv_linear_packed_count(size_t outputs, size_t inputs) {
    return (outputs + PANEL - 1) / PANEL * PANEL * inputs;
}

void vv_linear_pack(float *packed, const float *weight, size_t outputs, size_t inputs) {
    pack_panels(packed, weight, inputs, outputs, inputs, PANEL);
}

// The same for any number of rows up to ROW_TILE, fetching `next` [depth, PANEL] by the way.
VV_INLINE void column(float *out, size_t out_stride, const float *x, size_t x_stride, const float *panel,
                      const float *next, const float *start, size_t depth, bool accumulates, size_t rows) {
    const size_t line = 64 / sizeof *next;
    size_t lines = depth * PANEL / line, share = (lines * ROWS + rows - 1) / rows, fetched = 0;
    size_t r = 0;
#define BLOCK(count)                                                                                     \
    block(out + r * out_stride, out_stride, x + r * x_stride, x_stride, 1, panel, start, depth, accumulates, count)
    for (; r + ROWS <= rows; r += ROWS) {
        for (size_t end = fetched + share; fetched < end && fetched < lines; fetched++)
            __builtin_prefetch(next + fetched * line, 0, 2);
        BLOCK(ROWS);
    }
    LAST_ROWS(rows - r)
#undef BLOCK
}

VV_CLONES
void vv_linear(float *out, const float *x, const float *packed, const float *bias, size_t rows, size_t outputs,
               size_t inputs, bool accumulates) {
    if (!rows) return;
    // Tiles of about one height: in a low one the weights would not pay for their way.
    size_t tiles = (rows + ROW_TILE - 1) / ROW_TILE;
    size_t tile = ((rows + tiles - 1) / tiles + ROWS - 1) / ROWS * ROWS;
    for (size_t row = 0; row < rows; row += tile) {
        size_t count = rows - row < tile ? rows - row : tile;
        for (size_t k = 0; k < inputs; k += DEPTH) {
            size_t depth = inputs - k < DEPTH ? inputs - k : DEPTH;
            const float *from = x + row * inputs + k;
            bool adds = accumulates || k > 0;
            for (size_t first = 0; first < outputs; first += PANEL) {
                const float *panel = packed + first * inputs + k * PANEL;
                const float *next = first + PANEL < outputs ? panel + PANEL * inputs : panel;
                float *to = out + row * outputs + first;
                size_t width = outputs - first < PANEL ? outputs - first : PANEL;
                float start[PANEL] = {};
                if (bias && k == 0) memcpy(start, bias + first, width * sizeof *start);
                if (width == PANEL) {
                    column(to, outputs, from, inputs, panel, next, start, depth, adds, count);
                    continue;
                }
                // What is less wide than a panel goes by way of one that is as wide.
                float whole[ROW_TILE * PANEL];
                for (size_t r = 0; r < count; r++)
                    for (size_t i = 0; i < PANEL; i++)
                        whole[r * PANEL + i] = adds && i < width ? to[r * outputs + i] : 0;
                column(whole, PANEL, from, inputs, panel, next, start, depth, adds, count);
                for (size_t r = 0; r < count; r++)
                    memcpy(to + r * outputs, whole + r * PANEL, width * sizeof *to);
            }
        }
    }
}
