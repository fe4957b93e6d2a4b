/// How a stored tensor's axes make up those the engine wants: one group of source axes for each target axis, the
/// axes of a group laid out in one, the last fastest. `[1, 2], [0]` turns (D, heads, width) into
/// (heads · width, D).
package struct AxisOrder: Sendable, Equatable {
    private let groups: [[Int]]

    package init(_ groups: [Int]...) { self.groups = groups }

    /// The target's shape; nil where the source has another number of axes.
    package func shape(of source: [Int]) -> [Int]? {
        guard source.count == groups.joined().count else { return nil }
        return groups.map { $0.reduce(1) { $0 * source[$1] } }
    }

    /// Row-major values in the target's order.
    ///
    /// - Parameter shape: the source's, of as many axes as there are in the groups.
    package func rearranged(_ values: [Float], shape: [Int]) -> [Float] {
        let axes = Array(groups.joined())
        if axes == Array(axes.indices) { return values }
        var strides = [Int](repeating: 1, count: shape.count)
        for axis in shape.indices.dropLast().reversed() {
            strides[axis] = strides[axis + 1] * shape[axis + 1]
        }
        let sizes = axes.map { shape[$0] }
        let steps = axes.map { strides[$0] }
        let (innerSize, innerStep) = (sizes[sizes.count - 1], steps[steps.count - 1])

        return [Float](unsafeUninitializedCapacity: values.count) { to, count in
            values.withUnsafeBufferPointer { from in
                var index = [Int](repeating: 0, count: sizes.count)
                var offset = 0
                while count < from.count {
                    for i in 0..<innerSize { to[count + i] = from[offset + i * innerStep] }
                    count += innerSize
                    // Carries into the axes outside the innermost, as an odometer does.
                    var axis = sizes.count - 2
                    while axis >= 0 {
                        index[axis] += 1
                        offset += steps[axis]
                        if index[axis] < sizes[axis] { break }
                        offset -= sizes[axis] * steps[axis]
                        index[axis] = 0
                        axis -= 1
                    }
                }
            }
        }
    }
}
