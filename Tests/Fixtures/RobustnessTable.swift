import Foundation
import Synchronization

/// How much the robustness tests try, and what came of it.
///
/// `make test` runs a slice of each class of cases. With `VITVIDEO_ROBUSTNESS=thorough` in the environment, as
/// `make check-robustness` sets it, all of them run; the counts then go to the file that
/// `VITVIDEO_ROBUSTNESS_TABLE` names, one line `class<TAB>tried<TAB>passed` each, added at the end of the process.
package enum RobustnessTable {
    private struct Counts {
        var tried = 0
        var passed = 0
    }

    /// Whether everything is to be tried.
    package static let isThorough = ProcessInfo.processInfo.environment["VITVIDEO_ROBUSTNESS"] == "thorough"

    private static let counts = Mutex<[String: Counts]>([:])

    /// `all` of the cases, or of a short run about `count` that lie evenly among them.
    package static func choose<Case>(_ all: [Case], short count: Int) -> [Case] {
        guard !isThorough, all.count > count else { return all }
        return (0..<count).map { all[$0 * all.count / count] }
    }

    /// Adds cases to a class.
    package static func count(_ name: String, tried: Int = 1, passed: Int) {
        _ = writesAtExit
        counts.withLock {
            $0[name, default: Counts()].tried += tried
            $0[name, default: Counts()].passed += passed
        }
    }

    private static let writesAtExit: Void = {
        atexit {
            guard let path = ProcessInfo.processInfo.environment["VITVIDEO_ROBUSTNESS_TABLE"],
                let file = fopen(path, "a")
            else { return }
            for (name, counts) in RobustnessTable.counts.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
                fputs("\(name)\t\(counts.tried)\t\(counts.passed)\n", file)
            }
            fclose(file)
        }
    }()
}
