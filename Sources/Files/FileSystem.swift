import Base
import Glibc

/// The system calls that take paths, for paths as `FileName` carries them: a name's bytes stay what they are,
/// UTF-8 or not. They answer as those of C do, with `errno`.
package enum FileSystem {
    package static func open(_ path: String, _ flags: Int32, _ permissions: mode_t = 0) -> Int32 {
        path.withPath { Glibc.open($0, flags, permissions) }
    }

    package static func stat(_ path: String, _ status: inout Glibc.stat) -> Int32 {
        path.withPath { systemStat($0, &status) }
    }

    package static func lstat(_ path: String, _ status: inout Glibc.stat) -> Int32 {
        path.withPath { Glibc.lstat($0, &status) }
    }

    package static func access(_ path: String, _ mode: Int32) -> Int32 {
        path.withPath { Glibc.access($0, mode) }
    }

    package static func mkdir(_ path: String, _ permissions: mode_t) -> Int32 {
        path.withPath { Glibc.mkdir($0, permissions) }
    }

    @discardableResult
    package static func rmdir(_ path: String) -> Int32 { path.withPath { Glibc.rmdir($0) } }

    @discardableResult
    package static func unlink(_ path: String) -> Int32 { path.withPath { Glibc.unlink($0) } }

    package static func rename(_ from: String, _ to: String) -> Int32 {
        from.withPath { from in to.withPath { Glibc.rename(from, $0) } }
    }

    package static func link(_ from: String, _ to: String) -> Int32 {
        from.withPath { from in to.withPath { Glibc.link(from, $0) } }
    }

    /// The path without links; nil where there is nothing.
    package static func realpath(_ path: String) -> String? {
        guard let real = path.withPath({ Glibc.realpath($0, nil) }) else { return nil }
        defer { free(real) }
        return FileName.text(of: real)
    }

    /// What a link says; nil where the path is none.
    package static func readlink(_ path: String) -> String? {
        let bytes = [UInt8](unsafeUninitializedCapacity: Int(PATH_MAX)) { buffer, count in
            count = max(0, path.withPath { Glibc.readlink($0, buffer.baseAddress!, buffer.count) })
        }
        return bytes.isEmpty ? nil : FileName.text(of: bytes)
    }

    // MARK: In one go

    /// Whether there is something of that name, behind a link too.
    package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    package static func isDirectory(_ path: String) -> Bool {
        var status = Glibc.stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// The names in a directory, in no order; nil where it cannot be read.
    package static func names(in directory: String) -> [String]? {
        guard let stream = directory.withPath({ opendir($0) }) else { return nil }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { FileName.text(of: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// The paths of all that is below a directory, relative to it, each directory before what is in it. Links
    /// are not followed.
    package static func tree(in directory: String) -> [String] {
        (names(in: directory) ?? []).sorted().flatMap { name -> [String] in
            var status = Glibc.stat()
            let path = "\(directory)/\(name)"
            guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return [name] }
            return [name] + tree(in: path).map { "\(name)/\($0)" }
        }
    }

    /// Removes a file, or a directory with all that is in it, as far as that can be done.
    package static func removeTree(_ path: String) {
        guard unlink(path) != 0, errno == EISDIR else { return }
        for entry in tree(in: path).reversed() where unlink("\(path)/\(entry)") != 0 {
            rmdir("\(path)/\(entry)")
        }
        rmdir(path)
    }

    /// Makes a directory and those above it that are missing.
    ///
    /// - Throws: `SystemError`.
    package static func makeDirectories(_ path: String) throws(SystemError) {
        if try makeDirectory(path) { return }
        let missingParent = SystemError(code: ENOENT)
        guard path.parentPath != path else { throw missingParent }
        try makeDirectories(path.parentPath)
        guard try makeDirectory(path) else { throw missingParent }
    }

    /// Makes a directory, unless it is there or another process makes it meanwhile.
    ///
    /// - Returns: Whether it is there now; false where its parent is not.
    /// - Throws: `SystemError`.
    private static func makeDirectory(_ path: String) throws(SystemError) -> Bool {
        if mkdir(path, 0o777) == 0 { return true }
        let error = SystemError()
        if isDirectory(path) { return true }
        guard error.code == ENOENT else { throw error }
        return false
    }

    /// A file's bytes; nil where they cannot be read.
    package static func contents(of path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(descriptor, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            if count < 0 { return nil }
            if count == 0 { return bytes }
            bytes += piece[..<count]
        }
    }

    /// A text file's content; nil where it cannot be read or is not UTF-8.
    package static func text(of path: String) -> String? {
        contents(of: path).flatMap { String(validating: $0, as: UTF8.self) }
    }
}

/// C's `stat`, whose name is that of a type as well.
private func systemStat(_ path: UnsafePointer<CChar>, _ status: inout stat) -> Int32 { stat(path, &status) }
