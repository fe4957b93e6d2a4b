import Base
import Files
import FoundationEssentials
import Glibc

/// The directory beside an output in which a job that may be interrupted keeps what it has finished:
///
///     job.json         what the job computes, and what it has found out before its first segment
///     segment-000000   a finished segment each
///     joining          once all are there and the outputs may be getting their names
///
/// It is locked while the store lives. A directory without a finished segment goes with it. For one thread at a time.
package final class SegmentStore {
    /// What `job.json` holds.
    package struct Job: Codable, Sendable {
        /// What the results depend on.
        package var identity: JobIdentity
        /// What the sources found out before the run, by the model's name.
        package var states: [String: Data]

        package init(identity: JobIdentity, states: [String: Data] = [:]) {
            self.identity = identity
            self.states = states
        }
    }

    /// Missing segments, computed one after the other.
    struct Gap: Equatable {
        let first: Int
        /// How many; nil for all up to the end of the clip.
        let count: Int?
    }

    private static let jobName = "job.json"
    private static let joiningName = "joining"
    private static let segmentPrefix = "segment-"

    package var path: String { directory.path }
    package private(set) var job: Job
    /// What had to be left aside, for whoever asked for the job.
    package private(set) var warnings: [String] = []
    private let label: String
    private let directory: LockedDirectory
    private var isOurs = false
    /// Outlines by number, so that memory hardly grows with the clip.
    private var summaries: [Int: SegmentSummary] = [:]

    /// Where the job of an output keeps its segments.
    package static func path(for output: String) -> String { output + ".resume" }

    /// The job of a directory, to begin another run of it with; nil where no segment is finished.
    package static func job(at path: String) -> Job? {
        let names = FileSystem.names(in: path) ?? []
        guard names.contains(where: { number(ofSegment: $0) != nil }) else { return nil }
        return readJob(at: path)
    }

    private static func readJob(at path: String) -> Job? {
        guard let bytes = FileSystem.contents(of: "\(path)/\(jobName)") else { return nil }
        return try? JSONDecoder().decode(Job.self, from: Data(bytes))
    }

    /// Opens the directory, or makes it, and looks at every segment.
    ///
    /// - Parameters:
    ///   - job: what the run computes. Of a job begun earlier only the identity is compared, the rest is kept.
    ///   - segmentFrames: frames of every segment but the last.
    /// - Throws: `VitvideoError`: of kind `usage` or `badData` where the job was begun under other settings, of kind
    ///   `cannotCreate` where another run holds it, where the directory holds something else or cannot be
    ///   made; of kind `inputOutput` where it cannot be written to.
    package init(path: String, job: Job, segmentFrames: Int) throws {
        self.job = job
        label = try job.identity.hash
        directory = try Self.lockedDirectory(path)
        try begin(segmentFrames)
        isOurs = true
    }

    deinit {
        // Also reached where the initializer has thrown, for one because the directory is somebody else's.
        if summaries.isEmpty { remove() }
    }

    // MARK: What is there

    /// Frames in all segments.
    package var frames: Int { summaries.values.reduce(0) { $0 + $1.frames } }
    package var segments: Int { summaries.count }

    /// Whether an earlier run was about to give the outputs their names, so that those that have them are its own.
    package var isJoining: Bool { FileSystem.access(file(Self.joiningName), F_OK) == 0 }

    /// The outline of a segment; the lists are in its file.
    func summary(_ number: Int) -> SegmentSummary? { summaries[number] }

    /// The segments that are missing, in order.
    var gaps: [Gap] {
        let end = summaries.first { $0.value.isLast }?.key
        var gaps: [Gap] = []
        var first: Int?
        for number in 0...(end ?? (summaries.keys.max() ?? -1) + 1) {
            if summaries[number] == nil {
                first = first ?? number
            } else if let start = first {
                gaps.append(Gap(first: start, count: number - start))
                first = nil
            }
        }
        if let first { gaps.append(Gap(first: first, count: nil)) }
        return gaps
    }

    /// - Throws: as `SegmentFileReader`.
    func reader(of number: Int) throws -> SegmentFileReader {
        try SegmentFileReader(segmentPath(number), label: SegmentLabel(job: label, number: number))
    }

    // MARK: Changes

    func writer(of number: Int) throws -> SegmentFileWriter {
        try SegmentFileWriter(segmentPath(number), label: SegmentLabel(job: label, number: number))
    }

    /// Notes a segment that has been written.
    func add(_ number: Int, _ summary: SegmentSummary) { summaries[number] = summary.outline }

    /// Notes, on the disk, that outputs may have their names from now on.
    func beginJoining() throws { try write(Data(), to: Self.joiningName) }

    /// Removes the directory. What tells of the job goes first: what is left of it then is nobody's. Called once; of
    /// the same name there may be another run's directory afterwards.
    func remove() {
        guard isOurs else { return }
        isOurs = false
        FileSystem.unlink(file(Self.jobName))
        for name in FileSystem.names(in: path) ?? [] where Self.isOwn(name) {
            FileSystem.unlink(file(name))
        }
        FileSystem.rmdir(path)
        summaries = [:]
    }

    // MARK: Opening

    private static func lockedDirectory(_ path: String) throws -> LockedDirectory {
        func failure(_ reason: String) -> VitvideoError {
            VitvideoError(.cannotCreate, cannot: "keep segments in", path: path, reason: reason)
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

    private func begin(_ segmentFrames: Int) throws {
        let names = FileSystem.names(in: path) ?? []
        guard names.allSatisfy(Self.isOwn) else {
            throw VitvideoError(
                .cannotCreate, cannot: "keep segments in", path: path, reason: "it holds something else",
                nextStep: .advice("remove or rename it"))
        }
        TemporaryEntry.removeAbandoned(in: path)
        let numbers = names.compactMap(Self.number(ofSegment:)).sorted()
        if names.contains(Self.jobName), !numbers.isEmpty {
            guard let kept = Self.readJob(at: path) else {
                throw VitvideoError(
                    .badData, cannot: "go on with", path: path, reason: "its \(Self.jobName) is damaged",
                    nextStep: .advice("remove the directory"))
            }
            if let (kind, text) = job.identity.difference(from: kept.identity) {
                throw VitvideoError(
                    kind, cannot: "go on with", path: path, reason: text,
                    nextStep: .advice("use the same settings, or remove the directory"))
            }
            job = kept
        } else {
            // Nothing is finished, or a finished job was being removed.
            for name in names { FileSystem.unlink(file(name)) }
            try write(try JSONEncoder().encode(job), to: Self.jobName)
            try AtomicFile.syncDirectory(of: path)
        }
        for number in numbers { try check(number, segmentFrames) }
    }

    /// Reads a segment through, and removes it where it is not what it should be.
    private func check(_ number: Int, _ segmentFrames: Int) throws {
        guard FileSystem.access(segmentPath(number), F_OK) == 0 else { return }
        do {
            let reader = try reader(of: number)
            let summary = reader.summary
            guard summary.isLast || summary.frames == segmentFrames else {
                throw SegmentFileReader.Damage(reason: "it is cut short")
            }
            while try reader.next() != nil {}
            add(number, summary)
        } catch let damage as SegmentFileReader.Damage {
            warnings.append(
                "\(segmentPath(number)) is not used, for \(damage.reason); its frames are computed anew")
            FileSystem.unlink(segmentPath(number))
        }
    }

    private func write(_ bytes: Data, to name: String) throws {
        let file = try AtomicFile(ofJob: file(name))
        try file.write([UInt8](bytes))
        try file.commit()
    }

    private func file(_ name: String) -> String { "\(path)/\(name)" }

    private func segmentPath(_ number: Int) -> String {
        let digits = String(number)
        return file(Self.segmentPrefix + String(repeating: "0", count: max(0, 6 - digits.count)) + digits)
    }

    private static func number(ofSegment name: String) -> Int? {
        guard name.hasPrefix(segmentPrefix), let number = Int(name.dropFirst(segmentPrefix.count)),
            number >= 0
        else { return nil }
        return number
    }

    /// Whether a file of that name may be the store's.
    private static func isOwn(_ name: String) -> Bool {
        name == jobName || name == joiningName || number(ofSegment: name) != nil || TemporaryEntry.isOne(name)
    }
}
