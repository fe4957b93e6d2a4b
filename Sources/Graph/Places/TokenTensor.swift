/// A tensor that holds a vector for each token: for parts of the picture on a grid, and for tokens beside them.
package struct TokenTensor: Sendable {
    package let value: Value
    package let grid: PlaceGrid
    /// How many values a vector has.
    package let width: Int
    /// How many tokens beside the picture's there are, such as the class token.
    package let specialTokens: Int
    /// Where each token's vector begins, special tokens first, then the grid row-major.
    private let offsets: [Int]
    /// How far apart a vector's values lie.
    private let stride: Int

    /// - Returns: nil where its places are no grid, or what is left beside them is not one axis.
    init?(_ value: Value, shape: Shape, places: Places) {
        let rows = places.rows
        guard places.columns == nil, let grid = PlaceGrid(rows.values) else { return nil }
        let channels = (0..<shape.rank).filter { !rows.varies(along: $0) && shape[$0] > 1 }
        guard channels.count <= 1, rows.varies else { return nil }
        let strides = shape.strides
        self.value = value
        self.grid = grid
        width = channels.first.map { shape[$0] } ?? 1
        stride = channels.first.map { strides[$0] } ?? 1
        let own = rows.strides
        var cells = [Int?](repeating: nil, count: grid.rows * grid.columns)
        var special: [Int: Int] = [:]
        for (index, place) in rows.values.enumerated() {
            let offset = (0..<shape.rank).reduce(0) { sum, axis in
                rows.varies(along: axis) ? sum + index / own[axis] % rows.sizes[axis] * strides[axis] : sum
            }
            if let cell = grid.index(of: place) {
                guard cells[cell] == nil else { return nil }
                cells[cell] = offset
            } else if let token = place.token {
                special[token] = offset
            }
        }
        let found = cells.compactMap { $0 }
        guard found.count == cells.count else { return nil }
        specialTokens = special.count
        offsets = special.keys.sorted().compactMap { special[$0] } + found
    }

    /// The vectors, tokens × width.
    package func vectors(_ values: UnsafeBufferPointer<Float>) -> [Float] {
        var result: [Float] = []
        result.reserveCapacity(offsets.count * width)
        for offset in offsets {
            for channel in 0..<width { result.append(values[offset + channel * stride]) }
        }
        return result
    }

    /// One value of each patch's vector, row-major.
    package func channel(_ channel: Int, of values: UnsafeBufferPointer<Float>) -> [Float] {
        offsets[specialTokens...].map { values[$0 + channel * stride] }
    }

    /// A gradient that is `gradient` at one value of each patch's vector and 0 elsewhere.
    ///
    /// - Parameter count: values of the tensor.
    package func gradient(_ gradient: Float, atChannel channel: Int, count: Int) -> [Float] {
        var result = [Float](repeating: 0, count: count)
        for offset in offsets[specialTokens...] { result[offset + channel * stride] = gradient }
        return result
    }
}
