import ArgumentParser

/// What is said on standard error during a run.
struct MessageOptions: ParsableArguments {
    enum ProgressStyle: String, ExpressibleByArgument, CaseIterable {
        case auto, json, none
    }

    @Option(
        help: """
            Progress on standard error: a bar if that is a terminal (lines of text if it cannot redraw one), a JSON \
            object a line, or none.
            """)
    var progress: ProgressStyle = .auto

    @Flag(name: [.short, .long], help: "Say nothing but errors.")
    var quiet = false

    @Flag(name: [.short, .long], help: "Say what runs, and at the end where the time went.")
    var verbose = false

    func validate() throws {
        if quiet && verbose { throw ValidationError("--quiet and --verbose exclude each other") }
    }

    var progressStyle: ProgressDisplay.Style {
        switch progress {
        case _ where quiet: .none
        case .json: .json
        case .none: .none
        case .auto: StandardError.canRedraw ? .bar : StandardError.isTerminal ? .lines : .none
        }
    }
}
