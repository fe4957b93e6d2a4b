import CKernels

/// The steps of one transformer block over the buffers of a forward pass.
struct BlockPass {
    private let c: Configuration
    private let storage: Storage
    private let product: MatrixProduct
    private let scratch: Scratch
    private let workers: WorkerPool
    private let rotation: Rotation?
    private var d: Int { c.width }
    private var tokens: Int { scratch.tokens }
    private var softmaxScale: Float { 1 / Float(c.headWidth).squareRoot() }

    /// Queries that a worker attends for at a time.
    private static let queryTile = 192

    /// - Parameter rotation: of the picture's grid; nil where positions are not rotary.
    init(
        engine: Engine, product: MatrixProduct, scratch: Scratch, workers: WorkerPool, rotation: Rotation?
    ) {
        c = engine.model.configuration
        storage = engine.precision.storage
        self.product = product
        self.scratch = scratch
        self.workers = workers
        self.rotation = rotation
    }

    // MARK: The whole block

    /// qkv = R(LayerNorm(residual) · Wᵀ + b), as `AttentionInput.run` defines it.
    func projectQKV(_ block: PackedBlock) throws {
        let rowBytes = 3 * d * storage.byteCount
        try forRowTiles { start, rows, worker in
            normalize(block.norm1, start: start, rows: rows, into: worker.normalized)
            let out = scratch.qkv + start * rowBytes
            try block.qkv.apply(
                rows: rows, input: worker.normalized, output: out, scratch: worker.product)
            rotate(out, tokens: start..<start + rows)
        }
    }

    /// attentionOutput = the heads' outputs softmax(QKᵀ/√d)·V, side by side.
    func attend() throws {
        try workers.run(count: c.heads) { head, _ in pack(head: head) }
        let tiles = (tokens + BlockPass.queryTile - 1) / BlockPass.queryTile
        try workers.run(count: c.heads * tiles) { index, worker in
            let start = index % tiles * BlockPass.queryTile
            attend(
                head: index / tiles, queries: start..<min(start + BlockPass.queryTile, tokens),
                scratch: self.scratch.workers[worker].attention)
        }
    }

    /// residual += attentionOutput · Wᵀ + b, then residual += W₂·act(W₁·LayerNorm(residual)).
    func projectAndFeedForward(_ block: PackedBlock) throws {
        let rowBytes = d * storage.byteCount
        try forRowTiles { start, rows, worker in
            let residual = scratch.residual + start * d
            try block.proj.apply(
                rows: rows, input: scratch.attentionOutput + start * rowBytes, output: residual,
                scratch: worker.product)
            normalize(block.norm2, start: start, rows: rows, into: worker.normalized)
            try block.fc1.apply(
                rows: rows, input: worker.normalized, output: worker.hidden, scratch: worker.product)
            try block.fc2.apply(
                rows: rows, input: activated(worker, rows: rows), output: residual, scratch: worker.product)
        }
    }

    // MARK: Attention of a single token

    /// Softmax attention from one token to the patches, `heads × patches`, out of the residual stream alone.
    func attention(from token: Int, _ block: PackedBlock) throws -> [Float] {
        let input = try block.attentionInput()
        let query = query(of: token, input)
        // Scores stand as tokens × heads first, as the products give them.
        let byToken =
            rotation == nil
            ? try scoresWithoutKeys(query, input) : try scoresByRotatedKeys(query, input)
        let heads = c.heads
        var scores = [Float](repeating: 0, count: heads * tokens)
        for head in 0..<heads {
            for token in 0..<tokens { scores[head * tokens + token] = byToken[token * heads + head] }
        }
        vv_softmax_rows(&scores, heads, tokens, tokens, softmaxScale)
        return (0..<heads).flatMap { scores[$0 * tokens + c.specialTokens..<($0 + 1) * tokens] }
    }

    /// q of one token for every head, `D`; rotated where positions are rotary.
    private func query(of token: Int, _ input: AttentionInput) -> [Float] {
        var normalized = [Float](repeating: 0, count: d)
        vv_layer_norm(
            &normalized, scratch.residual + token * d, input.norm.gamma, input.norm.beta, 1, d,
            c.layerNormEpsilon)
        var query = [Float](input.qkv.bias[..<d])
        product(
            &query, stride: d, normalized, stride: d, input.qkv.weight, stride: d, bTransposed: true, m: 1,
            n: d, k: d, beta: 1)
        rotation?.apply(to: &query, stride: d, tokens: token..<token + 1, parts: 1)
        return query
    }

    /// The query's scores with all tokens, `tokens × heads`, less what is the same for all of them.
    ///
    /// A score is q·(Wₖx + bₖ) = (Wₖᵀq)·x + q·bₖ. Taking the one query through Wₖᵀ costs a product with as many
    /// columns as there are heads, where projecting every key would cost one with D; and q·bₖ is the same for all keys,
    /// so that softmax drops it. Rotary positions do not allow this: with a rotation R_j of each key,
    /// q·R_j(Wₖx + bₖ) has another Wₖᵀ R_jᵀ q for every token.
    private func scoresWithoutKeys(_ query: [Float], _ input: AttentionInput) throws -> [Float] {
        let heads = c.heads
        let keyProjected = keyProjectedQueries(query, input)
        return try scores { worker, start, rows, to in
            let normalized = normalized(input, start: start, rows: rows, worker)
            product(
                to, stride: heads, normalized, stride: d, keyProjected, stride: d, bTransposed: true,
                m: rows, n: heads, k: d)
        }
    }

    /// Wₖᵀq for every head, `heads × D`.
    private func keyProjectedQueries(_ query: [Float], _ input: AttentionInput) -> [Float] {
        var projected = [Float](repeating: 0, count: c.heads * d)
        for head in 0..<c.heads {
            let keyRows = (d + head * c.headWidth) * d
            input.qkv.weight.withUnsafeBufferPointer { weight in
                query.withUnsafeBufferPointer { query in
                    projected.withUnsafeMutableBufferPointer { projected in
                        product(
                            projected.baseAddress! + head * d, stride: d,
                            query.baseAddress! + head * c.headWidth, stride: c.headWidth,
                            weight.baseAddress! + keyRows, stride: d, bTransposed: false, m: 1, n: d,
                            k: c.headWidth)
                    }
                }
            }
        }
        return projected
    }

    /// The rotated query's scores with all tokens' rotated keys, `tokens × heads`.
    private func scoresByRotatedKeys(_ query: [Float], _ input: AttentionInput) throws -> [Float] {
        let heads = c.heads
        let bias = [Float](input.qkv.bias[d..<2 * d])
        return try scores { worker, start, rows, to in
            let normalized = normalized(input, start: start, rows: rows, worker)
            var keys = [Float](repeating: 0, count: rows * d)
            keys.withUnsafeMutableBufferPointer { keys in
                guard let keys = keys.baseAddress else { return }
                input.qkv.weight.withUnsafeBufferPointer { weight in
                    product(
                        keys, stride: d, normalized, stride: d, weight.baseAddress! + d * d, stride: d,
                        bTransposed: true, m: rows, n: d, k: d)
                }
                vv_add_bias(keys, bias, rows, d)
                rotation?.apply(to: keys, stride: d, tokens: start..<start + rows, parts: 1)
                query.withUnsafeBufferPointer { query in
                    for head in 0..<heads {
                        let column = head * c.headWidth
                        product(
                            to + head, stride: heads, keys + column, stride: d,
                            query.baseAddress! + column, stride: d, bTransposed: true, m: rows, n: 1,
                            k: c.headWidth)
                    }
                }
            }
        }
    }

    /// Collects `tokens × heads` scores, tile by tile.
    private func scores(
        _ body: (
            _ worker: WorkerScratch, _ start: Int, _ rows: Int, _ to: UnsafeMutablePointer<Float>
        ) -> Void
    ) throws -> [Float] {
        var byToken = [Float](repeating: 0, count: c.heads * tokens)
        try byToken.withUnsafeMutableBufferPointer { byToken in
            let to = byToken.baseAddress!
            try forRowTiles { start, rows, worker in body(worker, start, rows, to + start * c.heads) }
        }
        return byToken
    }

    /// LayerNorm of a tile of the residual stream by plain weights, in 32-bit floats.
    private func normalized(
        _ input: AttentionInput, start: Int, rows: Int, _ worker: WorkerScratch
    ) -> UnsafePointer<Float> {
        let normalized = worker.normalized.assumingMemoryBound(to: Float.self)
        vv_layer_norm(
            normalized, scratch.residual + start * d, input.norm.gamma, input.norm.beta, rows, d,
            c.layerNormEpsilon)
        return UnsafePointer(normalized)
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
        let residual = scratch.residual + start * d
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

    /// The place in the tuned pass where rotary positions turn queries and keys: right after their product.
    ///
    /// - Parameter qkv: the row of the first of `tokens`.
    private func rotate(_ qkv: UnsafeMutableRawPointer, tokens: Range<Int>) {
        guard let rotation else { return }
        switch storage {
        case .float32:
            rotation.apply(
                to: qkv.assumingMemoryBound(to: Float.self), stride: 3 * d, tokens: tokens, parts: 2)
        case .bfloat16:
            rotation.apply(
                toBFloat16: qkv.assumingMemoryBound(to: UInt16.self), stride: 3 * d, tokens: tokens, parts: 2)
        }
    }

    /// The hidden values after their activation: SwiGLU is a step of its own, the others are part of the product.
    private func activated(_ worker: WorkerScratch, rows: Int) -> UnsafeRawPointer {
        guard c.activation.isGated else { return UnsafeRawPointer(worker.hidden) }
        let hidden = worker.hidden.assumingMemoryBound(to: Float.self)
        switch storage {
        case .float32:
            vv_swiglu(worker.gated.assumingMemoryBound(to: Float.self), hidden, rows, c.feedForwardWidth)
        case .bfloat16:
            vv_swiglu_bf16(
                worker.gated.assumingMemoryBound(to: UInt16.self), hidden, rows, c.feedForwardWidth)
        }
        return UnsafeRawPointer(worker.gated)
    }

    private func pack(head: Int) {
        let keys = scratch.packedKeys + head * scratch.packedBytes
        let values = scratch.packedValues + head * scratch.packedBytes
        let first = d + head * c.headWidth
        switch storage {
        case .float32:
            let from = scratch.qkv.assumingMemoryBound(to: Float.self) + first
            vv_attention_pack(
                keys.assumingMemoryBound(to: Float.self), values.assumingMemoryBound(to: Float.self), from,
                from + d, 3 * d, tokens, c.headWidth)
        case .bfloat16:
            let from = scratch.qkv.assumingMemoryBound(to: UInt16.self) + first
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
                scratch.attentionOutput.assumingMemoryBound(to: Float.self) + queries.lowerBound * d + column, d,
                scratch.qkv.assumingMemoryBound(to: Float.self) + queries.lowerBound * 3 * d
                    + column,
                3 * d, queries.count, keys.assumingMemoryBound(to: Float.self),
                values.assumingMemoryBound(to: Float.self), tokens, c.headWidth, softmaxScale,
                space.assumingMemoryBound(to: Float.self))
        case .bfloat16:
            vv_attention_bf16(
                scratch.attentionOutput.assumingMemoryBound(to: UInt16.self) + queries.lowerBound * d + column, d,
                scratch.qkv.assumingMemoryBound(to: UInt16.self) + queries.lowerBound * 3 * d
                    + column,
                3 * d, queries.count, keys, values, tokens, c.headWidth, softmaxScale, space)
        }
    }

    private func forRowTiles(
        _ body: (_ start: Int, _ rows: Int, _ worker: WorkerScratch) throws -> Void
    ) throws {
        let tiles = (tokens + Scratch.rowTile - 1) / Scratch.rowTile
        try workers.run(count: tiles) { index, worker in
            let start = index * Scratch.rowTile
            try body(start, min(Scratch.rowTile, tokens - start), scratch.workers[worker])
        }
    }
}
