import Base
import Glibc

/// A file that appears under its name only when it is complete: it is written under a hidden name in the same
/// directory and renamed at the end. Every output of the program is written in this way, or, as a directory,
/// by `AtomicDirectory`. The rules are the same for all:
///
/// - **Links are followed.** The target is replaced, or made where there is none, and the link stays. A link to
///   nothing is refused without `overwrite`.
/// - **Only regular files are replaced.** Directories, named pipes, devices and sockets are refused.
/// - **Durable.** The content is on the disk before the file has its name, and the name is on the disk when
///   `commit` returns, where the file system can do that.
/// - **Locked.** A lock on the temporary file shows that its process is alive. Whoever writes to the same
///   directory next removes the temporary files of killed processes. File systems without locks are
///   tolerated, with a warning where there is a channel for one; there a killed process's files stay.
/// - **Nothing is left** of a file that is not committed.
/// - **Permissions** are 0666 less the umask, unless the caller asks for fewer (the model cache: 0644, so
///   that only the owner writes there).
///
/// It belongs to one thread.
package final class AtomicFile {
    /// The name the file gets: the target, where a link was named.
    package let path: String
    /// Where the file is meanwhile. It exists and is empty at first, and may be written by its name.
    package let temporaryPath: String
    private let overwrites: Bool
    private let wording: SystemErrorWording
    /// Nil once the file has its name or is removed.
    private var lock: FileLock?
    private var pending: [UInt8] = []
    /// Bytes in the file.
    private var position: Int64 = 0

    /// Bytes gathered before they go to the file.
    private static let bufferSize = 1 << 18

    /// Makes sure that `path` can be created, and creates the temporary file.
    ///
    /// - Parameters:
    ///   - temporaryPath: that of an earlier file of this process for the same output, to be used once more.
    ///   - permissions: those before the umask.
    ///   - cleansUp: whether to look for what killed processes have left in the directory.
    ///   - wording: how errors of system calls read.
    ///   - onWarning: called where the file system has no locks.
    /// - Throws: `VitvideoError` of kind `cannotCreate` where the name is taken and `overwrite` is false,
    ///   where it is not a regular file, or where the directory does not take a new file.
    package init(
        _ path: String, overwrite: Bool, temporaryPath: String? = nil, permissions: mode_t = 0o666,
        cleansUp: Bool = true, wording: SystemErrorWording = .text, onWarning: (String) -> Void = { _ in }
    ) throws {
        try Self.check(path, overwrite: overwrite)
        let target = OutputPlace.resolvingLink(path)
        self.path = target
        self.wording = wording
        overwrites = overwrite
        let directory = target.parentPath
        if cleansUp { TemporaryEntry.removeAbandoned(in: directory) }
        do {
            let (lock, path) = try TemporaryEntry.createFile(
                in: directory, path: temporaryPath, permissions: permissions)
            self.lock = lock
            self.temporaryPath = path
            if !lock.isEffective {
                onWarning("its file system has no locks; if this run is killed, its unfinished file stays")
            }
        } catch {
            throw VitvideoError.system(
                .cannotCreate, cannot: "create", path: path, code: error.code, wording: wording)
        }
    }

    deinit { abandon() }

    /// Makes sure that a file can be created as far as can be told without creating one.
    ///
    /// - Throws: as `init`.
    package static func check(_ path: String, overwrite: Bool) throws {
        if !overwrite { try OutputPlace.checkLink(path) }
        try OutputPlace.checkFile(OutputPlace.resolvingLink(path), overwrite: overwrite)
    }

    /// A new file without a name in the directory of an output, for reading and writing. It is gone once it
    /// is closed, or with the process.
    ///
    /// - Throws: `VitvideoError` of kind `cannotCreate`.
    package static func makeScratch(beside path: String, wording: SystemErrorWording = .text) throws -> Int32
    {
        do {
            return try TemporaryEntry.createNameless(in: path.parentPath)
        } catch {
            throw VitvideoError.system(
                .cannotCreate, cannot: "create", path: path, code: error.code, wording: wording)
        }
    }

    // MARK: Writing

    /// Appends bytes. Does nothing once the file has its name or is removed, as all of these.
    ///
    /// - Throws: `VitvideoError` of kind `inputOutput`; of the last bytes only in `commit`.
    package func write(_ bytes: UnsafeRawBufferPointer) throws {
        guard pending.count + bytes.count >= Self.bufferSize else {
            pending += bytes
            return
        }
        try flush()
        try append(bytes)
    }

    /// Appends numbers as the machine holds them, as the other `write`.
    package func write(_ values: [some BitwiseCopyable]) throws {
        try values.withUnsafeBytes { try write($0) }
    }

    /// Appends text in UTF-8, as the other `write`.
    package func write(_ text: String) throws { try write(Array(text.utf8)) }

    /// Puts another file in the place of the temporary one: a library's that does not write to files it is
    /// given, but replaces them.
    ///
    /// - Parameter other: its path, which begins with `temporaryPath`, so that it is removed with it wherever
    ///   the process ends.
    /// - Throws: `VitvideoError` of kind `inputOutput`.
    package func adopt(_ other: String) throws {
        guard let old = lock else { return }
        do throws(SystemError) {
            let descriptor = FileSystem.open(other, O_RDWR | O_CLOEXEC)
            guard descriptor >= 0 else { throw SystemError() }
            let new = try FileLock(descriptor)
            var status = stat()
            guard fstat(old.descriptor, &status) == 0, fchmod(descriptor, status.st_mode & 0o777) == 0,
                FileSystem.rename(other, temporaryPath) == 0
            else { throw SystemError() }
            lock = new
        } catch {
            throw failure(error.code)
        }
    }

    // MARK: Ending

    /// Gives the finished file its name.
    ///
    /// - Parameters:
    ///   - other: a name to use instead of `path`, on the same file system; what is there is replaced, a link
    ///     included.
    ///   - syncsDirectory: whether to wait until the name is on the disk. Whoever writes many files to one
    ///     directory can do that once, with `syncDirectory`.
    /// - Throws: `VitvideoError` of kind `cannotCreate` where the name was taken in the meantime,
    ///   `inputOutput` where the file cannot be written or renamed. It is removed then.
    package func commit(as other: String? = nil, syncsDirectory: Bool = true) throws {
        guard let lock else { return }
        let name = other ?? path
        do {
            try flush()
            // A file system that has nothing to wait for says EINVAL.
            guard fsync(lock.descriptor) == 0 || errno == EINVAL else { throw failure(errno) }
            try rename(to: name, replacing: overwrites || other != nil)
        } catch {
            abandon()
            throw error
        }
        // The lock is kept until the file has its name, or another process would take it for abandoned.
        self.lock = nil
        if syncsDirectory { try Self.syncDirectory(of: name, wording: wording) }
    }

    /// Removes the temporary file. Does nothing once the file has its name.
    package func abandon() {
        guard lock != nil else { return }
        FileSystem.unlink(temporaryPath)
        lock = nil
    }

    /// Waits until the names in a file's directory are on the disk.
    ///
    /// - Throws: `VitvideoError` of kind `inputOutput`.
    package static func syncDirectory(of path: String, wording: SystemErrorWording = .text) throws {
        do {
            try OutputPlace.sync(path.parentPath)
        } catch {
            throw VitvideoError.system(
                .inputOutput, cannot: "write", path: path, code: error.code, wording: wording)
        }
    }

    private func flush() throws {
        try pending.withUnsafeBytes(append)
        pending.removeAll(keepingCapacity: true)
    }

    private func append(_ bytes: UnsafeRawBufferPointer) throws {
        guard let lock else { return }
        do {
            try writeAll(bytes, to: lock.descriptor, at: &position)
        } catch {
            throw failure(error.code)
        }
    }

    private func rename(to name: String, replacing: Bool) throws {
        do throws(SystemError) {
            if !replacing {
                try OutputPlace.renameToFreeName(temporaryPath, name)
            } else if FileSystem.rename(temporaryPath, name) != 0 {
                throw SystemError()
            }
        } catch {
            guard error.code == EEXIST else {
                throw VitvideoError.system(
                    .inputOutput, cannot: "create", path: name, code: error.code, wording: wording)
            }
            throw VitvideoError(
                .cannotCreate, cannot: "create", path: name,
                reason: "a file of this name appeared meanwhile" + wording.number(error.code),
                nextStep: .overwrite)
        }
    }

    private func failure(_ code: Int32) -> VitvideoError {
        VitvideoError.system(.inputOutput, cannot: "write", path: path, code: code, wording: wording)
    }
}
