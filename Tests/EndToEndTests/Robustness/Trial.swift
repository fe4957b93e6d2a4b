import Fixtures
import Foundation
import NumPy
import Testing

/// Tests that do harm for real: to the input, to the weights, to the disk and to the running program.
@Suite("Robustness") enum Robustness {}

/// What the program made of one input.
struct Trial {
    /// What may come of an input.
    enum Expectation {
        /// So many frames, and not a word of damage.
        case frames(Int)
        /// So many frames; or another number with a warning; or a clear error. The file held `count` before it was
        /// damaged; `orJust` is a number that also needs no warning, for files that do not say their length.
        case damaged(count: Int, orJust: Int?)
        /// A clear error.
        case refused
    }

    let name: String
    let outcome: Program.Outcome
    /// Numbers of the exported frames; nil where there is no export.
    let frames: [Int]?

    /// A tiny seeded model: nothing but the media counts here.
    static let model = ["--weights", Golden.path("plain", "weights"), "--num-heads", "3", "--family", "dino"]

    /// Runs the program on a file of the workspace and looks at the export it leaves.
    /// - Throws: `Program.TimedOut` where it hangs.
    init(_ name: String, _ input: String, in workspace: Workspace, _ arguments: [String] = []) throws {
        self.name = name
        let export = "\(UUID().uuidString).npz"
        defer { try? FileManager.default.removeItem(atPath: workspace.file(export)) }
        var words = [input, "--export", export] + Self.model + arguments
        if !arguments.contains("--resolution") { words += ["--resolution", "28"] }
        outcome = try workspace.run(words)
        guard FileManager.default.fileExists(atPath: workspace.file(export)) else {
            frames = nil
            return
        }
        frames = try NPZReader(workspace.file(export)).array("frame").int64s().map { Int($0) }
    }

    /// What is wrong with the outcome; nil where nothing is.
    func fault(_ expectation: Expectation) -> String? {
        if let fault = disorder { return "\(name): \(fault)" }
        switch (expectation, frames?.count) {
        case (.frames(let expected), let count?):
            if count == expected && !speaksOfDamage { return nil }
            return "\(name): \(count) frames instead of \(expected); \(outcome.errors)"
        case (.frames(let expected), nil):
            return "\(name): no frames instead of \(expected); \(outcome.errors)"
        case (.damaged(let expected, let other), let count?):
            if count == expected || count == other || !outcome.errors.isEmpty { return nil }
            return "\(name): \(count) frames of \(expected) and not a word about it"
        case (.damaged, nil): return nil
        case (.refused, let count?): return "\(name): \(count) frames of what should be refused"
        case (.refused, nil): return nil
        }
    }

    private var speaksOfDamage: Bool {
        outcome.errors.contains("damaged") || outcome.errors.contains("ends early")
    }

    /// What no input whatever may cause.
    private var disorder: String? {
        if outcome.status >= 128 { return "ended by signal \(outcome.status - 128); \(outcome.errors)" }
        if outcome.status == 0 {
            guard let frames else { return "success without an output" }
            guard frames == Array(0..<frames.count), !frames.isEmpty else { return "frames \(frames)" }
            guard outcome.errorLines.allSatisfy({ $0.hasPrefix("vitvideo: warning: ") }) else {
                return outcome.errors
            }
            return nil
        }
        guard frames == nil else { return "an output beside an error" }
        guard [65, 69].contains(outcome.status) else {
            return "exit code \(outcome.status); \(outcome.errors)"
        }
        let lines = outcome.errorLines
        guard lines.count == 1, lines[0].hasPrefix("vitvideo: cannot ") else { return outcome.errors }
        return nil
    }
}

/// What is wrong with an error that should have left nothing: nil where it has one of the codes, one line, and no file.
func refusalFault(_ outcome: Program.Outcome, codes: [Int32], written: [String]) -> String? {
    guard codes.contains(outcome.status), outcome.errorLines.count == 1 else {
        return "exit code \(outcome.status); \(outcome.errors)"
    }
    return written.isEmpty ? nil : "an error, and \(written)"
}

/// Counts a case and reports it where it failed. A program that hangs or an error of the test itself fails too.
func tryCase(
    _ className: String, at location: SourceLocation = #_sourceLocation, _ fault: () throws -> String?
) {
    let problem: String?
    do { problem = try fault() } catch { problem = "\(error)" }
    RobustnessTable.count(className, passed: problem == nil ? 1 : 0)
    if let problem { Issue.record(Comment(rawValue: problem), sourceLocation: location) }
}
