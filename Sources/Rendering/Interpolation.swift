import CKernels
import Pixels

/// How a map's cells become pixels.
package enum Interpolation: String, Sendable, CaseIterable {
    /// Square patches, as DINO draws them.
    case nearest
    /// Straight lines between cell centers.
    case bilinear
    /// Keys' cubic with a = −0.75, as `torch.nn.functional.interpolate` does it. It overshoots; where colors
    /// follow, heats beyond 0...1 take the ends' colors.
    case bicubic
}

/// Where a map lies on a picture: the size of one cell in pixels, the first cell at the top left corner.
///
/// The model sees the picture resized and then cropped at the right and at the bottom to whole patches. So the
/// cells stand at the picture's own scale, and the map may end up to one cell before the picture does: there its
/// edge goes on. Nothing is shifted or stretched.
package struct MapPlacement: Sendable, Equatable {
    /// Height of one cell in picture pixels, not always whole.
    package let cellHeight: Double
    /// Width of one cell in picture pixels.
    package let cellWidth: Double

    /// - Precondition: both are positive.
    package init(cellHeight: Double, cellWidth: Double) {
        precondition(cellHeight > 0 && cellWidth > 0, "a map's cells have a size")
        self.cellHeight = cellHeight
        self.cellWidth = cellWidth
    }

    /// A map of `rows × columns` cells that covers the whole of a picture.
    package init(covering height: Int, _ width: Int, rows: Int, columns: Int) {
        self.init(cellHeight: Double(height) / Double(rows), cellWidth: Double(width) / Double(columns))
    }

    /// The placement on the same picture, resized by those factors.
    package func scaled(vertically: Double, horizontally: Double) -> MapPlacement {
        MapPlacement(cellHeight: cellHeight * vertically, cellWidth: cellWidth * horizontally)
    }

    /// The placement on the same picture, resized by one factor.
    package func scaled(by factor: Double) -> MapPlacement {
        scaled(vertically: factor, horizontally: factor)
    }
}

/// The samples of one axis of a picture on a map: `vv_axis` with its memory.
struct SampleAxis: Sendable {
    /// Which of `taps` neighboring cells comes first, for each pixel.
    let first: [Int32]
    /// Tap-major weights, as `vv_axis` wants them.
    let weights: [Float]
    let taps: Int

    /// Pixel x, whose center is x + ½, lies at (x + ½) / cellSize − ½ in units of cells (align-corners false).
    init(length: Int, cells: Int, cellSize: Double, interpolation: Interpolation) {
        precondition(cells > 0, "a map has at least one cell")
        var first = [Int32](repeating: 0, count: length)
        switch interpolation {
        case .nearest:
            for x in 0..<length {
                first[x] = Int32(min(Double(cells - 1), ((Double(x) + 0.5) / cellSize).rounded(.down)))
            }
            (taps, weights) = (1, [Float](repeating: 1, count: length))
        case .bilinear:
            var shares = [Float](repeating: 0, count: length)
            for x in 0..<length {
                let position = min(Double(cells - 1), max(0, (Double(x) + 0.5) / cellSize - 0.5))
                first[x] = Int32(position)
                shares[x] = Float(position - position.rounded(.down))
            }
            (taps, weights) = (2, shares)
        case .bicubic:
            var shares = [Float](repeating: 0, count: 4 * length)
            for x in 0..<length {
                // A whole cell past the end all four taps read the same value.
                let position = min(Double(cells), (Double(x) + 0.5) / cellSize - 0.5)
                let base = position.rounded(.down)
                first[x] = Int32(base) - 1
                for (tap, share) in Self.cubicWeights(position - base).enumerated() {
                    shares[tap * length + x] = Float(share)
                }
            }
            (taps, weights) = (4, shares)
        }
        self.first = first
    }

    /// Keys' cubic convolution at distances 1 + t, t, 1 − t and 2 − t, with a = −0.75.
    private static func cubicWeights(_ t: Double) -> [Double] {
        let a = -0.75
        func near(_ d: Double) -> Double { ((a + 2) * d - (a + 3)) * d * d + 1 }
        func far(_ d: Double) -> Double { ((a * d - 5 * a) * d + 8 * a) * d - 4 * a }
        return [far(1 + t), near(t), near(1 - t), far(2 - t)]
    }

    func withAxis<Result>(_ body: (vv_axis) -> Result) -> Result {
        first.withUnsafeBufferPointer { first in
            weights.withUnsafeBufferPointer { weights in
                body(
                    vv_axis(
                        first: first.baseAddress, weights: weights.baseAddress, taps: Int32(taps),
                        length: Int32(first.count)))
            }
        }
    }
}

/// Enlarges maps of one shape to a picture's size; the tables are made once.
package struct Upsampler: Sendable {
    package let rows: Int
    package let columns: Int
    let vertical: SampleAxis
    let horizontal: SampleAxis

    /// For maps of `rows × columns` cells on pictures of `height × width` pixels.
    package init(
        rows: Int, columns: Int, height: Int, width: Int, placement: MapPlacement,
        interpolation: Interpolation
    ) {
        self.rows = rows
        self.columns = columns
        vertical = SampleAxis(
            length: height, cells: rows, cellSize: placement.cellHeight, interpolation: interpolation)
        horizontal = SampleAxis(
            length: width, cells: columns, cellSize: placement.cellWidth, interpolation: interpolation)
    }

    /// How many floats of scratch the kernels want for one line of the map.
    var lineCount: Int { columns + 2 * Int(VV_LINE_PADDING) }

    /// The map at the picture's size. Bicubic values may lie outside the map's range.
    ///
    /// - Precondition: the map is `rows × columns`.
    package func callAsFunction(_ map: Plane) -> Plane {
        precondition(map.height == rows && map.width == columns, "the upsampler was made for another shape")
        var out = Plane(height: vertical.first.count, width: horizontal.first.count)
        var line = [Float](repeating: 0, count: lineCount)
        vertical.withAxis { vertical in
            horizontal.withAxis { horizontal in
                vv_upsample_rows(
                    &out.values, map.values, Int32(rows), Int32(columns), vertical, horizontal, &line)
            }
        }
        return out
    }
}
