import Base
import Checkpoints

/// Turns a checkpoint's tensors into weights, or says exactly what does not fit.
package struct WeightLoader: Sendable {
    private let tensors: CanonicalTensors
    private var path: String { tensors.checkpoint.path }

    /// - Parameter key: which of several models in the file; nil for the preferred one.
    /// - Throws: `VitvideoError` where there is none under `key`.
    package init(_ checkpoint: Checkpoint, key: String? = nil) throws {
        tensors = try CanonicalTensors(checkpoint, key: key)
    }

    /// What the user should know about what was taken of the file and left.
    package var notices: [ModelNotice] { tensors.notices }

    // MARK: Architecture

    /// Reads the architecture off the tensors' shapes and settles what shapes do not tell.
    ///
    /// - Parameter told: what is said beside the tensors, in the order of belief.
    /// - Throws: `VitvideoError.weightsDoNotFit` naming what is missing to tell the architecture.
    package func settle(told: [ToldFacts] = []) throws -> (Configuration, ModelAccount) {
        var settlement = ConfigurationSettlement(tensors, told: told)
        let configuration = try settlement.settle()
        return (configuration, settlement.account)
    }

    /// A known model's configuration, changed where something else is told.
    ///
    /// - Parameter name: the known model's.
    func settle(
        known: Configuration, name: String, told: [ToldFacts]
    ) -> (Configuration, ModelAccount) {
        var settlement = ConfigurationSettlement(tensors, told: told)
        let configuration = settlement.settle(known: known, name: name)
        return (configuration, settlement.account)
    }

    /// A known model's configuration as this one of its published files has it.
    package func fitted(_ known: Configuration) -> Configuration {
        ConfigurationSettlement(tensors, told: []).fitted(known)
    }

    /// What files beside the weights say.
    ///
    /// - Throws: as `ConfigurationFiles`.
    func configurationFiles() throws -> ConfigurationFiles {
        try ConfigurationFiles(beside: path, tensors: tensors)
    }

    /// The text tower that lies beside the vision tower; nil where there is none that is read.
    func textTower(beside configuration: Configuration) -> TextTower? {
        TextTower(tensors.checkpoint, besideVision: tensors.prefix, vision: configuration)
    }

    // MARK: Weights

    /// Everything but the blocks; their names and shapes are checked as well.
    ///
    /// - Throws: `VitvideoError.weightsDoNotFit` listing every missing, unexpected or misshapen tensor;
    ///   `VitvideoError` where the file cannot be read.
    package func weights(for configuration: Configuration) throws -> Weights {
        try check(configuration)
        return try Weights(
            configuration: configuration, rotaryPeriods: rotaryPeriods(for: configuration),
            linearHead: linearHead(for: configuration)
        ) {
            try values($0, for: configuration)
        }
    }

    /// One block of a configuration that has been checked.
    ///
    /// - Throws: `VitvideoError` where the file cannot be read.
    package func block(_ index: Int, for configuration: Configuration) throws -> BlockWeights {
        try BlockWeights(index, of: configuration) { try tensors.values($0) }
    }

    /// Every canonical tensor of a configuration, for writing it elsewhere.
    ///
    /// - Throws: as `weights(for:)`.
    package func canonicalTensors(
        for configuration: Configuration
    ) throws -> [(name: String, shape: [Int], values: [Float])] {
        try check(configuration)
        return try (CanonicalNames.required(by: configuration) + optional(for: configuration)).map {
            ($0.name, $0.shape, try values($0.name, for: configuration))
        }
    }

    /// Checks names and shapes without reading the values.
    ///
    /// - Throws: `VitvideoError.weightsDoNotFit`.
    package func check(_ configuration: Configuration) throws {
        let required = CanonicalNames.required(by: configuration)
        let optional = optional(for: configuration)
        var problems: [String] = []
        for (name, expected) in required + optional {
            guard var found = tensors.shape(name) else {
                if Self.zeroIfMissing.contains(name) { continue }
                problems.append("missing \(name)")
                continue
            }
            if name == "pos_embed", found.count == 3 { found[1] += addedPositions(for: configuration) }
            if found != expected {
                problems.append("\(tensors.described(name)) is \(found), not \(expected)")
            }
        }
        let known = Set((required + optional).map(\.name))
        problems += tensors.problems
        problems += tensors.names.filter { !known.contains($0) && !Self.isOfClassifier($0) }.map {
            "unexpected \(tensors.described($0))"
        }
        guard problems.isEmpty else {
            let foreign = ForeignModel.recognized(in: tensors.checkpoint.names)
            let advice =
                foreign.map { "it looks like \($0.name): \($0.advice)" } ?? tensors.checkpoint.exportAdvice
            throw VitvideoError.weightsDoNotFit(
                path: path, problems: problems, nextStep: advice.map { .advice($0) })
        }
    }

    /// Reads every tensor of a configuration that has been checked.
    ///
    /// - Throws: `VitvideoError` where a value is no number or the file cannot be read.
    package func checkValues(for configuration: Configuration) throws {
        for (name, _) in CanonicalNames.required(by: configuration) + optional(for: configuration) {
            _ = try values(name, for: configuration)
        }
    }

    /// A known model's file may have a classifier that the model is known without.
    private static func isOfClassifier(_ name: String) -> Bool {
        name.hasPrefix("head") || name.hasPrefix("linear_head")
    }

    /// Classifiers are trained without a bias now and then.
    private static let zeroIfMissing: Set = ["head.bias", "head_dist.bias", "linear_head.bias"]

    /// Zero entries to put before a position table that has none for the special tokens, whose positions are
    /// then in the tokens already (timm's `no_embed_class`).
    private func addedPositions(for c: Configuration) -> Int {
        tensors.shape("pos_embed")?.dropFirst().first == c.nativeRows * c.nativeColumns
            ? c.positionedSpecialTokens : 0
    }

    private func values(_ name: String, for configuration: Configuration) throws -> [Float] {
        if Self.zeroIfMissing.contains(name), tensors.shape(name) == nil {
            let weight = name.dropLast("bias".count) + "weight"
            return [Float](repeating: 0, count: tensors.shape(String(weight))?.first ?? 0)
        }
        let values = try tensors.values(name)
        let added = name == "pos_embed" ? addedPositions(for: configuration) : 0
        return added == 0 ? values : [Float](repeating: 0, count: added * configuration.width) + values
    }

    /// Tensors that may come with the model: a classifier on class token and mean patch token, and the periods of
    /// rotary positions.
    private func optional(for c: Configuration) -> [(name: String, shape: [Int])] {
        var list: [(name: String, shape: [Int])] = []
        if let classes = tensors.shape("linear_head.weight")?.first {
            list += [("linear_head.weight", [classes, 2 * c.width]), ("linear_head.bias", [classes])]
        }
        if c.rotary != nil, tensors.shape(Self.periods) != nil {
            list.append((Self.periods, [c.headWidth / 4]))
        }
        return list
    }

    private static let periods = "rope_embed.periods"

    /// Nil where the file holds none, so that they are computed. DINOv3's own files have them rounded to bfloat16.
    private func rotaryPeriods(for c: Configuration) throws -> [Float]? {
        guard c.rotary != nil, tensors.shape(Self.periods) != nil else { return nil }
        let periods = try tensors.values(Self.periods)
        if let other = periods.first(where: { $0 <= 0 }) {
            throw problem(["\(tensors.described(Self.periods)) holds \(other), where periods are above 0"])
        }
        return periods
    }

    private func linearHead(for configuration: Configuration) throws -> LinearHead? {
        guard let shape = tensors.shape("linear_head.weight") else { return nil }
        return LinearHead(
            classes: shape[0], width: configuration.width, blocks: 1, includesMeanPatch: true,
            weight: try tensors.values("linear_head.weight"),
            bias: try values("linear_head.bias", for: configuration))
    }

    private func problem(_ problems: [String]) -> VitvideoError {
        .weightsDoNotFit(path: path, problems: problems)
    }
}
