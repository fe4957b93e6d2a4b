import Glibc

/// The process that a file belongs to while it is being made, as other machines can tell it.
package struct ProcessOwner: Codable, Sendable, Hashable {
    /// Name of the machine, a dot, and the namespace in which process numbers count.
    let host: String
    let process: pid_t

    /// What is so old belongs to nobody that could still be asked, in seconds.
    static let longestLife = 24 * 3600

    /// This process.
    package static var current: ProcessOwner { ProcessOwner(host: ownHost, process: getpid()) }

    private static let ownHost: String = {
        var name = utsname()
        uname(&name)
        let node = withUnsafeBytes(of: name.nodename) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        let namespace = (FileSystem.readlink("/proc/self/ns/pid") ?? "").filter(\.isNumber)
        return "\(String(node.map { $0.isLetter || $0.isNumber ? $0 : "." })).\(namespace)"
    }()

    /// As it stands in the name of a file.
    var text: String { "\(host)-\(process)" }

    init(host: String, process: pid_t) {
        self.host = host
        self.process = process
    }

    /// - Parameter text: as `text`.
    init?(_ text: Substring) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].contains("."), let process = pid_t(parts[1]) else { return nil }
        self.init(host: String(parts[0]), process: process)
    }

    /// Whether process numbers can be compared with those here.
    var isHere: Bool { host == Self.ownHost }

    /// Whether the process has ended, or what it made has not been written to for a day.
    ///
    /// - Parameter path: of what it made.
    package func isGone(leaving path: String) -> Bool {
        if isHere, kill(process, 0) != 0, errno == ESRCH { return true }
        var status = stat()
        return FileSystem.lstat(path, &status) == 0
            && time(nil) - status.st_mtim.tv_sec > Self.longestLife
    }
}
