import Base
import Checkpoints
import Files
import Fixtures
import ViT

@testable import Datasets
@testable import Training

/// A tiny model with what PyTorch computed of it (`golden_scripts/training.py`).
struct TrainingGolden {
    let name: String
    let shape: TrainedShape
    let rates: DropoutRates
    let values: Checkpoint

    static let names = ["plain", "mean", "keras", "heads"]

    /// Whether its batches are mixed.
    var mixes: Bool { name != "plain" }

    let loss = CrossEntropy(labelSmoothing: 0.1)

    init(_ name: String) throws {
        self.name = name
        values = try Checkpoint.open(Fixtures.golden("training/\(name).safetensors").path)
        let json = try JSONValue(Array((values.metadata["shape"] ?? "").utf8))
        shape = try TrainedShape(json: json)
        func rate(_ name: String) -> Float { Float(json["dropout"]?[name]?.number ?? 0) }
        rates = DropoutRates(
            tokens: rate("tokens"), attention: rate("attention"), projection: rate("projection"),
            feedForward: rate("mlp"), head: rate("head"))
    }

    /// An engine with the script's parameters.
    func makeEngine(threads: Int = 2, _ kernel: ProductKernel? = .float32) throws -> TrainingEngine {
        let engine = try TrainingEngine(shape, threads: threads, kernel: kernel)
        for parameter in engine.layout.parameters {
            let initial = try values.floats("initial/" + parameter.name)
            for (i, value) in initial.enumerated() { engine.parameters.start[parameter.offset + i] = value }
        }
        return engine
    }

    /// The script's `batch`.
    func batch(seed: UInt64, count: Int) -> TrainingBatch {
        var draw = SplitMix64(seed: seed)
        func label() -> Int32 { Int32(Double(draw.uniform()) * Double(shape.classes)) }
        var pixels: [Float] = []
        var labels: [Int32] = []
        var others: [Int32] = []
        var shares: [Float] = []
        for picture in 0..<count {
            labels.append(label())
            for _ in 0..<shape.pictureValues { pixels.append(2 * draw.uniform() - 1) }
            let row = picture * shape.pictureValues + Int(labels[picture]) * shape.side
            for i in row..<row + shape.side { pixels[i] += 1 }
            others.append(label())
            shares.append(draw.uniform())
        }
        return TrainingBatch(
            pixels: pixels, count: count, side: shape.side, labels: labels,
            mixture: mixes ? Mixture(labels: others, shares: shares) : nil)
    }
}
