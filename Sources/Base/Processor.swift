/// The CPU that computes.
package enum Processor {
    /// Its name in /proc/cpuinfo; nil where the kernel gives none.
    package static let name: String? = {
        let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
        return line?.split(separator: ":", maxSplits: 1).last.map {
            $0.trimmed
        }
    }()
}
