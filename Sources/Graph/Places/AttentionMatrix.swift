import Base

/// An attention matrix of a model: where it is, what its rows ask from and its columns look at.
///
/// It is found in the graph, not declared: the left factor of a product with values, descended from a softmax. Axes along
/// which places change are windows, the others before the last two are heads.
package struct AttentionMatrix: Sendable {
    package let value: Value
    /// Where the model's file says it belongs.
    package let scope: String
    package let heads: Int
    /// Rows and columns of a window.
    package let rowCount: Int
    package let columnCount: Int
    /// Where each head's, and each window's, matrix begins, in values.
    package let headOffsets: [Int]
    package let windowOffsets: [Int]
    /// How far apart a matrix's rows lie, and its columns.
    private let rowStride: Int
    private let columnStride: Int
    /// What rows stand for, windows × rows; channels stand for nothing.
    package let rowPlaces: [Place]
    /// What columns stand for, windows × columns.
    package let columnPlaces: [Place]
    /// What asks, on a grid; nil where rows are tokens or channels alone.
    package let queries: PlaceGrid?
    /// What is looked at, on a grid.
    package let keys: PlaceGrid

    /// Whether rows stand for tokens: for patches, or for a class token.
    package var hasQueries: Bool { rowPlaces.contains { !$0.isNone } }
    /// How many class tokens and their like are among the rows.
    package var queryTokens: Int { Set(rowPlaces.compactMap(\.token)).count }
    package var keyTokens: Int { Set(columnPlaces.compactMap(\.token)).count }

    /// - Parameter isTurned: whether the last axis is that of what asks.
    /// - Returns: nil where columns stand for no parts of the picture.
    init?(_ value: Value, shape: Shape, places: Places, scope: String, isTurned: Bool = false) {
        let rank = shape.rank
        guard rank >= 2 else { return nil }
        let none = PlaceTensor(.none, rank: rank)
        let (rowAxis, columnAxis) = isTurned ? (rank - 1, rank - 2) : (rank - 2, rank - 1)
        var (rows, columns) = places.columns.map { (places.rows, $0) } ?? (none, places.rows)
        if isTurned, places.columns != nil { swap(&rows, &columns) }
        guard columns.varies(along: columnAxis), let keys = PlaceGrid(columns.values) else { return nil }
        self.value = value
        self.scope = scope
        self.keys = keys
        (rowCount, columnCount) = (shape[rowAxis], shape[columnAxis])
        let strides = shape.strides
        (rowStride, columnStride) = (strides[rowAxis], strides[columnAxis])
        var (headOffsets, windowOffsets) = ([0], [0])
        /// Where each window begins among the places.
        var windowPlaces: [[Int]] = [[]]
        for axis in 0..<rank - 2 {
            let steps = (0..<shape[axis]).map { $0 * strides[axis] }
            if rows.varies(along: axis) || columns.varies(along: axis) {
                windowOffsets = windowOffsets.flatMap { base in steps.map { base + $0 } }
                windowPlaces = windowPlaces.flatMap { base in (0..<shape[axis]).map { base + [$0] } }
            } else {
                headOffsets = headOffsets.flatMap { base in steps.map { base + $0 } }
                windowPlaces = windowPlaces.map { $0 + [0] }
            }
        }
        (self.headOffsets, self.windowOffsets) = (headOffsets, windowOffsets)
        heads = headOffsets.count
        /// The places along an axis of each window.
        func along(_ axis: Int, _ places: PlaceTensor) -> [Place] {
            let strides = places.strides
            return windowPlaces.flatMap { window in
                let start = window.enumerated().reduce(0) {
                    $0 + (places.varies(along: $1.offset) ? $1.element * strides[$1.offset] : 0)
                }
                return (0..<shape[axis]).map {
                    places.values[start + (places.varies(along: axis) ? $0 * strides[axis] : 0)]
                }
            }
        }
        rowPlaces = along(rowAxis, rows)
        columnPlaces = along(columnAxis, columns)
        queries = PlaceGrid(rowPlaces)
    }

    /// The matrices of a graph, in the order of computation.
    ///
    /// - Returns: also the ones whose columns stand for no parts of the picture, by their scopes.
    package static func all(of placed: PlacedGraph) -> (matrices: [AttentionMatrix], others: [String]) {
        let graph = placed.graph
        var descends = [Bool](repeating: false, count: graph.shapes.count)
        var (matrices, others) = ([AttentionMatrix](), [String]())
        for node in graph.nodes {
            let isProduct = node.operation is MatMul && node.inputs.allSatisfy { graph.parameter($0) == nil }
            // Attention stands before the values, or turned round behind them.
            let factor = isProduct ? (0..<2).first { descends[node.inputs[$0].index] } : nil
            if let factor, let product = node.operation as? MatMul {
                let value = node.inputs[factor]
                let matrix = placed[value].flatMap {
                    AttentionMatrix(
                        value, shape: graph.shape(value), places: $0, scope: node.scope,
                        isTurned: factor == 1 && !product.transposesY)
                }
                if let matrix { matrices.append(matrix) } else { others.append(node.scope) }
            }
            descends[node.output.index] =
                node.operation is Softmax
                || !isProduct && passesOn(node.operation) && node.inputs.contains { descends[$0.index] }
        }
        return (matrices, others)
    }

    /// Whether what is done to attention leaves it attention: it is moved, scaled, mixed with other heads'.
    private static func passesOn(_ operation: any Operator) -> Bool {
        switch operation {
        case is LayerNorm, is Reduce, is Convolution, is Pool, is Unary: false
        default: true
        }
    }
}

// MARK: Reading

extension AttentionMatrix {
    /// The attention of what asks from a place, of one head, on the grid of the keys; what it does not see is 0.
    ///
    /// - Parameters:
    ///   - values: the matrix, as computed.
    ///   - query: a place of a row.
    /// - Returns: nil where no row stands for it.
    package func map(_ values: UnsafeBufferPointer<Float>, head: Int, from query: Place) -> [Float]? {
        var result = [Float](repeating: 0, count: keys.rows * keys.columns)
        var isFound = false
        forEachRow { window, row, place in
            guard place == query else { return }
            isFound = true
            addRow(values, head: head, window: window, row: row, times: 1, to: &result)
        }
        return isFound ? result : nil
    }

    /// What patches receive, of one head: the mean over the rows that are patches, else over those that are other tokens or
    /// channels, on the grid of the keys.
    package func received(_ values: UnsafeBufferPointer<Float>, head: Int) -> [Float] {
        var result = [Float](repeating: 0, count: keys.rows * keys.columns)
        func asks(_ place: Place) -> Bool {
            queries != nil ? place.pixels != nil : !hasQueries || !place.isNone
        }
        let asking = rowPlaces.count(where: asks)
        forEachRow { window, row, place in
            guard asks(place) else { return }
            addRow(
                values, head: head, window: window, row: row, times: 1 / Float(max(asking, 1)), to: &result)
        }
        return result
    }

    /// Calls `body` for every row: its window, its number there and what it stands for.
    package func forEachRow(_ body: (_ window: Int, _ row: Int, _ place: Place) -> Void) {
        for window in windowOffsets.indices {
            for row in 0..<rowCount { body(window, row, rowPlaces[window * rowCount + row]) }
        }
    }

    /// Where a value of a row lies.
    @inline(__always)
    package func offset(head: Int, window: Int, row: Int, column: Int = 0) -> Int {
        headOffsets[head] + windowOffsets[window] + row * rowStride + column * columnStride
    }

    private func addRow(
        _ values: UnsafeBufferPointer<Float>, head: Int, window: Int, row: Int, times factor: Float,
        to map: inout [Float]
    ) {
        let start = offset(head: head, window: window, row: row)
        for column in 0..<columnCount {
            if let cell = keys.index(of: columnPlaces[window * columnCount + column]) {
                map[cell] += factor * values[start + column * columnStride]
            }
        }
    }
}
