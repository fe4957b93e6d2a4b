import Base
import Fixtures
import Foundation
import Testing

/// What a process may use, on files as the kernel has them and on variables as Slurm sets them.
@Suite struct AllocationTests {
    /// A system whose files a test writes.
    final class FakeSystem: TemporaryDirectory {
        func write(_ path: String, _ text: String) throws {
            let file = URL(fileURLWithPath: self.file(path))
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data((text + "\n").utf8).write(to: file)
        }

        /// Version 2's hierarchy alone, as systemd mounts it.
        func mountVersion2(group: String, root: String = "/") throws {
            try write("proc/self/cgroup", "0::" + group)
            try write(
                "proc/self/mountinfo",
                """
                23 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
                31 23 0:28 \(root) /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate
                """)
        }

        /// Version 1's controllers, beside them version 2's hierarchy without any, which is how systemd's hybrid
        /// layout is.
        func mountVersion1(group: String, root: String = "/") throws {
            try write(
                "proc/self/cgroup",
                "9:name=systemd:/\n4:memory:\(group)\n2:cpu,cpuacct:\(group)\n1:cpuset:/other\n0::/")
            try write(
                "proc/self/mountinfo",
                """
                32 31 0:29 \(root) /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
                33 31 0:30 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset
                35 31 0:32 \(root) /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
                41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
                """)
        }

        func allocation(cores: Int = 64, _ environment: [String: String] = [:]) -> Allocation {
            Allocation(root: path, environment: environment, processors: cores)
        }
    }

    @Test(arguments: [
        ("3", 2), ("ff,ffffffff", 40), ("8001", 2), ("ffffffff,ffffffff,ffffffff", 64), ("0", 1),
    ])
    func theAffinityMaskHolds(mask: String, cores: Int) throws {
        let system = try FakeSystem()
        try system.write("proc/self/status", "Name: x\nCpus_allowed:\t\(mask)\nCpus_allowed_list:\t0-1")
        #expect(system.allocation().cores == cores)
    }

    @Test func withoutLimitsItIsTheMachine() throws {
        let system = try FakeSystem()
        #expect(system.allocation(cores: 3).cores == 3)
        #expect(system.allocation().availableBytes() == nil)
        try system.write("proc/meminfo", "MemTotal:  9000 kB\nMemAvailable:    5000 kB\nBuffers: 3 kB")
        #expect(system.allocation().availableBytes() == 5000 * 1024)
        try system.mountVersion2(group: "/job")
        try system.write("sys/fs/cgroup/job/cpu.max", "max 100000")
        try system.write("sys/fs/cgroup/job/memory.max", "max")
        try system.write("sys/fs/cgroup/job/memory.high", "max")
        try system.write("sys/fs/cgroup/job/memory.current", "123")
        #expect(system.allocation(cores: 3).cores == 3)
        #expect(system.allocation().availableBytes() == 5000 * 1024)
    }

    @Test(arguments: [
        ("200000 100000", 2), ("250000 100000", 3), ("20000 100000", 1), ("99900000 100000", 64), ("max", 64),
        ("0 0", 64), ("", 64),
    ]) func aQuotaOfVersion2IsRoundedUp(text: String, cores: Int) throws {
        let system = try FakeSystem()
        try system.mountVersion2(group: "/job")
        try system.write("sys/fs/cgroup/job/cpu.max", text)
        #expect(system.allocation().cores == cores)
    }

    @Test(arguments: [("300000", 3), ("350000", 4), ("-1", 64)])
    func aQuotaOfVersion1IsRoundedUp(text: String, cores: Int) throws {
        let system = try FakeSystem()
        try system.mountVersion1(group: "/job")
        try system.write("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", text)
        try system.write("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us", "100000")
        #expect(system.allocation().cores == cores)
    }

    @Test func theLeastOfAllAncestorsHolds() throws {
        let system = try FakeSystem()
        try system.mountVersion2(group: "/slurm/job_7/step_0")
        let folder = "sys/fs/cgroup/slurm"
        try system.write(folder + "/job_7/step_0/cpu.max", "800000 100000")
        try system.write(folder + "/job_7/cpu.max", "400000 100000")
        try system.write(folder + "/cpu.max", "max 100000")
        try system.write(folder + "/job_7/step_0/memory.max", "max")
        try system.write(folder + "/job_7/step_0/memory.current", "1000")
        try system.write(folder + "/job_7/memory.max", "8000000")
        try system.write(folder + "/job_7/memory.high", "6000000")
        try system.write(folder + "/job_7/memory.current", "2000000")
        try system.write(
            folder + "/job_7/memory.stat", "anon 1\nfile 900\ninactive_file 500000\nactive_file 2")
        try system.write(folder + "/memory.max", "9000000")
        try system.write(folder + "/memory.current", "4600000")
        #expect(system.allocation().cores == 4)
        // The job's own: 6.0 − 2.0 + 0.5; the node's: 9.0 − 4.6.
        #expect(system.allocation().availableBytes() == 4_400_000)
        try system.write(folder + "/memory.current", "4000000")
        #expect(system.allocation().availableBytes() == 4_500_000)
        // More than the limit while the kernel still reclaims.
        try system.write(folder + "/memory.current", "9000001")
        #expect(system.allocation().availableBytes() == 0)
    }

    @Test func memoryOfVersion1IsReadWithItsAncestors() throws {
        let system = try FakeSystem()
        try system.mountVersion1(group: "/job/step")
        let folder = "sys/fs/cgroup/memory"
        try system.write(folder + "/memory.limit_in_bytes", "9223372036854771712")
        try system.write(folder + "/memory.usage_in_bytes", "77")
        try system.write(folder + "/job/memory.limit_in_bytes", "3000000")
        try system.write(folder + "/job/memory.usage_in_bytes", "2500000")
        try system.write(folder + "/job/memory.stat", "inactive_file 7\ntotal_inactive_file 400000")
        try system.write(folder + "/job/step/memory.limit_in_bytes", "2000000")
        try system.write(folder + "/job/step/memory.usage_in_bytes", "900000")
        #expect(system.allocation().availableBytes() == 900_000)
    }

    /// In a container that has no namespace of groups the path is the host's and the mount point shows the
    /// container's own group.
    @Test func aContainersGroupIsItsMountPoint() throws {
        let system = try FakeSystem()
        try system.mountVersion1(group: "/docker/4f", root: "/docker/4f")
        try system.write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "200000")
        try system.write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000")
        #expect(system.allocation().cores == 2)
        try system.mountVersion2(group: "/docker/4f/inner", root: "/docker/4f")
        try system.write("sys/fs/cgroup/inner/cpu.max", "300000 100000")
        #expect(system.allocation().cores == 3)
        // A group outside of what is mounted.
        try system.mountVersion2(group: "/../4f", root: "/")
        try system.write("sys/fs/cgroup/cpu.max", "500000 100000")
        #expect(system.allocation().cores == 5)
    }

    @Test(arguments: [
        (["SLURM_CPUS_PER_TASK": "6", "SLURM_CPUS_ON_NODE": "12"], 6), (["SLURM_CPUS_ON_NODE": "12"], 12),
        (["SLURM_CPUS_PER_TASK": "200"], 64), (["SLURM_CPUS_PER_TASK": "0"], 64),
        (["SLURM_CPUS_PER_TASK": "many"], 64), (["SLURM_CPUS_PER_TASK": "-3"], 64),
    ]) func slurmsCoresHold(environment: [String: String], cores: Int) throws {
        #expect(try FakeSystem().allocation(environment).cores == cores)
    }

    @Test(arguments: [
        (["SLURM_MEM_PER_NODE": "3"], 2 << 20),
        (["SLURM_MEM_PER_CPU": "2", "SLURM_CPUS_ON_NODE": "4"], 7 << 20),
        (["SLURM_MEM_PER_CPU": "2", "SLURM_CPUS_PER_TASK": "3"], 5 << 20),
        (["SLURM_MEM_PER_CPU": "2"], 1 << 20),
        (["SLURM_MEM_PER_NODE": "0"], 99 << 20), (["SLURM_MEM_PER_NODE": "1"], 0),
        (["SLURM_MEM_PER_NODE": "1000000000"], 99 << 20),
        (["SLURM_MEM_PER_CPU": "1000000000", "SLURM_CPUS_ON_NODE": "1000000000"], 99 << 20),
    ]) func slurmsMemoryHoldsLessWhatIsTaken(environment: [String: String], bytes: Int) throws {
        let system = try FakeSystem()
        try system.write("proc/meminfo", "MemAvailable: \(99 << 10) kB")
        try system.write("proc/self/status", "VmRSS:\t    9999 kB\nRssAnon:\t    1024 kB\nRssFile: 8 kB")
        #expect(system.allocation(environment).availableBytes() == bytes)
    }

    @Test func thisMachineSaysWhatItHas() throws {
        #expect(try #require(Allocation.current.availableBytes()) > 10_000_000)
        #expect((1...ProcessInfo.processInfo.processorCount).contains(Allocation.current.cores))
    }
}
