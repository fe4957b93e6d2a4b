import CKernels

/// The steps of one transformer block over the buffers of a forward pass.
struct BlockPass {
    let c: Configuration
    private let storage: Storage
    let product: MatrixProduct
    let scratch: Scratch
    let workers: WorkerPool
    let positions: AttentionPositions
    /// What the steps work on: all tokens, unless told otherwise.
    var chosen: TokenRows
    var d: Int { c.width }
    var tokens: Int { scratch.tokens }
    var softmaxScale: Float { 1 / Float(c.headWidth).squareRoot() }

    /// Queries that a worker attends for at a time.
    private static let queryTile = 192

    /// - Parameter positions: of the picture's grid.
    init(
        engine: Engine, product: MatrixProduct, scratch: Scratch, workers: WorkerPool,
        positions: AttentionPositions
    ) {
        c = engine.model.configuration
        storage = engine.precision.storage
        self.product = product
        self.scratch = scratch
        self.workers = workers
        self.positions = positions
        chosen = TokenRows(of: scratch)
    }

    /// qkv = R(N(LayerNorm(residual) · Wᵀ + b)), as `AttentionInput.run` defines it.
    func projectQKV(_ block: PackedBlock) throws {
        let rowBytes = 3 * d * storage.byteCount
        try forRowTiles { start, rows, worker in
            normalize(block.norm1, start: start, rows: rows, into: worker.normalized)
            let out = scratch.qkv + start * rowBytes
            try block.qkv.apply(
                rows: rows, input: worker.normalized, output: out, scratch: worker.product)
            normalizeHeads(block, out, rows: rows)
            rotate(out, rows: start..<start + rows)
        }
    }

    /// attentionOutput = the heads' outputs softmax(QKᵀ/√d)·V, side by side. Where only some tokens are chosen, they attend
    /// to all: the others' keys and values are packed already.
    ///
    /// - Parameter index: the block's.
    func attend(_ index: Int) throws {
        guard let renewed = chosen.tokens else { return try attend(index, among: 0..<tokens) }
        try workers.run(count: c.heads) { head, _ in repack(head: head, renewed) }
        try attend(index, queries: 0..<chosen.count, keys: 0..<tokens)
    }

    /// The same rows of attentionOutput for tokens that attend to one another and to no others.
    func attend(_ index: Int, among tokens: Range<Int>) throws {
        try workers.run(count: c.heads) { head, _ in pack(head: head, keys: tokens) }
        try attend(index, queries: tokens, keys: tokens)
    }

    /// - Parameters:
    ///   - queries: rows of `chosen`.
    ///   - keys: the tokens whose keys are packed.
    private func attend(_ index: Int, queries: Range<Int>, keys: Range<Int>) throws {
        let bias = positions.bias(ofBlock: index)
        let tiles = (queries.count + BlockPass.queryTile - 1) / BlockPass.queryTile
        try workers.run(count: c.heads * tiles) { index, worker in
            let start = queries.lowerBound + index % tiles * BlockPass.queryTile
            attend(
                head: index / tiles, queries: start..<min(start + BlockPass.queryTile, queries.upperBound),
                keys: keys, bias, self.scratch.workers[worker])
        }
    }

    /// residual += attentionOutput · Wᵀ + b, then residual += W₂·act(W₁·LayerNorm(residual)); where the model norms the
    /// heads' outputs or the hidden values, that comes before the product.
    ///
    /// - Parameters:
    ///   - recorder: shown the hidden values after the activation.
    ///   - isLast: whether nothing is wanted of the block but those; the last sum is left out then.
    func projectAndFeedForward(
        _ block: PackedBlock, recorder: NeuronRecorder? = nil, isLast: Bool = false
    ) throws {
        let rowBytes = d * storage.byteCount
        try forRowTiles { start, rows, worker in
            let residual = chosen.residual + start * d
            let attended = scratch.attentionOutput + start * rowBytes
            normalize(attended, block.attentionNorm, rows: rows, width: d)
            try block.proj.apply(
                rows: rows, input: attended, output: residual, scratch: worker.product)
            normalize(block.norm2, start: start, rows: rows, into: worker.normalized)
            try block.fc1.apply(
                rows: rows, input: worker.normalized, output: worker.hidden, scratch: worker.product)
            let hidden = activated(block, worker, rows: rows) { recorder?.add($0, start: start, rows: rows) }
            if isLast { return }
            try block.fc2.apply(rows: rows, input: hidden, output: residual, scratch: worker.product)
        }
    }

    // MARK: For observers

    /// Queries, keys and values in 32-bit floats, `tokens × 3D`.
    func qkv() -> [Float] {
        let count = tokens * 3 * d
        switch storage {
        case .float32:
            let values = scratch.qkv.assumingMemoryBound(to: Float.self)
            return [Float](UnsafeBufferPointer(start: values, count: count))
        case .bfloat16:
            let values = scratch.qkv.assumingMemoryBound(to: UInt16.self)
            return (0..<count).map { Float(bitPattern: UInt32(values[$0]) << 16) }
        }
    }

    // MARK: Parts

    /// LayerNorm of a tile of the residual stream, in the engine's precision.
    private func normalize(_ norm: Norm, start: Int, rows: Int, into out: UnsafeMutableRawPointer) {
        let residual = chosen.residual + start * d
        switch storage {
        case .float32:
            vv_layer_norm(
                out.assumingMemoryBound(to: Float.self), residual, norm.gamma, norm.beta, rows, d,
                c.layerNormEpsilon)
        case .bfloat16:
            vv_layer_norm_bf16(
                out.assumingMemoryBound(to: UInt16.self), residual, norm.gamma, norm.beta, rows, d,
                c.layerNormEpsilon)
        }
    }

    /// In place: LayerNorm of `rows` rows as the engine stores them; nothing happens without a norm.
    private func normalize(_ x: UnsafeMutableRawPointer, _ norm: Norm?, rows: Int, width: Int) {
        guard let norm else { return }
        switch storage {
        case .float32:
            let x = x.assumingMemoryBound(to: Float.self)
            vv_layer_norm(x, x, norm.gamma, norm.beta, rows, width, c.layerNormEpsilon)
        case .bfloat16:
            vv_layer_norm_of_bf16(
                x.assumingMemoryBound(to: UInt16.self), norm.gamma, norm.beta, rows, width, c.layerNormEpsilon
            )
        }
    }

    /// N of `AttentionInput.run`, right after the product.
    ///
    /// - Parameter qkv: `rows × 3D`.
    private func normalizeHeads(_ block: PackedBlock, _ qkv: UnsafeMutableRawPointer, rows: Int) {
        guard block.queryNorm != nil || block.keyNorm != nil else { return }
        let bytes = d * storage.byteCount
        for row in 0..<rows {
            for (third, norm) in [block.queryNorm, block.keyNorm].enumerated() {
                normalize(qkv + (3 * row + third) * bytes, norm, rows: c.heads, width: c.headWidth)
            }
        }
    }

    /// The place in the tuned pass where rotary positions turn queries and keys: right after their product.
    ///
    /// - Parameter qkv: the first of `rows` among the chosen ones.
    private func rotate(_ qkv: UnsafeMutableRawPointer, rows: Range<Int>) {
        guard let rotation = positions.rotation else { return }
        chosen.forRuns(in: rows) { row, tokens in
            let start = qkv + (row - rows.lowerBound) * 3 * d * storage.byteCount
            switch storage {
            case .float32:
                rotation.apply(
                    to: start.assumingMemoryBound(to: Float.self), stride: 3 * d, tokens: tokens, parts: 2)
            case .bfloat16:
                rotation.apply(
                    toBFloat16: start.assumingMemoryBound(to: UInt16.self), stride: 3 * d, tokens: tokens,
                    parts: 2)
            }
        }
    }

    /// The hidden values after their activation, and their norm where the model has one. SwiGLU is a step of its own, the
    /// others are part of the product.
    ///
    /// - Parameter show: called with the values after the activation, as the engine stores them.
    private func activated(
        _ block: PackedBlock, _ worker: WorkerScratch, rows: Int, show: (UnsafeRawPointer) -> Void
    ) -> UnsafeRawPointer {
        let width = c.feedForwardWidth
        let out: UnsafeMutableRawPointer
        if c.activation.isGated {
            out = worker.gated
            let hidden = worker.hidden.assumingMemoryBound(to: Float.self)
            switch storage {
            case .float32: vv_swiglu(out.assumingMemoryBound(to: Float.self), hidden, rows, width)
            case .bfloat16: vv_swiglu_bf16(out.assumingMemoryBound(to: UInt16.self), hidden, rows, width)
            }
        } else {
            out = worker.hidden
        }
        show(out)
        normalize(out, block.hiddenNorm, rows: rows, width: width)
        return UnsafeRawPointer(out)
    }

    private func pack(head: Int, keys tokens: Range<Int>) {
        let keys = chosen.packed.keys(head)
        let values = chosen.packed.values(head)
        let first = tokens.lowerBound * 3 * d + d + head * c.headWidth
        switch storage {
        case .float32:
            let from = scratch.qkv.assumingMemoryBound(to: Float.self) + first
            vv_attention_pack(
                keys.assumingMemoryBound(to: Float.self), values.assumingMemoryBound(to: Float.self), from,
                from + d, 3 * d, tokens.count, c.headWidth)
        case .bfloat16:
            let from = scratch.qkv.assumingMemoryBound(to: UInt16.self) + first
            vv_attention_bf16_pack(keys, values, from, from + d, 3 * d, tokens.count, c.headWidth)
        }
    }

    /// Puts the chosen tokens' keys and values in the places of their older ones.
    private func repack(head: Int, _ tokens: UnsafePointer<Int32>) {
        let keys = chosen.packed.keys(head)
        let values = chosen.packed.values(head)
        let first = d + head * c.headWidth
        switch storage {
        case .float32:
            let from = scratch.qkv.assumingMemoryBound(to: Float.self) + first
            vv_attention_repack(
                keys.assumingMemoryBound(to: Float.self), values.assumingMemoryBound(to: Float.self), from,
                from + d, 3 * d, tokens, chosen.count, c.headWidth)
        case .bfloat16:
            let from = scratch.qkv.assumingMemoryBound(to: UInt16.self) + first
            vv_attention_bf16_repack(keys, values, from, from + d, 3 * d, tokens, chosen.count, c.headWidth)
        }
    }

    /// - Parameter keys: the tokens whose keys are packed.
    private func attend(
        head: Int, queries: Range<Int>, keys: Range<Int>, _ bias: AttentionBias?, _ worker: WorkerScratch
    ) {
        guard let bias else {
            attend(head: head, queries: queries, keys: keys.count, bias: nil, biasStride: 0, worker.attention)
            return
        }
        // As many queries at a time as the kernel has in a tile.
        let (rows, stride) = (worker.biasRows, worker.biasStride)
        for start in Swift.stride(from: queries.lowerBound, to: queries.upperBound, by: rows) {
            let tile = start..<min(start + rows, queries.upperBound)
            for query in tile {
                bias.fill(
                    worker.bias + (query - start) * stride, head: head, query: chosen.token(ofRow: query))
            }
            attend(
                head: head, queries: tile, keys: keys.count, bias: worker.bias + keys.lowerBound,
                biasStride: stride, worker.attention)
        }
    }

    /// - Parameters:
    ///   - count: of the keys that are packed.
    ///   - bias: `queries × count`, as `vv_attention` takes it.
    private func attend(
        head: Int, queries: Range<Int>, keys count: Int, bias: UnsafePointer<Float>?, biasStride: Int,
        _ space: UnsafeMutableRawPointer
    ) {
        let keys = chosen.packed.keys(head)
        let values = chosen.packed.values(head)
        let column = head * c.headWidth
        let row = queries.lowerBound
        switch storage {
        case .float32:
            let output = scratch.attentionOutput.assumingMemoryBound(to: Float.self)
            let qkv = scratch.qkv.assumingMemoryBound(to: Float.self)
            vv_attention(
                output + row * d + column, d, qkv + row * 3 * d + column, 3 * d, queries.count,
                keys.assumingMemoryBound(to: Float.self), values.assumingMemoryBound(to: Float.self), count,
                c.headWidth, softmaxScale, bias, biasStride, space.assumingMemoryBound(to: Float.self))
        case .bfloat16:
            let output = scratch.attentionOutput.assumingMemoryBound(to: UInt16.self)
            let qkv = scratch.qkv.assumingMemoryBound(to: UInt16.self)
            vv_attention_bf16(
                output + row * d + column, d, qkv + row * 3 * d + column, 3 * d, queries.count, keys, values,
                count, c.headWidth, softmaxScale, bias, biasStride, space)
        }
    }

    func forRowTiles(
        _ body: (_ start: Int, _ rows: Int, _ worker: WorkerScratch) throws -> Void
    ) throws {
        let (count, tile) = (chosen.count, chosen.tile)
        try workers.run(count: (count + tile - 1) / tile) { index, worker in
            let start = index * tile
            try body(start, min(tile, count - start), scratch.workers[worker])
        }
    }
}
