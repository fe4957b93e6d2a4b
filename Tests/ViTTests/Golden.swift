import Checkpoints
import Fixtures
import Foundation
import Testing
import ViT

/// A tiny seeded model with what the original implementations computed from it.
struct Golden: CustomTestStringConvertible {
    /// The configuration that the script wrote beside the weights.
    struct Config: Decodable {
        var family: String
        var heads: Int
        var registers: Int
        var depth: Int
        var width: Int
        var classes: Int
        var distilled: Bool
        var position: String
    }

    let name: String
    let config: Config
    let model: Model
    let cases: Checkpoint
    /// Names of the inputs: `native`, `square`, `wide`, …
    let caseNames: [String]

    var testDescription: String { name }

    static let names = ["plain", "layerscale", "registers", "distilled", "supervised", "swiglu"]

    init(_ name: String) throws {
        self.name = name
        let weights = Fixtures.golden("vit/\(name).weights.safetensors").path
        let metadata = try #require(try Checkpoint.open(weights).metadata["config"])
        config = try JSONDecoder().decode(Config.self, from: Data(metadata.utf8))
        model = try Model.load(weights, heads: config.heads)
        cases = try Checkpoint.open(Fixtures.golden("vit/\(name).cases.safetensors").path)
        caseNames = Set(cases.names.compactMap { $0.split(separator: "/").first.map(String.init) }).sorted()
    }

    /// The input of a case, cut into patches.
    func input(_ name: String) throws -> PatchMatrix {
        let shape = try #require(cases["\(name)/input"]).shape
        let patch = model.configuration.patchSize
        return Preprocessor(configuration: model.configuration, resolution: .native).patches(
            ofPlanes: try cases.floats("\(name)/input"), rows: shape[1] / patch, columns: shape[2] / patch)
    }
}

/// The largest difference relative to the largest expected value.
func relativeError(_ values: some Sequence<Float>, _ expected: [Float]) -> Float {
    let values = Array(values)
    guard values.count == expected.count else { return .infinity }
    let scale = expected.reduce(0) { max($0, abs($1)) }
    let largest = zip(values, expected).reduce(0) { max($0, ($1.0 - $1.1).magnitude) }
    return largest.isNaN ? .infinity : largest / max(scale, .leastNormalMagnitude)
}
