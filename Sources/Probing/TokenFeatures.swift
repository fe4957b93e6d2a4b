import Pixels
import ViT

/// Which vectors stand for the tokens of a picture.
package struct TokenFeatures: Sendable, Hashable {
    package enum Kind: String, Sendable, CaseIterable {
        /// What comes out of a block, or of the final LayerNorm.
        case token
        /// The queries of all heads side by side as attention multiplies them: normed and rotated where the model does
        /// that.
        case query
        /// The keys, likewise.
        case key
        /// The values of all heads side by side.
        case value
    }

    package let kind: Kind
    /// The block that they are of; nil for the tokens after the final LayerNorm.
    package let block: Int?

    /// - Parameter block: nil for the last block, of which tokens are taken after the final LayerNorm.
    package init(_ kind: Kind, block: Int?, of configuration: Configuration) {
        self.kind = kind
        self.block = block ?? (kind == .token ? nil : configuration.depth - 1)
    }

    /// Looks at a picture.
    ///
    /// - Parameter request: what else the pass should give back.
    /// - Returns: the vectors, and the pass's result.
    /// - Throws: as `ForwardPass.run`.
    package func run(
        _ pass: ForwardPass, _ input: PatchMatrix,
        _ request: ForwardRequest = ForwardRequest(attentionBlocks: [])
    ) throws -> (vectors: TokenVectors, result: ForwardResult) {
        let c = pass.model.configuration
        var request = request
        var values: [Float] = []
        let result: ForwardResult
        if let block {
            let stage = kind == .token ? ForwardStage.block(block) : .queriesKeysValues(block: block)
            result = try pass.run(input, request, observing: [stage]) { _, _, found in
                values = third.map { Self.columns(found, $0 * c.width, width: c.width) } ?? Array(found)
            }
        } else {
            request.wantsTokens = true
            result = try pass.run(input, request)
            values = result.tokens
        }
        let vectors = TokenVectors(
            values: values, width: c.width, specialTokens: c.specialTokens, rows: input.rows,
            columns: input.columns)
        return (vectors, result)
    }

    /// Which third of queries, keys and values.
    private var third: Int? {
        switch kind {
        case .token: nil
        case .query: 0
        case .key: 1
        case .value: 2
        }
    }

    /// Columns from `first` on, out of rows of `3 · width`.
    private static func columns(
        _ matrix: UnsafeBufferPointer<Float>, _ first: Int, width: Int
    ) -> [Float] {
        stride(from: first, to: matrix.count, by: 3 * width).flatMap { matrix[$0..<$0 + width] }
    }
}

/// A vector for each token of a picture.
package struct TokenVectors: Sendable {
    /// `tokens × width`, special tokens first.
    package let values: [Float]
    package let width: Int
    package let specialTokens: Int
    /// Of the patch grid.
    package let rows: Int
    package let columns: Int

    package init(values: [Float], width: Int, specialTokens: Int, rows: Int, columns: Int) {
        precondition(values.count == (specialTokens + rows * columns) * width, "a vector a token")
        self.values = values
        self.width = width
        self.specialTokens = specialTokens
        self.rows = rows
        self.columns = columns
    }

    package subscript(token: Int) -> ArraySlice<Float> { values[token * width..<(token + 1) * width] }

    /// `rows × columns × width`.
    package var patches: ArraySlice<Float> { values[(specialTokens * width)...] }

    /// The Euclidean length of each patch's vector, `rows × columns`.
    package func norms() -> Plane {
        forEachPatch { VectorSum.product($0, $0, count: width).squareRoot() }
    }

    /// The cosine of each patch's vector with another one, `rows × columns`; 0 where either has no length.
    ///
    /// - Parameter query: `width` values.
    package func cosines(with query: some Collection<Float>) -> Plane {
        let query = Array(query)
        precondition(query.count == width, "a vector of the same width")
        return query.withUnsafeBufferPointer { query in
            guard let query = query.baseAddress else { return Plane(height: rows, width: columns) }
            let length = VectorSum.product(query, query, count: width).squareRoot()
            return forEachPatch { patch in
                let own = VectorSum.product(patch, patch, count: width).squareRoot()
                let product = VectorSum.product(patch, query, count: width)
                return length > 0 && own > 0 ? product / (length * own) : 0
            }
        }
    }

    private func forEachPatch(_ value: (UnsafePointer<Float>) -> Float) -> Plane {
        var plane = Plane(height: rows, width: columns)
        patches.withUnsafeBufferPointer { patches in
            guard let start = patches.baseAddress else { return }
            for patch in plane.values.indices { plane.values[patch] = value(start + patch * width) }
        }
        return plane
    }
}
