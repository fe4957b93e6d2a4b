import Base
import CFFmpeg
import Foundation

/// A file that appears under its name only when it is complete.
///
/// It is written under a hidden name in the same directory and renamed at the end. A lock on that temporary
/// file tells a run that is alive from one that was killed; what killed runs left is removed by the next.
/// Not for use from several threads at once.
package final class OutputFile {
    /// The name it is to have.
    package let path: String
    /// Where to write it meanwhile. The file exists and is empty.
    package let temporaryPath: String
    private let overwrites: Bool
    private var lock: Int32
    private var isOpen = true

    private static let prefix = ".vitvideo-"
    private static let suffix = ".tmp"

    /// Makes sure that `path` can be created, and creates the temporary file.
    /// - Parameter cleansUp: whether to look for what killed runs left in the directory.
    /// - Throws: `VitvideoError` of kind `cannotCreate` where the name is taken and `overwrite` is false, where it
    ///   is not a regular file, or where the directory does not take a new file.
    package init(path: String, overwrite: Bool, cleansUp: Bool = true) throws {
        // A link stays a link: it is its target that is replaced.
        let target = OutputFile.resolvingLink(path)
        self.path = target
        overwrites = overwrite
        try OutputFile.check(target, overwrite: overwrite)
        let directory = OutputFile.directory(of: target)
        if cleansUp { OutputFile.removeAbandonedFiles(in: directory) }
        var attempt = 0
        while true {
            let random = String(UInt64.random(in: 0...UInt64.max), radix: 36)
            let name = "\(directory)/\(OutputFile.prefix)\(getpid())-\(random)\(OutputFile.suffix)"
            let descriptor = Glibc.open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
            // Before the lock was taken another run may have held the file for abandoned and removed it.
            var status = stat()
            if descriptor >= 0, flock(descriptor, LOCK_EX | LOCK_NB) == 0,
                fstat(descriptor, &status) == 0, status.st_nlink > 0
            {
                temporaryPath = name
                lock = descriptor
                return
            }
            let code = errno
            if descriptor >= 0 { Glibc.close(descriptor) }
            attempt += 1
            guard attempt < 8, descriptor >= 0 || code == EEXIST else {
                throw VitvideoError.ffmpeg(
                    .cannotCreate, cannot: "create", path: path, reason: systemText(code),
                    code: cff_averror(code))
            }
        }
    }

    deinit { abandon() }

    /// Gives the finished file its name.
    /// - Parameter other: a name to use instead of `path`, replacing what is there.
    /// - Throws: `VitvideoError` of kind `cannotCreate` where the name was taken in the meantime, `inputOutput`
    ///   where it cannot be renamed. The temporary file is removed then.
    package func commit(as other: String? = nil) throws {
        guard isOpen else { return }
        let name = other ?? path
        let code =
            overwrites || other != nil ? OutputFile.replace(temporaryPath, name) : renameToFreeName(name)
        guard code == 0 else {
            abandon()
            let isTaken = code == EEXIST
            throw VitvideoError.ffmpeg(
                isTaken ? .cannotCreate : .inputOutput, cannot: "create", path: name,
                reason: isTaken ? "a file of this name appeared meanwhile" : systemText(code),
                code: cff_averror(code), nextStep: isTaken ? .overwrite : nil)
        }
        isOpen = false
        Glibc.close(lock)
    }

    /// Removes the temporary file. Does nothing once the file has its name.
    package func abandon() {
        guard isOpen else { return }
        isOpen = false
        unlink(temporaryPath)
        Glibc.close(lock)
    }

    /// Refuses names that are taken or cannot be files.
    static func check(_ path: String, overwrite: Bool) throws {
        func fail(_ reason: String, _ nextStep: NextStep? = nil) -> VitvideoError {
            VitvideoError(.cannotCreate, cannot: "create", path: path, reason: reason, nextStep: nextStep)
        }
        var status = stat()
        if stat(path, &status) == 0 {
            let type = status.st_mode & S_IFMT
            if type == S_IFDIR { throw fail("it is a directory", .advice("name a file in it")) }
            guard type == S_IFREG else { throw fail("it is not a regular file") }
            guard overwrite else { throw fail("it exists already", .overwrite) }
        } else if lstat(path, &status) == 0, !overwrite {
            throw fail("it exists already, as a link to nothing", .overwrite)
        }
        let directory = directory(of: path)
        guard stat(directory, &status) == 0 else {
            throw fail("there is no directory \(directory)", .advice("create it first"))
        }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw fail("\(directory) is not a directory") }
    }

    private static func directory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func resolvingLink(_ path: String) -> String {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFLNK, let real = realpath(path, nil)
        else {
            return path
        }
        defer { free(real) }
        return String(cString: real)
    }

    private static func replace(_ from: String, _ to: String) -> Int32 {
        rename(from, to) == 0 ? 0 : errno
    }

    /// Renames unless the name is taken, in one step where the file system can.
    private func renameToFreeName(_ name: String) -> Int32 {
        if cff_rename_without_replacing(temporaryPath, name) == 0 { return 0 }
        guard errno == EINVAL || errno == ENOSYS else { return errno }
        if link(temporaryPath, name) == 0 {
            unlink(temporaryPath)
            return 0
        }
        guard errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS else { return errno }
        // A file system without either: look, then rename.
        return access(name, F_OK) == 0 ? EEXIST : OutputFile.replace(temporaryPath, name)
    }

    /// Removes temporary files whose lock is free, that is, whose run is dead.
    private static func removeAbandonedFiles(in directory: String) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        for name in names where name.hasPrefix(prefix) && name.hasSuffix(suffix) {
            let path = "\(directory)/\(name)"
            let descriptor = Glibc.open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
            guard descriptor >= 0 else { continue }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { unlink(path) }
            Glibc.close(descriptor)
        }
    }
}
