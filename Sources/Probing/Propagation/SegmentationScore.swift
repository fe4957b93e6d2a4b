import Pixels

/// How well one object's mask agrees with the truth, as the evaluation tool of DAVIS 2017 measures it
/// (`davis2017-evaluation`, `metrics.py`; Perazzi et al. 2016).
package enum SegmentationScore {
    /// Region similarity J: intersection over union; 1 where both are empty.
    ///
    /// - Precondition: the masks have one size.
    package static func region(_ object: UInt8, _ mask: IndexMask, truth: IndexMask) -> Double {
        check(mask, truth)
        var (both, either) = (0, 0)
        for (found, wanted) in zip(mask.indices, truth.indices) {
            if found == object || wanted == object { either += 1 }
            if found == object && wanted == object { both += 1 }
        }
        return either == 0 ? 1 : Double(both) / Double(either)
    }

    /// Boundary accuracy F: the harmonic mean of precision and recall of the boundary's pixels. A pixel is matched where
    /// one of the other boundary lies in a disk around it, whose radius is 0.8 % of the diagonal, rounded up. 1 where there
    /// is no boundary in either, 0 where there is one in one alone.
    ///
    /// - Precondition: the masks have one size.
    package static func boundary(_ object: UInt8, _ mask: IndexMask, truth: IndexMask) -> Double {
        check(mask, truth)
        let (found, wanted) = (Boundary(of: object, in: mask), Boundary(of: object, in: truth))
        if found.pixels.isEmpty || wanted.pixels.isEmpty {
            return found.pixels.isEmpty && wanted.pixels.isEmpty ? 1 : 0
        }
        let diagonal = (Double(mask.height * mask.height) + Double(mask.width * mask.width)).squareRoot()
        let radius = Int((0.008 * diagonal).rounded(.up))
        let precision = found.share(near: wanted, radius: radius)
        let recall = wanted.share(near: found, radius: radius)
        return precision + recall == 0 ? 0 : 2 * precision * recall / (precision + recall)
    }

    private static func check(_ mask: IndexMask, _ truth: IndexMask) {
        precondition(mask.height == truth.height && mask.width == truth.width, "masks of one size")
    }
}

/// The boundary of an object: a pixel that differs in whether it is the object's from its right, lower or lower right
/// neighbor. In the last row only the right one counts, in the last column only the lower one, in the corner none.
private struct Boundary {
    let pixels: [(row: Int, column: Int)]
    /// How many of a row's pixels lie before a column, `height × (width + 1)`.
    private let before: [Int32]
    private let height: Int
    private let width: Int

    init(of object: UInt8, in mask: IndexMask) {
        (height, width) = (mask.height, mask.width)
        var pixels: [(row: Int, column: Int)] = []
        var before = [Int32](repeating: 0, count: height * (width + 1))
        mask.indices.withUnsafeBufferPointer { indices in
            for row in 0..<mask.height {
                for column in 0..<mask.width {
                    let place = row * mask.width + column
                    let own = indices[place] == object
                    let (hasRight, hasLower) = (column + 1 < mask.width, row + 1 < mask.height)
                    let isEdge =
                        hasRight && (indices[place + 1] == object) != own
                        || hasLower && (indices[place + mask.width] == object) != own
                        || hasRight && hasLower && (indices[place + mask.width + 1] == object) != own
                    if isEdge { pixels.append((row, column)) }
                    let count = row * (mask.width + 1) + column
                    before[count + 1] = before[count] + (isEdge ? 1 : 0)
                }
            }
        }
        self.pixels = pixels
        self.before = before
    }

    /// The share of this boundary's pixels that have one of the other in a disk around them.
    func share(near other: Boundary, radius: Int) -> Double {
        let halfWidths = (0...radius).map { distance in
            Int(Double(radius * radius - distance * distance).squareRoot())
        }
        let near = pixels.count { pixel in
            (max(0, pixel.row - radius)...min(height - 1, pixel.row + radius)).contains { row in
                let half = halfWidths[abs(row - pixel.row)]
                let start = row * (width + 1)
                return other.before[start + min(width, pixel.column + half + 1)]
                    > other.before[start + max(0, pixel.column - half)]
            }
        }
        return Double(near) / Double(pixels.count)
    }
}
