/// Segments by their numbers, from one on.
struct SegmentRange: Equatable {
    var first = 0
    /// Exclusive; nil for all up to the end of the clip.
    var end: Int?

    func contains(_ number: Int) -> Bool { number >= first && number < end ?? .max }
}

/// One of the parts that a job is shared out in: one of as many equal ones, or some that follow one another.
package struct JobShare: Sendable, Equatable, CustomStringConvertible {
    private let parts: Range<Int>
    /// How many parts the whole has.
    package let count: Int
    package let description: String

    /// - Parameter number: from 1.
    /// - Returns: nil where there is no such part.
    package init?(number: Int, count: Int) {
        guard count >= 1, (1...count).contains(number) else { return nil }
        parts = (number - 1)..<number
        self.count = count
        description = "part \(number) of \(count)"
    }

    /// Some of as many segments.
    init(segments: Range<Int>, of count: Int) {
        parts = segments
        self.count = count
        description = "segments \(segments.lowerBound + 1) to \(segments.upperBound) of \(count)"
    }

    /// From 1; of several parts the first.
    package var number: Int { parts.lowerBound + 1 }

    /// Its segments. They follow one another, and no share has more than one segment more than another; the last share
    /// goes to the end of the clip, wherever that is found.
    ///
    /// - Parameter frames: of the clip, as planned.
    func segments(ofFrames frames: Int, segmentFrames: Int) -> SegmentRange {
        let segments = max(1, (frames + segmentFrames - 1) / segmentFrames)
        return SegmentRange(
            first: parts.lowerBound * segments / count,
            end: parts.upperBound == count ? nil : parts.upperBound * segments / count)
    }
}
