import Base
import Foundation

/// How much the robustness tests try, and what came of it.
///
/// `make test` runs a slice of each class of cases. With `VITVIDEO_ROBUSTNESS=thorough` in the environment, as
/// `make check-robustness` sets it, all of them run; the counts then go to the file that
/// `VITVIDEO_ROBUSTNESS_TABLE` names, as lines `class<TAB>tried<TAB>passed`. A class may have many lines; each is
/// written when its cases have run, so a process that is stopped has said how far it came.
package enum RobustnessTable {
    /// Whether everything is to be tried.
    package static let isThorough = ProcessInfo.processInfo.environment["VITVIDEO_ROBUSTNESS"] == "thorough"

    private static let file = Mutex(
        ProcessInfo.processInfo.environment["VITVIDEO_ROBUSTNESS_TABLE"].flatMap { fopen($0, "a") })

    /// `all` of the cases, or of a short run about `count` that lie evenly among them.
    package static func choose<Case>(_ all: [Case], short count: Int) -> [Case] {
        guard !isThorough, all.count > count else { return all }
        return (0..<count).map { all[$0 * all.count / count] }
    }

    /// Adds cases to a class.
    package static func count(_ name: String, tried: Int = 1, passed: Int) {
        file.withLock { file in
            guard let file else { return }
            fputs("\(name)\t\(tried)\t\(passed)\n", file)
            fflush(file)
        }
    }
}
