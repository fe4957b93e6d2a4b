import CKernels

/// The attention of a single token, computed without queries, keys and values of the whole picture.
extension BlockPass {
    /// Softmax attention from one token to the patches, `heads × patches`, out of the residual stream alone.
    ///
    /// - Parameter index: the block's, for an error.
    /// - Throws: `VitvideoError.notFinite`, and where the weights cannot be read.
    func attention(from token: Int, _ block: PackedBlock, index: Int) throws -> [Float] {
        let input = try block.attentionInput()
        let query = query(of: token, input)
        // Scores stand as tokens × heads first, as the products give them.
        let byToken =
            rotation == nil
            ? try scoresWithoutKeys(query, input) : try scoresByRotatedKeys(query, input)
        // Softmax would hide what is no number.
        try FiniteValues.check(byToken, in: "the attention of layer \(index)")
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
    /// A score is q·(Wₖx + bₖ) = (Wₖᵀq)·x + q·bₖ. Taking the one query through Wₖᵀ costs a product with as
    /// many columns as there are heads, where projecting every key would cost one with D; and q·bₖ is the
    /// same for all keys, so that softmax drops it. Rotary positions do not allow this: with a rotation R_j
    /// of each key, q·R_j(Wₖx + bₖ) has another Wₖᵀ R_jᵀ q for every token.
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
}
