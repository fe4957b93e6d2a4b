import Base
import Pixels

/// How large a picture is fed to the model.
package enum Resolution: Sendable, Hashable {
    /// The short side in pixels; the aspect is kept.
    case shortSide(Int)
    /// No resizing.
    case native
}

/// Where the model's patch grid lies on a picture.
package struct InputLayout: Sendable, Hashable {
    /// The picture's size after resizing, before cropping to whole patches.
    package let resizedHeight: Int
    package let resizedWidth: Int
    /// The patch grid.
    package let rows: Int
    package let columns: Int
    /// Size of one patch in pixels of the original picture. The grid starts at its top left corner.
    package let cellHeight: Double
    package let cellWidth: Double

    package var patches: Int { rows * columns }
}

/// The model's input: flattened, normalised patches.
package struct PatchMatrix: Sendable {
    package let rows: Int
    package let columns: Int
    /// `rows · columns × 3 · patch²`, each patch in the order channel, row, column.
    package var values: [Float]
}

/// Resizes, crops, normalises and cuts a picture into patches.
///
/// Resize is antialiased bilinear (torchvision ≥ 0.17), short side to the resolution, aspect kept; then
/// both sides are cropped at the bottom and right to a multiple of the patch.
package struct Preprocessor: Sendable {
    package let patchSize: Int
    package let normalization: Normalization
    package let resolution: Resolution

    package init(configuration: Configuration, resolution: Resolution) {
        patchSize = configuration.patchSize
        normalization = configuration.family.normalization
        self.resolution = resolution
    }

    /// - Throws: `VitvideoError.inputTooSmall` where not even one patch fits.
    package func layout(height: Int, width: Int) throws -> InputLayout {
        var (resizedHeight, resizedWidth) = (height, width)
        if case .shortSide(let side) = resolution {
            // torchvision truncates the long side.
            if height <= width {
                (resizedHeight, resizedWidth) = (side, side * width / height)
            } else {
                (resizedHeight, resizedWidth) = (side * height / width, side)
            }
        }
        let (rows, columns) = (resizedHeight / patchSize, resizedWidth / patchSize)
        guard rows > 0 && columns > 0 else {
            throw VitvideoError.inputTooSmall(
                height: resizedHeight, width: resizedWidth, patchSize: patchSize)
        }
        return InputLayout(
            resizedHeight: resizedHeight, resizedWidth: resizedWidth, rows: rows, columns: columns,
            cellHeight: Double(patchSize * height) / Double(resizedHeight),
            cellWidth: Double(patchSize * width) / Double(resizedWidth))
    }

    /// - Returns: the normalised input as three planes, `3 × rows·patch × columns·patch`.
    /// - Throws: `VitvideoError.inputTooSmall`.
    package func normalizedPlanes(of image: RGBImage) throws -> [Float] {
        let layout = try layout(height: image.height, width: image.width)
        let (height, width) = (layout.rows * patchSize, layout.columns * patchSize)
        let resize = Resize(
            from: (image.height, image.width), to: (layout.resizedHeight, layout.resizedWidth))
        return resize.planes(
            of: image, height: height, width: width, scale: normalization.deviation.map { 1 / (255 * $0) },
            offset: zip(normalization.mean, normalization.deviation).map { -$0 / $1 })
    }

    /// - Throws: `VitvideoError.inputTooSmall`.
    package func patches(of image: RGBImage) throws -> PatchMatrix {
        let layout = try layout(height: image.height, width: image.width)
        return patches(
            ofPlanes: try normalizedPlanes(of: image), rows: layout.rows, columns: layout.columns)
    }

    /// Cuts normalised planes, `3 × rows·patch × columns·patch`, into patches.
    package func patches(ofPlanes planes: [Float], rows: Int, columns: Int) -> PatchMatrix {
        let side = patchSize
        let (height, width) = (rows * side, columns * side)
        precondition(planes.count == 3 * height * width, "planes must cover the patch grid exactly")
        let values = [Float](unsafeUninitializedCapacity: planes.count) { to, count in
            planes.withUnsafeBufferPointer { from in
                for row in 0..<rows {
                    for column in 0..<columns {
                        var target = to.baseAddress! + (row * columns + column) * 3 * side * side
                        for channel in 0..<3 {
                            for y in 0..<side {
                                let source = (channel * height + row * side + y) * width + column * side
                                target.initialize(from: from.baseAddress! + source, count: side)
                                target += side
                            }
                        }
                    }
                }
            }
            count = planes.count
        }
        return PatchMatrix(rows: rows, columns: columns, values: values)
    }
}
