#ifndef VITVIDEO_PEAK_H
#define VITVIDEO_PEAK_H

#include <stdbool.h>
#include <stdint.h>

/// Multiplies and adds in registers alone, in chains too many to wait for one another.
///
/// `rounds`: how often; a round is some hundreds of operations.
/// Returns the floating-point operations that were done, a multiplication with its addition counting two; 0 where
/// the CPU has neither AVX-512 nor AVX2.
double vv_peak_float32(uint64_t rounds);

/// The same with pairs of bfloat16 summed into 32-bit floats. Returns 0 where the CPU has no such instruction.
double vv_peak_bfloat16(uint64_t rounds);

#endif
