import Glibc

/// What shows that a file has not been written to since.
package struct FileStamp: Codable, Sendable, Equatable {
    private let size: Int
    private let modified: Time

    struct Time: Codable, Equatable {
        let seconds: Int
        let nanoseconds: Int

        init(_ time: timespec) { (seconds, nanoseconds) = (time.tv_sec, time.tv_nsec) }
    }

    /// - Returns: nil where there is no such file.
    package init?(ofFile path: String) {
        var status = stat()
        guard FileSystem.stat(path, &status) == 0 else { return nil }
        self.init(status)
    }

    init(_ status: stat) { (size, modified) = (Int(status.st_size), Time(status.st_mtim)) }
}

/// A file's hash, with what shows later that the file is the one that was hashed: so that a long one need not be read
/// again, on this machine or on another that sees the same file.
package struct StampedHash: Codable, Sendable, Equatable {
    package let sha256: String
    private let stamp: FileStamp
    /// When the file system has noted a change, which nobody can set back.
    private let changed: FileStamp.Time

    /// - Throws: `VitvideoError` where the file cannot be read.
    package init(ofFile path: String) throws {
        // What is written while it is read does not go unnoticed: the times are those from before.
        let status = Self.status(of: path)
        sha256 = try ContentHash.sha256(ofFile: path)
        (stamp, changed) = (FileStamp(status), FileStamp.Time(status.st_ctim))
    }

    /// Whether the file is the one that was hashed.
    package func isOf(file path: String) -> Bool {
        let status = Self.status(of: path)
        return stamp == FileStamp(status) && changed == FileStamp.Time(status.st_ctim)
    }

    private static func status(of path: String) -> stat {
        var status = stat()
        _ = FileSystem.stat(path, &status)
        return status
    }
}
