/// A single-channel map of 32-bit floats, `height × width`, row-major: an attention map or a scaled heatmap.
package struct Plane: Sendable, Equatable {
    package let height: Int
    package let width: Int
    /// `height * width` values, row-major.
    package var values: [Float]

    /// - Precondition: `values.count == height * width`.
    package init(height: Int, width: Int, values: [Float]) {
        precondition(values.count == height * width, "a plane holds height × width values")
        self.height = height
        self.width = width
        self.values = values
    }

    package init(height: Int, width: Int, repeating value: Float = 0) {
        self.init(height: height, width: width, values: [Float](repeating: value, count: height * width))
    }

    package subscript(row: Int, column: Int) -> Float {
        get { values[row * width + column] }
        set { values[row * width + column] = newValue }
    }

    /// The smallest and largest value; `nil` for an empty plane.
    package var range: ClosedRange<Float>? {
        guard var low = values.first else { return nil }
        var high = low
        for value in values {
            low = min(low, value)
            high = max(high, value)
        }
        return low...high
    }
}
