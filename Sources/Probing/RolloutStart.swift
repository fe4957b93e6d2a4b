import ViT

/// The row that rollout starts from: what the model's one feature of a picture is made of after the last block.
enum RolloutStart {
    /// `request`, and for a model whose probe rollout starts from, that probe's attention.
    static func request(_ request: ForwardRequest, of c: Configuration) -> ForwardRequest {
        var request = request
        request.wantsProbeAttention = c.pooling == .attentionProbe && !c.prefix.hasClassToken
        return request
    }

    /// The class token; in a model without one what its probe attends to, fused over heads, else every patch alike.
    ///
    /// - Parameters:
    ///   - probe: of the picture, `heads × patches`; empty for a model without a probe.
    /// - Returns: a value for every token, in sum 1, or all 0.
    static func row(
        _ c: Configuration, tokens: Int, probe: [Float], fusion: HeadFusion, isGradient: Bool = false
    ) -> [Float] {
        var row = [Float](repeating: 0, count: tokens)
        if c.prefix.hasClassToken {
            row[0] = 1
            return row
        }
        let patches = tokens - c.specialTokens
        for patch in 0..<patches {
            let values = stride(from: patch, to: probe.count, by: patches).map { probe[$0] }
            let fused: Float =
                switch (values.isEmpty, fusion) {
                case (true, _): 1
                case (_, .mean): values.reduce(0, +)
                case (_, .min): values.min() ?? 0
                case (_, .max): values.max() ?? 0
                }
            row[c.specialTokens + patch] = isGradient ? max(fused, 0) : fused
        }
        let sum = row.reduce(0, +)
        return sum > 0 ? row.map { $0 / sum } : row
    }
}
