import CKernels

/// Where a reverse pass starts: the target's value, and its gradient by what it is computed from.
struct GradientStart {
    private let model: Model
    private let target: GradientTarget
    private let classifier: Classifier?
    private var c: Configuration { model.configuration }
    private var norm: Norm { model.weights.norm }

    init(model: Model, request: GradientRequest) {
        self.model = model
        target = request.target
        classifier = request.classifier ?? Classifier(ownOf: model)
    }

    /// - Throws: `GradientError`.
    func check(tokens: Int) throws {
        switch target {
        case .logit(let index):
            guard let classifier else { throw GradientError.noClassifier(model: model.name) }
            guard (0..<classifier.classes).contains(index) else {
                throw GradientError.noSuchClass(index, classes: classifier.classes)
            }
        case .topLogit:
            if classifier == nil { throw GradientError.noClassifier(model: model.name) }
        case .classToken(let vector):
            guard vector.count == c.width else {
                throw GradientError.wrongLength(vector.count, expected: c.width)
            }
        case .tokens(let weights):
            guard weights.count == tokens * c.width else {
                throw GradientError.wrongLength(weights.count, expected: tokens * c.width)
            }
        }
    }

    /// - Parameters:
    ///   - normed: set to the final LayerNorm's output, `tokens × D`.
    ///   - gradient: set to the gradient by the last block's output, `tokens × D`, less what `addClassToken`
    ///     adds.
    func run(
        _ record: ForwardRecord, normed: FloatBuffer, gradient: FloatBuffer, _ parameters: ParameterGradients?
    ) -> GradientResult {
        let last = record.state(c.depth)
        vv_layer_norm(normed.start, last, norm.gamma, norm.beta, record.tokens, c.width, c.layerNormEpsilon)
        var result = GradientResult(score: 0, logits: logits(record, normed.start))

        // The gradient by the LayerNorm's output; the heads' own parameters need that output still.
        var byNormed = [Float](repeating: 0, count: record.tokens * c.width)
        switch target {
        case .logit, .topLogit:
            var index = result.logits.indices.max { result.logits[$0] < result.logits[$1] } ?? 0
            if case .logit(let wanted) = target { index = wanted }
            result.targetClass = index
            result.score = result.logits[index]
            if let linear = classifier?.linear {
                addMeanPatch(linear, index, to: &byNormed, tokens: record.tokens)
            } else {
                addOwn(index, to: &byNormed, normed: normed.start, parameters)
            }
        case .classToken(let weights), .tokens(let weights):
            byNormed.replaceSubrange(0..<weights.count, with: weights)
            result.score = weights.indices.reduce(0) { $0 + weights[$1] * normed.start[$1] }
        }
        gradient.clear()
        norm.backward(
            "norm", stateGradient: gradient.start, gradient: byNormed, x: last, rows: record.tokens,
            epsilon: c.layerNormEpsilon, parameters: parameters)
        return result
    }

    // MARK: The model's own heads

    /// The linear layers whose sum the logits are: the token each reads, its name, and its share.
    private var ownHeads: [(token: Int, name: String, head: Linear, share: Float)] {
        guard let head = model.weights.head else { return [] }
        guard let second = model.weights.distillationHead else { return [(0, "head", head, 1)] }
        return [(0, "head", head, 0.5), (1, "head_dist", second, 0.5)]
    }

    private func addOwn(
        _ index: Int, to byNormed: inout [Float], normed: UnsafePointer<Float>,
        _ parameters: ParameterGradients?
    ) {
        for (token, name, head, share) in ownHeads {
            let row = index * c.width
            for i in 0..<c.width { byNormed[token * c.width + i] = share * head.weight[row + i] }
            guard let parameters else { continue }
            parameters[name + ".bias"][index] = share
            let weight = parameters[name + ".weight"] + row
            for i in 0..<c.width { weight[i] = share * normed[token * c.width + i] }
        }
    }

    private func logits(_ record: ForwardRecord, _ normed: UnsafePointer<Float>) -> [Float] {
        guard let classifier else { return [] }
        if let linear = classifier.linear { return linear.logits(features(linear, record, normed)) }
        var logits = [Float](repeating: 0, count: classifier.classes)
        for (token, _, head, share) in ownHeads {
            let x = normed + token * head.inputs
            for index in logits.indices {
                var sum = head.bias[index]
                for i in 0..<head.inputs { sum += head.weight[index * head.inputs + i] * x[i] }
                logits[index] += share * sum
            }
        }
        return logits
    }

    // MARK: A linear head on the tokens

    private func features(
        _ linear: LinearHead, _ record: ForwardRecord, _ normed: UnsafePointer<Float>
    ) -> [Float] {
        var features = [Float](repeating: 0, count: linear.features)
        features.withUnsafeMutableBufferPointer { features in
            guard let start = features.baseAddress else { return }
            for i in 0..<linear.blocks {
                vv_layer_norm(
                    start + i * c.width, record.state(c.depth - linear.blocks + i + 1), norm.gamma, norm.beta,
                    1, c.width, c.layerNormEpsilon)
            }
            guard linear.includesMeanPatch else { return }
            let patches = record.tokens - c.specialTokens
            let mean = start + linear.blocks * c.width
            vv_add_column_sums(mean, normed + c.specialTokens * c.width, patches, c.width)
            for i in 0..<c.width { mean[i] /= Float(patches) }
        }
        return features
    }

    private func addMeanPatch(_ linear: LinearHead, _ index: Int, to byNormed: inout [Float], tokens: Int) {
        guard linear.includesMeanPatch else { return }
        let weights = linear.weight[(index * linear.features + linear.blocks * c.width)...].prefix(c.width)
        let share = 1 / Float(tokens - c.specialTokens)
        for token in c.specialTokens..<tokens {
            for (i, weight) in weights.enumerated() { byNormed[token * c.width + i] = share * weight }
        }
    }

    /// Adds to the gradient by a block's output what reaches the class token from a linear head that reads it
    /// there.
    ///
    /// - Parameter gradient: `tokens × D`.
    func addClassToken(
        of block: Int, _ record: ForwardRecord, _ result: GradientResult, gradient: FloatBuffer,
        _ parameters: ParameterGradients?
    ) {
        guard let index = result.targetClass, let linear = classifier?.linear,
            block >= c.depth - linear.blocks
        else { return }
        let part = index * linear.features + (block - (c.depth - linear.blocks)) * c.width
        norm.backward(
            "norm", stateGradient: gradient.start, gradient: Array(linear.weight[part..<part + c.width]),
            x: record.state(block + 1), rows: 1, epsilon: c.layerNormEpsilon, parameters: parameters)
    }
}
