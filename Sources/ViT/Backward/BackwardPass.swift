import Base
import CKernels

/// The backward pass through a Vision Transformer, in 32-bit floats on the calling thread.
///
/// It runs its own plain forward pass first. Memory is `O(depth · tokens · D)`: each block's input and the
/// residual stream between its branches are kept, everything inside a block is computed a second time, and
/// attention is handled in strips of rows. Buffers are kept between pictures of one size.
package final class BackwardPass {
    package typealias Observer = (ObservedGradient) throws -> Void

    package let model: Model
    private let stripRows: Int
    private var buffers: Buffers?

    /// - Parameter stripRows: rows of attention handled and shown at once.
    package init(model: Model, stripRows: Int = AttentionStrip.usualRows) {
        precondition(stripRows > 0, "a strip has rows")
        self.model = model
        self.stripRows = stripRows
    }

    /// Everything that has the size of a picture.
    private struct Buffers {
        let record: ForwardRecord
        let feedForward: FeedForwardBackward
        let attention: AttentionBackward
        /// The gradient with respect to the residual stream at the current place, `tokens × D`.
        let gradient: FloatBuffer
        /// The final LayerNorm's output, `tokens × D`.
        let normalized: FloatBuffer
        /// `depth` times `tokens × D`: gradients with respect to the blocks' attention outputs, where they
        /// are kept.
        var kept: FloatBuffer?
        /// Another block's attention, for `replayAttention`.
        var other: BlockAttention?

        init(model: Model, rows: Int, columns: Int, stripRows: Int) throws {
            record = try ForwardRecord(
                engine: try GradientEngine(model: model, library: .openBLAS), rows: rows, columns: columns,
                stripRows: stripRows)
            let c = model.configuration
            feedForward = FeedForwardBackward(engine: record.engine, tokens: record.tokens)
            attention = try AttentionBackward(
                configuration: c, tokens: record.tokens, stripRows: stripRows)
            gradient = FloatBuffer(record.tokens * c.width)
            normalized = FloatBuffer(record.tokens * c.width)
        }
    }

    /// - Parameters:
    ///   - input: normalized patches of one picture.
    ///   - observing: stages that `observer` is called for, from the last block to the first.
    ///   - beforeBlocks: called before all of them with A ⊙ dA of an attention probe, `heads × patches`; empty where the
    ///     target is not what a probe pools.
    /// - Throws: `VitvideoError` for a target that the model does not have, `VitvideoError.noSuchBlock`,
    ///   `VitvideoError.mathLibraryMissing`, `VitvideoError` where the weights cannot be read,
    ///   `Cancellation.Cancelled`, and what the observer throws.
    package func run(
        _ input: PatchMatrix, _ request: GradientRequest, observing: Set<GradientStage> = [],
        observer: Observer? = nil, beforeBlocks: ([Float]) -> Void = { _ in }
    ) throws -> GradientResult {
        let c = model.configuration
        for stage in observing { try check(block: stage.block ?? 0) }
        try check(block: request.firstBlock)
        let start = GradientStart(model: model, request: request)
        try start.check(tokens: c.specialTokens + input.rows * input.columns)
        var buffers = try buffers(rows: input.rows, columns: input.columns)
        let (record, gradient) = (buffers.record, buffers.gradient)
        let states = record.tokens * c.width
        if request.keepsAttention {
            if buffers.kept == nil { buffers.kept = FloatBuffer(c.depth * states) }
        } else {
            buffers.kept = nil
        }
        self.buffers = buffers
        let parameters = request.wantsParameters ? try ParameterGradients(configuration: c) : nil

        try record.run(input)
        try FiniteValues.check(
            UnsafePointer(record.residuals.start), count: (c.depth + 1) * states, in: "the blocks")
        var result = try start.run(
            record, normalized: buffers.normalized, gradient: gradient, parameters)
        beforeBlocks(result.probe)
        func show(_ stage: GradientStage, _ value: UnsafeMutablePointer<Float>) throws {
            guard observing.contains(stage) else { return }
            try observer?(
                ObservedGradient(
                    stage: stage, head: nil, firstRow: 0, rows: record.tokens, columns: c.width,
                    value: UnsafeBufferPointer(start: value, count: states),
                    gradient: UnsafeBufferPointer(start: gradient.start, count: states)))
        }
        for block in (request.firstBlock..<c.depth).reversed() {
            start.addClassToken(of: block, record, result, gradient: gradient, parameters)
            try show(.block(block), record.residual(block + 1))
            let layers = record.engine.blocks[block]
            try buffers.feedForward.run(
                block: block, of: record, gradient: gradient.start, parameters: parameters)
            let attention = try record.attention(of: block)
            let outputGradient = try buffers.attention.backwardProjection(
                block: block, layers, attention, gradient: gradient.start, parameters: parameters)
            if let kept = buffers.kept {
                (kept.start + block * states).update(from: outputGradient, count: states)
            }
            let stages = Stages(block, observing)
            try buffers.attention.forEachStrip(
                attention, attentionOutputGradient: outputGradient
            ) { strip in
                if stages.showsAttention { try observer?(observed(.attention(block: block), strip)) }
            } byScores: { strip in
                if stages.showsScores { try observer?(observed(.scores(block: block), strip)) }
                buffers.attention.accumulate(strip, attention, wantsOutput: parameters != nil)
            }
            if request.firstBlock > 0, block == request.firstBlock { return result }
            try buffers.attention.backwardQKV(
                block: block, layers, attention, rotation: record.positions.rotation,
                gradient: gradient.start,
                input: record.residual(block), parameters: parameters)
        }
        try FiniteValues.check(
            UnsafePointer(gradient.start), count: states, in: "the gradient")
        try show(.embedding, record.residual(0))

        let embedding = EmbeddingBackward(record)
        embedding.backwardNorm(gradient, embedded: record.embedded, parameters)
        if request.wantsInput { result.input = try embedding.planes(gradient.start) }
        if let parameters {
            try embedding.parameters(gradient.start, input: input, to: parameters)
            result.parameters = parameters.take()
        }
        return result
    }

    /// Shows the gradient of one block's attention again, after a run that kept it, beside the attention of
    /// another or the same block: in any order, where `run` goes from the last block to the first.
    ///
    /// - Parameters:
    ///   - stage: `.attention` or `.scores` of a block.
    ///   - attentionBlock: the block whose attention is shown as the value.
    /// - Throws: `VitvideoError.noSuchBlock`, and what the observer throws.
    package func replayAttention(
        _ stage: GradientStage, besideBlock attentionBlock: Int, _ observer: Observer
    ) throws {
        guard let block = stage.block, stage != .block(block) else {
            preconditionFailure("only attention is replayed")
        }
        try check(block: block)
        try check(block: attentionBlock)
        guard var buffers, let kept = buffers.kept else {
            preconditionFailure("a run that keeps attention comes before its replay")
        }
        let c = model.configuration
        let record = buffers.record
        let tokens = record.tokens
        let attention = try record.attention(of: block)
        if attentionBlock != block {
            let other = try buffers.other ?? BlockAttention(configuration: c, tokens: tokens)
            try record.load(attentionBlock, into: other)
            buffers.other = other
            self.buffers = buffers
        }
        func show(_ strip: AttentionBackward.Strip) throws {
            // The strip's own attention has done its part once its gradient is there.
            if attentionBlock != block, let other = buffers.other {
                other.attention(
                    head: strip.head, firstRow: strip.firstRow, rows: strip.rows, into: strip.value)
            }
            try observer(observed(stage, strip))
        }
        let isScores = stage == .scores(block: block)
        try buffers.attention.forEachStrip(
            attention, attentionOutputGradient: kept.start + block * tokens * c.width
        ) { strip in
            if !isScores { try show(strip) }
        } byScores: { strip in
            if isScores { try show(strip) }
        }
    }

    /// Which of a block's attention gradients are shown.
    private struct Stages {
        let showsAttention: Bool
        let showsScores: Bool

        init(_ block: Int, _ observing: Set<GradientStage>) {
            showsAttention = observing.contains(.attention(block: block))
            showsScores = observing.contains(.scores(block: block))
        }
    }

    private func observed(_ stage: GradientStage, _ strip: AttentionBackward.Strip) -> ObservedGradient {
        let tokens = buffers?.record.tokens ?? 0
        let count = strip.rows * tokens
        return ObservedGradient(
            stage: stage, head: strip.head, firstRow: strip.firstRow, rows: strip.rows, columns: tokens,
            value: UnsafeBufferPointer(start: strip.value, count: count),
            gradient: UnsafeBufferPointer(start: strip.gradient.start, count: count))
    }

    private func check(block: Int) throws {
        let depth = model.configuration.depth
        guard (0..<depth).contains(block) else { throw VitvideoError.noSuchBlock(block, depth: depth) }
    }

    private func buffers(rows: Int, columns: Int) throws -> Buffers {
        if let buffers, buffers.record.rows == rows, buffers.record.columns == columns { return buffers }
        buffers = nil
        return try Buffers(model: model, rows: rows, columns: columns, stripRows: stripRows)
    }
}
