import Checkpoints
import Foundation
import ViT

/// A tiny seeded model with what the original implementations computed from it.
package struct Golden: CustomStringConvertible {
    /// The configuration that the script wrote beside the weights.
    package struct Config: Decodable {
        package var family: String
        package var heads: Int
        package var registers: Int
        package var depth: Int
        package var width: Int
        package var classes: Int
        package var distilled: Bool
        package var position: String
    }

    /// A golden that is not what the tests expect.
    package struct Missing: Error {
        package let what: String
    }

    package let name: String
    package let config: Config
    package let model: Model
    package let cases: Checkpoint
    /// Names of the inputs: `native`, `square`, `wide`, …
    package let caseNames: [String]

    package var description: String { name }

    package static let names = ["plain", "layerscale", "registers", "distilled", "supervised", "swiglu"]

    package init(_ name: String) throws {
        self.name = name
        let weights = Golden.path(name, "weights")
        guard let metadata = try Checkpoint.open(weights).metadata["config"] else {
            throw Missing(what: "the configuration of \(name)")
        }
        config = try JSONDecoder().decode(Config.self, from: Data(metadata.utf8))
        // The tensors of a plain model do not tell its family.
        let isAssumed = config.family == "vit"
        model = try Model.load(
            weights, told: ModelFacts(family: isAssumed ? .vit : nil, heads: config.heads))
        cases = try Checkpoint.open(Golden.path(name, "cases"))
        caseNames = Set(cases.names.compactMap { $0.split(separator: "/").first.map(String.init) }).sorted()
    }

    /// The file of one kind: `weights`, `cases`, `gradients`, `probing`, `experiments` or `flow`.
    package static func path(_ name: String, _ kind: String) -> String {
        Fixtures.golden("vit/\(name).\(kind).safetensors").path
    }

    /// The model's gradients.
    package func gradients() throws -> Checkpoint { try Checkpoint.open(Golden.path(name, "gradients")) }

    /// What the probing methods give.
    package func probing() throws -> Checkpoint { try Checkpoint.open(Golden.path(name, "probing")) }

    /// The experiments of Ghiasi et al.
    package func experiments() throws -> Checkpoint { try Checkpoint.open(Golden.path(name, "experiments")) }

    /// Attention flow through some of the blocks.
    package func flow() throws -> Checkpoint { try Checkpoint.open(Golden.path(name, "flow")) }

    /// The input of a case, cut into patches.
    package func input(_ name: String) throws -> PatchMatrix {
        guard let shape = cases["\(name)/input"]?.shape, shape.count == 3 else {
            throw Missing(what: "the input of \(name)")
        }
        let patch = model.configuration.patchSize
        return Preprocessor(configuration: model.configuration, resolution: .native).patches(
            ofPlanes: try cases.floats("\(name)/input"), rows: shape[1] / patch, columns: shape[2] / patch)
    }
}

/// The largest difference relative to the largest expected value.
package func relativeError(_ values: some Sequence<Float>, _ expected: [Float]) -> Float {
    let values = Array(values)
    guard values.count == expected.count else { return .infinity }
    let scale = expected.reduce(0) { max($0, abs($1)) }
    let largest = zip(values, expected).reduce(0) { max($0, ($1.0 - $1.1).magnitude) }
    return largest.isNaN ? .infinity : largest / max(scale, .leastNormalMagnitude)
}
