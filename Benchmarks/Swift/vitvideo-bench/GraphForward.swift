import ArgumentParser
import Graph
import ViT

/// Forward passes of a transformer of any build.
struct GraphForward: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "graph", abstract: "Measure forward passes of a transformer of any build.")

    @Option(help: "An ONNX model, or weights of a family that is known.")
    var weights: String

    @Option(help: "Side of the picture in pixels.")
    var side = 224

    @Option(help: "Passes to measure; two more come before.")
    var frames = 16

    @Option(help: "Threads that share a pass.")
    var threads = 2

    private struct Report: Encodable {
        let frames: Int
        let seconds: Double
        let plannedBytes: Int
        let output: [Float]
    }

    func run() throws {
        guard let model = try GraphModel.open(weights) else {
            throw ValidationError("\(weights) is of no family that is known")
        }
        let instance = try model.instance(height: side, width: side)
        let plan = GraphPlan(instance.graph)
        let pass = try GraphPass(plan, GraphContext(pool: WorkerPool(workers: threads)))
        // The peer takes the same, as often: what lies here is overwritten by the pass.
        let picture = pass.picture.indices.map { Float($0 % 251) / 125 - 1 }
        func look() throws {
            _ = pass.picture.update(fromContentsOf: picture)
            try pass.run()
        }
        for _ in 0..<2 { try look() }
        let start = ContinuousClock.now
        for _ in 0..<frames { try look() }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let output = instance.graph.output.map { pass.withValues($0) { Array($0) } } ?? []
        try printJSON(
            Report(frames: frames, seconds: seconds, plannedBytes: plan.memoryBytes, output: output))
    }
}
