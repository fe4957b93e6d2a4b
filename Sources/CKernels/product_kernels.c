#include "product_kernels.h"
#include "panels.h"
#include "register_block.h"

#include <string.h>

#define DEPTH 384     // of a panel that stays in the first-level cache
#define ROW_TILE 132  // of a left factor that stays in the second-level cache, a multiple of ROWS
#define STRIP_TILE 48 // columns of a transposed left factor that are packed together, three cache lines of each row

size_t vv_product_packed_count(size_t k, size_t n) { return (n + PANEL - 1) / PANEL * PANEL * k; }

VV_CLONES
void vv_product_pack(float *packed, const float *b, size_t stride, size_t k, size_t n, bool transposed) {
    if (transposed) {
        pack_panels(packed, b, stride, n, k, PANEL);
        return;
    }
    for (size_t first = 0; first < n; first += PANEL) {
        size_t width = n - first < PANEL ? n - first : PANEL;
        float *to = packed + first * k;
        if (width == PANEL) {
            for (size_t row = 0; row < k; row++)
                for (size_t i = 0; i < PANEL; i++) to[row * PANEL + i] = b[row * stride + first + i];
            continue;
        }
        for (size_t row = 0; row < k; row++)
            for (size_t i = 0; i < PANEL; i++) to[row * PANEL + i] = i < width ? b[row * stride + first + i] : 0;
    }
}

static const float zeros[PANEL] = {};

// c [rows, PANEL] (+)= x [rows, depth] · panel for rows of x that lie `x_stride` apart, values `x_step`.
VV_INLINE void rows_of_panel(float *c, size_t c_stride, const float *x, size_t x_stride, const size_t x_step,
                             size_t strip_stride, const float *panel, size_t depth, bool adds, size_t rows) {
    size_t r = 0;
#define BLOCK(count)                                                                                            \
    block(c + r * c_stride, c_stride, x + r / ROWS * strip_stride, x_stride, x_step, panel, zeros, depth, adds, count)
    for (; r + ROWS <= rows; r += ROWS) BLOCK(ROWS);
    LAST_ROWS(rows - r)
#undef BLOCK
}

// The same for a panel of which only `width` columns are in c.
VV_INLINE void rows_of_last_panel(float *c, size_t c_stride, const float *x, size_t x_stride, const size_t x_step,
                                  size_t strip_stride, const float *panel, size_t depth, bool adds, size_t rows,
                                  size_t width) {
    float whole[ROW_TILE * PANEL];
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < PANEL; i++) whole[r * PANEL + i] = adds && i < width ? c[r * c_stride + i] : 0;
    rows_of_panel(whole, PANEL, x, x_stride, x_step, strip_stride, panel, depth, adds, rows);
    for (size_t r = 0; r < rows; r++) memcpy(c + r * c_stride, whole + r * PANEL, width * sizeof *c);
}

// All panels for some rows.
VV_INLINE void all_panels(float *c, size_t c_stride, const float *x, size_t x_stride, const size_t x_step,
                          size_t strip_stride, const float *panels, size_t panel_stride, size_t depth, bool adds,
                          size_t rows, size_t n) {
    for (size_t first = 0; first < n; first += PANEL) {
        const float *panel = panels + first / PANEL * panel_stride;
        if (n - first >= PANEL)
            rows_of_panel(c + first, c_stride, x, x_stride, x_step, strip_stride, panel, depth, adds, rows);
        else
            rows_of_last_panel(c + first, c_stride, x, x_stride, x_step, strip_stride, panel, depth, adds, rows,
                               n - first);
    }
}

VV_CLONES
void vv_product(float *c, size_t c_stride, const float *a, size_t a_stride, bool a_transposed, const float *packed,
                size_t m, size_t n, size_t k, bool adds) {
    for (size_t first = 0; first < k; first += DEPTH) {
        size_t depth = k - first < DEPTH ? k - first : DEPTH;
        bool adds_here = adds || first > 0;
        const float *panels = packed + first * PANEL;
        if (!a_transposed) {
            for (size_t row = 0; row < m; row += ROW_TILE) {
                size_t rows = m - row < ROW_TILE ? m - row : ROW_TILE;
                all_panels(c + row * c_stride, c_stride, a + row * a_stride + first, a_stride, 1, ROWS * a_stride,
                           panels, k * PANEL, depth, adds_here, rows, n);
            }
            continue;
        }
        // Strips [depth, ROWS] of the transposed factor, side by side.
        float strips[DEPTH * STRIP_TILE];
        for (size_t row = 0; row < m; row += STRIP_TILE) {
            size_t rows = m - row < STRIP_TILE ? m - row : STRIP_TILE;
            for (size_t d = 0; d < depth; d++) {
                const float *from = a + (first + d) * a_stride + row;
                size_t i = 0;
                for (; i + ROWS <= rows; i += ROWS)
                    for (size_t j = 0; j < ROWS; j++) strips[i * depth + d * ROWS + j] = from[i + j];
                for (size_t j = 0; i + j < rows; j++) strips[i * depth + d * ROWS + j] = from[i + j];
            }
            all_panels(c + row * c_stride, c_stride, strips, 1, ROWS, depth * ROWS, panels, k * PANEL, depth,
                       adds_here, rows, n);
        }
    }
}
