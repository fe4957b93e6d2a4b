#ifndef VITVIDEO_ATTENTION_BLOCKS_H
#define VITVIDEO_ATTENTION_BLOCKS_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "clones.h"

// The shapes that all attention kernels work in.

// Queries in a tile and keys in a block: their probabilities stay close to the core.
#define TILE_QUERIES 48
#define BLOCK 512
// Keys are packed in panels [head_width, PANEL] so that one broadcast query value meets whole vectors.
#define PANEL 32
// Vectors of keys in the register block of Q·Kᵀ.
#define QK_VECTORS 2
// How far a score may exceed its row's reference, in powers of two.
#define REACH 8.0f
// The head's width is padded to this many values, the widest vector of floats.
#define WIDTH_UNIT 16

#define LOG2_E 1.44269504088896341f

VV_INLINE size_t rounded_up(size_t count, size_t unit) { return (count + unit - 1) / unit * unit; }
VV_INLINE size_t padded_width(size_t head_width) { return rounded_up(head_width, WIDTH_UNIT); }
VV_INLINE size_t padded_count(size_t tokens) { return rounded_up(tokens, PANEL); }

typedef float quad __attribute__((ext_vector_type(4)));
typedef float pair __attribute__((ext_vector_type(2)));

#endif
