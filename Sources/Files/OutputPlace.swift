import Base
import CLinux
import Glibc

/// The place of an output in the file system: what is there, and what its directory takes.
enum OutputPlace {
    /// Links that are followed to nothing, as many as the kernel follows.
    private static let mostLinks = 40

    /// What a link leads to, which need not be there; `path` itself where it is no link, or leads to itself.
    static func resolvingLink(_ path: String) -> String {
        var status = stat()
        guard FileSystem.lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFLNK else { return path }
        if let real = FileSystem.realpath(path) { return real }
        var place = path
        for _ in 0..<mostLinks {
            guard let target = FileSystem.readlink(place) else { return place }
            let folder = place.parentPath
            place = target.hasPrefix("/") || folder == "." ? target : "\(folder)/\(target)"
        }
        return path
    }

    /// Refuses a link to nothing.
    ///
    /// - Throws: `VitvideoError` of kind `cannotCreate`.
    static func checkLink(_ path: String) throws {
        var status = stat()
        guard !FileSystem.exists(path), FileSystem.lstat(path, &status) == 0 else { return }
        throw VitvideoError(
            .cannotCreate, cannot: "create", path: path, reason: "it exists already, as a link to nothing",
            nextStep: .overwriteLink)
    }

    /// Refuses names that are taken or cannot be those of files.
    ///
    /// - Throws: `VitvideoError` of kind `cannotCreate`.
    static func checkFile(_ path: String, overwrite: Bool) throws {
        func refusal(_ reason: String, _ nextStep: NextStep? = nil) -> VitvideoError {
            VitvideoError(.cannotCreate, cannot: "create", path: path, reason: reason, nextStep: nextStep)
        }
        var status = stat()
        if FileSystem.stat(path, &status) == 0 {
            let type = status.st_mode & S_IFMT
            if type == S_IFDIR { throw refusal("it is a directory", .advice("name a file in it")) }
            guard type == S_IFREG else { throw refusal("it is not a regular file") }
            guard overwrite else { throw VitvideoError.existsAlready(path) }
        } else if FileSystem.lstat(path, &status) == 0 {
            throw refusal("it is a link that leads to itself")
        }
        try checkDirectory(of: path)
    }

    /// - Throws: `VitvideoError` of kind `cannotCreate` where the parent of `path` is no directory.
    static func checkDirectory(of path: String) throws {
        func refusal(_ reason: String, _ nextStep: NextStep? = nil) -> VitvideoError {
            VitvideoError(.cannotCreate, cannot: "create", path: path, reason: reason, nextStep: nextStep)
        }
        let directory = path.parentPath
        var status = stat()
        guard FileSystem.stat(directory, &status) == 0 else {
            throw refusal("there is no directory \(directory)", .advice("create it first"))
        }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw refusal("\(directory) is not a directory") }
    }

    /// Renames unless the name is taken, in one step where the file system can.
    ///
    /// - Throws: `SystemError` with the code `EEXIST` where the name is taken.
    static func renameToFreeName(_ from: String, _ to: String) throws(SystemError) {
        if from.withPath({ from in to.withPath { vv_rename_without_replacing(from, $0) } }) == 0 { return }
        guard errno == EINVAL || errno == ENOSYS else { throw SystemError() }
        if FileSystem.link(from, to) == 0 {
            FileSystem.unlink(from)
            return
        }
        guard errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS else { throw SystemError() }
        // A file system without either: look, then rename.
        if FileSystem.access(to, F_OK) == 0 { throw SystemError(code: EEXIST) }
        guard FileSystem.rename(from, to) == 0 else { throw SystemError() }
    }

    /// Waits until a file's content or a directory's names are on the disk. File systems and directories that
    /// do not allow it are passed over.
    ///
    /// - Throws: `SystemError` where the disk fails.
    static func sync(_ path: String) throws(SystemError) {
        let descriptor = FileSystem.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        guard fsync(descriptor) != 0, errno == EIO || errno == ENOSPC || errno == EDQUOT else { return }
        throw SystemError()
    }
}

extension VitvideoError {
    /// An output whose name is taken.
    package static func existsAlready(_ path: String) -> VitvideoError {
        VitvideoError(
            .cannotCreate, cannot: "create", path: path, reason: "it exists already", nextStep: .overwrite)
    }
}
