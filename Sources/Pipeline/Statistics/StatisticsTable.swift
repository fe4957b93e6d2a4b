import Base
import Files
import Glibc
import VideoIO

/// Writes a table of statistics, one row per frame and subject, as `CommaSeparated` values:
///
/// - `frame`, `time`: index and seconds in the source, or, of pictures that are no clip, `file`; `model`: the subject
/// - `entropy`: of the fused map in nats; `entropy_head_0` and so on: of each head
/// - `top10_mass`: share of the mass in the top 10 % of patches
/// - `correlation_previous`: with the map of the frame before; where they are a clip's
/// - `correlation_NAME`: with that subject's map, on the coarser grid of the two; where there are several
/// - `top_label`: only where there is a classifier
///
/// Fields that do not apply or are not defined are empty.
package final class StatisticsTable: StatisticsOutput {
    private let table: TableFile
    private let subjects: [StatisticsSubject]
    private let pictures: [String]?
    /// The single maps that have columns: all that any subject has, each once.
    private let partNames: [String]
    private let hasLabels: Bool

    /// - Parameters:
    ///   - path: "-" for standard output, where rows are as soon as they are known.
    ///   - pictures: what the frames are called, by their numbers; nil where they are a clip's.
    /// - Throws: `VitvideoError` of kind `cannotCreate`.
    package init(
        path: String, overwrite: Bool, subjects: [StatisticsSubject], pictures: [String]? = nil
    ) throws {
        table = try TableFile(path, overwrite: overwrite)
        self.subjects = subjects
        self.pictures = pictures
        var names: [String] = []
        for name in subjects.flatMap(\.partNames) where !names.contains(name) { names.append(name) }
        partNames = names
        hasLabels = subjects.contains(where: \.hasClassifier)
        try table.write(header)
    }

    package var path: String { table.path }

    private var header: [String] {
        (pictures == nil ? ["frame", "time"] : ["file"]) + ["model", "entropy"]
            + partNames.map { "entropy_" + $0.replacing(" ", with: "_") } + ["top10_mass"]
            + (pictures == nil ? ["correlation_previous"] : [])
            + (subjects.count > 1 ? subjects.map { "correlation_\($0.name)" } : [])
            + (hasLabels ? ["top_label"] : [])
    }

    package func add(_ statistics: [FrameStatistics], frame: Int, timeSeconds: Double) throws {
        for (subject, statistics) in zip(subjects, statistics) {
            let parts = Dictionary(
                zip(subject.partNames, statistics.partEntropies), uniquingKeysWith: { first, _ in first })
            var fields =
                pictures.map { [$0[frame]] } ?? [String(frame), formatted("%.6f", timeSeconds)]
            fields += [subject.name, Self.field(statistics.entropy)]
            fields += partNames.map { Self.field(parts[$0] ?? .nan) }
            fields.append(Self.field(statistics.topMass))
            if pictures == nil { fields.append(Self.field(statistics.previousCorrelation)) }
            if subjects.count > 1 { fields += statistics.correlations.map(Self.field) }
            if hasLabels { fields.append(statistics.topLabel ?? "") }
            try table.write(fields)
        }
    }

    package func finish(as name: String?) throws { try table.finish(as: name) }

    package func abandon() { table.abandon() }

    package var temporaryPaths: [String] { table.temporaryPaths }

    package var partialName: String { table.partialName }

    private static func field(_ value: Double) -> String {
        value.isFinite ? formatted("%.6f", value) : ""
    }
}
