import VideoIO

/// A form that statistics are written in: a table, a plot. Works under a temporary name.
package protocol StatisticsOutput: AnyObject {
    var path: String { get }

    /// - Parameter statistics: of one frame, by subject.
    func add(_ statistics: [FrameStatistics], frame: Int, timeSeconds: Double) throws

    /// Completes the file and gives it its name, or `name` where there is one.
    func finish(as name: String?) throws

    /// Removes what was written.
    func abandon()

    var temporaryPaths: [String] { get }

    /// What an interrupted run leaves is called.
    var partialName: String { get }
}

extension StatisticsOutput {
    package var partialName: String { OutputFormat.partialName(of: path) }
}

/// Makes the statistics of each frame, once for all the forms they are wanted in.
package final class StatisticsSink: NumberSink {
    /// The means so far.
    package private(set) var summary: StatisticsSummary
    private let outputs: [any StatisticsOutput]
    private let isOfClip: Bool
    private var maker = StatisticsMaker()

    /// - Parameters:
    ///   - subjects: the sources of the analysis in order, then the recordings.
    ///   - isOfClip: whether a frame has to do with the one before.
    package init(
        subjects: [StatisticsSubject], outputs: [any StatisticsOutput], isOfClip: Bool = true
    ) {
        summary = StatisticsSummary(subjects: subjects)
        self.outputs = outputs
        self.isOfClip = isOfClip
    }

    package func consume(_ frame: FrameNumbers) throws {
        if !isOfClip { maker = StatisticsMaker() }
        let statistics = maker.statistics(of: frame)
        summary.add(statistics)
        for output in outputs {
            try output.add(statistics, frame: frame.index, timeSeconds: frame.timeSeconds)
        }
    }

    package func finish() throws {
        for output in outputs { try output.finish(as: nil) }
    }

    package func finishPartial() throws -> [String] {
        try outputs.map { output in
            try output.finish(as: output.partialName)
            return output.partialName
        }
    }

    package func abandon() { for output in outputs { output.abandon() } }

    package var temporaryPaths: [String] { outputs.flatMap(\.temporaryPaths) }
}
