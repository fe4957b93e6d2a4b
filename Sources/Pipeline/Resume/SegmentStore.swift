import Base
import Files
import VideoIO

/// The segments of a job: which are there, which are missing, and what is in them. For one thread at a time.
package final class SegmentStore {
    /// Segments that are not finished, one after the other, all equally far.
    struct Gap: Equatable {
        let first: Int
        /// How many; nil for all up to the end of the clip.
        let count: Int?
        /// Nil where nothing is there.
        var stage: SegmentStage?
    }

    /// What had to be left aside, for whoever asked for the job.
    package private(set) var warnings: [String] = []
    let segmentFrames: Int
    private let directory: JobDirectory
    private var isOurs = false
    /// Outlines of finished segments by number, so that memory hardly grows with the clip.
    private var summaries: [Int: SegmentSummary] = [:]
    /// Those of undrawn ones.
    private var undrawn: [Int: SegmentSummary] = [:]

    /// Opens the directory, or makes it.
    ///
    /// - Parameters:
    ///   - job: what the run computes. Of a job begun earlier only the identity is compared, the rest is kept.
    ///   - segmentFrames: frames of every segment but the last.
    ///   - isShare: whether the run computes a share alone and leaves the joining to another.
    /// - Throws: `VitvideoError`: of kind `usage` or `badData` where the job was begun under other settings, of kind
    ///   `cannotCreate` where another run is to join it, where the directory holds something else or cannot be
    ///   made; of kind `inputOutput` where it cannot be written to.
    package init(path: String, job: Job, segmentFrames: Int, isShare: Bool = false) throws {
        self.segmentFrames = segmentFrames
        directory = try JobDirectory(path: path, job: job, isShare: isShare)
        if !isShare { try inspect(SegmentRange()) }
        isOurs = true
    }

    deinit {
        // Also reached where the initializer has thrown, for one because the directory is somebody else's.
        if directory.isIdle { remove() }
    }

    // MARK: The job

    package var path: String { directory.path }
    package var job: Job { directory.job }
    /// Whether this run has begun the job.
    package var isNew: Bool { directory.isNew }
    /// Whether an earlier run was about to give the outputs their names, so that those that have them are its own.
    package var isJoining: Bool { directory.isJoining }
    /// The job's plan, where there is one.
    package var knownOutline: SelectionOutline? { directory.knownOutline }

    /// The job's plan, made by the first who asks for it.
    ///
    /// - Throws: what `make` throws; `VitvideoError` of kind `inputOutput`.
    package func outline(_ make: () throws -> SelectionOutline) throws -> SelectionOutline {
        try directory.outline(make)
    }

    /// Notes, on the disk, that outputs may have their names from now on.
    func beginJoining() throws { try directory.beginJoining() }

    /// Removes the directory, but for what other processes are writing.
    func remove() {
        guard isOurs else { return }
        isOurs = false
        directory.remove()
    }

    // MARK: What is there

    /// Frames in finished segments that have been looked at, up to the end of the clip.
    package var frames: Int { ofClip(summaries).reduce(0) { $0 + $1.frames } }
    package var segments: Int { ofClip(summaries).count }
    /// Frames in undrawn segments.
    package var undrawnFrames: Int { ofClip(undrawn).reduce(0) { $0 + $1.frames } }

    func undrawnFrames(in gap: Gap) -> Int {
        undrawn.reduce(0) { sum, segment in
            segment.key >= gap.first && segment.key < gap.first + (gap.count ?? 0)
                ? sum + segment.value.frames : sum
        }
    }

    private func ofClip(_ summaries: [Int: SegmentSummary]) -> [SegmentSummary] {
        let end = lastSegment ?? .max
        return summaries.filter { $0.key <= end }.map(\.value)
    }

    /// The number of the segment that the clip ends with, once that is known.
    var lastSegment: Int? {
        [summaries, undrawn].flatMap { $0.filter(\.value.isLast).keys }.min()
    }

    /// The outline of a finished segment; the lists are in its file.
    func summary(_ number: Int) -> SegmentSummary? { summaries[number] }

    /// The segments of a range that are not finished, in order.
    func gaps(in range: SegmentRange = SegmentRange()) -> [Gap] {
        let known = max(summaries.keys.max() ?? -1, undrawn.keys.max() ?? -1) + 1
        let end = min(range.end ?? max(known, range.first) + 1, (lastSegment ?? .max - 1) + 1)
        var gaps: [Gap] = []
        var open: (first: Int, stage: SegmentStage?)?
        func close(before number: Int) {
            if let begun = open {
                gaps.append(Gap(first: begun.first, count: number - begun.first, stage: begun.stage))
            }
            open = nil
        }
        for number in range.first..<max(range.first, end) {
            guard summaries[number] == nil else {
                close(before: number)
                continue
            }
            let stage: SegmentStage? = undrawn[number] == nil ? nil : .undrawn
            if open?.stage != stage { close(before: number) }
            open = open ?? (number, stage)
        }
        guard let begun = open else { return gaps }
        let isEndless = range.end == nil && lastSegment == nil && begun.stage == nil
        gaps.append(Gap(first: begun.first, count: isEndless ? nil : end - begun.first, stage: begun.stage))
        return gaps
    }

    /// - Throws: as `SegmentFileReader`.
    func reader(of number: Int, _ stage: SegmentStage = .finished) throws -> SegmentFileReader {
        try SegmentFileReader(directory.path(of: number, stage), label: directory.label(of: number, stage))
    }

    /// A renderer that has been through all frames before a segment; nil where some of them are not there.
    ///
    /// - Parameter renderer: at the clip's beginning.
    func renderer(_ renderer: any FrameRenderer, before number: Int) throws -> (any FrameRenderer)? {
        guard renderer.dependsOnEarlierFrames else { return renderer }
        var renderer = renderer
        var ahead: [SegmentSummary] = []
        for earlier in (0..<number).reversed() {
            if let finished = try summaryOnDisk(earlier, .finished) {
                renderer.scaleMemory = finished.scaleMemory
                break
            }
            guard let undrawn = try summaryOnDisk(earlier, .undrawn) else { return nil }
            ahead.append(undrawn)
        }
        for frame in ahead.reversed().flatMap(\.ranges) {
            renderer.follow(frame.values, at: frame.timeSeconds)
        }
        return renderer
    }

    /// Frames that follow one another and were computed with the same.
    package struct Computed: Equatable, CustomStringConvertible {
        var firstIndex: Int
        var lastIndex: Int
        let computation: String

        package var description: String { "frames \(firstIndex) to \(lastIndex) with \(computation)" }
    }

    /// What the finished segments were computed with, in their order.
    package var computations: [Computed] {
        var runs: [Computed] = []
        for (_, summary) in summaries.sorted(by: { $0.key < $1.key }) {
            guard let first = summary.firstIndex, let last = summary.lastIndex else { continue }
            if runs.last?.computation == summary.computation {
                runs[runs.count - 1].lastIndex = last
            } else {
                runs.append(Computed(firstIndex: first, lastIndex: last, computation: summary.computation))
            }
        }
        return runs
    }

    /// The error for a segment that was whole when it was looked at.
    func unreadable(_ number: Int, _ damage: SegmentFileReader.Damage) -> VitvideoError {
        VitvideoError(
            .inputOutput, cannot: "read segment \(number) of", path: path, reason: damage.reason,
            nextStep: .advice("the same command computes it anew"))
    }

    /// How the maps of a segment came about.
    func origin(of number: Int) -> SegmentOrigin {
        let summary = summaries[number] ?? undrawn[number]
        return SegmentOrigin(
            computation: summary?.computation ?? job.computation, reuse: summary?.reuse ?? [])
    }

    /// Of each source, what the frames of all segments took over from one another.
    package var reuse: [ReuseTally] {
        summaries.merging(undrawn) { finished, _ in finished }.sorted { $0.key < $1.key }
            .reduce(into: []) { $0.add($1.value.reuse) }
    }

    // MARK: Changes

    func writer(of number: Int, _ stage: SegmentStage = .finished) throws -> SegmentFileWriter {
        try SegmentFileWriter(directory.path(of: number, stage), label: directory.label(of: number, stage))
    }

    /// Notes a segment that has been written.
    ///
    /// - Throws: `VitvideoError` of kind `inputOutput` where the job is no longer there.
    func add(_ number: Int, _ summary: SegmentSummary, _ stage: SegmentStage = .finished) throws {
        guard !directory.isGone else {
            FileSystem.unlink(directory.path(of: number, stage))
            FileSystem.rmdir(path)
            throw VitvideoError(
                .inputOutput, cannot: "keep segments in", path: path,
                reason: "another run has joined or removed the job meanwhile")
        }
        note(number, summary, stage)
    }

    /// What is drawn may have its maps still: another process may be drawing them too.
    private func note(_ number: Int, _ summary: SegmentSummary, _ stage: SegmentStage) {
        switch stage {
        case .finished:
            summaries[number] = summary.outline
            undrawn[number] = nil
        case .undrawn: undrawn[number] = summary.outline
        }
    }

    // MARK: Looking

    /// Looks at the segments of a range: reads each through, and removes what is not what it should be.
    func inspect(_ range: SegmentRange) throws {
        for segment in directory.segments
        where range.contains(segment.number) && summaries[segment.number] == nil {
            try inspect(segment)
        }
    }

    private func inspect(_ segment: SegmentLabel) throws {
        let name = directory.path(of: segment.number, segment.stage)
        // Another run may have removed it since, being damaged.
        guard FileSystem.exists(name) else { return }
        do {
            let reader = try reader(of: segment.number, segment.stage)
            let summary = reader.summary
            guard summary.isLast || summary.frames == segmentFrames else {
                throw SegmentFileReader.Damage(reason: "it is cut short")
            }
            while try reader.next() != nil {}
            note(segment.number, summary, segment.stage)
        } catch let damage as SegmentFileReader.Damage {
            warnings.append("\(name) is not used, for \(damage.reason); its frames are computed anew")
            FileSystem.unlink(name)
        }
    }

    /// The whole summary of a segment that another process may have written; nil where it is not there, or damaged.
    private func summaryOnDisk(_ number: Int, _ stage: SegmentStage) throws -> SegmentSummary? {
        guard FileSystem.exists(directory.path(of: number, stage)) else { return nil }
        do {
            return try reader(of: number, stage).summary
        } catch is SegmentFileReader.Damage {
            return nil
        }
    }
}
