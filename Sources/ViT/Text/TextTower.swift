import Base
import Checkpoints

/// The text tower that lies beside a vision tower in a checkpoint: CLIP's or SigLIP's. Its weights stay in the file
/// until texts are given, and are then read a block at a time.
///
/// A text's tokens are embedded, with learned positions added; blocks as those of a vision tower follow, CLIP's with
/// every token attending to itself and those before it, SigLIP's to all, padding included; the last token after a
/// LayerNorm is projected.
package struct TextTower: Sendable {
    package enum Kind: String, Sendable {
        case clip = "CLIP"
        case siglip = "SigLIP"
    }

    package let kind: Kind
    /// As many tokens as a text may have.
    package let length: Int
    /// Tokens that have an embedding.
    package let vocabularyCount: Int
    /// The directory that the weights lie in, where a tokenizer may lie beside them.
    package let directory: String
    private let tensors: TextTensors
    private let facts: TextFacts

    /// Nil where the checkpoint holds none that is read.
    ///
    /// - Parameters:
    ///   - prefix: of the vision tower.
    ///   - vision: the vision tower's configuration.
    init?(_ checkpoint: Checkpoint, besideVision prefix: String, vision: Configuration) {
        guard let tensors = TextTensors(checkpoint, besideVision: prefix),
            let embedding = tensors.shape("token_embedding"), embedding.count == 2,
            let positions = tensors.shape("pos_embed"), positions.count == 2,
            tensors.shape("projection.weight") != nil, tensors.depth > 0
        else { return nil }
        self.tensors = tensors
        kind = tensors.shape("projection.bias") == nil ? .clip : .siglip
        (vocabularyCount, length) = (embedding[0], positions[0])
        directory = ConfigurationFiles.directory(of: checkpoint.path)
        facts = TextFacts(in: directory, of: kind, width: embedding[1], vision: vision)
    }

    // MARK: Sizes

    private var width: Int { tensors.shape("token_embedding")?[1] ?? 0 }

    /// The blocks' parts, as those of a vision tower.
    private func configuration() throws -> Configuration {
        guard let heads = facts.heads, heads > 0, width % heads == 0 else {
            throw tensors.problem(
                ["the text tower is \(width) wide, and nothing tells how many heads it has"])
        }
        var c = Configuration(
            family: .clip, patchSize: 1, width: width, depth: tensors.depth, heads: heads,
            feedForwardWidth: tensors.shape("blocks.0.mlp.fc1.weight")?.first,
            activation: facts.activation, nativeRows: 1, nativeColumns: length)
        c.layerNormEpsilon = facts.epsilon
        return c
    }

    /// What has to be there, with its shape.
    private func check(_ c: Configuration) throws {
        let d = c.width
        let outputs = tensors.shape("projection.weight")?.first ?? 0
        var expected: [CanonicalNames.Tensor] = [
            ("pos_embed", [length, d]), ("norm.weight", [d]), ("norm.bias", [d]),
            ("projection.weight", [outputs, d]),
        ]
        if kind == .siglip { expected.append(("projection.bias", [outputs])) }
        for block in 0..<c.depth {
            expected += CanonicalNames.required(byBlock: block, of: c)
        }
        var problems = expected.compactMap { name, shape -> String? in
            guard let found = tensors.shape(name) else { return "missing \(name) of the text tower" }
            return found == shape ? nil : "\(name) of the text tower is \(found), not \(shape)"
        }
        problems += tensors.unexpected.map { "unexpected \($0)" }
        guard problems.isEmpty else { throw tensors.problem(problems) }
    }

    // MARK: Texts

    /// Texts in the space that they share with pictures, of length 1, `texts × outputs`.
    package struct Features: Sendable {
        package let values: [Float]
        package let outputs: Int
    }

    /// - Parameter texts: the tokens of each, as many as `length` at most; of SigLIP as many.
    /// - Throws: `VitvideoError` where tensors are missing or misshapen, a token has no embedding, or what comes out
    ///   is no number.
    package func features(of texts: [[Int]]) throws -> Features {
        let c = try configuration()
        try check(c)
        if let other = texts.joined().first(where: { !(0..<vocabularyCount).contains($0) }) {
            throw tensors.problem(
                [
                    "the text tower has \(vocabularyCount) tokens and the tokenizer a token \(other): it is another model's"
                ])
        }
        precondition(
            texts.allSatisfy { (1...length).contains($0.count) }, "texts have the tower's length at most")
        let pass = TextPass(
            configuration: c, lengths: texts.map(\.count), isCausal: facts.isCausal,
            product: try MatrixProduct())
        pass.embed(
            texts, embedding: try tensors.values("token_embedding"),
            positions: try tensors.values("pos_embed"))
        for block in 0..<c.depth { pass.run(try BlockWeights(block, of: c) { try tensors.values($0) }) }
        let norm = Norm(gamma: try tensors.values("norm.weight"), beta: try tensors.values("norm.bias"))
        let weight = try tensors.values("projection.weight")
        let outputs = weight.count / c.width
        let bias = kind == .siglip ? try tensors.values("projection.bias") : nil
        let values = pass.project(
            norm,
            Linear(
                outputs: outputs, inputs: c.width, weight: weight,
                bias: bias ?? [Float](repeating: 0, count: outputs)))
        try FiniteValues.check(values, in: "the texts")
        return Features(values: UnitVectors.normalized(values, width: outputs), outputs: outputs)
    }

    // MARK: Beside the tower

    /// What leads from the vision tower's feature to the space that it shares with texts; nil where that is the
    /// feature itself.
    ///
    /// - Parameter width: of the feature.
    /// - Throws: `VitvideoError` where it is of another width.
    func imageProjection(width: Int, outputs: Int) throws -> Linear? {
        guard let (weight, shape) = try tensors.imageProjection() else {
            guard width == outputs else {
                throw tensors.problem(
                    [
                        "its pictures are \(width) wide and its texts \(outputs), and no projection that is read joins them"
                    ])
            }
            return nil
        }
        guard shape == [outputs, width] else {
            throw tensors.problem(["the pictures' projection is \(shape), not \([outputs, width])"])
        }
        return Linear(
            outputs: outputs, inputs: width, weight: weight, bias: [Float](repeating: 0, count: outputs))
    }

    /// What cosines are multiplied by, and what is added: e^logit_scale and logit_bias.
    func scaleAndBias() throws -> (scale: Float, bias: Float) { try tensors.scaleAndBias() }
}

/// Rows of length 1.
enum UnitVectors {
    static func normalized(_ rows: [Float], width: Int) -> [Float] {
        stride(from: 0, to: rows.count, by: width).flatMap { start -> [Float] in
            let row = rows[start..<start + width]
            let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return row.map { $0 / length }
        }
    }
}
