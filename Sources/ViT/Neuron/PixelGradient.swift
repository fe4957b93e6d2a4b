import Base
import CKernels

/// The value of a target and its gradient with respect to the pixels, for one picture after the other of one size.
///
/// The forward pass ends where the target is, and the backward pass starts there. What blocks compute is kept where
/// that is not much, else computed again. Belongs to one thread at a time; the engine is shared.
package final class PixelGradient {
    package let engine: GradientEngine
    package let target: ActivationTarget
    private let c: Configuration
    private let preprocessor: Preprocessor
    private let product: MatrixProduct
    private let record: ForwardRecord
    private let feedForward: FeedForwardBackward
    private let attention: AttentionBackward
    /// With respect to the residual stream at the current place, `tokens × D`.
    private let gradient: FloatBuffer
    /// The final LayerNorm's output, for a target after it.
    private let normalized: FloatBuffer
    private let unit: UnitStart?
    private let start: GradientStart?

    /// A target's value with its gradient.
    package struct Result: Sendable {
        package var value: Float
        /// With respect to the normalized planes, `3 × rows·patch × columns·patch`.
        package var gradient: [Float]

        package init(value: Float, gradient: [Float]) { (self.value, self.gradient) = (value, gradient) }
    }

    /// Rows of attention handled at once: its matrices of small pictures whole.
    static let stripRows = 320

    /// - Parameters:
    ///   - rows, columns: of the patch grid.
    ///   - keepsInside: whether all that blocks compute is kept; nil to decide by
    ///     `MemoryModel.pixelGradientKeepsInside`.
    /// - Throws: `VitvideoError` for a target that the model does not have, `VitvideoError.mathLibraryMissing`.
    package init(
        engine: GradientEngine, target: ActivationTarget, rows: Int, columns: Int, keepsInside: Bool? = nil
    ) throws {
        let model = engine.model
        let c = model.configuration
        try target.check(model, classifier: engine.classifier)
        precondition(
            engine.blocks.count >= target.blockCount(of: c), "the engine has the blocks that the target reads"
        )
        self.engine = engine
        self.target = target
        self.c = c
        preprocessor = Preprocessor(configuration: c, resolution: .native)
        product = try MatrixProduct()
        let memory = MemoryModel(c, rows: rows, columns: columns)
        let tokens = c.specialTokens + rows * columns
        let stripRows = RowTiles(rows: tokens, most: PixelGradient.stripRows).most
        record = try ForwardRecord(
            engine: engine, rows: rows, columns: columns, stripRows: stripRows, end: target.end(c),
            keepsInside: keepsInside ?? memory.pixelGradientKeepsInside(target))
        feedForward = FeedForwardBackward(engine: engine, tokens: tokens)
        attention = try AttentionBackward(configuration: c, tokens: tokens, stripRows: stripRows)
        gradient = FloatBuffer(tokens * c.width)
        start = target.gradientStart(model, engine.classifier)
        normalized = FloatBuffer(start == nil ? 0 : tokens * c.width)
        switch target {
        case .neuron(let address):
            unit = UnitStart(neuron: address.index, of: engine.blocks[address.block].weights, c)
        case .channels(let projection, let block, let channels):
            unit = UnitStart(projection, channels: channels, of: engine.blocks[block].weights, c)
        case .logit, .classToken: unit = nil
        }
    }

    /// The value alone.
    ///
    /// - Parameter planes: normalized, `3 × rows·patch × columns·patch`.
    /// - Throws: as `run`.
    package func value(of planes: [Float]) throws -> Float {
        try forward(planes)
        return try begin(wantsGradient: false).value
    }

    /// - Parameter planes: normalized, `3 × rows·patch × columns·patch`.
    /// - Throws: `VitvideoError.notFinite`, `VitvideoError.mathLibraryFailed`, `Cancellation.Cancelled`.
    package func run(_ planes: [Float]) throws -> Result {
        try forward(planes)
        let (value, result) = try begin(wantsGradient: true)
        if case .middle(let block) = record.end { try attentionBackward(block) }
        for block in (0..<record.end.wholeBlocks).reversed() {
            if let result { start?.addClassToken(of: block, record, result, gradient: gradient, nil) }
            try feedForward.run(block: block, of: record, gradient: gradient.start, parameters: nil)
            try attentionBackward(block)
        }
        try FiniteValues.check(UnsafePointer(gradient.start), count: gradient.count, in: "the gradient")
        let embedding = EmbeddingBackward(record)
        embedding.backwardNorm(gradient, embedded: record.embedded, nil)
        return Result(value: value, gradient: try embedding.planes(gradient.start))
    }

    private func forward(_ planes: [Float]) throws {
        try record.run(preprocessor.patches(ofPlanes: planes, rows: record.rows, columns: record.columns))
    }

    /// The target's value, and `gradient` with respect to the last value of the forward pass.
    private func begin(wantsGradient: Bool) throws -> (value: Float, result: GradientResult?) {
        let value: Float
        var result: GradientResult?
        if let unit {
            let x: UnsafeMutablePointer<Float>
            switch record.end {
            case .middle(let block): x = record.middle(block)
            case .input(let block): x = record.residual(block)
            }
            gradient.clear()
            let offset = c.specialTokens * c.width
            value = unit.run(
                x + offset, count: record.rows * record.columns,
                gradient: wantsGradient ? gradient.start + offset : nil, product)
        } else {
            result = try start?.run(record, normalized: normalized, gradient: gradient, nil)
            value = result?.score ?? .nan
        }
        try FiniteValues.check([value], in: "the activation")
        return (value, result)
    }

    /// Turns the gradient with respect to a block's middle into that with respect to its input, in place.
    private func attentionBackward(_ block: Int) throws {
        let layers = engine.blocks[block]
        let blockAttention = try record.attention(of: block)
        let outputGradient = try attention.backwardProjection(
            block: block, layers, blockAttention, gradient: gradient.start, parameters: nil)
        try attention.forEachStrip(blockAttention, attentionOutputGradient: outputGradient) { _ in
        } byScores: { strip in
            attention.accumulate(strip, blockAttention, wantsOutput: false)
        }
        try attention.backwardQKV(
            block: block, layers, blockAttention, rotation: record.positions.rotation,
            gradient: gradient.start,
            input: record.residual(block), parameters: nil)
    }
}
