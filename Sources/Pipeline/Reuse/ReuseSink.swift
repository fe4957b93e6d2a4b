import Methods

/// Counts what the frames of a job take over from one another.
package final class ReuseSink: FrameSink {
    /// Of each source.
    package private(set) var tallies: [ReuseTally] = []

    package init() {}

    package func consume(_ frame: AnnotatedFrame) throws { tallies.add(frame.reuse) }

    package func finish() throws {}

    package func finishPartial() throws -> [String] { [] }

    package func abandon() {}

    package var temporaryPaths: [String] { [] }
}

/// What an archive tells of frames that took over from one another.
package struct ReuseFindings {
    /// The error that they might have, in levels of 255.
    let levels: Double
    /// Of each source, once all frames are there.
    let tallies: () -> [ReuseTally]

    package init(levels: Double, tallies: @escaping () -> [ReuseTally]) {
        self.levels = levels
        self.tallies = tallies
    }
}

extension Provenance {
    mutating func add(_ tally: ReuseTally, levels: Double) {
        guard tally.frames > 0 else { return }
        self["reuse_levels"] = .number(levels)
        self["reuse_computed"] = .number(tally.computedShare)
        self["reuse_checked_frames"] = .integer(tally.checks)
        guard tally.checks > 0 else { return }
        self["reuse_error_mean"] = .number(tally.meanError)
        self["reuse_error_worst"] = .number(tally.worstError)
    }
}
