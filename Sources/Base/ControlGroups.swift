/// The Linux control groups that a process is in, of version 2 and of version 1, with their ancestors: the limits
/// of all of them hold.
///
/// <https://docs.kernel.org/admin-guide/cgroup-v2.html>, and `cgroup-v1/memory.html` and
/// `scheduler/sched-bwc.html` beside it.
struct ControlGroups: Sendable {
    /// Directories, each group's own before its ancestors'.
    private let unified: [String]
    private let cpu: [String]
    private let memory: [String]

    /// - Parameter root: what stands before `/proc` and before the mount points that are named there.
    init(root: String) {
        let paths = Self.lines(root + "/proc/self/cgroup").compactMap { GroupPath($0) }
        let mounts = Self.lines(root + "/proc/self/mountinfo").compactMap { GroupMount($0) }
        func folders(_ controller: String) -> [String] {
            guard let path = paths.first(where: { $0.controllers.contains(controller) })?.path,
                let mount = mounts.first(where: { $0.controllers.contains(controller) })
            else { return [] }
            return mount.folders(of: path).map { root + $0 }
        }
        unified = folders(GroupPath.unified)
        cpu = folders("cpu")
        memory = folders("memory")
    }

    /// How many cores' time the groups may take; nil where there is no limit.
    var cores: Double? {
        let quotas = unified.map { folder -> Double? in
            // Two numbers in microseconds, or `max` and the period.
            let fields = Self.text(folder + "/cpu.max").trimmed.split(separator: " ").map { Double($0) }
            guard fields.count == 2, let quota = fields[0], let period = fields[1] else { return nil }
            return Self.ratio(quota, period)
        }
        let quotasOfVersion1 = cpu.map { folder -> Double? in
            // -1 where there is no limit.
            guard let quota = Self.number(folder + "/cpu.cfs_quota_us"),
                let period = Self.number(folder + "/cpu.cfs_period_us")
            else { return nil }
            return Self.ratio(Double(quota), Double(period))
        }
        return (quotas + quotasOfVersion1).compactMap { $0 }.min()
    }

    /// How many bytes the groups have left; nil where there is no limit.
    func availableBytes() -> Int? {
        let left = unified.map { folder -> Int? in
            // A group above `memory.high` is slowed down, one above `memory.max` is killed; both read `max` where
            // there is no limit.
            let limits = ["/memory.high", "/memory.max"].compactMap { Self.number(folder + $0) }
            return limits.min().flatMap {
                Self.left(of: $0, in: folder, used: "memory.current", cache: "inactive_file")
            }
        }
        let leftOfVersion1 = memory.map { folder -> Int? in
            // More than any machine has where there is no limit.
            Self.number(folder + "/memory.limit_in_bytes").flatMap {
                Self.left(of: $0, in: folder, used: "memory.usage_in_bytes", cache: "total_inactive_file")
            }
        }
        return (left + leftOfVersion1).compactMap { $0 }.min()
    }

    private static func left(of limit: Int, in folder: String, used: String, cache: String) -> Int? {
        guard let used = number("\(folder)/\(used)") else { return nil }
        // The page cache counts as used and is given back when needed.
        let cached = lines(folder + "/memory.stat").first { $0.hasPrefix(cache + " ") }
            .flatMap { Int($0.dropFirst(cache.count + 1)) }
        return max(0, limit - max(0, used - (cached ?? 0)))
    }

    private static func ratio(_ quota: Double, _ period: Double) -> Double? {
        quota > 0 && period > 0 ? quota / period : nil
    }

    private static func lines(_ path: String) -> [Substring] { text(path).split(separator: "\n") }

    private static func number(_ path: String) -> Int? { Int(text(path).trimmed) }

    private static func text(_ path: String) -> String {
        (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    }
}

/// A line of `/proc/self/cgroup`: `4:memory:/job/step`, of version 2 `0::/job/step`.
private struct GroupPath {
    /// What version 2's hierarchy, of which there is one, is called here.
    static let unified = "unified"

    let controllers: Set<String>
    let path: String

    init?(_ line: Substring) {
        let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        guard fields.count == 3 else { return nil }
        controllers =
            fields[0] == "0" && fields[1].isEmpty
            ? [Self.unified] : Set(fields[1].split(separator: ",").map(String.init))
        path = String(fields[2])
    }
}

/// A line of `/proc/self/mountinfo` (proc(5)) where a hierarchy of groups is mounted:
/// `35 31 0:32 /root /mount/point rw - cgroup cgroup rw,memory`.
private struct GroupMount {
    let controllers: Set<String>
    /// The group that is seen at the mount point.
    let root: String
    let point: String

    init?(_ line: Substring) {
        let fields = line.split(separator: " ")
        guard let dash = fields.firstIndex(of: "-"), dash > 5, fields.count > dash + 3 else { return nil }
        switch fields[dash + 1] {
        case "cgroup2": controllers = [GroupPath.unified]
        case "cgroup": controllers = Set(fields[dash + 3].split(separator: ",").map(String.init))
        default: return nil
        }
        root = String(fields[3])
        point = String(fields[4])
    }

    /// Where a group and its ancestors are seen, itself first; the mount point alone where the group lies outside of
    /// what is mounted.
    func folders(of path: String) -> [String] {
        let prefix = root == "/" ? "" : root
        guard path == root || path.hasPrefix(prefix + "/") else { return [point] }
        var names = path.dropFirst(prefix.count).split(separator: "/")
        guard !names.contains("..") else { return [point] }
        var folders: [String] = []
        while !names.isEmpty {
            folders.append("\(point)/\(names.joined(separator: "/"))")
            names.removeLast()
        }
        return folders + [point]
    }
}
