import CKernels
import Pixels

/// How a picture is brought to another size.
package enum ResizeFilter: Sendable {
    /// Antialiased bilinear, as torchvision ≥ 0.17 resizes.
    case antialiasedBilinear
    /// Bilinear between the two nearest samples, also where the picture shrinks: OpenCV's `INTER_LINEAR`.
    case plainBilinear
    /// Antialiased bicubic with a = −0.5, as Pillow resizes.
    case antialiasedBicubic

    fileprivate func weights(from source: Int, to target: Int) -> ResizeWeights {
        switch self {
        case .antialiasedBilinear:
            .antialiased(from: source, to: target, radius: 1, filter: ResizeWeights.triangle)
        case .plainBilinear: .bilinear(from: source, to: target)
        case .antialiasedBicubic:
            .antialiased(from: source, to: target, radius: 2) { ResizeWeights.cubic($0, a: -0.5) }
        }
    }
}

/// Resizing of a picture in 32-bit floats.
package struct Resize: Sendable {
    private let vertical: ResizeWeights
    private let horizontal: ResizeWeights

    package init(
        from source: (height: Int, width: Int), to target: (height: Int, width: Int),
        _ filter: ResizeFilter = .antialiasedBilinear
    ) {
        vertical = filter.weights(from: source.height, to: target.height)
        horizontal = filter.weights(from: source.width, to: target.width)
    }

    /// The top left `height × width` of the resized picture as three planes, each value as
    /// `scale[channel] · value + offset[channel]` with the value in 0…255.
    ///
    /// - Returns: `3 × height × width`.
    package func planes(of image: RGBImage, height: Int, width: Int, scale: [Float], offset: [Float])
        -> [Float]
    {
        [Float](unsafeUninitializedCapacity: 3 * height * width) { planes, count in
            let to = planes.baseAddress!
            forEachRow(of: image, height: height, width: width, scale: scale, offset: offset) { y, row in
                for channel in 0..<3 {
                    (to + (channel * height + y) * width).initialize(
                        from: row + channel * width, count: width)
                }
            }
            count = 3 * height * width
        }
    }

    /// The same row by row.
    ///
    /// - Parameter body: called with each row, `3 × width`, from the top.
    func forEachRow(
        of image: RGBImage, height: Int, width: Int, scale: [Float], offset: [Float],
        _ body: (_ y: Int, _ row: UnsafePointer<Float>) -> Void
    ) {
        let stride = image.width * 3
        var line = [Float](repeating: 0, count: stride)
        var row = [Float](repeating: 0, count: 3 * width)
        image.bytes.withUnsafeBufferPointer { bytes in
            vertical.weights.withUnsafeBufferPointer { weights in
                for y in 0..<height {
                    vv_resize_vertical(
                        &line, bytes.baseAddress! + Int(vertical.first[y]) * stride, stride,
                        weights.baseAddress! + y * vertical.taps, vertical.taps, stride)
                    vv_resize_horizontal(
                        &row, width, line, horizontal.first, horizontal.weights, horizontal.taps, width,
                        scale, offset)
                    body(y, row)
                }
            }
        }
    }
}
