import Base
import Checkpoints

/// A linear classifier on features of a frozen backbone: DINO's and DINOv2's published classifiers, and that of
/// Hugging Face's `Dinov2ForImageClassification`.
///
/// The features are those of `reading`. (DINO's `eval_linear.py`: four class tokens and no mean for ViT-S, one class token
/// and the mean for ViT-B.)
package struct LinearHead: Sendable, Equatable {
    package let classes: Int
    /// The backbone's embedding dimension D.
    package let width: Int
    /// How many of the last blocks give their class token.
    package let blocks: Int
    package let includesMeanPatch: Bool
    /// `classes × features`, row-major.
    package let weight: [Float]
    /// `classes`.
    package let bias: [Float]

    /// What it reads.
    package var reading: LinearFeatures {
        LinearFeatures(blocks: blocks, includesMeanPatch: includesMeanPatch)
    }

    /// Number of features.
    package var features: Int { reading.count(width: width) }

    /// - Parameter features: in the order that the type describes; `self.features` of them.
    /// - Returns: one logit a class.
    package func logits(_ features: [Float]) -> [Float] {
        precondition(features.count == self.features, "features must be those the head was trained on")
        var logits = bias
        weight.withUnsafeBufferPointer { weight in
            features.withUnsafeBufferPointer { features in
                for row in logits.indices {
                    var sum: Float = 0
                    for i in features.indices { sum += weight[row * features.count + i] * features[i] }
                    logits[row] += sum
                }
            }
        }
        return logits
    }

    /// Loads a linear classifier: DINO's `*_linearweights.pth` (`linear.weight`), DINOv2's `*_linear_head.pth`
    /// (`weight`), or the one linear layer in a file, under whatever names and keys.
    ///
    /// - Parameter configuration: the backbone's, whose width tells how many tokens the features are.
    /// - Throws: `VitvideoError.weightsDoNotFit`, `VitvideoError`.
    package static func load(_ path: String, for configuration: Configuration) throws -> LinearHead {
        let checkpoint = try Checkpoint.open(path)
        func problem(_ text: String) -> VitvideoError { .weightsDoNotFit(path: path, problems: [text]) }
        let layers = layers(in: checkpoint)
        guard layers.count == 1, let layer = layers.first,
            let shape = checkpoint[layer + "weight"]?.shape
        else {
            throw problem(
                layers.isEmpty
                    ? "no linear classifier: expected weight and bias, found "
                        + checkpoint.names.prefix(4).map { oneLine($0) }.joined(separator: ", ")
                    : "\(layers.count) linear layers: "
                        + layers.prefix(4).map { quoted(String($0.dropLast())) }.joined(separator: ", ")
                        + "; a classifier's file holds one")
        }
        let (weightName, biasName) = (layer + "weight", layer + "bias")
        let isDINO = layer == "linear." || layer.hasSuffix(".linear.")
        let biasShape = checkpoint[biasName]?.shape
        guard biasShape == nil || biasShape == [shape[0]] else {
            throw problem("\(biasName) is \(checkpoint[biasName]?.shape ?? []), not [\(shape[0])]")
        }
        let tokens = shape[1] / max(configuration.width, 1)
        guard shape[1] == tokens * configuration.width, [1, 2, 4, 5].contains(tokens),
            tokens <= configuration.depth + 1
        else {
            throw problem(
                "a classifier on \(shape[1]) features does not belong to a backbone of width "
                    + "\(configuration.width)")
        }
        guard configuration.prefix.hasClassToken || tokens == 1 else {
            throw problem(
                "a classifier on \(tokens) tokens reads a class token, which the model does not have")
        }
        // One or four class tokens stand alone; the second of two and the fifth of five is the mean. Without a class
        // token there is nothing but the mean.
        let hasMean = tokens == 2 || tokens == 5 || !configuration.prefix.hasClassToken
        var weight = try checkpoint.finiteFloats(weightName)
        if isDINO, tokens == 2 { weight = deinterleaved(weight, rows: shape[0], width: configuration.width) }
        let bias =
            biasShape == nil
            ? [Float](repeating: 0, count: shape[0]) : try checkpoint.finiteFloats(biasName)
        return LinearHead(
            classes: shape[0], width: configuration.width, blocks: hasMean ? tokens - 1 : tokens,
            includesMeanPatch: hasMean, weight: weight, bias: bias)
    }

    /// What stands before "weight" of the linear layers in a file, where one is no part of a backbone; of several
    /// the ones of usual names. What an optimizer keeps of them does not count.
    private static func layers(in checkpoint: Checkpoint) -> [String] {
        if !BackboneSearch(checkpoint).candidates.isEmpty { return [] }
        return checkpoint.names.filter { name in
            let isWeight = name == "weight" || name.hasSuffix(".weight")
            return isWeight && checkpoint[name]?.shape.count == 2
                && BackboneSearch.Preference(ofPrefix: name) != .bookkeeping
        }.map { String($0.dropLast("weight".count)) }
    }

    /// DINO stacks class token and mean along a new last axis before flattening, so that its features alternate
    /// between them, channel by channel.
    private static func deinterleaved(_ weight: [Float], rows: Int, width: Int) -> [Float] {
        AxisOrder([0], [2, 1]).rearranged(weight, shape: [rows, width, 2])
    }
}

extension Model {
    /// The classifier on class token and mean patch token that came with the weights; nil without one.
    package var linearHead: LinearHead? { weights.linearHead }
}
