// The attention of one tile of queries, compiled once for each instruction set. Before including:
//   TILE_NAME(x)   x with a suffix of its own; the function is TILE_NAME(tile)
//   TILE_LANES     floats in a vector
//   TILE_QK_ROWS, TILE_QK_VECTORS   register block of Q·Kᵀ: rows × vectors of keys
//   TILE_PV_ROWS, TILE_PV_VECTORS   register block of P·V: rows × vectors of the head's width
// Rows of both blocks must divide TILE_QUERIES, and the first block's vectors the panel.

typedef float TILE_NAME(vector) __attribute__((ext_vector_type(TILE_LANES), aligned(4)));
typedef int TILE_NAME(integers) __attribute__((ext_vector_type(TILE_LANES)));

#if TILE_LANES == 16
typedef float TILE_NAME(half) __attribute__((ext_vector_type(8)));
#endif

#define VECTOR TILE_NAME(vector)

// 2^x for x ≤ 0, by 2^n · 2^f with |f| ≤ 1/2; a minimax fit of (2^f − 1) / f, relative error 2e-8.
VV_INLINE VECTOR TILE_NAME(exp2)(VECTOR x) {
    x = x < -126.0f ? (VECTOR)(-126.0f) : x;
    VECTOR shifted = x + 12582912.0f;  // 1.5 · 2^23 leaves n in the low bits
    VECTOR f = x - (shifted - 12582912.0f);
    VECTOR p = EXP2_POLYNOMIAL(f);
    p = p * f + 1.0f;
    return __builtin_bit_cast(VECTOR, __builtin_bit_cast(TILE_NAME(integers), p) +
                                          (__builtin_bit_cast(TILE_NAME(integers), shifted) << 23));
}

// scores [TILE_QK_ROWS, vectors of one panel] = queries · keys; `queries` is [head_width, TILE_QUERIES]
// from its first row on, `keys` one panel [head_width, PANEL].
VV_INLINE void TILE_NAME(scores)(float *scores, const float *queries, const float *keys,
                                 size_t head_width) {
    VECTOR sum[TILE_QK_ROWS][TILE_QK_VECTORS] = {};
    for (size_t k = 0; k < head_width; k++) {
        VECTOR key[TILE_QK_VECTORS];
#pragma clang loop unroll(full)
        for (size_t j = 0; j < TILE_QK_VECTORS; j++)
            key[j] = *(const VECTOR *)(keys + k * PANEL + j * TILE_LANES);
#pragma clang loop unroll(full)
        for (size_t i = 0; i < TILE_QK_ROWS; i++) {
            VECTOR query = (VECTOR){} + queries[k * TILE_QUERIES + i];
#pragma clang loop unroll(full)
            for (size_t j = 0; j < TILE_QK_VECTORS; j++) sum[i][j] += query * key[j];
        }
    }
#pragma clang loop unroll(full)
    for (size_t i = 0; i < TILE_QK_ROWS; i++)
#pragma clang loop unroll(full)
        for (size_t j = 0; j < TILE_QK_VECTORS; j++)
            *(VECTOR *)(scores + i * BLOCK + j * TILE_LANES) = sum[i][j];
}

// out [TILE_PV_ROWS, vectors] += probabilities [rows, keys] · values [keys, width]. `vectors`, at most
// TILE_PV_VECTORS, is a constant where this is inlined.
VV_INLINE void TILE_NAME(values)(float *out, const float *probabilities, const float *values,
                                 size_t keys, size_t width, const size_t vectors) {
    VECTOR sum[TILE_PV_ROWS][TILE_PV_VECTORS];
#pragma clang loop unroll(full)
    for (size_t i = 0; i < TILE_PV_ROWS; i++)
#pragma clang loop unroll(full)
        for (size_t j = 0; j < vectors; j++)
            sum[i][j] = *(const VECTOR *)(out + i * width + j * TILE_LANES);
    for (size_t k = 0; k < keys; k++) {
        VECTOR value[TILE_PV_VECTORS];
#pragma clang loop unroll(full)
        for (size_t j = 0; j < vectors; j++)
            value[j] = *(const VECTOR *)(values + k * width + j * TILE_LANES);
#pragma clang loop unroll(full)
        for (size_t i = 0; i < TILE_PV_ROWS; i++) {
            VECTOR probability = (VECTOR){} + probabilities[i * BLOCK + k];
#pragma clang loop unroll(full)
            for (size_t j = 0; j < vectors; j++) sum[i][j] += probability * value[j];
        }
    }
#pragma clang loop unroll(full)
    for (size_t i = 0; i < TILE_PV_ROWS; i++)
#pragma clang loop unroll(full)
        for (size_t j = 0; j < vectors; j++)
            *(VECTOR *)(out + i * width + j * TILE_LANES) = sum[i][j];
}

// The largest lane, and the sum of all lanes, by halving.
VV_INLINE float TILE_NAME(largest)(VECTOR v) {
#if TILE_LANES == 16
    TILE_NAME(half) h = v.lo > v.hi ? v.lo : v.hi;
    quad q = h.lo > h.hi ? h.lo : h.hi;
#elif TILE_LANES == 8
    quad q = v.lo > v.hi ? v.lo : v.hi;
#else
    quad q = v;
#endif
    pair p = q.lo > q.hi ? q.lo : q.hi;
    return p.x > p.y ? p.x : p.y;
}

VV_INLINE float TILE_NAME(total)(VECTOR v) {
#if TILE_LANES == 16
    TILE_NAME(half) h = v.lo + v.hi;
    quad q = h.lo + h.hi;
#elif TILE_LANES == 8
    quad q = v.lo + v.hi;
#else
    quad q = v;
#endif
    pair p = q.lo + q.hi;
    return p.x + p.y;
}

// One row's scores of a block [keys] become 2^(score − maximum); the row's running maximum, sum and
// output [width] are brought to the new maximum.
VV_INLINE void TILE_NAME(softmax)(float *scores, size_t keys, float *maximum, float *sum, float *out,
                                  size_t width) {
    VECTOR largest = *(const VECTOR *)scores;
    for (size_t i = TILE_LANES; i < keys; i += TILE_LANES) {
        VECTOR score = *(const VECTOR *)(scores + i);
        largest = score > largest ? score : largest;
    }
    float now = TILE_NAME(largest)(largest);
    if (now <= *maximum) {
        now = *maximum;
    } else {
        float correction = exp2f(*maximum - now);
        *sum *= correction;
        for (size_t i = 0; i < width; i++) out[i] *= correction;
        *maximum = now;
    }
    VECTOR total = {};
    for (size_t i = 0; i < keys; i += TILE_LANES) {
        VECTOR p = TILE_NAME(exp2)(*(const VECTOR *)(scores + i) - now);
        *(VECTOR *)(scores + i) = p;
        total += p;
    }
    *sum += TILE_NAME(total)(total);
}

// `queries` [head_width, TILE_QUERIES] are scaled by log2(e)/√d already; `rows` of them count.
static void TILE_NAME(tile)(float *out, size_t out_stride, const float *queries, size_t rows,
                                      const float *packed_keys, const float *packed_values,
                                      size_t tokens, size_t head_width, float *scratch) {
    size_t width = padded_width(head_width);
    float *sums = scratch;                   // [TILE_QUERIES, width], the unnormalised output
    float *scores = sums + TILE_QUERIES * width;  // [TILE_QUERIES, BLOCK]
    float maximum[TILE_QUERIES], sum[TILE_QUERIES];
    for (size_t r = 0; r < TILE_QUERIES; r++) {
        maximum[r] = -INFINITY;
        sum[r] = 0;
    }
    memset(sums, 0, TILE_QUERIES * width * sizeof *sums);

    for (size_t first = 0; first < tokens; first += BLOCK) {
        size_t count = tokens - first < BLOCK ? tokens - first : BLOCK;
        size_t padded = padded_count(count);
        for (size_t p = 0; p < padded; p += PANEL)
            for (size_t r = 0; r < rows; r += TILE_QK_ROWS)
                for (size_t j = 0; j < PANEL; j += TILE_QK_VECTORS * TILE_LANES)
                    TILE_NAME(scores)(scores + r * BLOCK + p + j, queries + r,
                                      packed_keys + (first + p) * head_width + j, head_width);
        for (size_t r = 0; r < rows; r++) {
            for (size_t i = count; i < padded; i++) scores[r * BLOCK + i] = -INFINITY;
            TILE_NAME(softmax)(scores + r * BLOCK, padded, maximum + r, sum + r, sums + r * width, width);
        }
        for (size_t r = 0; r < rows; r += TILE_PV_ROWS) {
            const float *probabilities = scores + r * BLOCK;
            const float *values = packed_values + first * width;
            float *to = sums + r * width;
            size_t j = 0;
            for (; j + TILE_PV_VECTORS * TILE_LANES <= width; j += TILE_PV_VECTORS * TILE_LANES)
                TILE_NAME(values)(to + j, probabilities, values + j, count, width, TILE_PV_VECTORS);
            for (; j < width; j += TILE_LANES)
                TILE_NAME(values)(to + j, probabilities, values + j, count, width, 1);
        }
    }
    for (size_t r = 0; r < rows; r++) {
        float inverse = 1.0f / sum[r];
        for (size_t i = 0; i < head_width; i++) out[r * out_stride + i] = sums[r * width + i] * inverse;
    }
}

#undef VECTOR
#undef TILE_NAME
#undef TILE_LANES
#undef TILE_QK_ROWS
#undef TILE_QK_VECTORS
#undef TILE_PV_ROWS
#undef TILE_PV_VECTORS
