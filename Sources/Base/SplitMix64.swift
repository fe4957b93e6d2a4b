import Glibc

/// Steele, Lea and Flood's generator: seeded, so that what was drawn can be drawn again.
package struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// Uniform in [0, 1), a multiple of 2⁻²⁴.
    package mutating func uniform() -> Float { Float(next() >> 40) / Float(1 << 24) }

    /// Of the standard normal distribution, by Box and Muller's transform of two uniform numbers.
    package mutating func normal() -> Float {
        // Of (0, 1], so that the logarithm is finite.
        let radius = (-2 * log(1 - Double(next() >> 11) / Double(1 << 53))).squareRoot()
        return Float(radius * cos(2 * .pi * Double(next() >> 11) / Double(1 << 53)))
    }
}
