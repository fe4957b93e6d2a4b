import Foundation

/// Files and directories that are still there after a loss of power.
enum DurableFile {
    /// Writes a whole file, which replaces another one of its name in one step.
    /// - Throws: `PipelineError` of kind `inputOutput`.
    static func write(_ bytes: Data, to path: String) throws {
        let part = path + SegmentStore.partSuffix
        let file = try DurableFileWriter(part)
        try bytes.withUnsafeBytes { try file.write($0) }
        try file.finish(as: path)
    }

    /// Waits until a file's content, or a directory's names, are on the disk.
    /// - Throws: `PipelineError` of kind `inputOutput`.
    static func sync(_ path: String) throws {
        let descriptor = open(path.isEmpty ? "." : path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path) }
        defer { close(descriptor) }
        // Some file systems cannot do it for directories, and say so.
        guard fsync(descriptor) == 0 || errno == EINVAL else { throw failure(path) }
    }

    static func directory(of path: String) -> String { (path as NSString).deletingLastPathComponent }

    /// The error of the system call just made.
    static func failure(_ path: String, operation: String = "write") -> PipelineError {
        PipelineError(.inputOutput, "cannot \(operation) \(path): \(String(cString: strerror(errno)))")
    }
}

/// Writes a file piece by piece under a temporary name. Dropped without `finish`, it removes it.
final class DurableFileWriter {
    private let path: String
    private var descriptor: Int32
    private var pending: [UInt8] = []
    private static let bufferSize = 1 << 20

    /// - Throws: `PipelineError` of kind `inputOutput`.
    init(_ path: String) throws {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw DurableFile.failure(path) }
    }

    deinit {
        guard descriptor >= 0 else { return }
        close(descriptor)
        unlink(path)
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        pending += bytes
        if pending.count >= Self.bufferSize { try flush() }
    }

    /// Puts the content onto the disk, then gives the file its name, and puts that onto the disk. Called once.
    /// - Throws: `PipelineError` of kind `inputOutput`.
    func finish(as name: String) throws {
        try flush()
        guard fsync(descriptor) == 0 else { throw DurableFile.failure(path) }
        guard rename(path, name) == 0 else { throw DurableFile.failure(name) }
        close(descriptor)
        descriptor = -1
        try DurableFile.sync(DurableFile.directory(of: name))
    }

    private func flush() throws {
        var offset = 0
        while offset < pending.count {
            let count = pending.withUnsafeBytes {
                Foundation.write(descriptor, $0.baseAddress! + offset, $0.count - offset)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw DurableFile.failure(path) }
            offset += count
        }
        pending.removeAll(keepingCapacity: true)
    }
}
