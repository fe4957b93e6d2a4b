/// How one frame's maps came about where frames take over from one another.
package struct FrameReuse: Sendable, Equatable {
    /// Share of tokens and blocks that were computed; a frame that was looked at has been computed once more.
    package let computedShare: Double
    /// Whether the maps are those of the whole computation.
    package let isWhole: Bool
    /// How far the maps would have been off, in levels of 255, where that was looked at.
    package let error: Double?
}

/// What taking over has come to over some frames, in their order.
package struct ReuseTally: Sendable, Equatable, Codable {
    /// Frames that were computed in some way.
    package private(set) var frames = 0
    /// Of those, the ones whose maps are exact.
    package private(set) var wholeFrames = 0
    private var computedShares = Total()
    /// Frames whose error was looked at, the sum of what was found and the largest.
    package private(set) var checks = 0
    package private(set) var worstError = 0.0
    /// The sum of the errors of the frames that took over, as far as they are known: a frame's is taken to be that of the next one
    /// that was looked at, which was computed by the same threshold.
    private var errors = Total()
    /// Frames that took over since one was looked at.
    private var pending = 0
    /// Frames that took over and of whose error nothing is known.
    private var unknown = 0

    package init() {}

    /// Share of tokens and blocks computed per frame.
    package var computedShare: Double { frames == 0 ? 0 : computedShares.value / Double(frames) }

    /// The mean over all frames of the error in levels of 255. What is not known is taken to be as the rest.
    package var meanError: Double {
        let reused = frames - wholeFrames
        let known = reused - unknown - pending
        return known == 0 || frames == 0
            ? 0 : errors.value / Double(known) * Double(reused) / Double(frames)
    }

    package mutating func add(_ frame: FrameReuse) {
        frames += 1
        computedShares.add(frame.computedShare)
        if frame.isWhole { wholeFrames += 1 } else { pending += 1 }
        if let error = frame.error {
            checks += 1
            worstError = max(worstError, error)
            errors.add(error, times: pending)
            pending = 0
        } else if frame.isWhole {
            settle()
        }
    }

    /// Goes on with frames that were counted apart.
    package mutating func add(_ other: ReuseTally) {
        settle()
        frames += other.frames
        wholeFrames += other.wholeFrames
        computedShares.add(other.computedShares)
        checks += other.checks
        worstError = max(worstError, other.worstError)
        errors.add(other.errors)
        unknown += other.unknown + other.pending
    }

    /// Ends a run of frames that took over from one another.
    private mutating func settle() {
        unknown += pending
        pending = 0
    }
}

/// A sum in whole steps of 2⁻³², so that it is the same however the frames are divided: sums of floats depend on the order.
private struct Total: Sendable, Equatable, Codable {
    private var steps = 0

    private static let stepsPerUnit = Double(1 << 32)

    var value: Double { Double(steps) / Self.stepsPerUnit }

    mutating func add(_ value: Double, times count: Int = 1) {
        steps += count * Int((value * Self.stepsPerUnit).rounded())
    }

    mutating func add(_ other: Total) { steps += other.steps }
}

extension [ReuseTally] {
    /// - Parameter frame: of each source how the frame's maps came about; nil where nothing is taken over.
    mutating func add(_ frame: [FrameReuse?]) {
        while count < frame.count { append(ReuseTally()) }
        for (index, reuse) in frame.enumerated() { if let reuse { self[index].add(reuse) } }
    }

    /// Goes on with frames that were counted apart.
    mutating func add(_ others: [ReuseTally]) {
        while count < others.count { append(ReuseTally()) }
        for (index, other) in others.enumerated() { self[index].add(other) }
    }
}
