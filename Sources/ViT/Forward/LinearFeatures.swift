/// What a linear classifier on a frozen backbone reads: the class tokens of the last `blocks` blocks, earliest first, each
/// after the model's final LayerNorm, then, where `includesMeanPatch`, the mean of the last block's patch tokens after that
/// LayerNorm.
package struct LinearFeatures: Sendable, Hashable {
    package let blocks: Int
    package let includesMeanPatch: Bool

    package init(blocks: Int, includesMeanPatch: Bool) {
        self.blocks = blocks
        self.includesMeanPatch = includesMeanPatch
    }

    /// Number of features of a model of that width.
    package func count(width: Int) -> Int { width * (blocks + (includesMeanPatch ? 1 : 0)) }

    /// Adds what is read to a request.
    package func require(of request: inout ForwardRequest) {
        request.classTokenBlocks = max(request.classTokenBlocks, blocks)
        if includesMeanPatch { request.wantsTokens = true }
    }

    /// - Parameter result: of a request that `require` has been applied to.
    /// - Returns: `count(width:)` values.
    package func values(of result: ForwardResult, specialTokens: Int, width: Int) -> [Float] {
        var features = Array(result.classTokens.suffix(blocks * width))
        if includesMeanPatch {
            let patches = Array(result.tokens[(specialTokens * width)...])
            features += TokenFeature.mean(patches, count: patches.count / width, width: width)
        }
        return features
    }
}
