// The body of an attention kernel, included once for each kind of arithmetic. No include guard: that is
// the point. Whoever includes it defines
//
//   TILE_NAME(name)   gives each copy's functions and types their names
//   TILE_LANES        32-bit floats in a vector
//   TILE_STEP         values that one multiplication sums: 1, or 2 for pairs of bfloat16
//   TILE_QK_ROWS      register block of Q·Kᵀ: so many rows × 2 vectors of keys
//   TILE_PV_ROWS, TILE_PV_VECTORS   register block of P·V: rows × vectors of the head's width
//   TILE_EXP2(f)      a polynomial for (2^f − 1) / f, |f| ≤ 1/2
//
// and, where TILE_STEP is not 1, the types TILE_NAME(vector) of TILE_LANES floats, TILE_NAME(element) of what
// is multiplied and TILE_NAME(operand) of TILE_LANES steps of it, and the functions that stand below for
// floats.
//
// Rows of both register blocks must divide TILE_QUERIES.
//
// Softmax runs along with the products. Scores become powers 2^(score − reference), where a row's reference
// is a whole number not far below its largest score so far. It is raised only when a score exceeds it by
// REACH, and what the row holds is then divided by a power of two, which rounds nothing: sums and outputs
// do not depend on where the reference was, and most blocks need no correction at all.

#define VECTOR TILE_NAME(vector)
#define ELEMENT TILE_NAME(element)
#define OPERAND TILE_NAME(operand)

#if TILE_STEP == 1
typedef float TILE_NAME(vector) __attribute__((ext_vector_type(TILE_LANES), aligned(4)));
typedef TILE_NAME(vector) TILE_NAME(operand);
typedef float TILE_NAME(element);

// TILE_LANES steps of values.
VV_INLINE OPERAND TILE_NAME(load)(const ELEMENT *from) { return *(const VECTOR *)from; }
// One step of values in every lane.
VV_INLINE OPERAND TILE_NAME(broadcast)(const ELEMENT *from) { return (VECTOR)(*from); }
// sum + a · b
VV_INLINE VECTOR TILE_NAME(multiply)(OPERAND a, OPERAND b, VECTOR sum) { return sum + a * b; }
// Two vectors of floats as 2 · TILE_LANES elements.
VV_INLINE void TILE_NAME(store)(ELEMENT *to, VECTOR p, VECTOR q) {
    *(VECTOR *)to = p;
    *(VECTOR *)(to + TILE_LANES) = q;
}
// An element times a power of two.
VV_INLINE ELEMENT TILE_NAME(scaled)(ELEMENT element, float factor) { return element * factor; }
#endif

typedef int TILE_NAME(integers) __attribute__((ext_vector_type(TILE_LANES)));
#if TILE_LANES == 16
typedef float TILE_NAME(half) __attribute__((ext_vector_type(8)));
#endif

// 2^x for x ≤ REACH, by 2^n · 2^f with |f| ≤ 1/2.
VV_INLINE VECTOR TILE_NAME(exp2)(VECTOR x) {
    x = x < -126.0f ? (VECTOR)(-126.0f) : x;
    VECTOR shifted = x + 12582912.0f;  // 1.5 · 2^23 leaves n in the low bits
    VECTOR f = x - (shifted - 12582912.0f);
    VECTOR p = TILE_EXP2(f);
    p = p * f + 1.0f;
    return __builtin_bit_cast(VECTOR, __builtin_bit_cast(TILE_NAME(integers), p) +
                                          (__builtin_bit_cast(TILE_NAME(integers), shifted) << 23));
}

// The sum of all lanes, by halving.
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

// What a tile of queries has gathered so far.
typedef struct {
    float reference[TILE_QUERIES];
    VECTOR sum[TILE_QUERIES];  // of the powers, in lanes
    bool holds;                // whether any key has been met
    float *outputs;            // [TILE_QUERIES, width], not normalized
    const float *bias;         // [TILE_QUERIES, bias_stride], or NULL
    size_t bias_stride;
    ELEMENT *probabilities;    // [TILE_QUERIES, BLOCK]: the powers of the block under way
} TILE_NAME(state);

// Hides the scores of keys from `left` on, and moves the references of those of TILE_QK_ROWS rows whose
// scores less references, `x` [rows, columns], exceed REACH, so that they reach at most 0. Such a row's sums,
// outputs and its first `done` probabilities of the block are carried over. Where rows hold nothing yet,
// any score does.
static __attribute__((noinline)) void TILE_NAME(refer)(TILE_NAME(state) *state, size_t row, float *x,
                                                       size_t columns, size_t left, size_t done,
                                                       size_t width) {
    for (size_t r = row; r < row + TILE_QK_ROWS; r++, x += columns) {
        for (size_t k = left; k < columns; k++) x[k] = -INFINITY;
        float largest = -INFINITY;
        for (size_t k = 0; k < columns; k++) largest = x[k] > largest ? x[k] : largest;
        if (state->holds && !(largest > REACH)) continue;
        float rise = ceilf(largest);
        state->reference[r] += rise;
        for (size_t k = 0; k < columns; k++) x[k] -= rise;
        if (!state->holds) continue;
        float factor = exp2f(-rise);
        state->sum[r] *= factor;
        for (size_t k = 0; k < width; k++) state->outputs[r * width + k] *= factor;
        for (size_t k = 0; k < done; k++) {
            ELEMENT *probability = state->probabilities + r * BLOCK + k;
            *probability = TILE_NAME(scaled)(*probability, factor);
        }
    }
}

// Probabilities of TILE_QK_ROWS rows from `row` on against `vectors` vectors of keys of a panel
// [head_width, PANEL], `left` of which count; `done` keys of the block, which begins at key `first`, came before.
// `vectors`, at most QK_VECTORS, is a constant where this is inlined.
VV_INLINE void TILE_NAME(scores)(TILE_NAME(state) *state, size_t row, const ELEMENT *queries,
                                 const ELEMENT *keys, size_t left, size_t first, size_t done,
                                 const size_t head_width, const size_t width, float factor, const size_t vectors) {
    VECTOR x[TILE_QK_ROWS][QK_VECTORS];
#pragma clang loop unroll(full)
    for (size_t i = 0; i < TILE_QK_ROWS; i++)
#pragma clang loop unroll(full)
        for (size_t j = 0; j < vectors; j++) x[i][j] = (VECTOR){};
    for (size_t k = 0; k < head_width / TILE_STEP; k++) {
        OPERAND key[QK_VECTORS];
#pragma clang loop unroll(full)
        for (size_t j = 0; j < vectors; j++)
            key[j] = TILE_NAME(load)(keys + (k * PANEL + j * TILE_LANES) * TILE_STEP);
#pragma clang loop unroll(full)
        for (size_t i = 0; i < TILE_QK_ROWS; i++) {
            OPERAND query = TILE_NAME(broadcast)(queries + (k * TILE_QUERIES + row + i) * TILE_STEP);
#pragma clang loop unroll(full)
            for (size_t j = 0; j < vectors; j++) x[i][j] = TILE_NAME(multiply)(query, key[j], x[i][j]);
        }
    }

    if (state->bias) {
        const float *bias = state->bias + row * state->bias_stride + first + done;
#pragma clang loop unroll(full)
        for (size_t i = 0; i < TILE_QK_ROWS; i++)
#pragma clang loop unroll(full)
            for (size_t j = 0; j < vectors; j++)
                x[i][j] += *(const VECTOR *)(bias + i * state->bias_stride + j * TILE_LANES);
    }

    VECTOR largest = (VECTOR)(-INFINITY);
#pragma clang loop unroll(full)
    for (size_t i = 0; i < TILE_QK_ROWS; i++)
#pragma clang loop unroll(full)
        for (size_t j = 0; j < vectors; j++) {
            x[i][j] = x[i][j] * factor - state->reference[row + i];
            largest = x[i][j] > largest ? x[i][j] : largest;
        }
    const size_t columns = vectors * TILE_LANES;
    if (__builtin_expect(!state->holds || left < columns || __builtin_reduce_or(largest > REACH), 0)) {
        float spilled[TILE_QK_ROWS * QK_VECTORS * TILE_LANES];
#pragma clang loop unroll(full)
        for (size_t i = 0; i < TILE_QK_ROWS; i++)
#pragma clang loop unroll(full)
            for (size_t j = 0; j < vectors; j++)
                *(VECTOR *)(spilled + i * columns + j * TILE_LANES) = x[i][j];
        TILE_NAME(refer)(state, row, spilled, columns, left, done, width);
#pragma clang loop unroll(full)
        for (size_t i = 0; i < TILE_QK_ROWS; i++)
#pragma clang loop unroll(full)
            for (size_t j = 0; j < vectors; j++)
                x[i][j] = *(VECTOR *)(spilled + i * columns + j * TILE_LANES);
    }

#pragma clang loop unroll(full)
    for (size_t i = 0; i < TILE_QK_ROWS; i++) {
        VECTOR p = TILE_NAME(exp2)(x[i][0]), q = vectors > 1 ? TILE_NAME(exp2)(x[i][1]) : (VECTOR){};
        state->sum[row + i] += p + q;
        TILE_NAME(store)(state->probabilities + (row + i) * BLOCK + done, p, q);
    }
}

// out [TILE_PV_ROWS, vectors] += probabilities [rows, keys] · values [keys, width]. `vectors`, at most
// TILE_PV_VECTORS, is a constant where this is inlined.
VV_INLINE void TILE_NAME(values)(float *out, const ELEMENT *probabilities, const ELEMENT *values,
                                 size_t keys, size_t width, const size_t vectors) {
    VECTOR sum[TILE_PV_ROWS][TILE_PV_VECTORS];
#pragma clang loop unroll(full)
    for (size_t i = 0; i < TILE_PV_ROWS; i++)
#pragma clang loop unroll(full)
        for (size_t j = 0; j < vectors; j++)
            sum[i][j] = *(const VECTOR *)(out + i * width + j * TILE_LANES);
    for (size_t k = 0; k < keys; k += TILE_STEP) {
        OPERAND value[TILE_PV_VECTORS];
#pragma clang loop unroll(full)
        for (size_t j = 0; j < vectors; j++)
            value[j] = TILE_NAME(load)(values + k * width + j * TILE_LANES * TILE_STEP);
#pragma clang loop unroll(full)
        for (size_t i = 0; i < TILE_PV_ROWS; i++) {
            OPERAND probability = TILE_NAME(broadcast)(probabilities + i * BLOCK + k);
#pragma clang loop unroll(full)
            for (size_t j = 0; j < vectors; j++)
                sum[i][j] = TILE_NAME(multiply)(probability, value[j], sum[i][j]);
        }
    }
#pragma clang loop unroll(full)
    for (size_t i = 0; i < TILE_PV_ROWS; i++)
#pragma clang loop unroll(full)
        for (size_t j = 0; j < vectors; j++)
            *(VECTOR *)(out + i * width + j * TILE_LANES) = sum[i][j];
}

// `rows` queries, at most TILE_QUERIES, of [head_width / TILE_STEP, TILE_QUERIES] steps, against all keys.
// outputs [TILE_QUERIES, width] end up normalized; `probabilities` [TILE_QUERIES, BLOCK] is scratch; `bias` as in the
// state.
VV_INLINE void TILE_NAME(tile_of_width)(float *outputs, ELEMENT *probabilities, const ELEMENT *queries,
                                        size_t rows, const ELEMENT *packed_keys,
                                        const ELEMENT *packed_values, size_t tokens,
                                        const size_t head_width, float factor, const float *bias,
                                        size_t bias_stride) {
    const size_t width = padded_width(head_width);
    TILE_NAME(state) state = {.outputs = outputs, .probabilities = probabilities,
                              .bias = bias, .bias_stride = bias_stride};
    memset(outputs, 0, TILE_QUERIES * width * sizeof *outputs);
    for (size_t first = 0; first < tokens; first += BLOCK) {
        size_t count = tokens - first < BLOCK ? tokens - first : BLOCK;
        for (size_t done = 0; done < count; done += QK_VECTORS * TILE_LANES) {
            // A panel holds one register block of keys or several.
            const ELEMENT *keys = packed_keys + (first + done) / PANEL * PANEL * head_width +
                                  (first + done) % PANEL * TILE_STEP;
            size_t left = count - done;
            // Most token counts are a little more than a multiple of a panel.
            if (left > TILE_LANES)
                for (size_t r = 0; r < rows; r += TILE_QK_ROWS)
                    TILE_NAME(scores)(&state, r, queries, keys, left, first, done, head_width, width,
                                      factor, 2);
            else
                for (size_t r = 0; r < rows; r += TILE_QK_ROWS)
                    TILE_NAME(scores)(&state, r, queries, keys, left, first, done, head_width, width,
                                      factor, 1);
            state.holds = true;
        }
        for (size_t r = 0; r < rows; r += TILE_PV_ROWS) {
            const ELEMENT *from = packed_values + first * width;
            size_t j = 0;
            for (; j + TILE_PV_VECTORS * TILE_LANES <= width; j += TILE_PV_VECTORS * TILE_LANES)
                TILE_NAME(values)(outputs + r * width + j, probabilities + r * BLOCK, from + j * TILE_STEP,
                                  count, width, TILE_PV_VECTORS);
            for (; j < width; j += TILE_LANES)
                TILE_NAME(values)(outputs + r * width + j, probabilities + r * BLOCK, from + j * TILE_STEP,
                                  count, width, 1);
        }
    }
    for (size_t r = 0; r < rows; r++) {
        float inverse = 1.0f / TILE_NAME(total)(state.sum[r]);
        for (size_t i = 0; i < width; i++) outputs[r * width + i] *= inverse;
    }
}

// Heads of almost every ViT are 64 wide; knowing it, the compiler unrolls the products.
static void TILE_NAME(tile)(float *outputs, void *probabilities, const void *queries, size_t rows,
                            const void *packed_keys, const void *packed_values, size_t tokens,
                            size_t head_width, float factor, const float *bias, size_t bias_stride) {
    if (head_width == 64)
        TILE_NAME(tile_of_width)(outputs, probabilities, queries, rows, packed_keys, packed_values, tokens,
                                 64, factor, bias, bias_stride);
    else
        TILE_NAME(tile_of_width)(outputs, probabilities, queries, rows, packed_keys, packed_values, tokens,
                                 head_width, factor, bias, bias_stride);
}

#undef VECTOR
#undef ELEMENT
#undef OPERAND
#undef TILE_NAME
#undef TILE_LANES
#undef TILE_STEP
#undef TILE_QK_ROWS
#undef TILE_PV_ROWS
#undef TILE_PV_VECTORS
#undef TILE_EXP2
