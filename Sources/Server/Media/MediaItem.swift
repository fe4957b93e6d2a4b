import Base
import Files
import Glibc
import VideoIO

/// A video or a picture that can be looked at.
final class MediaItem: Sendable {
    /// What requests call it. It says nothing of where the file is.
    let id: String
    /// The file's own name, for people and for the command.
    let name: String
    /// Where the file is. Made by the server or given on the command line, never by a request.
    let path: String
    /// The path in a command that a person runs: for an upload its name.
    let commandPath: String
    let isUpload: Bool
    let bytes: Int
    let frames: FrameSource
    /// Tells two states of the file apart, for ETags.
    let stamp: String
    private let knownInfo: Lazy<VideoInfo>

    init(id: String, name: String, path: String, isUpload: Bool, threads: Int) {
        self.id = id
        self.name = name
        self.path = path
        self.isUpload = isUpload
        commandPath = isUpload ? name : path
        var status = stat()
        let isThere = FileSystem.stat(path, &status) == 0
        bytes = isThere ? Int(status.st_size) : 0
        stamp = isThere ? "\(bytes)-\(status.st_mtim.tv_sec)-\(status.st_mtim.tv_nsec)" : "0"
        let source = FrameSource(path: path, threads: threads)
        frames = source
        knownInfo = Lazy { try source.info() }
    }

    /// - Throws: `VitvideoError`, and `HTTPProblem` where reading takes too long.
    var info: VideoInfo { get throws { try knownInfo() } }

    /// - Throws: as `info`.
    func description() throws -> JSONValue {
        let info = try info
        let rate = info.frameRate.map { Double($0.numerator) / Double($0.denominator) }
        return .object([
            .init("id", .string(id)), .init("name", .string(name)),
            .init("kind", .string(info.isStill ? "picture" : "video")),
            .init("height", .integer(info.height)), .init("width", .integer(info.width)),
            .init("frames", info.expectedFrameCount.map(JSONValue.integer) ?? .null),
            .init("frames_per_second", rate.map(JSONValue.number) ?? .null),
            .init("upload", .bool(isUpload)),
        ])
    }
}
