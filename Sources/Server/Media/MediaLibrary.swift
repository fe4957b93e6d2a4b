import Base
import Files
import Glibc
import Pixels

/// The files that can be looked at: those named on the command line, and uploads.
///
/// Uploads are kept in the server's private directory under names of its own. The oldest go first when there are too
/// many or too many bytes of them.
package final class MediaLibrary: Sendable {
    /// Bounds of uploads.
    package struct Limits: Sendable {
        /// Of one upload.
        package var largestBytes = 1_000_000_000
        /// Of all uploads together.
        package var allBytes = 4_000_000_000
        package var count = 64

        package init() {}
    }

    package let limits: Limits
    private let directory: PrivateDirectory
    private let threads: Int
    private let state: Mutex<State>

    private struct State {
        var items: [MediaItem] = []
        /// Uploads on their way.
        var reservedBytes = 0
        var number = 0
    }

    /// - Parameters:
    ///   - paths: of files, each a video or a picture.
    ///   - directory: for uploads.
    ///   - threads: of a decoder.
    package init(paths: [String], directory: PrivateDirectory, limits: Limits = Limits(), threads: Int) {
        self.directory = directory
        self.limits = limits
        self.threads = threads
        var state = State()
        for path in paths {
            let name = FileName.shown(path.lastPathPart)
            var (id, count) = (name, 1)
            while state.items.contains(where: { $0.id == id }) {
                count += 1
                id = "\(name)-\(count)"
            }
            state.items.append(MediaItem(id: id, name: name, path: path, isUpload: false, threads: threads))
        }
        self.state = Mutex(state)
    }

    /// In the order they were named and uploaded in.
    var items: [MediaItem] { state.withLock { $0.items } }

    /// - Throws: `HTTPProblem`: 404.
    func item(_ id: String) throws(HTTPProblem) -> MediaItem {
        guard let item = state.withLock({ $0.items.first { $0.id == id } }) else {
            throw HTTPProblem(.notFound, "there is no file of that name here")
        }
        return item
    }

    /// Takes a file in.
    ///
    /// - Parameters:
    ///   - name: what the client calls it; nothing is opened by it.
    /// - Returns: the item; of a file that is there already that one.
    /// - Throws: `HTTPProblem`: 413 for too long a file, 415 for what is no picture and no video.
    func add(_ body: any HTTPBody, name: String) throws -> MediaItem {
        guard body.length > 0 else { throw HTTPProblem(.lengthRequired, "an upload has a Content-Length") }
        guard body.length <= limits.largestBytes else {
            throw HTTPProblem(
                .contentTooLarge,
                "an upload has at most \(limits.largestBytes) bytes, and this one \(body.length)")
        }
        let path = try reserve(body.length, name: name)
        defer { state.withLock { $0.reservedBytes -= body.length } }
        var keeps = false
        defer { if !keeps { FileSystem.unlink(path) } }
        let hash = try write(body, to: path)
        let id = "upload-\(hash.prefix(16))"
        if let known = state.withLock({ $0.items.first { $0.id == id } }) { return known }
        let shown = oneLine(FileName.shown(name.lastPathPart), limit: 120)
        let item = MediaItem(id: id, name: shown, path: path, isUpload: true, threads: threads)
        do {
            _ = try item.info
        } catch let error as VitvideoError {
            throw HTTPProblem(.unsupportedMediaType, "no picture and no video: \(error.reason)")
        }
        keeps = state.withLock { state in
            if state.items.contains(where: { $0.id == id }) { return false }
            state.items.append(item)
            return true
        }
        return try self.item(id)
    }

    /// Reads a picture that nobody will ask for again, such as one of a camera.
    ///
    /// - Throws: `HTTPProblem`: 415 for what is no picture, 504 where it takes too long.
    func passingPicture(_ bytes: [UInt8]) throws -> RGBImage {
        guard !bytes.isEmpty else { throw HTTPProblem(.lengthRequired, "a picture has a Content-Length") }
        let path = state.withLock { state in
            state.number += 1
            return "\(directory.path)/picture-\(state.number)"
        }
        let descriptor = FileSystem.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw VitvideoError.system(.cannotCreate, cannot: "create", path: path) }
        defer { FileSystem.unlink(path) }
        do {
            defer { close(descriptor) }
            var position: Int64 = 0
            try Self.append(bytes, to: descriptor, at: &position)
        }
        let source = FrameSource(path: path, threads: 1)
        defer { source.close() }
        do {
            return try source.frame(at: 0).image
        } catch let error as VitvideoError {
            throw HTTPProblem(.unsupportedMediaType, "no picture: \(error.reason)")
        }
    }

    /// Forgets an upload and removes its file.
    ///
    /// - Throws: `HTTPProblem`: 404; 403 for a file of the command line.
    func remove(_ id: String) throws(HTTPProblem) {
        let item = try item(id)
        guard item.isUpload else {
            throw HTTPProblem(.forbidden, "files named on the command line stay")
        }
        state.withLock { $0.items.removeAll { $0.id == id } }
        discard(item)
    }

    private func discard(_ item: MediaItem) {
        item.frames.close()
        FileSystem.unlink(item.path)
    }

    /// Makes room.
    ///
    /// - Returns: a path for the file.
    private func reserve(_ bytes: Int, name: String) throws(HTTPProblem) -> String {
        let (path, removed): (String?, [MediaItem]) = state.withLock { state in
            var uploads = state.items.filter(\.isUpload)
            var removed: [MediaItem] = []
            func all() -> Int { uploads.reduce(state.reservedBytes + bytes) { $0 + $1.bytes } }
            while !uploads.isEmpty, uploads.count >= limits.count || all() > limits.allBytes {
                removed.append(uploads.removeFirst())
            }
            guard all() <= limits.allBytes else { return (nil, []) }
            state.items.removeAll { item in removed.contains { $0 === item } }
            state.reservedBytes += bytes
            state.number += 1
            // FFmpeg looks at the extension where the content does not decide.
            let given = name.pathExtension.lowercased().filter { $0.isASCII && ($0.isLetter || $0.isNumber) }
            let ending = given.isEmpty || given.count > 5 ? "" : ".\(given)"
            return ("\(directory.path)/upload-\(state.number)\(ending)", removed)
        }
        removed.forEach(discard)
        guard let path else { throw HTTPProblem(.unavailable, "there is no room for more uploads") }
        return path
    }

    /// - Returns: the SHA-256 of what was written.
    private func write(_ body: any HTTPBody, to path: String) throws -> String {
        let descriptor = FileSystem.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw VitvideoError.system(.cannotCreate, cannot: "create", path: path) }
        defer { close(descriptor) }
        let hash = try SHA256Stream()
        var position: Int64 = 0
        while let piece = try body.next() {
            try piece.withUnsafeBytes { try hash.update($0) }
            try Self.append(piece, to: descriptor, at: &position)
        }
        return try hash.finish()
    }

    /// - Throws: `HTTPProblem`: 503.
    private static func append(
        _ bytes: [UInt8], to descriptor: Int32, at position: inout Int64
    ) throws(HTTPProblem) {
        do {
            try bytes.withUnsafeBytes { try writeAll($0, to: descriptor, at: &position) }
        } catch {
            throw HTTPProblem(.unavailable, "the upload cannot be kept: the disk may be full")
        }
    }
}
