import Foundation
import Testing

/// Threads and memory are those that the system and Slurm allot.
@Suite struct ResourceAllocationTests {
    private static let clip =
        [Workspace.bunny, "--frames", ":4", "-o", "out.mp4", "-y", "--verbose"] + MethodCommandTests.tiny

    /// What Slurm allots to the process of the tests, if that is one of its jobs.
    private static let none: [String: String?] = [
        "SLURM_CPUS_PER_TASK": nil, "SLURM_CPUS_ON_NODE": nil, "SLURM_MEM_PER_NODE": nil,
        "SLURM_MEM_PER_CPU": nil,
    ]

    /// The schedule that a run on four frames, started by the words of `prefix`, says it has.
    private func schedule(
        in workspace: Workspace, startedBy prefix: [String] = [], environment: [String: String?] = [:]
    ) throws -> Substring {
        let words = prefix + [Workspace.binary] + Self.clip
        let outcome = try Program.run(
            words[0], Array(words.dropFirst()),
            environment: Workspace.cleared.merging(Self.none) { $1 }.merging(environment) { $1 },
            directory: workspace.path)
        try #require(outcome.status == 0, "\(outcome.errors)")
        return try #require(outcome.errors.firstMatch(of: /[0-9]+ workers?( of [0-9]+ threads)?/)?.output.0)
    }

    @Test func affinityMaskAndSlurmDecideAboutThreads() throws {
        let workspace = try Workspace()
        #expect(try schedule(in: workspace, startedBy: ["taskset", "-c", "0"]) == "1 worker")
        #expect(try schedule(in: workspace, environment: ["SLURM_CPUS_PER_TASK": "1"]) == "1 worker")
    }

    @Test(.enabled(if: QuotaGroup() != nil, "the kernel's control groups cannot be written here"))
    func aQuotaDecidesAboutThreads() throws {
        let workspace = try Workspace()
        let group = try #require(QuotaGroup())
        try group.allow(cores: 1)
        let enter = ["sh", "-c", "echo $$ > \(group.path)/cgroup.procs && exec \"$@\"", "sh"]
        #expect(try schedule(in: workspace, startedBy: enter) == "1 worker")
    }

    @Test func whatExceedsSlurmsMemoryIsRefused() throws {
        let workspace = try Workspace()
        func status(megabytes: String) throws -> Int32 {
            let environment = Self.none.merging(["SLURM_MEM_PER_NODE": megabytes]) { $1 }
            return try workspace.run(Self.clip, environment: environment).status
        }
        #expect(try status(megabytes: "1") == 64)
        #expect(try status(megabytes: "4000") == 0)
    }
}

/// A control group of the kernel with a quota of processor time, removed with the value.
private final class QuotaGroup {
    let path: String
    private let isVersion2: Bool

    /// Nil where no group can be made, or none that divides processor time.
    init?() {
        let name = "vitvideo-test-" + UUID().uuidString
        for hierarchy in ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup"] {
            let path = "\(hierarchy)/\(name)"
            guard mkdir(path, 0o755) == 0 else { continue }
            for (file, isVersion2) in [("cpu.max", true), ("cpu.cfs_quota_us", false)]
            where FileManager.default.isWritableFile(atPath: "\(path)/\(file)") {
                self.path = path
                self.isVersion2 = isVersion2
                return
            }
            rmdir(path)
        }
        return nil
    }

    deinit { rmdir(path) }

    func allow(cores: Int) throws {
        let (quota, period) = (cores * 100_000, 100_000)
        if isVersion2 {
            try write("\(quota) \(period)", to: "cpu.max")
        } else {
            try write("\(period)", to: "cpu.cfs_period_us")
            try write("\(quota)", to: "cpu.cfs_quota_us")
        }
    }

    private func write(_ text: String, to name: String) throws {
        try text.write(toFile: "\(path)/\(name)", atomically: false, encoding: .utf8)
    }
}
