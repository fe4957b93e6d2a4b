import Base
import CKernels

/// Where a backward pass starts: the target's value, and its gradient with respect to what it is computed
/// from.
struct GradientStart {
    private let model: Model
    private let target: GradientTarget
    private let classifier: Classifier?
    private var c: Configuration { model.configuration }

    init(model: Model, request: GradientRequest) {
        self.model = model
        target = request.target
        classifier = request.classifier ?? Classifier(ownOf: model)
    }

    /// - Throws: `VitvideoError`.
    func check(tokens: Int) throws {
        switch target {
        case .logit(let index):
            guard let classifier else { throw VitvideoError.noClassifier(model: model.name) }
            guard (0..<classifier.classes).contains(index) else {
                throw VitvideoError.noSuchClass(index, classes: classifier.classes)
            }
        case .topLogit:
            if classifier == nil { throw VitvideoError.noClassifier(model: model.name) }
        case .classToken(let vector):
            guard vector.count == c.width else {
                throw VitvideoError.wrongGradientLength(vector.count, expected: c.width)
            }
        case .tokens(let weights):
            guard weights.count == tokens * c.width else {
                throw VitvideoError.wrongGradientLength(weights.count, expected: tokens * c.width)
            }
        }
    }

    /// The final LayerNorm, the score, and the gradient with respect to the last block's output.
    ///
    /// - Parameters:
    ///   - normalized: set to the final LayerNorm's output, `tokens × D`.
    ///   - gradient: set to the gradient with respect to the last block's output, `tokens × D`, without what
    ///     `addClassToken` adds.
    func run(
        _ record: ForwardRecord, normalized: FloatBuffer, gradient: FloatBuffer,
        _ parameters: ParameterGradients?
    ) throws -> GradientResult {
        let last = record.residual(c.depth)
        model.normalize(last, into: normalized.start, rows: record.tokens)
        let tokens = NormalizedTokens(
            model: model, start: normalized.start, count: record.tokens, product: try MatrixProduct())
        var result = GradientResult(score: 0, logits: logits(record, tokens))

        // With respect to the LayerNorm's output. The heads' own parameters need that output as well.
        var normalizedGradient = [Float](repeating: 0, count: record.tokens * c.width)
        switch target {
        case .logit, .topLogit:
            var index = result.logits.indices.max { result.logits[$0] < result.logits[$1] } ?? 0
            if case .logit(let wanted) = target { index = wanted }
            result.targetClass = index
            result.score = result.logits[index]
            if let linear = classifier?.linear {
                addMeanPatch(linear, index, tokens, to: &normalizedGradient)
            } else if let texts = classifier?.texts {
                let gradient = texts.gradient(of: index, texts.feature.value(of: tokens))
                result.probe = texts.feature.backward(
                    gradient, share: 1, tokens, to: &normalizedGradient)
            } else {
                result.probe = addOwn(index, tokens, to: &normalizedGradient, parameters)
            }
        case .classToken(let weights), .tokens(let weights):
            normalizedGradient.replaceSubrange(0..<weights.count, with: weights)
            result.score = weights.indices.reduce(0) { $0 + weights[$1] * normalized.start[$1] }
        }
        gradient.clear()
        model.normalizeBackward(
            gradient.start, normalizedGradient, x: last, rows: record.tokens, parameters)
        return result
    }

    private func logits(_ record: ForwardRecord, _ tokens: NormalizedTokens) -> [Float] {
        guard let classifier else { return [] }
        if let linear = classifier.linear { return linear.logits(features(linear, record, tokens)) }
        if let texts = classifier.texts { return texts.logits(texts.feature.value(of: tokens)) }
        // Sums from the first input to the last, whatever the library's order is.
        return OwnClassifier(of: model)?.logits(tokens) { layer, x in
            layer.bias.indices.map { row in
                var sum = layer.bias[row]
                for i in 0..<layer.inputs { sum += layer.weight[row * layer.inputs + i] * x[i] }
                return sum
            }
        } ?? []
    }

    // MARK: The model's own heads

    /// Of logit = Σ share · (w · N(feature) + b): dN = share · w, dw = share · N(feature), db = share.
    private func addOwn(
        _ index: Int, _ tokens: NormalizedTokens, to normalizedGradient: inout [Float],
        _ parameters: ParameterGradients?
    ) -> [Float] {
        guard let classifier = OwnClassifier(of: model) else { return [] }
        var probe: [Float] = []
        for head in classifier.heads {
            probe = classifier.backward(index, of: head, tokens, to: &normalizedGradient, parameters)
            guard let parameters else { continue }
            parameters[head.name + ".bias"][index] = head.share
            let weight = parameters[head.name + ".weight"] + index * c.width
            for (i, value) in classifier.feature(of: head, tokens).enumerated() {
                weight[i] = head.share * value
            }
        }
        return probe
    }

    // MARK: A linear head on the tokens

    private func features(
        _ linear: LinearHead, _ record: ForwardRecord, _ tokens: NormalizedTokens
    ) -> [Float] {
        var features = [Float](repeating: 0, count: linear.blocks * c.width)
        features.withUnsafeMutableBufferPointer { features in
            guard let start = features.baseAddress else { return }
            for i in 0..<linear.blocks {
                model.normalize(
                    record.residual(c.depth - linear.blocks + i + 1), into: start + i * c.width, rows: 1)
            }
        }
        return linear.includesMeanPatch ? features + TokenFeature.meanPatch.value(of: tokens) : features
    }

    private func addMeanPatch(
        _ linear: LinearHead, _ index: Int, _ tokens: NormalizedTokens, to normalizedGradient: inout [Float]
    ) {
        guard linear.includesMeanPatch else { return }
        let start = index * linear.features + linear.blocks * c.width
        TokenFeature.meanPatch.backward(
            linear.weight[start..<start + c.width], share: 1, tokens, to: &normalizedGradient)
    }

    /// Adds to the gradient with respect to a block's output what reaches the class token from a linear head
    /// that reads it there.
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
        model.normalizeBackward(
            gradient.start, Array(linear.weight[part..<part + c.width]), x: record.residual(block + 1),
            rows: 1,
            parameters)
    }
}
