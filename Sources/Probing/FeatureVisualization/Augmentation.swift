import Base
import Glibc

/// A change of a channel's colours: (x − μ)/σ with μ uniform in [−s, s] and ln σ likewise, s the strength.
package struct ColorShift: Sendable, Hashable {
    package var mean: Float
    package var deviation: Float

    package init(mean: Float, deviation: Float) {
        self.mean = mean
        self.deviation = deviation
    }

    static func drawn(strength: Float, by generator: inout SplitMix64) -> (mean: Float, deviation: Float) {
        let mean = strength * (2 * generator.uniform() - 1)
        return (mean, exp(strength * (2 * generator.uniform() - 1)))
    }
}

/// A cyclic shift of a plane: what leaves it at one side comes in at the other.
package struct CyclicRoll: Sendable, Hashable {
    /// Down.
    package var rows: Int
    /// To the right.
    package var columns: Int

    package init(rows: Int, columns: Int) {
        self.rows = rows
        self.columns = columns
    }

    /// The shift back.
    package var reversed: CyclicRoll { CyclicRoll(rows: -rows, columns: -columns) }

    /// to[y + rows, x + columns] = from[y, x], cyclically; `height × width` each.
    package func apply(
        _ from: UnsafePointer<Float>, into to: UnsafeMutablePointer<Float>, height: Int, width: Int
    ) {
        let shift = (columns % width + width) % width
        for y in 0..<height {
            let row = to + ((y + rows) % height + height) % height * width
            let source = from + y * width
            (row + shift).update(from: source, count: width - shift)
            row.update(from: source + width - shift, count: shift)
        }
    }
}

/// One copy's augmentation a(x): each channel through its `ColorShift`, noise added, then all rolled.
///
///     a(x) = roll((x − μ)/σ + noise)        dx = roll⁻¹(da)/σ
package struct Augmentation: Sendable {
    /// Of the three channels.
    package let shifts: [ColorShift]
    /// A number for each channel, or `3 × height × width`; empty for none.
    package let noise: ArraySlice<Float>
    package let roll: CyclicRoll
    package let height: Int
    package let width: Int

    /// The augmentation of one of the copies that were drawn for.
    package init(_ draws: VisualizationDraws, copy: Int, copies: Int, height: Int, width: Int) {
        shifts = (0..<3).map {
            ColorShift(mean: draws.mean[copy * 3 + $0], deviation: draws.deviation[copy * 3 + $0])
        }
        let share = draws.noise.count / copies
        noise = draws.noise[copy * share..<(copy + 1) * share]
        roll = draws.roll
        (self.height, self.width) = (height, width)
    }

    /// a(x), `3 × height × width` as x is.
    package func apply(to picture: [Float]) -> [Float] {
        let pixels = height * width
        var shifted = [Float](repeating: 0, count: pixels)
        return [Float](unsafeUninitializedCapacity: picture.count) { result, count in
            defer { count = picture.count }
            guard let to = result.baseAddress else { return }
            for (channel, shift) in shifts.enumerated() {
                let start = channel * pixels
                for i in 0..<pixels { shifted[i] = (picture[start + i] - shift.mean) / shift.deviation }
                if noise.count == 3 {
                    let value = noise[noise.startIndex + channel]
                    for i in 0..<pixels { shifted[i] += value }
                } else if !noise.isEmpty {
                    let first = noise.startIndex + start
                    for i in 0..<pixels { shifted[i] += noise[first + i] }
                }
                roll.apply(shifted, into: to + start, height: height, width: width)
            }
        }
    }

    /// dx from da, both `3 × height × width`.
    package func backward(_ gradient: [Float]) -> [Float] {
        let pixels = height * width
        return [Float](unsafeUninitializedCapacity: gradient.count) { result, count in
            defer { count = gradient.count }
            guard let to = result.baseAddress else { return }
            gradient.withUnsafeBufferPointer { gradient in
                guard let from = gradient.baseAddress else { return }
                for (channel, shift) in shifts.enumerated() {
                    let start = channel * pixels
                    roll.reversed.apply(from + start, into: to + start, height: height, width: width)
                    for i in start..<start + pixels { to[i] /= shift.deviation }
                }
            }
        }
    }
}
