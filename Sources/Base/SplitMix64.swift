import Glibc

/// Steele, Lea and Flood's generator: seeded, so that what was drawn can be drawn again.
package struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    /// A generator of its own for each thing that is drawn: what it gives depends on these numbers alone, not on what else
    /// was drawn, in which order, or on which thread.
    ///
    /// - Parameters:
    ///   - purpose: what is drawn, so that two uses of one seed have nothing to do with each other.
    ///   - counters: for which of them: an epoch, a picture.
    package init(seed: UInt64, purpose: StaticString, _ counters: Int...) {
        // FNV-1a of the purpose's letters.
        let name = purpose.withUTF8Buffer { letters in
            letters.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        }
        self.init(seed: seed ^ name)
        for counter in counters { self.init(seed: next() ^ UInt64(bitPattern: Int64(counter))) }
        self.init(seed: next())
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// Uniform in [0, 1), a multiple of 2⁻²⁴.
    package mutating func uniform() -> Float { Float(next() >> 40) / Float(1 << 24) }

    /// A whole number in 0..<bound.
    ///
    /// - Precondition: `bound` is above 0.
    package mutating func below(_ bound: Int) -> Int {
        precondition(bound > 0, "a number is drawn from at least one")
        return Int(next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// The numbers 0..<count in a random order, by Fisher and Yates' shuffle.
    package mutating func permutation(of count: Int) -> [Int] {
        var order = Array(0..<count)
        for place in stride(from: count - 1, to: 0, by: -1) { order.swapAt(place, below(place + 1)) }
        return order
    }

    /// Of the standard normal distribution, by Box and Muller's transform of two uniform numbers.
    package mutating func normal() -> Float {
        // Of (0, 1], so that the logarithm is finite.
        let radius = (-2 * log(1 - Double(next() >> 11) / Double(1 << 53))).squareRoot()
        return Float(radius * cos(2 * .pi * Double(next() >> 11) / Double(1 << 53)))
    }
}
