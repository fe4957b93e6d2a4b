import Base

/// How a window is moved along the two axes of a picture.
struct Window2D: Sendable, Equatable {
    /// Rows and columns each.
    var kernel: (Int, Int)
    var strides = (1, 1)
    var dilations = (1, 1)
    /// Rows above, columns left, rows below, columns right.
    var padding = (0, 0, 0, 0)

    static func == (a: Window2D, b: Window2D) -> Bool {
        a.kernel == b.kernel && a.strides == b.strides && a.dilations == b.dilations && a.padding == b.padding
    }

    /// How many places the window has in so many rows and columns.
    ///
    /// - Parameter rounds: whether a window that begins inside and ends outside counts.
    /// - Throws: `VitvideoError` of kind `badData` where there is none.
    func places(height: Int, width: Int, roundsUp: Bool = false) throws -> (Int, Int) {
        func count(_ size: Int, _ kernel: Int, _ stride: Int, _ dilation: Int, _ before: Int, _ after: Int)
            throws -> Int
        {
            guard kernel > 0, stride > 0, dilation > 0, kernel < 1 << 20, dilation < 1 << 20,
                stride < 1 << 20,
                before >= 0, after >= 0, before < 1 << 20, after < 1 << 20
            else {
                throw VitvideoError.badData("a window of \(kernel), stride \(stride), dilation \(dilation)")
            }
            let room = size + before + after - dilation * (kernel - 1) - 1
            guard room >= 0 else {
                throw VitvideoError.badData(
                    "a window of \(kernel) is larger than the \(size) it is moved along")
            }
            var count = room / stride + 1
            if roundsUp, room % stride != 0, count * stride < size + before { count += 1 }
            return count
        }
        return (
            try count(height, kernel.0, strides.0, dilations.0, padding.0, padding.2),
            try count(width, kernel.1, strides.1, dilations.1, padding.1, padding.3)
        )
    }

    /// What the places of a window stand for along an axis, of so many inputs: as many as the stride, in the middle of the
    /// window.
    func inputs(of place: Int, alongRows: Bool, size: Int) -> Range<Int> {
        let (kernel, stride, dilation, before) =
            alongRows
            ? (kernel.0, strides.0, dilations.0, padding.0) : (kernel.1, strides.1, dilations.1, padding.1)
        let extent = dilation * (kernel - 1) + 1
        let first = place * stride - before + max(extent - stride + 1, 0) / 2
        let low = min(max(first, 0), size - 1)
        return low..<max(min(first + min(stride, extent), size), low + 1)
    }

    /// Places after the window has been moved along the last two axes.
    func moved(_ places: PlaceTensor, height: Int, width: Int, to shape: Shape) -> PlaceTensor {
        let rank = places.rank
        let source =
            places.varies(along: rank - 1) || places.varies(along: rank - 2)
            ? places.expanded { $0 == rank - 2 ? height : $0 == rank - 1 ? width : nil } : places
        guard source.varies(along: rank - 1) || source.varies(along: rank - 2) else { return source }
        let (rows, columns) = (shape[rank - 2], shape[rank - 1])
        let outer = source.sizes[..<(rank - 2)].reduce(1, *)
        var values: [Place] = []
        values.reserveCapacity(outer * rows * columns)
        for o in 0..<outer {
            for row in 0..<rows {
                let from = inputs(of: row, alongRows: true, size: height)
                for column in 0..<columns {
                    let across = inputs(of: column, alongRows: false, size: width)
                    // Places are rectangles that follow each other: the corners say what lies between.
                    func at(_ y: Int, _ x: Int) -> Place { source.values[(o * height + y) * width + x] }
                    values.append(
                        at(from.lowerBound, across.lowerBound)
                            .union(at(from.upperBound - 1, across.upperBound - 1)))
                }
            }
        }
        return PlaceTensor(sizes: Array(source.sizes[..<(rank - 2)]) + [rows, columns], values: values)
    }
}
