/// Total variation by four differences: for each of right, below, below right and below left the Euclidean norm (not
/// its square) of the picture of differences between neighbours, the four added up.
package enum TotalVariation {
    /// Rows and columns to the neighbour.
    private static let neighbours = [(0, 1), (1, 0), (1, 1), (1, -1)]

    /// The sum over all planes of the four norms. Where a norm is 0 its gradient is taken as 0.
    ///
    /// - Parameters:
    ///   - planes: `count × height × width`.
    ///   - weight: what the gradient is multiplied by.
    ///   - gradient: added to; as many values.
    package static func sum(
        _ planes: [Float], height: Int, width: Int, weight: Float, gradient: inout [Float]
    ) -> Float {
        var total: Float = 0
        planes.withUnsafeBufferPointer { planes in
            gradient.withUnsafeMutableBufferPointer { gradient in
                for start in stride(from: 0, to: planes.count, by: height * width) {
                    guard let x = planes.baseAddress, let g = gradient.baseAddress else { return }
                    for (down, right) in neighbours {
                        total += norm(
                            x + start, g + start, height: height, width: width, down: down, right: right,
                            weight: weight)
                    }
                }
            }
        }
        return total
    }

    /// ‖d‖ of one difference d = x[y + down, x + right] − x[y, x], and d/‖d‖ to both ends' gradients.
    private static func norm(
        _ x: UnsafePointer<Float>, _ gradient: UnsafeMutablePointer<Float>, height: Int, width: Int,
        down: Int, right: Int, weight: Float
    ) -> Float {
        // From the first column whose neighbour is in the picture.
        let first = max(0, -right)
        let count = width - abs(right)
        let offset = down * width + right
        var squares = 0.0
        for y in 0..<max(height - down, 0) {
            let line = x + y * width + first
            var sum: Float = 0
            for i in 0..<max(count, 0) {
                let difference = line[i + offset] - line[i]
                sum += difference * difference
            }
            squares += Double(sum)
        }
        let norm = squares.squareRoot()
        guard norm > 0 else { return 0 }
        let factor = Float(Double(weight) / norm)
        for y in 0..<height - down {
            let line = x + y * width + first
            let from = gradient + y * width + first
            // Apart, so that each loop writes where it reads nothing else.
            for i in 0..<count { from[i] -= factor * (line[i + offset] - line[i]) }
            for i in 0..<count { from[i + offset] += factor * (line[i + offset] - line[i]) }
        }
        return Float(norm)
    }
}
