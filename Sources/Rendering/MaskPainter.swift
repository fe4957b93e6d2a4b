import CKernels
import Pixels

/// Keeps the patches of a mask in color and dims the others to gray, with a thin line along the border.
package struct MaskPainter: Sendable {
    /// Brightness of the dropped patches, in units of 1/256.
    static let dim: UInt32 = 77
    /// Gray level of the line.
    static let outline: UInt8 = 255

    package let height: Int
    package let width: Int
    private let placement: MapPlacement
    /// Thickness of the line in pixels, drawn inside the kept patches: 1 up to 810 lines, 2 to 1350, …
    private let reach: Int

    /// For pictures of `height × width` pixels.
    package init(height: Int, width: Int, placement: MapPlacement) {
        self.height = height
        self.width = width
        self.placement = placement
        reach = max(1, Int((Double(min(height, width)) / 540).rounded()))
    }

    /// The picture with the cells of `kept` that are above 0 in color. The mask is enlarged in whole patches.
    ///
    /// - Precondition: the picture is `height × width`.
    package func paint(_ kept: Plane, on frame: RGBImage) -> RGBImage {
        precondition(frame.height == height && frame.width == width, "the picture has another size")
        let vertical = SampleAxis(
            length: height, cells: kept.height, cellSize: placement.cellHeight, interpolation: .nearest)
        let padded = paddedRows(kept)
        let paddedWidth = width + 2 * reach
        var edge = [UInt8](repeating: 0, count: width)
        return RGBImage(height: height, width: width) { out in
            padded.withUnsafeBufferPointer { padded in
                /// The mask's row at a row of the picture, rows outside repeating the picture's edge.
                func maskRow(_ y: Int) -> UnsafePointer<UInt8> {
                    padded.baseAddress! + Int(vertical.first[min(height - 1, max(0, y))]) * paddedWidth
                }
                frame.bytes.withUnsafeBufferPointer { frame in
                    for y in 0..<height {
                        let row = maskRow(y)
                        vv_outline_row(
                            &edge, row, maskRow(y - reach) + reach, maskRow(y + reach) + reach, Int32(reach),
                            Int32(width))
                        vv_mask_row(
                            out.baseAddress! + y * width * 3, frame.baseAddress! + y * width * 3, row + reach,
                            edge, Self.dim, Self.outline, Int32(width))
                    }
                }
            }
        }
    }

    /// Each row of the mask at the picture's width, 255 or 0, its ends repeated `reach` times.
    private func paddedRows(_ kept: Plane) -> [UInt8] {
        let horizontal = SampleAxis(
            length: width, cells: kept.width, cellSize: placement.cellWidth, interpolation: .nearest)
        var rows: [UInt8] = []
        rows.reserveCapacity(kept.height * (width + 2 * reach))
        for row in 0..<kept.height {
            for x in -reach..<width + reach {
                let column = Int(horizontal.first[min(width - 1, max(0, x))])
                rows.append(kept[row, column] > 0 ? 255 : 0)
            }
        }
        return rows
    }
}
