/// A normalized picture as three planes, on its way into a batch.
package struct PicturePlanes: Sendable, Equatable {
    package let height: Int
    package let width: Int
    /// `3 × height × width`.
    package var values: [Float]

    /// - Precondition: as many values as the sides say.
    package init(height: Int, width: Int, values: [Float]) {
        precondition(values.count == 3 * height * width, "three planes hold 3 × height × width values")
        (self.height, self.width, self.values) = (height, width, values)
    }

    /// The picture as a mirror shows it.
    package func flipped() -> PicturePlanes {
        var flipped = self
        flipped.values.withUnsafeMutableBufferPointer { values in
            for row in stride(from: 0, to: values.count, by: width) { values[row..<(row + width)].reverse() }
        }
        return flipped
    }

    /// A part of the picture, which may reach over its border.
    ///
    /// - Parameter outside: the value of each channel beyond the border.
    package func cropped(
        top: Int, left: Int, height newHeight: Int, width newWidth: Int, outside: [Float]
    ) -> PicturePlanes {
        var cropped = [Float]()
        cropped.reserveCapacity(3 * newHeight * newWidth)
        // What of a row of the part lies within the picture.
        let columns = max(left, 0)..<max(max(left, 0), min(left + newWidth, width))
        values.withUnsafeBufferPointer { values in
            for channel in 0..<3 {
                for y in top..<(top + newHeight) {
                    guard (0..<height).contains(y), !columns.isEmpty else {
                        cropped.append(contentsOf: repeatElement(outside[channel], count: newWidth))
                        continue
                    }
                    let row = (channel * height + y) * width
                    cropped.append(
                        contentsOf: repeatElement(outside[channel], count: columns.lowerBound - left))
                    cropped.append(
                        contentsOf: values[(row + columns.lowerBound)..<(row + columns.upperBound)])
                    cropped.append(
                        contentsOf: repeatElement(
                            outside[channel], count: left + newWidth - columns.upperBound))
                }
            }
        }
        return PicturePlanes(height: newHeight, width: newWidth, values: cropped)
    }
}
