import Base
import Files
import FoundationEssentials
import Glibc
import Rendering
import VideoIO

/// The directory beside an output in which a job keeps what it has finished, so that it may be interrupted, and shared
/// out among machines:
///
///     job.json          what the job computes, and what it has found out before its first segment
///     plan              which frames there are, where the job is shared out
///     segment-000000    a finished segment each
///     maps-000001       one that is computed and not drawn yet
///     joining           once all are there and the outputs may be getting their names
///
/// Any number of processes work in it at once. No file changes: each appears under its name when it is complete, and what
/// two processes write under one name is the same, so that no lock is needed for a right result. The run that joins
/// takes one all the same, so that two of them do not do the same work. For one thread at a time.
package final class SegmentStore {
    /// What `job.json` holds.
    package struct Job: Codable, Sendable {
        /// What the results depend on.
        package var identity: JobIdentity
        /// What the sources found out before the run, by the model's name.
        package var states: [String: Data]
        /// Of each source's maps, where the scale is that of the clip.
        package var limits: [MapLimits]
        /// What computed first, which all others have to equal unless they may differ.
        package var computation: String
        /// The input's hash; nil where it is several files.
        package var input: StampedHash?
        /// Who made it.
        var owner = ProcessOwner.current

        package init(
            identity: JobIdentity, states: [String: Data] = [:], limits: [MapLimits] = [],
            computation: String = "", input: StampedHash? = nil
        ) {
            self.identity = identity
            self.states = states
            self.limits = limits
            self.computation = computation
            self.input = input
        }
    }

    /// Segments that are not finished, one after the other, all equally far.
    struct Gap: Equatable {
        let first: Int
        /// How many; nil for all up to the end of the clip.
        let count: Int?
        /// Nil where nothing is there.
        var stage: SegmentStage?
    }

    private static let jobName = "job.json"
    private static let planName = "plan"
    private static let joiningName = "joining"

    package let path: String
    package private(set) var job: Job
    /// Whether this run has begun the job.
    package private(set) var isNew = false
    /// What had to be left aside, for whoever asked for the job.
    package private(set) var warnings: [String] = []
    let segmentFrames: Int
    private let label: String
    /// Of the run that joins; nil in one that computes its share alone.
    private let lock: LockedDirectory?
    private var isOurs = false
    /// Outlines of finished segments by number, so that memory hardly grows with the clip.
    private var summaries: [Int: SegmentSummary] = [:]
    /// Those of undrawn ones.
    private var undrawn: [Int: SegmentSummary] = [:]

    /// Where the job of an output keeps its segments.
    package static func path(for output: String) -> String { output + ".resume" }

    /// The job of a directory, to begin another run of it with; nil where it binds nobody: nothing of it is finished, and
    /// nobody is at work on it.
    package static func job(at path: String) -> Job? {
        guard let bytes = FileSystem.contents(of: "\(path)/\(jobName)"),
            let job = try? JSONDecoder().decode(Job.self, from: Data(bytes))
        else { return nil }
        TemporaryEntry.removeAbandoned(in: path)
        return binds(job, at: path) ? job : nil
    }

    /// The plan of a directory, of whatever job; nil where there is none.
    package static func outline(at path: String) -> SelectionOutline? {
        PlanFile.read("\(path)/\(planName)")?.outline
    }

    private static func binds(_ job: Job, at path: String) -> Bool {
        isBegun(at: path) || !job.owner.isGone(leaving: "\(path)/\(jobName)")
    }

    /// Whether a segment is there, or somebody is writing one.
    private static func isBegun(at path: String) -> Bool {
        (FileSystem.names(in: path) ?? []).contains { segment(named: $0) != nil || TemporaryEntry.isOne($0) }
    }

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
        self.path = path
        self.job = job
        self.segmentFrames = segmentFrames
        label = try job.identity.hash
        lock = try Self.directory(path, isShare: isShare)
        try begin()
        if !isShare { try inspect(SegmentRange()) }
        isOurs = true
    }

    deinit {
        // Also reached where the initializer has thrown, for one because the directory is somebody else's.
        if lock != nil, !Self.isBegun(at: path) { remove() }
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

    /// Whether an earlier run was about to give the outputs their names, so that those that have them are its own.
    package var isJoining: Bool { FileSystem.exists(file(Self.joiningName)) }

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
        try SegmentFileReader(file(Self.name(of: number, stage)), label: label(of: number, stage))
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

    /// What the maps of a segment were computed with.
    func computation(of number: Int) -> String {
        (summaries[number] ?? undrawn[number])?.computation ?? job.computation
    }

    // MARK: Changes

    func writer(of number: Int, _ stage: SegmentStage = .finished) throws -> SegmentFileWriter {
        try SegmentFileWriter(file(Self.name(of: number, stage)), label: label(of: number, stage))
    }

    /// Notes a segment that has been written.
    ///
    /// - Throws: `VitvideoError` of kind `inputOutput` where the job is no longer there.
    func add(_ number: Int, _ summary: SegmentSummary, _ stage: SegmentStage = .finished) throws {
        guard FileSystem.exists(file(Self.jobName)) else {
            FileSystem.unlink(file(Self.name(of: number, stage)))
            FileSystem.rmdir(path)
            throw VitvideoError(
                .inputOutput, cannot: "keep segments in", path: path,
                reason: "another run has joined or removed the job meanwhile")
        }
        switch stage {
        case .finished:
            summaries[number] = summary.outline
            undrawn[number] = nil
            FileSystem.unlink(file(Self.name(of: number, .undrawn)))
        case .undrawn: undrawn[number] = summary.outline
        }
    }

    /// The job's plan, where there is one.
    package var knownOutline: SelectionOutline? {
        PlanFile.read(file(Self.planName)).flatMap { $0.job == label ? $0.outline : nil }
    }

    /// The job's plan, made by the first who asks for it.
    ///
    /// - Throws: what `make` throws; `VitvideoError` of kind `inputOutput`.
    package func outline(_ make: () throws -> SelectionOutline) throws -> SelectionOutline {
        // Others may make it at the same time.
        for _ in 0..<8 {
            if let known = knownOutline { return known }
            // One that is there is damaged, or of a job that this one has taken the place of.
            FileSystem.unlink(file(Self.planName))
            let plan = PlanFile(job: label, outline: try make())
            try writeOnce(try plan.bytes, to: Self.planName)
        }
        throw VitvideoError(
            .inputOutput, cannot: "read", path: file(Self.planName), reason: "it is not what was written")
    }

    /// Notes, on the disk, that outputs may have their names from now on.
    func beginJoining() throws {
        let file = try AtomicFile(ofJob: file(Self.joiningName))
        try file.commit()
    }

    /// Removes the directory, but for what other processes are writing. What tells of the job goes first: what is left of
    /// it then is nobody's. Called once; of the same name there may be another run's directory afterwards.
    func remove() {
        guard isOurs else { return }
        isOurs = false
        FileSystem.unlink(file(Self.jobName))
        for name in FileSystem.names(in: path) ?? [] where Self.isOwn(name) && !TemporaryEntry.isOne(name) {
            FileSystem.unlink(file(name))
        }
        FileSystem.rmdir(path)
    }

    // MARK: Opening

    /// Makes the directory, and locks it for a run that is to join.
    private static func directory(_ path: String, isShare: Bool) throws -> LockedDirectory? {
        func failure(_ reason: String) -> VitvideoError {
            VitvideoError(.cannotCreate, cannot: "keep segments in", path: path, reason: reason)
        }
        if isShare {
            guard FileSystem.mkdir(path, 0o777) == 0 || errno == EEXIST else {
                throw failure(systemText(errno))
            }
            return nil
        }
        do {
            guard let directory = try LockedDirectory.open(path) else {
                throw failure("another run is at work on this job")
            }
            return directory
        } catch let error as SystemError {
            throw failure(systemText(error.code))
        }
    }

    private func begin() throws {
        guard (FileSystem.names(in: path) ?? []).allSatisfy(Self.isOwn) else {
            throw VitvideoError(
                .cannotCreate, cannot: "keep segments in", path: path, reason: "it holds something else",
                nextStep: .advice("remove or rename it"))
        }
        TemporaryEntry.removeAbandoned(in: path)
        // Others may begin the job, or end it, at the same time.
        let own = [UInt8](try JSONEncoder().encode(job))
        for _ in 0..<8 {
            guard let bytes = FileSystem.contents(of: file(Self.jobName)) else {
                // Nothing is there, or a finished job was being removed.
                for name in FileSystem.names(in: path) ?? [] where Self.segment(named: name) != nil {
                    FileSystem.unlink(file(name))
                }
                FileSystem.unlink(file(Self.joiningName))
                try writeOnce(own, to: Self.jobName)
                continue
            }
            isNew = bytes == own
            if try take(bytes) { return }
            discard(bytes)
        }
        throw VitvideoError(
            .cannotCreate, cannot: "keep segments in", path: path, reason: "other runs begin and end there")
    }

    /// Goes on with the job that the directory holds.
    ///
    /// - Parameter bytes: of `job.json`.
    /// - Returns: whether it is this one; not so where it is another one that binds nobody.
    /// - Throws: `VitvideoError` where it is another one.
    private func take(_ bytes: [UInt8]) throws -> Bool {
        let found = try? JSONDecoder().decode(Job.self, from: Data(bytes))
        guard let kept = found else {
            guard Self.isBegun(at: path) else { return false }
            throw VitvideoError(
                .badData, cannot: "go on with", path: path, reason: "its \(Self.jobName) is damaged",
                nextStep: .advice("remove the directory"))
        }
        if let difference = try Self.difference(of: job.identity, from: kept, at: path) {
            if Self.binds(kept, at: path) { throw difference }
            return false
        }
        job = kept
        return true
    }

    /// What is said to whoever goes on with a job under other settings; nil where they are the same.
    package static func difference(of identity: JobIdentity, from kept: Job, at path: String) throws
        -> VitvideoError?
    {
        identity.difference(from: kept.identity).map { kind, text in
            VitvideoError(
                kind, cannot: "go on with", path: path, reason: text,
                nextStep: .advice("use the same settings, or remove the directory"))
        }
    }

    /// Removes a `job.json` that binds nobody, if it is still the one that was read: somebody else may have done so, and
    /// begun.
    private func discard(_ bytes: [UInt8]) {
        let aside = TemporaryEntry.randomPath(in: path)
        guard FileSystem.rename(file(Self.jobName), aside) == 0 else { return }
        if FileSystem.contents(of: aside) != bytes { _ = FileSystem.link(aside, file(Self.jobName)) }
        FileSystem.unlink(aside)
    }

    /// Gives bytes a name in the directory unless it is taken.
    private func writeOnce(_ bytes: [UInt8], to name: String) throws {
        do {
            let file = try AtomicFile(file(name), overwrite: false, cleansUp: false)
            try file.write(bytes)
            try file.commit()
        } catch let error as VitvideoError where error.kind == .cannotCreate {
            if FileSystem.exists(file(name)) { return }
            throw VitvideoError(.inputOutput, cannot: "write", path: file(name), reason: error.reason)
        }
    }

    /// Looks at the segments of a range: reads each through, and removes what is not what it should be.
    func inspect(_ range: SegmentRange) throws {
        let found = (FileSystem.names(in: path) ?? []).compactMap(Self.segment(named:))
        for (number, stage) in found.sorted(by: { $0.number < $1.number }) where range.contains(number) {
            try inspect(number, stage)
        }
    }

    private func inspect(_ number: Int, _ stage: SegmentStage) throws {
        let name = file(Self.name(of: number, stage))
        // Somebody else may have removed it since, for one because it is drawn.
        guard FileSystem.exists(name) else { return }
        do {
            let reader = try reader(of: number, stage)
            let summary = reader.summary
            guard summary.isLast || summary.frames == segmentFrames else {
                throw SegmentFileReader.Damage(reason: "it is cut short")
            }
            while try reader.next() != nil {}
            switch stage {
            case .finished:
                summaries[number] = summary.outline
                undrawn[number] = nil
            case .undrawn: if summaries[number] == nil { undrawn[number] = summary.outline }
            }
        } catch let damage as SegmentFileReader.Damage {
            warnings.append("\(name) is not used, for \(damage.reason); its frames are computed anew")
            FileSystem.unlink(name)
        }
    }

    /// The whole summary of a segment that another process may have written; nil where it is not there, or damaged.
    private func summaryOnDisk(_ number: Int, _ stage: SegmentStage) throws -> SegmentSummary? {
        guard FileSystem.exists(file(Self.name(of: number, stage))) else { return nil }
        do {
            return try reader(of: number, stage).summary
        } catch is SegmentFileReader.Damage {
            return nil
        }
    }

    // MARK: Names

    private func file(_ name: String) -> String { "\(path)/\(name)" }

    private func label(of number: Int, _ stage: SegmentStage) -> SegmentLabel {
        SegmentLabel(job: label, number: number, stage: stage)
    }

    private static func name(of number: Int, _ stage: SegmentStage) -> String {
        let digits = String(number)
        return "\(stage.rawValue)-" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
    }

    private static func segment(named name: String) -> (number: Int, stage: SegmentStage)? {
        for stage in SegmentStage.allCases where name.hasPrefix("\(stage.rawValue)-") {
            guard let number = Int(name.dropFirst(stage.rawValue.count + 1)), number >= 0 else { return nil }
            return (number, stage)
        }
        return nil
    }

    /// Whether a file of that name may be the store's.
    private static func isOwn(_ name: String) -> Bool {
        [jobName, planName, joiningName].contains(name) || segment(named: name) != nil
            || TemporaryEntry.isOne(name)
    }
}
