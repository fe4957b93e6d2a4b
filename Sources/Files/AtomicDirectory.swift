import Base
import Glibc

/// A directory that appears under its name only when everything is in it: it is filled under a hidden name
/// beside that one and renamed at the end. It keeps to the rules of `AtomicFile`, except that what may be
/// replaced is the caller's decision.
///
/// It belongs to one thread.
package final class AtomicDirectory {
    /// The name it gets: the target, where a link was named.
    package let path: String
    /// Where it is meanwhile.
    package let temporaryPath: String
    /// Nil once it has its name or is removed.
    private var lock: FileLock?

    /// What a directory that is being replaced is called until the new one has its name: the new one's
    /// temporary name and this. It is never taken for abandoned, since it may be the only one left.
    static let asideSuffix = ".old"

    /// - Parameters:
    ///   - overwrite: whether the target of a link to nothing is made.
    ///   - check: throws where what is under a name may not be replaced.
    /// - Throws: `VitvideoError` of kind `cannotCreate`, and what `check` throws.
    package init(_ name: String, overwrite: Bool, check: (String) throws -> Void) throws {
        var name = name
        while name.count > 1, name.hasSuffix("/") { name.removeLast() }
        if !overwrite { try OutputPlace.checkLink(name) }
        path = OutputPlace.resolvingLink(name)
        try check(path)
        try OutputPlace.checkDirectory(of: path)
        let parent = path.parentPath
        TemporaryEntry.removeAbandoned(in: parent)
        do {
            let (lock, path) = try TemporaryEntry.createDirectory(in: parent)
            self.lock = lock
            temporaryPath = path
        } catch {
            throw Self.failure(path, error.code)
        }
    }

    deinit { abandon() }

    // MARK: Filling

    /// Where to write a file of the directory now.
    package func location(of file: String) -> String { "\(temporaryPath)/\(file)" }

    /// - Throws: `VitvideoError` of kind `inputOutput`.
    package func makeDirectory(_ name: String) throws {
        guard FileSystem.mkdir(location(of: name), 0o777) == 0 else { throw writingFailure(name, errno) }
    }

    /// Writes a whole file.
    ///
    /// - Throws: `VitvideoError` of kind `inputOutput`.
    package func write(_ bytes: [UInt8], to file: String) throws {
        try bytes.withUnsafeBytes { try write($0, to: file) }
    }

    /// Writes a whole file of bytes that are lent, as the other `write`.
    package func write(_ bytes: UnsafeRawBufferPointer, to file: String) throws {
        let descriptor = FileSystem.open(location(of: file), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw writingFailure(file, errno) }
        var position: Int64 = 0
        do {
            try writeAll(bytes, to: descriptor, at: &position)
        } catch {
            close(descriptor)
            throw writingFailure(file, error.code)
        }
        guard close(descriptor) == 0 else { throw writingFailure(file, errno) }
    }

    /// Copies a whole file, piece by piece, with the directories above it.
    ///
    /// - Throws: `VitvideoError` of kind `noInput` or `inputOutput`.
    package func copy(_ source: String, to file: String) throws {
        let input = try openForReading(source)
        defer { close(input) }
        let target = location(of: file)
        do throws(SystemError) {
            try FileSystem.makeDirectories(target.parentPath)
            let output = FileSystem.open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
            guard output >= 0 else { throw SystemError() }
            defer { close(output) }
            let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
            defer { piece.deallocate() }
            var position: Int64 = 0
            while true {
                let count = read(input, piece.baseAddress, piece.count)
                if count < 0, errno == EINTR { continue }
                guard count >= 0 else { throw SystemError() }
                if count == 0 { return }
                try writeAll(
                    UnsafeRawBufferPointer(rebasing: piece[..<count]), to: output, at: &position)
            }
        } catch {
            throw writingFailure(file, error.code)
        }
    }

    // MARK: Ending

    /// Gives the directory its name, once everything in it is on the disk.
    ///
    /// - Parameters:
    ///   - other: a name to use instead of `path`.
    ///   - check: throws where what is under that name may not be replaced.
    /// - Throws: `VitvideoError` of kind `cannotCreate` or `inputOutput`, and what `check` throws; the
    ///   directory is removed then.
    package func commit(as other: String? = nil, check: (String) throws -> Void) throws {
        guard lock != nil else { return }
        let name = other ?? path
        do {
            try sync()
            try check(name)
            // A directory takes no other's place while there is something in that one.
            let aside = temporaryPath + Self.asideSuffix
            let isReplacing = FileSystem.rename(name, aside) == 0
            guard FileSystem.rename(temporaryPath, name) == 0 else {
                let code = errno
                if isReplacing { _ = FileSystem.rename(aside, name) }
                throw Self.failure(name, code)
            }
            if isReplacing { Self.remove(aside) }
        } catch {
            abandon()
            throw error
        }
        lock = nil
        try AtomicFile.syncDirectory(of: name)
    }

    /// Removes the directory. Does nothing once it has its name.
    package func abandon() {
        guard lock != nil else { return }
        Self.remove(temporaryPath)
        lock = nil
    }

    /// Removes a directory with all that is in it, as far as that can be done. It is renamed first, so that another
    /// thread that is filling it makes no more files in it.
    package static func remove(_ path: String) {
        let removed = path + ".removed"
        FileSystem.removeTree(FileSystem.rename(path, removed) == 0 ? removed : path)
    }

    /// Waits until everything in the directory is on the disk.
    private func sync() throws {
        for entry in FileSystem.tree(in: temporaryPath) { try sync(location(of: entry), named: entry) }
        try sync(temporaryPath, named: "")
    }

    private func sync(_ location: String, named entry: String) throws {
        do {
            try OutputPlace.sync(location)
        } catch {
            throw writingFailure(entry, error.code)
        }
    }

    private func writingFailure(_ entry: String, _ code: Int32) -> VitvideoError {
        VitvideoError.system(
            .inputOutput, cannot: "write", path: entry.isEmpty ? path : "\(path)/\(entry)", code: code,
            wording: .text)
    }

    private static func failure(_ path: String, _ code: Int32) -> VitvideoError {
        VitvideoError.system(.cannotCreate, cannot: "create", path: path, code: code, wording: .text)
    }
}
