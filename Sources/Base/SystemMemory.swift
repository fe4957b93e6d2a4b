import Glibc

/// How much memory the machine has to give.
package enum SystemMemory {
    /// Bytes that can be taken without swapping: the kernel's `MemAvailable`, or what the control group has
    /// left where that is less (containers).
    ///
    /// - Returns: nil where the kernel does not say.
    package static func availableBytes() -> Int? {
        [machine(), group()].compactMap { $0 }.min()
    }

    private static func machine() -> Int? {
        for line in text("/proc/meminfo").split(separator: "\n") where line.hasPrefix("MemAvailable:") {
            let fields = line.split(separator: " ")
            return fields.count > 1 ? Int(fields[1]).map { $0 * 1024 } : nil
        }
        return nil
    }

    /// Of version 2's own group at the usual place; `memory.max` reads `max` where there is no limit.
    private static func group() -> Int? {
        let folder = "/sys/fs/cgroup/"
        guard let limit = number(folder + "memory.max"), let used = number(folder + "memory.current") else {
            return nil
        }
        // The page cache counts as used and is given back when needed.
        let cache = text(folder + "memory.stat").split(separator: "\n")
            .first { $0.hasPrefix("inactive_file ") }
            .flatMap { Int($0.dropFirst("inactive_file ".count)) }
        return max(0, limit - used + (cache ?? 0))
    }

    private static func number(_ path: String) -> Int? {
        Int(text(path).trimmed)
    }

    private static func text(_ path: String) -> String {
        (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    }
}
