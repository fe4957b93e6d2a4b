import Base
import Glibc
import ViT

/// Carries the labels of a first frame through a clip, frame by frame.
///
/// A patch takes the labels of the most similar patches around its place in the first frame and in the last frames
/// before its own; `PropagationSettings` says how many and how far. Similarity is the cosine of the features. What is
/// kept is the features and soft labels of `lastFrames + 1` frames, whatever the clip's length; similarities exist for a
/// tile of patches at a time.
///
/// For one thread at a time.
package final class LabelPropagation {
    /// A frame whose labels are known.
    private struct Context {
        let features: PatchFeatures
        let labels: SoftLabels
    }

    /// Patches of a tile share the products with their common neighborhood.
    private static let tileRows = 4
    private static let tileColumns = 16

    private let settings: PropagationSettings
    private let product: MatrixProduct
    private let workers: WorkerPool
    private var scratch: [TileScratch?]
    private var first: Context?
    /// The last frames, oldest first.
    private var recent: [Context] = []

    /// - Parameter threads: threads that share the work of a frame, the calling one included.
    /// - Throws: `VitvideoError.mathLibraryMissing`.
    package init(_ settings: PropagationSettings, threads: Int) throws {
        self.settings = settings
        product = try MatrixProduct()
        workers = WorkerPool(workers: threads)
        scratch = Array(repeating: nil, count: workers.count)
    }

    /// Begins with a frame whose labels are given, and forgets what was before.
    ///
    /// - Precondition: both are of one grid.
    package func begin(with features: PatchFeatures, labels: SoftLabels) {
        precondition(features.rows == labels.rows && features.columns == labels.columns, "one grid")
        first = Context(features: features, labels: labels)
        recent.removeAll()
    }

    /// The labels of the next frame.
    ///
    /// - Precondition: a first frame of the same grid was given.
    package func propagate(to features: PatchFeatures) throws -> SoftLabels {
        guard let first else { preconditionFailure("propagation begins with given labels") }
        precondition(
            features.rows == first.features.rows && features.columns == first.features.columns
                && features.width == first.features.width, "a clip has one grid")
        let contexts = [first] + recent
        let labels = try labels(of: features, from: contexts)
        if settings.lastFrames > 0 {
            if recent.count == settings.lastFrames { recent.removeFirst() }
            recent.append(Context(features: features, labels: labels))
        }
        return labels
    }

    private func labels(of target: PatchFeatures, from contexts: [Context]) throws -> SoftLabels {
        let (rows, columns, classes) = (target.rows, target.columns, contexts[0].labels.classes)
        let halfWidths = settings.halfWidths(rows: rows, columns: columns)
        let tileCountX = (columns + Self.tileColumns - 1) / Self.tileColumns
        let tileCount = (rows + Self.tileRows - 1) / Self.tileRows * tileCountX
        prepareScratch(rows: rows, columns: columns, width: target.width, contexts: contexts.count)
        let values = try [Float](unsafeUninitializedCapacity: rows * columns * classes) { out, count in
            let start = out.baseAddress!
            try workers.run(count: tileCount) { [scratch] index, worker in
                let tile = Tile(
                    firstRow: index / tileCountX * Self.tileRows,
                    firstColumn: index % tileCountX * Self.tileColumns, rows: rows, columns: columns,
                    height: Self.tileRows, width: Self.tileColumns, halfWidths: halfWidths)
                guard let scratch = scratch[worker] else { return }
                similarities(of: target, on: tile, to: contexts, scratch)
                for row in tile.targetRows {
                    for column in tile.targetColumns {
                        collect(
                            row: row, column: column, tile, contexts, scratch, halfWidths,
                            into: start + (row * columns + column) * classes)
                    }
                }
            }
            count = rows * columns * classes
        }
        return SoftLabels(rows: rows, columns: columns, classes: classes, values: values)
    }

    /// Fills the scratch with the cosines of the tile's patches, `targets × contexts · window rows · window columns`.
    private func similarities(
        of target: PatchFeatures, on tile: Tile, to contexts: [Context], _ scratch: TileScratch
    ) {
        let (columns, width) = (target.columns, target.width)
        target.values.withUnsafeBufferPointer { values in
            for (place, row) in tile.targetRows.enumerated() {
                (scratch.targets + place * tile.targetColumns.count * width).update(
                    from: values.baseAddress! + (row * columns + tile.targetColumns.lowerBound) * width,
                    count: tile.targetColumns.count * width)
            }
        }
        let stride = contexts.count * tile.windowCells
        // Rows of a window as wide as the grid follow each other without a gap.
        let isWhole = tile.windowColumns.count == columns
        for (index, context) in contexts.enumerated() {
            context.features.values.withUnsafeBufferPointer { source in
                let out = scratch.similarities + index * tile.windowCells
                for row in isWhole ? tile.windowRows.prefix(1) : tile.windowRows {
                    let first = row * columns + tile.windowColumns.lowerBound
                    product(
                        out + (row - tile.windowRows.lowerBound) * tile.windowColumns.count, stride: stride,
                        scratch.targets, stride: width, source.baseAddress! + first * width, stride: width,
                        bTransposed: true, m: tile.targets,
                        n: isWhole ? tile.windowCells : tile.windowColumns.count, k: width)
                }
            }
        }
    }

    /// The labels of a patch: the mean of those of the most similar patches in its neighborhood, weighted by a softmax of
    /// the cosines over the temperature.
    private func collect(
        row: Int, column: Int, _ tile: Tile, _ contexts: [Context], _ scratch: TileScratch,
        _ halfWidths: [Int], into out: UnsafeMutablePointer<Float>
    ) {
        let classes = contexts[0].labels.classes
        let target =
            (row - tile.targetRows.lowerBound) * tile.targetColumns.count + column
            - tile.targetColumns.lowerBound
        let own = scratch.similarities + target * contexts.count * tile.windowCells

        /// Calls the body with each row of the neighborhood in each context: the cosines, how many, and the first's patch.
        func forEachRow(_ body: (UnsafeMutablePointer<Float>, Int, _ context: Int, _ patch: Int) -> Void) {
            for context in contexts.indices {
                for sourceRow in tile.windowRows where abs(sourceRow - row) < halfWidths.count {
                    let half = halfWidths[abs(sourceRow - row)]
                    let from = max(0, column - half)
                    let to = min(tile.gridColumns - 1, column + half)
                    let place =
                        (context * tile.windowRows.count + sourceRow - tile.windowRows.lowerBound)
                        * tile.windowColumns.count + from - tile.windowColumns.lowerBound
                    body(own + place, to - from + 1, context, sourceRow * tile.gridColumns + from)
                }
            }
        }

        let best = LargestValues(count: settings.neighbors, scratch.best)
        forEachRow { values, count, _, _ in best.add(values, count) }
        let (threshold, largest) = (best.smallest, best.largest)

        out.update(repeating: 0, count: classes)
        var sum: Float = 0
        forEachRow { values, count, context, patch in
            for i in 0..<count where values[i] >= threshold {
                let weight = exp((values[i] - largest) / settings.temperature)
                sum += weight
                contexts[context].labels.values.withUnsafeBufferPointer { labels in
                    for label in 0..<classes { out[label] += weight * labels[(patch + i) * classes + label] }
                }
            }
        }
        for label in 0..<classes { out[label] /= sum }
    }

    private func prepareScratch(rows: Int, columns: Int, width: Int, contexts: Int) {
        let reach = settings.radius == 0 ? max(rows, columns) : settings.radius
        let window =
            min(rows, Self.tileRows + 2 * reach) * min(columns, Self.tileColumns + 2 * reach)
        let targets = Self.tileRows * Self.tileColumns
        let (similarities, features) = (targets * contexts * window, targets * width)
        for worker in scratch.indices
        where scratch[worker].map({ $0.similarityCount < similarities || $0.targetCount < features }) ?? true
        {
            scratch[worker] = TileScratch(
                similarities: similarities, targets: features, best: settings.neighbors)
        }
    }
}

/// Neighboring patches, and the window of all their neighborhoods.
private struct Tile {
    let targetRows: Range<Int>
    let targetColumns: Range<Int>
    let windowRows: Range<Int>
    let windowColumns: Range<Int>
    let gridColumns: Int

    var targets: Int { targetRows.count * targetColumns.count }
    var windowCells: Int { windowRows.count * windowColumns.count }

    init(
        firstRow: Int, firstColumn: Int, rows: Int, columns: Int, height: Int, width: Int, halfWidths: [Int]
    ) {
        targetRows = firstRow..<min(rows, firstRow + height)
        targetColumns = firstColumn..<min(columns, firstColumn + width)
        let (up, across) = (halfWidths.count - 1, halfWidths[0])
        windowRows = max(0, targetRows.lowerBound - up)..<min(rows, targetRows.upperBound + up)
        windowColumns =
            max(0, targetColumns.lowerBound - across)..<min(columns, targetColumns.upperBound + across)
        gridColumns = columns
    }
}

/// A worker's memory.
///
/// `@unchecked Sendable`: each is one worker's, who takes it up where another run has ended.
private final class TileScratch: @unchecked Sendable {
    let similarities: UnsafeMutablePointer<Float>
    let similarityCount: Int
    let targets: UnsafeMutablePointer<Float>
    let targetCount: Int
    let best: UnsafeMutablePointer<Float>

    init(similarities: Int, targets: Int, best: Int) {
        (similarityCount, targetCount) = (similarities, targets)
        self.similarities = .allocate(capacity: similarities)
        self.targets = .allocate(capacity: targets)
        self.best = .allocate(capacity: best)
        // What the products overwrite is initialized once.
        self.similarities.initialize(repeating: 0, count: similarities)
        self.targets.initialize(repeating: 0, count: targets)
        self.best.initialize(repeating: 0, count: best)
    }

    deinit {
        similarities.deallocate()
        targets.deallocate()
        best.deallocate()
    }
}

/// The largest of the values that have come by, in memory that is lent.
private struct LargestValues {
    private let count: Int
    /// Ascending; −∞ where there have not been so many.
    private let values: UnsafeMutablePointer<Float>

    /// - Parameter count: at least 1.
    init(count: Int, _ memory: UnsafeMutablePointer<Float>) {
        self.count = count
        values = memory
        values.update(repeating: -.infinity, count: count)
    }

    /// The smallest one of them: a value below it is none of them.
    var smallest: Float { values[0] }
    var largest: Float { values[count - 1] }

    @inline(__always)
    func add(_ new: UnsafeMutablePointer<Float>, _ newCount: Int) {
        for i in 0..<newCount where new[i] > values[0] {
            var place = 0
            while place + 1 < count, values[place + 1] < new[i] {
                values[place] = values[place + 1]
                place += 1
            }
            values[place] = new[i]
        }
    }
}
