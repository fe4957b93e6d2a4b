import Base

/// A classifier whose classes are texts, as CLIP and SigLIP compare them with a picture.
///
///     p = W·f,  logit_j = scale · (p/|p|)·t_j + bias
///
/// with the picture's feature f, the vision tower's projection W (the identity in SigLIP), and texts t_j of length 1.
package struct TextClassifier: Sendable {
    /// How a logit becomes a probability.
    package enum Probability: Sendable {
        /// Among all texts (CLIP).
        case softmax
        /// Of each text by itself (SigLIP).
        case sigmoid
    }

    package let probability: Probability
    /// Of each text.
    let tokens: [[Int]]
    let model: Model
    /// What the vision tower gives, after its final LayerNorm.
    let feature: TokenFeature
    /// Nil for the identity.
    private let projection: Linear?
    /// `texts × outputs`, rows of length 1.
    private let texts: [Float]
    private let outputs: Int
    private let scale: Float
    private let bias: Float
    private let product: MatrixProduct

    package var classes: Int { texts.count / outputs }

    /// - Parameter texts: the tokens of each.
    /// - Throws: `VitvideoError` where the model has no text tower, or its tensors do not fit.
    package init(_ texts: [[Int]], for model: Model) throws {
        guard let tower = model.textTower else { throw VitvideoError.noTextTower(model: model.name) }
        let features = try tower.features(of: texts)
        self.model = model
        tokens = texts
        (self.texts, outputs) = (features.values, features.outputs)
        projection = try tower.imageProjection(width: model.configuration.width, outputs: outputs)
        (scale, bias) = try tower.scaleAndBias()
        probability = tower.kind == .clip ? .softmax : .sigmoid
        feature = TokenFeature(of: model.configuration.pooling)
        product = try MatrixProduct()
    }

    // MARK: Of a forward pass

    func require(of request: inout ForwardRequest) {
        if feature == .token(0) {
            request.classTokenBlocks = max(request.classTokenBlocks, 1)
        } else {
            request.wantsTokens = true
        }
    }

    /// - Parameter result: of a request that `require` has been applied to.
    /// - Returns: one logit a text.
    func logits(of result: ForwardResult) -> [Float] {
        let width = model.configuration.width
        if feature == .token(0) { return logits(Array(result.classTokens.suffix(width))) }
        return result.tokens.withUnsafeBufferPointer { tokens in
            guard let start = tokens.baseAddress else { return [] }
            return logits(
                feature.value(
                    of: NormalizedTokens(
                        model: model, start: start, count: tokens.count / width, product: product)))
        }
    }

    // MARK: Of a feature

    /// - Parameter feature: `D`.
    func logits(_ feature: [Float]) -> [Float] {
        let p = projected(feature)
        let length = Self.length(p)
        return (0..<classes).map { scale * dot(p, text: $0) / length + bias }
    }

    /// The gradient of a text's logit with respect to the feature:
    ///
    ///     dp = scale/|p| · (t − (t·p/|p|²)·p),  df = Wᵀ·dp
    func gradient(of index: Int, _ feature: [Float]) -> [Float] {
        let p = projected(feature)
        let length = Self.length(p)
        let share = dot(p, text: index) / (length * length)
        let gradient = (0..<outputs).map { scale / length * (texts[index * outputs + $0] - share * p[$0]) }
        guard let projection else { return gradient }
        var result = [Float](repeating: 0, count: projection.inputs)
        product(
            &result, stride: projection.inputs, gradient, stride: outputs, projection.weight,
            stride: projection.inputs, bTransposed: false, m: 1, n: projection.inputs, k: outputs)
        return result
    }

    private func projected(_ feature: [Float]) -> [Float] {
        guard let projection else { return feature }
        var p = [Float](repeating: 0, count: outputs)
        product(
            &p, stride: outputs, feature, stride: projection.inputs, projection.weight,
            stride: projection.inputs,
            bTransposed: true, m: 1, n: outputs, k: projection.inputs)
        return p
    }

    private func dot(_ p: [Float], text: Int) -> Float {
        p.indices.reduce(0) { $0 + p[$1] * texts[text * outputs + $1] }
    }

    private static func length(_ p: [Float]) -> Float { p.reduce(0) { $0 + $1 * $1 }.squareRoot() }
}
