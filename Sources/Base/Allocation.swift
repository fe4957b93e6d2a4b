import FoundationEssentials

/// What this process may use of the machine: where batch systems and containers share a machine out, that is less
/// than there is.
///
/// Asked for are the affinity mask, the control groups and what Slurm says of a job in its variables (sbatch(1)): not
/// every cluster enforces what it allots.
package struct Allocation: Sendable {
    package static let current = Allocation(
        root: "", environment: FileName.environment, processors: ProcessInfo.processInfo.activeProcessorCount)

    /// How many threads can compute at the same time, at least 1. A part of a core counts as one: a thread less
    /// would leave it idle.
    package let cores: Int

    private let root: String
    private let groups: ControlGroups
    /// Nil where Slurm allots no memory.
    private let slurmBytes: Int?

    /// - Parameters:
    ///   - root: what stands before `/proc` and before the mount points that are named there.
    ///   - processors: how many the machine has, which Foundation counts without regard to the affinity mask.
    package init(root: String, environment: [String: String], processors: Int) {
        func slurm(_ name: String) -> Int? {
            environment["SLURM_" + name].flatMap { Int($0) }.flatMap { (1...1 << 30).contains($0) ? $0 : nil }
        }
        self.root = root
        groups = ControlGroups(root: root)
        let onNode = slurm("CPUS_ON_NODE")
        let perTask = slurm("CPUS_PER_TASK")
        // Words of 32 bits in hexadecimal: `ff,ffffffff`. Processors that the machine could have may be among them.
        let mask = Self.field("Cpus_allowed", of: root + "/proc/self/status").map {
            $0.reduce(0) { $0 + ($1.hexDigitValue?.nonzeroBitCount ?? 0) }
        }
        let quota = groups.cores.map { Int(min($0, Double(processors)).rounded(.up)) }
        cores = max(1, [processors, mask, perTask ?? onNode, quota].compactMap { $0 }.min() ?? 1)
        // 0 is all that the node has.
        let megabytes = slurm("MEM_PER_NODE") ?? slurm("MEM_PER_CPU").map { $0 * (onNode ?? perTask ?? 1) }
        slurmBytes = megabytes.map { Int(min(Double($0) * 1_048_576, 1e18)) }
    }

    /// Bytes that can be taken now without swapping and without leaving the allocation: the least of the kernel's
    /// `MemAvailable`, of what the control groups have left, and of Slurm's allotment less what this process takes.
    ///
    /// - Returns: nil where nothing is known.
    package func availableBytes() -> Int? {
        let slurm = slurmBytes.map { max(0, $0 - (bytes("RssAnon", of: "/proc/self/status") ?? 0)) }
        return [bytes("MemAvailable", of: "/proc/meminfo"), groups.availableBytes(), slurm]
            .compactMap { $0 }.min()
    }

    /// The amount in a line like `MemAvailable:  123 kB`.
    private func bytes(_ name: String, of file: String) -> Int? {
        Self.field(name, of: root + file)?.split(separator: " ").first.flatMap { Int($0) }.map { $0 * 1024 }
    }

    /// What follows `name:` in a file of /proc.
    private static func field(_ name: String, of file: String) -> String? {
        let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").first { $0.hasPrefix(name + ":") }?.dropFirst(name.count + 1)
            .trimmed
    }
}
