import ArgumentParser
import Checkpoints
import Foundation
import Synchronization
import ViT

/// Forward passes over frames that are prepared beforehand: what the class token attends to in the last block.
struct Forward: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure forward passes that give the last block's class-token attention.")

    @Option(help: "Weights, in any format that vitvideo reads.")
    var weights: String

    @Option(help: "Number of heads, where they are not 64 wide.")
    var numHeads: Int?

    @Option(help: "Height of the model's input in pixels.")
    var height: Int

    @Option(help: "Width of the model's input in pixels.")
    var width: Int

    @Option(
        help: ArgumentHelp(
            """
            A safetensors file with normalised frames as tensor 'frames', [n, 3, height, width], used in turn. \
            (default: seeded noise)
            """, valueName: "file"))
    var input: String?

    @Option(help: "Frames to measure, shared out among the workers.")
    var frames = 16

    @Option(help: "Frames under way at once.")
    var workers = 2

    @Option(help: "Threads that share one frame's work.")
    var threadsPerFrame = 1

    @Option(help: "fp32 or bf16.")
    var precision: Precision = .float32

    @Option(help: "auto, onednn, openblas or own.")
    var backend: Engine.Library = .auto

    @Option(
        help: ArgumentHelp(
            "Where to write the first frame's 'attention', [heads, rows, columns], as safetensors.",
            valueName: "file"))
    var dump: String?

    private struct Report: Encodable {
        let engine: String
        let frames: Int
        let seconds: Double
        let framesPerSecond: Double
        let tokens: Int
        let workers: Int
        let threadsPerFrame: Int
        let gigaflopPerFrame: Double
        let gigaflopPerSecond: Double
        let peakBytes: Int
    }

    func validate() throws {
        guard frames > 0 else { throw ValidationError("--frames is at least 1") }
        guard (1...1024).contains(workers) else { throw ValidationError("--workers is 1 to 1024") }
        guard (1...1024).contains(threadsPerFrame) else {
            throw ValidationError("--threads-per-frame is 1 to 1024")
        }
    }

    func run() throws {
        // The peers' rule for positions, so that all compute the same.
        let model = try Model.load(
            weights, told: ModelFacts(heads: numHeads, positionInterpolation: .antialiased))
        let c = model.configuration
        guard height >= c.patchSize, width >= c.patchSize, height % c.patchSize == 0, width % c.patchSize == 0
        else { throw ValidationError("--height and --width are multiples of \(c.patchSize)") }
        let inputs = try loadInputs(c)
        let engine = try Engine(model: model, library: backend, precision: precision)
        let request = ForwardRequest(attentionBlocks: [c.depth - 1])

        let first = Mutex<TokenAttention?>(nil)
        let next = Atomic<Int>(0)
        let (frames, threadsPerFrame) = (frames, threadsPerFrame)
        let seconds = try Measurement.seconds(threads: workers) { worker in
            let pass = try ForwardPass(engine: engine, threads: threadsPerFrame)
            // Once before the clock starts: memory is touched and the library's kernels are made.
            let warm = try pass.run(inputs[0], request)
            if worker == 0 { first.withLock { $0 = warm.attention[c.depth - 1] } }
            return {
                while true {
                    let index = next.add(1, ordering: .relaxed).oldValue
                    guard index < frames else { return }
                    _ = try pass.run(inputs[index % inputs.count], request)
                }
            }
        }
        if let dump, let attention = first.withLock({ $0 }) {
            try Safetensors.write(
                [("attention", [attention.heads, attention.rows, attention.columns], attention.values)],
                to: dump)
        }
        let work = Operations(c, patches: inputs[0].rows * inputs[0].columns).gigaflop
        try printJSON(
            Report(
                engine: engine.description, frames: frames, seconds: seconds,
                framesPerSecond: Double(frames) / seconds,
                tokens: c.specialTokens + inputs[0].rows * inputs[0].columns, workers: workers,
                threadsPerFrame: threadsPerFrame, gigaflopPerFrame: work,
                gigaflopPerSecond: work * Double(frames) / seconds, peakBytes: peakBytes()))
    }

    private func loadInputs(_ c: Configuration) throws -> [PatchMatrix] {
        let preprocessor = Preprocessor(configuration: c, resolution: .native)
        let (rows, columns) = (height / c.patchSize, width / c.patchSize)
        let values = 3 * height * width
        guard let input else {
            return [
                preprocessor.patches(ofPlanes: noise(count: values), rows: rows, columns: columns)
            ]
        }
        let checkpoint = try Checkpoint.open(input)
        guard let shape = checkpoint["frames"]?.shape, shape.count == 4, shape[0] > 0,
            Array(shape[1...]) == [3, height, width]
        else { throw ValidationError("\(input) holds no frames of 3×\(height)×\(width)") }
        let floats = try checkpoint.floats("frames")
        return (0..<shape[0]).map { index in
            preprocessor.patches(
                ofPlanes: Array(floats[index * values..<(index + 1) * values]), rows: rows, columns: columns)
        }
    }

    /// Evenly distributed within −2…2, the same every time.
    private func noise(count: Int) -> [Float] {
        var state: UInt64 = 1
        return (0..<count).map { _ in
            // Knuth's MMIX generator; its upper bits are the good ones.
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(state >> 40) / Float(1 << 22) - 2
        }
    }

    private func peakBytes() -> Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss * 1024
    }
}

/// The work that a frame needs, a multiplication with its addition counting two.
///
/// Counted are the patch embedding and all blocks but the last, their linear layers and both products of their
/// attention. What a single query needs of the last block is too little to matter.
struct Operations {
    let gigaflop: Double

    init(_ c: Configuration, patches: Int) {
        let tokens = Double(c.specialTokens + patches)
        let width = Double(c.width)
        let hidden = Double(c.feedForwardWidth) * (c.activation.isGated ? 3 : 2)
        let linear = 2 * tokens * width * (4 * width + hidden)
        let attention = 4 * tokens * tokens * width
        let embedding = 2 * Double(patches * c.patchValues) * width
        gigaflop = (embedding + Double(c.depth - 1) * (linear + attention)) / 1e9
    }
}

extension Precision: ExpressibleByArgument {}
extension Engine.Library: ExpressibleByArgument {}
