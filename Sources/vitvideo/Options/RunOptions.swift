import ArgumentParser
import Foundation

/// How the work is done and what is said meanwhile.
struct RunOptions: ParsableArguments {
    enum ProgressStyle: String, ExpressibleByArgument, CaseIterable {
        case auto, json, none
    }

    @Option(
        help: ArgumentHelp("Inference threads, a frame each. (default: the number of cores)", valueName: "n"))
    var workers: Int?

    @Option(help: "Progress on standard error: a bar if that is a terminal, a JSON object a line, or none.")
    var progress: ProgressStyle = .auto

    @Flag(name: [.short, .long], help: "Say nothing but errors.")
    var quiet = false

    @Flag(name: [.short, .long], help: "Say what runs, and at the end where the time went.")
    var verbose = false

    func validate() throws {
        if let workers, !(1...1024).contains(workers) { throw ValidationError("--workers is 1 to 1024") }
        if quiet && verbose { throw ValidationError("--quiet and --verbose exclude each other") }
    }

    var workerCount: Int { workers ?? ProcessInfo.processInfo.activeProcessorCount }

    var progressStyle: ProgressDisplay.Style {
        switch progress {
        case _ where quiet: .none
        case .json: .json
        case .none: .none
        case .auto: StandardError.isTerminal ? .bar : .none
        }
    }
}
