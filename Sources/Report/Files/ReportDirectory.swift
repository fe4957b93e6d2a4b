import Foundation
import VideoIO

/// A directory that appears under its name only when everything is in it.
///
/// It is filled under a hidden name beside that one and renamed at the end. A lock on it tells a run that is alive
/// from one that was killed; what killed runs left is removed by the next. Used by one thread.
final class ReportDirectory {
    /// The name it is to have.
    let path: String
    /// Where it is meanwhile.
    let temporaryPath: String
    private let overwrites: Bool
    private var lock: Int32
    private var isOpen = true

    private static let prefix = ".vitvideo-report-"
    private static let suffix = ".tmp"
    /// What makes a directory one that may be replaced.
    static let pageName = "index.html"
    static let mark = "<meta name=\"generator\" content=\"vitvideo"

    /// - Parameter overwrite: whether a report of that name is replaced. What is no report never is.
    /// - Throws: `ReportError` of kind `cannotCreate`.
    init(_ name: String, overwrite: Bool) throws {
        var name = name
        while name.count > 1, name.hasSuffix("/") { name.removeLast() }
        path = Self.resolvingLink(name)
        overwrites = overwrite
        try Self.check(path, overwrite: overwrite)
        let parent = (path as NSString).deletingLastPathComponent
        let folder = parent.isEmpty ? "." : parent
        Self.removeAbandoned(in: folder)
        let random = String(UInt64.random(in: 0...UInt64.max), radix: 36)
        temporaryPath = "\(folder)/\(Self.prefix)\(getpid())-\(random)\(Self.suffix)"
        guard mkdir(temporaryPath, 0o777) == 0 else { throw Self.failure(path, errno) }
        lock = open(temporaryPath, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard lock >= 0, flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            rmdir(temporaryPath)
            throw Self.failure(path, code)
        }
    }

    deinit { abandon() }

    /// Where a file of the report is to be written now.
    func location(of file: String) -> String { "\(temporaryPath)/\(file)" }

    /// - Throws: `ReportError` of kind `inputOutput`.
    func makeDirectory(_ name: String) throws {
        guard mkdir(location(of: name), 0o777) == 0 else {
            throw ReportError(.inputOutput, "cannot write \(path)/\(name): \(Self.text(errno))")
        }
    }

    /// - Throws: `ReportError` of kind `inputOutput`.
    func write(_ bytes: [UInt8], to file: String) throws {
        guard let stream = fopen(location(of: file), "wb") else {
            throw ReportError(.inputOutput, "cannot write \(path)/\(file): \(Self.text(errno))")
        }
        let written = fwrite(bytes, 1, bytes.count, stream)
        let code = errno
        guard fclose(stream) == 0, written == bytes.count else {
            throw ReportError(
                .inputOutput,
                "cannot write \(path)/\(file): \(Self.text(written == bytes.count ? errno : code))")
        }
    }

    /// Gives the directory its name.
    ///
    /// - Throws: `ReportError`; the directory is removed then.
    func commit() throws { try rename(to: path, overwrite: overwrites) }

    /// Gives the directory a name that says that it is not the whole, in place of what an earlier interrupted run
    /// left.
    ///
    /// - Returns: that name.
    /// - Throws: `ReportError`; the directory is removed then.
    func commitPartial() throws -> String {
        let name = OutputFormat.partialName(of: path)
        try rename(to: name, overwrite: true)
        return name
    }

    /// Removes the directory. Does nothing once it has its name.
    func abandon() {
        guard isOpen else { return }
        close()
        Self.remove(temporaryPath)
    }

    /// Removes a directory with all that is in it, as far as that can be done.
    static func remove(_ path: String) { try? FileManager.default.removeItem(atPath: path) }

    private func close() {
        isOpen = false
        Glibc.close(lock)
    }

    private func rename(to name: String, overwrite: Bool) throws {
        guard isOpen else { return }
        do {
            try Self.check(name, overwrite: overwrite)
            // A directory takes no other's place while there is something in that one.
            let old = temporaryPath + ".old"
            let isReplacing = Glibc.rename(name, old) == 0
            guard Glibc.rename(temporaryPath, name) == 0 else {
                let code = errno
                if isReplacing { _ = Glibc.rename(old, name) }
                throw Self.failure(name, code)
            }
            if isReplacing { Self.remove(old) }
        } catch {
            abandon()
            throw error
        }
        close()
    }

    /// A link stays a link: it is its target that is replaced.
    private static func resolvingLink(_ path: String) -> String {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFLNK, let real = realpath(path, nil)
        else { return path }
        defer { free(real) }
        return String(cString: real)
    }

    private static func check(_ path: String, overwrite: Bool) throws {
        func fail(_ reason: String) -> ReportError {
            ReportError(.cannotCreate, "cannot create \(path): \(reason)")
        }
        var status = stat()
        if stat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFDIR else {
                throw fail("it is a file, and a report is a directory; name another")
            }
            guard overwrite else { throw fail("it exists already; -y/--overwrite replaces it") }
            guard isReport(path) else {
                throw fail("it is a directory that holds no report; name another")
            }
        } else if lstat(path, &status) == 0 {
            throw fail("it is a link to nothing; name another")
        }
    }

    /// Whether nothing but a report is lost with a directory.
    private static func isReport(_ path: String) -> Bool {
        guard let entries = try? FileManager.default.contentsOfDirectory(atPath: path) else { return false }
        if entries.isEmpty { return true }
        let page = (try? String(contentsOfFile: "\(path)/\(pageName)", encoding: .utf8)) ?? ""
        return page.contains(mark)
    }

    /// Removes what runs that are dead have left: their locks are free.
    private static func removeAbandoned(in folder: String) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        for name in names where name.hasPrefix(prefix) && name.hasSuffix(suffix) {
            let descriptor = open("\(folder)/\(name)", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
            guard descriptor >= 0 else { continue }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { remove("\(folder)/\(name)") }
            Glibc.close(descriptor)
        }
    }

    private static func failure(_ path: String, _ code: Int32) -> ReportError {
        ReportError(.cannotCreate, "cannot create \(path): \(text(code))")
    }

    private static func text(_ code: Int32) -> String { String(cString: strerror(code)) }
}
