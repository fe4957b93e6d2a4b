import Base
import Files
import FoundationEssentials
import Glibc
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
/// takes one all the same, so that two of them do not do the same work.
final class JobDirectory {
    private static let jobName = "job.json"
    private static let planName = "plan"
    private static let joiningName = "joining"

    let path: String
    private(set) var job: SegmentStore.Job
    /// Whether this run has begun the job.
    private(set) var isNew = false
    private let label: String
    /// Of the run that joins; nil in one that computes its share alone.
    private let lock: LockedDirectory?

    /// The job of a directory, to begin another run of it with; nil where it binds nobody: nothing of it is finished, and
    /// nobody is at work on it.
    static func job(at path: String) -> SegmentStore.Job? {
        guard let bytes = FileSystem.contents(of: "\(path)/\(jobName)"),
            let job = try? JSONDecoder().decode(SegmentStore.Job.self, from: Data(bytes))
        else { return nil }
        TemporaryEntry.removeAbandoned(in: path)
        return binds(job, at: path) ? job : nil
    }

    /// The plan of a directory, of whatever job; nil where there is none.
    static func outline(at path: String) -> SelectionOutline? {
        PlanFile.read("\(path)/\(planName)")?.outline
    }

    private static func binds(_ job: SegmentStore.Job, at path: String) -> Bool {
        isBegun(at: path) || !job.owner.isGone(leaving: "\(path)/\(jobName)")
    }

    /// Whether a segment is there, or somebody is writing one.
    private static func isBegun(at path: String) -> Bool {
        (FileSystem.names(in: path) ?? []).contains { segment(named: $0) != nil || TemporaryEntry.isOne($0) }
    }

    /// Opens the directory, or makes it.
    ///
    /// - Throws: as `SegmentStore`.
    init(path: String, job: SegmentStore.Job, isShare: Bool) throws {
        self.path = path
        self.job = job
        label = try job.identity.hash
        lock = try Self.open(path, isShare: isShare)
        try begin()
    }

    /// Whether another run has joined or removed the job.
    var isGone: Bool { !FileSystem.exists(file(Self.jobName)) }

    /// Whether nothing is there that another run could go on with, and it is this run's to remove.
    var isIdle: Bool { lock != nil && !Self.isBegun(at: path) }

    /// Whether an earlier run was about to give the outputs their names, so that those that have them are its own.
    var isJoining: Bool { FileSystem.exists(file(Self.joiningName)) }

    /// The job's plan, where there is one.
    var knownOutline: SelectionOutline? {
        PlanFile.read(file(Self.planName)).flatMap { $0.job == label ? $0.outline : nil }
    }

    /// The job's plan, made by the first who asks for it.
    ///
    /// - Throws: what `make` throws; `VitvideoError` of kind `inputOutput`.
    func outline(_ make: () throws -> SelectionOutline) throws -> SelectionOutline {
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
        FileSystem.unlink(file(Self.jobName))
        for name in FileSystem.names(in: path) ?? [] where Self.isOwn(name) && !TemporaryEntry.isOne(name) {
            FileSystem.unlink(file(name))
        }
        FileSystem.rmdir(path)
    }

    /// The segments that have a file, those that are finished first, by number.
    var segments: [SegmentLabel] {
        let found = (FileSystem.names(in: path) ?? []).compactMap(Self.segment(named:))
        return SegmentStage.allCases.flatMap { stage in
            found.filter { $0.stage == stage }.map(\.number).sorted().map { label(of: $0, stage) }
        }
    }

    // MARK: Opening

    /// Makes the directory, and locks it for a run that is to join.
    private static func open(_ path: String, isShare: Bool) throws -> LockedDirectory? {
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
        let found = try? JSONDecoder().decode(SegmentStore.Job.self, from: Data(bytes))
        guard let kept = found else {
            guard Self.isBegun(at: path) else { return false }
            throw VitvideoError(
                .badData, cannot: "go on with", path: path, reason: "its \(Self.jobName) is damaged",
                nextStep: .advice("remove the directory"))
        }
        if let difference = SegmentStore.difference(of: job.identity, from: kept, at: path) {
            if Self.binds(kept, at: path) { throw difference }
            return false
        }
        job = kept
        return true
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

    // MARK: Names

    private func file(_ name: String) -> String { "\(path)/\(name)" }

    func label(of number: Int, _ stage: SegmentStage) -> SegmentLabel {
        SegmentLabel(job: label, number: number, stage: stage)
    }

    /// The path of a segment.
    func path(of number: Int, _ stage: SegmentStage) -> String {
        let digits = String(number)
        return file("\(stage.rawValue)-" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits)
    }

    private static func segment(named name: String) -> (number: Int, stage: SegmentStage)? {
        for stage in SegmentStage.allCases where name.hasPrefix("\(stage.rawValue)-") {
            guard let number = Int(name.dropFirst(stage.rawValue.count + 1)), number >= 0 else { return nil }
            return (number, stage)
        }
        return nil
    }

    /// Whether a file of that name may be a job's.
    private static func isOwn(_ name: String) -> Bool {
        [jobName, planName, joiningName].contains(name) || segment(named: name) != nil
            || TemporaryEntry.isOne(name)
    }
}
