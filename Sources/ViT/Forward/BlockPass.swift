import CKernels

/// The steps of one transformer block over the buffers of a forward pass.
struct BlockPass {
    private let c: Configuration
    private let storage: Storage
    private let blas: OpenBLAS
    private let scratch: Scratch
    private let team: ThreadTeam
    private var d: Int { c.width }
    private var tokens: Int { scratch.tokens }
    private var softmaxScale: Float { 1 / Float(c.headWidth).squareRoot() }

    /// Queries that a thread attends for at a time.
    private static let queryTile = 192

    init(engine: Engine, blas: OpenBLAS, scratch: Scratch, team: ThreadTeam) {
        c = engine.model.configuration
        storage = engine.precision.storage
        self.blas = blas
        self.scratch = scratch
        self.team = team
    }

    // MARK: The whole block

    /// queryKeyValue = LayerNorm(state) · Wᵀ + b.
    func projectQueriesKeysValues(_ block: PackedBlock) throws {
        let rowBytes = 3 * d * storage.byteCount
        try forRowTiles { start, rows, thread in
            normalize(block.norm1, start: start, rows: rows, into: thread.normed)
            try block.queryKeyValue.apply(
                rows: rows, input: thread.normed, output: scratch.queryKeyValue + start * rowBytes,
                scratch: thread.product)
        }
    }

    /// joined = the heads' outputs softmax(QKᵀ/√d)·V, side by side.
    func attend() throws {
        try team.run(count: c.heads) { head, _ in pack(head: head) }
        let tiles = (tokens + BlockPass.queryTile - 1) / BlockPass.queryTile
        try team.run(count: c.heads * tiles) { index, thread in
            let start = index % tiles * BlockPass.queryTile
            attend(
                head: index / tiles, queries: start..<min(start + BlockPass.queryTile, tokens),
                scratch: self.scratch.threads[thread].attention)
        }
    }

    /// state += joined · Wᵀ + b, then state += W₂·act(W₁·LayerNorm(state)).
    func projectAndFeedForward(_ block: PackedBlock) throws {
        let joinedBytes = d * storage.byteCount
        try forRowTiles { start, rows, thread in
            let state = scratch.state + start * d
            try block.projection.apply(
                rows: rows, input: scratch.joined + start * joinedBytes, output: state,
                scratch: thread.product)
            normalize(block.norm2, start: start, rows: rows, into: thread.normed)
            try block.expand.apply(
                rows: rows, input: thread.normed, output: thread.hidden, scratch: thread.product)
            try block.contract.apply(
                rows: rows, input: activated(thread, rows: rows), output: state, scratch: thread.product)
        }
    }

    // MARK: Attention of a single token

    /// Softmax attention from one token to the patches, `heads × patches`, out of the state alone.
    ///
    /// A score is q·(Wₖx + bₖ) = (Wₖᵀq)·x + q·bₖ. Carrying the one query back through Wₖ costs a product
    /// with as many columns as there are heads where projecting every key would cost one with D, and
    /// q·bₖ is the same for all keys, so that softmax drops it.
    func attention(from token: Int, _ block: PackedBlock) throws -> [Float] {
        let plain = try block.plainAttention()
        let carried = carriedQueries(of: token, plain)
        let heads = c.heads
        // Scores stand as tokens × heads first, as the products give them.
        var scores = [Float](repeating: 0, count: heads * tokens)
        var byToken = scores
        try byToken.withUnsafeMutableBufferPointer { byToken in
            let to = byToken.baseAddress!
            try forRowTiles { start, rows, thread in
                let normed = thread.normed.assumingMemoryBound(to: Float.self)
                vv_layer_norm(
                    normed, scratch.state + start * d, plain.norm.gamma, plain.norm.beta, rows, d,
                    c.layerNormEpsilon)
                blas.product(
                    to + start * heads, stride: heads, normed, stride: d, carried, stride: d,
                    bTransposed: true, m: rows, n: heads, k: d)
            }
        }
        for head in 0..<heads {
            for token in 0..<tokens { scores[head * tokens + token] = byToken[token * heads + head] }
        }
        vv_softmax_rows(&scores, heads, tokens, tokens, softmaxScale)
        return (0..<heads).flatMap { scores[$0 * tokens + c.specialTokens..<($0 + 1) * tokens] }
    }

    /// Wₖᵀq of one token for every head, `heads × D`.
    private func carriedQueries(of token: Int, _ plain: PackedBlock.AttentionInput) -> [Float] {
        let layer = plain.queryKeyValue
        var normed = [Float](repeating: 0, count: d)
        vv_layer_norm(
            &normed, scratch.state + token * d, plain.norm.gamma, plain.norm.beta, 1, d, c.layerNormEpsilon)
        var query = [Float](layer.bias[..<d])
        blas.product(
            &query, stride: d, normed, stride: d, layer.weight, stride: d, bTransposed: true, m: 1, n: d,
            k: d, beta: 1)
        var carried = [Float](repeating: 0, count: c.heads * d)
        for head in 0..<c.heads {
            let keyRows = (d + head * c.headWidth) * d
            layer.weight.withUnsafeBufferPointer { weight in
                query.withUnsafeBufferPointer { query in
                    carried.withUnsafeMutableBufferPointer { carried in
                        blas.product(
                            carried.baseAddress! + head * d, stride: d,
                            query.baseAddress! + head * c.headWidth, stride: c.headWidth,
                            weight.baseAddress! + keyRows, stride: d, bTransposed: false, m: 1, n: d,
                            k: c.headWidth)
                    }
                }
            }
        }
        return carried
    }

    // MARK: For observers

    /// Queries, keys and values in 32-bit floats, `tokens × 3D`.
    func queriesKeysValues() -> [Float] {
        let count = tokens * 3 * d
        switch storage {
        case .float32:
            let values = scratch.queryKeyValue.assumingMemoryBound(to: Float.self)
            return [Float](UnsafeBufferPointer(start: values, count: count))
        case .bfloat16:
            let values = scratch.queryKeyValue.assumingMemoryBound(to: UInt16.self)
            return (0..<count).map { Float(bitPattern: UInt32(values[$0]) << 16) }
        }
    }

    /// One head's whole attention, `tokens × tokens`, out of queries, keys and values `tokens × 3D`.
    func attentionMatrix(head: Int, _ queriesKeysValues: [Float]) -> UnsafeBufferPointer<Float> {
        let matrix = scratch.attentionMatrix()
        queriesKeysValues.withUnsafeBufferPointer { values in
            let queries = values.baseAddress! + head * c.headWidth
            blas.product(
                matrix, stride: tokens, queries, stride: 3 * d, queries + d, stride: 3 * d,
                bTransposed: true, m: tokens, n: tokens, k: c.headWidth)
        }
        vv_softmax_rows(matrix, tokens, tokens, tokens, softmaxScale)
        return UnsafeBufferPointer(start: matrix, count: tokens * tokens)
    }

    // MARK: Parts

    /// LayerNorm of a tile of the state, in the engine's precision.
    private func normalize(_ norm: Norm, start: Int, rows: Int, into out: UnsafeMutableRawPointer) {
        let state = scratch.state + start * d
        switch storage {
        case .float32:
            vv_layer_norm(
                out.assumingMemoryBound(to: Float.self), state, norm.gamma, norm.beta, rows, d,
                c.layerNormEpsilon)
        case .bfloat16:
            vv_layer_norm_bf16(
                out.assumingMemoryBound(to: UInt16.self), state, norm.gamma, norm.beta, rows, d,
                c.layerNormEpsilon)
        }
    }

    /// The hidden values after their activation: GELU is part of the product, SwiGLU is not.
    private func activated(_ thread: ThreadScratch, rows: Int) -> UnsafeRawPointer {
        guard c.feedForward == .swiglu else { return UnsafeRawPointer(thread.hidden) }
        let hidden = thread.hidden.assumingMemoryBound(to: Float.self)
        switch storage {
        case .float32:
            vv_swiglu(thread.gated.assumingMemoryBound(to: Float.self), hidden, rows, c.feedForwardWidth)
        case .bfloat16:
            vv_swiglu_bf16(
                thread.gated.assumingMemoryBound(to: UInt16.self), hidden, rows, c.feedForwardWidth)
        }
        return UnsafeRawPointer(thread.gated)
    }

    private func pack(head: Int) {
        let keys = scratch.packedKeys + head * scratch.packedBytes
        let values = scratch.packedValues + head * scratch.packedBytes
        let first = d + head * c.headWidth
        switch storage {
        case .float32:
            let from = scratch.queryKeyValue.assumingMemoryBound(to: Float.self) + first
            vv_attention_pack(
                keys.assumingMemoryBound(to: Float.self), values.assumingMemoryBound(to: Float.self), from,
                from + d, 3 * d, tokens, c.headWidth)
        case .bfloat16:
            let from = scratch.queryKeyValue.assumingMemoryBound(to: UInt16.self) + first
            vv_attention_bf16_pack(keys, values, from, from + d, 3 * d, tokens, c.headWidth)
        }
    }

    private func attend(head: Int, queries: Range<Int>, scratch space: UnsafeMutableRawPointer) {
        let keys = scratch.packedKeys + head * scratch.packedBytes
        let values = scratch.packedValues + head * scratch.packedBytes
        let column = head * c.headWidth
        switch storage {
        case .float32:
            vv_attention(
                scratch.joined.assumingMemoryBound(to: Float.self) + queries.lowerBound * d + column, d,
                scratch.queryKeyValue.assumingMemoryBound(to: Float.self) + queries.lowerBound * 3 * d
                    + column,
                3 * d, queries.count, keys.assumingMemoryBound(to: Float.self),
                values.assumingMemoryBound(to: Float.self), tokens, c.headWidth, softmaxScale,
                space.assumingMemoryBound(to: Float.self))
        case .bfloat16:
            vv_attention_bf16(
                scratch.joined.assumingMemoryBound(to: UInt16.self) + queries.lowerBound * d + column, d,
                scratch.queryKeyValue.assumingMemoryBound(to: UInt16.self) + queries.lowerBound * 3 * d
                    + column,
                3 * d, queries.count, keys, values, tokens, c.headWidth, softmaxScale, space)
        }
    }

    private func forRowTiles(_ body: (_ start: Int, _ rows: Int, _ thread: ThreadScratch) throws -> Void)
        throws
    {
        let tiles = (tokens + Scratch.rowTile - 1) / Scratch.rowTile
        try team.run(count: tiles) { index, thread in
            let start = index * Scratch.rowTile
            try body(start, min(Scratch.rowTile, tokens - start), scratch.threads[thread])
        }
    }
}
