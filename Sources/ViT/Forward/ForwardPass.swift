import CKernels

/// What a forward pass should give back.
package struct ForwardRequest: Sendable {
    /// Blocks whose attention from `queryToken` is wanted.
    package var attentionBlocks: Set<Int>
    /// The token that attends: 0 is the class token, `specialTokens + row · columns + column` a patch.
    package var queryToken: Int
    /// Whether to run to the end and return the tokens after the final LayerNorm.
    package var wantsTokens: Bool
    /// Whether to run to the end and return the classifier's logits.
    package var wantsLogits: Bool
    /// How many of the last blocks give their class token, each after the final LayerNorm; 0 for none.
    package var classTokenBlocks = 0

    package init(
        attentionBlocks: Set<Int>, queryToken: Int = 0, wantsTokens: Bool = false, wantsLogits: Bool = false
    ) {
        self.attentionBlocks = attentionBlocks
        self.queryToken = queryToken
        self.wantsTokens = wantsTokens
        self.wantsLogits = wantsLogits
    }
}

/// The attention of one token to all patches, per head.
package struct TokenAttention: Sendable, Equatable {
    package let heads: Int
    package let rows: Int
    package let columns: Int
    /// `heads × rows × columns`. A head sums to 1 less what goes to the special tokens.
    package let values: [Float]
}

package struct ForwardResult: Sendable {
    /// Attention by block.
    package var attention: [Int: TokenAttention] = [:]
    /// `tokens × D` after the final LayerNorm, where asked for.
    package var tokens: [Float] = []
    /// The class tokens of the last blocks, earliest first, `classTokenBlocks × D`.
    package var classTokens: [Float] = []
    /// One logit per class, where asked for; empty for a model without a head. With a distillation
    /// token, the mean of the two heads, as DeiT does at inference.
    package var logits: [Float] = []
}

/// A value of the forward pass that an observer is shown; each lasts only for the call.
package enum ForwardStage: Sendable, Hashable {
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

/// Runs a model over one picture at a time. Each worker owns one; scratch memory is kept between frames of one
/// size.
package final class ForwardPass {
    /// - Parameter head: the head that `.attention` shows, nil for other stages.
    package typealias Observer = (
        _ stage: ForwardStage, _ head: Int?, _ values: UnsafeBufferPointer<Float>
    ) throws -> Void

    private let engine: Engine
    package var model: Model { engine.model }
    private let blas: OpenBLAS
    private let team: ThreadTeam
    private var scratch: Scratch

    /// - Parameter threads: threads that share one picture's work, the calling one included.
    /// - Throws: `ModelError.mathLibraryMissing`.
    package init(engine: Engine, threads: Int = 1) throws {
        self.engine = engine
        blas = try OpenBLAS.shared()
        team = ThreadTeam(threads: threads)
        scratch = Scratch(
            configuration: engine.model.configuration, precision: engine.precision, tokens: 0,
            threads: team.threads)
    }

    /// A pass in 32-bit floats over the best library there is.
    ///
    /// - Throws: `ModelError.mathLibraryMissing`.
    package convenience init(model: Model) throws {
        try self.init(engine: try Engine(model: model))
    }

    /// Bytes that one pass takes beside the weights, its input and the position table included; linear in the
    /// patches.
    ///
    /// - Parameter threads: as in `init`.
    package static func memoryBytes(
        _ c: Configuration, precision: Precision, rows: Int, columns: Int, threads: Int
    ) -> Int {
        let patches = rows * columns
        let sizes = ScratchSizes(
            configuration: c, precision: precision, tokens: c.specialTokens + patches)
        return sizes.total(threads: threads) + patches * (c.patchValues + c.width) * 4
    }

    /// - Parameters:
    ///   - input: normalised patches of one picture.
    ///   - observing: stages that `observer` is called for, in the order of the data flow.
    /// - Throws: `ModelError.noSuchBlock`, `ModelError.mathLibraryFailed`, `CheckpointError` where weights are read
    ///   once more and cannot be, and what the observer throws.
    package func run(
        _ input: PatchMatrix, _ request: ForwardRequest, observing: Set<ForwardStage> = [],
        observer: Observer? = nil
    ) throws -> ForwardResult {
        let c = engine.model.configuration
        for block in request.attentionBlocks where !(0..<c.depth).contains(block) {
            throw ModelError.noSuchBlock(block, depth: c.depth)
        }
        let tokens = c.specialTokens + input.rows * input.columns
        if scratch.tokens != tokens {
            scratch = Scratch(
                configuration: c, precision: engine.precision, tokens: tokens, threads: team.threads)
        }
        let pass = BlockPass(engine: engine, blas: blas, scratch: scratch, team: team)
        func show(_ stage: ForwardStage) throws {
            if observing.contains(stage) { try observer?(stage, nil, scratch.stateBuffer) }
        }

        try embed(input)
        try show(.embedding)

        var result = ForwardResult()
        let runsToEnd =
            request.wantsTokens || request.wantsLogits || request.classTokenBlocks > 0
            || observing.contains { $0 == .norm || $0 == .block(c.depth - 1) }
        let lastBlock = runsToEnd ? c.depth - 1 : lastNeededBlock(request, observing)
        for index in 0..<(lastBlock + 1) {
            let block = engine.blocks[index]
            if request.attentionBlocks.contains(index) {
                result.attention[index] = TokenAttention(
                    heads: c.heads, rows: input.rows, columns: input.columns,
                    values: try pass.attention(from: request.queryToken, block))
            }
            let isComplete = index == lastBlock && !runsToEnd && !observing.contains(.block(index))
            let isObserved =
                observing.contains(.attention(block: index))
                || observing.contains(.queriesKeysValues(block: index))
            if isComplete && !isObserved { break }
            try pass.projectQueriesKeysValues(block)
            if isObserved, let observer {
                try showAttention(of: index, pass, observing: observing, observer: observer)
            }
            if isComplete { break }
            try pass.attend()
            try pass.projectAndFeedForward(block)
            try show(.block(index))
            if index >= c.depth - request.classTokenBlocks { result.classTokens += normedClassToken() }
        }
        guard runsToEnd else { return result }

        let norm = engine.model.weights.norm
        vv_layer_norm(
            scratch.state, scratch.state, norm.gamma, norm.beta, tokens, c.width, c.layerNormEpsilon)
        try show(.norm)
        if request.wantsTokens { result.tokens = [Float](scratch.stateBuffer) }
        if request.wantsLogits { result.logits = logits() }
        return result
    }

    /// Turns attention that is to be replayed to a block.
    ///
    /// - Parameter input: `tokens × D`, what goes into the block.
    /// - Throws: `CheckpointError` where the weights cannot be read.
    func load(_ attention: BlockAttention, block: Int, input: UnsafePointer<Float>) throws {
        let plain = try engine.blocks[block].plainAttention()
        attention.load(plain.norm, plain.queryKeyValue, input: input)
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

    private func showAttention(
        of index: Int, _ pass: BlockPass, observing: Set<ForwardStage>, observer: Observer
    ) throws {
        let values = pass.queriesKeysValues()
        if observing.contains(.queriesKeysValues(block: index)) {
            try values.withUnsafeBufferPointer { try observer(.queriesKeysValues(block: index), nil, $0) }
        }
        guard observing.contains(.attention(block: index)) else { return }
        for head in 0..<engine.model.configuration.heads {
            try observer(.attention(block: index), head, pass.attentionMatrix(head: head, values))
        }
    }

    /// state = [special tokens; positions + patches · Wᵀ + b].
    private func embed(_ input: PatchMatrix) throws {
        let c = engine.model.configuration
        let special = engine.model.weights.specialTokens
        let patches = scratch.state + c.specialTokens * c.width
        scratch.state.update(from: special, count: special.count)
        let positions = engine.model.patchPositions(rows: input.rows, columns: input.columns)
        patches.update(from: positions, count: positions.count)
        let count = input.rows * input.columns
        let tiles = (count + Scratch.rowTile - 1) / Scratch.rowTile
        try input.values.withUnsafeBufferPointer { values in
            try team.run(count: tiles) { tile, thread in
                let start = tile * Scratch.rowTile
                try engine.embedding.apply(
                    rows: min(Scratch.rowTile, count - start),
                    input: values.baseAddress! + start * c.patchValues, output: patches + start * c.width,
                    scratch: scratch.threads[thread].product)
            }
        }
    }

    /// The class token as it is now, after the final LayerNorm.
    private func normedClassToken() -> [Float] {
        let norm = model.weights.norm
        var token = [Float](repeating: 0, count: norm.gamma.count)
        vv_layer_norm(
            &token, scratch.state, norm.gamma, norm.beta, 1, token.count, model.configuration.layerNormEpsilon
        )
        return token
    }

    private func logits() -> [Float] {
        let weights = engine.model.weights
        guard let head = weights.head else { return [] }
        var logits = apply(head, toToken: 0)
        if let second = weights.distillationHead {
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
