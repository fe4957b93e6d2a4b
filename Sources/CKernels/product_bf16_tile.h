// The body of a product of bfloat16, included once for each kind of arithmetic. No include guard: that is the point. Whoever
// includes it defines
//
//   TILE_NAME(name)   gives each copy's functions their names
//   TILE_ROWS         rows of a register block, a divisor of ROW_TILE
//   TILE_SUM(sum, a, b)  sum [LANES] + the products of the pair a with LANES pairs b

// c [rows, width] (+)= left · panel over some pairs, for up to TILE_ROWS rows and PANEL columns. Rows of `left` lie
// `row_step` pairs apart and its pairs `pair_step`.
VV_INLINE void TILE_NAME(block)(float *c, size_t c_stride, const uint16_t *left, const size_t row_step,
                                const size_t pair_step, const uint16_t *panel, size_t pairs, bool adds, size_t rows,
                                size_t width) {
    floats sum[TILE_ROWS][PANEL / LANES] = {};
    for (size_t p = 0; p < pairs; p++) {
        pairs_of_bf16 right[PANEL / LANES];
#pragma clang loop unroll(full)
        for (size_t j = 0; j < PANEL / LANES; j++)
            right[j] = *(const pairs_of_bf16 *)(panel + 2 * (p * PANEL + j * LANES));
#pragma clang loop unroll(full)
        for (size_t i = 0; i < TILE_ROWS; i++) {
            uint32_t pair;
            memcpy(&pair, left + 2 * (i * row_step + p * pair_step), sizeof pair);
#pragma clang loop unroll(full)
            for (size_t j = 0; j < PANEL / LANES; j++) sum[i][j] = TILE_SUM(sum[i][j], pair, right[j]);
        }
    }
    if (rows == TILE_ROWS && width == PANEL) {
#pragma clang loop unroll(full)
        for (size_t i = 0; i < TILE_ROWS; i++)
#pragma clang loop unroll(full)
            for (size_t j = 0; j < PANEL / LANES; j++) {
                floats *to = (floats *)(c + i * c_stride + j * LANES);
                *to = adds ? *to + sum[i][j] : sum[i][j];
            }
        return;
    }
    float whole[TILE_ROWS][PANEL];
    memcpy(whole, sum, sizeof whole);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < width; j++)
            c[i * c_stride + j] = adds ? c[i * c_stride + j] + whole[i][j] : whole[i][j];
}

VV_INLINE void TILE_NAME(product)(float *c, size_t c_stride, const float *a, size_t a_stride, bool a_transposed,
                                  const uint16_t *packed, size_t m, size_t n, size_t k, bool adds) {
    uint16_t left[2 * ROW_TILE * DEPTH];
    size_t all = (k + 1) / 2;
    for (size_t first = 0; first < all; first += DEPTH) {
        size_t pairs = all - first < DEPTH ? all - first : DEPTH;
        size_t values = k - 2 * first < 2 * DEPTH ? k - 2 * first : 2 * DEPTH;
        for (size_t row = 0; row < m; row += ROW_TILE) {
            size_t rows = m - row < ROW_TILE ? m - row : ROW_TILE;
            size_t blocks = (rows + TILE_ROWS - 1) / TILE_ROWS;
            if (a_transposed)
                round_columns(left, a + 2 * first * a_stride + row, a_stride, rows, blocks * TILE_ROWS, values);
            else
                round_rows(left, a + row * a_stride + 2 * first, a_stride, rows, blocks * TILE_ROWS, values);
            for (size_t column = 0; column < n; column += PANEL) {
                const uint16_t *panel = packed + 2 * (column * all + first * PANEL);
                size_t width = n - column < PANEL ? n - column : PANEL;
                for (size_t r = 0; r < rows; r += TILE_ROWS) {
                    float *to = c + (row + r) * c_stride + column;
                    size_t count = rows - r < TILE_ROWS ? rows - r : TILE_ROWS;
                    if (a_transposed)
                        TILE_NAME(block)(to, c_stride, left + 2 * r, 1, ROW_TILE, panel, pairs, adds || first > 0, count,
                                         width);
                    else
                        TILE_NAME(block)(to, c_stride, left + 2 * r * DEPTH, DEPTH, 1, panel, pairs, adds || first > 0,
                                         count, width);
                }
            }
        }
    }
}

#undef TILE_NAME
#undef TILE_ROWS
#undef TILE_SUM
