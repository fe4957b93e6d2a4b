import Base
import Pixels

/// How large a picture is fed to the model.
package enum Resolution: Sendable, Hashable {
    /// The short side in pixels; the aspect is kept.
    case shortSide(Int)
    /// No resizing.
    case native
}

/// Resizes, crops, normalizes and cuts a picture into patches.
///
/// Resize is antialiased bilinear (torchvision ≥ 0.17), short side to the resolution, aspect kept; then both
/// sides are cropped at the bottom and right to a multiple of the patch. The tables for a size of picture are
/// made once; copies of a preprocessor share them.
package struct Preprocessor: Sendable {
    package let patchSize: Int
    package let normalization: Normalization
    package let resolution: Resolution
    private let exactly: (height: Int, width: Int)?
    private let plan = Mutex<Plan?>(nil)

    /// What depends on a picture's size alone.
    private struct Plan {
        let height: Int
        let width: Int
        let layout: InputLayout
        let resize: Resize
    }

    package init(configuration: Configuration, resolution: Resolution) {
        self.init(
            patchSize: configuration.patchSize, normalization: configuration.normalization,
            resolution: resolution
        )
    }

    /// - Parameters:
    ///   - patchSize: what both sides are multiples of.
    ///   - exactly: the sides in pixels, whatever the picture's aspect, of a model that takes no others.
    package init(
        patchSize: Int, normalization: Normalization, resolution: Resolution,
        exactly: (height: Int, width: Int)? = nil
    ) {
        (self.patchSize, self.normalization, self.resolution) = (patchSize, normalization, resolution)
        self.exactly = exactly
    }

    /// - Throws: `VitvideoError.inputTooSmall` where not even one patch fits.
    package func layout(height: Int, width: Int) throws -> InputLayout {
        var (resizedHeight, resizedWidth) = (height, width)
        if let exactly {
            (resizedHeight, resizedWidth) = exactly
        } else if case .shortSide(let side) = resolution {
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

    /// The plan for a size; that of the size last asked for is kept.
    private func plan(for image: RGBImage) throws -> Plan {
        try plan.withLock { plan in
            if let plan, plan.height == image.height, plan.width == image.width { return plan }
            let layout = try layout(height: image.height, width: image.width)
            let made = Plan(
                height: image.height, width: image.width, layout: layout,
                resize: Resize(
                    from: (image.height, image.width), to: (layout.resizedHeight, layout.resizedWidth)))
            plan = made
            return made
        }
    }

    /// (value / 255 − mean) / deviation = scale · value + offset, per channel.
    private var scale: [Float] { normalization.deviation.map { 1 / (255 * $0) } }
    private var offset: [Float] { zip(normalization.mean, normalization.deviation).map { -$0 / $1 } }

    /// - Returns: the normalized input as three planes, `3 × rows·patch × columns·patch`.
    /// - Throws: `VitvideoError.inputTooSmall`.
    package func normalizedPlanes(of image: RGBImage) throws -> [Float] {
        let plan = try plan(for: image)
        return plan.resize.planes(
            of: image, height: plan.layout.rows * patchSize, width: plan.layout.columns * patchSize,
            scale: scale, offset: offset)
    }

    /// - Throws: `VitvideoError.inputTooSmall`.
    package func patches(of image: RGBImage) throws -> PatchMatrix {
        let plan = try plan(for: image)
        let (rows, columns) = (plan.layout.rows, plan.layout.columns)
        let count = rows * columns * 3 * patchSize * patchSize
        let values = [Float](unsafeUninitializedCapacity: count) { to, initialized in
            plan.resize.forEachRow(
                of: image, height: rows * patchSize, width: columns * patchSize, scale: scale, offset: offset
            ) { y, row in
                for channel in 0..<3 {
                    cut(
                        row + channel * columns * patchSize, channel: channel, y: y, columns: columns,
                        into: to.baseAddress!)
                }
            }
            initialized = count
        }
        return PatchMatrix(rows: rows, columns: columns, values: values)
    }

    /// Cuts normalized planes, `3 × rows·patch × columns·patch`, into patches.
    package func patches(ofPlanes planes: [Float], rows: Int, columns: Int) -> PatchMatrix {
        let (height, width) = (rows * patchSize, columns * patchSize)
        precondition(planes.count == 3 * height * width, "planes must cover the patch grid exactly")
        let values = [Float](unsafeUninitializedCapacity: planes.count) { to, initialized in
            planes.withUnsafeBufferPointer { from in
                for channel in 0..<3 {
                    for y in 0..<height {
                        cut(
                            from.baseAddress! + (channel * height + y) * width, channel: channel, y: y,
                            columns: columns, into: to.baseAddress!)
                    }
                }
            }
            initialized = planes.count
        }
        return PatchMatrix(rows: rows, columns: columns, values: values)
    }

    /// Writes one line of one channel, `columns · patch`, to its place in each patch that it crosses.
    private func cut(
        _ line: UnsafePointer<Float>, channel: Int, y: Int, columns: Int,
        into patches: UnsafeMutablePointer<Float>
    ) {
        let side = patchSize
        let first = y / side * columns * 3 * side * side + (channel * side + y % side) * side
        for column in 0..<columns {
            (patches + first + column * 3 * side * side).initialize(from: line + column * side, count: side)
        }
    }
}
