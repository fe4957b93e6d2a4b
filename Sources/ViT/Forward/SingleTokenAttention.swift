import CKernels

/// The attention that a picture shows, in 32-bit floats out of the residual stream alone.
extension BlockPass {
    /// Softmax attention to the patches, `heads × patches`.
    ///
    /// - Parameter index: the block's.
    /// - Throws: `VitvideoError.notFinite`, and where the weights cannot be read.
    func attention(from query: AttentionQuery, _ block: PackedBlock, index: Int) throws -> [Float] {
        switch query {
        case .token(let token): try attention(from: token, block, index: index)
        case .meanPatch: try meanAttention(block, index: index)
        }
    }

    /// The mean over the patches of what each attends to.
    private func meanAttention(_ block: PackedBlock, index: Int) throws -> [Float] {
        let input = try block.attentionInput()
        let bias = positions.bias(ofBlock: index)
        // Queries, then keys of each token.
        let pairs = FloatBuffer(tokens * 2 * d)
        try forRowTiles { start, rows, worker in
            let to = pairs.start + start * 2 * d
            product(
                to, stride: 2 * d, normalized(input, start: start, rows: rows, worker), stride: d,
                input.qkv.weight, stride: d, bTransposed: true, m: rows, n: 2 * d, k: d)
            vv_add_bias(to, input.qkv.bias, rows, 2 * d)
            for row in 0..<rows {
                input.normalizeHeads(to + row * 2 * d, input.queryNorm, d, c.layerNormEpsilon)
                input.normalizeHeads(to + row * 2 * d + d, input.keyNorm, d, c.layerNormEpsilon)
            }
            positions.rotation?.apply(to: to, stride: 2 * d, tokens: start..<start + rows, parts: 2)
        }
        let sums = FloatBuffer(c.heads * tokens)
        sums.clear()
        let strips = RowTiles(rows: tokens - c.specialTokens, most: AttentionStrip.usualRows)
        try workers.run(count: c.heads) { head, _ in
            let strip = FloatBuffer(strips.most * tokens)
            let row = FloatBuffer(tokens)
            for (start, rows) in strips {
                let first = c.specialTokens + start
                product(
                    strip.start, stride: tokens, pairs.start + first * 2 * d + head * c.headWidth,
                    stride: 2 * d,
                    pairs.start + d + head * c.headWidth, stride: 2 * d, bTransposed: true, m: rows,
                    n: tokens,
                    k: c.headWidth)
                bias?.add(to: strip.start, head: head, firstQuery: first, count: rows, row: row)
                vv_softmax_rows(strip.start, rows, tokens, tokens, softmaxScale)
                vv_add_column_sums(sums.start + head * tokens, strip.start, rows, tokens)
            }
        }
        try FiniteValues.check(
            UnsafePointer(sums.start), count: sums.count, in: "the attention of layer \(index)")
        let patches = tokens - c.specialTokens
        return (0..<c.heads).flatMap { head in
            (c.specialTokens..<tokens).map { sums.start[head * tokens + $0] / Float(patches) }
        }
    }

    /// The attention of one token, computed without queries, keys and values of the whole picture.
    private func attention(from token: Int, _ block: PackedBlock, index: Int) throws -> [Float] {
        let input = try block.attentionInput()
        let query = query(of: token, input)
        // Scores stand as tokens × heads first, as the products give them.
        let byToken =
            positions.rotation == nil && input.keyNorm == nil
            ? try scoresWithoutKeys(query, input) : try scoresByKeys(query, input)
        // Softmax would hide what is no number.
        try FiniteValues.check(byToken, in: "the attention of layer \(index)")
        let heads = c.heads
        var scores = [Float](repeating: 0, count: heads * tokens)
        for head in 0..<heads {
            for token in 0..<tokens { scores[head * tokens + token] = byToken[token * heads + head] }
        }
        if let bias = positions.bias(ofBlock: index) {
            let row = FloatBuffer(tokens)
            for head in 0..<heads {
                scores.withUnsafeMutableBufferPointer { scores in
                    bias.add(
                        to: scores.baseAddress! + head * tokens, head: head, firstQuery: token, count: 1,
                        row: row)
                }
            }
        }
        vv_softmax_rows(&scores, heads, tokens, tokens, softmaxScale)
        return (0..<heads).flatMap { scores[$0 * tokens + c.specialTokens..<($0 + 1) * tokens] }
    }

    /// q of one token for every head, `D`, as `AttentionInput.run` leaves it.
    private func query(of token: Int, _ input: AttentionInput) -> [Float] {
        var normalized = [Float](repeating: 0, count: d)
        vv_layer_norm(
            &normalized, scratch.residual + token * d, input.norm.gamma, input.norm.beta, 1, d,
            c.layerNormEpsilon)
        var query = [Float](input.qkv.bias[..<d])
        product(
            &query, stride: d, normalized, stride: d, input.qkv.weight, stride: d, bTransposed: true, m: 1,
            n: d, k: d, beta: 1)
        query.withUnsafeMutableBufferPointer { query in
            guard let start = query.baseAddress else { return }
            input.normalizeHeads(start, input.queryNorm, d, c.layerNormEpsilon)
            positions.rotation?.apply(to: start, stride: d, tokens: token..<token + 1, parts: 1)
        }
        return query
    }

    /// The query's scores with all tokens, `tokens × heads`, less what is the same for all of them.
    ///
    /// A score is q·(Wₖx + bₖ) = (Wₖᵀq)·x + q·bₖ. Taking the one query through Wₖᵀ costs a product with as
    /// many columns as there are heads, where projecting every key would cost one with D; and q·bₖ is the
    /// same for all keys, so that softmax drops it. Rotary positions do not allow this: with a rotation R_j
    /// of each key, q·R_j(Wₖx + bₖ) has another Wₖᵀ R_jᵀ q for every token. Nor does a norm of each key.
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

    /// The query's scores with all tokens' keys, `tokens × heads`.
    private func scoresByKeys(_ query: [Float], _ input: AttentionInput) throws -> [Float] {
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
                for row in 0..<rows {
                    input.normalizeHeads(keys + row * d, input.keyNorm, d, c.layerNormEpsilon)
                }
                positions.rotation?.apply(to: keys, stride: d, tokens: start..<start + rows, parts: 1)
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
