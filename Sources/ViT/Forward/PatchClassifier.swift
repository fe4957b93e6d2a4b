/// A classifier applied to every patch token by itself, after the final LayerNorm: what of an answer is in each
/// patch (Ghiasi et al. 2022, Table 1 and Figure 5). With a distillation token both heads count half, as on the
/// class token.
package struct PatchClassifier: Sendable {
    /// Number of classes.
    package let classes: Int
    private let parts: [(layer: Linear, share: Float)]
    private let specialTokens: Int
    private let width: Int
    private let product: MatrixProduct

    /// Nil for a classifier that reads more than one token: several layers' class tokens, a mean beside the class
    /// token, or an attention probe; and for texts.
    ///
    /// - Throws: `VitvideoError.mathLibraryMissing`.
    package init?(_ classifier: Classifier, of model: Model) throws {
        let c = model.configuration
        if let linear = classifier.linear {
            guard linear.blocks == 1, !linear.includesMeanPatch else { return nil }
            let layer = Linear(
                outputs: linear.classes, inputs: linear.width, weight: linear.weight, bias: linear.bias)
            parts = [(layer, 1)]
        } else {
            guard classifier.texts == nil, c.pooling != .attentionProbe, let own = OwnClassifier(of: model)
            else {
                return nil
            }
            parts = own.heads.map { ($0.layer, $0.share) }
        }
        classes = classifier.classes
        specialTokens = c.specialTokens
        width = c.width
        product = try MatrixProduct()
    }

    /// Adds what the classifier needs to a request.
    package func require(of request: inout ForwardRequest) { request.wantsTokens = true }

    /// - Parameter result: of a request that `require` has been applied to.
    /// - Returns: `patches × classes`.
    package func logits(_ result: ForwardResult) -> [Float] {
        let patches = result.tokens.count / width - specialTokens
        var logits = [Float](repeating: 0, count: patches * classes)
        for (layer, share) in parts {
            for i in logits.indices { logits[i] += share * layer.bias[i % classes] }
            result.tokens.withUnsafeBufferPointer { tokens in
                guard let tokens = tokens.baseAddress else { return }
                product(
                    &logits, stride: classes, tokens + specialTokens * width, stride: width, layer.weight,
                    stride: width, bTransposed: true, m: patches, n: classes, k: width, alpha: share, beta: 1)
            }
        }
        return logits
    }
}
