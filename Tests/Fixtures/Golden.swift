import Checkpoints
import Foundation
import ViT

/// A tiny seeded model with what the original implementations computed from it.
public struct Golden: CustomStringConvertible {
    /// The configuration that the script wrote beside the weights.
    public struct Config: Decodable {
        public var family: String
        public var heads: Int
        public var registers: Int
        public var depth: Int
        public var width: Int
        public var classes: Int
        public var distilled: Bool
        public var position: String
    }

    /// A golden that is not what the tests expect.
    public struct Missing: Error {
        public let what: String
    }

    public let name: String
    public let config: Config
    public let model: Model
    public let cases: Checkpoint
    /// Names of the inputs: `native`, `square`, `wide`, …
    public let caseNames: [String]

    public var description: String { name }

    public static let names = ["plain", "layerscale", "registers", "distilled", "supervised", "swiglu"]

    public init(_ name: String) throws {
        self.name = name
        let weights = Golden.path(name, "weights")
        guard let metadata = try Checkpoint.open(weights).metadata["config"] else {
            throw Missing(what: "the configuration of \(name)")
        }
        config = try JSONDecoder().decode(Config.self, from: Data(metadata.utf8))
        model = try Model.load(weights, heads: config.heads)
        cases = try Checkpoint.open(Golden.path(name, "cases"))
        caseNames = Set(cases.names.compactMap { $0.split(separator: "/").first.map(String.init) }).sorted()
    }

    /// The file of one kind: `weights`, `cases`, `gradients` or `probing`.
    public static func path(_ name: String, _ kind: String) -> String {
        Fixtures.golden("vit/\(name).\(kind).safetensors").path
    }

    /// The model's gradients.
    public func gradients() throws -> Checkpoint { try Checkpoint.open(Golden.path(name, "gradients")) }

    /// What the probing methods give.
    public func probing() throws -> Checkpoint { try Checkpoint.open(Golden.path(name, "probing")) }

    /// The input of a case, cut into patches.
    public func input(_ name: String) throws -> PatchMatrix {
        guard let shape = cases["\(name)/input"]?.shape, shape.count == 3 else {
            throw Missing(what: "the input of \(name)")
        }
        let patch = model.configuration.patchSize
        return Preprocessor(configuration: model.configuration, resolution: .native).patches(
            ofPlanes: try cases.floats("\(name)/input"), rows: shape[1] / patch, columns: shape[2] / patch)
    }
}

/// The largest difference relative to the largest expected value.
public func relativeError(_ values: some Sequence<Float>, _ expected: [Float]) -> Float {
    let values = Array(values)
    guard values.count == expected.count else { return .infinity }
    let scale = expected.reduce(0) { max($0, abs($1)) }
    let largest = zip(values, expected).reduce(0) { max($0, ($1.0 - $1.1).magnitude) }
    return largest.isNaN ? .infinity : largest / max(scale, .leastNormalMagnitude)
}
