import CKernels

/// Where a reverse pass starts: the target's value, and its gradient by the last block's output.
extension BackwardPass {
    /// - Throws: `GradientError`.
    func check(_ target: GradientTarget, tokens: Int) throws {
        let c = model.configuration
        switch target {
        case .logit(let index):
            guard c.classes > 0 else { throw GradientError.noClassifier(model: model.name) }
            guard (0..<c.classes).contains(index) else {
                throw GradientError.noSuchClass(index, classes: c.classes)
            }
        case .topLogit:
            guard c.classes > 0 else { throw GradientError.noClassifier(model: model.name) }
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
    ///   - normed: scratch, `tokens × D`.
    ///   - gradient: set to the gradient by the last block's output, `tokens × D`.
    func start(
        _ target: GradientTarget, _ record: ForwardRecord, normed: FloatBuffer, gradient: FloatBuffer,
        _ parameters: ParameterGradients?
    ) -> GradientResult {
        let c = model.configuration
        let norm = model.weights.norm
        let last = record.state(c.depth)
        vv_layer_norm(normed.start, last, norm.gamma, norm.beta, record.tokens, c.width, c.layerNormEpsilon)
        var result = GradientResult(score: 0, logits: logits(normed.start))

        // The gradient by the LayerNorm's output; the heads' own parameters need that output still.
        var byNormed = [Float](repeating: 0, count: record.tokens * c.width)
        switch target {
        case .logit, .topLogit:
            var index = result.logits.indices.max { result.logits[$0] < result.logits[$1] } ?? 0
            if case .logit(let wanted) = target { index = wanted }
            result.targetClass = index
            result.score = result.logits[index]
            for (token, name, head, share) in classifiers {
                let row = index * c.width
                for i in 0..<c.width { byNormed[token * c.width + i] = share * head.weight[row + i] }
                guard let parameters else { continue }
                parameters[name + ".bias"][index] = share
                let weight = parameters[name + ".weight"] + row
                for i in 0..<c.width { weight[i] = share * normed.start[token * c.width + i] }
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

    /// The linear layers whose sum the logits are: the token each reads, its name, and its share.
    private var classifiers: [(token: Int, name: String, head: Linear, share: Float)] {
        guard let head = model.weights.head else { return [] }
        guard let second = model.weights.distillationHead else { return [(0, "head", head, 1)] }
        return [(0, "head", head, 0.5), (1, "head_dist", second, 0.5)]
    }

    private func logits(_ normed: UnsafePointer<Float>) -> [Float] {
        var logits = [Float](repeating: 0, count: model.configuration.classes)
        for (token, _, head, share) in classifiers {
            let x = normed + token * head.inputs
            for index in logits.indices {
                var sum = head.bias[index]
                for i in 0..<head.inputs { sum += head.weight[index * head.inputs + i] * x[i] }
                logits[index] += share * sum
            }
        }
        return logits
    }
}
