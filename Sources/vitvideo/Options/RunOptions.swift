import ArgumentParser
import Foundation
import ViT

extension Engine.Library: ExpressibleByArgument {}

/// How the work is done and what is said meanwhile.
struct RunOptions: ParsableArguments {
    enum PrecisionArgument: String, ExpressibleByArgument, CaseIterable {
        case auto, fp32, bf16, int8

        var value: Precision? { Precision(rawValue: rawValue) }
    }

    enum ProgressStyle: String, ExpressibleByArgument, CaseIterable {
        case auto, json, none
    }

    @Option(
        help: ArgumentHelp("Inference threads, a frame each. (default: the number of cores)", valueName: "n"))
    var workers: Int?

    @Option(
        help: ArgumentHelp(
            """
            Threads for inference in all; decoder and encoder, which do little beside it, get half as many each. \
            (default: the number of cores)
            """, valueName: "n"))
    var threads: Int?

    @Option(help: "Library of the matrix products.")
    var backend: Engine.Library = .auto

    @Option(
        help: """
            Number format of the products. auto is fp32 where numbers are exported, and for pictures bf16 on CPUs \
            that have it natively. int8 is faster and coarser; it is measured on the first frame, and refused for \
            models that do not bear it.
            """)
    var precision: PrecisionArgument = .auto

    @Option(
        help: ArgumentHelp(
            """
            Memory for frames and inference beside the model: 800M, 2G. What would not fit is refused before it \
            begins, with the resolution that would. (default: what the machine has free)
            """, valueName: "size"))
    var budgetMemory: MemorySize?

    @Flag(
        help: ArgumentHelp(
            """
            Keep finished segments in a directory beside the output, FILE.resume, and go on with those that an \
            earlier run of the same command has left there, whatever ended it.
            """))
    var resume = false

    @Option(
        help: ArgumentHelp(
            "Frames of a segment of --resume, which is what an interruption costs at most.", valueName: "n"))
    var segmentFrames: Int = 128

    @Option(help: "Progress on standard error: a bar if that is a terminal, a JSON object a line, or none.")
    var progress: ProgressStyle = .auto

    @Flag(name: [.short, .long], help: "Say nothing but errors.")
    var quiet = false

    @Flag(name: [.short, .long], help: "Say what runs, and at the end where the time went.")
    var verbose = false

    func validate() throws {
        if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads is 1 to 1024") }
        if let workers, !(1...1024).contains(workers) { throw ValidationError("--workers is 1 to 1024") }
        guard (2...100_000).contains(segmentFrames) else {
            throw ValidationError("--segment-frames is 2 to 100000")
        }
        if quiet && verbose { throw ValidationError("--quiet and --verbose exclude each other") }
    }

    /// - Parameter isExact: whether numbers are wanted and not only pictures.
    /// - Throws: `VitvideoError` where the library or the precision asked for is not to be had.
    func engine(for model: Model, isExact: Bool) throws -> Engine {
        try engine(for: model, precision: precision.value ?? (isExact ? .float32 : nil))
    }

    /// - Parameter precision: as for `Engine`.
    /// - Throws: as above.
    func engine(for model: Model, precision: Precision?) throws -> Engine {
        try Engine(model: model, library: backend, precision: precision)
    }

    /// How the cores are shared out: a frame a worker while there are frames enough, else several threads a frame.
    ///
    /// - Parameter frames: how many there are, nil where unknown.
    func schedule(frames: Int?) -> Schedule {
        let threads = inferenceThreads
        let count = min(workers ?? threads, max(frames ?? .max, 1))
        return Schedule(workers: count, threadsPerFrame: max(threads / count, 1))
    }

    /// Threads of the decoder, and of the encoder: they hold several frames each, so that more than keep up with
    /// inference only cost memory.
    var codecThreads: Int { max(1, inferenceThreads / 2) }

    private var inferenceThreads: Int { threads ?? ProcessInfo.processInfo.activeProcessorCount }

    var progressStyle: ProgressDisplay.Style {
        switch progress {
        case _ where quiet: .none
        case .json: .json
        case .none: .none
        case .auto: StandardError.isTerminal ? .bar : .none
        }
    }
}

/// `800M`, `2.5G`: an amount of memory in decimal units.
struct MemorySize: ExpressibleByArgument {
    let bytes: Int

    init?(argument: String) {
        let units: [Character: Double] = ["K": 1e3, "M": 1e6, "G": 1e9]
        let unit = argument.last.flatMap { units[Character($0.uppercased())] }
        guard let number = Double(unit == nil ? argument : String(argument.dropLast())) else { return nil }
        let bytes = (number * (unit ?? 1)).rounded()
        guard bytes >= 1, bytes < 1e15 else { return nil }
        self.bytes = Int(bytes)
    }
}

/// How many frames are under way at once, and how many threads share each.
struct Schedule: CustomStringConvertible {
    let workers: Int
    let threadsPerFrame: Int

    var description: String {
        let frames = "\(workers) worker\(workers == 1 ? "" : "s")"
        return threadsPerFrame == 1 ? frames : "\(frames) of \(threadsPerFrame) threads"
    }
}
