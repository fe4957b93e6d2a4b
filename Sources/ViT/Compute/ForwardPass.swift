import CKernels

/// What a forward pass should give back.
public struct ForwardRequest: Sendable {
    /// Blocks whose attention from `queryToken` is wanted.
    public var attentionBlocks: Set<Int>
    /// The token that attends: 0 is the class token, `specialTokens + row · columns + column` a patch.
    public var queryToken: Int
    /// Whether to run to the end and return the tokens after the final LayerNorm.
    public var wantsTokens: Bool
    /// Whether to run to the end and return the classifier's logits.
    public var wantsLogits: Bool

    public init(
        attentionBlocks: Set<Int>, queryToken: Int = 0, wantsTokens: Bool = false, wantsLogits: Bool = false
    ) {
        self.attentionBlocks = attentionBlocks
        self.queryToken = queryToken
        self.wantsTokens = wantsTokens
        self.wantsLogits = wantsLogits
    }
}

/// The attention of one token to all patches, per head.
public struct TokenAttention: Sendable, Equatable {
    public let heads: Int
    public let rows: Int
    public let columns: Int
    /// `heads × rows × columns`. A head sums to 1 less what goes to the special tokens.
    public let values: [Float]
}

public struct ForwardResult: Sendable {
    /// Attention by block.
    public var attention: [Int: TokenAttention] = [:]
    /// `tokens × D` after the final LayerNorm, where asked for.
    public var tokens: [Float] = []
    /// One logit per class, where asked for; empty for a model without a head. With a distillation
    /// token, the mean of the two heads, as DeiT does at inference.
    public var logits: [Float] = []
}

/// A value of the forward pass that an observer is shown; each lasts only for the call.
public enum ForwardStage: Sendable, Hashable {
    /// `tokens × D` after patch embedding, special tokens and positions.
    case embedding
    /// `tokens × 3D`: queries, keys and values of all heads, before the softmax's scaling.
    case queriesKeysValues(block: Int)
    /// Shown once per head, in order: `tokens × tokens`, row by row what a token attends to.
    case attention(block: Int)
    /// `tokens × D` after a block.
    case block(Int)
    /// `tokens × D` after the final LayerNorm.
    case norm
}

/// Runs a model over one picture at a time on the calling thread. Each worker owns one; scratch memory
/// is kept between frames of one size.
public final class ForwardPass {
    /// - Parameter head: the head that `.attention` shows, nil for other stages.
    public typealias Observer = (
        _ stage: ForwardStage, _ head: Int?, _ values: UnsafeBufferPointer<Float>
    ) throws -> Void

    public let model: Model
    private let blas: OpenBLAS
    private var scratch: Scratch

    /// - Throws: `ModelError.mathLibraryMissing`.
    public init(model: Model) throws {
        self.model = model
        blas = try OpenBLAS.shared()
        scratch = Scratch(configuration: model.configuration, tokens: 0)
    }

    /// - Parameters:
    ///   - input: normalised patches of one picture.
    ///   - observing: stages that `observer` is called for, in the order of the data flow.
    /// - Throws: `ModelError.noSuchBlock`, and what the observer throws.
    public func run(
        _ input: PatchMatrix, _ request: ForwardRequest, observing: Set<ForwardStage> = [],
        observer: Observer? = nil
    ) throws -> ForwardResult {
        let c = model.configuration
        for block in request.attentionBlocks where !(0..<c.depth).contains(block) {
            throw ModelError.noSuchBlock(block, depth: c.depth)
        }
        let tokens = c.specialTokens + input.rows * input.columns
        if scratch.tokens != tokens { scratch = Scratch(configuration: c, tokens: tokens) }
        func show(_ stage: ForwardStage, _ values: UnsafeBufferPointer<Float>) throws {
            if observing.contains(stage) { try observer?(stage, nil, values) }
        }
        let state = scratch.state
        let blocks = BlockPass(configuration: c, blas: blas, scratch: scratch)

        embed(input)
        try show(.embedding, scratch.stateBuffer)

        var result = ForwardResult()
        let runsToEnd =
            request.wantsTokens || request.wantsLogits
            || observing.contains { $0 == .norm || $0 == .block(c.depth - 1) }
        let lastBlock = runsToEnd ? c.depth - 1 : lastNeededBlock(request, observing)
        for index in 0..<(lastBlock + 1) {
            let weights = model.weights.blocks[index]
            blocks.normalize(weights.norm1)
            let wantsRow = request.attentionBlocks.contains(index)
            let wantsAll = observing.contains(.attention(block: index))
            let isComplete = index == lastBlock && !runsToEnd && !observing.contains(.block(index))
            if wantsRow {
                result.attention[index] = TokenAttention(
                    heads: c.heads, rows: input.rows, columns: input.columns,
                    values: blocks.attention(from: request.queryToken, weights))
            }
            let wantsQueriesKeysValues = observing.contains(.queriesKeysValues(block: index))
            if isComplete && !wantsAll && !wantsQueriesKeysValues { break }
            blocks.projectQueriesKeysValues(weights)
            try show(.queriesKeysValues(block: index), scratch.queryKeyValueBuffer)
            if wantsAll, let observer {
                for head in 0..<c.heads {
                    try blocks.withAttentionMatrix(head: head) { matrix in
                        try observer(.attention(block: index), head, matrix)
                    }
                }
            }
            if isComplete { break }
            blocks.attend()
            blocks.project(weights)
            blocks.feedForward(weights)
            try show(.block(index), scratch.stateBuffer)
        }
        guard runsToEnd else { return result }

        let norm = model.weights.norm
        vv_layer_norm(state, state, norm.gamma, norm.beta, tokens, c.width, BlockPass.epsilon)
        try show(.norm, scratch.stateBuffer)
        if request.wantsTokens { result.tokens = [Float](scratch.stateBuffer) }
        if request.wantsLogits { result.logits = logits() }
        return result
    }

    /// The last block that anything depends on when the pass need not reach the end; −1 for none.
    private func lastNeededBlock(_ request: ForwardRequest, _ observing: Set<ForwardStage>) -> Int {
        let observed = observing.compactMap { stage -> Int? in
            switch stage {
            case .attention(let block), .queriesKeysValues(let block), .block(let block): block
            case .embedding, .norm: nil
            }
        }
        return (observed + request.attentionBlocks).max() ?? -1
    }

    /// state = [special tokens; patches · Wᵀ + b + positions].
    private func embed(_ input: PatchMatrix) {
        let c = model.configuration
        let weights = model.weights
        let count = input.rows * input.columns
        scratch.state.update(from: weights.specialTokens, count: weights.specialTokens.count)
        let patches = scratch.state + c.specialTokens * c.width
        blas.product(
            patches, stride: c.width, input.values, stride: c.patchValues, weights.patchEmbedding.weight,
            stride: c.patchValues, bTransposed: true, m: count, n: c.width, k: c.patchValues)
        let positions = model.patchPositions(rows: input.rows, columns: input.columns)
        vv_add_bias(patches, weights.patchEmbedding.bias, count, c.width)
        vv_add_bias(patches, positions, 1, count * c.width)
    }

    private func logits() -> [Float] {
        guard let head = model.weights.head else { return [] }
        var logits = apply(head, toToken: 0)
        if let second = model.weights.distillationHead {
            for (i, value) in apply(second, toToken: 1).enumerated() { logits[i] = (logits[i] + value) / 2 }
        }
        return logits
    }

    private func apply(_ layer: Linear, toToken token: Int) -> [Float] {
        var values = layer.bias
        blas.product(
            &values, stride: layer.outputs, scratch.state + token * layer.inputs, stride: layer.inputs,
            layer.weight, stride: layer.inputs, bTransposed: true, m: 1, n: layer.outputs, k: layer.inputs,
            beta: 1)
        return values
    }
}
