import Base

extension Model {
    /// What the model was taken for and why, in words: "family dino (assumed), mean 0.5 (config.json), …".
    package var reading: String {
        var parts = ModelFact.allCases.compactMap { fact -> String? in
            guard fact != .checkpointKey else { return nil }
            let belief = account.beliefs[fact].map { " (\($0))" } ?? ""
            return "\(fact.name) \(configuration.text(of: fact))\(belief)"
        }
        if !account.prefix.isEmpty { parts.append("tensors under \(quoted(account.prefix))") }
        return parts.joined(separator: ", ")
    }
}

extension Configuration {
    /// A part as it is written in an option: "0.485,0.456,0.406".
    package func text(of fact: ModelFact) -> String {
        func list(_ values: [Float]) -> String {
            Set(values).count == 1
                ? "\(values[0])" : values.map { "\($0)" }.joined(separator: ",")
        }
        return switch fact {
        case .family: family.rawValue
        case .mean: list(normalization.mean)
        case .deviation: list(normalization.deviation)
        case .grid: PatchGrid(rows: nativeRows, columns: nativeColumns).description
        case .activation: activation.rawValue
        case .heads: "\(heads)"
        case .positionRule: isInterpolated ? positionInterpolation.rawValue : "none"
        case .epsilon: "\(layerNormEpsilon)"
        case .checkpointKey: ""
        }
    }
}

extension ModelFact {
    /// Its key in the metadata of an export.
    package var key: String {
        switch self {
        case .family: "family"
        case .mean: "mean"
        case .deviation: "std"
        case .grid: "grid"
        case .activation: "activation"
        case .heads: "num_heads"
        case .positionRule: "position_rule"
        case .epsilon: "layer_norm_epsilon"
        case .checkpointKey: "tensor_prefix"
        }
    }

    /// What a notice calls it.
    package var name: String {
        switch self {
        case .family: "family"
        case .mean: "mean"
        case .deviation: "std"
        case .grid: "grid"
        case .activation: "activation"
        case .heads: "heads"
        case .positionRule: "position rule"
        case .epsilon: "epsilon"
        case .checkpointKey: "dictionary"
        }
    }
}
