import Base
import Files

/// What a batch came to, at its end.
struct BatchSummary {
    private let results: [BatchResult]
    private let total: Int

    /// - Parameter total: inputs there are, those of other shares included.
    init(_ results: [BatchResult], of total: Int) {
        self.results = results
        self.total = total
    }

    /// Says it, and ends the run.
    ///
    /// - Throws: `VitvideoError`: of kind `badData` where inputs failed, of kind `interrupted` where the run was.
    func end(_ messages: MessageOptions) throws {
        if messages.progressStyle == .json {
            StandardError.line(object)
        } else if !messages.quiet {
            for line in table.lines { StandardError.line(line) }
        }
        for case .interrupted(let error) in results.map(\.outcome) { throw error }
        guard !failures.isEmpty else { return }
        throw VitvideoError(
            .badData,
            reason: "\(failures.count) of \(results.count) videos failed: "
                + failures.map { FileName.shown($0.input) }.joined(separator: ", "))
    }

    private var failures: [(input: String, reason: String)] {
        results.compactMap { result in
            if case .failed(let reason) = result.outcome { (result.input, reason) } else { nil }
        }
    }

    private var table: TextTable {
        var table = TextTable(columns: [
            .init(title: "video"), .init(title: "frames", isNumber: true),
            .init(title: "seconds", isNumber: true),
            .init(title: "result"),
        ])
        for result in results {
            let (frames, seconds, text): (Int?, Double?, String) =
                switch result.outcome {
                case .done(let frames, let seconds): (frames, seconds, "done")
                case .doneBefore(let frames): (frames, nil, "was done")
                case .failed: (nil, nil, "failed")
                case .interrupted: (nil, nil, "interrupted")
                }
            table.rows.append([
                FileName.shown(result.input), frames.map { "\($0)" } ?? "",
                seconds.map { formatted("%.1f", $0) } ?? "", text,
            ])
        }
        return table
    }

    /// One line of JSON.
    private var object: String {
        func count(_ isCounted: (BatchResult.Outcome) -> Bool) -> Int {
            results.count { isCounted($0.outcome) }
        }
        let done = count { if case .done = $0 { true } else { false } }
        let before = count { if case .doneBefore = $0 { true } else { false } }
        let failed = failures.map { failure in
            JSONValue.object([
                .init("input", .string(failure.input)), .init("reason", .string(failure.reason)),
            ])
        }
        return JSONValue.object([
            .init("videos", .integer(total)), .init("done", .integer(done)),
            .init("done_before", .integer(before)), .init("failed", .array(failed)),
        ]).json
    }
}
