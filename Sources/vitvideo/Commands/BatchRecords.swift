import Base
import Files
import FoundationEssentials
import Pipeline
import VideoIO

/// What is known of earlier runs of a batch: a file for each input beside its first output, in a hidden directory. An
/// input is done where its record is of the same settings, and input and outputs are as they were then.
struct BatchRecords {
    private struct Record: Codable {
        let settings: String
        let frames: Int
        /// Of the input, and of the outputs, by their paths.
        let files: [String: FileStamp]
    }

    private static let folder = ".vitvideo-batch"
    /// Hash of the settings.
    private let settings: String

    /// - Parameter identity: of the settings that all inputs share.
    /// - Throws: as `JobIdentity.hash`.
    init(identity: JobIdentity) throws { settings = try identity.hash }

    /// How many frames an input that is done has; nil where it is not.
    func frames(of job: BatchJob) -> Int? {
        guard let bytes = FileSystem.contents(of: path(of: job)),
            let record = try? JSONDecoder().decode(Record.self, from: Data(bytes)),
            record.settings == settings,
            record.files == stamps(of: job)
        else { return nil }
        return record.frames
    }

    /// Notes that an input is done.
    ///
    /// - Throws: `VitvideoError` where the record cannot be written.
    func note(_ job: BatchJob, frames: Int) throws {
        guard let files = stamps(of: job) else { return }
        let record = Record(settings: settings, frames: frames, files: files)
        let path = path(of: job)
        try FileSystem.makeOutputDirectory(path.parentPath)
        let file = try AtomicFile(path, overwrite: true)
        try file.write([UInt8](try JSONEncoder().encode(record)))
        try file.commit()
    }

    private func path(of job: BatchJob) -> String {
        let first = job.annotate.output.paths[0]
        return "\(first.parentPath)/\(Self.folder)/\(first.lastPathPart).json"
    }

    /// Nil where one of the files is not there.
    private func stamps(of job: BatchJob) -> [String: FileStamp]? {
        // Of numbered outputs the first stands for all.
        let paths = [job.input] + job.annotate.output.paths.map(OutputFormat.firstPath)
        var stamps: [String: FileStamp] = [:]
        for path in paths {
            guard let stamp = FileStamp(ofFile: path) else { return nil }
            stamps[path] = stamp
        }
        return stamps
    }
}
