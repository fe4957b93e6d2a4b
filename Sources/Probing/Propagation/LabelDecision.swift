import Base
import Pixels
import ViT

/// Turns soft labels on the patch grid into the object of each pixel of a frame.
///
/// DINO's script enlarges the shares bilinearly by the patch size, DINOv3's notebook by repeating patches to the frame's
/// size. Then both stretch each class over the frame to 0…1 and take the largest. The script resizes what comes of it
/// to the frame with Pillow's nearest neighbor.
package final class LabelDecision {
    private let recipe: PropagationSettings.Recipe
    private let height: Int
    private let width: Int
    private let patchSize: Int
    private let workers: WorkerPool

    /// - Parameters:
    ///   - height: of the frames in pixels.
    ///   - patchSize: of the model, in pixels of its input.
    ///   - threads: threads that share the work of a frame, the calling one included.
    package init(
        _ recipe: PropagationSettings.Recipe, height: Int, width: Int, patchSize: Int, threads: Int
    ) {
        self.recipe = recipe
        self.height = height
        self.width = width
        self.patchSize = patchSize
        workers = WorkerPool(workers: threads)
    }

    package func callAsFunction(_ soft: SoftLabels) throws -> IndexMask {
        switch recipe {
        case .dino:
            try enlarged(soft).resized(height: height, width: width, .pillow)
        case .dinov3:
            repeated(soft)
        }
    }

    // MARK: DINO

    /// The labels at the size of the model's input.
    private func enlarged(_ soft: SoftLabels) throws -> IndexMask {
        let (height, width) = (soft.rows * patchSize, soft.columns * patchSize)
        let vertical = LinearAxis(cells: soft.rows, factor: patchSize)
        let horizontal = LinearAxis(cells: soft.columns, factor: patchSize)
        let planes = (0..<soft.classes).map { soft.plane($0).values }

        var ranges = [ClassRange](repeating: ClassRange(), count: soft.classes)
        try ranges.withUnsafeMutableBufferPointer { ranges in
            try workers.run(count: soft.classes) { label, _ in
                var (range, row) = (ClassRange(), [Float](repeating: 0, count: width))
                for y in 0..<height {
                    LinearAxis.row(y, of: planes[label], vertical, horizontal, into: &row)
                    for value in row { range.add(value) }
                }
                ranges[label] = range
            }
        }
        let scales = ranges.map(\.scriptScale)

        let block = 16
        let labels = try [UInt8](unsafeUninitializedCapacity: height * width) { out, count in
            let start = out.baseAddress!
            try workers.run(count: (height + block - 1) / block) { index, _ in
                var row = [Float](repeating: 0, count: width)
                var best = [Float](repeating: 0, count: width)
                for y in index * block..<min(height, (index + 1) * block) {
                    let labels = start + y * width
                    for label in 0..<soft.classes {
                        LinearAxis.row(y, of: planes[label], vertical, horizontal, into: &row)
                        scales[label].keepLarger(
                            row, label: UInt8(label), best: &best, labels: labels)
                    }
                }
            }
            count = height * width
        }
        return IndexMask(height: height, width: width, indices: labels)
    }

    // MARK: DINOv3

    /// The labels of whole patches on the frame.
    private func repeated(_ soft: SoftLabels) -> IndexMask {
        let rows = NearestRule.corner.sources(from: soft.rows, to: height)
        let columns = NearestRule.corner.sources(from: soft.columns, to: width)
        // On frames smaller than the grid some patches are never seen.
        let (seenRows, seenColumns) = (Set(rows), Set(columns))
        var cells = IndexMask(height: soft.rows, width: soft.columns)
        var best = [Float](repeating: 0, count: soft.rows * soft.columns)
        for label in 0..<soft.classes {
            let plane = soft.plane(label)
            var range = ClassRange()
            for row in seenRows { for column in seenColumns { range.add(plane[row, column]) } }
            cells.indices.withUnsafeMutableBufferPointer {
                range.notebookScale.keepLarger(
                    plane.values, label: UInt8(label), best: &best, labels: $0.baseAddress!)
            }
        }
        let labels = [UInt8](unsafeUninitializedCapacity: height * width) { out, count in
            cells.indices.withUnsafeBufferPointer { from in
                for y in 0..<height {
                    for x in 0..<width { out[y * width + x] = from[rows[y] * soft.columns + columns[x]] }
                }
            }
            count = height * width
        }
        return IndexMask(height: height, width: width, indices: labels)
    }
}

/// The smallest and largest share of a class on a frame.
private struct ClassRange {
    var low = Float.infinity
    var high = -Float.infinity

    mutating func add(_ value: Float) {
        low = min(low, value)
        high = max(high, value)
    }

    /// The script stretches classes that are anywhere above 0. One that is the same everywhere it divides by 0, and
    /// its maximum takes what comes of it: such a class has all pixels.
    var scriptScale: ClassScale {
        if high <= 0 { return ClassScale(low: 0, span: 1) }
        return high == low
            ? ClassScale(low: -.infinity, span: 1) : ClassScale(low: low, span: high - low)
    }

    /// The notebook takes 0 for a class that is the same everywhere.
    var notebookScale: ClassScale {
        ClassScale(low: low, span: high == low ? 1 : high - low)
    }
}

/// A class's shares, stretched: `(value − low) / span`.
private struct ClassScale {
    let low: Float
    let span: Float

    /// Gives the class the pixels where it is larger than those before it; class 0 all of them.
    @inline(__always)
    func keepLarger(
        _ values: [Float], label: UInt8, best: inout [Float], labels: UnsafeMutablePointer<UInt8>
    ) {
        values.withUnsafeBufferPointer { values in
            best.withUnsafeMutableBufferPointer { best in
                for x in 0..<values.count {
                    let value = (values[x] - low) / span
                    guard label == 0 || value > best[x] else { continue }
                    best[x] = value
                    labels[x] = label
                }
            }
        }
    }
}

/// One axis of PyTorch's bilinear enlargement by a whole factor, align_corners false: a sample at (i + ½) / factor − ½,
/// at least 0, between two neighboring cells.
private struct LinearAxis: Sendable {
    let first: [Int]
    let second: [Int]
    /// Of the second cell.
    let share: [Float]

    init(cells: Int, factor: Int) {
        let positions = (0..<cells * factor).map { max(0, (Float($0) + 0.5) / Float(factor) - 0.5) }
        first = positions.map { Int($0) }
        second = positions.map { min(cells - 1, Int($0) + 1) }
        share = positions.map { $0 - Float(Int($0)) }
    }

    /// Row `y` of the enlarged plane.
    @inline(__always)
    static func row(
        _ y: Int, of plane: [Float], _ vertical: LinearAxis, _ horizontal: LinearAxis, into row: inout [Float]
    ) {
        let columns = horizontal.second.last! + 1
        plane.withUnsafeBufferPointer { plane in
            row.withUnsafeMutableBufferPointer { row in
                horizontal.first.withUnsafeBufferPointer { first in
                    horizontal.second.withUnsafeBufferPointer { second in
                        horizontal.share.withUnsafeBufferPointer { share in
                            let top = plane.baseAddress! + vertical.first[y] * columns
                            let bottom = plane.baseAddress! + vertical.second[y] * columns
                            let down = vertical.share[y]
                            for x in 0..<row.count {
                                let (a, b, right) = (first[x], second[x], share[x])
                                let upper = (1 - right) * top[a] + right * top[b]
                                let lower = (1 - right) * bottom[a] + right * bottom[b]
                                row[x] = (1 - down) * upper + down * lower
                            }
                        }
                    }
                }
            }
        }
    }
}
